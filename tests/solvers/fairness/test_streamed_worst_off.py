"""The worst off in pools whose matrix never exists: the plan, and the proof, of the held ones."""

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CapabilityError, CertificateError
from pairmatch.solvers.assignment import choice, solve_assignment
from pairmatch.solvers.assignment.estimate import estimate_effort
from pairmatch.solvers.assignment.fairness import bottleneck, quota_thresholds
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem, Quotas
from pairmatch.solvers.solution import Status
from pairmatch.solvers.streamed import StreamedGains


@pytest.fixture
def draw_pool(draw_streamed):
    """Streamed gains with barred pairs and a threshold, and the same as a matrix."""

    def draw(seed, most=30):
        return draw_streamed(seed, "worst_off", most=most, places=3)

    return draw


def holds_back(problem, solution):
    """Return whether loads hold the threshold back; without their prices that is no proof."""
    if len(solution.steps) < 2 or not (solution.steps[1].column < 0).any():
        return False
    free = replace(solution.steps[1], column=np.maximum(solution.steps[1].column, 0))
    assert not certify_plan(problem, replace(solution, steps=(solution.steps[0], free))).proved
    return True


def assert_same_plan(held, streamed, solution, expected):
    assert solution.pairs.tolist() == expected.pairs.tolist()
    assert solution.price == expected.price
    for problem in (held, streamed):
        certificate = certify_plan(problem, solution)
        assert certificate.proved
        assert certificate == certify_plan(held, expected)


@pytest.mark.parametrize("seeds", [range(k, k + 50) for k in range(0, 150, 50)], ids=str)
def test_streamed_search_finds_and_proves_the_plan_of_the_held_one(draw_pool, seeds, monkeypatch):
    raised = 0
    for seed in seeds:
        held, streamed = draw_pool(seed)
        expected = solve_assignment(held)
        with monkeypatch.context() as patch:
            patch.setattr(choice, "_LARGE", -1)
            patch.setattr(bottleneck, "_HEIGHT", 3)
            patch.setattr(bottleneck, "_WIDTH", 5)
            solution = solve_assignment(streamed)
        assert_same_plan(held, streamed, solution, expected)
        raised += bool(solution.price)
    assert raised > 5


