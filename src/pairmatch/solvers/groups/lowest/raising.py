"""Raise the lowest group of a plan: a floor that climbs, and prices that say how far it can.

With a floor t, only groups whose mean is at least t are left, and the question is whether they can
place as many people. A search that counts no more than t of any group finds such plans; exact
covers of parts, and a program in whole numbers, find what it misses. Where the linear program of
packing places fewer people, its prices prove that no plan has all groups at t or above; in small
pools, so does a search for exact covers that comes to its end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.solvers.groups.basis.pricing import best_triads
from pairmatch.solvers.groups.basis.search import Plan, Search, descend, disturb_and_descend
from pairmatch.solvers.groups.columns.interior import solve_inside
from pairmatch.solvers.groups.columns.packing import incidence, packing_prices
from pairmatch.solvers.groups.lowest.covering import cover_people, mend_plan
from pairmatch.solvers.solution import PLACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.groups.lowest.above import Above

__all__ = ["Raised", "climb", "cover_above", "lower_ceiling", "pack_above", "start_ceiling"]

_N_FLOORS = 7  # floors that the search tries
_N_STEPS = 1500  # steps of the search for each of them, at most
_N_STEPS_OF_MANY = 300_000  # the same times people, in pools where a step takes long
_N_PROGRAMS = 40  # of column generation, for each floor
_N_COLUMNS = 40  # new columns a person in each of them
_N_SIMPLEX = 450  # people up to whom these programs are solved at a corner
_NEAR = 1e-7  # relative gap elsewhere
_N_MIP = 4000  # columns of the program in whole numbers
_N_NODES = 40
_N_PACKED = 5  # programs in whole numbers
_N_UNLISTED = 450  # people up to whom prices are looked for where not all groups are known
_N_HALVINGS = 10  # of an interval of floors, where not all groups are known
_N_MENDED = 2  # floors at which a plan is mended
_N_COVERED = 4  # and that are left open by whole covers where it is not
_N_SETTLED = 400  # people up to whom covers are ruled out by a search
_N_SETTLED_GROUPS = 60_000  # and groups among which
_N_CHOICES = 20_000  # of that search
_N_CELLS = 30_000_000  # choices times groups


@dataclass(slots=True)
class Raised:
    """The plan with the highest lowest group so far, and what is proved; a workspace.

    Parameters
    ----------
    plan : Plan
        A legal plan.
    lowest : int
        The lowest mean of its groups, in fractions of a gain.
    ceiling : int
        No plan has a higher one.
    prices : ndarray of int64, shape (n,), or None
        Prices of places that prove the ceiling, if they do.
    parts : ndarray of int64, shape (n,), or None
        Parts of the pool that do not divide by three above the ceiling, if that proves it.
    settled : bool
        Whether a search for exact covers proves the ceiling; otherwise prices or parts do, or the
        mean of all.
    """

    plan: Plan
    lowest: int
    ceiling: int
    prices: NDArray[np.int64] | None = None
    parts: NDArray[np.int64] | None = None
    settled: bool = False

    def prove(
        self,
        ceiling: int,
        *,
        prices: NDArray[np.int64] | None = None,
        parts: NDArray[np.int64] | None = None,
    ) -> None:
        """Lower the ceiling, with what proves it; without either, a search for covers does."""
        self.ceiling, self.prices, self.parts = ceiling, prices, parts
        self.settled = prices is None and parts is None

    def take(self, plan: Plan, above: Above) -> None:
        """Take a plan with its lowest group."""
        self.plan = plan
        self.lowest = min(int(above.mean_of(table).min()) for table in plan.tables)


def start_ceiling(raised: Raised, above: Above) -> None:
    """Lower the ceiling of triads to the best one of whoever has the poorest best; in place."""
    if set(above.sizes) != {3} or raised.plan.bench.size:
        return
    values = above.values
    below = values.scale * above.least_sum(3, raised.lowest) - 1
    best, _ = best_triads(values, np.zeros(values.n, np.int64), below)
    poorest = int(np.argmin(best))
    highest = int(best[poorest]) // values.scale * (above.unit // 6)
    if raised.lowest <= highest < raised.ceiling:
        price = np.full(values.n, PLACE)  # nobody can be placed together with this person
        price[poorest] = 0
        raised.prove(highest, prices=price)


def climb(
    values: GroupValues,
    raised: Raised,
    above: Above,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> None:
    """Search for plans with a higher lowest group, with floors by halving; in place."""
    high = raised.ceiling
    for _ in range(_N_FLOORS):
        if high <= raised.lowest or not keep_on():
            return
        floor = (raised.lowest + high + 1) // 2
        if not _reach(values, raised, above, floor, rng, keep_on):
            high = floor - 1


def _reach(
    values: GroupValues,
    raised: Raised,
    above: Above,
    floor: int,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
) -> bool:
    """Return whether a plan at the floor was found; better plans are kept on the way."""
    caps = {
        size: above.least_sum(size, floor) * (values.scale // (size - 1)) for size in above.sizes
    }
    look = Search.of(replace(values, caps=caps), rng, keep_on)
    goal = sum(len(table) * caps[table.shape[1]] for table in raised.plan.tables)
    plan = raised.plan.copy()
    plan.worth = look.worth(plan.tables)
    done = descend(look, plan, 20)
    n_most = min(_N_STEPS, 40 * values.n, max(200, _N_STEPS_OF_MANY // values.n))
    while True:
        legal = not any(bool(values.n_forbidden(table).any()) for table in plan.tables)
        lowest = min(int(above.mean_of(table).min()) for table in plan.tables)
        if legal and lowest > raised.lowest:
            raised.plan, raised.lowest = plan.copy(), lowest
        if plan.worth >= goal and legal:
            return True
        if done >= n_most or plan.n_groups < 2 or not keep_on():
            return False
        tolerance = abs(goal - plan.worth) // 20
        plan, n_taken = disturb_and_descend(
            look, plan, n_shuffled=3, patience=12, tolerance=tolerance
        )
        done += n_taken


def lower_ceiling(raised: Raised, above: Above, keep_on: Callable[[], bool]) -> None:
    """Lower the ceiling as far as prices of places prove it; in place.

    The next higher floor comes first, since often nothing is left to be gained; then halves.
    Large pools with too many groups to list keep the ceiling: no one search sees all groups that
    prices miss, so that none would prove anything.
    """
    low, high = raised.lowest, raised.ceiling
    if above.list_from(low + 1):
        floors = above.above(low)
        first, beyond = 0, int(np.searchsorted(floors, high, side="right"))
        at = 0
        while keep_on():
            floor = int(floors[at]) if at < floors.size else low + 1
            prices = _price_out(raised, above, floor, keep_on)
            if prices is None:
                first = at + 1
                if at == 0 and beyond > 1:  # often they prove nothing at all
                    at = beyond - 1
                    continue
            else:
                beyond = at
                raised.prove(int(floors[at - 1]) if at else low, prices=prices)
            if first >= beyond:
                return
            at = (first + beyond) // 2
        return
    if above.values.n > _N_UNLISTED:
        return
    floor = low + 1
    for _ in range(_N_HALVINGS):
        if not keep_on():
            return
        prices = _price_out(raised, above, floor, keep_on)
        if prices is None:
            low = floor
        else:
            high = floor - 1
            raised.prove(high, prices=prices)
        if low >= high:
            return
        floor = (low + high + 1) // 2


def _price_out(
    raised: Raised, above: Above, floor: int, keep_on: Callable[[], bool]
) -> NDArray[np.int64] | None:
    """Return prices of places that leave no room for a plan at the floor, or None."""
    n, n_placed = above.values.n, sum(table.size for table in raised.plan.tables)
    columns = [
        np.sort(table[above.mean_of(table) >= floor], axis=1) for table in _by_size(above, raised)
    ]
    price = np.zeros(n, np.int64)
    for _ in range(_N_PROGRAMS):
        if any(len(table) for table in columns):
            size, cover = incidence(n, columns)
            found = _pack_in_parts(cover, size.astype(float))
            if found is None:
                return None
            # rounded up and a little more, so that what the program pays for stays paid for
            price = np.where(found > 1e-9, np.ceil(found * PLACE) + 1, 0).astype(np.int64)
        if int(np.sort(price)[n - n_placed :].sum()) >= n_placed * PLACE:
            return None
        fresh, complete = above.missed(floor, price)
        if not any(len(table) for table in fresh):
            return price if complete else None
        if not keep_on():
            return None
        for at, table in enumerate(fresh):
            order = np.argsort(price[table].sum(axis=1), kind="stable")[: _N_COLUMNS * n]
            columns[at] = np.unique(np.concatenate([columns[at], table[order]]), axis=0)
    return None


def _pack_in_parts(cover: Any, size: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return prices of people that pay for every group, with a small sum."""
    from scipy.sparse import eye_array, hstack

    n = cover.shape[0]
    if n <= _N_SIMPLEX:
        return packing_prices(cover, size)
    program = hstack([cover, eye_array(n)], format="csc")
    cost = np.concatenate([-size / size.max(), np.zeros(n)])
    found = solve_inside(program, cost, np.ones(n), _NEAR)
    if found is None:
        return None
    price = np.maximum(0.0, -found[1]) * size.max()
    short = float((cover.T @ price / size).min())  # not quite 1 where the walls are not reached
    return price / short if short > 0.5 else None


