"""Pairs and slots together: equal to one integer program over both, proved by prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.errors import CertificateError
from pairmatch.seam import assignment_problem
from pairmatch.seam.streams import stream_gains
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.assignment.meetings import solver as meetings
from pairmatch.solvers.assignment.meetings.classes import find_classes
from pairmatch.solvers.certify import meetings as certify_meetings
from pairmatch.solvers.certify.fair import certify_plan
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Slots
from pairmatch.solvers.solution import Prices, Status


def check_pool(pools, kind, seed):
    draw, solve_jointly = pools
    objective = ("coverage", "total")[seed % 2]
    problem = draw(np.random.default_rng(seed), kind=kind, objective=objective)
    matched, total = solve_jointly(problem)
    answer = solve_assignment(problem)
    found = certify_plan(problem, answer)
    assert found.objective == total, f"seed {seed}"
    assert found.bound >= total
    if objective == "coverage":
        assert found.matched == matched
        assert found.matched_bound >= matched
    assert found.proved == (answer.status.value == "optimal")
    return found.proved


@pytest.mark.parametrize("seed", range(40))
def test_on_a_common_grid_the_flow_is_the_joint_optimum_and_its_prices_prove_it(pools, seed):
    assert check_pool(pools, "grid", seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40, 300))
def test_many_more_pools_on_a_common_grid(pools, seed):
    assert check_pool(pools, "grid", seed)


def test_overlapping_slots_twins_ways_and_two_a_week_are_exact_and_mostly_proved(pools):
    proved = [check_pool(pools, "free", seed) for seed in range(1000, 1040)]
    assert sum(proved) >= 30


@pytest.mark.slow
def test_many_more_pools_without_a_grid(pools):
    proved = [check_pool(pools, "free", seed) for seed in range(1040, 1300)]
    assert sum(proved) >= 220


def two_by_two(**changes):
    """Two rows, two columns with two places, two slots that do not overlap."""
    gain = np.array([[9, 1], [8, 1]])
    slots = Slots(
        start=np.array([480, 540]),
        minutes=45,
        row=np.array([[True, False], [True, False]]),
        column=np.ones((2, 2), bool),
        open_row=np.zeros(2, bool),
        open_column=np.zeros(2, bool),
        twin=np.full(2, -1),
        per_week=1,
        row_likes=np.zeros((2, 2), bool),
        column_likes=np.zeros((2, 2), bool),
    )
    two = np.array([2, 2])
    return AssignmentProblem(
        MatrixGains(gain, np.ones((2, 2), bool)), two, np.zeros(2, np.int64),
        slots=replace(slots, **changes),
    )  # fmt: skip


def test_two_rows_that_can_only_meet_at_the_same_time_get_different_columns():
    answer = solve_assignment(two_by_two())
    assert answer.pairs.tolist() == [[0, 0], [1, 1]]
    assert answer.slots.tolist() == [[0], [0]]
    assert solve_assignment(replace(two_by_two(), slots=None)).pairs.tolist() == [[0, 0], [1, 0]]


def test_preferred_slots_are_taken_among_equally_good_plans_only():
    likes = np.array([[False, True], [False, False]])
    row = np.ones((2, 2), bool)
    answer = solve_assignment(two_by_two(row=row, row_likes=likes))
    assert answer.pairs.tolist() == [[0, 0], [1, 0]]
    assert answer.slots.tolist() == [[1], [0]]


def test_whoever_needs_no_slot_blocks_none():
    answer = solve_assignment(two_by_two(open_row=np.array([True, False])))
    assert answer.pairs.tolist() == [[0, 0], [1, 0]]
    assert answer.slots.tolist() == [[-1], [0]]


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ([[0], [0]], "cannot take both slots"),
        ([[0], [1]], "not free for both"),
        ([[0], [7]], "takes slot 7 of 2"),
        ([[0, 1], [0, 1]], "integers of shape"),
    ],
)
def test_spoiled_slots_are_refused(slots, said):
    problem = two_by_two()
    answer = solve_assignment(problem)
    spoiled = replace(answer, pairs=np.array([[0, 0], [1, 0]]), slots=np.array(slots))
    with pytest.raises(CertificateError, match=said):
        certify_plan(problem, spoiled)


def test_prices_that_prove_nothing_are_refused_or_leave_a_gap():
    problem = two_by_two()
    answer = solve_assignment(problem)
    low = replace(answer.prices, time=answer.prices.time - 5)
    with pytest.raises(CertificateError, match="a minute has a negative price"):
        certify_plan(problem, replace(answer, prices=low))
    free = replace(answer.prices, time=None)
    assert certify_plan(problem, replace(answer, prices=free)).bound > 10
    assert certify_plan(problem, answer).bound == 10


def test_prices_of_coverage_are_checked_like_the_others():
    problem = replace(two_by_two(), objective="coverage")
    answer = solve_assignment(problem)
    low = Prices(np.zeros(2, np.int64), time=np.full((2, 2), -5))
    spoiled = replace(answer.prices, coverage=low)
    with pytest.raises(CertificateError, match="prices of coverage: a minute has a negative"):
        certify_plan(problem, replace(answer, prices=spoiled))


@pytest.mark.parametrize("kind", ["grid", "free"])
def test_the_check_finds_the_same_bound_block_by_block(pools, kind, monkeypatch):
    draw, _ = pools
    cases = [
        draw(np.random.default_rng(s), kind=kind, objective="total") for s in range(2000, 2040)
    ]
    answers = [solve_assignment(problem) for problem in cases]
    rng = np.random.default_rng(6)
    for number, answer in enumerate(answers):
        prices = answer.prices
        if prices is not None and prices.time is not None:  # higher prices leave a gap
            time = prices.time + rng.integers(0, 2 * prices.scale, prices.time.shape)
            answers[number] = replace(answer, prices=replace(prices, time=time))
    whole = [certify_plan(*case) for case in zip(cases, answers, strict=True)]
    assert any(not found.proved for found in whole)
    monkeypatch.setattr(certify_meetings, "_HEIGHT", 2)
    monkeypatch.setattr(certify_meetings, "_WIDTH", 3)
    assert [certify_plan(*case) for case in zip(cases, answers, strict=True)] == whole


def test_slots_of_a_class_all_overlap_and_plain_columns_have_no_others():
    rng = np.random.default_rng(5)
    for _ in range(50):
        start = np.sort(rng.choice(60, 12, replace=False)) * 10
        column = rng.random((4, 12)) < 0.5
        slots = replace(
            two_by_two().slots, start=start, column=column, row=np.ones((1, 12), bool), minutes=30
        )
        classes = find_classes(slots)
        for j in range(4):
            own = np.flatnonzero(column[j]).tolist()
            clashes = {(a, b) for a in own for b in own if a < b and slots.clash(a, b)}
            same = {
                (a, b) for a in own for b in own if a < b and classes.of[j, a] == classes.of[j, b]
            }
            assert same <= clashes
            assert classes.plain[j] == (same == clashes)


def test_ctrl_c_in_the_plan_without_slots_ends_the_whole_solve(pools, monkeypatch):
    def go_on(*_):
        raise AssertionError

    monkeypatch.setattr(meetings, "_continue", go_on)
    rng = np.random.default_rng(2)
    n_placed = 0
    for _ in range(20):
        problem = pools[0](rng)

        def stopped(plain):
            return replace(solve_assignment(plain), status=Status.INTERRUPTED)

        found = meetings.solve_with_slots(problem, stopped)
        assert found.status is Status.INTERRUPTED
        certify_plan(problem, found)
        n_placed += len(found.pairs)
    assert n_placed > 20


@pytest.mark.parametrize("objective", ["coverage", "total", "worst_off"])
def test_streamed_pools_have_the_same_plan_and_proof_as_held_ones(objective):
    periods = [f"{day} {h:02d}:00-{h:02d}:50" for day in ("Mon", "Tue", "Wed") for h in (8, 9, 10)]
    rng = np.random.default_rng(7)

    def side(prefix, size):
        free = [rng.choice(periods, int(rng.integers(0, 4)), replace=False) for _ in range(size)]
        return pm.read_profiles(pd.DataFrame({
            "id": [f"{prefix}{k}" for k in range(size)],
            "subjects": rng.choice(["art", "maths", "art; maths", "music; art"], size),
            "years": rng.integers(0, 30, size),
            "free": ["; ".join(sorted(own)) for own in free],
            "max_mentees": rng.integers(0, 4, size),
        }))  # fmt: skip

    tables = side("T", 90), side("M", 30)
    for unknown in ("forbid", "allow"):
        program = pm.Program(
            [pm.SubjectMatch(), pm.ExperienceGap()], [pm.Meetings(45, unknown=unknown)],
            objective=objective,
        )  # fmt: skip
        scored = pm.score(*tables, program)
        held = assignment_problem(scored, program.constraints, objective)
        streamed = replace(held, gains=stream_gains(scored))
        answers = [solve_assignment(problem) for problem in (held, streamed)]
        assert answers[0].pairs.tolist() == answers[1].pairs.tolist()
        assert answers[0].slots.tolist() == answers[1].slots.tolist()
        for problem in (held, streamed):
            for answer in answers:
                assert certify_plan(problem, answer).proved
        low = replace(answers[0].prices, time=None)
        worse = replace(answers[0], prices=low)
        assert certify_plan(streamed, worse) == certify_plan(held, worse)
