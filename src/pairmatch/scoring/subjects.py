"""The criterion about subjects, with partial credit for neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault
from pairmatch.profiles.members import fold_entry
from pairmatch.scoring.credits import (
    Entries,
    read_cell,
    read_entries,
    share_term,
    share_units,
)
from pairmatch.scoring.criterion import (
    find_common_faults,
    refuse_faults,
    say_unknown,
    show,
    show_cell,
)
from pairmatch.typed import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Missing, Side
    from pairmatch.scoring.terms import Linear

__all__ = ["NEIGHBOURS", "SubjectMatch"]

NEIGHBOURS: tuple[tuple[tuple[str, str], float], ...] = (
    (("math", "science"), 0.5),
    (("mathematics", "science"), 0.5),
    (("maths", "science"), 0.5),
    (("math", "computer science"), 0.5),
    (("mathematics", "computer science"), 0.5),
    (("maths", "computer science"), 0.5),
    (("science", "technology"), 0.5),
    (("computer science", "technology"), 0.5),
    (("english", "social studies"), 0.5),
    (("english", "history"), 0.5),
    (("history", "social studies"), 0.5),
)
"""Subjects that earn half credit for each other unless ``SubjectMatch`` is told otherwise."""


@dataclass(frozen=True, slots=True, repr=False)
class SubjectMatch:
    """How well the coach's subjects serve those of the coached person.

    The mean, over the coached person's ``subjects``, of the best credit among the coach's: 1 for
    the same subject, less for a neighbour, else 0. A coached person with the cell ``none`` has no
    subjects to take a mean of: unknown.

    Parameters
    ----------
    neighbours : mapping of (str, str) to float, optional
        Credit in (0, 1] of two related subjects, in either direction; ``{}`` for none. By default
        1/2 between maths (also *math*, *mathematics*) and science or computer science, science
        and technology, computer science and technology, and any two of English, history and
        social studies. Subjects compare without regard to case and white space.
    weight : float, default: 1
        Weight relative to the other criteria, > 0.
    missing : {"neutral", "zero", "exclude"}, default: "neutral"
        What an unknown value counts as: the average of the pool, 0, or "pair not allowed".

    Raises
    ------
    ProgramError
        If a parameter is out of its range; all faults at once.

    Examples
    --------
    >>> SubjectMatch(weight=3)
    SubjectMatch(weight=3)
    >>> SubjectMatch(neighbours={("French", "Spanish"): 0.4})
    SubjectMatch(neighbours={('French', 'Spanish'): 0.4})
    """

    neighbours: Mapping[tuple[str, str], float] | tuple[tuple[tuple[str, str], float], ...] = field(
        default=NEIGHBOURS, kw_only=True, metadata={"show": lambda pairs: repr(dict(pairs))}
    )
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        given: Any = self.neighbours
        pairs: tuple[tuple[tuple[Any, Any], Any], ...]
        try:
            pairs = tuple(((a, b), credit) for (a, b), credit in dict(given).items())
        except (TypeError, ValueError):
            what = f"expected a mapping such as {{('maths', 'science'): 0.5}}, found {given!r}."
            refuse_faults(self, [*faults, Fault(what, "neighbours")])
            return
        seen: dict[tuple[str, str], float] = {}
        for (a, b), credit in pairs:
            where = f"neighbours, {a!r} and {b!r}"
            if not isinstance(a, str) or not isinstance(b, str):
                faults.append(Fault("expected two subjects as text.", where))
                continue
            one, other = sorted((fold_entry(a), fold_entry(b)))
            if not is_number(credit) or not 0 < credit <= 1:
                what = f"expected a credit above 0, at most 1, found {credit!r}."
                faults.append(Fault(what, where))
            if one == other:
                faults.append(Fault("a subject always has credit 1 for itself.", where, "Drop it."))
            if seen.setdefault((one, other), credit) != credit:
                faults.append(Fault("has two different credits.", where, "Keep one."))
        refuse_faults(self, faults)
        object.__setattr__(self, "neighbours", pairs)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "SubjectMatch"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        return (("coached", "subjects"), ("coach", "subjects"))

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return "no subject in common"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        return say_unknown("no subject", coached_known, coach_known)

    def _credits(self, key: str) -> Mapping[str, Fraction]:
        """Return the subjects that earn credit for a subject."""
        return _tabulate(tuple(self.neighbours)).get(key) or {key: Fraction(1)}

    def read_sides(self, coached: Profiles, coach: Profiles) -> tuple[Entries, Entries]:
        """Return the subjects of both tables."""
        return read_entries(coached, "subjects"), read_entries(coach, "subjects")

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Linear:
        """Return the integer units of all pairs."""
        return share_term(*self.read_sides(coached, coach), self._credits, units)

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        mine, theirs = read_cell(coached, i, "subjects"), read_cell(coach, j, "subjects")
        if mine is None or theirs is None:
            return None
        own, others = map(fold_entry, mine), map(fold_entry, theirs)
        return share_units(own, others, self._credits, units)

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return the subjects of both."""
        return show_cell(coached, i, "subjects"), show_cell(coach, j, "subjects")


@lru_cache(maxsize=8)
def _tabulate(
    neighbours: tuple[tuple[tuple[str, str], float], ...],
) -> dict[str, dict[str, Fraction]]:
    """Return the credits of every subject that has neighbours, its own among them."""
    table: dict[str, dict[str, Fraction]] = {}
    for (a, b), credit in neighbours:
        one, other, exact = fold_entry(a), fold_entry(b), Fraction(str(float(credit)))
        table.setdefault(one, {one: Fraction(1)})[other] = exact
        table.setdefault(other, {other: Fraction(1)})[one] = exact
    return table
