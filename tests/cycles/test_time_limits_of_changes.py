"""A running plan is brought up to date within a time limit, and Ctrl-C returns the best so far."""

from __future__ import annotations

import numpy as np
import pytest

import pairmatch as pm
from pairmatch.cycles import rematching
from pairmatch.datasets import district
from pairmatch.solvers.assignment.held.watch import OutOfTime
from pairmatch.solvers.changes.attempt import Attempt
from pairmatch.solvers.groups.basis.clock import Clock
from pairmatch.solvers.groups.regrouping.keeping import Board


@pytest.fixture(scope="module")
def pool():
    return district(64, 40, seed=5)


@pytest.fixture(scope="module")
def changes(pool):
    leave = [*pool.mentees["id"][:2], *pool.mentors["id"][:2]]
    return pm.Changes(leave=leave, mentees=pool.mentees[60:], mentors=pool.mentors[38:])


def match(pool, **parts):
    program = pm.Program(**parts)
    return pm.match(pool.mentees[:60], pool.mentors[:38], program)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"objective": "total", "constraints": [pm.Load(at_most=2)]},
        {"objective": "worst_off"},
        {"objective": "leximin"},
        {"constraints": [pm.Meetings(minutes=45)]},
        {"constraints": [pm.Load(at_most=3), pm.Demand(2)]},
        {"constraints": [pm.Tiers([pm.SameSchool(), pm.GradeMatch(within=0)])]},
    ],
    ids=["coverage", "total", "worst off", "leximin", "meetings", "demand", "tiers"],
)
def test_a_plan_of_no_time_at_all_keeps_every_rule_and_its_limit(pool, changes, parts):
    plan = match(pool, **parts)
    hurried = pm.Options(time_limit=1e-6)
    after = pm.rematch(plan, changes, at_most_changes=3, options=hurried)
    pm.verify(after.plan)
    after.verify()
    assert after.changes <= 3
    complete = after.gap == 0  # now and then the answer is there before the clock
    assert complete or after.plan.status is pm.Status.TIME_LIMIT
    slow = pm.rematch(plan, changes, at_most_changes=3)
    assert after.matched <= slow.matched
    assert set(after.plan.scored.coached.ids) == set(slow.plan.scored.coached.ids)
    assert after.bound is None or after.matched < slow.matched or after.bound >= slow.objective


@pytest.mark.parametrize("most_held", [0, 2**24], ids=["by keys", "written down"])
@pytest.mark.parametrize("rules", [[], [pm.Meetings(minutes=45)]], ids=["plain", "meetings"])
@pytest.mark.parametrize("seconds", [1e-6, 100])
def test_pools_without_a_matrix_keep_a_time_limit(
    pool, changes, monkeypatch, rules, most_held, seconds
):
    plan = match(pool, constraints=[pm.Load(at_most=2), *rules])
    slow = pm.rematch(plan, changes, at_most_changes=3)
    monkeypatch.setattr("pairmatch.seam.pairs.MOST_HELD", 1)
    monkeypatch.setattr("pairmatch.solvers.changes.holding._MOST_HELD", most_held)
    told = []
    options = pm.Options(time_limit=seconds, progress=lambda *step: told.append(step))
    after = pm.rematch(plan, changes, at_most_changes=3, options=options)
    pm.verify(after.plan)
    after.verify()
    assert after.changes <= 3
    assert after.matched <= slow.matched
    if seconds == 100:
        assert "in blocks" in after.plan.solver
        assert len(told) > 1
    else:
        assert after.plan.status.value in ("time_limit", "feasible", "optimal")


@pytest.mark.parametrize("n_solved", [1, 2, 3])
def test_ctrl_c_in_a_pool_without_a_matrix_returns_the_best_so_far_with_a_bound(
    pool, changes, monkeypatch, n_solved
):
    plan = match(pool, constraints=[pm.Load(at_most=2), pm.Meetings(minutes=45)])
    slow = pm.rematch(plan, changes, at_most_changes=1)
    monkeypatch.setattr("pairmatch.seam.pairs.MOST_HELD", 1)

    def stop(number, *_):
        if number == n_solved:
            raise KeyboardInterrupt

    after = pm.rematch(plan, changes, at_most_changes=1, options=pm.Options(progress=stop))
    pm.verify(after.plan)
    after.verify()
    assert after.plan.status.value in ("interrupted", "optimal", "feasible")
    assert after.changes <= 1
    assert after.matched <= slow.matched
    if n_solved > 1 and after.matched == slow.matched:
        assert after.bound is not None
        assert after.bound >= slow.objective