@pytest.mark.parametrize("seeds", [range(k, k + 40) for k in range(0, 120, 40)], ids=str)
def test_streamed_search_keeps_quotas_as_the_held_one_does(draw_pool, seeds, monkeypatch):
    raised = bound = 0
    for seed in seeds:
        held, streamed = draw_pool(seed, most=14)
        rng = np.random.default_rng(seed)
        capacity = held.capacity + rng.integers(0, 2, held.n_columns)
        fine = rng.integers(-1, 3, held.n_rows)
        quotas = (Quotas(fine, int(rng.integers(1, 3))),)
        if rng.random() < 0.5:
            quotas += (Quotas(np.where(fine >= 0, fine // 2, -1), int(rng.integers(1, 4))),)
        pins = np.empty((0, 2), np.int64)
        held = replace(held, capacity=capacity, quotas=quotas, pins=pins)
        if rng.random() < 0.4:
            plan = solve_assignment(replace(held, objective="total")).pairs
            held = replace(held, pins=plan[rng.random(len(plan)) < 0.2])
        streamed = replace(held, gains=streamed.gains)
        expected = solve_assignment(held)
        with monkeypatch.context() as patch:
            patch.setattr(choice, "_LARGE", -1)
            patch.setattr(quota_thresholds, "_HEIGHT", 3)
            solution = solve_assignment(streamed)
        assert_same_plan(held, streamed, solution, expected)
        raised += bool(solution.price)
        if len(solution.steps) > 1:
            assert not certify_plan(streamed, replace(solution, steps=solution.steps[:1])).proved
            free = (solution.steps[0], replace(solution.steps[1], column=capacity * 0, quota=()))
            spoiled = replace(solution, steps=free)
            bound += not certify_plan(streamed, spoiled).proved
    assert raised > 1
    assert bound > 2


@pytest.mark.parametrize("seeds", [range(k, k + 40) for k in range(0, 120, 40)], ids=str)
def test_streamed_search_meets_minimum_loads_as_the_held_one_does(
    draw_pool, seeds, monkeypatch, ask_loads
):
    raised = held_back = 0
    for seed in seeds:
        held, streamed = draw_pool(seed, most=16)
        rng = np.random.default_rng(seed)
        held = ask_loads(replace(held, capacity=held.capacity + rng.integers(0, 3)), seed)
        streamed = replace(held, gains=streamed.gains)
        expected = solve_assignment(held)
        with monkeypatch.context() as patch:
            patch.setattr(choice, "_LARGE", -1)
            patch.setattr(bottleneck, "_HEIGHT", 3)
            patch.setattr(bottleneck, "_WIDTH", 5)
            solution = solve_assignment(streamed)
        assert_same_plan(held, streamed, solution, expected)
        raised += bool(solution.price)
        held_back += holds_back(streamed, solution)
    assert raised > 3
    assert held_back > 3


@pytest.mark.parametrize("inner", ["flow", "streamed"])
@pytest.mark.parametrize("seeds", [range(k, k + 30) for k in range(0, 60, 30)], ids=str)
def test_streamed_search_keeps_quotas_and_minimum_loads_at_once(
    draw_pool, add_quotas, seeds, monkeypatch, ask_loads, inner
):
    raised = held_back = 0
    for seed in seeds:
        held, streamed = draw_pool(seed, most=12)
        held = ask_loads(add_quotas(held, seed), seed)
        streamed = replace(held, gains=streamed.gains)
        expected = solve_assignment(held)
        with monkeypatch.context() as patch:
            patch.setattr(choice, "_LARGE", -1)
            if inner == "streamed":
                patch.setattr(choice, "_FLOW_MOST", -1)
            patch.setattr(quota_thresholds, "_HEIGHT", 3)
            solution = solve_assignment(streamed)
        assert_same_plan(held, streamed, solution, expected)
        raised += bool(solution.price)
        held_back += holds_back(streamed, solution)
    assert raised > 2
    assert held_back > 2


def test_plan_with_quotas_and_loads_has_the_highest_lowest_gain_of_all_plans(
    draw_pool, add_quotas, monkeypatch, enumerate_plans, rate, ask_loads
):
    monkeypatch.setattr(choice, "_LARGE", -1)
    for seed in range(60):
        held, streamed = draw_pool(seed, most=6)
        held = ask_loads(add_quotas(held, seed), seed)
        best = max(rate(held, plan) for plan in enumerate_plans(held))
        solution = solve_assignment(replace(held, gains=streamed.gains))
        assert rate(held, [tuple(pair) for pair in solution.pairs.tolist()]) == best


def test_plan_with_loads_has_the_highest_lowest_gain_of_all_plans(
    draw_pool, monkeypatch, enumerate_plans, rate, ask_loads
):
    monkeypatch.setattr(choice, "_LARGE", -1)
    for seed in range(60):
        held, streamed = draw_pool(seed, most=6)
        held = ask_loads(held, seed)
        best = max(rate(held, plan) for plan in enumerate_plans(held))
        solution = solve_assignment(replace(held, gains=streamed.gains))
        assert rate(held, [tuple(pair) for pair in solution.pairs.tolist()]) == best


def test_minimum_loads_that_nobody_can_meet_are_named(monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", -1)
    gains = StreamedGains(np.ones((3, 1), np.float32), np.ones((2, 1), np.float32), largest=1)
    problem = AssignmentProblem(gains, np.full(2, 2), np.full(2, 2), objective="worst_off")
    for objective in ("worst_off", "leximin"):
        with pytest.raises(LoadConflict):
            solve_assignment(replace(problem, objective=objective))


@pytest.mark.parametrize("asked", [{"method": "pricing"}, {"time_limit": 100.0}, {}], ids=str)
def test_what_is_refused_is_refused_before_any_work(monkeypatch, asked):
    monkeypatch.setattr(choice, "_LARGE", -1)
    for name in ("solve_by_pricing", "solve_with_quotas", "solve_fairly"):
        monkeypatch.setattr(choice, name, None)
    gains = StreamedGains(np.ones((3, 1), np.float32), np.ones((2, 1), np.float32), largest=1)
    problem = AssignmentProblem(gains, np.full(2, 2), np.ones(2, int))
    crossing = (Quotas(np.array([0, 0, 1]), 1), Quotas(np.array([0, 1, 1]), 1))
    for objective in ("worst_off", "leximin"):
        with pytest.raises(CapabilityError, match="drop"):
            solve_assignment(replace(problem, objective=objective, quotas=crossing), **asked)


def test_spoiled_streamed_proofs_prove_nothing(draw_pool, monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", -1)
    _, problem = draw_pool(3)
    solution = solve_assignment(problem)
    assert certify_plan(problem, solution).proved
    assert not certify_plan(problem, replace(solution, steps=())).proved
    assert not certify_plan(problem, replace(solution, steps=solution.steps[:1])).proved or (
        len(solution.steps) == 1
    )
    if len(solution.steps) > 1:
        with pytest.raises(CertificateError, match="have a bonus"):
            certify_plan(problem, replace(solution, steps=solution.steps[::-1]))
    gain, _ = problem.gains.pairs(*solution.pairs.T)
    if len(gain):
        fewer = replace(solution, pairs=solution.pairs[1:])
        assert not certify_plan(problem, fewer).proved


def test_plan_with_a_lower_lowest_gain_is_not_proved(monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", -1)
    left, right = np.float32([[1, 0], [0, 1]]), np.float32([[9, 5], [4, 1]])
    problem = AssignmentProblem(
        StreamedGains(left, right, largest=9), np.ones(2, int), np.zeros(2, int),
        objective="worst_off",
    )  # fmt: skip
    best = solve_assignment(problem)
    assert best.pairs.tolist() == [[0, 1], [1, 0]]
    assert best.price == 1
    assert certify_plan(problem, best).proved
    worse = replace(best, pairs=np.array([[0, 0], [1, 1]]))
    assert not certify_plan(problem, worse).proved


def test_streamed_search_is_estimated_as_one():
    gains = StreamedGains(
        np.ones((10_000, 1), np.float32), np.ones((10_000, 1), np.float32), largest=1
    )
    places = np.ones(10_000, int)
    problem = AssignmentProblem(gains, places, np.zeros(10_000, int), objective="worst_off")
    assert estimate_effort(problem).megabytes < 1000
    held = replace(problem, objective="coverage")
    assert estimate_effort(problem).method == estimate_effort(held).method == "pricing"


def test_stopped_at_once_gives_a_valid_plan(monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", -1)
    gains = StreamedGains(np.ones((3, 1), np.float32), np.ones((2, 1), np.float32), largest=1)
    problem = AssignmentProblem(gains, np.full(2, 2), np.zeros(2, int), objective="worst_off")
    stopped = solve_assignment(problem, time_limit=1e-9)
    assert stopped.status in (Status.TIME_LIMIT, Status.OPTIMAL)
    certify_plan(problem, stopped)
