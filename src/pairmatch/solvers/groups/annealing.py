"""Groups of four and more: swaps of two people, accepted as in simulated annealing.

What each person adds to each group is kept up to date (as is usual for maximally diverse grouping),
so that a swap is judged in a few operations; millions are tried. Compiled by numba; without it the
descent alone is used.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.search import Plan, descend

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.search import Search

__all__ = ["anneal", "anneals"]

_N_LEVELS = 200  # temperatures
_HOT = 0.4, 0.008
_HEATS = _HOT, _HOT, _HOT, _HOT, _HOT, (0.2, 0.008)
"""First and last temperature, of the spread of what a person gains in a group. Hot is a new
beginning, which finds more than to go on from the best plan so far; that is done once."""
_N_SWAPS = 1_000_000, 160_000, 40_000_000
"""Swaps at each of these times: some, more for each person, and at most."""


def anneal(look: Search, plan: Plan, n_times: int) -> Plan:
    """Return the plan, or a better one with the same sizes.

    Parameters
    ----------
    look : Search
        Values, randomness; annealing works under "total" where no pair is forbidden.
    plan : Plan
        Left as it is.
    n_times : int
        How often to anneal, from the best plan each time.
    """
    some, more, most = _N_SWAPS
    n_swaps = min(some + more * look.values.n, most)
    for at in range(n_times):
        found = _anneal_once(look, plan, n_swaps, *_HEATS[at % len(_HEATS)])
        descend(look, found, 15)
        if found.worth > plan.worth:
            plan = found
    return plan


def anneals(look: Search, plan: Plan) -> bool:
    """Return whether annealing works here: compiled, under "total", with no pair forbidden."""
    values = look.values
    free: bool = values.allowed_everywhere and not values.worst
    return free and plan.n_groups > 1 and _load_swap() is not None


def _anneal_once(look: Search, plan: Plan, n_swaps: int, warm: float, cold: float) -> Plan:
    """Return the best plan on the way down, or the plan itself where annealing does not work."""
    swap = _load_swap()
    values = look.values
    if swap is None or not anneals(look, plan):
        return plan.copy()
    n = values.n
    group_of = np.full(n, -1, np.int64)
    factor = np.zeros(plan.n_groups, np.int64)
    first = 0
    for table in plan.tables:
        numbers = np.arange(first, first + len(table))
        group_of[table] = numbers[:, None]
        factor[numbers] = values.scale // (table.shape[1] - 1)
        first += len(table)
    seated = np.flatnonzero(group_of >= 0)
    member = np.zeros((n, plan.n_groups), np.int64)
    member[seated, group_of[seated]] = 1
    inside = np.ascontiguousarray((values.pair @ member).T)  # what people gain in each group
    spread = float(values.pair[~np.eye(n, dtype=bool)].std()) * float(factor.max())
    spread *= float(np.sqrt(max(table.shape[1] for table in plan.tables) - 1))
    best, best_worth, worth = group_of.copy(), plan.worth, plan.worth
    state = look.rng.integers(1, 2**63, size=1).astype(np.uint64)
    for level in range(_N_LEVELS):
        if not look.keep_on():
            break
        heat = spread * warm * (cold / warm) ** (level / (_N_LEVELS - 1)) + 1e-9
        n_tried = n_swaps // _N_LEVELS + 1
        worth += swap(values.pair, factor, seated, group_of, inside, heat, n_tried, state)
        if worth > best_worth:
            best, best_worth = group_of.copy(), worth
    tables, first = [], 0
    for table in plan.tables:
        rows = [np.flatnonzero(best == g) for g in range(first, first + len(table))]
        tables.append(np.array(rows))
        first += len(table)
    return Plan(tables, plan.bench.copy(), look.worth(tables))


@lru_cache(maxsize=1)
def _load_swap() -> Callable[..., int] | None:
    """Return the compiled loop, or None without numba."""
    try:
        from numba import njit
        from numba.extending import register_jitable
    except ImportError:
        return None
    register_jitable(_next)
    compiled: Callable[..., int] = njit(cache=True, nogil=True)(_swap)
    return compiled


def _next(state: Any) -> Any:
    """Return the next state of a generator (xorshift64*, doi:10.1145/2845077)."""
    state ^= state >> np.uint64(12)
    state ^= state << np.uint64(25)
    return state ^ (state >> np.uint64(27))


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
    n: Any = np.uint64(len(seated))
    half: Any = np.uint64(24)
    bits: Any = np.uint64(2**24 - 1)  # two of them are drawn at a time
    now: Any = state[0]
    for _ in range(n_swaps):
        now = _next(now)
        drawn = (now * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(16)
        i = seated[np.int64(((drawn >> half) * n) >> half)]
        j = seated[np.int64(((drawn & bits) * n) >> half)]
        g, h = group_of[i], group_of[j]
        if g == h:
            continue
        delta = factor[g] * (inside[g, j] - inside[g, i] - pair[i, j])
        delta += factor[h] * (inside[h, i] - inside[h, j] - pair[i, j])
        if delta < 0:
            if delta < -40 * heat:
                continue
            now = _next(now)
            drawn = (now * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(11)
            if np.float64(drawn) * 2.0**-53 >= np.exp(delta / heat):
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