def _by_size(above: Above, raised: Raised) -> list[NDArray[np.int64]]:
    """Return the groups of the plan in a table for each size."""
    of = {table.shape[1]: table for table in raised.plan.tables}
    return [of.get(size, np.empty((0, size), np.int64)) for size in above.sizes]


def cover_above(
    raised: Raised,
    above: Above,
    rng: np.random.Generator,
    keep_on: Callable[[], bool],
    *,
    mend: bool,
) -> None:
    """Look for plans between the lowest group and the ceiling by exact covers; in place.

    In small pools a search that comes to its end without one lowers the ceiling. With ``mend``,
    plans are covered again part by part as well.
    """
    if not above.list_from(raised.lowest + 1):
        return
    floors = above.above(raised.lowest)
    if raised.lowest < raised.ceiling:  # at least one, though it may be above the mean of all
        floors = floors[: max(1, int(np.searchsorted(floors, raised.ceiling, side="right")))]
    at = floors.size - 1  # the ceiling first, since it is often reached
    n_mends = _N_MENDED if mend else _N_COVERED
    while floors.size and n_mends and keep_on():
        floor = int(floors[at])
        settled = _cover_whole(raised, above, floor)
        if settled:
            raised.prove(int(floors[at - 1]) if at else raised.lowest)
        elif raised.lowest < floor:  # not known yet
            n_mends -= 1
            if mend:
                mend_plan(raised, above, floor, rng, keep_on)
        floors = floors[floors > raised.lowest] if raised.lowest >= floor else floors[:at]
        at = (floors.size - 1) // 2


