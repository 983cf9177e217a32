from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

import pairmatch as pm
from pairmatch.datasets import staff
from pairmatch.errors import CertificateError
from pairmatch.solvers.certify import columns as checked_columns
from pairmatch.solvers.certify.columns import bound_by_sizes
from pairmatch.solvers.certify.group_rules import find_broken_rules
from pairmatch.solvers.certify.groups import certify_grouping, settle_grouping
from pairmatch.solvers.certify.small_groups import best_by_enumeration, group_value
from pairmatch.solvers.group_rules import GroupRules
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.basis.search import Plan
from pairmatch.solvers.groups.basis.sizes import scale_of
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.columns.answers import plain_case
from pairmatch.solvers.groups.columns.mixing import mix_columns
from pairmatch.solvers.groups.columns.neighbourhoods import deal_groups_anew
from pairmatch.solvers.groups.columns.offers import excess_of, find_offers, list_offers
from pairmatch.solvers.groups.columns.packing import pack_groups, price_places
from pairmatch.solvers.groups.columns.solver import begin_columns
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import Status

SIZES = (3, 4, 4)
STOPPED = """
import os, signal, threading
import numpy as np
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.group_rules import GroupRules
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.problem import GroupingProblem
rng = np.random.default_rng(5)
n = 130
rules = GroupRules(n, rng.integers(0, 2, (n, 1)), np.array([2]))
gain, allowed = rng.integers(0, 999, (n, n)), ~np.eye(n, dtype=bool)
problem = GroupingProblem(gain, allowed, 3, 5, 4, rules=rules)
def stop(round_, gap, seconds):
    if round_ == 1:
        signal.raise_signal(signal.SIGINT)
solution = solve_grouping(problem, progress=stop)
certificate = certify_grouping(problem, solution)
print(solution.status.value, certificate.matched, certificate.bound >= certificate.objective)
"""


@pytest.fixture
def ruled(pool):
    """Eleven people of whom no more than two of one kind share a group."""

    def make(seed, objective="total"):
        rng = np.random.default_rng(seed)
        kind = np.arange(11) % 3 == 0
        rules = GroupRules(11, kind[:, None].astype(np.int64), np.array([2]))
        link = rng.random((11, 11)) < 0.7
        rules = replace(rules, links=(link,)) if seed % 2 else rules
        problem = pool(11, seed, size=(3, 4), objective=objective, forbidden=0.1, low=-50)
        return replace(problem, rules=rules)

    return make


def legal_plan(problem):
    """Some legal grouping into groups of the sizes, by the solver."""
    solution = solve_grouping(problem)
    rows = [np.flatnonzero(solution.group_of == g) for g in range(solution.group_of.max() + 1)]
    return [row.tolist() for row in rows]


@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize("seed", range(6))
def test_prices_of_all_legal_groups_bound_the_best_and_columns_find_it(ruled, seed, objective):
    problem = ruled(seed, objective)
    best = best_by_enumeration(problem, np.arange(11), SIZES, 6)
    if best is None:
        pytest.skip("no grouping of these sizes is legal")
    values = GroupValues.of(problem, 6)
    groups = legal_plan(problem)
    assert tuple(sorted(map(len, groups))) == SIZES
    tables = [np.array([g for g in groups if len(g) == k]) for k in (3, 4)]
    plan = Plan(tables, np.empty(0, np.int64), values.of_tables(tables))
    found = mix_columns(values, plan, np.random.default_rng(0), lambda: True)
    assert best <= found.bound <= best + abs(best) // 4
    proved = bound_by_sizes(problem, found.case, SIZES, 6 * found.case.unit)
    assert proved // found.case.unit == found.bound
    assert found.plan.worth == best == values.of_tables(found.plan.tables)


