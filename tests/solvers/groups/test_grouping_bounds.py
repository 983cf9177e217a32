from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify import groups as certify_groups
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.basis.pricing import best_triads, collect_triads
from pairmatch.solvers.groups.basis.sizes import choose_sizes, scale_of
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.columns.bounds import improve_prices
from pairmatch.solvers.groups.columns.cuts import find_overused_sets
from pairmatch.solvers.groups.columns.neighbourhoods import deal_parts_anew
from pairmatch.solvers.solution import GroupingSolution, GroupPrices, Status

BOTH = pytest.mark.parametrize("objective", ["total", "worst_rotation"])


def all_triads(n):
    return np.array([(i, j, k) for i in range(n) for j in range(i) for k in range(j)])[:, ::-1]


@pytest.fixture
def without_enumeration(monkeypatch):
    """The check has to rest on prices, as it does for large pools."""
    monkeypatch.setattr(certify_groups, "_N_ALL_PLACED", 0)
    monkeypatch.setattr(certify_groups, "N_SOME_OUT", 0)


def test_bound_is_never_below_the_best_grouping_of_300_pools(
    pool, best_by_enumeration, without_enumeration
):
    for seed in range(300):
        objective = ("total", "worst_rotation")[seed % 2]
        n = 4 + seed % 5
        size = (3, 3, 2, (3, 4), 4)[seed % 5]
        problem = pool(
            n, seed, size=size, objective=objective, forbidden=0.15 * (seed % 3), low=-99
        )
        sizes = choose_sizes(n, problem.smallest, problem.largest, problem.target)
        scale = scale_of(sizes)
        best = best_by_enumeration(problem, sizes, scale)
        if not sizes or best is None:
            continue
        values = GroupValues.of(problem, scale)
        priced = improve_prices(values, sizes, best, 40, lambda: True)
        assert priced.bound >= best
        stated = GroupingSolution(
            np.full(n, -1), None, scale, "", Status.FEASIBLE, "", priced.price
        )
        checked = certify_groups.bound_groupings(problem, stated, tuple(sorted(sizes)))
        if checked is not None:  # None: somebody has no partner at all
            assert best <= checked <= priced.bound


@BOTH
@pytest.mark.parametrize("forbidden", [0.0, 0.3])
def test_pruned_pricing_finds_what_looking_at_every_triad_finds(objective, forbidden, pool):
    problem = pool(17, 3, objective=objective, forbidden=forbidden)
    values = GroupValues.of(problem, 2)
    triads = all_triads(17)
    triads = triads[values.n_forbidden(triads) == 0]
    price = np.random.default_rng(1).integers(800, 2400, 17)
    twice = 2 * (values.of_groups(triads) - price[triads].sum(axis=1))
    for floor in (-4000, -500, 0, 700):
        best, partners = best_triads(values, price, floor)
        for person in range(17):
            own = twice[(triads == person).any(axis=1)]
            assert best[person] == max(floor, own.max())
            assert (partners[person] >= 0).all() == (own.max() > floor)
        found = collect_triads(values, price, floor)
        assert found.tolist() == sorted(triads[twice > floor].tolist())


@BOTH
@pytest.mark.parametrize(
    "n", [30, pytest.param(31, marks=pytest.mark.slow), pytest.param(32, marks=pytest.mark.slow)]
)
def test_bound_from_prices_is_close_and_survives_the_check(n, objective, pool):
    problem = pool(n, 7, objective=objective)
    solution = solve_grouping(problem, time_limit=4)
    certificate = certify_grouping(problem, solution)
    assert certificate.gap is not None
    assert 0 <= certificate.gap < 0.2
    assert certificate.bound == solution.bound


@pytest.fixture(scope="module")
def solved_once(pool):
    problem = pool(18, 1)
    return problem, solve_grouping(problem, time_limit=2)


@pytest.fixture
def solved(solved_once):
    """A problem and its answer, which may be spoiled."""
    return deepcopy(solved_once)


def test_honest_grouping_passes(solved):
    problem, solution = solved
    assert certify_grouping(problem, solution).matched == 18


def test_group_of_two_is_refused(solved):
    problem, solution = solved
    group_of = solution.group_of.copy()
    group_of[np.flatnonzero(group_of == 0)[0]] = -1
    with pytest.raises(CertificateError, match="has 2 members, allowed are 3 to 5"):
        certify_grouping(problem, replace(solution, group_of=group_of))


def test_empty_group_number_is_refused(solved):
    problem, solution = solved
    group_of = solution.group_of.copy()
    group_of[group_of == 0] = 9
    with pytest.raises(CertificateError, match="has 0 members"):
        certify_grouping(problem, replace(solution, group_of=group_of))


def test_forbidden_pair_is_refused_even_if_one_direction_is_allowed(solved):
    problem, solution = solved
    a, b = np.flatnonzero(solution.group_of == 0)[:2]
    problem.allowed[b, a] = False
    with pytest.raises(CertificateError, match=f"persons {a} and {b} may not share"):
        certify_grouping(problem, solution)


def test_list_of_wrong_length_is_refused(solved):
    problem, solution = solved
    with pytest.raises(CertificateError, match="expected 18 whole numbers"):
        certify_grouping(problem, replace(solution, group_of=solution.group_of[:-1]))


def test_scale_that_hides_fractions_is_refused(solved):
    problem, solution = solved
    with pytest.raises(CertificateError, match="does not suit its size"):
        certify_grouping(problem, replace(solution, scale=1))


def test_bound_lower_than_its_prices_prove_is_refused(solved):
    problem, solution = solved
    proved = certify_groups.bound_groupings(problem, solution, (3,) * 6)
    with pytest.raises(CertificateError, match="is not proved"):
        certify_grouping(problem, replace(solution, bound=proved - 1))
    with pytest.raises(CertificateError, match="is not proved"):
        certify_grouping(problem, replace(solution, prices=None, cases=()))


