"""What a re-matching gives: a plan, who moved, and how good any plan with as few moves could be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.cycles.moves import describe_moves, list_moves
from pairmatch.errors import CapabilityError
from pairmatch.scoring import Compatibility
from pairmatch.seam import MOST_HELD
from pairmatch.solvers.certify.changes import ChangeLimit, ChangePrices
from pairmatch.solvers.certify.nearby import certify_nearby
from pairmatch.solvers.certify.openings import certify_standing
from pairmatch.solvers.certify.ordered_changes import certify_changes
from pairmatch.solvers.changes.rematching import trace_hull

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.cycles.standing import Standing
    from pairmatch.plans import Matching
    from pairmatch.solvers.certify.nearby import Running
    from pairmatch.solvers.certify.ordered_changes import ChangeDual
    from pairmatch.solvers.solution import Certificate

__all__ = ["Rematch"]


@dataclass(frozen=True, eq=False, repr=False)
class Rematch:
    """A plan after changes, who moved, and how good any plan with as few moves could be.

    Made by :func:`rematch`.

    Parameters
    ----------
    source : Matching, or callable that returns it
        Where :attr:`plan` comes from.
    before : Matching
        The plan that was running.
    pairs : ndarray of int64, shape (n_pairs, 2)
        The pairs of the plan.
    column_of : ndarray of int64, shape (n_mentees,) or (n_mentees, most)
        By row of ``plan``, the column of the mentor whom a mentee had and could keep; -1 for none;
        columns, where mentees had several mentors.
    at_most_changes : int or None
        The limit that was set.
    certificate : Certificate
        What the independent check of the limited problem found.
    dual : ChangePrices, LowestPrices, OrderedPrices, DemandPrices or None
        The prices behind its bound.
    seconds : float
        Wall-clock time of everything.
    running : Running or None
        What of the old plan's proof still holds, where the new one builds on it.
    standing : Standing or None
        What was solved and proved where only open places were given away.

    Examples
    --------
    >>> import pairmatch as pm
    >>> after = pm.rematch(pm.match_scores([[9, 8], [7, 1]]), pm.Changes(leave=[1]))
    >>> after.plan.to_frame()
       mentee  mentor  score
    0       0       0      9
    """

    source: Matching | partial[Matching]
    before: Matching
    pairs: NDArray[np.int64]
    column_of: NDArray[np.int64]
    at_most_changes: int | None
    certificate: Certificate
    dual: ChangeDual | None
    seconds: float
    running: Running | None = None
    standing: Standing | None = None

    @cached_property
    def plan(self) -> Matching:
        """The plan from now on.

        Its own ``gap`` compares it with the best plan of all, which may move more people. Where
        nobody was to move, the scores of all pairs are made ready only when this is asked for.
        """
        if isinstance(self.source, partial):
            return replace(self.source(), seconds=self.seconds)
        return self.source

    @property
    def matched(self) -> int:
        """Number of mentees who have a mentor."""
        return self.certificate.matched

    @property
    def changes(self) -> int:
        """How many people moved who could have stayed; pairs, where they have several mentors."""
        limit = self._limit()
        return len(limit.earlier) - limit.count_kept(self.pairs)

    @property
    def objective(self) -> float | int:
        """Total score of the pairs."""
        return self._in_scores(self.certificate.objective)

    @property
    def bound(self) -> float | int | None:
        """Proved bound on the total of plans with as few changes that match as many."""
        bound = self.certificate.bound
        return None if bound is None else self._in_scores(bound)

    @property
    def gap(self) -> float | None:
        """(bound - objective) / abs(bound) under the limit; 0.0 if and only if proved."""
        return self.certificate.gap

    @property
    def moved(self) -> pd.DataFrame:
        """Everybody whose mentor is another one than before, and why.

        Of mentees with several mentors, one row for each mentor who is another one.

        Returns
        -------
        DataFrame
            ``mentee, before, after, counted, score_before, score_after, reason``; blank where
            there is no mentor. ``counted`` is True where the mentee could have kept the mentor.
        """
        return list_moves(self.before, self.plan, self.column_of)

    def curve(self) -> pd.DataFrame:
        """Return what each number of changes allows.

        Returns
        -------
        DataFrame
            ``changes, matched, objective, bound, exact``: with so many changes or fewer, the best
            known plan, and the proved bound on the total of plans that match as many as the bound
            allows. ``exact`` at the corners of the concave hull, where the two are one plan.

        Notes
        -----
        Two assignment problems for each corner; the numbers between corners have the hull as
        their bound. ``rematch`` with such a number looks for a better plan between them.

        Raises
        ------
        CapabilityError
            If there are more than 4,194,304 pairs, mentees have several mentors, or something comes
            before the total.
        """
        import pandas as pd

        problem = self.plan.problem
        if (problem.demand > 1).any():
            raise CapabilityError(
                "the curve is drawn for plans with one mentor each; ask rematch() for single "
                "numbers of changes"
            )
        if problem.tiers is not None or problem.objective in ("worst_off", "leximin"):
            raise CapabilityError(
                "the curve is drawn for plans in which nothing comes before the total; ask "
                "rematch() for single numbers of changes"
            )
        if self.plan.problem.n_rows * self.plan.problem.n_columns > MOST_HELD:
            raise CapabilityError(
                f"the curve looks at all pairs at once, at most {MOST_HELD:,} of them; "
                "ask rematch() for single numbers of changes"
            )
        corners, bonus = trace_hull(self.plan.problem, self.column_of)
        if not all(corner.proved for corner in corners):
            raise CapabilityError(
                "with these calendars not every corner of the curve could be proved best; "
                "ask rematch() for single numbers of changes"
            )
        n_kept = int(np.count_nonzero(self.column_of >= 0))
        rows = []
        for corner, after in zip(corners, [*corners[1:], None], strict=True):
            units = corner.value - bonus * len(corner.pairs)
            row = len(corner.pairs), self.plan.in_scores(units)
            rows.append((n_kept - corner.kept, *row, self.plan.in_scores(units), True))
            for kept in range(corner.kept - 1, after.kept if after else corner.kept - 1, -1):
                rise, run = after.value - corner.value, corner.kept - after.kept  # type: ignore[union-attr]
                value = corner.value + rise * (corner.kept - kept) // run
                matched = max(len(corner.pairs), value // bonus) if bonus else 0
                limit = self.plan.in_scores(value - bonus * matched)
                rows.append((n_kept - kept, *row, limit, False))
        return pd.DataFrame(rows, columns=["changes", "matched", "objective", "bound", "exact"])

    def verify(self) -> Certificate:
        """Check the plan and the limit once more from the tables, and recompute the bound.

        Raises
        ------
        CertificateError
            If the plan breaks a rule or moves too many.
        """
        from pairmatch.plans import verify

        verify(self.plan)
        problem, limit, pairs = self.plan.problem, self._limit(), self.plan.solution.pairs
        if self.standing is not None:
            see: Any = self.plan.scored.evaluate
            return certify_standing(problem, self.column_of, pairs, self.standing.prices, see)
        if self.running is not None and isinstance(self.dual, ChangePrices):
            look: Any = self.plan.scored.evaluate
            return certify_nearby(problem, limit, pairs, self.dual, self.running, look)
        return certify_changes(problem, limit, pairs, self.dual, self.plan.solution.slots)

    def _in_scores(self, units: int) -> float | int:
        """Return units as a score; tables have one scale, before and after."""
        from_tables = isinstance(self.before.scored, Compatibility)
        return (self.before if from_tables else self.plan).in_scores(units)

    def _limit(self) -> ChangeLimit:
        n_before = int(np.count_nonzero(self.column_of >= 0))
        most = n_before if self.at_most_changes is None else self.at_most_changes
        return ChangeLimit(self.column_of, max(0, n_before - most))

    def summary(self) -> str:
        """Return what changed in a few lines of text."""
        return describe_moves(self, f"{self.matched} of {len(self.column_of)} mentees matched")

    def __repr__(self) -> str:
        gap = "no bound" if self.gap is None else f"gap {self.gap:.2%}"
        return f"Rematch({self.changes} changes, {self.matched} matched, {gap})"