@pytest.mark.parametrize("seed", range(6))
def test_any_prices_are_checked_against_every_legal_group(ruled, seed):
    problem = ruled(seed, ("total", "worst_rotation")[seed % 2])
    price = np.random.default_rng(seed).integers(-4000, 9000, 11)
    expected = int(np.sort(price)[:].sum())
    for size in SIZES:
        over = [
            group_value(problem, list(group), 6) - int(price[list(group)].sum())
            for group in combinations(range(11), size)
            if not find_broken_rules(problem, group)
        ]
        expected += max(over)
    assert bound_by_sizes(problem, plain_case(price, 1), SIZES, 6) == expected


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(4))
def test_the_search_for_groups_above_their_prices_misses_none(pool, seed, size):
    rng = np.random.default_rng(seed)
    kind = rng.integers(-1, 3, (12, 2))
    slots = rng.integers(1, 64, (12, 1)).astype(np.uint64)
    rules = GroupRules(12, kind, np.array([3, 4]), slots=slots)
    objective = ("total", "worst_rotation")[seed % 2]
    problem = replace(pool(12, seed, size=(2, 5), forbidden=0.2, objective=objective), rules=rules)
    values = GroupValues.of(problem, 12)
    case = plain_case(rng.integers(0, 20_000, 12), 1)
    every = np.array(list(combinations(range(12), size)))
    every = every[[not find_broken_rules(problem, group) for group in every.tolist()]]
    excess = excess_of(values, every, case)
    for floor in np.quantile(excess, [0.1, 0.8], method="lower").astype(int).tolist():
        groups, over = list_offers(values, case, size, floor, n_each=10**6, n_most=10**6)
        above = every[excess > floor]
        assert sorted(map(tuple, groups.tolist())) == sorted(map(tuple, above.tolist()))
        assert (over == excess_of(values, groups, case)).all()
    few, over = list_offers(values, case, size, -(10**9), n_each=1, n_most=10**6)
    assert over.max() == excess.max()
    assert len(few) <= 12
    assert list_offers(values, case, size, -(10**9), n_each=1, n_most=3) is None
    quick = find_offers(values, case, size, 12)
    assert {tuple(row) for row in quick.tolist()} <= {tuple(row) for row in every.tolist()}
    assert excess_of(values, quick, case).max() >= np.quantile(excess, 0.9)


