"""Who sits where in a group: a seat for each member."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.seam.compositions import seats_of

if TYPE_CHECKING:
    from pairmatch.plans.group_plan import GroupPlan

__all__ = ["seat_members"]


def seat_members(plan: GroupPlan, members: tuple[int, ...]) -> tuple[str, ...]:
    """Return the role of each member: of all ways to fill the seats, where coaches give most.

    A way is worth what those in the first named seats give to the others.
    """
    roles = plan.program.roles
    if roles is None:
        return ("member",) * len(members)
    may = seats_of(plan.scored.coached.take(list(members)), roles)  # type: ignore[union-attr]
    place = {role: k for k, role in enumerate(roles)}
    gain = plan.problem.gains_among(np.array(members))
    given = [int(column.sum() - column[k]) for k, column in enumerate(gain.T)]

    @cache
    def best(k: int, left: tuple[int, ...]) -> tuple[int, tuple[str, ...]] | None:
        if k == len(members):
            return 0, ()
        found: tuple[int, tuple[str, ...]] | None = None
        for role, at in place.items():
            if not may[k, at] or not left[at]:
                continue
            rest = best(k + 1, (*left[:at], left[at] - 1, *left[at + 1 :]))
            if rest is None:
                continue
            worth = rest[0] + (given[k] if at == 0 else 0)
            if found is None or worth > found[0]:
                found = worth, (role, *rest[1])
        return found

    way = best(0, tuple(roles.values()))
    return ("",) * len(members) if way is None else way[1]
