"""A bound compatibility with more people: nothing is read again of those who were there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.profiles.joining import join_tables
from pairmatch.profiles.week import can_start, candidate_starts
from pairmatch.scoring.compatibility import Compatibility
from pairmatch.scoring.credits import Shares
from pairmatch.scoring.overlaps import Begins, GrownOverlap, Overlap, fill_up, pack_words
from pairmatch.scoring.places import CommonTime, read_free
from pairmatch.scoring.terms import Linear

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from numpy.typing import NDArray

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Criterion
    from pairmatch.scoring.rules import PairRule
    from pairmatch.scoring.terms import Term

    Tables = tuple[Profiles, Profiles]

__all__ = ["grow"]


def grow(
    known: Compatibility,
    coached: Profiles,
    coach: Profiles,
    bind_rules: Callable[[Profiles, Profiles], Iterable[PairRule]],
    columns: Collection[str] | None = None,
) -> Compatibility:
    """Return a compatibility with more people behind those there were, on the same scale.

    Parameters
    ----------
    known : Compatibility
        What has been bound, of criteria whose value follows from the cells of the two people.
    coached, coach : Profiles
        Those who are added, with the columns of the tables there were.
    bind_rules : callable
        Returns the rules over the two longer tables.
    columns : collection of str, optional
        What the rules read in the tables; by default the tables have all columns.

    Notes
    -----
    Only cells of the people who are added are read, as long as they say nothing that asks for a
    feature nobody needed before; a criterion of which they do is bound anew. Of one id the last
    row is meant. O((n + m) f) time for f features, beside what is read.
    """
    old, new = (known.coached, known.coach), (coached, coach)
    grown = [
        _grow_term(criterion, term, old, new)
        for criterion, term in zip(known.criteria, known.terms, strict=True)
    ]
    only = None if None in grown else columns
    tables = join_tables(old[0], new[0], only), join_tables(old[1], new[1], only)
    terms = [
        criterion.bind(*tables, units) if term is None else term
        for criterion, term, units in zip(
            known.criteria, grown, known.units_of_criteria, strict=True
        )
    ]
    alike = all(
        isinstance(term, Linear) is isinstance(was, Linear)
        for term, was in zip(grown, known.terms, strict=True)
    )
    return Compatibility.assemble(
        *tables, known.criteria, known.names, tuple(terms), known.units_of_criteria, known.neutral,
        bind_rules(*tables), merged=False, before=known.fused if alike else None,
    )  # fmt: skip


def _grow_term(criterion: Criterion, term: Term, old: Tables, new: Tables) -> Term | None:
    """Return a term with more people, or None if it has to be bound anew."""
    if isinstance(term, Shares):
        return term.grow(*criterion.read_sides(*new))  # type: ignore[attr-defined]
    if isinstance(criterion, CommonTime) and isinstance(term, (Overlap, GrownOverlap)):
        return _grow_times(criterion, term, old, new)
    return _copy_features(criterion, term, old, new) if isinstance(term, Linear) else None


def _grow_times(
    criterion: CommonTime, term: Overlap | GrownOverlap, old: Tables, new: Tables
) -> GrownOverlap:
    """Add the weeks of more people, and starts that nobody had."""
    columns, minutes = (criterion.coached, criterion.coach), int(criterion.minutes)
    added = [read_free(table, column) for table, column in zip(new, columns, strict=True)]
    more = fill_up(np.setdiff1d(candidate_starts(*added), term.begins.starts))
    starts = np.concatenate([term.begins.starts, more])
    known, bits = [], []
    for table, column, free, had, gave in zip(
        old, columns, added, (term.begins.coached, term.begins.coach),
        (term.known_coached, term.known_coach), strict=True,
    ):  # fmt: skip
        if len(more):
            later = can_start(read_free(table, column), more, minutes)
            had = np.concatenate([had, pack_words(later)], axis=1)
        own = pack_words(can_start(free, starts, minutes))
        bits.append(np.concatenate([had, own]))
        known.append(np.concatenate([gave, np.array([week is not None for week in free], bool)]))
    return GrownOverlap(known[0], known[1], Begins(starts, bits[0], bits[1]), term.units)


def _copy_features(criterion: Criterion, term: Linear, old: Tables, new: Tables) -> Linear | None:
    """Give everybody the features of somebody with the same cells; None if there is nobody."""
    known, features = [], []
    for side, had, gave, table, added in zip(
        ("coached", "coach"), (term.coached, term.coach), (term.known_coached, term.known_coach),
        old, new, strict=True,
    ):  # fmt: skip
        asked = [column for where, column in criterion.needs if where == side]
        columns = [
            name
            for column in asked
            for name in (table.columns if column.endswith("*") else (column,))
            if not column.endswith("*") or name.startswith(column[:-1])
        ]
        like = _find_alike(table, added, columns)
        if like is None:
            return None
        known.append(np.concatenate([gave, gave[like]]))
        features.append(np.concatenate([had, had[like]]))
    return replace(
        term, known_coached=known[0], known_coach=known[1], coached=features[0], coach=features[1]
    )


def _find_alike(table: Profiles, added: Profiles, columns: list[str]) -> NDArray[np.int64] | None:
    """Return for each person who is added a row with the same cells, or None if one has none."""
    if not len(added):
        return np.empty(0, np.int64)
    asked = list(zip(*(added.texts(column).tolist() for column in columns), strict=True))
    wanted, row_of = set(asked), {}
    for row, own in enumerate(zip(*(table.texts(c).tolist() for c in columns), strict=True)):
        if own in wanted:
            row_of[own] = row
            wanted.remove(own)
            if not wanted:
                return np.array([row_of[cells] for cells in asked], np.int64)
    return None
