"""Leximin in pools whose matrix never exists: the plan of the held ones, and a proof of its own."""

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.assignment import choice, solve_assignment
from pairmatch.solvers.assignment.fairness import ladder, level_tiles, leximin_rounds
from pairmatch.solvers.assignment.fairness.ladder import Rung
from pairmatch.solvers.assignment.fairness.leximin import solve_leximin
from pairmatch.solvers.assignment.fairness.leximin_rounds import solve_leximin_streamed
from pairmatch.solvers.assignment.fairness.rung_order import RungOrder
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.barred import Barred
from pairmatch.solvers.certify import level_streams
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem
from pairmatch.solvers.solution import Prices, Status
from pairmatch.solvers.streamed import StreamedGains


@pytest.fixture
def streamed_route(monkeypatch):
    """Every streamed pool counts as large, and is looked at in small blocks."""
    monkeypatch.setattr(choice, "_LARGE", -1)
    monkeypatch.setattr(level_tiles, "CELLS", 40)
    monkeypatch.setattr(leximin_rounds, "_KEEP", 1)
    monkeypatch.setattr(leximin_rounds, "_MORE", 1)
    monkeypatch.setattr(level_streams, "_CELLS", 30)
    monkeypatch.setattr(level_streams, "_BLOCKS", 2)


@pytest.fixture
def draw_pool(draw_streamed):
    """A streamed pool with barred pairs, loads and pins, and the same with its matrix."""

    def draw(seed, most=14):
        return draw_streamed(seed, "leximin", most=most, places=4)

    return draw


def is_proof(problem, solution):
    """Whether the price vectors prove the answer, pair by pair and entry by entry."""
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    is_open = ~np.isin(np.arange(problem.n_rows), problem.pins[:, 0])
    places = problem.capacity - np.bincount(problem.pins[:, 1], minlength=problem.n_columns)
    free = solution.pairs[is_open[solution.pairs[:, 0]]]
    level, count = np.unique(gain[free[:, 0], free[:, 1]], return_counts=True)
    rows = np.array([step.row for step in solution.steps], int).T[is_open]
    columns = np.array([step.column for step in solution.steps], int).T[places > 0]
    worth = [len(free), *(-count).tolist()]
    spent = rows.sum(axis=0) + places[places > 0] @ columns
    if spent.tolist() != worth:
        return False
    nothing = (0,) * len(worth)
    if any(tuple(vector) < nothing for vector in (*rows.tolist(), *columns.tolist())):
        return False
    open_rows, open_columns = np.flatnonzero(is_open), np.flatnonzero(places > 0)
    for i, paid in zip(open_rows, rows, strict=True):
        for j, cost in zip(open_columns, columns, strict=True):
            pair = [1]
            for k in level.tolist():
                if k > gain[i, j] and gain[i, j] not in level:
                    pair.append(-1)  # a level of its own, at which nothing costs anything
                    break
                pair.append(-int(gain[i, j] == k))
            left = [w - p - c for w, p, c in zip(pair, paid, cost, strict=False)]
            if len(pair) <= len(worth) and gain[i, j] not in level and pair[-1] == -1:
                left[-1] = -1
            if allowed[i, j] and tuple(left) > (0,) * len(left):
                return False
    return True


def split_seeds(most):
    """Return seeds in parts, of which all but the first are for the long run."""
    first, *others = [range(k, k + 40) for k in range(0, most, 40)]
    return [first, *(pytest.param(part, marks=pytest.mark.slow) for part in others)]


@pytest.mark.parametrize("seeds", split_seeds(120), ids=str)
def test_streamed_levels_give_the_plan_of_the_held_ones(
    draw_pool, seeds, monkeypatch, streamed_route
):
    raised = 0
    for seed in seeds:
        held, streamed = draw_pool(seed)
        with monkeypatch.context() as patch:
            patch.setattr(choice, "_LARGE", 10**6)
            expected = solve_assignment(held)
            # Every second search begins with a plan in which low gains weigh heavily.
            patch.setattr(choice, "_LARGE", -1)
            patch.setattr(leximin_rounds, "_MUCH", 4 * (seed % 2))
            # Every third settles levels of several pairs by shortest paths alone.
            patch.setattr(ladder, "_FEW", 100 * (seed % 3))
            solution = solve_assignment(streamed)
        assert solution.pairs.tolist() == expected.pairs.tolist()
        assert solution.price == expected.price
        assert certify_plan(streamed, solution).proved
        assert certify_plan(held, solution) == certify_plan(held, expected)
        raised += bool(solution.price)
    assert raised > 5


