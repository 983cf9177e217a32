"""Scores that the user brings: a matrix of numbers, made exact integers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pairmatch.errors import Fault, ScoreError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pairmatch.scoring.compatibility import Compatibility

__all__ = ["BITS_OF_GROUPS", "Labels", "OwnScores", "Scored"]

_MOST_BITS, _FEWEST_BITS = 40, 20
_ROOM = 58  # binary digits of 64 for scores and what they are multiplied with

BITS_OF_GROUPS = 24
"""Binary digits of other numbers for groups: sums over groups, in fractions, need the rest."""

Scored: TypeAlias = "Compatibility | OwnScores"  # scores and rules of two tables, however made


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """One side of an own score matrix: ids without any columns.

    Parameters
    ----------
    ids : tuple
        Labels of the rows or columns: text, or integer positions where there were none.
    """

    ids: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class OwnScores:
    """Own scores as exact integers.

    Parameters
    ----------
    coached, coach : Labels
        Who is coached (rows) and who coaches (columns).
    gain : ndarray of int64, shape (n_coached, n_coach)
        Score times ``scale``; 0 where no score is given.
    given : ndarray of bool, shape (n_coached, n_coach)
        Where a score is given; all other pairs are not allowed.
    scale : Fraction
        Units per score: 1 for integers, a power of ten for short decimals, else of two.
    rules : tuple, optional
        Bound pair rules.
    n_bits : int, default: 40
        Binary digits that the largest of other numbers keeps.
    """

    coached: Labels
    coach: Labels
    gain: NDArray[np.int64]
    given: NDArray[np.bool_]
    scale: Fraction
    rules: tuple[Any, ...] = field(default=())
    n_bits: int = 40

    @classmethod
    def read(cls, scores: pd.DataFrame | ArrayLike, *, n_bits: int | None = None) -> OwnScores:
        """Read a matrix of scores.

        Parameters
        ----------
        scores : DataFrame or array_like, shape (n_coached, n_coach)
            Finite numbers of any sign; NaN or None where a pair is not allowed. Row = who is
            coached, column = who coaches. Labels of a DataFrame are the ids.
        n_bits : int, optional
            Binary digits that the largest number keeps where not all can be kept. By default 40
            for a few dozen people and down to 20 for 5,000, since a re-match
            multiplies scores with people, pairs kept and places in 64 bits.

        Returns
        -------
        OwnScores
            Integers and decimals of up to six digits are kept exactly; other numbers are scaled
            by a power of two so that the largest keeps about ``n_bits`` binary digits (the
            resolution is ``1 / scale``).

        Raises
        ------
        ScoreError
            If a cell is infinite, a boolean or text, if a label occurs twice, or if there are not
            two dimensions; all such faults at once, by row and column.
        """
        frame: Any = scores if hasattr(scores, "columns") and hasattr(scores, "index") else None
        if frame is not None:
            rows, columns = tuple(frame.index), tuple(frame.columns)
            table = _cells_of(frame)
        else:
            table = _as_array(scores)
            if table.ndim != 2:
                what = f"scores have {table.ndim} dimensions, not two."
                raise ScoreError("the scores cannot be used", [Fault(what)])
            rows, columns = tuple(range(table.shape[0])), tuple(range(table.shape[1]))
        faults = _label_faults("row", rows) + _label_faults("column", columns)
        values, given, cell_faults = _numbers(table, rows, columns)
        faults += cell_faults
        if faults:
            raise ScoreError("the scores cannot be used", faults)
        n_bits = _fit_bits(*table.shape) if n_bits is None else n_bits
        gain, scale = _integers(values, given, n_bits)
        if frame is not None:
            given &= ~_same_people(rows, columns)
        gain[~given] = 0
        gain.setflags(write=False)
        given.setflags(write=False)
        return cls(Labels(rows), Labels(columns), gain, given, scale, n_bits=n_bits)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return len(self.coached), len(self.coach)

    @property
    def fingerprint(self) -> str:
        """Hash of labels and scores, independent of the order of rows and columns."""
        rows = sorted(range(self.shape[0]), key=lambda i: repr(self.coached.ids[i]))
        columns = sorted(range(self.shape[1]), key=lambda j: repr(self.coach.ids[j]))
        order = np.ix_(rows, columns)
        digest = hashlib.sha256(repr([self.coached.ids[i] for i in rows]).encode())
        digest.update(repr([self.coach.ids[j] for j in columns]).encode())
        digest.update(self.gain[order].astype("<i8").tobytes() + self.given[order].tobytes())
        return digest.hexdigest()

    def take(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> OwnScores:
        """Return the same scores with rows and columns in another order."""
        return OwnScores(
            Labels(tuple(self.coached.ids[i] for i in rows)),
            Labels(tuple(self.coach.ids[j] for j in columns)),
            np.take(self.gain[rows], columns, axis=1),
            np.take(self.given[rows], columns, axis=1),
            self.scale,
            n_bits=self.n_bits,
        )

    def with_rules(self, rules: tuple[Any, ...]) -> OwnScores:
        """Return the same scores under these rules."""
        return replace(self, rules=rules)

    def square(self) -> OwnScores:
        """Return these scores with columns in the order of rows, for groups of one pool.

        Raises
        ------
        ScoreError
            If the two axes are not the same people.
        """
        rows, columns = self.coached.ids, self.coach.ids
        if set(rows) != set(columns):
            odd = sorted({str(key) for key in set(rows) ^ set(columns)})[:5]
            what = f"rows and columns are not the same people (for instance {', '.join(odd)})."
            raise ScoreError("the scores cannot be used", [Fault(what)])
        place = {key: j for j, key in enumerate(columns)}
        order = np.array([place[key] for key in rows], dtype=np.int64)
        return self.take(np.arange(len(rows), dtype=np.int64), order)

    def units(self, rows: slice, columns: slice) -> NDArray[np.int64]:
        """Return the exact integers of a block."""
        return self.gain[rows, columns]

    def units_at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the exact integers of single pairs."""
        return self.gain[i, j]

    def evaluate(
        self, rows: slice | NDArray[np.int64], columns: slice
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the exact integers of a block, and which of its pairs may be formed."""
        units = self.gain[rows, columns]
        i = np.arange(self.shape[0])[rows][:, None]
        j = np.arange(self.shape[1])[columns][None, :]
        allowed = self.given[rows, columns].copy()
        for rule in self.rules:
            allowed &= ~rule.forbids(i, j, units)
        return units, allowed

    def allowed_at(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of these pairs may be formed."""
        allowed = self.given[i, j]
        for rule in self.rules:
            allowed = allowed & ~rule.forbids(i, j, self.gain[i, j])
        return allowed

    def forbidden_by(self, i: int) -> NDArray[np.int64]:
        """Return for each coach the first rule that removes it from row i.

        -1: allowed; ``len(rules)``: no score is given.
        """
        first = np.where(self.given[i], -1, len(self.rules)).astype(np.int64)
        columns = np.arange(self.shape[1])
        for number, rule in enumerate(self.rules):
            removed = rule.forbids(np.full_like(columns, i), columns, self.gain[i])
            first[(first == -1) & removed] = number
        return first

    def why_forbidden(self, i: int, j: int) -> str:
        """Return in words why a pair is not allowed, or ``""``."""
        number = int(self.forbidden_by(i)[j])
        if number == len(self.rules):
            return "no score given"
        return "" if number < 0 else str(self.rules[number].reason(i, j))


def _cells_of(frame: pd.DataFrame) -> NDArray[Any]:
    """Return the cells: as one array of numbers where no cell can be anything else."""
    if not all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in frame.dtypes):
        return frame.to_numpy(dtype=object)
    table = frame.to_numpy()
    whole = frame.loc[:, [dtype.kind in "iu" for dtype in frame.dtypes]]
    if table.dtype.kind == "f" and whole.size:
        largest = max(int(whole.max().max()), -int(whole.min().min()))
        if largest >= 2**53:
            return frame.to_numpy(dtype=object)  # as fractions they would lose their last digits
    return table


