"""Rules about whole groups as integers: entries and numbers become sums, free time becomes bits."""

from __future__ import annotations

import warnings
from fractions import Fraction
from functools import partial
from itertools import combinations
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import (
    Alike,
    Balance,
    Compose,
    Different,
    GiveAndReceive,
    Meetings,
    NotAlone,
    Observation,
    Pin,
    Spread,
    TakeTurns,
    find_id,
)
from pairmatch.constraints.cells import DIGITS, entries_of, number_of
from pairmatch.constraints.lessons import weeks_of_group
from pairmatch.constraints.turns import missing_group_columns
from pairmatch.errors import CapabilityError, Fault, PairmatchWarning, ProgramError, did_you_mean
from pairmatch.profiles.members import fold_entry
from pairmatch.profiles.week import WEEK_MINUTES
from pairmatch.solvers.group_rules import GroupRules, Weekly, pack_slots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pairmatch.constraints.meeting_times import MeetingTimes
    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program

__all__ = [
    "GROUP_RULES",
    "group_rules_of",
    "limits_of",
    "meeting_times_of",
    "pinned_sets",
    "seats_of",
    "turn_order",
    "turns_before",
]

GROUP_RULES = (
    Alike,
    Balance,
    Compose,
    Different,
    GiveAndReceive,
    Meetings,
    NotAlone,
    Observation,
    Pin,
    Spread,
    TakeTurns,
)
"""Constraints of groups, beside those about any pair."""

EITHER = "both"
"""The role that may take any seat."""


def limits_of(program: Program) -> tuple[int, int, int]:
    """Return the smallest, the largest and the preferred size of groups.

    With ``Observation``, groups are no larger than the weeks of the term allow.

    Raises
    ------
    ProgramError
        If sizes, roles, leftovers and the weeks of the term contradict each other.
    """
    smallest, largest, target = _sizes_of(program)
    for rule in program.constraints:
        if not isinstance(rule, Observation):
            continue
        weeks_of = partial(weeks_of_group, both_ways=rule.both_ways)
        if weeks_of(smallest) > rule.weeks:
            all_of = "everybody has watched everybody" if rule.both_ways else "each two have met"
            what = f"a group of {smallest} takes {weeks_of(smallest)} weeks until "
            what += f"{all_of}, and the term has {rule.weeks}."
            fault = Fault(what, repr(rule), "Raise the weeks or form smaller groups.")
            raise ProgramError("groups cannot be formed", [fault])
        while weeks_of(largest) > rule.weeks:
            largest -= 1
    return smallest, largest, min(target, largest)


def _sizes_of(program: Program) -> tuple[int, int, int]:
    """Return the smallest, the largest and the preferred size that were asked for."""
    size = 3 if program.size is None else program.size
    if program.roles is not None:
        n_seats = sum(program.roles.values())
        if program.size not in (None, n_seats, (n_seats, n_seats)):
            what = f"the seats of {dict(program.roles)!r} are {n_seats}, size is {program.size!r}."
            raise ProgramError("groups cannot be formed", [Fault(what, "", "Leave size out.")])
        return n_seats, n_seats, n_seats
    if isinstance(size, tuple):
        smallest, largest = size
        if program.leftovers not in ("grow", "leave_out"):
            what = f"size={size!r} already says how far groups may grow and shrink."
            raise ProgramError("groups cannot be formed", [Fault(what, "", "Leave leftovers out.")])
        return smallest, largest, (smallest + largest + 1) // 2
    if program.leftovers == "leave_out":
        return size, size, size
    if program.leftovers == "shrink":
        return 2, size, size
    smallest = 2 if program.leftovers == "spread" else size
    return smallest, 2 * size - 1, size


def group_rules_of(scored: Any, program: Program) -> GroupRules | None:
    """Return what groups of this table have to satisfy as wholes, or None.

    Raises
    ------
    ProgramError
        If a rule needs a column that is not there, nobody has the entry it asks for, or it asks for
        more members than any group has.
    CapabilityError
        If a rule about meetings is of a kind that groups do not know.
    """
    table, constraints = scored.coached, program.constraints
    kinds = (Alike, Balance, Compose, GiveAndReceive, NotAlone)
    rules = [rule for rule in constraints if isinstance(rule, kinds)]
    faults = missing_group_columns(rules, table)
    if program.roles is not None and "role" not in getattr(table, "columns", ()):
        faults.append(Fault("there is no column 'role'.", f"roles={dict(program.roles)!r}"))
    if faults:
        raise ProgramError("a rule about groups does not fit the table", faults)
    _refuse_too_many(rules, program)
    n = len(table.ids)
    amounts: list[NDArray[np.int64]] = []
    most: list[int] = []
    labels: list[NDArray[np.bool_]] = []
    links: list[NDArray[np.bool_]] = []
    for rule in rules:
        if isinstance(rule, Compose):
            _add_counts(table, rule, amounts, most)
        elif isinstance(rule, Alike):
            columns = table.members(rule.column).matrix.T
            crowds = [column for column in columns if column.sum() > rule.at_most]
            amounts += [column.astype(np.int64) for column in crowds]
            most += [rule.at_most] * len(crowds)
        elif isinstance(rule, Balance):
            amounts += _means(table, rule)
            most += [0, 0]
        elif isinstance(rule, NotAlone):
            labels += _labels(table, rule)
        else:
            links += _links(table, rule)
    if program.roles is not None:
        _add_seats(seats_of(table, program.roles), list(program.roles.values()), amounts, most)
    sets = pinned_sets(scored, constraints)
    together = np.full(n, -1, np.int64)
    for mark, rows in enumerate(sets):
        together[rows] = mark
    slots, weekly = _slots(table, constraints)
    if not (amounts or labels or links or sets or slots is not None):
        return None
    return GroupRules(
        n,
        np.array(amounts, np.int64).reshape(len(amounts), n).T.copy(),
        np.array(most, np.int64),
        np.array(labels, np.bool_).reshape(len(labels), n).T.copy(),
        tuple(links),
        together,
        np.array([len(rows) for rows in sets], np.int64),
        slots,
        weekly,
    )


