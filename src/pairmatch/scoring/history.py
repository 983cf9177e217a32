"""Who has been with whom: pairs and groups of earlier cycles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol

from pairmatch.errors import Fault, ProfileError, ProgramError, say_count
from pairmatch.profiles.records import read_records
from pairmatch.typed import is_count

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import pandas as pd

    from pairmatch.profiles.records import Records

__all__ = ["History", "Plan", "read_history"]

_COLUMNS = ("cycle", "mentee", "mentor", "group", "id")


class Plan(Protocol):
    """What a history needs to know of a plan; matchings and groupings are plans."""

    def to_frame(self) -> pd.DataFrame:
        """Return the pairs (``mentee, mentor``) or the groups (``group, id``)."""
        ...

    @property
    def unmatched(self) -> pd.DataFrame:
        """Who was left out: ``id``."""
        ...


@dataclass(frozen=True, repr=False)
class History:
    """Pairs, groups and people left out of earlier cycles; a value, and it grows by :meth:`add`.

    Cycles are whole numbers in the order of time: 1, 2, 3, or the years in which they began. Ids
    are compared as text.

    Parameters
    ----------
    pairs : iterable of (int, str, str), default: ()
        Cycle, mentee and mentor of each pair.
    groups : iterable of (int, tuple of str), default: ()
        Cycle and members of each group.
    left_out : iterable of (int, str), default: ()
        Cycle and id of each person who wanted a place and got none.
    last_cycle : int or None, default: None
        The last cycle there was, also if nothing happened in it; by default the largest one named.

    Examples
    --------
    >>> import pairmatch as pm
    >>> scores = [[3, 1], [2, 2]]
    >>> first = pm.match_scores(scores)
    >>> history = pm.History().add(first)
    >>> history
    History(1 cycle: 2 pairs, 0 groups, 0 people left out)
    >>> again = pm.match_scores(scores, [pm.NotAgain(history)])
    >>> history.add(again).to_frame()
       cycle mentee mentor
    0      1      0      0
    1      1      1      1
    2      2      0      1
    3      2      1      0
    """

    pairs: tuple[tuple[int, str, str], ...] = ()
    groups: tuple[tuple[int, tuple[str, ...]], ...] = ()
    left_out: tuple[tuple[int, str], ...] = ()
    last_cycle: int | None = None

    def __post_init__(self) -> None:
        pairs = sorted({(int(c), str(a), str(b)) for c, a, b in self.pairs})
        groups = sorted({(int(c), tuple(sorted(map(str, g)))) for c, g in self.groups})
        left_out = sorted({(int(c), str(a)) for c, a in self.left_out})
        cycles = [row[0] for rows in (pairs, groups, left_out) for row in rows]
        last = max(cycles, default=None)
        if self.last_cycle is not None:
            last = self.last_cycle if last is None else max(last, self.last_cycle)
        for name, value in (("pairs", pairs), ("groups", groups), ("left_out", left_out)):
            object.__setattr__(self, name, tuple(value))
        object.__setattr__(self, "last_cycle", last)

    @property
    def next_cycle(self) -> int:
        """Number of the cycle that comes next: 1, or one more than the last."""
        return 1 if self.last_cycle is None else self.last_cycle + 1

    @property
    def cycles(self) -> tuple[int, ...]:
        """The cycles in which something is known, in order."""
        named = {row[0] for rows in (self.pairs, self.groups, self.left_out) for row in rows}
        return tuple(sorted(named))

    def add(self, plan: Plan, *, cycle: int | None = None) -> History:
        """Return this history with one more plan.

        Parameters
        ----------
        plan : Matching, Grouping or Rounds
            What was done; all rounds belong to one cycle.
        cycle : int, optional
            Its cycle; by default the next one. Several plans may belong to one cycle.

        Raises
        ------
        ProgramError
            If ``cycle`` is no whole number >= 0, or this is no plan.
        """
        if not hasattr(plan, "to_frame") or not hasattr(plan, "unmatched"):
            raise ProgramError(f"{plan!r} is no plan; add what match() or form_groups() returned")
        number = self.next_cycle if cycle is None else cycle
        if not is_count(number):
            raise ProgramError(f"cycle is {number!r}; give a whole number >= 0")
        frame = plan.to_frame()
        pairs = list(self.pairs)
        groups = list(self.groups)
        if "mentee" in frame:
            listed = zip(frame["mentee"].tolist(), frame["mentor"].tolist(), strict=True)
            pairs += [(number, a, b) for a, b in listed]
        else:
            members: dict[Any, list[str]] = {}
            keys = ["round", "group"] if "round" in frame else ["group"]
            for *group, person in frame[[*keys, "id"]].itertuples(index=False):
                members.setdefault(tuple(group), []).append(person)
            groups += [(number, tuple(people)) for people in members.values()]
        out = [(number, person) for person in plan.unmatched["id"].tolist()]
        return History(tuple(pairs), tuple(groups), (*self.left_out, *out), number)

    @cached_property
    def last_met(self) -> Mapping[tuple[str, str], int]:
        """Last cycle in which two people were a pair or in one group, by their ids in order."""
        found: dict[tuple[str, str], int] = {}
        met = [(cycle, (a, b)) for cycle, a, b in self.pairs]
        met += [(cycle, two) for cycle, people in self.groups for two in combinations(people, 2)]
        for cycle, (a, b) in sorted(met):
            found[(a, b) if a <= b else (b, a)] = cycle
        return found

    def age(self, one: object, other: object) -> int | None:
        """Return how many cycles ago two people last met; 1 is the last cycle, None never.

        Examples
        --------
        >>> History(pairs=[(1, "T-1", "M-1"), (3, "T-1", "M-2")]).age("M-1", "T-1")
        3
        """
        a, b = str(one), str(other)
        cycle = self.last_met.get((a, b) if a <= b else (b, a))
        return None if cycle is None else self.next_cycle - cycle

    @cached_property
    def current_mentors(self) -> Mapping[str, Mapping[str, int]]:
        """By mentee, the mentors of the last cycle and how many cycles in a row they have been."""
        by_cycle: dict[int, set[tuple[str, str]]] = {}
        for cycle, mentee, mentor in self.pairs:
            by_cycle.setdefault(cycle, set()).add((mentee, mentor))
        found: dict[str, dict[str, int]] = {}
        for mentee, mentor in sorted(by_cycle.get(self.next_cycle - 1, ())):
            length = 1
            while (mentee, mentor) in by_cycle.get(self.next_cycle - 1 - length, ()):
                length += 1
            found.setdefault(mentee, {})[mentor] = length
        return found

    @cached_property
    def waiting(self) -> Mapping[str, int]:
        """By id, how many times in a row, up to the last cycle, a person was left out."""
        served = [(cycle, mentee) for cycle, mentee, _ in self.pairs]
        served += [(cycle, person) for cycle, people in self.groups for person in people]
        last_served = {person: cycle for cycle, person in sorted(served)}
        found: dict[str, int] = {}
        for cycle, person in self.left_out:
            if cycle > last_served.get(person, -1):
                found[person] = found.get(person, 0) + 1
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return what :func:`read_history` reads: a row a pair, a member, or a person left out.

        Returns
        -------
        DataFrame
            ``cycle, mentee, mentor``, ``cycle, group, id``, or all five where there are both; a
            blank mentor or group for people left out.
        """
        import pandas as pd

        rows: list[tuple[int, str, str, str, str]] = [(c, a, b, "", "") for c, a, b in self.pairs]
        number: dict[int, int] = {}
        for cycle, people in self.groups:
            number[cycle] = number.get(cycle, 0) + 1
            rows += [(cycle, "", "", str(number[cycle]), person) for person in people]
        grouped = {cycle for cycle, _ in self.groups}
        for cycle, person in self.left_out:
            one_pool = cycle in grouped
            rows.append((cycle, "", "", "", person) if one_pool else (cycle, person, "", "", ""))
        rows.sort(key=lambda row: row[0])
        frame = pd.DataFrame(rows, columns=list(_COLUMNS))
        if not any(row[4] for row in rows):
            return frame[["cycle", "mentee", "mentor"]]
        if not any(row[1] for row in rows):
            return frame[["cycle", "group", "id"]]
        return frame

    def __repr__(self) -> str:
        n = len(self.cycles)
        return (
            f"History({say_count(n, 'cycle')}: {say_count(len(self.pairs), 'pair')}, "
            f"{say_count(len(self.groups), 'group')}, "
            f"{say_count(len(self.left_out), 'person', 'people')} left out)"
        )


