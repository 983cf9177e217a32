"""What whole groups break: meetings, seats and rules about wholes, in plain Python from cells."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pairmatch.constraints import Meetings
from pairmatch.constraints.cells import entries_of
from pairmatch.constraints.meeting_times import meeting_windows
from pairmatch.profiles.spans import common_windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pairmatch.profiles.week import Windows
    from pairmatch.programs import Program

__all__ = ["find_seat_breach", "joint_windows", "list_breaches"]


def list_breaches(table: Any, program: Program, members: tuple[int, ...]) -> list[tuple[str, str]]:
    """Return each rule about whole groups that a group breaks, and how."""
    found = []
    for rule in program.constraints:
        why = None
        if isinstance(rule, Meetings):
            why = _find_meeting_breach(rule, table, members)
        elif hasattr(rule, "needs") and not hasattr(rule, "bind") and hasattr(rule, "breach"):
            why = rule.breach(table, members)
        if why:
            found.append((repr(rule), why))
    if program.roles is not None:
        why = find_seat_breach(table, program.roles, members)
        if why:
            found.append((f"roles={dict(program.roles)!r}", why))
    return found


def joint_windows(rule: Meetings, table: Any, members: tuple[int, ...]) -> Windows | str | None:
    """Return when all are free to meet, None if that is known of nobody, or what is not known."""
    joint: Windows | None = None
    for row in members:
        windows = meeting_windows(rule, table, row)
        if isinstance(windows, str):
            if rule.unknown == "forbid":
                return f"{windows} given by {table.ids[row]}"
            continue
        joint = windows if joint is None else common_windows(joint, windows)
    return joint


def _find_meeting_breach(rule: Meetings, table: Any, members: tuple[int, ...]) -> str | None:
    """Return why a group cannot meet, from the windows of each member."""
    joint = joint_windows(rule, table, members)
    if joint is None or isinstance(joint, str):
        return joint
    if sum((end - start) // rule.minutes for start, end in joint) >= rule.per_week:
        return None
    return rule.short_reason


def find_seat_breach(table: Any, roles: Mapping[str, int], members: tuple[int, ...]) -> str | None:
    """Return why members cannot fill the seats, trying every way to sit."""
    chosen: list[Counter[str]] = [Counter()]
    for row in members:
        entries = entries_of(table, "role", row)
        may = [role for role in roles if "both" in entries or role.casefold() in entries]
        further = [held + Counter([role]) for held in chosen for role in may]
        chosen = [held for held in further if all(held[role] <= roles[role] for role in held)]
        chosen = list({tuple(sorted(held.items())): held for held in chosen}.values())
    if any(all(held[role] == n for role, n in roles.items()) for held in chosen):
        return None
    return f"its {len(members)} members cannot fill the seats"