def _refuse_too_many(rules: Sequence[Any], program: Program) -> None:
    """Raise with every rule that asks for more members than a group of any allowed size has."""
    smallest, largest, _ = limits_of(program)
    sizes = str(largest) if smallest == largest else f"{smallest} to {largest}"
    faults = []
    for rule in rules:
        if isinstance(rule, Compose) and rule.at_least > largest:
            what = f"asks for {rule.at_least} members with {rule.column} {rule.value}, "
            what += f"and groups have {sizes} people."
            remedy = f"Lower at_least to {largest} or less, or form larger groups."
            faults.append(Fault(what, repr(rule), remedy))
    if faults:
        raise ProgramError("rules contradict the sizes of groups", faults)


def _add_counts(
    table: Profiles, rule: Compose, amounts: list[NDArray[np.int64]], most: list[int]
) -> None:
    members = table.members(rule.column)
    known = {fold_entry(label): k for k, label in enumerate(members.labels)}
    at = known.get(fold_entry(rule.value))
    near = did_you_mean(rule.value, members.labels)
    if at is None:
        if rule.at_least:
            what = f"nobody has {rule.column} {rule.value!r}.{near}"
            remedy = f"Write it into the column {rule.column}, or change the rule."
            raise ProgramError(
                "a rule about groups cannot be used", [Fault(what, repr(rule), remedy)]
            )
        if "mean" in near:
            text = f"{rule!r}: nobody has {rule.column} {rule.value!r}.{near}"
            warnings.warn(text, PairmatchWarning, stacklevel=2)
        return
    has = members.matrix[:, at].astype(np.int64)
    if rule.at_least:
        amounts.append(-has)
        most.append(-rule.at_least)
    if rule.at_most is not None:
        amounts.append(has)
        most.append(rule.at_most)


def _means(table: Profiles, rule: Balance) -> list[NDArray[np.int64]]:
    """Two sums: how far the members exceed the pool's mean and the limit, and fall short of it."""
    cells = [number_of(table, rule.column, row) for row in range(len(table))]
    known = [int(x * 10**DIGITS) for x in cells if x is not None]
    limit = floor(Fraction(str(rule.within)) * 10**DIGITS) * len(known)
    above, below = [], []
    for x in cells:
        over = 0 if x is None else int(x * 10**DIGITS) * len(known) - sum(known)
        above.append(0 if x is None else over - limit)
        below.append(0 if x is None else -over - limit)
    return [np.array(above, np.int64), np.array(below, np.int64)]


def _labels(table: Profiles, rule: NotAlone) -> list[NDArray[np.bool_]]:
    members = table.members(rule.column)
    if rule.value is None:
        return list(members.matrix.T)
    wanted = fold_entry(rule.value)
    found = [k for k, label in enumerate(members.labels) if fold_entry(label) == wanted]
    if not found:
        near = did_you_mean(rule.value, members.labels)
        if "mean" in near:
            text = f"{rule!r}: nobody has {rule.column} {rule.value!r}.{near}"
            warnings.warn(text, PairmatchWarning, stacklevel=2)
    return [members.matrix[:, k] for k in found]


def _links(table: Profiles, rule: GiveAndReceive) -> list[NDArray[np.bool_]]:
    """Return who has a goal that whom covers, and who covers a goal of whom."""
    sides = []
    for column in (rule.wants, rule.gives):
        members = table.members(column)
        sides.append((members.matrix, [fold_entry(label) for label in members.labels]))
    (wants, wanted), (gives, given) = sides
    place = {label: k for k, label in enumerate(wanted)}
    shared = [(place[label], k) for k, label in enumerate(given) if label in place]
    left = wants[:, [a for a, _ in shared]].astype(np.float32)
    right = gives[:, [b for _, b in shared]].astype(np.float32)
    receives = (left @ right.T) > 0
    links = [receives, receives.T.copy()]
    for link, content in zip(links, (wants, gives), strict=True):
        np.fill_diagonal(link, val=False)
        if rule.unknown == "allow":
            link[np.diag_indices(len(link))] = ~content.any(axis=1)
    return links