def _as_array(scores: ArrayLike) -> NDArray[Any]:
    """Return an array; what is masked is not given, and lists of uneven length are refused."""
    masked: Any = scores
    if isinstance(scores, np.ma.MaskedArray):
        return np.asarray(masked.astype(object).filled(np.nan))
    try:
        return np.asarray(scores)
    except ValueError:
        what = "the rows are not of one length."
        raise ScoreError("the scores cannot be used", [Fault(what)]) from None


def _label_faults(side: str, labels: tuple[Any, ...]) -> list[Fault]:
    seen: dict[Any, int] = {}
    faults = []
    for place, label in enumerate(labels):
        if label in seen:
            what = f"the label {label!r} stands at {side}s {seen[label]} and {place}."
            faults.append(Fault(what, "", "Give each person one label."))
        seen.setdefault(label, place)
    return faults


def _numbers(
    table: NDArray[Any], rows: tuple[Any, ...], columns: tuple[Any, ...]
) -> tuple[NDArray[Any], NDArray[np.bool_], list[Fault]]:
    """Return the values, where they are given, and a fault for each cell that is no number."""
    if table.dtype.kind in "iu":
        return table, np.ones(table.shape, dtype=np.bool_), []
    if table.dtype.kind == "f":
        given = ~np.isnan(table)
        wrong = np.argwhere(np.isinf(table))
    else:
        given = np.ones(table.shape, dtype=np.bool_)
        bad = np.zeros(table.shape, dtype=np.bool_)
        for place, cell in np.ndenumerate(table):
            missing = cell is None or str(cell) in ("<NA>", "nan", "NaT")
            given[place] = not missing
            number = isinstance(cell, (int, float, np.integer, np.floating))
            bad[place] = not missing and (
                isinstance(cell, (bool, np.bool_)) or not number or abs(cell) == float("inf")
            )
        wrong = np.argwhere(bad)
    faults = [
        Fault(
            f"{table[i, j : j + 1].tolist()[0]!r} is no score.",
            f"row {rows[i]!r}, column {columns[j]!r}",
            "Give a finite number, or NaN where the pair is not allowed.",
        )
        for i, j in wrong
    ]
    return table, given, faults