def test_streamed_levels_are_best_among_all_plans(draw_pool, streamed_route, enumerate_plans, rate):
    for seed in range(60):
        held, streamed = draw_pool(seed, most=6)
        best = max(rate(held, plan) for plan in enumerate_plans(held))
        solution = solve_assignment(streamed)
        assert rate(held, [tuple(pair) for pair in solution.pairs.tolist()]) == best


@pytest.mark.parametrize("seeds", split_seeds(120), ids=str)
def test_streamed_levels_meet_minimum_loads_as_the_held_ones_do(
    draw_pool, seeds, monkeypatch, streamed_route, ask_loads
):
    raised = held_back = 0
    for seed in seeds:
        held, streamed = draw_pool(seed)
        held = ask_loads(held, seed)
        streamed = replace(held, gains=streamed.gains)
        with monkeypatch.context() as patch:
            patch.setattr(choice, "_LARGE", 10**6)
            expected = solve_assignment(held)
            patch.setattr(choice, "_LARGE", -1)
            patch.setattr(leximin_rounds, "_MUCH", 4 * (seed % 2))
            # Every third settles levels of several pairs by shortest paths alone.
            patch.setattr(ladder, "_FEW", 100 * (seed % 3))
            solution = solve_assignment(streamed)
        assert solution.pairs.tolist() == expected.pairs.tolist()
        assert solution.price == expected.price
        assert certify_plan(streamed, solution).proved
        assert certify_plan(held, solution) == certify_plan(held, expected)
        raised += bool(solution.price)
        # The proof rests on the minimum loads where it would be none without them.
        free = replace(streamed, at_least=np.zeros_like(held.at_least))
        held_back += not certify_plan(free, solution).proved
    assert raised > 3
    assert held_back > 3


def test_levels_with_loads_are_best_among_all_plans(
    draw_pool, streamed_route, enumerate_plans, rate, ask_loads
):
    for seed in range(60):
        held, streamed = draw_pool(seed, most=6)
        held = ask_loads(held, seed)
        best = max(rate(held, plan) for plan in enumerate_plans(held))
        solution = solve_assignment(replace(held, gains=streamed.gains))
        assert rate(held, [tuple(pair) for pair in solution.pairs.tolist()]) == best


@pytest.mark.parametrize("loads", [False, True], ids=["quotas", "quotas and minimum loads"])
@pytest.mark.parametrize("seeds", split_seeds(80), ids=str)
def test_streamed_levels_keep_quotas_as_the_held_ones_do(
    draw_pool, add_quotas, seeds, loads, monkeypatch, streamed_route, ask_loads
):
    paid = held_back = 0
    for seed in seeds:
        held, streamed = draw_pool(seed)
        held = add_quotas(held, seed)
        held = ask_loads(held, seed) if loads else held
        streamed = replace(held, gains=streamed.gains)
        with monkeypatch.context() as patch:
            patch.setattr(choice, "_LARGE", 10**6)
            expected = solve_assignment(held)
            patch.setattr(choice, "_LARGE", -1)
            patch.setattr(choice, "_FLOW_MOST", -1 if seed % 3 == 0 else 400_000)
            patch.setattr(leximin_rounds, "_MUCH", 4 * (seed % 2))
            # Every third settles levels of several pairs by shortest paths alone.
            patch.setattr(ladder, "_FEW", 100 * (seed % 3))
            solution = solve_assignment(streamed)
        assert solution.pairs.tolist() == expected.pairs.tolist()
        assert solution.price == expected.price
        assert certify_plan(streamed, solution).proved
        assert certify_plan(held, solution) == certify_plan(held, expected)
        if any(step.cell is not None and step.cell.any() for step in solution.steps):
            paid += 1
            free = tuple(replace(step, cell=step.cell * 0) for step in solution.steps)
            held_back += not certify_plan(streamed, replace(solution, steps=free)).proved
    assert paid > 3
    assert held_back > 3