def test_false_bound_of_an_enumerated_pool_is_refused(pool):
    problem = pool(9, 1)
    solution = solve_grouping(problem)
    with pytest.raises(CertificateError, match="is not proved"):
        certify_grouping(problem, replace(solution, bound=solution.bound - 1))


def test_lowered_prices_prove_no_lower_bound(solved):
    problem, solution = solved
    for cut in (1, 100, 3000):
        prices = solution.prices - cut if solution.prices is not None else np.zeros(18, np.int64)
        weak = replace(solution, prices=prices, cases=(), bound=None)
        certificate = certify_grouping(problem, weak)
        assert certificate.bound >= certificate.objective


def simple_case(price, *, together=(), apart=()):
    n = price.size
    none = np.zeros(0, np.int64)
    pairs = [np.array(p, np.int64).reshape(-1, 2) for p in (together, apart)]
    return GroupPrices(price, 1, np.zeros((0, n), bool), none, none, *pairs)


def test_cases_that_leave_a_gap_prove_nothing(solved):
    problem, solution = solved
    price = np.full(18, 2000)
    both = (simple_case(price, together=[(0, 1)]), simple_case(price, apart=[(0, 1)]))
    sizes = (3,) * 6
    bound = certify_groups.bound_groupings
    assert bound(problem, replace(solution, cases=both), sizes) == 18 * 2000
    assert bound(problem, replace(solution, cases=both[:1]), sizes) is None
    other = (both[0], simple_case(price, apart=[(0, 2)]))
    assert bound(problem, replace(solution, cases=other), sizes) is None


def test_sets_with_negative_prices_prove_nothing(solved):
    problem, solution = solved
    sets = np.zeros((1, 18), bool)
    sets[0, :4] = True
    case = GroupPrices(np.full(18, 2000), 1, sets, np.array([3]), np.array([-5]))
    assert (
        certify_groups.bound_groupings(problem, replace(solution, cases=(case,)), (3,) * 6) is None
    )


@BOTH
@pytest.mark.parametrize("n", [18, 24])
def test_triads_are_proved_best_by_prices_of_people_and_sets(n, objective, pool):
    problem = pool(n, 5, objective=objective, high=10**6)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert solution.status is Status.OPTIMAL
    assert certificate.proved
    assert certificate.gap == 0.0
    weaker = [
        certify_groups.bound_groupings(problem, replace(solution, cases=()), (3,) * (n // 3)),
        solution.bound,
    ]
    assert weaker[0] >= weaker[1]


def test_proof_with_a_case_taken_away_is_refused(pool):
    for seed in range(20):  # until a pool needs more than one case
        problem = pool(27, seed, high=10**6)
        solution = solve_grouping(problem)
        if len(solution.cases) > 1:
            break
    assert certify_grouping(problem, solution).proved
    for gone in range(len(solution.cases)):
        cases = solution.cases[:gone] + solution.cases[gone + 1 :]
        with pytest.raises(CertificateError, match="is not proved"):
            certify_grouping(problem, replace(solution, cases=cases))


def test_proof_with_a_lowered_price_of_a_set_is_refused(pool):
    for seed in range(20):
        problem = pool(24, seed, high=10**6)
        solution = solve_grouping(problem)
        if solution.cases and solution.cases[0].set_price.any():
            break
    case = solution.cases[0]
    lowered = replace(case, set_price=case.set_price // 2)
    with pytest.raises(CertificateError, match="is not proved"):
        certify_grouping(problem, replace(solution, cases=(lowered, *solution.cases[1:])))


def test_sets_bound_disjoint_groups_of_every_grouping():
    rng = np.random.default_rng(2)
    for _ in range(200):
        order = rng.permutation(12)
        inside = rng.random(12) < rng.random()
        for divisor in (2, 3):
            used = sum(int(inside[order[g : g + 3]].sum()) // divisor for g in range(0, 12, 3))
            assert used <= inside.sum() // divisor


def test_community_of_no_multiple_of_three_is_found_overused():
    triads = np.array([(a, b, c) for a in range(4) for b in range(a) for c in range(b)])
    triads = np.concatenate([triads, triads + 4, triads + 8])  # three fours, each in triads
    share = np.full(len(triads), 1 / 3)
    sets, divisor = find_overused_sets(12, [triads], [share], np.random.default_rng(0), 99, (3,))
    fours = {tuple(np.flatnonzero(row)) for row, d in zip(sets, divisor, strict=True) if d == 3}
    assert (0, 1, 2, 3) in fours


def test_parts_dealt_anew_never_lose_and_repair_a_swap(pool):
    problem = pool(45, 3)
    values = GroupValues.of(problem, 2)
    solution = solve_grouping(problem, time_limit=6)
    good = np.array([np.flatnonzero(solution.group_of == g) for g in range(15)])
    bad = good.copy()
    bad[0, 0], bad[1, 0] = good[1, 0], good[0, 0]
    dealt = deal_parts_anew(
        values,
        bad,
        solution.prices,
        n_groups=15,
        n_rounds=1,
        rng=np.random.default_rng(0),
        keep_on=lambda: True,
    )
    assert values.of_groups(dealt).sum() >= values.of_groups(good).sum()
    assert sorted(dealt.ravel().tolist()) == list(range(45))


def test_prices_whose_sums_leave_64_bits_prove_nothing(solved):
    problem, solution = solved
    case = simple_case(np.full(18, 2**59))
    forged = replace(solution, cases=(case,))
    assert certify_groups.bound_groupings(problem, forged, (3,) * 6) is None
