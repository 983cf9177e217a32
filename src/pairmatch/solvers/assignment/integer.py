"""Exact plans where quotas cross each other: integer programs, priced by their relaxation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.solvers.assignment.conflict import check_minimum_loads
from pairmatch.solvers.assignment.flow import find_safe_bonus
from pairmatch.solvers.assignment.remainder import collect_edges, set_pins
from pairmatch.solvers.assignment.ties import draw_weights
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.remainder import Edges, Remainder
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_by_integers"]

_NODES = 20_000  # of the search tree of an objective; most cohorts need one or two
_NODES_TO_CHOOSE = 100  # the same for a choice between equally good plans


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A constraint: the number of chosen edges among some lies between two bounds."""

    kind: Literal["row", "column", "quota"]
    where: tuple[int, ...]  # (row,), (column,) or (quota, column, class)
    edges: NDArray[np.int64]
    low: int
    high: int


def solve_by_integers(problem: AssignmentProblem) -> AssignmentSolution:
    """Return the best plan of a problem whose quotas need not nest, by integer programming.

    Parameters
    ----------
    problem : AssignmentProblem
        Any problem.

    Returns
    -------
    AssignmentSolution
        Status OPTIMAL if the prices prove it; FEASIBLE if the search ended before its end, or
        was complete but no prices can prove it.

    Raises
    ------
    LoadConflict
        If the minimum loads cannot all be met.
    ArithmeticError
        If no plan was found within the work limit.

    Notes
    -----
    Prices are dual values of the linear relaxation, rounded: any prices make a true bound. Every
    pair falls short of its prices by some amount, and no plan is better than the bound less the
    sum of what its pairs fall short. So a search over the pairs that fall short by at most a
    margin is a search over all of them, once it finds a plan within that margin of the bound.

    Branch and cut by HiGHS: Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex
    method", Math. Program. Comput. 10 (2018), 119-142, https://doi.org/10.1007/s12532-017-0130-5.
    It is stopped by a number of nodes, not by a clock, so that the answer can be repeated.
    """
    remainder = set_pins(problem)
    edges = collect_edges(problem, remainder)
    rows = list(_list_rows(problem, remainder, edges))
    check_minimum_loads(problem, remainder, edges, partial(_fill, rows, len(edges)))
    bonus = 0
    if problem.objective == "coverage":
        places = int(remainder.capacity.sum())
        bonus = find_safe_bonus(edges.gain, min(len(remainder.rows), places))
    worth = edges.gain + bonus
    prices = _price(problem, rows, worth, bonus)
    short, bound = _compare(problem, remainder, edges, worth, prices)
    margin = max(len(remainder.rows), int(np.ptp(edges.gain)) // 64 if len(edges) else 0)
    while True:
        near = np.flatnonzero(short <= margin)
        found = _search(problem, remainder, edges.take(near))
        everything = len(near) == len(edges)
        if found is None and everything:
            raise ArithmeticError("no plan was found within the work limit")
        if found is None:
            margin = 16 * margin + 1
            continue
        chosen = near[found > 0]
        gap = bound - int(worth[chosen].sum())
        if gap <= margin or everything:
            break
        margin = gap
    if problem.objective == "coverage":
        prices = replace(prices, coverage=_price(problem, rows, np.ones_like(worth), 0))
    pairs = np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
    pairs = np.concatenate([problem.pins, pairs])
    solution = AssignmentSolution(
        pairs=pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))],
        prices=prices,
        status=Status.FEASIBLE,
        solver="integer programming (HiGHS)",
    )
    proved = certify_assignment(problem, solution).proved
    return replace(solution, status=Status.OPTIMAL) if proved else solution


def _list_rows(problem: AssignmentProblem, remainder: Remainder, edges: Edges) -> Iterator[_Row]:
    """List every constraint that the edges are under."""
    for i, group in _group(edges.row):
        yield _Row("row", (i,), group, 0, 1)
    for j, group in _group(edges.column):
        low, high = int(remainder.at_least[j]), int(remainder.capacity[j])
        yield _Row("column", (j,), group, low, high)
    for k, quota in enumerate(problem.quotas):
        label = quota.class_of[edges.row]
        counted = np.flatnonzero(label >= 0)
        code = edges.column[counted] * quota.n_classes + label[counted]
        for key, group in _group(code):
            j, c = divmod(key, quota.n_classes)
            room = int(remainder.room[k][j, c])
            if len(group) > room:
                yield _Row("quota", (k, j, c), counted[group], 0, room)


