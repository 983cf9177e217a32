"""A rule of the people themselves: whom they do not want to be with."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.constraints.bound import ForbiddenPairs, pair_keys, positions
from pairmatch.errors import PairmatchWarning
from pairmatch.typed import check_all, typed_repr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from pairmatch.profiles import Profiles
    from pairmatch.scoring import PairRule

__all__ = ["Vetoes"]


@dataclass(frozen=True, slots=True, repr=False)
class Vetoes:
    """Whose vetoes forbid a pair; those in the column ``vetoes`` are ids, separated by ``;``.

    Without this constraint the vetoes of both sides hold: whoever names somebody is never paired
    with them, in neither role, nor put into one group with them.

    Parameters
    ----------
    of : {"both", "mentee", "mentor", "nobody"}, default: "both"
        Whose vetoes hold (mentee: who is coached). In groups everybody is both.

    Raises
    ------
    ProgramError
        If ``of`` is another word.

    Examples
    --------
    >>> Vetoes(of="mentee")
    Vetoes(of='mentee')
    """

    of: Literal["both", "mentee", "mentor", "nobody"] = "both"

    def __post_init__(self) -> None:
        check_all(
            "Vetoes",
            (
                self.of in ("both", "mentee", "mentor", "nobody"),
                f"of is {self.of!r}.",
                "Give 'both', 'mentee', 'mentor' or 'nobody'.",
            ),
        )

    def __repr__(self) -> str:
        return typed_repr(self)

    def bind(self, coached: Profiles, coach: Profiles, *, check_spelling: bool = True) -> PairRule:
        """Return the rule over these two tables."""
        of_coached, of_coach = positions(coached), positions(coach)
        pairs = []
        doubts: dict[str, str] = {}
        if self.of in ("both", "mentee"):
            found, odd = _named(coached, of_coach, of_coached if check_spelling else None)
            pairs += found
            doubts |= odd
        if self.of in ("both", "mentor"):
            found, odd = _named(coach, of_coached, of_coach if check_spelling else None)
            pairs += [(i, j) for j, i in found]
            doubts |= odd
        if doubts:
            shown = "; ".join(f"{what} (meant: {near}?)" for what, near in doubts.items())
            warnings.warn(
                f"column vetoes: {shown}. Ids must be written exactly, several of them separated "
                "by semicolons; as they stand, these vetoes are of nobody in the tables.",
                PairmatchWarning,
                stacklevel=2,
            )
        keys = pair_keys(pairs, len(coach.ids))
        return ForbiddenPairs("veto", self, coached, coach, keys)

    def breach(
        self, coached: Profiles, i: int, coach: Profiles, j: int, score: Fraction
    ) -> str | None:
        """Return why this pair breaks the rule, or None."""
        del score
        mentee, mentor = coached.ids[i], coach.ids[j]
        if self.of in ("both", "mentee") and mentor in _vetoes(coached, i):
            return f"{mentee} vetoes {mentor}"
        if self.of in ("both", "mentor") and mentee in _vetoes(coach, j):
            return f"{mentor} vetoes {mentee}"
        return None


def _vetoes(table: Profiles, row: int) -> list[str]:
    if "vetoes" not in table:
        return []
    return [part.strip() for part in str(table.texts("vetoes")[row]).split(";") if part.strip()]


def _named(
    table: Profiles, others: Mapping[str, int], own: Mapping[str, int] | None
) -> tuple[list[tuple[int, int]], dict[str, str]]:
    """Return (row, row of whom they veto), and entries that are nobody's id, but nearly."""
    if "vetoes" not in table:
        return [], {}
    pairs = []
    doubts = {}
    plain: dict[str, str] = {}
    for row in np.flatnonzero(table.texts("vetoes") != "").tolist():
        for entry in _vetoes(table, row):
            if entry in others:
                pairs.append((row, others[entry]))
            elif own is not None and entry not in own:
                plain = plain or {_plain(person): person for person in {**own, **others}}
                near = [plain[p] for p in map(_plain, entry.split(",")) if p in plain]
                if near:
                    doubts[f"{entry!r} of {table.ids[row]}"] = "; ".join(near)
    return pairs, doubts


def _plain(text: str) -> str:
    """Return the letters and digits of an id, case folded."""
    return "".join(filter(str.isalnum, text.casefold()))