def read_history(source: str | PathLike[str] | pd.DataFrame) -> History:
    """Read who was with whom in earlier cycles.

    Parameters
    ----------
    source : path or DataFrame
        Columns ``cycle, mentee, mentor``, or ``cycle, group, id``, or all five. A mentee without
        a mentor, and an id without a group, was left out in that cycle. With a column ``round``,
        groups of one number are others in each round.

    Returns
    -------
    History

    Raises
    ------
    ProfileError
        If the columns are not there or a row cannot be understood; every fault at once.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(2024, "T-1", "M-1"), (2025, "T-1", "")]
    >>> history = read_history(pd.DataFrame(rows, columns=["cycle", "mentee", "mentor"]))
    >>> history.next_cycle, dict(history.waiting)
    (2026, {'T-1': 1})
    """
    table = read_records(source, (*_COLUMNS, "round"), key="cycle")
    has_pairs = "mentee" in table and "mentor" in table
    has_groups = "group" in table and "id" in table
    if "cycle" not in table or not (has_pairs or has_groups):
        what = "expected the columns cycle, mentee and mentor, or cycle, group and id."
        raise ProfileError(f"{table.source} is no history", [Fault(what)])
    pairs, left_out = [], []
    members: dict[tuple[int, str, str], list[str]] = {}
    faults: list[Fault] = []
    for row in range(len(table)):
        cycle = _read_cycle(table, row, faults)
        mentee, mentor, group, person = (table.cell(row, name) for name in _COLUMNS[1:])
        if (mentee or mentor) and (group or person):
            what = "is of a pair and of a group at once."
            faults.append(Fault(what, table.place(row), "Write two rows."))
        elif mentor and not mentee:
            faults.append(Fault("the mentee is blank.", table.place(row, "mentee"), "Give an id."))
        elif group and not person:
            faults.append(Fault("the id is blank.", table.place(row, "id"), "Give an id."))
        elif mentee and mentor:
            pairs.append((cycle, mentee, mentor))
        elif group:
            key = cycle, table.cell(row, "round"), group
            members.setdefault(key, []).append(person)
        elif mentee or person:
            left_out.append((cycle, mentee or person))
        else:
            faults.append(Fault("nobody is named.", table.place(row), "Delete the row."))
    if faults:
        raise ProfileError(f"{table.source} cannot be used", faults)
    groups = [(cycle, tuple(people)) for (cycle, *_), people in members.items()]
    return History(tuple(pairs), tuple(groups), tuple(left_out))


def _read_cycle(table: Records, row: int, faults: list[Fault]) -> int:
    text = table.cell(row, "cycle").removesuffix(".0")
    if text.isdecimal():
        return int(text)
    what = f"{text!r} is no whole number." if text else "the cycle is blank."
    remedy = "Number the cycles 1, 2, 3, or write the year in which each began."
    faults.append(Fault(what, table.place(row, "cycle"), remedy))
    return 0
