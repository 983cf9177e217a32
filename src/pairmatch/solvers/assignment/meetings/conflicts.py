"""Plans whose calendars are no network: slots that overlap in chains, several a week, two roles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.program import Row, maximise
from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.held.watch import Watch
from pairmatch.solvers.assignment.meetings.classes import window_sums
from pairmatch.solvers.assignment.meetings.prices import SlotPrices, cheapest_slot, price_pairs
from pairmatch.solvers.assignment.meetings.program import draw_program
from pairmatch.solvers.certify.meetings import certify_slots
from pairmatch.solvers.processors import map_blocks
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.program import IntegerProgram
    from pairmatch.solvers.assignment.meetings.program import JointProgram
    from pairmatch.solvers.assignment.meetings.rounds import MeetingRounds
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["FRACTIONS", "assign_slots", "find_duals", "read_slots", "solve_jointly"]

_NODES = 5_000  # of the search tree of an objective
_NODES_TO_CHOOSE = 50  # the same for a choice between equally good plans
_MOST_TAKES = 60_000  # pairs with slots that are searched at once
FRACTIONS = 2520  # prices of minutes are rarely whole gains
_ROUNDS = 6  # linear programs, each with the pairs that the last one missed
_HEIGHT = 256


def assign_slots(
    problem: AssignmentProblem, pairs: NDArray[np.int64], watch: Watch | None = None
) -> NDArray[np.int64] | None:
    """Return slots for given pairs, the most preferred ones, or None if there are none.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem; only its slots matter.
    pairs : ndarray of int64, shape (n_pairs, 2)
        The pairs.
    watch : Watch, optional
        The clock; default: no limit.

    Returns
    -------
    ndarray of int64, shape (n_pairs, per_week), or None
        Slots of each pair, -1 for those that take none.
    """
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    edges = Edges(pairs[order, 0], pairs[order, 1], np.zeros(len(pairs), np.int64))
    free = replace(
        problem,
        quotas=(),
        budgets=(),
        pins=pairs[order],
        at_least=np.zeros_like(problem.at_least),
        capacity=np.full_like(problem.capacity, len(pairs)),
    )
    joint = draw_program(free, edges)
    likes = slots.row_likes[edges.row[joint.pair], joint.slot].astype(np.int64)
    likes += slots.column_likes[edges.column[joint.pair], joint.slot]
    weight = np.concatenate([np.zeros(len(edges), np.int64), likes])
    found, _ = maximise(joint.program(), weight, _NODES, watch or Watch())
    if found is None:
        return None
    taken = read_slots(joint, found, np.arange(len(edges)), slots.per_week)
    back = np.empty_like(taken)
    back[order] = taken
    return back


def read_slots(
    joint: JointProgram, found: NDArray[np.int64], chosen: NDArray[np.int64], per_week: int
) -> NDArray[np.int64]:
    """Return the slots of chosen pairs, ascending."""
    taken = np.full((len(chosen), per_week), -1)
    place = {p: k for k, p in enumerate(chosen.tolist())}
    count = np.zeros(len(chosen), np.int64)
    used = np.flatnonzero(found[len(joint.edges) :] > 0)
    for v in used[np.lexsort((joint.slot[used], joint.pair[used]))].tolist():
        k = place.get(int(joint.pair[v]))
        if k is not None:
            taken[k, count[k]] = joint.slot[v]
            count[k] += 1
    return taken


def solve_jointly(
    problem: AssignmentProblem,
    rounds: MeetingRounds,
    prices: SlotPrices,
    coverage: Prices | None,
    watch: Watch,
) -> AssignmentSolution:
    """Return the best plan that a search finds, with a bound that prices prove.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    rounds : MeetingRounds
        What a flow has found, which asks for less.
    prices : SlotPrices
        Its prices, and so a bound.
    coverage : Prices or None
        Its prices of coverage.
    watch : Watch
        The clock.

    Returns
    -------
    AssignmentSolution
        OPTIMAL only if the bound is reached. Otherwise ``solver`` says what HiGHS claims; the
        claim covers every pair only if no pair was left out for being too far below its prices.

    Notes
    -----
    One variable a pair and slot; at each moment at most one meeting a person. Pairs are taken in
    the order of what they fall short of their prices.
    """
    edges, rest = _choose_edges(problem, rounds, prices)
    joint = draw_program(problem, edges)
    program = joint.program()
    number = joint.spread(np.ones(len(edges), np.int64))
    gain = joint.spread(edges.gain)
    goals = [number, gain] if problem.objective == "coverage" else [gain, number]
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    likes = np.zeros(joint.n_variables, np.int64)
    likes[len(edges) :] = slots.row_likes[edges.row[joint.pair], joint.slot]
    likes[len(edges) :] += slots.column_likes[edges.column[joint.pair], joint.slot]
    best, complete = None, False
    if coverage is not None:
        # With a bonus both goals are one, if as many are matched as can be.
        best, complete = maximise(program, rounds.bonus * number + gain, _NODES, watch, 0.5)
        most = _count_at_most(problem, coverage)
        if best is not None and int(number @ best) < most:
            best = None
    if best is None:
        best, complete = _search(program, goals, watch)
    if best is not None and likes.any():
        for goal in goals:
            program = program.demand(goal, float(goal @ best))
        liked, _ = maximise(program, likes, _NODES_TO_CHOOSE, watch, 0.5)
        if liked is not None and all(goal @ liked >= goal @ best for goal in goals):
            best = liked
    if best is None:
        if problem.at_least.any():
            raise LoadConflict(
                np.flatnonzero(problem.at_least), np.arange(problem.n_rows), problem.at_least
            )
        best = np.zeros(joint.n_variables, np.int64)
        complete = False
    chosen = np.flatnonzero(best[: len(edges)] > 0)
    taken = read_slots(joint, best, chosen, slots.per_week)
    pairs = np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    answer = AssignmentSolution(
        pairs=pairs[order],
        prices=Prices(prices.column, bonus=rounds.bonus, coverage=coverage, time=prices.time),
        status=Status.FEASIBLE,
        solver="integer programming over slots (HiGHS)",
        slots=taken[order],
    )
    first = certify_slots(problem, answer)
    if rest is not None and first.bound is not None and first.matched_bound in (None, len(pairs)):
        # A pair that falls short by more than the gap is in no better plan.
        rest = None if rest > first.bound - first.objective else rest
    n_pairs = 0 if coverage is None else len(pairs)
    better = _relax(problem, rounds, edges, n_pairs, watch)
    cover = None
    if coverage is not None and len(pairs) < _count_at_most(problem, coverage):
        cover = _relax(problem, rounds, edges, 0, watch, worth_one=True)
    answer = _keep_better(problem, answer, better, cover)
    if certify_slots(problem, answer).proved:
        return replace(answer, status=Status.OPTIMAL)
    if watch.is_over:
        return replace(answer, status=Status.TIME_LIMIT)
    if complete and rest is None:
        claim = "integer programming over slots (HiGHS, which claims optimality)"
        return replace(answer, solver=claim)
    return answer


def _search(
    program: IntegerProgram, goals: list[NDArray[np.int64]], watch: Watch
) -> tuple[NDArray[np.int64] | None, bool]:
    """Return a best solution by one goal after the other, and whether HiGHS calls it best."""
    best, complete = None, True
    for goal in goals:
        found, done = maximise(program, goal, _NODES, watch, 0.5)
        if found is None or (best is not None and any(g @ found < g @ best for g in goals[:1])):
            return best, False
        best = found
        complete &= done
        program = program.demand(goal, float(goal @ found))
    return best, complete


def _count_at_most(problem: AssignmentProblem, coverage: Prices) -> int:
    """Return how many rows can be matched at most, by prices of coverage."""
    nobody = AssignmentSolution(
        np.empty((0, 2), np.int64),
        Prices(np.zeros(problem.n_columns, np.int64), coverage=coverage),
        Status.FEASIBLE,
        "nobody",
        slots=np.empty((0, 1 if problem.slots is None else problem.slots.per_week), np.int64),
    )
    free = replace(
        problem, at_least=np.zeros_like(problem.at_least), pins=np.empty((0, 2), np.int64)
    )
    return certify_slots(free, nobody).matched_bound or 0


def _keep_better(
    problem: AssignmentProblem,
    answer: AssignmentSolution,
    better: Prices | None,
    cover: Prices | None,
) -> AssignmentSolution:
    """Return the answer with the prices that prove most, of each kind."""
    assert answer.prices is not None  # noqa: S101 - made a moment ago
    options = [answer.prices.coverage] + ([cover] if cover is not None else [])
    tried: list[tuple[int, int, int, Prices]] = []
    for values in [answer.prices] + ([better] if better is not None else []):
        for coverage in options:
            prices = replace(values, coverage=coverage)
            found = certify_slots(problem, replace(answer, prices=prices))
            tried.append((found.matched_bound or 0, found.bound or 0, len(tried), prices))
    return replace(answer, prices=min(tried, key=lambda one: one[:3])[3])


def _choose_edges(
    problem: AssignmentProblem, rounds: MeetingRounds, prices: SlotPrices
) -> tuple[Edges, int | None]:
    """Return the pairs that are searched, and what the best of the others falls short, if any."""
    n_rows = problem.n_rows
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    everything = replace(prices, profit=np.full(n_rows, -(2**61)))
    stripes = [slice(top, min(top + _HEIGHT, n_rows)) for top in range(0, n_rows, _HEIGHT)]

    def look(rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        row, column, value = price_pairs(problem, everything, rounds.bonus, rows)
        own = ~rounds.pinned[row]
        row, column = row[own], column[own]
        return row, column, prices.profit[row] - value[own]

    parts = map_blocks(look, stripes)
    none = np.empty(0, np.int64)
    row, column, short = (np.concatenate([none, *(part[k] for part in parts)]) for k in range(3))
    width = np.ones(len(row), np.int64)
    step = max(1, 2**22 // max(1, slots.n_slots))
    for begin in range(0, len(row), step):
        part = slice(begin, begin + step)
        width[part] += (slots.row[row[part]] & slots.column[column[part]]).sum(axis=1)
    order = np.lexsort((column, row, short))
    fits = np.cumsum(width[order]) <= _MOST_TAKES
    kept = order[fits]
    rest = None if fits.all() else int(short[order[~fits][0]])
    pins = problem.pins
    row = np.concatenate([row[kept], pins[:, 0]])
    column = np.concatenate([column[kept], pins[:, 1]])
    order = np.lexsort((column, row))
    gain, _ = problem.gains.pairs(row[order], column[order])
    return Edges(row[order], column[order], gain), rest


def _relax(
    problem: AssignmentProblem,
    rounds: MeetingRounds,
    edges: Edges,
    n_pairs: int,
    watch: Watch,
    *,
    worth_one: bool = False,
) -> Prices | None:
    """Return the rounded dual values of a linear program, pairs added until none is missing.

    With ``n_pairs`` of plans of at least so many pairs: the dual value of that is the bonus.
    """
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    prices = None
    for _ in range(_ROUNDS):
        if watch.is_over:
            break
        joint = draw_program(problem, edges)
        if n_pairs:
            every = np.arange(len(edges))
            joint.rows.append(Row("all", (), every, n_pairs, max(n_pairs, len(edges))))
        worth = np.ones_like(edges.gain) if worth_one else edges.gain
        duals = find_duals(joint.program(), joint.spread(worth))
        if duals is None:
            break
        column = np.zeros(problem.n_columns, np.int64)
        time = np.zeros((problem.n_columns, slots.n_slots), np.int64)
        for row, dual in zip(joint.rows, duals.tolist(), strict=True):
            if row.kind == "column":
                column[row.where[0]] += dual
            elif len(row.where) == 2 and row.kind == "all" and row.where[0] < problem.n_columns:
                time[row.where] += max(0, dual)
        column = np.where(problem.at_least > 0, column, np.maximum(column, 0))
        bonus = max(0, -int(duals[-1]) // FRACTIONS) if n_pairs else 0
        prices = Prices(column, bonus=bonus, scale=FRACTIONS, time=time)
        cost = window_sums(slots, time)
        near = SlotPrices(column, time, cost, np.zeros(0, np.int64), FRACTIONS, shared=True)
        value = FRACTIONS * (worth + bonus) - column[edges.column]
        value -= cheapest_slot(problem, near, edges.row, edges.column)
        profit = np.zeros(problem.n_rows, np.int64)
        np.maximum.at(profit, edges.row, value)
        # Rounding is no reason to look again.
        near = replace(near, profit=profit + slots.n_slots + 2)
        row_of, column_of = rounds.collect(near, worth_one=worth_one, keep=8, bonus=bonus)
        old = edges.row * problem.n_columns + edges.column
        key = np.setdiff1d(row_of * problem.n_columns + column_of, old)
        if not len(key):
            break
        every = np.union1d(old, key)
        gain, _ = problem.gains.pairs(*np.divmod(every, problem.n_columns))
        edges = Edges(*np.divmod(every, problem.n_columns), gain)
    return prices


def find_duals(program: IntegerProgram, worth: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the dual values of the linear relaxation, in fractions; None if it was not solved."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, vstack

    matrix = csr_array(
        (program.factor.astype(float), (program.line, program.variable)),
        shape=(len(program.low), program.n_variables),
    )
    equal = program.low == program.high
    least = ~equal & (program.low > 0)
    parts, limits = [matrix[~equal]], [program.high[~equal]]
    if least.any():
        parts.append(-matrix[least])
        limits.append(-program.low[least])
    cost = -worth.astype(float)
    answer = linprog(
        cost,
        A_ub=vstack(parts, format="csr"),
        b_ub=np.concatenate(limits),
        A_eq=matrix[equal] if equal.any() else None,
        b_eq=program.low[equal] if equal.any() else None,
        bounds=(0, None),
        method="highs",
    )
    if answer.status != 0:
        return None
    duals = np.zeros(len(program.low))
    marginals = -answer.ineqlin.marginals
    duals[~equal] = marginals[: int((~equal).sum())]
    if least.any():
        duals[least] -= marginals[int((~equal).sum()) :]
    if equal.any():
        duals[equal] = -answer.eqlin.marginals
    found: NDArray[np.int64] = np.rint(FRACTIONS * duals).astype(np.int64)
    return found
