"""Shares of lists: each entry of the coached person earns the best credit among the coach's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.profiles.columns import find_column, is_blank
from pairmatch.profiles.members import fold_entry, split_list
from pairmatch.scoring.terms import Linear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles.table import Profiles

__all__ = ["Entries", "Shares", "read_cell", "read_entries", "share_term", "share_units"]

_FEW_PEOPLE = 256  # whose parts are multiplied one by one, which is faster


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Who has which key of a list column.

    Parameters
    ----------
    keys : tuple of str
        Entries as they are compared, sorted.
    matrix : ndarray of bool, shape (n, n_keys)
        Who has which.
    known : ndarray of bool, shape (n,)
        Whether the cell was not blank.
    """

    keys: tuple[str, ...]
    matrix: NDArray[np.bool_]
    known: NDArray[np.bool_]

    def including(self, also: Sequence[str]) -> Entries:
        """Return the entries when everybody has some more, and so is known."""
        keys = tuple(sorted({*self.keys, *also}))
        matrix = np.zeros((len(self.known), len(keys)), np.bool_)
        column_of = {key: k for k, key in enumerate(keys)}
        matrix[:, [column_of[key] for key in self.keys]] = self.matrix
        matrix[:, [column_of[key] for key in also]] = True
        return Entries(keys, matrix, np.ones_like(self.known))


@dataclass(frozen=True, slots=True, eq=False)
class Shares(Linear):
    """The term of :func:`share_term`, to which people can be added.

    Parameters
    ----------
    features : tuple of (str, Fraction)
        What each feature stands for: a key of the coached, and the best credit for it.
    silent : frozenset of (str, Fraction)
        Credits that none of the coaches has as the best for a key.
    credits : dict of str to dict of str to Fraction
        By key of the coached, the coaches' keys that earn credit for it.
    """

    features: tuple[tuple[str, Fraction], ...]
    silent: frozenset[tuple[str, Fraction]]
    credits: Mapping[str, Mapping[str, Fraction]]

    def grow(self, coached: Entries, coach: Entries) -> Shares | None:
        """Return the term with more people behind those there were; None if features are missing.

        Parameters
        ----------
        coached, coach : Entries
            The lists of those who are added, on either side.
        """
        place = {feature: f for f, feature in enumerate(self.features)}
        known = coached.known & coached.matrix.any(axis=1)
        parts = split_units(coached.matrix & known[:, None], self.largest)
        left = np.zeros((len(parts), len(place)), np.int32)
        for key, column in zip(coached.keys, parts.T, strict=True):
            if not column.any():
                continue
            if key not in self.credits:
                return None
            for credit in set(self.credits[key].values()):
                at = place.get((key, credit))
                if at is None and (key, credit) in self.silent:
                    continue
                feature = scale_parts(column, credit)
                if at is not None:
                    left[:, at] = feature
                elif feature.any():
                    return None
        right = np.zeros((len(coach.known), len(place)), np.int32)
        theirs: dict[str, list[tuple[str, Fraction]]] = {}
        for key, earned in self.credits.items():
            for other, credit in earned.items():
                theirs.setdefault(other, []).append((key, credit))
        for row in np.flatnonzero(coach.known).tolist():
            highest: dict[str, Fraction] = {}
            for k in np.flatnonzero(coach.matrix[row]).tolist():
                for key, credit in theirs.get(coach.keys[k], ()):
                    if key not in highest or credit > highest[key]:
                        highest[key] = credit
            for key, best in highest.items():
                if (key, best) in place:
                    right[row, place[key, best]] = 1
                elif (key, best) in self.silent:
                    return None
        return replace(
            self,
            known_coached=np.concatenate([self.known_coached, known]),
            known_coach=np.concatenate([self.known_coach, coach.known]),
            coached=np.concatenate([self.coached, left]),
            coach=np.concatenate([self.coach, right]),
        )


def to_keys(label: str) -> tuple[str, ...]:
    """Return the one key of an ordinary entry."""
    return (fold_entry(label),)


def read_entries(
    profiles: Profiles, column: str, keys_of: Callable[[str], tuple[str, ...]] = to_keys
) -> Entries:
    """Return who has which key; an entry may stand for several keys, as a grade band does."""
    members = profiles.members(column)
    of_label = [keys_of(label) for label in members.labels]
    keys = tuple(sorted({key for some in of_label for key in some}))
    column_of = {key: k for k, key in enumerate(keys)}
    matrix = np.zeros((len(members.known), len(keys)), np.bool_)
    for has, some in zip(members.matrix.T, of_label, strict=True):
        for key in some:
            matrix[:, column_of[key]] |= has
    return Entries(keys, matrix, members.known)


