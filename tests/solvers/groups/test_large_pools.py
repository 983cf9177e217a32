"""Pools that are never held whole: the same gains, the same rules, bounds that hold."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from itertools import combinations

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.certify.large_groups import bound_large
from pairmatch.solvers.groups import choice, large, solve_grouping
from pairmatch.solvers.groups.linked import LinkedValues, find_links, prove_prices
from pairmatch.solvers.groups.streaming import Links, PoolValues, stream_links
from pairmatch.solvers.problem import MatrixGains, StreamedGrouping
from pairmatch.solvers.solution import GroupPrices


def pool(n: int, seed: int, *, open_: float = 1.0, objective: str = "total") -> StreamedGrouping:
    """Return a random pool with a share of allowed pairs."""
    rng = np.random.default_rng(seed)
    allowed = rng.random((n, n)) < open_
    np.fill_diagonal(allowed, val=False)
    gain = np.where(allowed, rng.integers(1000, size=(n, n)), 0)
    return StreamedGrouping(MatrixGains(gain, allowed), 3, 5, 3, objective)  # type: ignore[arg-type]


def no_sets(person: np.ndarray, unit: int) -> GroupPrices:
    """Return a case of prices of people alone."""
    none = np.zeros(0, np.int64)
    return GroupPrices(person, unit, np.zeros((0, person.size), bool), none, none)


@pytest.fixture
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every streamed pool as a large one."""
    monkeypatch.setattr(choice, "N_HELD", 30)
    monkeypatch.setattr(large, "N_PART", 60)
    monkeypatch.setattr("pairmatch.solvers.groups.parts.N_PART", 60)
    monkeypatch.setattr("pairmatch.solvers.certify.groups._MOST_HELD", 30)


@pytest.mark.parametrize("held", [True, False])
def test_a_stream_returns_every_link_above_its_limit(held: bool) -> None:
    problem = pool(300, 1, open_=0.7)
    values = PoolValues.of(problem, 2) if held else PoolValues(problem, 2)
    price = np.random.default_rng(2).integers(2000, size=300)
    gain, allowed = problem.gains.gain, problem.gains.allowed  # type: ignore[attr-defined]
    link = (gain + gain.T) * 2 - price[:, None] - price[None, :]
    link[~(allowed & allowed.T)] = -(2**56)
    limit = np.sort(link, axis=1)[:, -8]
    top, hits = stream_links(values, price, 1, limit)
    assert (top == np.sort(link, axis=1)[:, :-3:-1]).all()
    expected = {(i, j) for i, j in np.argwhere(link > limit[:, None]).tolist()}
    assert set(zip(hits[0].tolist(), hits[1].tolist(), strict=True)) == expected
    assert (hits[3] == link[hits[0], hits[1]]).all()


@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize("open_", [1.0, 0.6])
def test_no_triad_exceeds_proved_prices_and_the_check_finds_the_same(
    objective: str, open_: float
) -> None:
    problem = pool(36, 3, open_=open_, objective=objective)
    values = PoolValues.of(problem, 2)
    rng = np.random.default_rng(4)
    for unit in (1, 16):
        price = rng.integers(1200, 2200, size=36) * unit
        linked = find_links(values, price, unit, rng)
        proved, by_triads = prove_prices(linked, price, unit)
        assert by_triads
        both = problem.take(np.arange(36)).allowed
        triads = np.array(
            [
                t
                for t in combinations(range(36), 3)
                if all(both[a, b] for a, b in combinations(t, 2))
            ]
        )
        short = proved[triads].sum(axis=1) - values.of_groups(triads) * unit
        assert short.min() >= 0
        bound = bound_large(problem, no_sets(price, unit), (3,) * 12, 2)
        assert bound is not None
        assert bound <= int(proved.sum()) // unit
        assert bound_large(problem, no_sets(proved, unit), (3,) * 12, 2) == proved.sum() // unit


def test_triads_along_links_are_those_of_the_whole_matrix() -> None:
    problem = pool(60, 5)
    values = PoolValues.of(problem, 2)
    price = np.full(60, 1500)
    _, hits = stream_links(values, price, 1, np.full(60, -(2**55)))
    linked = LinkedValues(values, Links.of(60, hits))
    every = np.array(list(combinations(range(60), 3)))
    twice = 2 * (values.of_groups(every) - price[every].sum(axis=1))
    assert (linked.collect_triads(price, 0, 1, 10**6) == every[twice > 0]).all()
    best = np.zeros(60, np.int64)
    for column in every.T:
        np.maximum.at(best, column, twice)
    assert (linked.best_triads(price, 0, 1) == best).all()


@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize(("n", "objective"), [(90, "total"), (91, "worst_rotation"), (92, "total")])
def test_everybody_is_placed_within_a_proved_bound(n: int, objective: str) -> None:
    problem = pool(n, n, objective=objective)
    solution = solve_grouping(problem, seed=1)
    certificate = certify_grouping(problem, solution)
    assert certificate.matched == n
    whole = problem.take(np.arange(n))
    again = certify_grouping(whole, replace(solution, bound=None, cases=()))
    assert again.objective == certificate.objective
    assert certificate.gap is not None
    assert 0 <= certificate.gap < (0.12 if find_spec("numba") else 0.14)


@pytest.mark.usefixtures("nothing_held")
def test_the_same_seed_gives_the_same_groups() -> None:
    problem = pool(90, 8)
    first, second = (solve_grouping(problem, seed=3) for _ in range(2))
    assert (first.group_of == second.group_of).all()
    assert first.bound == second.bound


@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize("open_", [0.995, 0.5])
def test_forbidden_pairs_share_no_group(open_: float) -> None:
    problem = pool(90, 9, open_=open_)
    solution = solve_grouping(problem, seed=1, time_limit=6.0)
    certificate = certify_grouping(problem, solution)
    assert certificate.matched >= 87
    assert certificate.gap is not None


@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize("size", [(2, 2, 2), (4, 7, 4), (4, 6, 5)])
def test_other_sizes_are_solved_in_parts_with_a_bound(size: tuple[int, int, int]) -> None:
    gains = pool(120, 10).gains
    problem = StreamedGrouping(gains, *size)
    solution = solve_grouping(problem, seed=1, time_limit=4.0)
    certificate = certify_grouping(problem, solution)
    assert certificate.matched == 120
    assert certificate.gap is not None
    assert certificate.gap >= 0


@pytest.mark.usefixtures("nothing_held")
def test_spoiled_answers_of_large_pools_are_refused() -> None:
    problem = pool(90, 11, open_=0.995)
    solution = solve_grouping(problem, seed=1)
    assert solution.bound is not None
    with pytest.raises(CertificateError, match="bound"):
        certify_grouping(problem, replace(solution, bound=solution.bound - 1))
    with pytest.raises(CertificateError, match="breaks"):
        certify_grouping(problem, replace(solution, group_of=np.zeros(90, np.int64)))
    a, b = np.argwhere(~problem.gains.block(slice(0, 90), slice(0, 90))[1]).T
    a, b = a[a != b][0], b[a != b][0]
    swapped = solution.group_of.copy()
    at = int(np.flatnonzero((swapped == swapped[a]) & (np.arange(90) != a))[0])
    swapped[at], swapped[b] = swapped[b], swapped[a]
    with pytest.raises(CertificateError, match="may not share"):
        certify_grouping(problem, replace(solution, group_of=swapped))
