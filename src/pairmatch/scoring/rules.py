"""Which pairs may not be formed, as far as scoring itself knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pairmatch.profiles.table import Profiles
    from pairmatch.scoring.criterion import Criterion
    from pairmatch.scoring.terms import Index, Term

__all__ = ["NeedsKnown", "PairRule", "SamePerson", "find_forbidden"]


class PairRule(Protocol):
    """A rule that looks at one pair at a time."""

    @property
    def name(self) -> str:
        """Name in reports."""
        ...

    def forbids(
        self, i: NDArray[np.int64], j: NDArray[np.int64], units: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Return which pairs may not be formed.

        ``i`` and ``j`` broadcast against each other, shapes (r, 1) and (1, c) for a block or (k,)
        and (k,) for pairs; ``units`` are the scores of these pairs.
        """
        ...

    def reason(self, i: int, j: int) -> str:
        """Return why a pair that the rule forbids may not be formed."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SamePerson:
    """Nobody coaches himself or herself: the same id in both tables is the same person.

    Parameters
    ----------
    twin : ndarray of int64, shape (n,)
        Column of the same person, -1 where there is none.
    """

    twin: NDArray[np.int64]

    @classmethod
    def among(cls, coached: Profiles, coach: Profiles) -> SamePerson:
        """Return the rule for two tables; of an id that comes again the last is meant."""
        index = coach.row_of
        if index.keys().isdisjoint(coached.ids):
            return cls(np.full(len(coached), -1))
        return cls(np.array([index.get(label, -1) for label in coached.ids], np.int64))

    @property
    def name(self) -> str:
        """Name in reports."""
        return "same person"

    def forbids(
        self,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
        units: NDArray[np.integer],  # noqa: ARG002 - whatever the score
    ) -> NDArray[np.bool_]:
        """Return which pairs are one person."""
        forbidden: NDArray[np.bool_] = self.twin[i] == j
        return forbidden

    def reason(self, i: int, j: int) -> str:  # noqa: ARG002 - the same for all
        """Return why."""
        return "same person"


@dataclass(frozen=True, slots=True, eq=False)
class NeedsKnown:
    """A criterion with ``missing="exclude"``: pairs in which it is unknown are not allowed.

    Parameters
    ----------
    criterion : Criterion
        The criterion.
    name : str
        Its name in this compatibility.
    term : Term
        The criterion met with the tables.
    """

    criterion: Criterion
    name: str
    term: Term

    def forbids(
        self,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
        units: NDArray[np.integer],  # noqa: ARG002 - whatever the score
    ) -> NDArray[np.bool_]:
        """Return which pairs are unknown."""
        if i.ndim == 2:
            return ~self.term.known(i.ravel(), j.ravel())
        return ~self.term.known_at(i, j)

    def reason(self, i: int, j: int) -> str:
        """Return which side gave nothing."""
        mine, theirs = self.term.known_coached, self.term.known_coach
        coached_known = mine is not None and bool(mine[i])
        coach_known = theirs is not None and bool(theirs[j])
        return f"{self.name}: {self.criterion.unknown_reason(coached_known, coach_known)}"


def find_forbidden(
    rules: Iterable[PairRule],
    shape: tuple[int, int],
    rows: Index,
    columns: Index,
    units: NDArray[np.integer] | NDArray[np.floating],
) -> NDArray[np.bool_] | None:
    """Return which pairs of a block some rule forbids; None if none of them does."""
    n, m = shape
    i, j = np.arange(n)[rows][:, None], np.arange(m)[columns][None, :]
    forbidden: NDArray[np.bool_] | None = None
    for rule in rules:
        if isinstance(rule, SamePerson):
            # One column a row at most: most blocks need no comparison of all pairs.
            twins = rule.twin[rows]
            twins = twins[twins >= 0]
            if not (len(twins) and np.isin(twins, j).any()):
                continue
        found = rule.forbids(i, j, units.astype(np.int32, copy=False))
        forbidden = found if forbidden is None else forbidden | found
    return forbidden
