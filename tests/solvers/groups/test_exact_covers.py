from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.covers import rule_out_covers
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.basis.search import Plan
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.lowest.above import Above
from pairmatch.solvers.groups.lowest.covering import cover_people, mend_plan
from pairmatch.solvers.groups.lowest.raising import Raised
from pairmatch.solvers.problem import GroupingProblem


def some_cover(people, groups, wanted):
    """Whether disjoint groups of the wanted sizes can be chosen, by enumeration."""
    if not wanted:
        return True
    for at, group in enumerate(groups):
        if len(group) in wanted and people.issuperset(group):
            rest = list(wanted)
            rest.remove(len(group))
            if some_cover(people - set(group), groups[at + 1 :], rest):
                return True
    return False


@pytest.mark.parametrize("sizes", [(3,), (3, 4), (2, 3)])
def test_covers_are_found_or_ruled_out_as_by_enumeration(sizes):
    rng = np.random.default_rng(len(sizes) + sizes[0])
    seen = set()
    for _ in range(60):
        n = int(rng.integers(6, 12))
        tables = []
        for size in sizes:
            every = np.array(list(combinations(range(n), size)))
            tables.append(every[rng.random(len(every)) < rng.uniform(0.02, 0.15)])
        count = [int(rng.integers(1, 2 + n // (size * len(sizes)))) for size in sizes]
        wanted = [size for size, number in zip(sizes, count, strict=True) for _ in range(number)]
        groups = [tuple(row) for table in tables for row in table.tolist()]
        possible = some_cover(set(range(n)), groups, wanted)
        found, settled = cover_people(n, tables, count, 10**6)
        assert settled
        assert (found is not None) == possible
        ruled_out = rule_out_covers(np.arange(n), dict(zip(sizes, tables, strict=True)), wanted)
        assert ruled_out is (not possible)
        seen.add(possible)
        if found is not None:
            assert [len(table) for table in found] == count
            seated = np.concatenate([table.ravel() for table in found])
            assert np.unique(seated).size == seated.size
    assert seen == {True, False}


def test_people_whom_no_group_links_to_others_have_to_divide_by_themselves():
    parts = [np.arange(10), np.arange(10, 24)]
    every = np.concatenate([list(combinations(part.tolist(), 3)) for part in parts])
    assert cover_people(24, [every], [8], 5) == (None, True)
    assert rule_out_covers(np.arange(24), {3: every}, [3] * 8)
    assert rule_out_covers(np.arange(24), {3: every}, [3] * 7) is False


def test_a_search_for_covers_that_is_cut_short_says_so():
    every = np.array(list(combinations(range(12), 3)))
    odd = every[(every < 7).sum(axis=1) != 1]  # leaves too few who go with one of the first
    assert cover_people(12, [odd], [4], 3) == (None, False)


@pytest.fixture
def two_schools():
    """Two parts of a pool that do not divide into triads, and hardly go together."""

    def make(parts, seed):
        rng = np.random.default_rng(seed)
        school = np.repeat([0, 1], parts)
        gain = rng.integers(0, 20, (school.size,) * 2)
        gain += 200 * (school[:, None] == school)
        np.fill_diagonal(gain, 0)
        return GroupingProblem(gain, ~np.eye(school.size, dtype=bool), 3, 5, 3, "worst_group")

    return make


@pytest.mark.parametrize("parts", [(8, 10), (7, 11)])
def test_lowest_groups_are_proved_where_prices_of_places_are_not_enough(parts, two_schools):
    problem = two_schools(parts, 1)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert solution.floor_prices is None  # every person could be in a half or a third of a group
    assert certificate.lowest < 150
    assert certificate.lowest == certificate.lowest_bound
    for stated in (certificate.lowest - Fraction(1, 1000), Fraction(0)):
        with pytest.raises(CertificateError, match="lowest group is not proved"):
            certify_grouping(problem, replace(solution, lowest_bound=stated))
    group_of = solution.group_of.copy()  # a plan that is not the best does not pass for it
    inside, others = (np.flatnonzero(group_of == group)[:2] for group in (0, 1))
    group_of[inside], group_of[others] = 1, 0
    spoiled = replace(solution, group_of=group_of, bound=None, price=None)
    lowest = certify_grouping(problem, replace(spoiled, lowest_bound=None)).lowest
    assert lowest < certificate.lowest
    with pytest.raises(CertificateError, match="lowest group is not proved"):
        certify_grouping(problem, replace(spoiled, lowest_bound=lowest))
    assert certify_grouping(problem, spoiled).lowest_bound == certificate.lowest


def test_a_plan_is_mended_part_by_part_until_all_groups_are_at_the_floor():
    n = 45
    rng = np.random.default_rng(5)
    hidden = rng.permutation(n).reshape(-1, 3)
    gain = rng.integers(0, 50, (n, n))
    for a, b, c in hidden:
        gain[np.ix_([a, b, c], [a, b, c])] = 60
    for a, b in pairwise(hidden):  # and ways that lead astray
        trap = [*a[:2], b[0]]
        gain[np.ix_(trap, trap)] = 60
    np.fill_diagonal(gain, 0)
    problem = GroupingProblem(gain, ~np.eye(n, dtype=bool), 3, 3, 3)
    values = GroupValues.of(problem, 2)
    above = Above(values, (3,), 6, lambda: True)
    swapped = hidden.copy()
    swapped[:3, 0] = np.roll(swapped[:3, 0], 1)
    lowest = int(above.mean_of(swapped).min())
    raised = Raised(Plan([swapped], np.empty(0, np.int64), 0), lowest, 60 * 6)
    assert above.list_from(60 * 6)
    assert mend_plan(raised, above, 60 * 6, np.random.default_rng(0), lambda: True)
    assert raised.lowest == 60 * 6
    assert sorted(raised.plan.tables[0].ravel().tolist()) == list(range(n))
