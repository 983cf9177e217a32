"""Pools that are never held whole: the same gains, the same rules, bounds that hold."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.certify.large_groups import bound_large
from pairmatch.solvers.groups import choice, solve_grouping
from pairmatch.solvers.groups.large import loops as link_loops
from pairmatch.solvers.groups.large import solver as large
from pairmatch.solvers.groups.large.linked import LinkedTriads
from pairmatch.solvers.groups.large.links import Links, find_links
from pairmatch.solvers.groups.large.proofs import prove_by_pairs, prove_prices
from pairmatch.solvers.groups.large.seating import seat_anyhow
from pairmatch.solvers.groups.large.streaming import PoolValues, stream_links
from pairmatch.solvers.problem import GroupingProblem, MatrixGains, StreamedGrouping
from pairmatch.solvers.solution import GroupPrices, Status
from pairmatch.solvers.streamed import StreamedGains


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
    monkeypatch.setattr("pairmatch.solvers.groups.large.parts.N_PART", 60)
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
    seen = stream_links(values, price, 1, limit)
    assert seen is not None
    top, hits = seen
    assert (top == np.sort(link, axis=1)[:, :-3:-1]).all()
    expected = {(i, j) for i, j in np.argwhere(link > limit[:, None]).tolist()}
    assert set(zip(hits[0].tolist(), hits[1].tolist(), strict=True)) == expected
    assert (hits[2] == (gain + gain.T)[hits[0], hits[1]]).all()


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same loops without numba."""
    for module in ("linked", "proofs", "streaming"):
        monkeypatch.setattr(
            f"pairmatch.solvers.groups.large.{module}.load_link_loops", lambda kind: None
        )


def check_proofs(objective: str, open_: float, held: bool) -> list[list[int]]:
    """Assert that proved prices exceed every triad, and return them."""
    problem = pool(36, 3, open_=open_, objective=objective)
    values = PoolValues.of(problem, 2) if held else PoolValues(problem, 2)
    rng = np.random.default_rng(4)
    both = problem.take(np.arange(36)).allowed
    every = combinations(range(36), 3)
    triads = np.array([t for t in every if all(both[a, b] for a, b in combinations(t, 2))])
    answers = []
    for unit in (1, 16):
        price = rng.integers(1200, 2200, size=36) * unit
        links = find_links(values, price, unit, rng)
        assert links is not None
        top = links.top(price, 2 * unit)
        found = prove_prices(values, price, unit, top, lambda: True)
        assert found is not None
        proved, by_triads = found
        assert by_triads
        short = proved[triads].sum(axis=1) - values.of_groups(triads) * unit
        assert short.min() >= 0
        bound = bound_large(problem, no_sets(price, unit), (3,) * 12, 2)
        assert bound is not None
        assert bound <= int(proved.sum()) // unit
        assert bound_large(problem, no_sets(proved, unit), (3,) * 12, 2) == proved.sum() // unit
        by_pairs = prove_by_pairs(values, price, unit, 3, lambda: True)
        assert by_pairs is not None
        assert (by_pairs[triads].sum(axis=1) >= values.of_groups(triads) * unit).all()
        assert by_pairs.sum() >= proved.sum()
        answers.append(proved.tolist())
    return answers


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize("open_", [1.0, 0.6])
def test_no_triad_exceeds_proved_prices_and_the_check_finds_the_same(
    objective: str, open_: float, held: bool
) -> None:
    check_proofs(objective, open_, held)


@pytest.mark.parametrize("held", [True, False])
def test_proofs_are_the_same_with_and_without_numba(
    held: bool, request: pytest.FixtureRequest
) -> None:
    if link_loops.load_link_loops(np.int32) is None:
        pytest.skip("numba is not there")
    fast = [check_proofs(objective, 0.8, held) for objective in ("total", "worst_rotation")]
    request.getfixturevalue("plain")
    slow = [check_proofs(objective, 0.8, held) for objective in ("total", "worst_rotation")]
    assert fast == slow


