"""The plan whose lowest gain is as high as possible: maximin, or the bottleneck assignment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.dense import fits_dense
from pairmatch.solvers.assignment.held.faces import Face, climb, narrow_to_coverage, open_face
from pairmatch.solvers.assignment.held.network import NoFlowError, find_cheapest_flow
from pairmatch.solvers.assignment.held.remainder import collect_edges, price_no_quota, set_pins
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import Prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

__all__ = ["solve_worst_off"]


def solve_worst_off(
    problem: AssignmentProblem,
    best: AssignmentSolution,
    solve: Callable[[AssignmentProblem], AssignmentSolution],
    watch: Watch | None = None,
) -> AssignmentSolution:
    """Return the plan of maximum coverage whose lowest gain is highest, then of the best total.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" whose quotas nest.
    best : AssignmentSolution
        Its solution: maximum coverage, then the largest total.
    solve : callable
        Solves a problem of the same loads, pins and quotas under "coverage".
    watch : Watch, optional
        The clock.

    Returns
    -------
    AssignmentSolution
        ``steps``: prices of coverage; then, unless a pinned pair has the lowest gain, prices that
        prove that every plan of as many pairs has one of the lowest gain or less. ``prices`` prove
        the total among the pairs of at least the lowest gain.

    Notes
    -----
    Binary search over the distinct gains: O(log(pairs)) matchings, or flows where columns have
    several places, minimum loads or quotas; then the exact problem without the pairs below. The
    bottleneck assignment problem: R. Burkard, M. Dell'Amico, S. Martello, "Assignment Problems"
    (2012), section 6.2, https://doi.org/10.1137/1.9781611972238.
    """
    pairs = best.pairs
    gain, _ = problem.gains.pairs(pairs[:, 0], pairs[:, 1])
    remainder = set_pins(problem)
    edges = collect_edges(problem, remainder)
    trial: _Matching | _Flows
    trial = (_Matching if fits_dense(problem) else _Flows)(problem, best, remainder, edges)
    steps = [trial.cover()]
    if not len(pairs):
        return replace(best, steps=tuple(steps))
    pinned, _ = problem.gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    highest = int(pinned.min(initial=np.iinfo(np.int64).max))
    levels = np.unique(edges.gain[(edges.gain > gain.min()) & (edges.gain <= highest)])
    if len(pinned) and not (levels == highest).any() and highest > gain.min():
        levels = np.append(levels, highest)
    first, last = 0, len(levels)  # levels before first can be kept, those from last on cannot
    while first < last:
        if watch is not None:
            watch.check()
        middle = (first + last) // 2
        if trial.keeps(int(levels[middle])):
            first = middle + 1
        else:
            last = middle
    lowest = int(levels[first - 1]) if first else int(gain.min())
    if lowest < highest:
        steps.append(trial.prove(lowest))
    if first:
        best = solve(_leave_out(problem, lowest))
    return replace(best, steps=tuple(steps), solver=f"threshold search, {best.solver}")


def _leave_out(problem: AssignmentProblem, lowest: int) -> AssignmentProblem:
    """Return the problem without the pairs of a lower gain."""
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    kept = allowed & (gain >= lowest)
    return replace(problem, gains=MatrixGains(np.where(kept, gain, 0), kept))


@dataclass(frozen=True, slots=True, eq=False)
class _Matching:
    """One place each, nothing else to keep: matchings decide."""

    problem: AssignmentProblem
    best: AssignmentSolution
    remainder: Remainder
    edges: Edges

    @property
    def n_free(self) -> int:
        """Number of pairs that are not pinned, in any plan of maximum coverage."""
        return len(self.best.pairs) - len(self.problem.pins)

    def cover(self) -> Prices:
        """Return prices that prove the coverage."""
        return self._cover_above(None)

    def keeps(self, lowest: int) -> bool:
        """Return whether as many rows can be matched without any lower gain."""
        return int((self._match(self._draw(lowest)) >= 0).sum()) == self.n_free

    def prove(self, lowest: int) -> Prices:
        """Return prices that prove that nobody can keep all gains above the lowest."""
        return replace(self._cover_above(lowest), bonus=1)

    def _draw(self, lowest: int | None, *, above: bool = False) -> csr_array:
        from scipy.sparse import csr_array

        edges = self.edges
        use = self.remainder.capacity[edges.column] > 0
        if lowest is not None:
            use &= edges.gain > lowest if above else edges.gain >= lowest
        # The edges come sorted by row and column: that is the compressed form already.
        n_rows, n_columns = self.problem.gains.shape
        count = np.bincount(edges.row[use], minlength=n_rows)
        start = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
        column = edges.column[use].astype(np.int32)
        one = np.ones(len(column), np.int8)
        return csr_array((one, column, start), shape=(n_rows, n_columns))

    def _match(self, graph: csr_array) -> NDArray[np.int64]:
        """Return the column of each row in a largest matching, or -1."""
        from scipy.sparse.csgraph import maximum_bipartite_matching

        return np.asarray(maximum_bipartite_matching(graph, perm_type="column"), np.int64)

    def _cover_above(self, lowest: int | None) -> Prices:
        """Return 1 for the columns of a smallest vertex cover (Koenig)."""
        graph = self._draw(lowest, above=True)
        match = self._match(graph)
        owner = np.full(self.problem.n_columns, -1)
        owner[match[match >= 0]] = np.flatnonzero(match >= 0)
        seen = self.remainder.capacity == 0  # costs nothing, and nobody else need cover it
        rows = self.remainder.rows[match[self.remainder.rows] < 0]
        while len(rows):
            reached = np.zeros(len(seen), np.bool_)
            reached[graph[rows].indices] = True
            reached &= ~seen
            seen |= reached
            rows = owner[reached]
        return Prices(column=seen.astype(np.int64), quota=price_no_quota(self.problem))


class _Flows:
    """Any loads, minimum loads and nested quotas: flows decide."""

    def __init__(
        self,
        problem: AssignmentProblem,
        best: AssignmentSolution,
        remainder: Remainder,  # noqa: ARG002 - made like the other way of trying
        edges: Edges,  # noqa: ARG002
    ) -> None:
        self._face, self._step = narrow_to_coverage(open_face(problem, best.pairs))

    def cover(self) -> Prices:
        """Return prices that prove the coverage."""
        return self._step

    def keeps(self, lowest: int) -> bool:
        """Return whether as many rows can be matched without any lower gain."""
        face: Face = self._face
        upper = face.network.upper.copy()
        upper[face.layout.pair_arcs][face.edges.gain < lowest] = 0
        if (upper < face.network.lower).any():
            return False
        try:
            find_cheapest_flow(replace(face.network, upper=upper), np.zeros_like(upper))
        except NoFlowError:
            return False
        return True

    def prove(self, lowest: int) -> Prices:
        """Return prices that prove that nobody can keep all gains above the lowest."""
        return climb(self._face, -(self._face.edges.gain <= lowest).astype(np.int64))[1]
