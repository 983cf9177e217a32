"""Exact plans where quotas cross each other: integer programs, priced by their relaxation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
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
    from ortools.sat.python import cp_model

    from pairmatch.solvers.assignment.remainder import Edges, Remainder
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_by_integers"]

_WORK = 120.0  # units of deterministic work for the objective; about a second each
_POLISH = 10.0  # the same for each rule that chooses between equally good plans


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
        was complete but no prices can prove it; INTERRUPTED after Ctrl-C, with the best plan seen.

    Raises
    ------
    LoadConflict
        If the minimum loads cannot all be met.
    ArithmeticError
        If no plan was found within the work limit.
    KeyboardInterrupt
        If Ctrl-C comes before the first plan.

    Notes
    -----
    One worker, a fixed seed and a limit of deterministic work, so that the answer can be repeated.
    Prices are dual values of the linear relaxation, rounded: any prices make a true bound, which
    is exact where the relaxation has an integral optimum.
    """
    remainder = set_pins(problem)
    edges = collect_edges(problem, remainder)
    rows = list(_list_rows(problem, remainder, edges))
    check_minimum_loads(problem, remainder, edges, partial(_fill, rows, edges))
    chosen, status = _search(problem, remainder, edges, rows)
    pairs = np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
    pairs = np.concatenate([problem.pins, pairs])
    solution = AssignmentSolution(
        pairs=pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))],
        prices=None,
        status=status,
        solver="integer programming (CP-SAT)",
    )
    return _add_prices(problem, edges, rows, solution)


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
    rows: list[_Row], edges: Edges, asked: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each column as many as possible of its rows; see ``check_minimum_loads``."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    x = [model.new_bool_var("") for _ in range(len(edges))]
    got = {}
    for row in rows:
        total = cp_model.LinearExpr.sum([x[e] for e in row.edges.tolist()])
        model.add(total <= row.high)
        if row.kind == "column" and asked[row.where[0]]:
            got[row.where[0]] = model.new_int_var(0, int(asked[row.where[0]]), "")
            model.add(got[row.where[0]] <= total)
    model.maximize(cp_model.LinearExpr.sum(list(got.values())))
    solver = _make_solver(_WORK)
    if solver.solve(model) != cp_model.OPTIMAL:
        raise ArithmeticError("minimum loads under crossing quotas were not decided in time")
    met = np.zeros_like(asked)
    for j, variable in got.items():
        met[j] = solver.value(variable)
    return met, np.flatnonzero(asked)


def _make_solver(work: float) -> cp_model.CpSolver:
    """Return a solver whose answer can be repeated, and that leaves Ctrl-C to Python."""
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = work
    solver.parameters.catch_sigint_signal = False
    return solver


def _search(
    problem: AssignmentProblem, remainder: Remainder, edges: Edges, rows: list[_Row]
) -> tuple[NDArray[np.int64], Status]:
    """Return the chosen edges after one search per objective, each among the optima before."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    x = [model.new_bool_var("") for _ in range(len(edges))]
    for row in rows:
        total = cp_model.LinearExpr.sum([x[e] for e in row.edges.tolist()])
        model.add_linear_constraint(total, row.low, row.high)

    def weigh(weight: NDArray[np.int64]) -> cp_model.LinearExprT:
        return cp_model.LinearExpr.weighted_sum(x, weight.tolist())

    one = np.ones(len(edges), np.int64)
    main = [weigh(one), weigh(edges.gain)]
    if problem.objective == "total":
        main.reverse()
    polish = [
        _weigh_evenness(model, x, remainder, rows),
        weigh(draw_weights(edges.row, edges.column, 0)),
    ]
    chosen = np.empty(0, np.int64)
    for turn, goal in enumerate(main + polish):
        solver = _make_solver(_WORK if turn < len(main) else _POLISH)
        model.maximize(goal)
        status, interrupted = _run(solver, model)
        found = status in {cp_model.OPTIMAL, cp_model.FEASIBLE}
        if found:
            values = [solver.boolean_value(variable) for variable in x]
            chosen = np.flatnonzero(np.array(values, np.bool_))
        if interrupted and (found or turn):
            return chosen, Status.INTERRUPTED
        if interrupted:
            raise KeyboardInterrupt
        if not (found or turn):
            raise ArithmeticError("no plan was found within the work limit")
        if status != cp_model.OPTIMAL:
            break
        model.add(goal == round(solver.objective_value))
        model.clear_hints()  # type: ignore[no-untyped-call]
        for variable, value in zip(x, values, strict=True):
            model.add_hint(variable, value)
    return chosen, Status.FEASIBLE


def _weigh_evenness(
    model: cp_model.CpModel,
    x: list[cp_model.IntVar],
    remainder: Remainder,
    rows: list[_Row],
) -> cp_model.LinearExprT:
    """Return minus the sum of squared loads, up to a constant: each further row costs 2 more."""
    from ortools.sat.python import cp_model

    steps, costs = [], []
    for row in rows:
        if row.kind != "column":
            continue
        before = int(remainder.load[row.where[0]])
        mine = [model.new_bool_var("") for _ in range(min(row.high, len(row.edges)))]
        total = cp_model.LinearExpr.sum([x[e] for e in row.edges.tolist()])
        model.add(cp_model.LinearExpr.sum(mine) == total)
        steps += mine
        costs += [-(2 * (before + t) + 1) for t in range(len(mine))]
    return cp_model.LinearExpr.weighted_sum(steps, costs)


def _run(
    solver: cp_model.CpSolver, model: cp_model.CpModel
) -> tuple[cp_model.CpSolverStatus, bool]:
    """Solve in a thread, so that Ctrl-C stops the search and keeps what it has found."""
    interrupted = False
    with ThreadPoolExecutor(max_workers=1) as pool:
        search = pool.submit(solver.solve, model)
        while not search.done():
            try:
                wait([search], timeout=0.2)
            except KeyboardInterrupt:
                interrupted = True
                solver.stop_search()
    return search.result(), interrupted


def _add_prices(
    problem: AssignmentProblem, edges: Edges, rows: list[_Row], solution: AssignmentSolution
) -> AssignmentSolution:
    """Return the solution with the prices that bound it best, and the status that they prove."""
    coverage = None
    bonuses = [0]
    if problem.objective == "coverage":
        coverage = _price(problem, rows, np.ones(len(edges), np.int64), 0)
        spread = int(edges.gain.max(initial=0)) - int(edges.gain.min(initial=0)) + 1
        enough = find_safe_bonus(edges.gain, problem.n_rows)
        bonuses = [min(spread * factor, enough) for factor in (1, 4, 32, 256)]
    best, lowest = solution, None
    for bonus in bonuses:
        prices = _price(problem, rows, edges.gain + bonus, bonus)
        if prices is None:
            continue
        trial = replace(solution, prices=replace(prices, coverage=coverage))
        certificate = certify_assignment(problem, trial)
        if certificate.bound is not None and (lowest is None or certificate.bound < lowest):
            best, lowest = trial, certificate.bound
        if certificate.proved:
            return replace(trial, status=Status.OPTIMAL)
    return best


def _price(
    problem: AssignmentProblem, rows: list[_Row], worth: NDArray[np.int64], bonus: int
) -> Prices | None:
    """Return rounded dual values of the linear relaxation; None if it was not solved."""
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
        return None
    duals = np.rint(-answer.ineqlin.marginals).astype(np.int64)
    for (row, way), dual in zip(signed, duals, strict=True):
        if row.kind == "column":
            column[row.where] += way * dual
        elif row.kind == "quota":
            quota[row.where[0]][row.where[1:]] = dual
    return prices