@pytest.mark.parametrize("loads", [False, True], ids=["quotas", "quotas and minimum loads"])
def test_levels_within_quotas_are_best_among_all_plans(
    draw_pool, add_quotas, streamed_route, enumerate_plans, rate, ask_loads, loads
):
    for seed in range(40):
        held, streamed = draw_pool(seed, most=6)
        held = add_quotas(held, seed)
        held = ask_loads(held, seed) if loads else held
        best = max(rate(held, plan) for plan in enumerate_plans(held))
        solution = solve_assignment(replace(held, gains=streamed.gains))
        assert rate(held, [tuple(pair) for pair in solution.pairs.tolist()]) == best


def test_spoiled_prices_within_quotas_prove_nothing_that_is_false(
    draw_pool, add_quotas, streamed_route
):
    rng = np.random.default_rng(2)
    refused = tried = 0
    for seed in range(60):
        held, streamed = draw_pool(seed, most=9)
        problem = replace(add_quotas(held, seed), gains=streamed.gains)
        solution = solve_assignment(problem)
        steps = list(solution.steps)
        if len(steps) < 2 or steps[0].cells is None or not len(steps[0].cells):
            continue
        k = int(rng.integers(len(steps)))
        cell = steps[k].cell.astype(int)
        cell[rng.integers(len(cell))] += int(rng.choice([-1, 1]))
        steps[k] = replace(steps[k], cell=cell)
        tried += 1
        refused += not certify_plan(problem, replace(solution, steps=tuple(steps))).proved
        # A worse plan is never proved by the prices of the best one.
        fewer = replace(solution, pairs=solution.pairs[1:])
        free = ~np.isin(solution.pairs[:1, 0], problem.pins[:, 0])
        assert not free or not certify_plan(problem, fewer).proved
        for wrong, message in (
            ({"cells": steps[0].cells[:, :2]}, "not there"),
            ({"cells": steps[0].cells + 1000}, "not there"),
            ({"cell": steps[0].cell[1:]}, "one integer for each place"),
            ({"cell": None}, "same places"),
        ):
            spoiled = [replace(step, **wrong) for step in solution.steps]
            with pytest.raises(CertificateError, match=message):
                certify_plan(problem, replace(solution, steps=tuple(spoiled)))
        mixed = (solution.steps[0], *(replace(s, cells=None, cell=None) for s in steps[1:]))
        with pytest.raises(CertificateError, match="same places"):
            certify_plan(problem, replace(solution, steps=mixed))
    assert tried > 8
    assert refused == tried


def test_spoiled_prices_of_levels_are_told_from_good_ones(draw_pool, streamed_route):
    rng = np.random.default_rng(1)
    n_bad = 0
    for seed in range(60):
        _, problem = draw_pool(seed, most=9)
        solution = solve_assignment(problem)
        if len(solution.steps) < 2:
            continue
        assert is_proof(problem, solution)
        for _ in range(4):
            k = int(rng.integers(1, len(solution.steps)))
            row, column = solution.steps[k].row.astype(int), solution.steps[k].column.astype(int)
            by = int(rng.choice([-1, 1]))
            kind = rng.integers(3)
            if kind != 1:
                row[rng.integers(len(row))] += by
            if kind != 0:
                column[rng.integers(len(column))] -= by
            steps = list(solution.steps)
            steps[k] = replace(steps[k], row=row, column=column)
            spoiled = replace(solution, steps=tuple(steps))
            assert certify_plan(problem, spoiled).proved == is_proof(problem, spoiled)
            n_bad += not is_proof(problem, spoiled)
    assert n_bad > 50