def seats_of(table: Any, roles: Mapping[str, int]) -> NDArray[np.bool_]:
    """Return which seats each person may take, shape (n, n_roles), from the column ``role``."""
    wanted = [fold_entry(role) for role in roles]
    seats = np.zeros((len(table), len(wanted)), np.bool_)
    for row in range(len(table)):
        entries = entries_of(table, "role", row)
        seats[row] = [EITHER in entries or role in entries for role in wanted]
    return seats


def _add_seats(
    seats: NDArray[np.bool_], counts: list[int], amounts: list[NDArray[np.int64]], most: list[int]
) -> None:
    """Members fill the seats if any roles have enough people for them (Hall's condition)."""
    for size in range(1, len(counts) + 1):
        for some in combinations(range(len(counts)), size):
            needed = sum(counts[role] for role in some)
            if needed:
                amounts.append(np.where(seats[:, some].any(axis=1), -1, 0).astype(np.int64))
                most.append(-needed)


def pinned_sets(scored: Any, constraints: Sequence[Any]) -> list[list[int]]:
    """Return the rows of people who must share a group, as ``Pin`` says; sorted."""
    row_of = {key: row for row, key in enumerate(scored.coached.ids)}
    leader = list(range(len(row_of)))

    def find(row: int) -> int:
        while leader[row] != row:
            row = leader[row]
        return row

    for rule in constraints:
        if isinstance(rule, Pin):
            one, other = (find(row_of[find_id(row_of, key)]) for key in (rule.mentee, rule.mentor))
            leader[max(one, other)] = min(one, other)
    sets: dict[int, list[int]] = {}
    for row in range(len(leader)):
        sets.setdefault(find(row), []).append(row)
    return [rows for rows in sets.values() if len(rows) > 1]


def meeting_times_of(table: Any, constraints: Sequence[Any]) -> MeetingTimes | None:
    """Return the starts of the joint meeting of groups, and who is free at each; None without.

    Raises
    ------
    CapabilityError
        If groups are to travel, or there are two such rules.
    """
    wanted = [rule for rule in constraints if isinstance(rule, Meetings)]
    if not wanted:
        return None
    faults = [
        Fault(f"groups do not know {what} yet.", repr(rule), remedy)
        for rule in wanted
        for held, what, remedy in (
            (
                rule.travel is not None,
                "travel",
                "Leave travel out: a group meets at one place. Different schools are kept apart by "
                "Require(SameSchool()), and windows that leave time for the way are set by within.",
            ),
            (rule is not wanted[0], "two kinds of meetings", "Write one Meetings."),
        )
        if held
    ]
    if faults:
        raise CapabilityError("a constraint is not for groups", faults)
    return wanted[0].times(table, table)


def _slots(
    table: Any, constraints: Sequence[Any]
) -> tuple[NDArray[np.uint64] | None, Weekly | None]:
    """Return the starts at which each person can meet, as bits, and how many a group needs."""
    times = meeting_times_of(table, constraints)
    if times is None:
        return None, None
    free, start = times.coached, times.start
    n_more = times.per_week if times.per_week > 1 or not start.size else 0
    if n_more:  # times out of any week, for groups of people who are all unknown
        free = np.hstack([free, np.zeros((len(table.ids), n_more), np.bool_)])
        start = np.append(start, (WEEK_MINUTES + times.minutes) * np.arange(1, n_more + 1))
    if any(isinstance(rule, Meetings) and rule.unknown == "allow" for rule in constraints):
        free = free | ~times.known_coached[:, None]
    several = times.per_week > 1
    return pack_slots(free), Weekly(times.per_week, start, times.minutes) if several else None


def turn_order(table: Any, constraints: Sequence[Any]) -> NDArray[np.int64] | None:
    """Return rows in the order in which they are placed, or None if scores decide about that.

    Raises
    ------
    ProgramError
        If the column is not there.
    """
    turns = [rule for rule in constraints if isinstance(rule, TakeTurns)]
    if not turns:
        return None
    faults = missing_group_columns(turns, table)
    if faults:
        raise ProgramError("a rule about groups does not fit the table", faults)
    before = np.zeros(len(table.ids))
    if turns[0].by is not None:
        before = np.nan_to_num(table.numbers(turns[0].by))
    return np.argsort(-before, kind="stable")


def turns_before(table: Any, constraints: Sequence[Any]) -> NDArray[np.int64]:
    """Return how often each person was left out before, as ``TakeTurns`` says, rounded down.

    Raises
    ------
    ProgramError
        If the column is not there.
    """
    before = np.zeros(len(table.ids))
    if turn_order(table, constraints) is not None:
        by = next(rule.by for rule in constraints if isinstance(rule, TakeTurns))
        if by is not None:
            before = np.nan_to_num(table.numbers(by))
    return np.floor(np.clip(before, 0, 1_000)).astype(np.int64)