def _group(keys: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """List each key, ascending, with the positions where it stands."""
    order = np.argsort(keys, kind="stable")
    values, first = np.unique(keys[order], return_index=True)
    yield from zip(values.tolist(), np.split(order, first[1:]), strict=False)


def _fill(
    rows: list[_Row], n_edges: int, asked: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each column as many as possible of its rows; see ``check_minimum_loads``."""
    wanted = [row for row in rows if row.kind == "column" and asked[row.where[0]]]
    # Whether an edge counts as asked for is one more choice for each of these edges.
    rest = [row for row in rows if row.kind != "column"]
    rest += [replace(row, low=0, high=int(asked[row.where[0]])) for row in wanted]
    useful = np.zeros(n_edges, np.int64)
    for row in wanted:
        useful[row.edges] = 1
    chosen, _ = _maximise(_Program.of(rest, n_edges), useful, _NODES)
    if chosen is None:
        raise ArithmeticError("minimum loads under crossing quotas were not decided in time")
    met = np.zeros_like(asked)
    for row in wanted:
        met[row.where[0]] = int(chosen[row.edges].sum())
    return met, np.flatnonzero(asked)


@dataclass(frozen=True, slots=True, eq=False)
class _Program:
    """Constraints of an integer program, as a sparse matrix over 0-1 variables."""

    line: NDArray[np.int64]
    variable: NDArray[np.int64]
    factor: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n_variables: int

    @classmethod
    def of(cls, rows: list[_Row], n_edges: int) -> _Program:
        """Return the program of some rows of edges."""
        line = np.repeat(np.arange(len(rows)), [len(row.edges) for row in rows])
        variable = np.concatenate([np.empty(0, np.int64), *(row.edges for row in rows)])
        low = np.array([row.low for row in rows], np.float64)
        high = np.array([row.high for row in rows], np.float64)
        return cls(line, variable, np.ones(len(line), np.int64), low, high, n_edges)

    def demand(self, weight: NDArray[np.int64], least: float) -> _Program:
        """Return the program in which a weighted sum of the first variables has a least value."""
        used = np.flatnonzero(weight)
        return replace(
            self,
            line=np.concatenate([self.line, np.full(len(used), len(self.low))]),
            variable=np.concatenate([self.variable, used]),
            factor=np.concatenate([self.factor, weight[used]]),
            low=np.append(self.low, least),
            high=np.append(self.high, np.inf),
        )


def _maximise(
    program: _Program, weight: NDArray[np.int64], n_nodes: int
) -> tuple[NDArray[np.int64] | None, bool]:
    """Return the variables of a best solution, if one was found, and whether it is called best."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    if not program.n_variables:
        return (None, True) if (program.low > 0).any() else (np.empty(0, np.int64), True)
    matrix = csr_array(
        (program.factor.astype(np.float64), (program.line, program.variable)),
        shape=(len(program.low), program.n_variables),
    )
    answer = milp(
        -weight.astype(np.float64),
        integrality=np.ones(program.n_variables, np.int64),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, program.low, program.high),
        options={"mip_rel_gap": 0.0, "node_limit": n_nodes},
    )
    if answer.x is None:
        return None, False
    return np.rint(answer.x).astype(np.int64), answer.status == 0


def _compare(
    problem: AssignmentProblem,
    remainder: Remainder,
    edges: Edges,
    worth: NDArray[np.int64],
    prices: Prices,
) -> tuple[NDArray[np.int64], int]:
    """Return by how much each edge falls short of its prices, and the bound that these make."""
    profit = worth - prices.column[edges.column]
    for quota, price in zip(problem.quotas, prices.quota, strict=True):
        label = quota.class_of[edges.row]
        counted = label >= 0
        profit[counted] -= price[edges.column[counted], label[counted]]
    best = np.zeros(problem.n_rows, np.int64)
    np.maximum.at(best, edges.row, profit)
    column = prices.column
    bound = int(best.sum())
    bound += int(np.where(column >= 0, remainder.capacity, remainder.at_least) @ column)
    bound += sum(
        int((room * price).sum()) for room, price in zip(remainder.room, prices.quota, strict=True)
    )
    return best[edges.row] - profit, bound


def _search(
    problem: AssignmentProblem, remainder: Remainder, edges: Edges
) -> NDArray[np.int64] | None:
    """Return which edges make a best plan of them, if there is a plan, after a search per goal."""
    if (remainder.at_least > np.bincount(edges.column, minlength=problem.n_columns)).any():
        return None
    rows = list(_list_rows(problem, remainder, edges))
    program, evenness = _add_steps(_Program.of(rows, len(edges)), remainder, rows)
    number = np.zeros(program.n_variables, np.int64)
    gain, weight = number.copy(), number.copy()
    number[: len(edges)] = 1
    gain[: len(edges)] = edges.gain
    weight[: len(edges)] = draw_weights(edges.row, edges.column, 0)
    goals = [number, gain] if problem.objective == "coverage" else [gain, number]
    best = None
    for turn, goal in enumerate([*goals, evenness, weight]):
        n_nodes = _NODES if turn < len(goals) else _NODES_TO_CHOOSE
        found, complete = _maximise(program, goal, n_nodes)
        if found is None or (best is not None and any(g @ found < g @ best for g in goals)):
            break
        best = found
        if not complete:
            break
        program = program.demand(goal, float(goal @ found))
    return None if best is None else best[: len(edges)]


def _add_steps(
    program: _Program, remainder: Remainder, rows: list[_Row]
) -> tuple[_Program, NDArray[np.int64]]:
    """Add a variable for each row that a column may get; the weights grow with evener loads.

    The variables of a column add up to its load, and each further one weighs 2 less: together
    they weigh minus the sum of squared loads, up to a constant.
    """
    line, variable, factor, weights = [program.line], [program.variable], [program.factor], []
    n_lines, n_variables = len(program.low), program.n_variables
    for row in rows:
        if row.kind != "column":
            continue
        n_steps = min(row.high, len(row.edges))
        line.append(np.full(len(row.edges) + n_steps, n_lines))
        variable += [row.edges, n_variables + np.arange(n_steps)]
        factor.append(np.repeat([1, -1], [len(row.edges), n_steps]))
        weights.append(-(2 * (int(remainder.load[row.where[0]]) + np.arange(n_steps)) + 1))
        n_lines, n_variables = n_lines + 1, n_variables + n_steps
    zeros = np.zeros(n_lines - len(program.low))
    extended = _Program(
        np.concatenate(line),
        np.concatenate(variable),
        np.concatenate(factor),
        np.concatenate([program.low, zeros]),
        np.concatenate([program.high, zeros]),
        n_variables,
    )
    return extended, np.concatenate([np.zeros(program.n_variables, np.int64), *weights])


def _price(
    problem: AssignmentProblem, rows: list[_Row], worth: NDArray[np.int64], bonus: int
) -> Prices:
    """Return rounded dual values of the linear relaxation; zeros if it was not solved."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    column = np.zeros(problem.n_columns, np.int64)
    quota = tuple(np.zeros((problem.n_columns, q.n_classes), np.int64) for q in problem.quotas)
    prices = Prices(column=column, quota=quota, bonus=bonus)
    if not len(worth):
        return prices
    upper = [(row, 1) for row in rows]
    signed = upper + [(row, -1) for row in rows if row.low > 0]
    index = np.repeat(np.arange(len(signed)), [len(row.edges) for row, _ in signed])
    sign = np.repeat([way for _, way in signed], [len(row.edges) for row, _ in signed])
    matrix = csr_array(
        (sign.astype(float), (index, np.concatenate([row.edges for row, _ in signed]))),
        shape=(len(signed), len(worth)),
    )
    limit = np.array([row.high if way > 0 else -row.low for row, way in signed])
    answer = linprog(-worth, A_ub=matrix, b_ub=limit, method="highs")  # type: ignore[call-overload]
    if answer.status != 0:
        return prices
    duals = np.rint(-answer.ineqlin.marginals).astype(np.int64)
    for (row, way), dual in zip(signed, duals, strict=True):
        if row.kind == "column":
            column[row.where] += way * dual
        elif row.kind == "quota":
            quota[row.where[0]][row.where[1:]] = dual
    return prices
