"""Schedules keep what they promise, and limits are what enumeration finds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pairmatch.solvers.groups.basis.sizes import choose_sizes
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.terms.fields import field_tables, prime_powers, ring_tables
from pairmatch.solvers.terms.limits import most_full_rounds
from pairmatch.solvers.terms.schedules import count_meetings, known_schedule
from pairmatch.solvers.terms.tables import TABLES


def pool(n, smallest, largest=None):
    allowed = ~np.eye(n, dtype=bool)
    largest = smallest if largest is None else largest
    return GroupingProblem(np.zeros((n, n), np.int64), allowed, smallest, largest, smallest)


@pytest.mark.parametrize(
    ("n", "k", "n_rounds"),
    [
        (9, 3, 4), (15, 3, 7), (18, 3, 8), (21, 3, 10), (24, 3, 11), (27, 3, 13), (30, 3, 14),
        (33, 3, 16), (36, 3, 17), (63, 3, 31), (81, 3, 40), (8, 2, 7), (7, 2, 7), (20, 2, 19),
        (16, 4, 5), (64, 4, 21), (25, 5, 6), (49, 7, 8), (12, 3, 4), (20, 4, 5), (35, 5, 7),
    ],
)  # fmt: skip
def test_known_numbers_of_rounds_are_reached(n, k, n_rounds):
    schedule = known_schedule(n, (k,) * (n // k))
    even = [row for row in schedule if set(np.bincount(row[row >= 0])) == {k}]
    assert len(even) == n_rounds
    assert count_meetings(schedule).max() == 1
    assert ((schedule >= 0).sum(axis=1) == n // k * k).all()


def test_seven_in_pairs_rest_once_each():
    schedule = known_schedule(7, (2, 2, 2))
    assert ((schedule < 0).sum(axis=0) == 1).all()


@pytest.mark.parametrize(("n", "sizes"), sorted(TABLES))
def test_base_rounds_of_the_table_make_schedules_of_these_sizes(n, sizes):
    schedule = known_schedule(n, sizes)
    assert count_meetings(schedule).max() == 1
    shifts, _, bases = TABLES[n, sizes]
    n_rounds = sum(1 if base.startswith("!") else shifts for base in bases.split("/"))
    assert len(schedule) >= n_rounds
    for row in schedule:
        assert row.min() >= -1
        assert row.max() == len(set(row[row >= 0])) - 1


def test_larger_groups_end_a_schedule_of_triads_of_twelve():
    schedule = known_schedule(12, (3, 3, 3, 3))
    assert [len(set(row)) for row in schedule] == [4, 4, 4, 4, 3]


def test_where_nothing_is_known_there_is_no_round():
    assert known_schedule(6, (3, 3)).shape == (0, 6)
    assert known_schedule(36, (6,) * 6).shape == (0, 36)


@pytest.mark.parametrize("q", [2, 3, 4, 5, 7, 8, 9, 12, 15])
def test_rings_are_rings_and_fields_have_inverses(q):
    plus, times, apart = ring_tables(q)
    every = np.arange(q)
    assert (np.sort(plus, axis=1) == every).all()
    assert (plus == plus.T).all()
    assert (times == times.T).all()
    for a in every:
        assert (times[a][plus] == plus[times[a]][:, times[a]]).all()  # distributive
        assert (times[times[a]] == times[a][times]).all()  # associative
    minus = np.argmax(plus == 0, axis=1)
    for a, b in combinations(apart, 2):
        assert sorted(times[plus[a, minus[b]]]) == every.tolist()  # a difference is a unit
    if len(prime_powers(q)) == 1:
        assert len(apart) == q


def test_a_field_needs_a_prime():
    with pytest.raises(ValueError, match="no prime"):
        field_tables(4, 1)


def most_by_enumeration(n, k):
    """Return the most rounds of groups of k of all n people, by looking at all of them."""

    def partitions(people):
        if not people:
            yield ()
            return
        first, *rest = people
        for others in combinations(rest, k - 1):
            left = [person for person in rest if person not in others]
            for more in partitions(left):
                yield ((first, *others), *more)

    def pairs(rounds):
        return {pair for group in rounds for pair in combinations(group, 2)}

    first = tuple(tuple(range(at, at + k)) for at in range(0, n, k))
    used = pairs(first)
    further = [found for one in partitions(range(n)) if not (found := pairs(one)) & used]

    def extend(n_rounds, candidates):
        best = n_rounds
        for at, one in enumerate(candidates):
            rest = [other for other in candidates[at + 1 :] if not other & one]
            if n_rounds + 1 + len(rest) > best:
                best = max(best, extend(n_rounds + 1, rest))
        return best

    return extend(1, further)


@pytest.mark.parametrize(("n", "k"), [(4, 2), (6, 2), (6, 3), (9, 3), (8, 4)])
def test_limits_are_what_enumeration_finds(n, k):
    assert most_full_rounds(pool(n, k), n)[0] == most_by_enumeration(n, k)


def test_the_fifth_round_of_twelve_in_threes_is_excluded_by_enumeration():
    most, why = most_full_rounds(pool(12, 3), 12)
    assert most == most_by_enumeration(12, 3) == 4
    assert "enumeration" in why
    assert most_full_rounds(pool(12, 3, 5), 12)[0] == 5


def test_limits_count_partners_pairs_and_groups():
    assert most_full_rounds(pool(10, 3, 5), 10)[0] == 1  # four members from three groups
    assert most_full_rounds(pool(13, 3, 5), 13)[0] == 5  # 78 pairs, 15 a round
    assert most_full_rounds(pool(10, 3), 9)[0] == 4
    assert most_full_rounds(pool(36, 6), 36)[0] == 3
    assert most_full_rounds(pool(9, 3), 9, at_most=2)[0] == 8
    lonely = pool(9, 3)
    lonely.allowed[0, 5:] = lonely.allowed[5:, 0] = False
    most, why = most_full_rounds(lonely, 9)
    assert most == 2
    assert "somebody has only 4" in why


def test_sizes_of_the_table_are_those_that_pools_are_cut_into():
    whole = [(n, sizes) for n, sizes in TABLES if sum(sizes) == n and sizes[-1] >= 3]
    assert whole
    for n, sizes in whole:
        assert sizes == choose_sizes(n, sizes[-1], 2 * sizes[-1] - 1, sizes[-1])
