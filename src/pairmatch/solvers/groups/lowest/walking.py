"""A walk to a plan of triads that are all above a floor.

Somebody without a triad takes the one that costs least, in the weights of those who lose theirs;
whoever is left out grows heavier, as clauses do in searches for satisfying assignments (Morris
1993, "The breakout method for escaping from local minima", AAAI). Compiled by numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.basis.compiling import compiled_once
from pairmatch.solvers.groups.basis.search import Plan
from pairmatch.solvers.groups.lowest.parts import MOST_CROSSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.lowest.above import Above
    from pairmatch.solvers.groups.lowest.parts import Parts
    from pairmatch.solvers.groups.lowest.raising import Raised

__all__ = ["load_walk", "walk_near", "walk_to_cover", "walk_up"]

_BRIEF, _LONG = 5_000_000, 50_000_000  # triads that walks compare on the way down, and then
_N_EACH = 200_000  # and for each person, at most
_FINE = 6  # the first floor below the ceiling is a 64th of the way down
_N_HALVINGS = 6  # between a floor that is reached and one that is not
_N_NEAR = 8  # walks among fewer and fewer triads near prices
_N_AT_ONCE = 20_000  # steps between two looks at the clock
_N_SEEN = 100  # triads of a person that are compared in one step


def walk_up(
    raised: Raised,
    above: Above,
    parts: Parts | None,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> bool:
    """Walk to plans of triads with a higher lowest one, from the ceiling down; in place.

    Parameters
    ----------
    raised : Raised
        The plan so far; replaced by better ones.
    above : Above
        Which lists the triads at a floor.
    parts : Parts or None
        Parts of the pool that do not divide by three, if there are any.
    rng : Generator
        Chooses steps.
    keep_on : callable
        Asked now and then; False ends the work.

    Returns
    -------
    bool
        Whether this is a search for this pool: triads of everybody, and loops that are compiled.
    """
    if above.sizes != (3,) or raised.plan.bench.size or load_walk() is None:
        return False
    top, step = raised.ceiling, max(1, (raised.ceiling - raised.lowest) >> _FINE)
    floor, missed = top, top + 1
    while floor > raised.lowest and keep_on() and above.list_from(floor):
        if _walk_at(raised, above, parts, floor, _BRIEF, rng, keep_on):
            break
        missed, floor = floor, top - step
        step *= 2
    for _ in range(_N_HALVINGS):
        floor = (raised.lowest + missed) // 2
        if floor <= raised.lowest or not keep_on() or not above.list_from(floor):
            break
        if not _walk_at(raised, above, parts, floor, _LONG, rng, keep_on):
            missed = floor
    return True


def walk_near(
    raised: Raised,
    above: Above,
    parts: Parts | None,
    price: NDArray[np.int64],
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> None:
    """Walk to plans of triads no lower than the lowest, with a larger total; in place.

    Parameters
    ----------
    raised, above, parts, rng, keep_on
        As for :func:`walk_up`.
    price : ndarray of int64, shape (n,)
        Prices of people in scaled gains: a plan has a large total where its triads fall short of
        them by little.
    """
    values, floor = above.values, raised.lowest
    if load_walk() is None or not keep_on() or not above.list_from(floor):
        return
    triads = above.listed(floor)[0]
    short = price[triads].sum(axis=1) - values.of_groups(triads)
    order = np.argsort(short, kind="stable")
    triads = triads[order]
    few, many = values.n // 3, len(triads)  # so many are too few; so many will do
    for _ in range(_N_NEAR):
        if many - few < 2 or not keep_on():
            return
        at = int((few * many) ** 0.5)
        found = _walk_among(triads[:at], values.n, parts, _BRIEF, rng, keep_on)
        if found is None:
            few = at
            continue
        many = at
        worth = values.of_tables([found])
        if worth > raised.plan.worth:
            raised.plan = Plan([found], raised.plan.bench, worth)


def _walk_at(
    raised: Raised,
    above: Above,
    parts: Parts | None,
    floor: int,
    n_compared: int,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> bool:
    """Return whether a walk reached a plan at a floor, which is taken."""
    triads = above.listed(floor)[0]
    if parts is not None:
        triads = triads[np.argsort(-above.mean_of(triads), kind="stable")]
    found = _walk_among(triads, above.values.n, parts, n_compared, rng, keep_on)
    if found is None:
        return False
    raised.take(Plan([found], raised.plan.bench, above.values.of_tables([found])), above)
    return True


def _walk_among(
    triads: NDArray[np.int64],
    n: int,
    parts: Parts | None,
    n_compared: int,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> NDArray[np.int64] | None:
    """Return a plan of some triads, those across parts being chosen first among the foremost."""
    across, people = triads[:0], np.arange(n)
    if parts is not None:
        crossing = parts.crossing(triads)
        chosen, _ = parts.choose(triads[crossing][:MOST_CROSSING], rng)
        if chosen is None:
            return None
        across, people = chosen, np.setdiff1d(people, chosen)
        stays = np.zeros(n, np.bool_)
        stays[people] = True
        triads = triads[~crossing & stays[triads].all(axis=1)]
    place = np.full(n, -1)
    place[people] = np.arange(people.size)
    n_compared = min(n_compared, _N_EACH * n)
    found = walk_to_cover(people.size, place[triads], n_compared, rng, keep_on)
    return None if found is None else np.concatenate([people[found], across])


def walk_to_cover(
    n: int,
    triads: NDArray[np.int64],
    n_compared: int,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> NDArray[np.int64] | None:
    """Return disjoint triads that seat everybody, or None where the walk does not get there.

    Parameters
    ----------
    n : int
        Number of people.
    triads : ndarray of int64, shape (m, 3)
        Triads to choose from.
    n_compared : int
        Triads to look at, about, until the walk is given up.
    rng : Generator
        Chooses who comes next.
    keep_on : callable
        Asked now and then; False ends the work.
    """
    walk = load_walk() or _walk
    person = triads.ravel()
    order = np.argsort(person, kind="stable")
    start = np.searchsorted(person[order], np.arange(n + 1)).astype(np.int64)
    if (np.diff(start) == 0).any():
        return None
    of_person = order // 3
    n_each = min(_N_SEEN, max(1, triads.size // n))
    own, weight, last = np.full(n, -1), np.ones(n, np.int64), np.full(n, -1)
    out, place = np.arange(n), np.arange(n)
    n_out = n
    for _ in range(-(-n_compared // (n_each * _N_AT_ONCE))):
        if not keep_on():
            return None
        chance = rng.random((_N_AT_ONCE, 2))
        n_out = walk(
            triads, of_person, start, own, weight, last, out, place, n_out, _N_SEEN, chance
        )
        if not n_out:
            cover: NDArray[np.int64] = triads[np.unique(own)]
            return cover
    return None


@compiled_once
def load_walk() -> Callable[..., int] | None:
    """Return the compiled loop, or None without numba or where it is not waited for."""
    try:
        from numba import njit, types
        from numba.extending import register_jitable
    except ImportError:
        return None
    register_jitable(_cost)
    compiled: Any = njit(cache=True, nogil=True)(_walk)
    whole, line, table = types.int64, types.int64[::1], types.int64[:, ::1]
    compiled.compile((table, *(line,) * 7, whole, whole, types.float64[:, ::1]))
    walk: Callable[..., int] = compiled
    return walk


def _cost(
    triads: NDArray[np.int64],
    own: NDArray[np.int64],
    weight: NDArray[np.int64],
    triad: int,
) -> int:
    """Return the weight of those who lose their triad, less that of those who get one."""
    cost = 0
    first = second = -1
    for seat in range(3):
        person = triads[triad, seat]
        left = own[person]
        if left < 0:
            cost -= weight[person]
        elif left not in (first, second):
            first, second = left, first
            for other in range(3):
                cost += weight[triads[left, other]]
    for seat in range(3):  # who loses one and gets the new one
        person = triads[triad, seat]
        if own[person] >= 0:
            cost -= weight[person]
    return cost


def _walk(
    triads: NDArray[np.int64],
    of_person: NDArray[np.int64],
    start: NDArray[np.int64],
    own: NDArray[np.int64],
    weight: NDArray[np.int64],
    last: NDArray[np.int64],
    out: NDArray[np.int64],
    place: NDArray[np.int64],
    n_out: int,
    n_seen: int,
    chance: NDArray[np.float64],
) -> int:
    """Take triads until everybody has one or chances are used up; return who is without."""
    for step in range(len(chance)):
        if n_out == 0:
            break
        person = out[int(chance[step, 0] * n_out)]
        weight[person] += 1
        n_own = start[person + 1] - start[person]
        first = int(chance[step, 1] * n_own)
        best, least = -1, 0
        for x in range(min(n_own, n_seen)):
            triad = of_person[start[person] + (first + x) % n_own]
            cost = _cost(triads, own, weight, triad)
            if triad == last[person]:  # not the same way again
                cost += weight[person]
            if best < 0 or cost < least:
                best, least = triad, cost
        last[person] = best
        for seat in range(3):
            left = own[triads[best, seat]]
            if left >= 0:
                for other in range(3):
                    loser = triads[left, other]
                    own[loser], place[loser], out[n_out] = -1, n_out, loser
                    n_out += 1
        for seat in range(3):
            winner = triads[best, seat]
            n_out -= 1
            moved = out[n_out]
            out[place[winner]], place[moved] = moved, place[winner]
            own[winner] = best
    return n_out
