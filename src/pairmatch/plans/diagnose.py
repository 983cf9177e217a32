"""What the rules do to the pairs before anything is solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.plans.order import natural_key

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles
    from pairmatch.scoring import PairRule
    from pairmatch.scoring.own import Scored

__all__ = ["RuleCount", "count_rules", "unknown_evaluators"]

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many pairs each rule removes.

    Parameters
    ----------
    rules : tuple of str
        The rules, as typed, in the order in which they are checked.
    removed : tuple of int
        Pairs that each rule removes, whatever the others do.
    alone : tuple of int
        Pairs that only this rule removes: what dropping it would bring back.
    n_pairs, n_allowed : int
        Pairs of the two tables, and those that every rule allows.
    without : tuple
        Ids of the coached for whom no coach is left.
    unused : tuple
        Ids of the coaches for whom no coached person is left.
    """

    rules: tuple[str, ...]
    removed: tuple[int, ...]
    alone: tuple[int, ...]
    n_pairs: int
    n_allowed: int
    without: tuple[Any, ...]
    unused: tuple[Any, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a rule: ``rule, removes, only_it``."""
        import pandas as pd

        rows = list(zip(self.rules, self.removed, self.alone, strict=True))
        return pd.DataFrame(rows, columns=["rule", "removes", "only_it"])


def count_rules(scored: Scored) -> RuleCount:
    """Count, block by block, which rules remove how many pairs.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        Scores and rules of two tables.

    Notes
    -----
    O(pairs x rules) time, memory of one block of rows.
    """
    n_rows, n_columns = scored.shape
    removed = np.zeros(len(scored.rules), dtype=np.int64)
    alone = np.zeros(len(scored.rules), dtype=np.int64)
    row_has = np.zeros(n_rows, dtype=np.bool_)
    column_has = np.zeros(n_columns, dtype=np.bool_)
    n_allowed = 0
    j = np.arange(n_columns)[None, :]
    for start in range(0, n_rows, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n_rows))
        units, allowed = scored.evaluate(rows, slice(0, n_columns))
        i = np.arange(rows.start, rows.stop)[:, None]
        rules: tuple[PairRule, ...] = tuple(scored.rules)
        hits = [rule.forbids(i, j, units) for rule in rules]
        times = np.zeros(units.shape, dtype=np.int16)
        for hit in hits:
            times += hit
        for number, hit in enumerate(hits):
            removed[number] += int(hit.sum())
            alone[number] += int((hit & (times == 1)).sum())
        n_allowed += int(allowed.sum())
        row_has[rows] = allowed.any(axis=1)
        column_has |= allowed.any(axis=0)
    return RuleCount(
        tuple(rule.name for rule in scored.rules),
        tuple(removed.tolist()),
        tuple(alone.tolist()),
        n_rows * n_columns,
        n_allowed,
        _names(scored.coached.ids, ~row_has),
        _names(scored.coach.ids, ~column_has),
    )


def unknown_evaluators(table: Profiles, coached: Profiles, coach: Profiles) -> tuple[str, ...]:
    """Return the evaluators in a table who are in neither of two tables, each once."""
    if "evaluator" not in table:
        return ()
    known = {*coached.ids, *coach.ids}
    named = {entry for entries in table["evaluator"] for entry in entries}
    return tuple(sorted(named - known, key=natural_key))


def _names(ids: tuple[Any, ...], wanted: NDArray[np.bool_]) -> tuple[Any, ...]:
    return tuple(sorted((ids[k] for k in np.flatnonzero(wanted)), key=natural_key))
