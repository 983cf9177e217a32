"""Plans under crossing quotas or budgets: integer programs, priced by their relaxation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.conflict import check_minimum_loads
from pairmatch.solvers.assignment.held.draft import draft_plan, take_better
from pairmatch.solvers.assignment.held.flow import find_safe_bonus, solve_by_flow
from pairmatch.solvers.assignment.held.layout import find_laminar
from pairmatch.solvers.assignment.held.packing import tighten_prices
from pairmatch.solvers.assignment.held.program import (
    IntegerProgram,
    Row,
    drop_misfits,
    fill_columns,
    list_rows,
    maximise,
)
from pairmatch.solvers.assignment.held.remainder import collect_edges, price_no_quota, set_pins
from pairmatch.solvers.assignment.held.ties import draw_weights
from pairmatch.solvers.assignment.held.watch import Watch
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.certify.budgets import count_room
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["solve_by_integers"]

_NODES = 20_000  # of the search tree of an objective; most cohorts need one or two
_FRACTIONS = 1000  # of a gain, in which prices are where there are budgets
_WORK = 1_000_000  # nodes times pairs of a search within budgets, which would otherwise take long
_MOST_AT_ONCE = 5000  # pairs that are all looked at from the start within budgets
_NODES_TO_CHOOSE = 100  # the same for a choice between equally good plans


def solve_by_integers(problem: AssignmentProblem, watch: Watch | None = None) -> AssignmentSolution:
    """Return the best plan of a problem with any quotas and budgets, by integer programming.

    Parameters
    ----------
    problem : AssignmentProblem
        Any problem.
    watch : Watch, optional
        The clock, and where plans are kept that are not proved best yet.

    Returns
    -------
    AssignmentSolution
        Status OPTIMAL if the prices prove it; FEASIBLE if the search ended before its end, or
        was complete but no prices can prove it; TIME_LIMIT if the clock ended it.

    Raises
    ------
    LoadConflict
        If the minimum loads cannot all be met.
    OutOfTime
        If the time limit is reached.
    CapabilityError
        If no plan that meets the minimum loads was found within the work limit.

    Notes
    -----
    Prices are dual values of the linear relaxation, rounded: any prices make a true bound. Every
    pair falls short of its prices by some amount, and no plan is better than the bound less the
    sum of what its pairs fall short. So a search over the pairs that fall short by at most a
    margin is a search over all of them, once it finds a plan within that margin of the bound.
    Prices of budgets are rarely whole numbers, so with budgets all prices are in fractions of a
    gain, and :func:`~pairmatch.solvers.assignment.held.packing.tighten_prices` adds prices of rows.

    Branch and cut by HiGHS: Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex
    method", Math. Program. Comput. 10 (2018), 119-142, https://doi.org/10.1007/s12532-017-0130-5.
    It is stopped by a number of nodes, not by a clock, so that the answer can be repeated.
    """
    watch = watch or Watch()
    remainder = set_pins(problem)
    edges = drop_misfits(problem, collect_edges(problem, remainder))
    rows = list(list_rows(problem, remainder, edges))

    def write(
        chosen: NDArray[np.int64] | NDArray[np.bool_], prices: Prices | None
    ) -> AssignmentSolution:
        pairs = np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
        pairs = np.concatenate([problem.pins, pairs])
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        return AssignmentSolution(pairs, prices, Status.FEASIBLE, "integer programming (HiGHS)")

    fills: list[NDArray[np.int64]] = []  # the first one meets the minimum loads
    check_minimum_loads(
        problem, remainder, edges, partial(fill_columns, rows, len(edges), watch, fills)
    )
    rough = _begin(problem, watch)
    if fills:
        watch.keep(lambda: replace(write(fills[0] > 0, None), prices=rough))
    bonus = 0
    if problem.objective == "coverage":
        places = int(remainder.capacity.sum())
        bonus = find_safe_bonus(edges.gain, min(len(remainder.rows), places))
    worth = edges.gain + bonus
    scale = _FRACTIONS if problem.budgets and _reach(worth) < 2**50 else 1
    prices = _price(problem, rows, worth, bonus, scale, watch)
    if fills and problem.budgets:
        priced = prices
        watch.keep(lambda: write(fills[0] > 0, priced))
    short, bound = _compare(problem, remainder, edges, worth, prices)
    margin = max(len(remainder.rows), int(np.ptp(edges.gain)) // 64 if len(edges) else 0) * scale
    if problem.budgets:  # the bound is not that close
        margin = 16 * margin if len(edges) > _MOST_AT_ONCE else int(short.max(initial=0))
    while True:
        near = np.flatnonzero(short <= margin)
        found, complete = _search(problem, remainder, edges.take(near), watch)
        everything = len(near) == len(edges)
        if found is None and (everything or watch.is_over):
            complete, near = False, np.arange(len(edges))
            if fills:
                found = fills[0]
            elif remainder.at_least.any():
                raise CapabilityError(
                    "no plan that meets the minimum loads was found; drop one of the quotas that "
                    "cross, or lower at_least in Load"
                )
            else:
                found = np.zeros(len(near), np.int64)  # the pins alone are a plan
            everything = True
        if found is None:
            margin = 16 * margin + 1
            continue
        chosen = near[found > 0]
        gap = bound - scale * int(worth[chosen].sum())
        if gap <= margin or everything:
            break
        if problem.budgets or watch.is_over:
            complete = False
            break
        margin = gap
    best = chosen
    before = prices
    watch.keep(lambda: write(best, before))
    deadline = None if watch.left is None else perf_counter() + 0.8 * watch.left
    if problem.objective == "coverage":
        ones = np.ones_like(worth)
        coverage = _price(problem, rows, ones, 0, scale, watch)
        if problem.budgets:
            coverage = tighten_prices(problem, coverage, len(chosen), worth=1, deadline=deadline)
            prices = _price(problem, rows, edges.gain, 0, scale, watch, len(chosen))
        prices = replace(prices, coverage=coverage)
    if problem.budgets:
        n_pairs = len(chosen) if problem.objective == "coverage" else 0
        reached = int(edges.gain[chosen].sum())
        prices = tighten_prices(problem, prices, reached, n_pairs=n_pairs, deadline=deadline)
    solution = write(chosen, prices)
    if not complete and not remainder.at_least.any():
        solution = take_better(problem, solution, draft_plan(problem))
    if certify_assignment(problem, solution).proved:
        return replace(solution, status=Status.OPTIMAL)
    if not complete and deadline is not None and perf_counter() >= deadline:
        return replace(solution, status=Status.TIME_LIMIT)
    if complete:
        return replace(solution, solver="integer programming (HiGHS, which claims optimality)")
    return solution


def _begin(problem: AssignmentProblem, watch: Watch) -> Prices | None:
    """Return first prices where there is a time limit: those without budgets and crossing quotas.

    A plan that keeps fewer rules is worth at least as much, so its prices give a true bound.
    """
    if watch.left is None:
        return None
    kept = find_laminar(problem.quotas, set_pins(problem).rows)
    quotas = tuple(problem.quotas[k] for k in kept)
    free = np.zeros_like(problem.at_least)
    easy = replace(problem, quotas=quotas, budgets=(), at_least=free)
    prices = solve_by_flow(easy, watch.aside()).prices
    if prices is None:
        return None
    prices = _widen(problem, prices, kept)
    if prices.coverage is not None:
        prices = replace(prices, coverage=_widen(problem, prices.coverage, kept))
    draft = prices
    watch.keep(lambda: replace(draft_plan(problem), prices=draft))
    return prices


def _widen(problem: AssignmentProblem, prices: Prices, kept: tuple[int, ...]) -> Prices:
    """Return prices of some quotas with prices of 0 for the others."""
    quota = list(price_no_quota(problem))
    for k, known in zip(kept, prices.quota, strict=True):
        quota[k] = known
    return replace(prices, quota=tuple(quota))


def _reach(worth: NDArray[np.int64]) -> int:
    """Return how large sums of worth may become."""
    return int(np.abs(worth).max(initial=0)) * max(1, len(worth))


def _compare(
    problem: AssignmentProblem,
    remainder: Remainder,
    edges: Edges,
    worth: NDArray[np.int64],
    prices: Prices,
) -> tuple[NDArray[np.int64], int]:
    """Return by how much each edge falls short of its prices, and the bound that these make."""
    profit = prices.scale * worth - prices.column[edges.column]
    for budget, price in zip(problem.budgets, prices.budget, strict=True):
        profit -= budget.pairs(edges.row, edges.column) * price[edges.column]
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
    bound += sum(
        int(room @ price) for room, price in zip(count_room(problem), prices.budget, strict=True)
    )
    return best[edges.row] - profit, bound


def _search(
    problem: AssignmentProblem, remainder: Remainder, edges: Edges, watch: Watch
) -> tuple[NDArray[np.int64] | None, bool]:
    """Return which edges make a best plan of them, if any, and whether HiGHS calls it best.

    One search a goal.
    """
    if (remainder.at_least > np.bincount(edges.column, minlength=problem.n_columns)).any():
        return None, True
    rows = list(list_rows(problem, remainder, edges))
    program, evenness = _add_steps(IntegerProgram.of(rows, len(edges)), remainder, rows)
    number = np.zeros(program.n_variables, np.int64)
    gain, weight = number.copy(), number.copy()
    number[: len(edges)] = 1
    gain[: len(edges)] = edges.gain
    weight[: len(edges)] = draw_weights(edges.row, edges.column, 0)
    goals = [number, gain] if problem.objective == "coverage" else [gain, number]
    best, n_settled = None, 0
    most = max(100, min(_NODES, _WORK // len(edges))) if problem.budgets and len(edges) else _NODES
    for turn, goal in enumerate([*goals, evenness, weight]):
        n_nodes = most if turn < len(goals) else _NODES_TO_CHOOSE
        found, complete = maximise(program, goal, n_nodes, watch, 0.4)
        if found is None or (best is not None and any(g @ found < g @ best for g in goals)):
            break
        best = found
        n_settled += complete
        if turn + 1 >= len(goals) and (problem.budgets or not complete):
            break  # within budgets, choices between equal plans take longer than finding one
        program = program.demand(goal, float(goal @ found))
    return None if best is None else best[: len(edges)], n_settled >= len(goals)


def _add_steps(
    program: IntegerProgram, remainder: Remainder, rows: list[Row]
) -> tuple[IntegerProgram, NDArray[np.int64]]:
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
    extended = IntegerProgram(
        np.concatenate(line),
        np.concatenate(variable),
        np.concatenate(factor),
        np.concatenate([program.low, zeros]),
        np.concatenate([program.high, zeros]),
        n_variables,
    )
    return extended, np.concatenate([np.zeros(program.n_variables, np.int64), *weights])


def _price(
    problem: AssignmentProblem,
    rows: list[Row],
    worth: NDArray[np.int64],
    bonus: int,
    scale: int,
    watch: Watch,
    n_pairs: int = 0,
) -> Prices:
    """Return rounded dual values of the linear relaxation; zeros if it was not solved.

    With ``n_pairs`` of plans of at least so many pairs: the dual value of that is the bonus.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    column = np.zeros(problem.n_columns, np.int64)
    quota = price_no_quota(problem)
    budget = tuple(np.zeros(problem.n_columns, np.int64) for _ in problem.budgets)
    price = np.zeros(problem.n_rows, np.int64) if budget else None
    prices = Prices(column=column, quota=quota, bonus=bonus, budget=budget, row=price, scale=scale)
    if not len(worth):
        return prices
    upper = [(row, 1) for row in rows]
    signed = upper + [(row, -1) for row in rows if row.low > 0]
    if n_pairs:
        signed.append((Row("all", (), np.arange(len(worth)), n_pairs, len(worth)), -1))
    index = np.repeat(np.arange(len(signed)), [len(row.edges) for row, _ in signed])
    sign = np.concatenate([way * row.factor for row, way in signed])
    matrix = csr_array(
        (sign.astype(float), (index, np.concatenate([row.edges for row, _ in signed]))),
        shape=(len(signed), len(worth)),
    )
    limit = np.array([row.high if way > 0 else -row.low for row, way in signed])
    options = {} if watch.left is None else {"time_limit": watch.left}
    answer = watch.wait(
        lambda: linprog(-worth, A_ub=matrix, b_ub=limit, method="highs", options=options)  # type: ignore[call-overload]
    )
    if answer.status != 0:
        return prices
    duals = np.rint(-scale * answer.ineqlin.marginals).astype(np.int64)
    for (row, way), dual in zip(signed, duals, strict=True):
        if row.kind == "column":
            column[row.where] += way * dual
        elif row.kind == "quota":
            quota[row.where[0]][row.where[1:]] = dual
        elif row.kind == "budget":
            budget[row.where[0]][row.where[1]] = dual
        elif row.kind == "all":
            prices = replace(prices, bonus=int(-(-dual // scale)))
        elif price is not None:
            price[row.where] = dual
    return prices
