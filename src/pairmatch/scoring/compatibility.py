"""Scores of all pairs of two tables: any block, any pair, its parts and its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import Fault, ProgramError
from pairmatch.scoring.averages import find_neutral
from pairmatch.scoring.criterion import (
    FULL,
    find_missing_columns,
    refuse_strangers,
    tell_apart,
    units_of_weights,
)
from pairmatch.scoring.frames import label_pairs, rank_best, refuse_size
from pairmatch.scoring.fusion import Addend, FusedProduct, fuse
from pairmatch.scoring.parts import Part, list_parts
from pairmatch.scoring.rules import NeedsKnown, PairRule, SamePerson, find_forbidden
from pairmatch.scoring.terms import Linear, as_pairs, count, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Criterion
    from pairmatch.scoring.terms import Index, Term

__all__ = ["Compatibility"]

_ALL = slice(None)
_TILE, _WIDTH = 128 * 2048, 2048  # two float32 tiles fit a cache of 2 MB


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Compatibility:
    """How well each coach fits each coached person; the matrix need not exist.

    Made by :meth:`bind` (or ``pairmatch.score``). Row = who is coached, column = who coaches.
    Scores are integers: a full score is 1,000,000 units. A pair that a rule forbids has no score.

    Parameters
    ----------
    coached, coach : Profiles
        The two tables.
    criteria : tuple of Criterion
        What is scored.
    names : tuple of str
        Their names, made different from each other.
    terms : tuple of Term
        The criteria met with the tables.
    units_of_criteria : tuple of int
        Units of each criterion; they sum to 1,000,000.
    neutral : tuple of int
        Units that an unknown value of each criterion counts as.
    rules : tuple of PairRule
        Everything that forbids pairs, in order; the built-in rules come first.
    fused : FusedProduct
        The sum of all linear criteria as one product.
    others : tuple of Addend
        The other criteria, with what they count as where unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> mentees = pd.DataFrame({"id": ["T-1"], "subjects": ["art"]})
    >>> mentors = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["art; music", "music"]})
    >>> pm.score(mentees, mentors, pm.Program(criteria=[pm.SubjectMatch()])).block()
    array([[1., 0.]])
    """

    coached: Profiles
    coach: Profiles
    criteria: tuple[Criterion, ...]
    names: tuple[str, ...]
    terms: tuple[Term, ...]
    units_of_criteria: tuple[int, ...]
    neutral: tuple[int, ...]
    rules: tuple[PairRule, ...]
    fused: FusedProduct
    others: tuple[Addend, ...]

    @classmethod
    def bind(
        cls,
        coached: Profiles,
        coach: Profiles,
        criteria: Iterable[Criterion],
        rules: Iterable[PairRule] = (),
        *,
        neutral: Mapping[str, int] | None = None,
    ) -> Compatibility:
        """Let criteria and rules meet two tables.

        Parameters
        ----------
        coached, coach : Profiles
            Who is coached and who coaches; the same table twice for one pool.
        criteria : iterable of Criterion
            What is scored.
        rules : iterable of PairRule, optional
            What forbids pairs, on top of "same person" and ``missing="exclude"``.
        neutral : mapping of str to int, optional
            By name of a criterion, the units an unknown value counts as, instead of the average
            of these tables.

        Returns
        -------
        Compatibility

        Raises
        ------
        ProgramError
            If there is no criterion, a column is missing, or a criterion cannot be used with
            these tables; all faults at once.
        CriterionError
            If the function of a ``Custom`` criterion returns what it may not.

        Warns
        -----
        PairmatchWarning
            If a criterion is known for no pair; it counts 0.
        """
        criteria = tuple(criteria)
        refuse_strangers(criteria)
        headline = "the criteria do not fit the tables"
        faults = find_missing_columns(criteria, coached, coach)
        if faults:
            raise ProgramError(headline, faults)
        names = tell_apart([criterion.name for criterion in criteria])
        shares = units_of_weights([criterion.weight for criterion in criteria])
        terms: list[Term] = []
        for criterion, units in zip(criteria, shares, strict=True):
            try:
                terms.append(criterion.bind(coached, coach, units))
            except ProgramError as error:
                faults += error.faults or (Fault(error.headline),)
        if faults:
            raise ProgramError(headline, faults)
        twin = SamePerson.among(coached, coach).twin
        constants = find_neutral(coached, coach, criteria, names, terms, shares, twin, neutral)
        return cls.assemble(coached, coach, criteria, names, tuple(terms), shares, constants, rules)

    @classmethod
    def assemble(
        cls, coached: Profiles, coach: Profiles, criteria: tuple[Criterion, ...],
        names: tuple[str, ...], terms: tuple[Term, ...], shares: tuple[int, ...],
        constants: tuple[int, ...], rules: Iterable[PairRule],
        *, merged: bool = True, before: FusedProduct | None = None,
    ) -> Compatibility:  # fmt: skip
        """Put together what has been bound; ``before`` is the product of the first people alone."""
        built_in: list[PairRule] = [SamePerson.among(coached, coach)]
        built_in += [
            NeedsKnown(*own)
            for own in zip(criteria, names, terms, strict=True)
            if own[0].missing == "exclude"
        ]
        addends = list(map(Addend, terms, constants))
        linear = [addend for addend in addends if isinstance(addend.term, Linear)]
        others = tuple(addend for addend in addends if not isinstance(addend.term, Linear))
        spare = 1 + 2 * len(others)  # room for prices, and for what is unknown of the others
        shape, every = (len(coached), len(coach)), (*built_in, *rules)
        fused = fuse(linear, *shape, merged=merged, n_spare=spare, before=before)
        return cls(coached, coach, criteria, names, terms, shares, constants, every, fused, others)

    def __repr__(self) -> str:
        n, m = self.shape
        return f"Compatibility({n} x {m}: {', '.join(self.names)})"

    @property
    def shape(self) -> tuple[int, int]:
        """Number of people to be coached and of coaches."""
        return len(self.coached), len(self.coach)

    @property
    def scale(self) -> int:
        """Units of a score of 1."""
        return FULL

    def units(self, rows: Index = _ALL, columns: Index = _ALL) -> NDArray[np.int32]:
        """Return the exact units of a block, also of pairs that are not allowed.

        Parameters
        ----------
        rows, columns : slice or ndarray of int64, optional
            Positions; all by default.

        Returns
        -------
        ndarray of int32, shape (r, c)

        Notes
        -----
        O(r c f) for f features; beside the result it needs two tiles of 128 x 2,048 numbers. The
        result does not depend on how the matrix is cut into blocks.
        """
        n, m = self.shape
        out = np.empty((count(rows, n), count(columns, m)), np.int32)
        for here, there, _, _, total in self._sweep(rows, columns):
            out[here, there] = total
        return out

    def units_at(self, i: ArrayLike, j: ArrayLike) -> NDArray[np.int32]:
        """Return the exact units of single pairs; ``i`` and ``j`` broadcast."""
        i, j, shape = as_pairs(i, j)
        total = self.fused.at(i, j)
        for addend in self.others:
            total += np.where(addend.term.known_at(i, j), addend.term.at(i, j), addend.neutral)
        return total.astype(np.int32).reshape(shape)

    def evaluate(
        self, rows: Index = _ALL, columns: Index = _ALL
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return units and "is allowed" of a block."""
        units = self.units(rows, columns)
        forbidden = find_forbidden(self.rules, self.shape, rows, columns, units)
        if forbidden is None:
            return units, np.ones(units.shape, np.bool_)
        return units, np.logical_not(forbidden, out=forbidden)

    def evaluate_at(
        self, i: ArrayLike, j: ArrayLike
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return units and "is allowed" of single pairs."""
        i, j, shape = as_pairs(i, j)
        units = self.units_at(i, j)
        forbidden = np.zeros(len(i), np.bool_)
        for rule in self.rules:
            forbidden |= rule.forbids(i, j, units)
        return units.reshape(shape), ~forbidden.reshape(shape)

    def allowed(self, rows: Index = _ALL, columns: Index = _ALL) -> NDArray[np.bool_]:
        """Return which pairs of a block no rule forbids."""
        if all(isinstance(rule, (SamePerson, NeedsKnown)) for rule in self.rules):
            shape = count(rows, self.shape[0]), count(columns, self.shape[1])
            none = np.broadcast_to(np.int32(0), shape)
            forbidden = find_forbidden(self.rules, self.shape, rows, columns, none)
            return np.ones(shape, np.bool_) if forbidden is None else ~forbidden
        return self.evaluate(rows, columns)[1]

    def allowed_at(self, i: ArrayLike, j: ArrayLike) -> NDArray[np.bool_]:
        """Return which single pairs no rule forbids."""
        return self.evaluate_at(i, j)[1]

    def block(self, rows: Index | None = None, columns: Index | None = None) -> NDArray[np.float64]:
        """Return the scores of a block, 0 to 1, NaN where the pair is not allowed.

        Parameters
        ----------
        rows, columns : slice or ndarray of int64, optional
            Positions; all by default.

        Returns
        -------
        ndarray of float64, shape (r, c)
        """
        n, m = self.shape
        rows, columns = _ALL if rows is None else rows, _ALL if columns is None else columns
        scores = np.empty((count(rows, n), count(columns, m)))
        for here, there, some_rows, some_columns, total in self._sweep(rows, columns):
            target = scores[here, there]
            np.divide(total, np.float64(FULL), out=target)
            forbidden = find_forbidden(self.rules, (n, m), some_rows, some_columns, total)
            if forbidden is not None:
                target[forbidden] = np.nan
        return scores

    def forbidden_by(self, i: int, columns: Index | None = None) -> NDArray[np.int64]:
        """Return for each coach the first rule that forbids the pair.

        Parameters
        ----------
        i : int
            Row of the coached person.
        columns : slice or ndarray of int64, optional
            Coaches; all by default.

        Returns
        -------
        ndarray of int64, shape (c,)
            Position in ``rules``, -1 where the pair is allowed.
        """
        j = np.arange(self.shape[1])[_ALL if columns is None else columns][None, :]
        row = np.array([[i]])
        units = self.units(row[0], _ALL if columns is None else columns)
        first = np.full(units.shape, -1, np.int64)
        for position, rule in enumerate(self.rules):
            first[(first < 0) & rule.forbids(row, j, units)] = position
        return first.ravel()

    def why_forbidden(self, i: int, j: int) -> str:
        """Return in words why a pair is not allowed; "" if it is."""
        position = int(self.forbidden_by(i, np.array([j], np.int64))[0])
        return "" if position < 0 else self.rules[position].reason(i, j)

    def parts(self, i: int, j: int) -> tuple[Part, ...]:
        """Return what each criterion adds to the score of a pair.

        Parameters
        ----------
        i, j : int
            Row of the coached person, column of the coach.

        Returns
        -------
        tuple of Part
            One per criterion; their units sum to the score exactly.
        """
        return list_parts(self, i, j)

    def evidence_at(self, i: ArrayLike, j: ArrayLike) -> NDArray[np.float64]:
        """Return the share of weight that rests on known values, of single pairs."""
        i, j, shape = as_pairs(i, j)
        known = np.zeros(len(i), np.int64)
        for term, share in zip(self.terms, self.units_of_criteria, strict=True):
            known += share * term.known_at(i, j)
        return (known / FULL).reshape(shape)

    def evidence(self) -> pd.DataFrame:
        """Return the share of weight that rests on known values, of every pair.

        Returns
        -------
        DataFrame
            Ids of the coached as index, of the coaches as columns; 0 to 1.

        Raises
        ------
        CapabilityError
            If there are more than 4,000,000 pairs.
        """
        refuse_size(self, "evidence_at(i, j)")
        known = np.zeros(self.shape, np.int64)
        for term, share in zip(self.terms, self.units_of_criteria, strict=True):
            known += share * term.known(_ALL, _ALL)
        return label_pairs(self, known / FULL)

    def to_frame(self) -> pd.DataFrame:
        """Return the scores of every pair, 0 to 1, NaN where the pair is not allowed.

        Returns
        -------
        DataFrame
            Ids of the coached as index (``mentee``), of the coaches as columns (``mentor``).

        Raises
        ------
        CapabilityError
            If there are more than 4,000,000 pairs.
        """
        refuse_size(self, "block(rows, columns) or best(k)")
        return label_pairs(self, self.block())

    def best(self, k: int = 5) -> pd.DataFrame:
        """Return the best coaches for each coached person.

        Parameters
        ----------
        k : int, default: 5
            How many each, at most.

        Returns
        -------
        DataFrame
            ``mentee, mentor, rank, score``; allowed pairs only, equal scores in the order of the
            coaches' table.

        Notes
        -----
        Streams over blocks of rows: O(n m) time, O(n k) memory.
        """
        return rank_best(self, k)

    def _sweep(
        self, rows: Index, columns: Index
    ) -> Iterator[tuple[slice, slice, Index, Index, NDArray[np.floating]]]:
        """Yield a block tile by tile: where it goes, what it takes, and its units as floats.

        The tiles share one buffer.
        """
        n, m = self.shape
        columns_cut, n_pairs = cut(columns, m, _WIDTH), count(rows, n) * count(columns, m)
        buffers = np.empty((2, min(_TILE, n_pairs)), self.fused.coached.dtype)
        for here, some_rows in cut(rows, n, _TILE // max(1, min(count(columns, m), _WIDTH))):
            for there, some_columns in columns_cut:
                shape = count(some_rows, n), count(some_columns, m)
                size = shape[0] * shape[1]
                total, term = (buffer[:size].reshape(shape) for buffer in buffers)
                self.fused.fill(total, some_rows, some_columns)
                for addend in self.others:
                    addend.term.fill(term, some_rows, some_columns, addend.neutral)
                    total += term
                yield here, there, some_rows, some_columns, total
