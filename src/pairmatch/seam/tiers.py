"""Tiers at the seam: a table while that is small, and kinds of people above that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import CarryOver, Tiers
from pairmatch.errors import CapabilityError, Fault, ProgramError
from pairmatch.scoring import FULL, Linear, find_missing_columns
from pairmatch.scoring.overlaps import Overlap as SharedEntries
from pairmatch.scoring.own import OwnScores, Scored
from pairmatch.seam.streams import pack_entries
from pairmatch.solvers.streamed import Overlap
from pairmatch.solvers.tiers import StreamedTiers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.scoring import Compatibility

__all__ = ["tiers_of"]

_MANY = 2**20  # pairs from which on kinds of people are looked at rather than all of them


def tiers_of(
    scored: Scored, constraints: Sequence[Any], *, most: int, objective: str = "coverage"
) -> NDArray[np.int64] | StreamedTiers | None:
    """Return the tier of each pair, or None where there are none.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        The two tables.
    constraints : sequence
        Constraints of every kind; only ``Tiers`` and ``CarryOver`` are read.
    most : int
        Pairs up to which there is a table of all of them.
    objective : str, default: "coverage"
        What is maximised.

    Raises
    ------
    ProgramError
        If there are several rules of that kind, one that does not fit the tables, or one beside
        an objective that comes before the total as well.
    CapabilityError
        If a level of a large pool asks for a criterion that is more than something in common.
    """
    wanted = [rule for rule in constraints if isinstance(rule, (Tiers, CarryOver))]
    wanted = [rule for rule in wanted if rule.levels]
    if not wanted:
        return None
    if len(wanted) > 1:
        raise ProgramError(
            "a program can have one Tiers or CarryOver only",
            [
                Fault(
                    "comes again.", repr(rule), "Write one Tiers with all levels, or leave out one."
                )
                for rule in wanted
            ],
        )
    rule = wanted[0]
    if objective not in ("coverage", "total"):
        what = f"it and objective {objective!r} both say what comes before the total."
        remedy = "Use objective 'coverage' or 'total', or leave it out."
        raise ProgramError("the program cannot be used", [Fault(what, repr(rule), remedy)])
    is_large = scored.shape[0] * scored.shape[1] > most and not isinstance(scored, OwnScores)
    if isinstance(rule, CarryOver):
        return _wait(scored, rule) if is_large else rule.bind(scored.coached, scored.coach)
    if isinstance(scored, OwnScores):
        return None
    faults = find_missing_columns(
        [criterion for level in rule.rules for criterion in level],
        scored.coached,
        scored.coach,
    )
    if faults:
        raise ProgramError("Tiers do not fit the tables", faults)
    if is_large:
        return _stream(scored, rule)
    if scored.shape[0] * scored.shape[1] > _MANY:
        try:
            kinds = _stream(scored, rule)
        except CapabilityError:  # it asks for more than something in common
            pass
        else:
            return kinds.table[kinds.row_kind[:, None], kinds.column_kind]
    return rule.bind(scored.coached, scored.coach)


def _wait(scored: Scored, rule: CarryOver) -> StreamedTiers:
    """Return the tiers of those who waited, which are those of their mentees."""
    n_rows, n_columns = scored.shape
    n_tiers = len(rule.levels) + 1
    tier = [rule.tier_of(scored.coached, i, scored.coach, 0) for i in range(n_rows)]
    return StreamedTiers(
        np.array(tier, np.int64),
        np.zeros(n_columns, np.int64),
        np.arange(n_tiers)[:, None],
        n_tiers,
    )


def _stream(scored: Compatibility, rule: Tiers) -> StreamedTiers:
    """Return tiers by what people have in common."""
    levels: list[tuple[Overlap, ...]] = []
    faults = []
    for criteria in rule.rules:
        level = []
        for criterion in criteria:
            term = criterion.bind(scored.coached, scored.coach, FULL)
            if isinstance(term, SharedEntries):
                level.append(pack_entries(term))
            elif isinstance(term, Linear):
                level.append(Overlap.pack(term.coached > 0, term.coach > 0))
            else:
                remedy = "Use criteria of something in common, such as SameSchool or GradeMatch."
                faults.append(Fault("is no level in a pool of this size.", repr(criterion), remedy))
        levels.append(tuple(level))
    if faults:
        raise CapabilityError("Tiers cannot be honoured in a pool of this size", faults)
    return StreamedTiers.of(tuple(levels))