@pytest.mark.parametrize("numba", [True, False])
def test_triads_along_links_are_those_of_the_whole_matrix(
    numba: bool, request: pytest.FixtureRequest
) -> None:
    if not numba:
        request.getfixturevalue("plain")
    problem = pool(60, 5)
    values = PoolValues.of(problem, 2)
    price = np.full(60, 1500)
    seen = stream_links(values, price, 1, np.full(60, -(2**55)))
    assert seen is not None
    linked = LinkedTriads(
        values, Links.of_hits(values, seen[1], price, 1, 59, np.full(60, -(2**55)))
    )
    every = np.array(list(combinations(range(60), 3)))
    value = values.of_groups(every)
    twice = 2 * (value - price[every].sum(axis=1))
    triads, found = linked.collect(price, 0, 1)
    assert (triads == every[twice > 0]).all()
    assert (found == value[twice > 0]).all()
    best = np.zeros(60, np.int64)
    for column in every.T:
        np.maximum.at(best, column, twice)
    assert (linked.best(price, 0, 1) == best).all()
    floor = linked.fit_floor(price, 1, 20)
    assert 10 * 60 <= 3 * (twice > floor).sum() <= 90 * 60


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
def test_links_alone_come_with_prices_that_no_triad_exceeds(objective: str, held: bool) -> None:
    problem = pool(70, 21, objective=objective, open_=0.9)
    values = PoolValues.of(problem, 2) if held else PoolValues(problem, 2)
    every = np.array(list(combinations(range(70), 3)))
    legal = problem.take(np.arange(70)).allowed
    every = every[np.all([legal[every[:, a], every[:, b]] for a, b in ((0, 1), (0, 2), (1, 2))], 0)]
    for seed in range(8):
        price = np.random.default_rng(seed).integers(500, 2500, size=70)
        links = find_links(values, price, 1, np.random.default_rng(seed))
        assert links is not None
        over = values.of_groups(every) - links.covering[every].sum(axis=1)
        assert over.max() <= 0
        assert links.covering.sum() < 70 * 2 * 2 * 1000


def test_a_stream_is_the_same_with_and_without_numba(request: pytest.FixtureRequest) -> None:
    values = PoolValues(pool(300, 8, open_=0.7), 2)
    rng = np.random.default_rng(5)
    price, limit = rng.integers(0, 3000, size=300), rng.integers(-2000, 3000, size=300)
    seen = []
    for numba in (True, False):
        if not numba:
            request.getfixturevalue("plain")
        for n_top in (0, 2):
            found = stream_links(values, price, 1, limit, n_top)
            assert found is not None
            order = np.lexsort(found[1][:2])
            seen.append((found[0].tolist(), *(hit[order].tolist() for hit in found[1])))
    assert seen[0][1:] == seen[1][1:] == seen[2][1:] == seen[3][1:]
    assert seen[1] == seen[3]
    assert len(seen[0][1]) > 300


def test_held_links_are_the_strongest_and_know_what_partners_give_each_other() -> None:
    problem = pool(50, 12, open_=0.8)
    price = np.random.default_rng(3).integers(1000, 2000, size=50)
    held, streamed = PoolValues.of(problem, 2), PoolValues(problem, 2)
    for values in (held, streamed):
        links = find_links(values, price, 1, np.random.default_rng(0))
        assert links is not None
        both = problem.take(np.arange(50))
        pair = both.gain + both.gain.T
        for v in range(50):
            known = links.pair[v] != values.apart
            near = links.partner[v][known]
            assert sorted(near) == np.flatnonzero(both.allowed[v]).tolist()
            assert (links.pair[v][known] == pair[v, near]).all()
            inner = links.apart[v][np.ix_(known, known)]
            legal = both.allowed[np.ix_(near, near)]
            assert (inner[legal] == pair[np.ix_(near, near)][legal]).all()
            assert (inner[~legal] == values.apart).all()


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
    assert 0 <= certificate.gap < 0.12