def read_cell(profiles: Profiles, row: int, column: str) -> tuple[str, ...] | None:
    """Return the entries of one cell; None where it is blank."""
    text = str(profiles.texts(column)[row])
    if is_blank(text, find_column(column)):
        return None
    cell = profiles[column][row]
    return cell if isinstance(cell, tuple) else split_list(text)


def split_units(matrix: NDArray[np.bool_], units: int) -> NDArray[np.int64]:
    """Split units over the entries of each person; the first entries get what is left over."""
    n_entries = np.maximum(matrix.sum(axis=1, dtype=np.int64), 1)[:, None]
    position = np.cumsum(matrix, axis=1, dtype=np.int64) - 1
    part = units // n_entries + (position < units % n_entries)
    return np.where(matrix, part, 0)


def scale_parts(parts: NDArray[np.int64], credit: Fraction) -> NDArray[np.int32]:
    """Multiply parts by a credit, each rounded half-even; exact however long the credit is."""
    if len(parts) <= _FEW_PEOPLE:
        own = parts.tolist()
        product = {part: _round_half_even(part, credit) for part in set(own)}
        return np.array([product[part] for part in own], np.int32)
    distinct, place = np.unique(parts, return_inverse=True)
    scaled = np.array([_round_half_even(part, credit) for part in distinct.tolist()], np.int32)
    return scaled[place]


def _round_half_even(part: int, credit: Fraction) -> int:
    """Return ``round(part * credit)``; fractions that are not made need not be shortened."""
    whole, rest = divmod(part * credit.numerator, credit.denominator)
    twice = 2 * rest
    return whole + (twice > credit.denominator or (twice == credit.denominator and whole % 2 == 1))


def share_term(
    coached: Entries,
    coach: Entries,
    credits_of: Callable[[str], Mapping[str, Fraction]],
    units: int,
) -> Shares:
    """Return "mean over the coached person's entries of the best credit" as integer features.

    Parameters
    ----------
    coached, coach : Entries
        The lists of the two sides. A coached person without entries is unknown: there is nothing
        to take a mean of.
    credits_of : callable
        Coaches' keys that earn credit for a key of the coached, with the credit in (0, 1].
    units : int
        What full credit for every entry is worth.

    Notes
    -----
    One feature per key and distinct credit: the coached person's part of the units times the
    credit, against "this credit is the coach's best".
    """
    known_coached = coached.known & coached.matrix.any(axis=1)
    parts = split_units(coached.matrix & known_coached[:, None], units)
    theirs = coach.matrix & coach.known[:, None]
    column_of = {key: k for k, key in enumerate(coach.keys)}
    distinct = np.unique(parts)
    where = np.searchsorted(distinct, parts).T
    left: list[NDArray[np.int32]] = []
    right: list[NDArray[np.bool_]] = []
    features: list[tuple[str, Fraction]] = []
    silent = set()
    credit_of = {key: credits_of(key) for key in coached.keys}
    for key, place in zip(coached.keys, where, strict=True):
        columns_of: dict[Fraction, list[int]] = {}
        for other, credit in credit_of[key].items():
            if other in column_of:
                columns_of.setdefault(credit, []).append(column_of[other])
        silent |= {(key, credit) for credit in credit_of[key].values()} - {
            (key, credit) for credit in columns_of
        }
        better = np.zeros(len(theirs), np.bool_)
        for credit in sorted(columns_of, reverse=True):
            best = theirs[:, columns_of[credit]].any(axis=1) & ~better
            better |= best
            feature = scale_parts(distinct, credit)[place]
            if not best.any():
                silent.add((key, credit))
            elif feature.any():
                left.append(feature)
                right.append(best)
                features.append((key, credit))
    return Shares(
        known_coached=known_coached,
        known_coach=coach.known,
        coached=stack(left, len(parts)),
        coach=stack(right, len(theirs)),
        largest=units,
        features=tuple(features),
        silent=frozenset(silent),
        credits=credit_of,
    )


def stack(features: Sequence[NDArray[np.generic]], n: int) -> NDArray[np.int32]:
    """Return feature columns side by side as one row-major matrix."""
    out = np.zeros((n, len(features)), np.int32)
    for f, feature in enumerate(features):
        out[:, f] = feature
    return out


def share_units(
    mine: Iterable[str],
    theirs: Iterable[str],
    credits_of: Callable[[str], Mapping[str, Fraction]],
    units: int,
) -> int | None:
    """Return the same integer for one pair, from two sets of keys; None without own keys."""
    own, others = sorted(set(mine)), set(theirs)
    if not own:
        return None
    base, left_over = divmod(units, len(own))
    total = 0
    for position, key in enumerate(own):
        part = base + (1 if position < left_over else 0)
        earned = [credit for other, credit in credits_of(key).items() if other in others]
        total += round(part * max(earned, default=Fraction(0)))
    return total
