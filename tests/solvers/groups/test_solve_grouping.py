from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.basis.sizes import choose_sizes
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import Status

BOTH = pytest.mark.parametrize("objective", ["total", "worst_rotation"])


def sizes_of(solution):
    placed = solution.group_of[solution.group_of >= 0]
    return sorted(np.bincount(placed).tolist()) if placed.size else []


@BOTH
@pytest.mark.parametrize(("n", "seed"), [(6, 1), (7, 2), (8, 3), (9, 4), (9, 5), (10, 6)])
def test_small_pool_gets_the_best_of_all_groupings(n, seed, objective, pool, best_by_enumeration):
    problem = pool(n, seed, objective=objective)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    expected = best_by_enumeration(problem, choose_sizes(n, 3, 5, 3), solution.scale)
    assert certificate.objective == certificate.bound == expected
    assert certificate.proved
    assert solution.status is Status.OPTIMAL


@BOTH
def test_twelve_people_get_the_best_of_all_groupings(objective, pool, best_by_enumeration):
    problem = pool(12, 12, objective=objective)
    solution = solve_grouping(problem)
    expected = best_by_enumeration(problem, (3, 3, 3, 3), solution.scale)
    assert certify_grouping(problem, solution).objective == expected


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (0, []),
        (1, []),
        (2, []),
        (3, [3]),
        (4, [4]),
        (5, [5]),
        (6, [3, 3]),
        (7, [3, 4]),
        (8, [4, 4]),
        (16, [3, 3, 3, 3, 4]),
        pytest.param(20, [3, 3, 3, 3, 4, 4], marks=pytest.mark.slow),
    ],
)
@BOTH
def test_leftovers_make_groups_of_three_grow(n, sizes, objective, pool):
    problem = pool(n, n, objective=objective)
    solution = solve_grouping(problem)
    assert sizes_of(solution) == sizes
    certificate = certify_grouping(problem, solution)
    assert certificate.matched == certificate.matched_bound == sum(sizes)
    assert certificate.bound is not None
    assert certificate.bound >= certificate.objective


def test_group_sizes_are_as_even_as_a_range_allows():
    assert choose_sizes(23, 4, 6, 5) == (5, 5, 5, 4, 4)
    assert choose_sizes(11, 5, 6, 6) == (6, 5)
    assert choose_sizes(9, 5, 6, 6) == (6,)  # nine do not divide into fives and sixes
    assert choose_sizes(4, 5, 6, 5) == ()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 200), st.integers(2, 9), st.integers(0, 6), st.data())
