"""What the people themselves want: wishes in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.errors import Fault, ProgramError, did_you_mean
from pairmatch.profiles.members import is_none
from pairmatch.scoring.criterion import (
    find_common_faults,
    refuse_faults,
    say_unknown,
    show,
    show_cell,
)
from pairmatch.scoring.listed import ListedPairs
from pairmatch.typed import is_count

if TYPE_CHECKING:
    from collections.abc import Collection

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Missing, Side

__all__ = ["Wishes", "read_wishes"]

_SIDES = ("mentee", "mentor", "both")


def read_wishes(text: str, known: Collection[str] = ()) -> dict[str, int]:
    """Return the rank of each id in a cell of wishes, 1 for the first.

    Parameters
    ----------
    text : str
        Ids from the most wanted to the least, separated by ``;``. Ids joined by ``=`` share a
        rank. An empty rank, or ``-``, is a gap: nobody has it, and those behind do not move up.
    known : collection of str, optional
        Ids that are taken whole even if they hold a ``=``.

    Examples
    --------
    >>> read_wishes("M-07; M-02 = M-09; ; M-11")
    {'M-07': 1, 'M-02': 2, 'M-09': 2, 'M-11': 4}
    >>> read_wishes("none")
    {}
    """
    ranks: dict[str, int] = {}
    if is_none(text):
        return ranks
    for rank, entry in enumerate(text.split(";"), start=1):
        whole = " ".join(entry.split())
        for part in (whole,) if whole in known else whole.split("="):
            person = part.strip()
            if person and not is_none(person):
                ranks.setdefault(person, rank)
    return ranks


@dataclass(frozen=True, slots=True, repr=False)
class Wishes:
    """Whether people get whom they wished for, from the column ``wishes``.

    The r-th wish is worth ``(depth + 1 - r) / depth``, wishes behind the last rank that counts
    are worth ``1 / depth``, and everybody who was not named is worth 0. Equal wishes are joined by
    ``=``, and an empty rank is a gap: in ``M-07; M-02 = M-09; ; M-11`` the last is the fourth wish.

    Parameters
    ----------
    of : {"mentee", "mentor", "both"}, default: "mentee"
        Whose wishes count (mentee: who is coached). "both": the mean of the two sides, or the one
        side that gave any.
    depth : int, default: 5
        Number of ranks that are told apart, >= 1.
    absent : {"refuse", "skip"}, default: "refuse"
        What to do about ids that are not in the other table: refuse them with their row, so that
        no typing error loses a wish, or pass over them (they keep their rank).
    weight : float, default: 1
        Weight relative to the other criteria, > 0.
    missing : {"neutral", "zero", "exclude"}, default: "neutral"
        What a blank cell counts as: the average of the pool, 0, or "pair not allowed". A cell
        ``none`` is known: this person wished for nobody.

    Raises
    ------
    ProgramError
        If a parameter is out of its range; all faults at once. When it meets the tables: if
        somebody wished for an id that is not there, or for themselves.

    Examples
    --------
    >>> Wishes(of="both", weight=2)
    Wishes(of='both', weight=2)
    """

    of: Literal["mentee", "mentor", "both"] = field(default="mentee", kw_only=True)
    depth: int = field(default=5, kw_only=True)
    absent: Literal["refuse", "skip"] = field(default="refuse", kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        if self.of not in _SIDES:
            what = f"nobody is {self.of!r}.{did_you_mean(str(self.of), _SIDES)}"
            faults.append(Fault(what, "of"))
        if not is_count(self.depth, 1):
            faults.append(Fault(f"expected a whole number >= 1, found {self.depth!r}.", "depth"))
        if self.absent not in ("refuse", "skip"):
            faults.append(Fault(f"expected 'refuse' or 'skip', found {self.absent!r}.", "absent"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        return show(self)

    @property
    def name(self) -> str:
        """Name in reports."""
        return "Wishes" if self.of == "mentee" else f"Wishes({self.of})"

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there."""
        sides: dict[str, tuple[Side, ...]] = {
            "mentee": ("coached",), "mentor": ("coach",), "both": ("coached", "coach")
        }  # fmt: skip
        return tuple((side, "wishes") for side in sides[self.of])

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return "not among the wishes"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown."""
        return say_unknown("no wishes", coached_known, coach_known)

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> ListedPairs:
        """Return the integer units of all pairs; O(wishes) memory."""
        everybody = np.ones(len(coached), np.bool_), np.ones(len(coach), np.bool_)
        faults: list[Fault] = []
        sides: list[dict[tuple[int, int], int]] = []
        has = list(everybody)
        for k, (own, other) in enumerate(((coached, coach), (coach, coached))):
            found: dict[tuple[int, int], int] = {}
            if self.of in (_SIDES[k], "both"):
                has[k] = own.texts("wishes") != ""
                found = self._collect(own, other, faults)
            sides.append(found if k == 0 else {(i, j): rank for (j, i), rank in found.items()})
        if faults:
            raise ProgramError("some wishes cannot be read", faults)
        pairs = {*sides[0], *sides[1]}
        either = self.of == "both"
        units_of = {}
        for i, j in pairs:
            ranks = [side.get((i, j)) for side in sides]
            gave = [bool(has[0][i]), bool(has[1][j])] if either else [self.of == s for s in _SIDES]
            units_of[i, j] = self._units(ranks, gave[:2], units)
        return ListedPairs.collect(has[0], has[1], units_of, either=either)

    def _collect(
        self, own: Profiles, other: Profiles, faults: list[Fault]
    ) -> dict[tuple[int, int], int]:
        """Return the ranks by (who wishes, for whom), and note the ids that are not there."""
        place = {person: row for row, person in enumerate(other.ids)}
        ranks = {}
        texts = own.texts("wishes")
        for row in np.flatnonzero(texts != "").tolist():
            for person, rank in read_wishes(str(texts[row]), place).items():
                if person == own.ids[row]:
                    what = "wishes for themselves."
                    faults.append(Fault(what, own.place(row, "wishes"), "Strike the id out."))
                elif person in place:
                    ranks[row, place[person]] = rank
                elif self.absent == "refuse":
                    near = did_you_mean(person, place)
                    what = f"{person!r} is not in the other table.{near}"
                    remedy = "Correct it, leave its rank empty, or use Wishes(absent='skip')."
                    if "," in person:
                        remedy = "Separate ids by semicolons."
                    faults.append(Fault(what, own.place(row, "wishes"), remedy))
        return ranks

    def _units(self, ranks: list[int | None], gave: list[bool], units: int) -> int:
        """Return the units of a pair from the rank on each side that counts."""
        steps = [
            0 if rank is None else max(1, self.depth + 1 - rank)
            for rank, given in zip(ranks, gave, strict=True)
            if given
        ]
        return round(Fraction(units * sum(steps), self.depth * len(steps)))

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair from its cells; None if unknown."""
        ranks: list[int | None] = []
        for side, own, row, other, place in (
            ("mentee", coached, i, coach, j),
            ("mentor", coach, j, coached, i),
        ):
            if self.of not in (side, "both"):
                continue
            text = str(own.texts("wishes")[row])
            if text:
                wanted = other.ids[place]
                ranks.append(read_wishes(text, (wanted,)).get(wanted))
        return self._units(ranks, [True] * len(ranks), units) if ranks else None

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return the wishes of the sides that count."""
        mine = show_cell(coached, i, "wishes") if self.of != "mentor" else ""
        theirs = show_cell(coach, j, "wishes") if self.of != "mentee" else ""
        return mine, theirs
