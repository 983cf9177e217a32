from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.group_rules import find_broken_rules, which_are_legal
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.group_rules import GroupRules, pack_slots
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.problem import GroupingProblem

KINDS = ("at_most", "at_least", "balance", "label", "links", "together", "slots")


def random_rules(n: int, kind: str, rng: np.random.Generator) -> GroupRules:
    if kind == "at_most":
        return GroupRules(n, rng.integers(0, 2, (n, 2)), np.array([1, 2]))
    if kind == "at_least":
        return GroupRules(n, -(rng.random((n, 1)) < 0.4).astype(np.int64), np.array([-1]))
    if kind == "balance":
        x = rng.integers(-5, 6, (n, 1))
        return GroupRules(n, np.hstack([x - 3, -x - 3]), np.array([0, 0]))
    if kind == "label":
        return GroupRules(n, label=rng.random((n, 2)) < 0.5)
    if kind == "links":
        link = rng.random((n, n)) < 0.5
        return GroupRules(n, links=(link, link.T.copy()))
    if kind == "together":
        mark = np.full(n, -1)
        chosen = rng.permutation(n)[:4]
        mark[chosen[:2]], mark[chosen[2:]] = 0, 1
        return GroupRules(n, together=mark, n_together=np.array([2, len(chosen[2:])]))
    return GroupRules(n, slots=pack_slots(rng.random((n, 70)) < 0.03))


def partitions(people, smallest, largest):
    """Every way to leave people out and to put the others into groups."""
    if not people:
        yield []
        return
    first, others = people[0], people[1:]
    for groups in partitions(others, smallest, largest):
        yield groups
    for size in range(smallest, largest + 1):
        for rest in combinations(others, size - 1):
            left = tuple(p for p in others if p not in rest)
            for groups in partitions(left, smallest, largest):
                yield [(first, *rest), *groups]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(2, 5))
def test_every_way_to_ask_about_a_group_says_the_same(kind, seed, size):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(size + 1, 12))
    rules = random_rules(n, kind, rng)
    allowed = ~np.eye(n, dtype=bool)
    problem = GroupingProblem(np.zeros((n, n), np.int64), allowed, 2, 6, 3, rules=rules)
    groups = np.array(list(combinations(range(n), size)))
    legal = np.array([not find_broken_rules(problem, group) for group in groups.tolist()])
    assert np.array_equal(rules.legal(groups), legal)
    if size == 3:
        assert np.array_equal(which_are_legal(problem, groups), legal)
    rest, people = groups[:5, :-1], np.arange(n)
    each = rules.n_broken_with_each(rest, people)
    for g, row in enumerate(rest):
        for p in people:
            if p not in row:
                assert (each[g, p] == 0) == (not find_broken_rules(problem, [*row.tolist(), p]))
    pairs = rules.legal_pairs(size)
    for group in groups[legal]:
        assert all(pairs[a, b] for a, b in combinations(group, 2))
    kept = np.sort(rng.permutation(n)[: n - 1])
    part = groups[np.isin(groups, kept).all(axis=1)]
    assert np.array_equal(rules.take(kept).legal(np.searchsorted(kept, part)), rules.legal(part))


@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_small_pools_are_solved_to_the_optimum_under_every_rule(kind, objective, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 8))
    gain = rng.integers(0, 100, (n, n))
    rules = random_rules(n, kind, rng)
    allowed = ~np.eye(n, dtype=bool)
    problem = GroupingProblem(gain, allowed, 3, 5, 3, objective, rules)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert certificate.proved
    ways = [
        groups
        for groups in partitions(tuple(range(n)), 3, 5)
        if not any(find_broken_rules(problem, group) for group in groups)
    ]
    most = max(sum(map(len, groups)) for groups in ways)
    assert certificate.matched == most
    sizes = sorted(np.bincount(solution.group_of[solution.group_of >= 0]).tolist()) if most else []

    def worth(groups):
        free = replace(problem, rules=None)
        group_of = np.full(n, -1)
        for number, members in enumerate(groups):
            group_of[list(members)] = number
        answer = replace(solution, group_of=group_of, bound=None, prices=None, cases=())
        return certify_grouping(free, answer).objective

    same = [groups for groups in ways if sorted(map(len, groups)) == sizes]
    assert certificate.objective == max(worth(groups) for groups in same)


@pytest.mark.parametrize("kind", KINDS)
def test_larger_pools_keep_every_rule_and_their_bound(kind, pool):
    rng = np.random.default_rng(1)
    problem = replace(pool(21, 1), rules=random_rules(21, kind, rng))
    solution = solve_grouping(problem, time_limit=2)
    certificate = certify_grouping(problem, solution)
    assert certificate.bound >= certificate.objective
    assert certificate.matched >= (18 if kind not in ("slots", "at_most") else 3)


def test_group_that_breaks_a_rule_is_refused(pool):
    problem = pool(9, 1)
    rules = GroupRules(9, -np.eye(9, 3, dtype=np.int64).sum(axis=1)[:, None], np.array([-1]))
    free = solve_grouping(problem)
    problem = replace(problem, rules=rules)
    assert certify_grouping(problem, solve_grouping(problem)).matched == 9
    group_of = np.repeat([0, 1, 2], 3)  # the three who count are in one group
    with pytest.raises(CertificateError, match="sum 0 is 0, at most -1"):
        certify_grouping(problem, replace(free, group_of=group_of))


def test_tight_rules_place_as_many_as_any_packing_and_prove_it(pool):
    rng = np.random.default_rng(5)
    problem = replace(pool(30, 5), largest=3, rules=random_rules(30, "slots", rng))
    fits = problem.rules.legal_pairs(3)
    problem = replace(problem, allowed=problem.allowed & fits)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert 0 < certificate.matched < 30
    assert certificate.matched_bound - certificate.matched <= 2
    assert certificate.gap is not None
    assert certificate.gap < 0.1
    spoiled = replace(solution, places=np.zeros(30, np.int64))
    assert certify_grouping(problem, spoiled).matched_bound >= certificate.matched_bound