def test_sizes_stay_within_limits_and_leave_out_as_few_as_possible(n, smallest, more, data):
    largest = smallest + more
    target = data.draw(st.integers(smallest, largest))
    sizes = choose_sizes(n, smallest, largest, target)
    assert all(smallest <= size <= largest for size in sizes)
    assert not sizes or max(sizes) - min(sizes) <= 1
    most = max((min(n, q * largest) for q in range(1, n // smallest + 1)), default=0)
    assert sum(sizes) == most


def test_worst_rotation_prefers_fair_triads_where_the_total_prefers_generous_ones():
    gain = np.zeros((6, 6), np.int64)
    for group in ((0, 1, 2), (3, 4, 5)):  # one coach gives all, the others nothing
        gain[np.ix_(group, group)] = 0
        gain[group[1], group[0]] = gain[group[2], group[0]] = 100
    for a, b, c in ((0, 4, 5), (3, 1, 2)):  # everybody gives a little
        for x, y in ((a, b), (b, c), (c, a)):
            gain[x, y] += 20
    allowed = ~np.eye(6, dtype=bool)
    total = GroupingProblem(gain, allowed, 3, 5, 3, "total")
    worst = replace(total, objective="worst_rotation")
    by_total, by_worst = solve_grouping(total), solve_grouping(worst)
    assert by_total.group_of.tolist() == [0, 0, 0, 1, 1, 1]
    assert by_worst.group_of.tolist() == [0, 1, 1, 1, 0, 0]
    crossed = replace(by_worst, bound=by_total.bound, scale=by_total.scale)
    ours = certify_grouping(total, by_total).objective
    assert certify_grouping(total, crossed).objective < ours


@BOTH
def test_equal_scores_are_grouped_and_proved(objective, pool):
    problem = pool(21, objective=objective, low=7, high=7)
    solution = solve_grouping(problem, time_limit=5)
    certificate = certify_grouping(problem, solution)
    assert sizes_of(solution) == [3] * 7
    assert certificate.objective == certificate.bound == 21 * 7 * solution.scale
    assert certificate.gap == 0.0


def test_negative_gains_do_not_keep_anybody_out(pool, best_by_enumeration):
    problem = pool(9, 3, low=-500, high=-100)
    solution = solve_grouping(problem)
    assert sizes_of(solution) == [3, 3, 3]
    expected = best_by_enumeration(problem, (3, 3, 3), solution.scale)
    assert certify_grouping(problem, solution).objective == expected < 0


@pytest.mark.parametrize("n", [6, 18])
def test_everybody_forbidden_leaves_everybody_out(n, pool):
    problem = pool(n, forbidden=1.1)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert (solution.group_of == -1).all()
    assert (certificate.matched, certificate.matched_bound, certificate.gap) == (0, 0, 0.0)
    assert certificate.proved


@pytest.mark.parametrize("n", [7, 10, pytest.param(22, marks=pytest.mark.slow)])
@BOTH
def test_one_person_forbidden_with_all_is_left_out_alone(n, objective, pool):
    problem = pool(n, 1, objective=objective)
    problem.allowed[4, :] = problem.allowed[:, 4] = False
    solution = solve_grouping(problem, time_limit=5)
    certificate = certify_grouping(problem, solution)
    assert np.flatnonzero(solution.group_of == -1).tolist() == [4]
    assert certificate.matched == certificate.matched_bound == n - 1


def test_two_circles_without_contact_are_both_placed_whole(pool):
    problem = pool(9, 2)
    problem.allowed[:4, 4:] = problem.allowed[4:, :4] = False
    solution = solve_grouping(problem)  # threes cannot place all nine, a four and a five can
    assert sizes_of(solution) == [4, 5]
    assert certify_grouping(problem, solution).proved


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
def test_no_group_has_a_forbidden_pair_and_hardly_anybody_is_out(seed, pool):
    problem = pool(48, seed, forbidden=0.5)
    solution = solve_grouping(problem, time_limit=3)
    certificate = certify_grouping(problem, solution)  # raises for a forbidden pair
    assert certificate.matched >= 46


@BOTH
@pytest.mark.parametrize("forbidden", [0.0, 0.3])
def test_relabelled_people_reach_the_same_objective(objective, forbidden, pool):
    problem = pool(11, 8, objective=objective, forbidden=forbidden)
    order = np.random.default_rng(1).permutation(11)
    turned = replace(
        problem,
        gain=problem.gain[np.ix_(order, order)],
        allowed=problem.allowed[np.ix_(order, order)],
    )
    first = certify_grouping(problem, solve_grouping(problem))
    second = certify_grouping(turned, solve_grouping(turned))
    assert first == second


@BOTH
def test_same_problem_and_seed_give_the_same_answer(objective, pool):
    problem = pool(24, 4, objective=objective, forbidden=0.1)
    first, second = solve_grouping(problem, seed=3), solve_grouping(problem, seed=3)
    assert first.group_of.tolist() == second.group_of.tolist()
    assert first.bound == second.bound


@BOTH
@pytest.mark.parametrize("size", [2, 4, (2, 3), (4, 6), (3, 3)])
def test_every_size_gets_a_valid_bound(size, objective, pool):
    problem = pool(23, 9, size=size, objective=objective)
    solution = solve_grouping(problem, time_limit=2)
    certificate = certify_grouping(problem, solution)
    assert certificate.bound is not None
    assert certificate.bound >= certificate.objective
    assert certificate.bound <= 3 * certificate.objective
    assert certificate.matched == sum(
        choose_sizes(23, problem.smallest, problem.largest, problem.target)
    )


def test_interrupt_returns_the_best_so_far_with_a_valid_bound(pool):
    problem = pool(60, 3)

    def stop(n_rounds, gap, seconds):
        raise KeyboardInterrupt

    solution = solve_grouping(problem, progress=stop)
    certificate = certify_grouping(problem, solution)
    assert solution.status is Status.INTERRUPTED
    assert certificate.matched == 60
    assert certificate.bound is not None
    assert certificate.objective > 0.8 * certificate.bound


def test_clock_stops_the_search_and_the_status_says_so(pool):
    problem = pool(90, 3)
    solution = solve_grouping(problem, time_limit=0.05)
    assert solution.status is Status.TIME_LIMIT
    assert certify_grouping(problem, solution).matched == 90


def test_progress_hears_rounds_gap_and_seconds(pool):
    heard = []
    solve_grouping(pool(18, 3), progress=lambda *told: heard.append(told))
    assert [told[0] for told in heard] == list(range(1, len(heard) + 1))
    assert heard[-1][1] is not None
    assert heard[-1][1] >= 0


def test_gains_beyond_exact_sums_are_refused(pool):
    problem = pool(9, high=2**58)
    with pytest.raises(OverflowError, match="too large"):
        solve_grouping(problem)


@BOTH
def test_value_of_completed_groups_equals_the_value_of_groups(objective, pool):
    values = GroupValues.of(pool(12, 5, objective=objective, forbidden=0.3), 12)
    rest = np.array([[0, 1, 2], [3, 4, 5]])
    people = np.array([6, 7, 8])
    worth, n_forbidden = values.with_each(rest, people)
    for g in range(2):
        for p in range(3):
            group = np.array([[*rest[g], people[p]]])
            assert worth[g, p] == values.of_groups(group)[0]
            inside = values.n_forbidden(rest[g : g + 1])[0]
            assert n_forbidden[g, p] == values.n_forbidden(group)[0] - inside
