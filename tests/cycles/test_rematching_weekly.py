"""Plans that are re-matched again and again: what is known of the first one is carried on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import pairmatch as pm
from pairmatch.datasets import district
from pairmatch.solvers.assignment.pricing.effort import Effort
from pairmatch.solvers.assignment.pricing.solver import solve_by_pricing
from pairmatch.solvers.certify.assignment import certify_assignment
from pairmatch.solvers.certify.nearby import leave_rows

SHORT = Effort(base=8, keep=2)  # short lists, as of large pools


def start(pool, n, m):
    """Return a plan of the first people of a pool as a large pool has one: from short lists."""
    plan = pm.match(pool.mentees[:n], pool.mentors[:m])
    solved = solve_by_pricing(plan.problem, effort=SHORT)
    proof = certify_assignment(plan.problem, solved)
    assert proof.proved
    return dataclasses.replace(plan, solution=solved, certificate=proof)


def list_weeks(pool, n, m, seed):
    """Return what changes in three weeks; people who have changed in one week stay in the next."""
    for week in range(3):
        k = 4 * seed + week
        yield pm.Changes(
            leave=[pool.mentees["id"][k], pool.mentors["id"][k]],
            mentees=pool.mentees[n + 3 * week : n + 3 * week + 3],
            mentors=pool.mentors[20 + k : 21 + k].assign(subjects="art"),
        )


def find_losses(answer):
    """Return what pairs of unchanged people lose at the prices of the first plan, else -1."""
    running, problem = answer.running, answer.plan.problem
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    profit, prices = leave_rows(running)[running.row], running.prices
    loss = profit[:, None] + prices.column[running.column] - gain - prices.bonus
    same = (running.row[:, None] >= 0) & (running.column >= 0)
    return np.where(same & allowed, loss, -1), gain


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limits", [(2, 4, 4), (0, 2, 4)])
def test_pairs_that_were_nearly_as_good_are_known_week_after_week(monkeypatch, seed, limits):
    monkeypatch.setattr("pairmatch.cycles.rematching.NEARBY_FROM", 0)
    n, m = 120, 60
    pool = district(n + 9, m, seed=seed)
    plan = start(pool, n, m)
    for limit, changes in zip(limits, list_weeks(pool, n, m, seed), strict=True):
        answer = pm.rematch(plan, changes, at_most_changes=limit)
        assert answer.verify() == answer.certificate
        blind = dataclasses.replace(plan, solution=dataclasses.replace(plan.solution, near=None))
        same = pm.rematch(blind, changes, at_most_changes=limit)
        assert (same.objective, same.matched, same.gap) == (
            answer.objective, answer.matched, answer.gap
        )  # fmt: skip
        plan = answer.plan
        if not limit:
            continue  # where nobody may move nothing is said of the first proof
        near = plan.solution.near
        losses, gain = find_losses(answer)
        slack = near.row_slack[:, None] + near.column_slack
        named = np.zeros(slack.shape, bool)
        named[near.row, near.column] = True
        assert named.any()
        assert (slack > 0).mean() > 0.5
        assert (near.gain == gain[near.row, near.column]).all()
        others = (losses >= 0) & ~named
        assert (losses[others] >= slack[others]).all()