def test_prices_of_sets_lower_the_bound_and_are_checked(pool):
    problem = pool(24, 11, size=(3, 4))
    values = GroupValues.of(problem, 6)
    tables = [np.arange(24).reshape(6, 4)]
    columns = begin_columns(values, tables, values.of_tables(tables))
    columns.price(0, lambda: True)
    without = columns.bound
    assert columns.cut(40, np.random.default_rng(0)) > 0
    columns.price(0, lambda: True)
    assert columns.bound < without
    case, sizes = columns.proof, (4,) * 6
    assert case.set_price.any()
    proved = bound_by_sizes(problem, case, sizes, 6 * case.unit)
    assert proved // case.unit == columns.bound
    spared = replace(case, set_price=case.set_price // 2)
    assert bound_by_sizes(problem, spared, sizes, 6 * case.unit) // case.unit > columns.bound


@pytest.mark.parametrize(("size", "inside"), [(4, (6, 10)), (4, (5, 11)), (5, (7, 8))])
def test_communities_whose_groups_do_not_come_out_even_are_proved_optimal(size, inside):
    rng = np.random.default_rng(size + inside[0])
    n = sum(inside)
    same = np.repeat([0, 1], inside)
    gain = rng.integers(0, 200, (n, n)) + 800 * (same[:, None] == same)
    problem = GroupingProblem(gain, ~np.eye(n, dtype=bool), size, size, size)
    sizes, scale = (size,) * (n // size), size - 1
    values = GroupValues.of(problem, scale)
    tables = [np.arange(n).reshape(-1, size)]
    plan = Plan(tables, np.empty(0, np.int64), values.of_tables(tables))
    found = mix_columns(values, plan, np.random.default_rng(0), lambda: True)
    best = best_by_enumeration(problem, np.arange(n), sizes, scale)
    assert found.plan.worth == best == found.bound
    assert set(found.case.divisor[found.case.set_price > 0].tolist()) - {2}
    proved = bound_by_sizes(problem, found.case, sizes, scale * found.case.unit)
    assert best <= proved // found.case.unit <= found.bound


@pytest.mark.parametrize("size", [3, 4, 5, 6])
@pytest.mark.parametrize("seed", range(3))
def test_prices_of_any_sets_are_charged_to_links_without_losing_a_group(pool, seed, size):
    rng = np.random.default_rng(10 * size + seed)
    problem = pool(12, seed, size=(3, 6))
    values = GroupValues.of(problem, 60)
    sets = rng.random((9, 12)) < rng.uniform(0.25, 0.9, (9, 1))
    divisor = rng.integers(2, 5, 9)
    price = rng.integers(0, 40_000, 9)
    case = replace(
        plain_case(rng.integers(0, 100_000, 12), 1), sets=sets, divisor=divisor, set_price=price
    )
    every = np.array(list(combinations(range(12), size)))
    excess = values.of_groups(every) - case.person[every].sum(axis=1)
    for row, d, p in zip(sets, divisor.tolist(), price.tolist(), strict=True):
        excess -= p * (row[every].sum(axis=1) // d)
    assert (excess_of(values, every, case) == excess).all()
    floor = int(np.quantile(excess, 0.9))
    groups, _ = list_offers(values, case, size, floor, n_each=10**6, n_most=10**6)
    assert len(groups) == (excess > floor).sum()
    sizes = (size,) * (12 // size)
    total = int(np.sort(case.person)[12 - sum(sizes) :].sum())
    total += int((price * (sets.sum(axis=1) // divisor)).sum()) + len(sizes) * int(excess.max())
    assert bound_by_sizes(problem, case, sizes, 60) == total


def test_groups_of_five_under_rules_come_with_a_small_gap(pool):
    kind = np.arange(90)[:, None] % 3 == 0
    rules = GroupRules(90, -kind.astype(np.int64), np.array([-1]))
    problem = replace(pool(90, 4, size=(4, 6)), rules=rules)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert certificate.matched == 90
    assert certificate.bound <= solution.bound
    assert certificate.gap < 0.04


def test_threes_and_a_four_under_a_rule_come_with_a_small_gap(pool):
    kind = np.arange(25)[:, None] % 2
    problem = replace(pool(25, 3), rules=GroupRules(25, kind, np.array([2])))
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert certificate.matched == 25
    assert certificate.bound == solution.bound
    assert certificate.gap < 0.03
    assert "all legal groups" in solution.bound_method
    with pytest.raises(CertificateError, match="the bound does not hold"):
        certify_grouping(problem, replace(solution, bound=certificate.objective - 1))


@pytest.mark.parametrize("seed", range(4))
def test_threes_that_leave_many_people_out_keep_their_bound(pool, seed):
    problem = pool(24, seed, size=3, forbidden=0.8)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert 6 <= certificate.matched < 24
    assert certificate.objective <= certificate.bound <= solution.bound


@pytest.mark.parametrize(("size", "forbidden"), [((2, 4), 0.6), ((2, 4), 0.8), ((3, 5), 0.8)])
def test_any_sizes_among_people_who_hardly_get_on_keep_their_bound(pool, size, forbidden):
    kind = np.arange(22)[:, None] % 2
    problem = pool(22, 9, size=size, forbidden=forbidden, low=-200)
    problem = replace(problem, rules=GroupRules(22, kind, np.array([2])))
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert certificate.objective <= certificate.bound <= solution.bound


def test_nobody_is_placed_where_no_group_is_legal(pool):
    rules = GroupRules(20, np.ones((20, 1), np.int64), np.array([2]))
    solution = solve_grouping(replace(pool(20, 1), rules=rules))
    assert (solution.group_of == -1).all()


def test_the_worst_rotation_prefers_another_grouping_under_rules_as_well(pool):
    gain = np.zeros((6, 6), np.int64)
    for a in (1, 2):
        gain[a, 0] = 100  # one coach gives all: a large sum, and two rotations worth nothing
    for a, b in combinations((0, 3, 4), 2):
        gain[a, b] = gain[b, a] = 30
    rules = GroupRules(6, np.array([[0], [1], [1], [0], [0], [0]]), np.array([2]))
    asked = replace(pool(6), gain=gain, rules=rules)
    by_sum = solve_grouping(asked).group_of
    by_worst = solve_grouping(replace(asked, objective="worst_rotation")).group_of
    assert by_sum[0] == by_sum[1] == by_sum[2]
    assert by_worst[0] == by_worst[3] == by_worst[4]


def test_interrupt_under_rules_returns_the_best_grouping_with_its_bound():
    run = subprocess.run(
        [sys.executable, "-c", STOPPED],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert run.returncode == 0, run.stderr
    status, matched, valid = run.stdout.split()
    assert (status, valid) == ("interrupted", "True")
    assert int(matched) >= 125


@pytest.mark.parametrize("n_parts", [0, 300])
@pytest.mark.parametrize("objective", ["total", "worst_rotation", "worst_group"])
def test_a_bound_that_is_too_much_work_to_check_is_stated_as_far_as_it_is_proved(
    pool, monkeypatch, objective, n_parts
):
    problem = pool(26, 3, size=(3, 5), objective=objective)
    solution = solve_grouping(problem)
    full = certify_grouping(problem, solution)
    assert settle_grouping(problem, solution) == (solution, full)
    with pytest.raises(CertificateError, match="is not proved"):
        settle_grouping(problem, replace(solution, bound=full.bound - 1))
    monkeypatch.setattr(checked_columns, "_N_PARTS", n_parts)
    with pytest.raises(CertificateError, match="is not proved"):
        certify_grouping(problem, solution)
    settled, certificate = settle_grouping(problem, solution)
    assert settled.bound == certificate.bound > full.bound
    assert (settled.group_of == solution.group_of).all()
    assert certificate.lowest_bound == settled.lowest_bound
    assert settled.status is not Status.OPTIMAL
    assert certify_grouping(problem, settled) == certificate
    with pytest.raises(CertificateError, match="is not proved"):
        certify_grouping(problem, replace(settled, bound=settled.bound - 1))
    with pytest.raises(CertificateError, match="is not proved"):
        settle_grouping(problem, replace(solution, bound=certificate.objective - 1))


def test_a_little_to_spare_saves_work_and_costs_no_more_of_the_bound(pool):
    problem = pool(26, 3, size=(3, 5))
    solution = solve_grouping(problem)
    groups = [np.flatnonzero(solution.group_of == g).tolist() for g in range(7)]
    sizes = tuple(sorted(len(group) for group in groups if group))
    case = solution.cases[0]
    factor = solution.scale * case.unit
    known = [group for group in groups if group]
    exact = bound_by_sizes(problem, case, sizes, factor, known)
    spare = exact // 200
    loose = bound_by_sizes(problem, case, sizes, factor, known, spare=spare)
    assert exact < loose <= exact + len(sizes) * spare


@pytest.mark.parametrize(("model", "n"), [("plc", 20), ("peer_group", 30)])
def test_plans_come_and_hold_where_their_check_is_cut_short(monkeypatch, model, n):
    table = staff(n, seed=1)
    table["role"] = np.where(np.arange(n) % 4 == 0, "facilitator", "both")
    people, program = pm.read_profiles(table), pm.Program.preset(model)
    whole = pm.form_groups(people, program)
    monkeypatch.setattr(checked_columns, "_N_PARTS", 50)
    plan = pm.form_groups(people, program)
    assert whole.certificate.bound < plan.certificate.bound
    assert plan.groups == whole.groups
    assert pm.verify(plan) == plan.certificate
    assert plan.gap > whole.gap


@pytest.mark.parametrize("seed", range(4))
def test_parts_dealt_anew_seat_the_same_people_in_groups_of_the_same_sizes(seed: int) -> None:
    """A part has positions of its own, which must not be taken for people."""
    rng = np.random.default_rng(seed)
    n = 60
    gain = rng.integers(-300, 1000, size=(n, n))
    problem = GroupingProblem(gain, ~np.eye(n, dtype=bool), 3, 4, 3)
    values = GroupValues.of(problem, scale_of({3, 4}))
    order = rng.permutation(n)
    tables = [order[:36].reshape(-1, 3), order[36:56].reshape(-1, 4)]
    plan = Plan(tables, np.sort(order[56:]), values.of_tables(tables))
    columns = begin_columns(values, tables, plan.worth)
    columns.price(plan.worth, lambda: True)
    better = deal_groups_anew(
        values,
        plan,
        columns.proof,
        columns.most,
        n_groups=4,
        n_rounds=60,
        rng=rng,
        keep_on=lambda: True,
    )
    assert [table.shape for table in better.tables] == [(12, 3), (5, 4)]
    seated = np.concatenate([*(table.ravel() for table in better.tables), better.bench])
    assert np.array_equal(np.sort(seated), np.arange(n))
    assert better.worth == values.of_tables(better.tables) > plan.worth


def test_a_search_for_all_groups_ends_when_time_is_over() -> None:
    n, asked = 60, iter([True, True, False])
    gain = np.random.default_rng(1).integers(0, 1000, size=(n, n))
    problem = GroupingProblem(gain, ~np.eye(n, dtype=bool), 4, 4, 4)
    values = GroupValues.of(problem, scale_of({4}))
    case = plain_case(np.zeros(n, np.int64), 1)
    found = list_offers(values, case, 4, 0, n_each=5, n_most=2**40, keep_on=lambda: next(asked))
    assert found is None
    assert next(asked, None) is None


def test_packing_without_time_chooses_nothing_and_proves_nothing() -> None:
    n = 40
    gain = np.random.default_rng(2).integers(0, 1000, size=(n, n))
    problem = GroupingProblem(gain, ~np.eye(n, dtype=bool), 3, 3, 3)
    values = GroupValues.of(problem, scale_of({3}))
    tables = [np.array(list(combinations(range(n), 3)))]
    assert pack_groups(values, tables, 0.0) == []
    assert price_places(values, tables, 0.0) is None
    assert len(pack_groups(values, tables, np.inf)) == 13
    assert price_places(values, tables, np.inf) is not None
