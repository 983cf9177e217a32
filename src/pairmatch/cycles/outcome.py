"""What a re-matching gives: a plan, who moved, and how good any plan with as few moves could be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from pairmatch.cycles.limits import read_limits
from pairmatch.cycles.moves import describe_moves, list_moves
from pairmatch.cycles.trade_off import (
    draw_hull,
    find_points,
    has_goals_before,
    limit_of,
    list_points,
)
from pairmatch.scoring import Compatibility
from pairmatch.solvers.certify.changes import ChangePrices
from pairmatch.solvers.certify.nearby import certify_nearby
from pairmatch.solvers.certify.openings import certify_standing
from pairmatch.solvers.certify.ordered_changes import certify_changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
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
        limit = limit_of(self)
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

    def points(self, changes: Sequence[int] | None = None) -> tuple[Rematch, ...]:
        """Return the best plans for several numbers of changes, each with its own proof.

        Parameters
        ----------
        changes : sequence of int, optional
            Numbers of changes; by default 0, 1, 2, 5, 10, 20, 50 and so on, up to the number with
            which nothing more can be gained.

        Returns
        -------
        tuple of Rematch
            In increasing order of the limit; later ones are never worse. Numbers of changes that
            the rules rule out, or for which no plan was found, are left out.

        Raises
        ------
        ProgramError
            If ``changes`` is no list of whole numbers >= 0.
        InfeasibleError
            If the rules force more changes than each of these numbers.
        CapabilityError
            As for :func:`rematch`; without ``changes`` above 1,048,576 pairs (262,144 under
            "leximin").

        Notes
        -----
        Each point is what :func:`rematch` answers to that number, without the tables being bound
        once more.

        Examples
        --------
        >>> import pairmatch as pm
        >>> plan = pm.match_scores([[9, 8, 1], [8, 6, 1], [7, 1, 5]], objective="worst_off")
        >>> now = pm.Changes(scores=[[9, 2, 1], [8, 6, 1], [1, 9, 5]])
        >>> [point.changes for point in pm.rematch(plan, now).points([0, 2])]
        [0, 2]
        """
        return find_points(self, None if changes is None else read_limits(changes))

    def curve(self, changes: Sequence[int] | None = None) -> pd.DataFrame:
        """Return what each number of changes allows.

        Parameters
        ----------
        changes : sequence of int, optional
            As for :meth:`points`. By default all numbers of changes where each mentee has one
            mentor and nothing comes before the total, else those of :meth:`points`.

        Returns
        -------
        DataFrame
            ``changes, matched, objective, bound, exact``: with so many changes or fewer, the best
            known plan, and the proved bound on the total of plans that match as many as the bound
            allows. ``exact`` where the two are one plan: by default at the corners of the concave
            hull.

            Of single numbers, ``exact`` wherever no plan with as few changes is better; ``proof``
            says how that is known, or what is. Before ``objective`` stands what comes before the
            total: ``pairs`` under ``Demand``, ``lowest`` (score) under "worst_off" and "leximin",
            ``tiers`` (pairs of the first, of the second ...) under ``Tiers``. The bound is for
            plans that are as good in all that, and blank where nobody has proved that it is best.

        Raises
        ------
        ProgramError, InfeasibleError
            As for :meth:`points`.
        CapabilityError
            As for :meth:`points`; or, without ``changes``, above 4,194,304 pairs, or if in these
            calendars not every corner of the hull can be proved.

        Notes
        -----
        The hull takes two assignment problems for each corner; the numbers between corners have it
        as their bound. ``rematch`` with such a number looks for a better plan between them.
        """
        if changes is None and not has_goals_before(self.plan.problem):
            return draw_hull(self)
        return list_points(self.points(changes))

    def verify(self) -> Certificate:
        """Check the plan and the limit once more from the tables, and recompute the bound.

        Raises
        ------
        CertificateError
            If the plan breaks a rule or moves too many.
        """
        from pairmatch.plans import verify

        verify(self.plan)
        problem, limit, pairs = self.plan.problem, limit_of(self), self.plan.solution.pairs
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

    def summary(self) -> str:
        """Return what changed in a few lines of text."""
        return describe_moves(self, f"{self.matched} of {len(self.column_of)} mentees matched")

    def __repr__(self) -> str:
        gap = "no bound" if self.gap is None else f"gap {self.gap:.2%}"
        return f"Rematch({self.changes} changes, {self.matched} matched, {gap})"
