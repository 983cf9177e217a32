"""The lowest triad of pools that are too large for a search over all covers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec
from itertools import combinations

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.certify.parting import rule_out_parts
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.basis.search import Plan
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.lowest.above import Above
from pairmatch.solvers.groups.lowest.parts import Parts, lower_by_parts
from pairmatch.solvers.groups.lowest.raising import Raised, start_ceiling
from pairmatch.solvers.groups.lowest.walking import (
    _walk,
    load_walk,
    walk_near,
    walk_to_cover,
    walk_up,
)
from pairmatch.solvers.problem import GroupingProblem


def triads_of(gain):
    np.fill_diagonal(gain, 0)
    return GroupingProblem(gain, ~np.eye(len(gain), dtype=bool), 3, 3, 3, "worst_group")


def begin(problem):
    """The people as they come, three by three, and the triads above floors."""
    values = GroupValues.of(replace(problem, objective="total"), 2)
    plan = Plan([np.arange(values.n).reshape(-1, 3)], np.empty(0, np.int64), 0)
    plan.worth = values.of_tables(plan.tables)
    above = Above(values, (3,), 6, lambda: True)
    lowest = int(above.mean_of(plan.tables[0]).min())
    raised = Raised(plan, lowest, 6 * int(values.gain.max()))
    start_ceiling(raised, above)
    return raised, above


@pytest.fixture
def subjects():
    """People who go well together within a subject; subjects do not divide by three."""

    def make(sizes, seed):
        rng = np.random.default_rng(seed)
        subject = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
        gain = rng.integers(0, 1000, (subject.size,) * 2)
        gain += 600 * (subject[:, None] == subject)
        return triads_of(gain)

    return make


def some_plan(people, triads):
    """Whether disjoint triads seat everybody, by enumeration."""
    if not people:
        return True
    first = min(people)
    return any(
        some_plan(people - set(triad), triads)
        for triad in triads
        if first in triad and people.issuperset(triad)
    )


def test_parts_rule_out_no_lowest_triad_that_can_be_had():
    seen = set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        part = rng.permutation(np.repeat([0, 1], [5, 4]))
        gain = rng.integers(0, 30, (9, 9)) + 20 * (part[:, None] == part)
        problem = triads_of(gain)
        pair = gain + gain.T
        sums = {t: int(pair[np.ix_(t, t)].sum()) // 2 for t in combinations(range(9), 3)}
        for stated in sorted(set(sums.values()))[::5]:
            left = [triad for triad, whole in sums.items() if whole > stated]
            ruled_out = rule_out_parts(problem, np.arange(9), part, Fraction(stated, 6))
            possible = some_plan(frozenset(range(9)), left)
            assert not (ruled_out and possible)
            seen.add((ruled_out, possible))
    assert seen == {(True, False), (False, True), (False, False)}


def test_triads_across_are_chosen_or_ruled_out_as_by_enumeration():
    seen = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        part = rng.permutation(np.repeat([0, 1, 2], [5, 5, 5]))
        every = np.array(list(combinations(range(15), 3)))
        parts = Parts(part)
        every = every[parts.crossing(every)]
        crossing = every[rng.random(len(every)) < 0.012]
        chosen, settled = parts.choose(crossing, np.random.default_rng(0))
        assert settled
        some = (
            crossing[list(chosen)]
            for k in range(6)
            for chosen in combinations(range(len(crossing)), k)
        )
        possible = any(
            np.unique(few).size == few.size
            and not ((5 - np.bincount(part[few].ravel(), minlength=3)) % 3).any()
            for few in some
        )
        assert (chosen is not None) == possible
        seen.add(possible)
        if chosen is not None:
            assert np.unique(chosen).size == chosen.size
            assert not ((5 - np.bincount(part[chosen].ravel(), minlength=3)) % 3).any()
    assert seen == {True, False}


def test_the_lowest_triad_is_proved_where_subjects_do_not_divide_by_three(subjects):
    problem = subjects([85, 86, 83, 85], 3)
    raised, above = begin(problem)
    before = raised.ceiling
    parts = lower_by_parts(raised, above)
    assert parts is not None
    assert raised.ceiling < before
    assert raised.parts is not None
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert certificate.lowest_bound == Fraction(raised.ceiling, 6)
    assert solution.floor_parts is not None
    assert certificate.lowest > 0.99 * certificate.lowest_bound
    for wrong in (np.zeros(problem.n, np.int64), np.arange(problem.n), np.zeros(3, np.int64)):
        with pytest.raises(CertificateError, match="lowest group is not proved"):
            certify_grouping(problem, replace(solution, floor_parts=wrong))
    below = replace(solution, lowest_bound=certificate.lowest - Fraction(1, 6))
    with pytest.raises(CertificateError, match="lowest group is not proved"):
        certify_grouping(problem, below)


@pytest.mark.skipif(find_spec("numba") is None, reason="needs numba")
def test_a_walk_reaches_nearly_the_highest_lowest_triad(subjects):
    rng = np.random.default_rng(1)
    for problem in (triads_of(rng.integers(0, 1000, (300, 300))), subjects([79, 80, 81], 2)):
        raised, above = begin(problem)
        parts = lower_by_parts(raised, above)
        assert raised.lowest < 0.4 * raised.ceiling
        assert walk_up(raised, above, parts, rng, lambda: True)
        assert 0.98 * raised.ceiling < raised.lowest <= raised.ceiling
        assert sorted(raised.plan.tables[0].ravel().tolist()) == list(range(problem.n))


@pytest.mark.skipif(find_spec("numba") is None, reason="needs numba")
def test_a_walk_near_prices_raises_the_total_and_no_triad_is_below_the_lowest():
    rng = np.random.default_rng(1)
    problem = triads_of(rng.integers(0, 1000, (150, 150)))
    raised, above = begin(problem)
    floor = raised.lowest = int(0.9 * raised.ceiling)
    before = raised.plan.worth
    price = np.full(problem.n, above.values.largest_value)
    walk_near(raised, above, None, price, rng, lambda: True)
    assert raised.plan.worth > 1.5 * before
    assert int(above.mean_of(raised.plan.tables[0]).min()) >= floor


def test_a_walk_finds_a_hidden_plan_and_gives_up_where_somebody_has_no_triad():
    rng = np.random.default_rng(7)
    n = 60
    hidden = rng.permutation(n).reshape(-1, 3)
    others = np.array([rng.permutation(n)[:3] for _ in range(100)])
    triads = np.sort(np.concatenate([hidden, others]), axis=1)
    found = walk_to_cover(n, triads, 2_000_000, np.random.default_rng(0), lambda: True)
    assert found is not None
    assert sorted(found.ravel().tolist()) == list(range(n))
    lonely = triads[(triads != 5).all(axis=1)]
    assert walk_to_cover(n, lonely, 2_000_000, np.random.default_rng(0), lambda: True) is None
    assert walk_to_cover(n, triads, 2_000_000, np.random.default_rng(0), lambda: False) is None


@pytest.mark.skipif(find_spec("numba") is None, reason="needs numba")
def test_the_compiled_walk_takes_the_same_steps():
    rng = np.random.default_rng(3)
    n = 30
    triads = np.array([np.sort(rng.permutation(n)[:3]) for _ in range(90)])
    order = np.argsort(triads.ravel(), kind="stable")
    start = np.searchsorted(triads.ravel()[order], np.arange(n + 1)).astype(np.int64)
    chance = rng.random((200, 2))
    ends = []
    for walk in (_walk, load_walk()):
        own, weight, last = np.full(n, -1), np.ones(n, np.int64), np.full(n, -1)
        out, place = np.arange(n), np.arange(n)
        n_out = walk(triads, order // 3, start, own, weight, last, out, place, n, 5, chance)
        ends.append([n_out, *own, *weight, *last, *out[:n_out]])
    assert ends[0] == ends[1]