def _cover_whole(raised: Raised, above: Above, floor: int) -> bool:
    """Return whether it is certain that no plan is at a floor; where one is found, it is taken."""
    n = above.values.n
    tables = [table[means >= floor] for table, means in zip(above.tables, above.means, strict=True)]
    m = sum(map(len, tables))
    if n > _N_SETTLED or m > _N_SETTLED_GROUPS:
        return False
    of = {table.shape[1]: len(table) for table in raised.plan.tables}
    count = [of.get(size, 0) for size in above.sizes]
    found, settled = cover_people(n, tables, count, min(_N_CHOICES, _N_CELLS // max(1, m)))
    if found is None:
        return settled
    chosen = [table for table in found if len(table)]
    bench = np.setdiff1d(np.arange(n), np.concatenate([table.ravel() for table in chosen]))
    raised.plan = Plan(chosen, bench, above.values.of_tables(chosen))
    raised.lowest = min(int(above.mean_of(table).min()) for table in chosen)
    return False


def pack_above(
    values: GroupValues, raised: Raised, above: Above, keep_on: Callable[[], bool]
) -> None:
    """Look for plans between the lowest group and the ceiling in whole numbers; in place."""
    if not above.list_from(raised.lowest + 1):
        return
    floors = above.above(raised.lowest)
    floors = floors[floors <= raised.ceiling]
    at = floors.size - 1  # the ceiling first, since it is often reached
    for _ in range(_N_PACKED):
        if not floors.size or not keep_on():
            break
        floor = int(floors[at])
        tables = [
            table[means >= floor] for table, means in zip(above.tables, above.means, strict=True)
        ]
        plan = _pack(values, raised.plan, tables)
        if plan is None:
            floors = floors[:at]
        else:
            raised.plan = plan
            raised.lowest = min(int(above.mean_of(table).min()) for table in plan.tables)
            floors = floors[floors > raised.lowest]
        at = (floors.size - 1) // 2


def _pack(values: GroupValues, plan: Plan, tables: list[NDArray[np.int64]]) -> Plan | None:
    """Return a plan of the same sizes from these groups, if one is found."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csc_array

    n, m = values.n, sum(len(table) for table in tables)
    if not 0 < m <= _N_MIP:
        return None
    _size, cover = incidence(n, tables)
    kind = np.concatenate([np.full(len(table), at) for at, table in enumerate(tables)])
    counts = csc_array((np.ones(m), kind, np.arange(m + 1)), shape=(len(tables), m))
    of = {table.shape[1]: len(table) for table in plan.tables}
    number = np.array([of.get(table.shape[1], 0) for table in tables], float)
    everybody = 1.0 if not plan.bench.size else 0.0
    answer = milp(
        np.zeros(m),  # any plan will do
        constraints=[
            LinearConstraint(cover, everybody, 1.0),
            LinearConstraint(counts, number, number),
        ],
        integrality=np.ones(m, np.int64),
        bounds=Bounds(0.0, 1.0),
        options={"node_limit": _N_NODES},
    )
    if answer.x is None:
        return None
    taken = np.asarray(answer.x) > 0.5
    chosen, first = [], 0
    for table in tables:
        chosen.append(table[taken[first : first + len(table)]])
        first += len(table)
    if [len(table) for table in chosen] != number.tolist():
        return None
    seated = np.concatenate([table.ravel() for table in chosen])
    if np.unique(seated).size < seated.size:
        return None
    chosen = [table for table in chosen if len(table)]
    bench = np.setdiff1d(np.arange(n), seated)
    return Plan(chosen, bench, values.of_tables(chosen))
