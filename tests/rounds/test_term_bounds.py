"""The bound on all rounds together: never below the best term, and not to be forged."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.terms import bound_rounds, certify_term
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import TermPrices
from pairmatch.solvers.terms import plan_term
from pairmatch.solvers.terms.bounds import price_term
from pairmatch.solvers.terms.planning import _Work


def pool(n, size, seed, objective="total", largest=None):
    gain = np.random.default_rng(seed).integers(0, 1000, (n, n))
    allowed = ~np.eye(n, dtype=bool)
    largest = size if largest is None else largest
    return GroupingProblem(gain, allowed, size, largest, size, objective)


def partitions(people, size):
    if not people:
        yield ()
        return
    first, *rest = people
    for others in combinations(rest, size - 1):
        left = [person for person in rest if person not in others]
        for more in partitions(left, size):
            yield ((first, *others), *more)


def value(problem, group, scale):
    given = [sum(int(problem.gain[b, a]) for b in group if b != a) for a in group]
    factor = scale // (len(group) - 1)
    if problem.objective == "worst_rotation":
        return len(group) * min(given) * factor
    return sum(given) * factor


def best_of_two_rounds(problem, size, scale):
    """Return the best two rounds without a repeated pair, by looking at all of them."""
    every = []
    for groups in partitions(list(range(problem.n)), size):
        worth = sum(value(problem, group, scale) for group in groups)
        every.append((worth, {pair for group in groups for pair in combinations(group, 2)}))
    return max(
        one + other
        for (one, pairs), (other, others) in combinations(every, 2)
        if not pairs & others
    )


def first_of(n, size):
    return np.arange(n) // size


@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize(("n", "size"), [(6, 2), (8, 2), (9, 3)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_bound_is_never_below_the_best_term(n, size, seed, objective):
    problem = pool(n, size, seed, objective)
    scale = size - 1
    term, interrupted = plan_term(problem, first_of(n, size), 2, scale=scale)
    prices = price_term(problem, term, 1, scale)
    found = certify_term(problem, term, 1, scale, prices)
    best = best_of_two_rounds(problem, size, scale)
    assert not interrupted
    assert found.objective <= best <= found.bound
    assert found.objective >= 0.93 * best
    if size == 2 and objective == "total":
        assert found.bound <= 1.1 * best


def test_a_full_term_of_nine_is_proved_optimal_by_prices_of_meetings():
    problem = pool(9, 3, 5)
    term, _ = plan_term(problem, first_of(9, 3), 4, scale=2)
    found = certify_term(problem, term, 1, 2, price_term(problem, term, 1, 2))
    assert len(term) == 4
    assert found.proved


def test_groups_of_two_sizes_have_a_bound_as_well():
    problem = pool(13, 3, 6, largest=5)
    first = np.array([0] * 4 + [1] * 3 + [2] * 3 + [3] * 3)
    term, _ = plan_term(problem, first, 3, scale=12)
    found = certify_term(problem, term, 1, 12, price_term(problem, term, 1, 12))
    assert len(term) == 3
    assert found.bound >= found.objective
    assert found.gap < 0.2


@pytest.mark.slow
def test_rounds_formed_anew_lead_past_what_single_rounds_and_trades_reach():
    first = np.array([0] * 4 + [1] * 3 + [2] * 3 + [3] * 3)
    gained = []
    for seed in range(4):
        problem = pool(13, 3, seed, largest=5)
        values, rng = GroupValues.of(problem, 12), np.random.default_rng(0)
        work = _Work(problem, values, first, 1, rng, lambda: True)
        begun = work.polish(work.follow(3, 300))
        before, after = (certify_term(problem, term, 1, 12) for term in (begun, work.renew(begun)))
        assert before.matched == after.matched == 39
        gained.append(after.objective - before.objective)
    assert min(gained) >= 0
    assert max(gained) > 0


def test_wrong_prices_only_make_the_bound_wider():
    problem = pool(9, 3, 7)
    term, _ = plan_term(problem, first_of(9, 3), 2, scale=2)
    prices = price_term(problem, term, 1, 2)
    best = best_of_two_rounds(problem, 3, 2)
    rng = np.random.default_rng(0)
    for _ in range(20):
        person = prices.person - rng.integers(0, 2**36, 9)
        pair = np.triu(rng.integers(0, 2**30, (9, 9)), 1)
        forged = replace(prices, person=person, pair=pair + pair.T)
        assert certify_term(problem, term, 1, 2, forged).bound >= best


def test_prices_that_are_none_prove_nothing():
    problem = pool(9, 3, 8)
    nothing = np.zeros((9, 9), np.int64)
    sizes = [(3, 3, 3)]
    person = np.zeros(9, np.int64)
    assert bound_rounds(problem, TermPrices(person, nothing - 1, 1), sizes, 1, 2) is None
    assert bound_rounds(problem, TermPrices(person[:8], nothing, 1), sizes, 1, 2) is None
    assert bound_rounds(problem, TermPrices(person, nothing, 0), sizes, 1, 2) is None
    lopsided = nothing.copy()
    lopsided[0, 1] = 1
    assert bound_rounds(problem, TermPrices(person, lopsided, 1), sizes, 1, 2) is None


def test_a_pair_that_meets_twice_is_refused_unless_it_may():
    problem = pool(6, 3, 9)
    twice = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 1, 0, 1, 1]])
    with pytest.raises(CertificateError, match="meet in rounds 1, 2"):
        certify_term(problem, twice, 1, 2)
    assert certify_term(problem, twice, 2, 2).matched == 12


def test_planning_does_not_depend_on_anything_but_the_seed():
    problem = pool(18, 3, 10)
    one, _ = plan_term(problem, first_of(18, 3), 6, scale=2, seed=3)
    other, _ = plan_term(problem, first_of(18, 3), 6, scale=2, seed=3)
    assert (one == other).all()
    assert len(one) == 6