@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
def test_links_bound_groups_when_there_is_no_time_to_look_at_triads(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = pool(91, 17, objective=objective)
    best = solve_grouping(problem, seed=1)
    monkeypatch.setattr(large, "prove_prices", lambda *_: None)
    solution = solve_grouping(problem, seed=1)
    assert solution.bound is not None
    assert best.bound is not None
    assert solution.bound > best.bound
    assert "pairs" in solution.bound_method
    certificate = certify_grouping(problem, solution)
    assert certificate.gap is not None
    assert 0 <= certificate.gap < 0.5


@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize("objective", ["total", "worst_rotation"])
@pytest.mark.parametrize("n", [60, 61, 62])
def test_what_is_proved_of_a_matrix_in_parts_is_accepted_of_the_matrix_as_a_whole(
    n: int, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed = pool(n, 4, objective=objective)
    gains = streamed.gains
    assert isinstance(gains, MatrixGains)
    problem = GroupingProblem(gains.gain, gains.allowed, 3, 5, 3, objective)  # type: ignore[arg-type]
    monkeypatch.setattr(choice, "_N_WHOLE", 30)
    solution = solve_grouping(problem)
    monkeypatch.setattr("pairmatch.solvers.certify.group_cases._N_WHOLE", 30)
    certificate = certify_grouping(problem, solution)
    assert certificate.bound is not None
    assert solution.bound == certify_grouping(streamed, solution).bound
    assert certificate.objective <= certificate.bound <= solution.bound
    with pytest.raises(CertificateError, match="is not proved"):
        certify_grouping(problem, replace(solution, bound=certificate.bound - 1))


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


@pytest.mark.usefixtures("nothing_held")
def test_uneven_sizes_are_refused_where_any_two_may_share_a_group() -> None:
    problem = pool(90, 12)
    solution = solve_grouping(problem, seed=1)
    certify_grouping(problem, solution)
    uneven = solution.group_of.copy()
    last = np.flatnonzero(uneven == uneven.max())
    uneven[last] = [0, 1, 2]  # three groups of four instead of a group of three
    spoiled = replace(solution, group_of=uneven)
    with pytest.raises(CertificateError, match="breaks"):
        certify_grouping(problem, spoiled)


class Stop:
    """Press Ctrl-C when a solve tells for the n-th time that it goes on."""

    def __init__(self, at: int) -> None:
        self.at, self.n_told = at, 0

    def __call__(self, round_: int, gap: float | None, seconds: float) -> None:
        self.n_told += 1
        if self.n_told == self.at:
            raise KeyboardInterrupt


@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize("at", [1, 2, 4])
@pytest.mark.parametrize(("n", "size"), [(92, (3, 5, 3)), (121, (4, 6, 5))])
def test_ctrl_c_returns_everybody_in_groups_however_early(
    n: int, size: tuple[int, int, int], at: int
) -> None:
    problem = StreamedGrouping(pool(n, n).gains, *size)
    solution = solve_grouping(problem, seed=1, progress=Stop(at))
    assert solution.status is Status.INTERRUPTED
    certificate = certify_grouping(problem, solution)
    assert certificate.matched == n
    assert certificate.gap is not None


@pytest.mark.usefixtures("nothing_held")
def test_ctrl_c_before_there_is_a_plan_still_seats_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def interrupted(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return seat_anyhow(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(large, "seat_anyhow", interrupted)
    problem = pool(93, 4)
    solution = solve_grouping(problem, seed=1)
    assert solution.status is Status.INTERRUPTED
    assert certify_grouping(problem, solution).matched == 93


def test_the_first_plan_keeps_schools_apart_and_places_nearly_everybody() -> None:
    rng = np.random.default_rng(5)
    school = rng.integers(40, size=600)
    row = rng.integers(50, size=(600, 3)).astype(np.float32)
    gains = StreamedGains(row, row[:, ::-1], 10_000, keys=(school, school))
    problem = StreamedGrouping(gains, 3, 5, 3)
    order = np.argsort(school, kind="stable")
    groups = seat_anyhow(PoolValues(problem, 12), order, (3,) * 200, [], rng)
    assert all(np.unique(school[group]).size == 1 for group in groups)
    placed = np.concatenate(groups)
    assert np.unique(placed).size == placed.size > 570
    assert {group.size for group in groups} <= {3, 4, 5}


@pytest.mark.usefixtures("nothing_held")
def test_a_large_pool_without_time_for_a_bound_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "_QUICK", 30)
    problem = pool(93, 4)
    solution = solve_grouping(problem, seed=1, progress=Stop(1))
    assert solution.bound is None
    assert solution.bound_method == "no time for a bound"
    certificate = certify_grouping(problem, solution)
    assert certificate.matched == 93
    assert certificate.gap is None


@pytest.mark.usefixtures("nothing_held")
def test_a_limit_with_time_for_one_look_at_all_pairs_leaves_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pairmatch.solvers.groups.large.streaming._MOST_HELD", 30)
    monkeypatch.setattr(large, "time_stream", lambda _: 10.0)
    monkeypatch.setattr(large, "_QUICK", 30)
    problem = pool(93, 4)
    solution = solve_grouping(problem, seed=1, time_limit=60)
    assert solution.bound_method == "prices of people against pairs"
    assert certify_grouping(problem, solution).bound == solution.bound