def _fit_bits(n_rows: int, n_columns: int) -> int:
    """Return how many binary digits leave room for sums over all pairs of a pool."""
    taken = 2 * (n_rows + 1).bit_length() + (n_rows + n_columns).bit_length()
    return max(_FEWEST_BITS, min(_MOST_BITS, _ROOM - taken))


def _integers(
    values: NDArray[Any], given: NDArray[np.bool_], n_bits: int
) -> tuple[NDArray[np.int64], Fraction]:
    """Return exact integers and the units per score."""
    if values.dtype.kind in "iu":
        whole = values
    else:
        cells = np.where(given, values, 0)
        if cells.dtype == object and all(
            isinstance(cell, (int, np.integer)) for cell in cells.flat
        ):
            whole = cells
        else:
            numbers = cells.astype(np.float64)
            largest = float(np.abs(numbers).max(initial=0.0))
            if largest >= 2.0**960:
                what = "a score is 2^960 or more in size, so that sums are no numbers any more."
                raise ScoreError(
                    "the scores cannot be used", [Fault(what, "", "Divide all scores.")]
                )
            if largest < 2.0**53 and (numbers == np.rint(numbers)).all():
                whole = numbers
            else:
                return _scaled(numbers, largest, n_bits)
    if whole.size and max(abs(int(whole.max())), abs(int(whole.min()))) >= 2**62:
        what = "a score is 2^62 or more in size, too large for exact sums."
        raise ScoreError("the scores cannot be used", [Fault(what, "", "Divide all scores.")])
    return whole.astype(np.int64), Fraction(1)


def _scaled(
    numbers: NDArray[np.float64], largest: float, n_bits: int
) -> tuple[NDArray[np.int64], Fraction]:
    """Scale by a power of ten where that is exact, else by a power of two to so many bits."""
    few = numbers.ravel()[:64]  # most matrices of other numbers are told by their first cells
    for digits in range(1, 7):
        power = 10.0**digits
        if largest * power >= 2.0**52 or (np.rint(few * power) / power != few).any():
            continue
        whole = np.rint(numbers * power)
        if (whole / power == numbers).all():
            return whole.astype(np.int64), Fraction(10) ** digits
    exponent = n_bits - int(np.frexp(largest)[1])
    return np.rint(np.ldexp(numbers, exponent)).astype(np.int64), Fraction(2) ** exponent


def _same_people(rows: tuple[Any, ...], columns: tuple[Any, ...]) -> NDArray[np.bool_]:
    """Where row and column are the same person, by a label that is text."""
    same = np.zeros((len(rows), len(columns)), dtype=np.bool_)
    place = {label: j for j, label in enumerate(columns) if isinstance(label, str)}
    for i, label in enumerate(rows):
        if isinstance(label, str) and label in place:
            same[i, place[label]] = True
    return same