def test_worse_plans_and_missing_prices_are_not_proved(streamed_route):
    left, right = np.float32([[1, 0], [0, 1]]), np.float32([[9, 5], [4, 1]])
    problem = AssignmentProblem(
        StreamedGains(left, right, largest=9), np.ones(2, int), np.zeros(2, int),
        objective="leximin",
    )  # fmt: skip
    best = solve_assignment(problem)
    assert best.pairs.tolist() == [[0, 1], [1, 0]]
    assert certify_plan(problem, best).proved
    worse = replace(best, pairs=np.array([[0, 0], [1, 1]]))
    assert not certify_plan(problem, worse).proved
    assert not certify_plan(problem, replace(best, steps=best.steps[:1])).proved
    assert not certify_plan(problem, replace(best, steps=())).proved
    short = replace(best.steps[0], row=best.steps[0].row[:1])
    with pytest.raises(CertificateError, match="one integer for each row"):
        certify_plan(problem, replace(best, steps=(short, *best.steps[1:])))


def test_prices_of_rows_that_leave_64_bits_are_refused(streamed_route):
    # Row 0 could gain 9 and gains 1; what row 1 pays is so far below 0 that differences turn round.
    left, right = (
        np.eye(3, dtype=np.float32),
        np.float32([[1, 0, 0], [0, 1, 0], [9, 0, 0], [0] * 3]),
    )
    allowed = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    gains = StreamedGains(left, right, largest=9, barred=Barred(np.argwhere(allowed == 0), (3, 4)))
    problem = AssignmentProblem(gains, np.ones(4, int), np.zeros(4, int), objective="leximin")
    best = solve_assignment(problem)
    assert best.pairs.tolist() == [[0, 2], [1, 1], [2, 3]]
    vectors = [
        ([1, 1, 1], [0, 0, 0, 0]),
        ([0, -1, -1], [0, 1, 0, 0]),
        ([2**63 - 1, -(2**63), 0], [0, -5, 4, 0]),
    ]
    steps = tuple(Prices(np.array(column), row=np.array(row)) for row, column in vectors)
    worse = replace(best, pairs=np.array([[0, 0], [1, 1], [2, 3]]), steps=steps)
    with pytest.raises(CertificateError, match="too large to be compared"):
        certify_plan(problem, worse)


class Clock(Watch):
    """One that is over after some looks."""

    __slots__ = ("ticks",)

    def __init__(self, ticks: int) -> None:
        super().__init__()
        self.ticks = ticks

    def check(self, seconds: float = 0.0) -> None:
        self.ticks -= 1
        if self.ticks < 0:
            raise OutOfTime


def count_levels(problem, plan):
    """How often each gain is in a plan, pinned pairs apart, lowest gain first."""
    free = plan.pairs[~np.isin(plan.pairs[:, 0], problem.pins[:, 0])]
    return list(zip(*np.unique(problem.gains.pairs(*free.T)[0], return_counts=True), strict=True))


def test_levels_cut_short_leave_a_plan_that_is_no_worse_for_the_worst_off(
    draw_pool, streamed_route
):
    stopped = 0
    for seed in range(40):
        _, problem = draw_pool(seed, most=30)
        lowest = solve_assignment(replace(problem, objective="worst_off"))
        plain = replace(problem, objective="coverage")
        watch = Clock(12)
        try:
            solve_leximin_streamed(plain, problem.gains, lowest, watch)
        except OutOfTime:
            plan = watch.recall()
            gain = [np.sort(problem.gains.pairs(*s.pairs.T)[0]).tolist() for s in (lowest, plan)]
            assert gain[1] >= gain[0]
            certificate = certify_plan(problem, plan)
            assert certificate.matched_bound == certificate.matched
            assert certificate.bound is None
            stopped += 1
    assert stopped > 5


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "held"])
def test_levels_cut_short_are_proved_as_far_as_they_are_settled(
    streamed, streamed_route, ask_loads, draw_pool
):
    partly = begun = refused = 0
    for seed in range(24):
        held, pool = draw_pool(seed, most=24)
        held = ask_loads(held, seed)
        problem = replace(held, gains=pool.gains) if streamed else held
        best = solve_assignment(problem)
        lowest = solve_assignment(replace(problem, objective="worst_off"))
        plain = replace(problem, objective="coverage")
        for ticks in range(0, 90, 9 if streamed else 2):
            watch = Clock(ticks)
            try:
                if streamed:
                    solve_leximin_streamed(plain, problem.gains, lowest, watch)
                else:
                    solve_leximin(plain, lowest, solve_assignment, watch)
                break
            except OutOfTime:
                plan = watch.recall()
            if plan is None:
                continue
            certificate = certify_plan(problem, plan)
            if certificate.proved:  # only ties were not settled
                break
            assert certificate.bound is None
            n = certificate.levels
            if len(plan.steps) == 2 and n != 1:  # nothing but the lowest gain is settled yet
                assert n == 0
                begun += 1
                full = replace(plan.steps[1], column=plan.steps[1].column + 1)
                spoiled = replace(plan, steps=(plan.steps[0], full))
                refused += certify_plan(problem, spoiled).levels is None
                continue
            assert n == (len(plan.steps) - 1 or None)
            if n is None:
                continue
            assert count_levels(problem, plan)[:n] == count_levels(problem, best)[:n]
            partly += 1
            if plan.steps[n].column.any():
                nothing = replace(plan.steps[n], column=plan.steps[n].column * 0)
                spoiled = replace(plan, steps=(*plan.steps[:n], nothing))
                refused += (certify_plan(problem, spoiled).levels or 0) < n
    assert partly > 5
    # The cover of the held search most often proves how many pairs have the lowest gain, too.
    assert begun > 3 or not streamed
    assert refused > 5


