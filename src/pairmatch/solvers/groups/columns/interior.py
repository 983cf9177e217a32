"""Linear programs of set partition, solved from the inside: shares and prices near the middle.

Prices from the middle of the best ones say more about groups not seen yet than those of a corner,
so that column generation ends after few programs (Gondzio, Gonzalez-Brevis and Munari 2013,
doi:10.1016/j.ejor.2012.07.024). The method is the predictor and corrector of Mehrotra
(doi:10.1137/0802028); the matrix has few rows, and its columns a handful of ones each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.processors import hold_blas

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["solve_inside"]

_N_STEPS = 60
_BACK = 0.99  # of the way to the wall
_TINY = 1e-12


def solve_inside(
    matrix: Any, cost: Reals, right: Reals, tolerance: float
) -> tuple[Reals, Reals] | None:
    """Minimise ``cost @ x`` over ``x >= 0`` with ``matrix @ x == right``.

    Parameters
    ----------
    matrix : sparse array, shape (n_rows, m)
        Few rows, of full rank.
    cost : ndarray of float64, shape (m,)
        Costs, about 1 or less.
    right : ndarray of float64, shape (n_rows,)
        Right-hand sides.
    tolerance : float
        Relative gap at which to stop.

    Returns
    -------
    x : ndarray of float64, shape (m,)
        Positive amounts.
    y : ndarray of float64, shape (n_rows,)
        Prices of rows: a column costs what its rows are worth, or more, up to the tolerance.

    Notes
    -----
    Each of some 10 to 20 steps factors a dense matrix of ``n_rows``. None where numbers run away.
    """
    import scipy.linalg  # noqa: F401  loads the library that is held

    program = _Program(matrix)
    with np.errstate(all="ignore"), hold_blas():
        solved = _walk(program, cost, right, tolerance)
    return solved if solved is not None and np.isfinite(solved[1]).all() else None


class _Program:
    """A matrix, and its transpose."""

    def __init__(self, matrix: Any) -> None:
        self.rows = matrix.tocsr()
        self.columns = matrix.T.tocsr()

    def sums(self, x: Reals) -> Reals:
        """Return what columns add up to in each row."""
        return np.asarray(self.rows @ x)

    def prices(self, y: Reals) -> Reals:
        """Return what the rows of each column are worth."""
        return np.asarray(self.columns @ y)

    def factor(self, weight: Reals) -> Callable[[Reals], Reals]:
        """Return a solver of the normal equations with these weights of columns."""
        from scipy.linalg import cho_factor, cho_solve

        weighted = self.rows.copy()
        weighted.data = weighted.data * weight[weighted.indices]
        matrix = (weighted @ self.columns).toarray()
        n = len(matrix)
        matrix[np.diag_indices(n)] += 1e-11 * np.trace(matrix) / n + 1e-14
        factors = cho_factor(matrix, lower=True, check_finite=False)

        def solve(side: Reals) -> Reals:
            return np.asarray(cho_solve(factors, side, check_finite=False))

        return solve


def _walk(
    program: _Program, cost: Reals, right: Reals, tolerance: float
) -> tuple[Reals, Reals] | None:
    """Walk along the central path."""
    from scipy.linalg import LinAlgError

    try:
        x, y, slack = _begin(program, cost, right)
        for _ in range(_N_STEPS):
            short = right - program.sums(x)
            off = cost - program.prices(y) - slack
            gap = float(x @ slack)
            exact = np.abs(short).max() < 1e-6 and np.abs(off).max() < 1e-7
            if exact and gap < tolerance * (1.0 + abs(float(cost @ x))):
                break
            solve = program.factor(x / slack)

            def step(
                target: Reals,
                solve: Callable[[Reals], Reals] = solve,
                now: tuple[Reals, Reals, Reals, Reals] = (x, slack, short, off),
            ) -> tuple[Reals, Reals, Reals]:
                x, slack, short, off = now
                dy = solve(short + program.sums((x * off - target) / slack))
                d_slack = off - program.prices(dy)
                return (target - x * d_slack) / slack, dy, d_slack

            dx, dy, d_slack = step(-x * slack)
            after = (x + _reach(x, dx) * dx) @ (slack + _reach(slack, d_slack) * d_slack)
            middle = gap / x.size * min(1.0, float(after) / gap) ** 3
            dx, dy, d_slack = step(middle - x * slack - dx * d_slack)
            ahead, up = _BACK * _reach(x, dx), _BACK * _reach(slack, d_slack)
            x, y, slack = x + ahead * dx, y + up * dy, slack + up * d_slack
            if not np.isfinite(gap):
                return None
    except LinAlgError:
        return None
    return x, y


def _begin(program: _Program, cost: Reals, right: Reals) -> tuple[Reals, Reals, Reals]:
    """Return where the path begins: least squares, pushed inside."""
    solve = program.factor(np.ones(cost.size))
    x, y = program.prices(solve(right)), solve(program.sums(cost))
    slack = cost - program.prices(y)
    x = x + max(0.0, -1.5 * float(x.min()))
    slack = slack + max(0.0, -1.5 * float(slack.min()))
    both = float(x @ slack)
    x = x + 0.5 * both / max(_TINY, float(slack.sum())) + _TINY
    slack = slack + 0.5 * both / max(_TINY, float(x.sum())) + _TINY
    return x, y, slack


def _reach(values: Reals, step: Reals) -> float:
    """Return how far one can go before a value is zero, at most the whole step."""
    return min(1.0, 1.0 / max(_TINY, float((-step / values).max())))