def test_without_a_limit_options_change_nothing(pool, changes):
    plan = match(pool)
    said = pm.rematch(plan, changes, at_most_changes=2, options=pm.Options(time_limit=1000))
    same = pm.rematch(plan, changes, at_most_changes=2)
    assert said.plan.to_frame().equals(same.plan.to_frame())
    assert said.plan.status.value != "time_limit"


def test_problems_that_were_solved_are_counted_for_whoever_watches(pool, changes):
    told = []
    options = pm.Options(progress=lambda *step: told.append(step))
    pm.rematch(match(pool, objective="worst_off"), changes, at_most_changes=1, options=options)
    assert [number for number, _, _ in told][:2] == [1, 2]
    assert all(seconds >= 0 for _, _, seconds in told)


def test_an_answer_that_is_complete_is_not_called_cut_short(pool, changes, monkeypatch):
    plan = match(pool)
    whole = pm.rematch(plan, changes, at_most_changes=2)

    def stop(*_):
        raise OutOfTime

    monkeypatch.setattr(Attempt, "finish", stop)  # only the best plan of all is asked for by it
    after = pm.rematch(plan, changes, at_most_changes=2)
    assert after.plan.status.value == "feasible"
    assert after.certificate == whole.certificate


def test_a_method_is_not_for_rematching_and_options_are_options(pool, changes):
    plan = match(pool)
    with pytest.raises(pm.CapabilityError, match="leave it out"):
        pm.rematch(plan, changes, options=pm.Options(method="flow"))
    with pytest.raises(pm.ProgramError, match=r"30 are no options\. Write options="):
        pm.rematch(plan, changes, options=30)


def test_a_question_can_have_a_time_limit_too(pool):
    plan = match(pool, constraints=[pm.Load(at_most=1)])
    mentor = plan.to_frame()["mentor"].iloc[0]
    answer = pm.what_if(plan, places={mentor: 1}, options=pm.Options(time_limit=1e-6))
    pm.verify(answer.plan)
    assert answer.matched >= 1


def test_ctrl_c_before_there_is_a_plan_is_ctrl_c(pool, changes, monkeypatch):
    plan = match(pool)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(rematching, "settle", stop)
    monkeypatch.setattr(rematching, "NEARBY_FROM", 2**40)
    with pytest.raises(KeyboardInterrupt):
        pm.rematch(plan, changes)


@pytest.fixture(scope="module")
def groups():
    pool = district(42, 3, seed=8)
    plan = pm.form_groups(pool.mentees[:40], pm.Program(size=(3, 4)))
    gone = [*plan.group_ids[0][:2], plan.group_ids[1][0]]
    return plan, pm.Changes(leave=gone, mentees=pool.mentees[40:])


def test_groups_are_brought_up_to_date_in_no_time_and_nobody_is_lost(groups):
    plan, changes = groups
    after = pm.rematch(plan, changes, at_most_changes=2, options=pm.Options(time_limit=1e-6))
    pm.verify(after.plan)
    after.verify()
    assert after.changes <= 2
    assert after.plan.status.value == "time_limit"
    slow = pm.rematch(plan, changes, at_most_changes=2)
    assert slow.plan.status.value != "time_limit"
    assert (after.matched, after.objective) <= (slow.matched, slow.objective)


@pytest.mark.parametrize("limit", [2, None])
def test_ctrl_c_while_groups_are_formed_anew_returns_the_best_so_far(groups, monkeypatch, limit):
    plan, changes = groups

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Board, "price", stop)
    after = pm.rematch(plan, changes, at_most_changes=limit)
    pm.verify(after.plan)
    after.verify()
    assert after.plan.status.value == "interrupted"
    with pytest.raises(KeyboardInterrupt):
        after.points([1])


def test_large_pools_of_groups_stop_between_two_looks(monkeypatch):
    pool = district(460, 3, seed=2)
    scores = pm.score(pool.mentees[:450], pool.mentees[:450]).block(slice(0, 450), slice(0, 450))
    plan = pm.group_scores(np.asarray(scores, float), size=3, options=pm.Options(time_limit=3))
    asked = []

    def within(self, share):
        asked.append(share)
        return len(asked) < 4

    monkeypatch.setattr(Clock, "within", within)
    gone = pm.Changes(leave=[plan.group_ids[k][0] for k in range(0, 60, 3)])
    after = pm.rematch(plan, gone, at_most_changes=4)
    after.verify()
    assert after.plan.status.value == "time_limit"
    assert after.changes <= 4