def test_levels_within_quotas_cut_short_are_proved_as_far_as_they_are_settled(
    draw_pool, add_quotas, ask_loads, streamed_route
):
    partly = 0
    for seed in range(16):
        held, pool = draw_pool(seed, most=20)
        problem = replace(ask_loads(add_quotas(held, seed), seed), gains=pool.gains)
        best = solve_assignment(problem)
        lowest = solve_assignment(replace(problem, objective="worst_off"))
        plain = replace(problem, objective="coverage")
        for ticks in range(0, 120, 8):
            watch = Clock(ticks)
            try:
                solve_leximin_streamed(plain, problem.gains, lowest, watch)
                break
            except OutOfTime:
                plan = watch.recall()
            if plan is None:
                continue
            certificate = certify_plan(problem, plan)
            if certificate.proved:  # only ties were not settled
                break
            n = certificate.levels or 0
            assert count_levels(problem, plan)[:n] == count_levels(problem, best)[:n]
            partly += n > 0
    assert partly > 5


def test_time_limit_of_streamed_levels_gives_a_valid_plan(draw_pool, streamed_route):
    _, problem = draw_pool(3, most=30)
    stopped = solve_assignment(problem, time_limit=1e-9)
    assert stopped.status in (Status.TIME_LIMIT, Status.OPTIMAL)
    certify_plan(problem, stopped)


@pytest.mark.parametrize("high", [2, 300])
def test_pairs_are_judged_by_the_first_level_that_tells_them_apart(high):
    rng = np.random.default_rng(high)
    n, m, n_levels = 40, 30, 200
    kinds = rng.integers(0, high, (6, n_levels)) * (rng.random((6, n_levels)) < 0.02)
    kind = rng.integers(0, 6, n + m + 1)
    rungs = [
        Rung(10 * k, 1, kinds[kind, k].astype(np.int8 if high < 100 else np.int64),
             np.empty(0, np.int64), np.empty(0, np.int8))
        for k in range(n_levels)
    ]  # fmt: skip
    cover = np.ones(n, np.bool_), np.zeros(m, np.bool_)
    order = RungOrder(rungs, n, m, cover, np.ones(m, np.bool_))
    row, node = rng.integers(0, n, 500), rng.integers(0, m, 500)
    gain = 10 * rng.integers(0, n_levels, 500)
    expected = np.zeros(500, np.int64)
    for k in range(n_levels):
        height = order.read(k).astype(np.int64)
        drop = height[order.same[row]] - height[order.same[n + node]] + (gain == 10 * k)
        expected = np.where(expected == 0, np.sign(drop), expected)
    assert order.judge(row, node, gain).tolist() == expected.tolist()
    assert len(set(expected.tolist())) >= 2
    none = np.empty(0, np.int64)
    assert order.judge(none, none, none).tolist() == []
