"""Groups of four and more: swaps of two people, accepted as in simulated annealing.

What each person adds to each group is kept up to date (as is usual for maximally diverse grouping),
so that a swap is judged in a few operations; millions are tried. Compiled by numba; without it the
descent alone is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.basis.compiling import compiled_once
from pairmatch.solvers.groups.basis.search import Plan, descend

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.search import Search

__all__ = ["anneal", "anneals"]

_N_LEVELS = 200  # temperatures
_HOT = 0.4, 0.008
_HEATS = _HOT, _HOT, _HOT, _HOT, _HOT, (0.2, 0.008)
"""First and last temperature, of the spread of what a person gains in a group. Hot is a new
beginning, which finds more than to go on from the best plan so far; that is done once."""
_HEATS_BEFORE = ((0.4, 0.05), (0.2, 0.05))
"""The same where columns are generated afterwards, which mend what is left."""
_N_SWAPS = 1_000_000, 160_000, 40_000_000
"""Swaps at each of these times: some, more for each person, and at most."""


def anneal(look: Search, plan: Plan, n_times: int, *, briefly: bool = False) -> Plan:
    """Return the plan, or a better one with the same sizes.

    Parameters
    ----------
    look : Search
        Values, randomness; annealing works where a rule is about pairs alone.
    plan : Plan
        Left as it is.
    n_times : int
        How often to anneal, from the best plan each time.
    briefly : bool, default: False
        Whether half of the swaps are enough.
    """
    some, more, most = _N_SWAPS
    n_swaps = min(some + more * look.values.n, most) // (2 if briefly else 1)
    heats = _HEATS_BEFORE if briefly else _HEATS
    for at in range(n_times):
        found = _anneal_once(look, plan, n_swaps, *heats[at % len(heats)])
        descend(look, found, 15)
        if found.worth > plan.worth:
            plan = found
    return plan


def anneals(look: Search, plan: Plan) -> bool:
    """Return whether annealing works here: compiled, for pairs that are or are not allowed."""
    free: bool = look.values.rules is None and not look.values.caps
    return free and plan.n_groups > 1 and _load_swaps(look.values.worst) is not None


def _anneal_once(look: Search, plan: Plan, n_swaps: int, warm: float, cold: float) -> Plan:
    """Return the best plan on the way down, or the plan itself where annealing does not work."""
    values = look.values
    swap = _load_swaps(values.worst)
    if swap is None or not anneals(look, plan):
        return plan.copy()
    n, sizes = values.n, [table.shape[1] for table in plan.tables for _ in table]
    # whoever shares a group with somebody against a rule takes more from it than others can give
    top = max(1, int(np.abs(values.gain).max(initial=0)))
    gain = np.where(values.allowed, values.gain, -2 * max(sizes) * top)
    np.fill_diagonal(gain, 0)
    pair = gain + gain.T
    seats = np.full((plan.n_groups, max(sizes)), -1, np.int64)
    factor = np.array([values.scale // (size - 1) for size in sizes], np.int64)
    group_of, first = np.full(n, -1, np.int64), 0
    for table in plan.tables:
        numbers = np.arange(first, first + len(table))
        seats[numbers, : table.shape[1]] = table
        group_of[table] = numbers[:, None]
        first += len(table)
    seated = np.flatnonzero(group_of >= 0)
    member = np.zeros((n, plan.n_groups), np.int64)
    member[seated, group_of[seated]] = 1
    spread = float(values.pair[~np.eye(n, dtype=bool)].std()) * float(factor.max())
    spread *= float(np.sqrt(max(sizes) - 1))
    held: tuple[NDArray[np.int64], ...]
    if values.worst:
        given = np.zeros(n, np.int64)  # by each person as a coach
        given[seated] = (gain.T @ member)[seated, group_of[seated]]
        factor *= np.array(sizes)
        place = np.argmax(seats[group_of] == np.arange(n)[:, None], axis=1)
        held = gain, factor, seated, group_of, seats, place, given
    else:
        inside = np.ascontiguousarray((pair @ member).T)  # what people gain in each group
        held = pair, factor, seated, group_of, inside
    best, gained, most = group_of.copy(), 0, 0
    state = look.rng.integers(1, 2**63, size=1).astype(np.uint64)
    for level in range(_N_LEVELS):
        if not look.keep_on():
            break
        heat = spread * warm * (cold / warm) ** (level / (_N_LEVELS - 1)) + 1e-9
        gained += swap(*held, heat, n_swaps // _N_LEVELS + 1, state)
        if gained > most:
            best, most = group_of.copy(), gained
    tables, first = [], 0
    for table in plan.tables:
        rows = [np.flatnonzero(best == g) for g in range(first, first + len(table))]
        tables.append(np.array(rows))
        first += len(table)
    return Plan(tables, plan.bench.copy(), look.worth(tables))


@compiled_once
def _load_swaps(worst: bool) -> Callable[..., int] | None:
    """Return the compiled loop for means or for worst rotations, or None as other loops."""
    try:
        from numba import njit, types
        from numba.extending import register_jitable
    except ImportError:
        return None
    for inner in (_next, _draw_pair, _is_taken):
        register_jitable(inner)
    compiled: Any = njit(cache=True, nogil=True)(_swap_coached if worst else _swap)
    line, table = types.int64[::1], types.int64[:, ::1]
    held = (table, line, line, line, table, *((line, line) if worst else ()))
    compiled.compile((*held, types.float64, types.int64, types.uint64[::1]))
    swap: Callable[..., int] = compiled
    return swap


def _next(state: Any) -> Any:
    """Return the next state of a generator (xorshift64*, doi:10.1145/2845077)."""
    state ^= state >> np.uint64(12)
    state ^= state << np.uint64(25)
    return state ^ (state >> np.uint64(27))


def _draw_pair(state: Any, n: int) -> Any:
    """Return two numbers below ``n``, which is less than 2^24, each from 24 bits."""
    drawn = (state * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(16)
    half: Any = np.uint64(24)
    many: Any = np.uint64(n)
    first = np.int64(((drawn >> half) * many) >> half)
    return first, np.int64(((drawn & np.uint64(2**24 - 1)) * many) >> half)


def _is_taken(state: Any, delta: int, heat: float) -> bool:
    """Return whether a loss is accepted at this temperature."""
    drawn = (state * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(11)
    return bool(np.float64(drawn) * 2.0**-53 < np.exp(delta / heat))


def _swap(
    pair: NDArray[np.int64],
    factor: NDArray[np.int64],
    seated: NDArray[np.int64],
    group_of: NDArray[np.int64],
    inside: NDArray[np.int64],
    heat: float,
    n_swaps: int,
    state: NDArray[np.uint64],
) -> int:
    """Try random swaps, in place; return what was gained."""
    gained = 0
    now: Any = state[0]
    for _ in range(n_swaps):
        now = _next(now)
        first, second = _draw_pair(now, len(seated))
        i, j = seated[first], seated[second]
        g, h = group_of[i], group_of[j]
        if g == h:
            continue
        delta = factor[g] * (inside[g, j] - inside[g, i] - pair[i, j])
        delta += factor[h] * (inside[h, i] - inside[h, j] - pair[i, j])
        if delta < 0:
            if delta < -40 * heat:
                continue
            now = _next(now)
            if not _is_taken(now, delta, heat):
                continue
        gained += delta
        there, here = inside[g], inside[h]
        for person in range(len(group_of)):
            moved = pair[j, person] - pair[i, person]
            there[person] += moved
            here[person] -= moved
        group_of[i], group_of[j] = h, g
    state[0] = now
    return gained


def _swap_coached(
    gain: NDArray[np.int64],
    factor: NDArray[np.int64],
    seated: NDArray[np.int64],
    group_of: NDArray[np.int64],
    seats: NDArray[np.int64],
    place: NDArray[np.int64],
    given: NDArray[np.int64],
    heat: float,
    n_swaps: int,
    state: NDArray[np.uint64],
) -> int:
    """Try random swaps, in place; return what the worst rotations gained."""
    gained, farthest = 0, 2**62
    now: Any = state[0]
    for _ in range(n_swaps):
        now = _next(now)
        first, second = _draw_pair(now, len(seated))
        i, j = seated[first], seated[second]
        if group_of[i] == group_of[j]:
            continue
        delta = 0
        for turn in range(2):
            out, into = (i, j) if turn == 0 else (j, i)
            before, after, new = given[out], farthest, 0
            for other in seats[group_of[out]]:
                if other < 0 or other == out:
                    continue
                before = min(before, given[other])
                after = min(after, given[other] - gain[out, other] + gain[into, other])
                new += gain[other, into]
            delta += factor[group_of[out]] * (min(after, new) - before)
        if delta < 0:
            if delta < -40 * heat:
                continue
            now = _next(now)
            if not _is_taken(now, delta, heat):
                continue
        gained += delta
        for turn in range(2):
            out, into = (i, j) if turn == 0 else (j, i)
            new = 0
            for other in seats[group_of[out]]:
                if other >= 0 and other != out:
                    given[other] += gain[into, other] - gain[out, other]
                    new += gain[other, into]
            given[into] = new
        seats[group_of[i], place[i]], seats[group_of[j], place[j]] = j, i
        group_of[i], group_of[j] = group_of[j], group_of[i]
        place[i], place[j] = place[j], place[i]
    state[0] = now
    return gained
