from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.basis import charges
from pairmatch.solvers.groups.basis.search import Plan, Search, seat_greedily
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.columns.branching import prove
from pairmatch.solvers.groups.columns.cases import Proof
from pairmatch.solvers.groups.columns.cuts import choose_unlike
from pairmatch.solvers.groups.columns.master import UNIT, Decisions, Master
from pairmatch.solvers.groups.columns.rounds import CutRounds
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import GroupPrices

BOTH = pytest.mark.parametrize("objective", ["total", "worst_rotation"])


def all_triads(n):
    return np.array([(i, j, k) for i in range(n) for j in range(i) for k in range(j)])[:, ::-1]


def in_lexicographic_order(triads):
    return triads[np.lexsort(triads.T[::-1])]


def clubs(sizes, seed):
    """A pool whose people gain most within their club; clubs are no multiples of three."""
    rng = np.random.default_rng(seed)
    club = np.repeat(np.arange(len(sizes)), sizes)
    gain = rng.integers(0, 300, size=(club.size, club.size))
    gain += 1000 * (club[:, None] == club[None, :])
    np.fill_diagonal(gain, 0)
    return GroupingProblem(gain, ~np.eye(club.size, dtype=bool), 3, 5, 3)


def rounds_of(problem):
    values = GroupValues.of(problem, 2)
    look = Search.of(values, np.random.default_rng(0), lambda: True)
    plan: Plan = seat_greedily(look, (3,) * (values.n // 3))
    proof = Proof(plan.tables[0], plan.worth)
    master = Master(values, all_triads(values.n), np.zeros(values.n, np.int64))
    always = lambda: True  # noqa: E731
    return CutRounds(master, proof, look.rng, lambda t: t, always, lambda: float("inf"))


@BOTH
@pytest.mark.parametrize("plain", [True, False])
def test_overpriced_triads_are_those_that_looking_at_every_triad_finds(
    objective, plain, pool, monkeypatch
):
    monkeypatch.setattr(charges, "N_PLAIN", 99 if plain else 0)
    for seed in range(6):
        n = 14 + seed
        values = GroupValues.of(pool(n, seed, objective=objective, forbidden=0.1), 2)
        rng = np.random.default_rng(seed)
        prices = GroupPrices(
            rng.integers(0, 1600, size=n) * UNIT,
            UNIT,
            rng.random((5, n)) < 0.5,
            rng.integers(2, 4, size=5),
            rng.integers(-1, 500, size=5).clip(0) * UNIT,
            np.array([[0, 1]]),
            np.array([[2, 3], [5, 4]]),
        )
        every = in_lexicographic_order(all_triads(n))
        every = every[values.n_forbidden(every) == 0]
        every = every[Decisions(((0, 1),), ((2, 3), (4, 5))).keep(every)]
        worth = values.of_groups(every) * UNIT - prices.person[every].sum(axis=1)
        for row, divisor, price in zip(prices.sets, prices.divisor, prices.set_price, strict=True):
            worth -= price * (row[every].sum(axis=1) // divisor)
        for floor in (0, -200 * UNIT):
            triads, excess = charges.overpriced_triads(values, prices, floor)
            assert np.array_equal(triads, every[worth > floor])
            assert np.array_equal(excess, worth[worth > floor])


@BOTH
def test_bound_of_cut_programs_is_never_below_the_best_grouping(
    objective, pool, best_by_enumeration
):
    n_closed = 0
    for seed in range(12):
        problem = pool(9, seed, objective=objective, low=-99)
        best = best_by_enumeration(problem, (3, 3, 3), 2)
        rounds = rounds_of(problem)
        found, _ = rounds.cut_root(6)
        assert found.bound >= best
        assert rounds.proof.worth <= best
        n_closed += found.bound == best
    assert n_closed >= 8  # prices of people alone close hardly half of them


def test_clubs_of_no_multiple_of_three_are_bounded_by_sets_of_all_their_members():
    problem = clubs((16, 16, 16), 1)
    rounds = rounds_of(problem)
    found, helped = rounds.cut_root(12)
    assert helped
    used = found.prices.sets[found.prices.set_price > 0].sum(axis=1)
    assert (used >= 14).any()


def test_grouping_picked_near_the_prices_is_a_partition_and_no_worse():
    rounds = rounds_of(clubs((16, 13, 10), 2))
    before = rounds.proof.worth
    found = rounds.cut(Decisions(), 3)
    rounds.pick(found)
    assert rounds.proof.worth > before
    assert np.array_equal(np.sort(rounds.proof.triads.ravel()), np.arange(39))
    worth = int(rounds.master.values.of_groups(rounds.proof.triads).sum())
    assert before < rounds.proof.worth == worth <= found.bound


def series_of(bounds, monkeypatch):
    """Return rounds in which programs have these bounds, one after another."""
    rounds = rounds_of(clubs((6, 6), 1))
    found = rounds.cut(Decisions(), 0)
    found = replace(found, share=found.share / 2)
    rounds.proof.worth = 10_000
    later = iter([replace(found, bound=10_000 + bound) for bound in bounds])
    monkeypatch.setattr(rounds.master, "relax", lambda *_: next(later))
    monkeypatch.setattr(rounds, "_add_cuts", lambda *_: 1)
    monkeypatch.setattr(rounds, "_round", lambda _: None)
    monkeypatch.setattr(rounds, "pick", lambda _: False)
    return rounds, later


def test_first_sets_that_gain_little_are_waited_for(monkeypatch):
    bounds = [1000, 990, 980, 400, 399, 398, 397, 5]
    rounds, _ = series_of(bounds, monkeypatch)
    assert rounds.cut(Decisions(), 9, n_first=4).bound == 10_397  # two idle rounds, then no more
    rounds, _ = series_of(bounds, monkeypatch)
    assert rounds.cut(Decisions(), 9).bound == 10_980


def test_without_cases_a_small_gap_ends_the_cuts(monkeypatch):
    for to_the_end, n_left in ((False, 2), (True, 0)):
        rounds, later = series_of([1000, 400, 9, 8, 0], monkeypatch)
        rounds.cut_root(2, to_the_end=to_the_end)
        assert len(list(later)) == n_left


def test_sets_that_are_alike_leave_room_for_others_in_a_round():
    sets = np.zeros((21, 120), bool)
    sets[:20, :40] = True  # one community and somebody else, twenty times
    sets[np.arange(20), 60 + np.arange(20)] = True
    sets[20, 40:80] = True
    excess = np.linspace(1.0, 0.5, 21)
    assert choose_unlike(sets, excess, 5).tolist() == [0, 1, 2, 20]
    assert choose_unlike(sets[:2], excess[:2], 1).tolist() == [0]


def test_proof_of_clubs_is_refused_without_one_of_its_sets():
    problem = clubs((16, 16, 16), 1)
    solution = solve_grouping(problem, seed=0)
    certify_grouping(problem, solution)
    (case,) = solution.cases
    dear = int(case.set_price.argmax())
    assert case.set_price[dear] > 0
    kept = np.arange(len(case.sets)) != dear
    poorer = replace(
        case, sets=case.sets[kept], divisor=case.divisor[kept], set_price=case.set_price[kept]
    )
    with pytest.raises(CertificateError):
        certify_grouping(problem, replace(solution, cases=(poorer,)))


def test_proof_goes_on_by_cases_where_cuts_leave_a_gap(pool):
    problem = pool(60, 4)
    values = GroupValues.of(problem, 2)
    rounds = rounds_of(problem)
    proof, price = rounds.proof, np.zeros(60, np.int64)
    prove(
        values,
        proof,
        rounds.master.triads,
        price,
        n_cut_rounds=2,
        n_cases=6,
        rng=np.random.default_rng(0),
        improve=lambda triads: triads,
        keep_on=lambda: True,
        seconds_left=lambda: float("inf"),
    )
    assert len(proof.cases()) > 1
    assert proof.bound >= proof.worth


def test_small_pools_load_no_compiled_loops():
    code = (
        "import sys, numpy as np\n"
        "from pairmatch.solvers.groups import solve_grouping\n"
        "from pairmatch.solvers.problem import GroupingProblem\n"
        "gain = np.random.default_rng(1).integers(0, 1000, size=(30, 30))\n"
        "problem = GroupingProblem(gain, ~np.eye(30, dtype=bool), 3, 5, 3)\n"
        "print(solve_grouping(problem).status.value, 'numba' in sys.modules)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["optimal", "False"]
