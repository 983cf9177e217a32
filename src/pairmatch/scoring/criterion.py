"""What a criterion is: a name, a weight, and an exact integer for every pair."""

from __future__ import annotations

from dataclasses import MISSING, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, Protocol

from pairmatch.errors import Fault, ProgramError, did_you_mean
from pairmatch.typed import is_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.terms import Term

__all__ = [
    "FULL",
    "Criterion",
    "Missing",
    "Side",
    "find_missing_columns",
    "fold",
    "units_of_weights",
]

FULL = 1_000_000
"""Units of a full score; a score is units / FULL, points are units / 10,000."""

Missing = Literal["neutral", "zero", "exclude"]
Side = Literal["coached", "coach"]

_POLICIES = ("neutral", "zero", "exclude")


class Criterion(Protocol):
    """How well a coach fits a coached person, as a value with a weight.

    The built-in criteria are frozen dataclasses; any object with these members will do. The value
    of a pair is an integer between 0 and the units the criterion was given, or unknown. ``bind``
    and ``pair_units`` are two ways to the same integer.
    """

    @property
    def weight(self) -> float:
        """Weight relative to the other criteria, finite and > 0."""
        ...

    @property
    def missing(self) -> Missing:
        """What an unknown value counts as: "neutral", "zero" or "exclude"."""
        ...

    @property
    def name(self) -> str:
        """Name in reports, such as ``"Similarity(interests)"``."""
        ...

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there; ``"style_*"`` stands for at least one such column."""
        ...

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0, in a few words."""
        ...

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:
        """Return why the value of a pair is unknown, in a few words."""
        ...

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> Term:
        """Return the integer values of all pairs of two tables, block by block."""
        ...

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer value of one pair from its cells alone; None if unknown."""
        ...

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:
        """Return what the two people gave, for an explanation."""
        ...


def units_of_weights(weights: Sequence[float]) -> tuple[int, ...]:
    """Split :data:`FULL` into integers in proportion to weights, by largest remainder.

    Parameters
    ----------
    weights : sequence of float
        Finite and > 0; read as the decimal numbers they print as.

    Returns
    -------
    tuple of int
        Units of each weight; they sum to :data:`FULL`. Equal remainders: the first comes first.

    Notes
    -----
    Hamilton's method of apportionment in exact arithmetic, so multiplying all weights by a decimal
    number changes nothing.

    Examples
    --------
    >>> units_of_weights([1, 1, 1])
    (333334, 333333, 333333)
    >>> units_of_weights([3, 2, 3, 1, 1]) == units_of_weights([0.3, 0.2, 0.3, 0.1, 0.1])
    True
    """
    exact = [Fraction(str(float(weight))) for weight in weights]
    total = sum(exact, Fraction(0))
    shares = [weight * FULL / total for weight in exact]
    units = [int(share) for share in shares]
    by_remainder = sorted(range(len(units)), key=lambda c: (units[c] - shares[c], c))
    for c in by_remainder[: FULL - sum(units)]:
        units[c] += 1
    return tuple(units)


def fold(text: str) -> str:
    """Return a text as it is compared: case folded, white space collapsed.

    Examples
    --------
    >>> fold("  Social   Studies ")
    'social studies'
    """
    return " ".join(text.split()).casefold()


def find_common_faults(weight: object, missing: object) -> list[Fault]:
    """Return what is wrong with the two fields that all criteria share."""
    faults = []
    if not is_number(weight) or not float(weight) > 0:  # type: ignore[arg-type]
        faults.append(
            Fault(f"expected a number above 0, found {weight!r}.", "weight", "Leave the criterion"
                  " out if it should not count.")
        )  # fmt: skip
    if missing not in _POLICIES:
        known = did_you_mean(str(missing), _POLICIES)
        faults.append(Fault(f"{missing!r} is no way to treat missing values.{known}", "missing"))
    return faults


def find_column_faults(column: object) -> list[Fault]:
    """Return what is wrong with the name of a column."""
    if isinstance(column, str) and column.strip():
        return []
    return [Fault(f"expected the name of a column, found {column!r}.", "column")]


def refuse_faults(criterion: object, faults: list[Fault]) -> None:
    """Raise all faults of one criterion at once, if there are any."""
    if faults:
        raise ProgramError(f"{type(criterion).__name__} cannot be used", faults)


def show(criterion: Any, leading: str = "", hidden: Collection[str] = ()) -> str:
    """Return a criterion as it would be typed: only what differs from the defaults."""
    shown = [leading] if leading else []
    for entry in fields(criterion):
        value = getattr(criterion, entry.name)
        unchanged = value == entry.default and type(value) is type(entry.default)
        if unchanged or entry.name in hidden or (leading and entry.default is MISSING):
            continue
        text = entry.metadata.get("show", repr)(value)
        shown.append(text if entry.metadata.get("leading") else f"{entry.name}={text}")
    return f"{type(criterion).__name__}({', '.join(shown)})"


def say_unknown(what: str, coached_known: bool, coach_known: bool) -> str:
    """Return ``"no subject given"``, with the side where only the coach's is missing."""
    if coached_known and not coach_known:
        return f"{what} given by the coach"
    if not coached_known and not coach_known:
        return f"{what} given on either side"
    return f"{what} given"


def show_cell(profiles: Profiles, row: int, column: str) -> str:
    """Return a cell as read, or "not given"."""
    return str(profiles.texts(column)[row]).strip() or "not given"


def refuse_strangers(criteria: Sequence[object]) -> None:
    """Refuse what is no criterion, in the words of whoever typed it."""
    faults = []
    for position, criterion in enumerate(criteria, start=1):
        where = f"criterion {position}"
        if isinstance(criterion, type):
            name = criterion.__name__
            faults.append(Fault(f"{name} is a class.", where, f"Write {name}()."))
        elif not hasattr(criterion, "pair_units"):
            written = getattr(criterion, "__name__", "")
            remedy = f"Write Custom({written})." if written else ""
            faults.append(Fault(f"{criterion!r} is no criterion.", where, remedy))
    if faults or not criteria:
        nothing = [
            Fault("there is no criterion.", "", "Give at least one, such as SubjectMatch().")
        ]
        raise ProgramError("these criteria cannot be used", faults or nothing)


def tell_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Give a number to names that come again, as in ``CommonTime, CommonTime (2)``."""
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(told)


def has_column(profiles: Profiles, column: str) -> bool:
    """Tell whether a table has a column; ``style_*`` asks for any column with that beginning."""
    if column.endswith("*"):
        return any(name.startswith(column[:-1]) for name in profiles.columns)
    return column in profiles


def find_missing_columns(
    criteria: Iterable[Criterion], coached: Profiles, coach: Profiles
) -> list[Fault]:
    """Return one fault for every column that a criterion needs and a table does not have.

    Parameters
    ----------
    criteria : iterable of Criterion
        Criteria to be bound.
    coached, coach : Profiles
        The two tables.

    Returns
    -------
    list of Fault
        Empty if everything is there.
    """
    tables: dict[Side, Profiles] = {"coached": coached, "coach": coach}
    faults = []
    for criterion in criteria:
        for side, column in criterion.needs:
            table = tables[side]
            if not has_column(table, column):
                near = did_you_mean(column, table.columns)
                what = f"{criterion.name} needs the column {column!r}, which is not there.{near}"
                where = table.source if coached is coach else f"{table.source} ({side})"
                faults.append(Fault(what, where, "Add it or leave the criterion out."))
    return list(dict.fromkeys(faults))
