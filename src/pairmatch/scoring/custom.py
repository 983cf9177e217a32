"""Criteria of one's own: any function of two slices of profiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CriterionError, Fault
from pairmatch.scoring.criterion import find_common_faults, refuse_faults, show
from pairmatch.scoring.terms import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Missing, Side
    from pairmatch.scoring.terms import Index

__all__ = ["Custom", "CustomTerm"]

_GRID = 1 << 32
_SAMPLE = 48


def _name_function(function: object) -> str:
    """Return how a function is written: its name, where it has one."""
    return getattr(function, "__name__", None) or repr(function)


@dataclass(frozen=True, slots=True, repr=False)
class Custom:
    """A criterion of one's own.

    Parameters
    ----------
    function : callable
        ``function(coached, coach)`` gets two :class:`~pairmatch.Profiles`, slices of r and c
        people, and returns an array of shape (r, c) with values in [0, 1], NaN where unknown.
        Columns are arrays: ``coached["km"]``. The value of a pair must depend on that pair alone,
        not on who else is in the slices.
    name : str, optional
        Name in reports; that of the function by default.
    weight : float, default: 1
        Weight relative to the other criteria, > 0.
    missing : {"neutral", "zero", "exclude"}, default: "neutral"
        What an unknown value counts as: the average of the pool, 0, or "pair not allowed".

    Raises
    ------
    ProgramError
        If a parameter is out of its range; all faults at once.
    CriterionError
        When bound to tables, if the function returns something else, or if spot checks on other
        slices give other values.

    Notes
    -----
    Values are read to 32 binary places and rounded half-even to units, so noise in the last
    digits of a float does not matter.

    Examples
    --------
    >>> import numpy as np
    >>> def nearness(coached, coach):
    ...     return 1 / (1 + np.abs(coached["km"][:, None] - coach["km"][None, :]))
    >>> Custom(nearness, weight=2)
    Custom(nearness, weight=2)
    """

    function: Callable[[Profiles, Profiles], ArrayLike]
    name: str = field(default="", kw_only=True)
    weight: float = field(default=1, kw_only=True)
    missing: Missing = field(default="neutral", kw_only=True)

    def __post_init__(self) -> None:
        faults = find_common_faults(self.weight, self.missing)
        function: object = self.function
        name: object = self.name
        if not callable(function):
            what = f"expected a function of two slices of profiles, found {function!r}."
            faults.append(Fault(what, "function"))
        if name is None or name == "":
            object.__setattr__(self, "name", _name_function(function))
        elif not isinstance(name, str):
            faults.append(Fault(f"expected a text, found {name!r}.", "name"))
        refuse_faults(self, faults)

    def __repr__(self) -> str:
        function = _name_function(self.function)
        return show(self, leading=function, hidden=("name",) if self.name == function else ())

    @property
    def needs(self) -> tuple[tuple[Side, str], ...]:
        """Columns that must be there: only the function knows."""
        return ()

    @property
    def zero_reason(self) -> str:
        """Why a known pair is worth 0."""
        return f"{self.name} is 0"

    def unknown_reason(self, coached_known: bool, coach_known: bool) -> str:  # noqa: ARG002
        """Return why the value of a pair is unknown."""
        return f"{self.name} is unknown"

    def bind(self, coached: Profiles, coach: Profiles, units: int) -> CustomTerm:
        """Return the integer units of all pairs."""
        term = CustomTerm(self, coached, coach, units)
        term.spot_check()
        return term

    def pair_units(
        self, coached: Profiles, i: int, coach: Profiles, j: int, units: int
    ) -> int | None:
        """Return the integer units of one pair; None if unknown."""
        values = self.measure(coached.take(slice(i, i + 1)), coach.take(slice(j, j + 1)))
        value = float(values[0, 0])
        if value != value:
            return None
        return round(Fraction(round(value * _GRID), _GRID) * units)

    def words(self, coached: Profiles, i: int, coach: Profiles, j: int) -> tuple[str, str]:  # noqa: ARG002
        """Return nothing: only the function knows what it looks at."""
        return "", ""

    def measure(self, coached: Profiles, coach: Profiles) -> NDArray[np.float64]:
        """Call the function and refuse what it may not return."""
        headline = f"the function of Custom criterion {self.name!r} cannot be used"
        expected = f"expected an array of numbers of shape ({len(coached)}, {len(coach)})"
        try:
            returned = np.asarray(self.function(coached, coach))
        except Exception as error:
            error.add_note(f"in the function of Custom criterion {self.name!r}")
            raise
        if returned.dtype.kind not in "buif":
            raise CriterionError(headline, [Fault(f"{expected}, found type {returned.dtype}.")])
        if returned.shape != (len(coached), len(coach)):
            raise CriterionError(headline, [Fault(f"{expected}, found shape {returned.shape}.")])
        values = returned.astype(np.float64)
        known = ~np.isnan(values)
        wrong = known & ~((values > -0.5 / _GRID) & (values < 1 + 0.5 / _GRID))
        if wrong.any():
            faults = [
                Fault(
                    f"expected a value from 0 to 1, or NaN for unknown, found {values[i, j]:g}.",
                    f"{coached.ids[i]} with {coach.ids[j]}",
                )
                for i, j in np.argwhere(wrong)[:1000].tolist()
            ]
            raise CriterionError(headline, faults)
        return values


def _take(profiles: Profiles, index: Index) -> Profiles:
    """Return some people; the table itself, with what it has read so far, where it is all."""
    if isinstance(index, slice) and index.indices(len(profiles)) == (0, len(profiles), 1):
        return profiles
    return profiles.take(index)


@dataclass(frozen=True, slots=True, eq=False)
class CustomTerm:
    """A function of profile slices, met with two tables.

    Parameters
    ----------
    criterion : Custom
        The function and its name.
    coached, coach : Profiles
        The two tables.
    units : int
        What the value 1 is worth.
    """

    criterion: Custom
    coached: Profiles
    coach: Profiles
    units: int

    @property
    def known_coached(self) -> None:
        """None: what is known depends on the pair."""

    @property
    def known_coach(self) -> None:
        """None: what is known depends on the pair."""

    def evaluate(
        self, rows: Index, columns: Index
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return units and "is known" of a block, after a spot check on a smaller one."""
        n, m = count(rows, len(self.coached)), count(columns, len(self.coach))
        if not n or not m:
            return np.empty((n, m)), np.empty((n, m), np.bool_)
        units, known = self._call(rows, columns)
        if n * m > 4:
            i = np.unique([0, n - 1])[::-1]
            j = np.unique([0, m - 1])[::-1]
            self._compare((units, known), rows, columns, i, j)
        return units, known

    def _call(self, rows: Index, columns: Index) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return units, 0 where unknown, and "is known" of a block."""
        values = self.criterion.measure(_take(self.coached, rows), _take(self.coach, columns))
        known = ~np.isnan(values)
        # 32 places of the value and 20 bits of units fit a float64: only the last rint rounds.
        units = np.rint(np.rint(np.where(known, values, 0.0) * _GRID) * self.units / _GRID)
        return units, known

    def _compare(
        self,
        whole: tuple[NDArray[np.float64], NDArray[np.bool_]],
        rows: Index,
        columns: Index,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
    ) -> None:
        """Call again for some rows and columns of a block and insist on the same units."""
        some_rows = np.arange(len(self.coached))[rows][i]
        some_columns = np.arange(len(self.coach))[columns][j]
        units, known = self._call(some_rows, some_columns)
        here = np.ix_(i, j)
        differs = (units != whole[0][here]) | (known != whole[1][here])
        if differs.any():
            a, b = np.argwhere(differs)[0]
            pair = f"{self.coached.ids[some_rows[a]]} with {self.coach.ids[some_columns[b]]}"
            what = "has another value when other people are in the slices."
            remedy = "Compute it from the two people alone, without means, maxima or ranks."
            raise CriterionError(
                f"the function of Custom criterion {self.criterion.name!r} cannot be used",
                [Fault(what, pair, remedy)],
            )

    def spot_check(self) -> None:
        """Compare a block of people with parts of it, and with single pairs."""
        n, m = len(self.coached), len(self.coach)
        if not n or not m:
            return
        rows = np.unique(np.linspace(0, n - 1, _SAMPLE).astype(np.int64))
        columns = np.unique(np.linspace(0, m - 1, _SAMPLE).astype(np.int64))
        whole = self._call(rows, columns)
        every_row, every_column = np.arange(len(rows)), np.arange(len(columns))
        self._compare(whole, rows, columns, every_row[1::2][::-1], every_column[::2])
        self._compare(whole, rows, columns, every_row[::3], every_column[::-1])
        for k in {0, int(whole[0].argmax()), int(whole[0].argmin()), whole[0].size - 1}:
            i, j = divmod(k, len(columns))
            self._compare(whole, rows, columns, every_row[i : i + 1], every_column[j : j + 1])

    def fill(self, out: NDArray[np.floating], rows: Index, columns: Index, unknown: int) -> None:
        """Write the units of a block into ``out``, with ``unknown`` where they are unknown."""
        units, known = self.evaluate(rows, columns)
        out[...] = np.where(known, units, unknown)

    def block(self, rows: Index, columns: Index) -> NDArray[np.int32]:
        """Return the units of a block; 0 where unknown."""
        return self.evaluate(rows, columns)[0].astype(np.int32)

    def known(self, rows: Index, columns: Index) -> NDArray[np.bool_]:
        """Return whether each pair of a block is known."""
        return self.evaluate(rows, columns)[1]

    def at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the units of single pairs; 0 where unknown."""
        return self._evaluate_at(i, j)[0].astype(np.int32)

    def known_at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether single pairs are known."""
        return self._evaluate_at(i, j)[1]

    def _evaluate_at(
        self, i: NDArray[np.int64], j: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return units and "is known" of single pairs, one call per person of one side."""
        units, known = np.empty(len(i)), np.empty(len(i), np.bool_)
        by_row = len(np.unique(i)) <= len(np.unique(j))
        one_side = i if by_row else j
        order = np.argsort(one_side, kind="stable")
        ends = np.flatnonzero(np.diff(one_side[order])) + 1
        for group in np.split(order, ends) if len(order) else ():
            if by_row:
                values = self._call(i[group[:1]], j[group])
            else:
                values = self._call(i[group], j[group[:1]])
            units[group], known[group] = values[0].ravel(), values[1].ravel()
        return units, known
