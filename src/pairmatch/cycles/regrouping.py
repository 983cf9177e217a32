"""Running groups after changes: the best ones in which few people change their group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.cycles.limits import list_usual, read_limits
from pairmatch.cycles.moves import company_of, describe_moves
from pairmatch.cycles.reforming import (
    N_WHOLE,
    Reformed,
    carry_standing,
    find_company,
    find_touched,
    reform,
    renew_groups,
)
from pairmatch.errors import CertificateError, Fault
from pairmatch.plans.order import natural_key
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.certify.regrouping import certify_regrouping, kept_in
from pairmatch.solvers.groups.basis.clock import Clock
from pairmatch.solvers.groups.basis.sizes import choose_sizes, scale_of
from pairmatch.solvers.groups.regrouping.solver import N_EXACT
from pairmatch.solvers.solution import GroupingSolution, GroupPrices, end_if_stopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.cycles.changes import Changes
    from pairmatch.options import Options
    from pairmatch.plans import Grouping
    from pairmatch.solvers.solution import Certificate, CompanyPrices

__all__ = ["Regrouping", "regroup_plan"]

_COLUMNS = ["id", "before", "after", "counted", "reason"]
_CHECK = 1e-5  # seconds a squared person that the check of a bound takes
_SHARE = 0.6  # of a time limit that is left for it at most


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Regrouping:
    """Groups after changes, who changed group, and how good any with as few changes could be.

    Made by :func:`rematch` of a plan of groups.

    Parameters
    ----------
    plan : Grouping
        The plan from now on.
    before : Grouping
        The plan that was running.
    company : ndarray of int64, shape (n,)
        By row of ``plan``, the old group of whoever could keep it; -1 for all others.
    at_most_changes : int or None
        The limit that was set.
    certificate : Certificate
        What the independent check of the limited problem found.
    prices : CompanyPrices or None
        Prices of people and of changes behind its bound; None up to 13 people, where all groups are
        enumerated, and where there is no bound.
    seconds : float
        Wall-clock time of everything.

    Examples
    --------
    >>> import pairmatch as pm
    >>> scores = [[7 * (a // 3 == b // 3) + a % 3 for a in range(6)] for b in range(6)]
    >>> plan = pm.group_scores(scores, size=(2, 3))
    >>> after = pm.rematch(plan, pm.Changes(leave=[5]), at_most_changes=1)
    >>> after
    Regrouping(0 changes, 5 in groups, gap 0.00%)
    >>> [sorted(group) for group in after.plan.groups]
    [[0, 1, 2], [3, 4]]
    """

    plan: Grouping
    before: Grouping
    company: NDArray[np.int64]
    at_most_changes: int | None
    certificate: Certificate
    prices: CompanyPrices | None
    seconds: float

    @property
    def matched(self) -> int:
        """Number of people who are in a group."""
        return self.certificate.matched

    @property
    def changes(self) -> int:
        """How many people changed group who could have kept theirs."""
        kept = sum(kept_in(group, self.company) for group in self.plan.groups)
        return int((self.company >= 0).sum()) - kept

    @property
    def objective(self) -> float:
        """Sum over people of the value of their group."""
        return self._in_scores(self.certificate.objective)

    @property
    def bound(self) -> float | None:
        """Proved bound on the objective of all groups with as few changes."""
        bound = self.certificate.bound
        return None if bound is None else self._in_scores(bound)

    @property
    def gap(self) -> float | None:
        """(bound - objective) / abs(bound) under the limit; 0.0 if and only if proved."""
        return self.certificate.gap

    @property
    def moved(self) -> pd.DataFrame:
        """Everybody whose group is another one than before, and why.

        Returns
        -------
        DataFrame
            ``id, before, after, counted, reason``: the others in the group before and after, blank
            for none. ``counted`` is True where the person could have kept the group. Whoever only
            got new company in a group that goes on is not listed.
        """
        import pandas as pd

        return pd.DataFrame(list_changes(self), columns=_COLUMNS).astype({"counted": bool})

    def points(self, changes: Sequence[int] | None = None) -> tuple[Regrouping, ...]:
        """Return the best groups for several numbers of changes, each with its own bound.

        Parameters
        ----------
        changes : sequence of int, optional
            Numbers of changes; by default 0, 1, 2, 5, 10, 20, 50 and so on as far as anybody can
            change, and up to 13 people all numbers.

        Returns
        -------
        tuple of Regrouping
            In increasing order of the limit; later ones are never worse.

        Raises
        ------
        ProgramError
            If ``changes`` is no list of whole numbers >= 0.

        Examples
        --------
        >>> import pairmatch as pm
        >>> scores = [[7 * (a // 3 == b // 3) + a % 3 for a in range(6)] for b in range(6)]
        >>> plan = pm.group_scores(scores, size=(2, 3))
        >>> [point.changes for point in pm.rematch(plan, pm.Changes(leave=[5])).points([0, 2])]
        [0, 0]
        """
        limits = self._limits() if changes is None else read_limits(changes)
        new = replace(self.plan, seconds=0.0)
        clock = Clock(perf_counter(), None, None)
        answers = _regroup_each(self.before, new, self.company, limits, self.before.seed, clock)
        points = []
        for answer in answers:
            end_if_stopped(answer.plan)
            points.append(answer)
        return tuple(points)

    def _limits(self) -> list[int]:
        """Return the numbers of changes that a curve has by default."""
        n_before = int((self.company >= 0).sum())
        if len(self.company) <= N_EXACT:
            return list(range(n_before + 1))
        return list_usual(n_before)

    def curve(self, changes: Sequence[int] | None = None) -> pd.DataFrame:
        """Return what each number of changes allows.

        Parameters
        ----------
        changes : sequence of int, optional
            As for :meth:`points`.

        Returns
        -------
        DataFrame
            ``changes, matched, objective, bound, exact``, as for matchings: with so many changes
            or fewer, the best known groups, and the proved bound on the value of groups that place
            as many people in such sizes. ``exact`` where no groups are better. Up to 13 people all
            of them are, and only numbers with which something changes are listed.

        Notes
        -----
        Prices of people and a charge for a change bound the value at every number of changes, in a
        straight line; the bound is the lowest of these lines, the concave hull of what is proved.
        Above 400 people only groups near changes are opened, and the bound is for any number.
        """
        import pandas as pd

        points = self.points(changes)
        n_before = int((self.company >= 0).sum())
        rows: list[tuple[int, int, float, float | None, bool]] = []
        for point in points:
            limit, proof = n_before - point._n_kept(), point.certificate
            lines = [other._bound_at(limit, point._shape()) for other in points]
            bound = min([line for line in lines if line is not None], default=None)
            if proof.bound is not None:
                bound = proof.bound if bound is None else min(bound, proof.bound)
            told = None if bound is None else self._in_scores(bound)
            exact = bound == proof.objective and proof.matched == proof.matched_bound
            exact = exact and point._is_nearest()
            row = limit, proof.matched, self._in_scores(proof.objective), told, exact
            small = len(self.company) <= N_EXACT
            if not small or not rows or rows[-1][1:3] != row[1:3]:
                rows.append(row)
        return pd.DataFrame(rows, columns=["changes", "matched", "objective", "bound", "exact"])

    def _bound_at(self, limit: int, shape: tuple[int, int]) -> int | None:
        """Return what these prices prove about another limit, for groups placed the same way."""
        prices, bound = self.prices, self.certificate.bound
        if prices is None or prices.shared or bound is None or self._shape() != shape:
            return None
        if self.certificate.proved:  # by a search, for this limit alone
            return None
        more = limit - (int((self.company >= 0).sum()) - self._n_kept())
        return bound - (-prices.charge * more // prices.unit) + (more != 0)

    def _shape(self) -> tuple[int, int]:
        """Return how many are placed, and how far the sizes are from the target."""
        problem: Any = self.plan.problem
        sizes = [len(group) for group in self.plan.groups]
        return sum(sizes), sum((size - problem.target) ** 2 for size in sizes)

    def _is_nearest(self) -> bool:
        """Return whether no groups are nearer to the target, by arithmetic or by enumeration."""
        problem: Any = self.plan.problem
        usual = choose_sizes(problem.n, problem.smallest, problem.largest, problem.target)
        off = sum((size - problem.target) ** 2 for size in usual)
        return problem.n <= N_EXACT or self._shape() == (sum(usual), off)

    def verify(self) -> Certificate:
        """Check the groups and the limit once more from the table, and recompute the bound.

        Raises
        ------
        CertificateError
            If a group breaks a rule or too many changed theirs.
        """
        from pairmatch.plans.rebuild import rebuild_grouping

        problem: Any = rebuild_grouping(self.plan)
        found = certify_regrouping(
            problem, self.company, self._n_kept(), self.plan.groups, self.prices
        )
        if found != self.certificate:
            what = f"its certificate {self.certificate} is not what a check finds: {found}."
            raise CertificateError("the plan does not hold", [Fault(what)])
        return found

    def _n_kept(self) -> int:
        n_before = int((self.company >= 0).sum())
        return 0 if self.at_most_changes is None else max(0, n_before - self.at_most_changes)

    def _in_scores(self, scaled: int) -> float:
        return float(scaled / (self.plan.scored.scale * self.certificate.scale))

    def summary(self) -> str:
        """Return what changed in a few lines of text."""
        return describe_moves(self, f"{self.matched} of {len(self.company)} people in a group")

    def __repr__(self) -> str:
        gap = "no bound" if self.gap is None else f"gap {self.gap:.2%}"
        return f"Regrouping({self.changes} changes, {self.matched} in groups, {gap})"


def list_changes(answer: Regrouping) -> list[tuple[str, str, str, bool, str]]:
    """Return a row for everybody whose group does not go on with them."""
    old, new = company_of(answer.before.group_ids), company_of(answer.plan.group_ids)
    ids = [str(who) for who in answer.plan.scored.coached.ids]
    place = {who: row for row, who in enumerate(ids)}
    goes_on: set[str] = set()
    for members in answer.plan.groups:
        marks = [int(answer.company[row]) for row in members]
        kept = kept_in(members, answer.company)
        best = {mark for mark in marks if mark >= 0 and marks.count(mark) == kept}
        most = next((mark for mark in marks if mark in best), -1)
        goes_on |= {ids[row] for row, mark in zip(members, marks, strict=True) if mark == most >= 0}
    rows = []
    for who in sorted({*old, *new, *ids}, key=natural_key):
        before, after = old.get(who, ()), new.get(who, ())
        if who in goes_on or (not before and not after):
            continue
        counted = who in place and bool(answer.company[place[who]] >= 0)
        gone = [other for other in before if other not in place]
        if who not in place:
            reason = "left"
        elif who not in old:
            was_there = who in {str(known) for known in answer.before.scored.coached.ids}
            reason = "was without a group" if was_there else "joined"
        elif not counted and gone:
            reason = f"{', '.join(gone)} left: the group is too small"
        elif not counted:
            reason = "the group is no longer allowed"
        elif not after:
            reason = "left out for a better plan as a whole"
        else:
            reason = "makes a better plan as a whole"
        if before != after or counted:
            rows.append((who, "; ".join(before), "; ".join(after), counted, reason))
    return rows


def regroup_plan(
    plan: Grouping, changes: Changes, at_most_changes: int | None, options: Options
) -> Regrouping:
    """Return the best groups after changes in which few people change their group.

    Parameters
    ----------
    plan : Grouping
        The plan that is running.
    changes : Changes
        Who leaves, who joins (``mentees=``), whose cells and which rules are new.
    at_most_changes : int or None
        How many people may change group who could keep it.
    options : Options
        Time limit, progress and seed.

    Notes
    -----
    A group goes on where more than half of its people who are still there stay together. Groups
    that became too small, or break a rule by themselves, are dissolved: their people are placed
    anew and not counted.
    """
    start = perf_counter()
    table, _, program = changes.apply(plan)  # type: ignore[arg-type]
    seconds = options.time_limit
    if seconds is not None:  # the check of the bound comes after the search
        seconds -= min(_SHARE * seconds, _CHECK * min(len(table), N_WHOLE) ** 2)
    clock = Clock(start, seconds, options.progress)
    new = renew_groups(plan, table, program)
    company = find_company(plan, new)
    return next(_regroup_each(plan, new, company, [at_most_changes], options.seed, clock))


def _regroup_each(
    before: Grouping,
    new: Grouping,
    company: NDArray[np.int64],
    limits: Sequence[int | None],
    seed: int,
    clock: Clock,
) -> Iterator[Regrouping]:
    """Yield the best groups for one limit after another, the smallest first."""
    problem: Any = new.problem
    n_before = int((company >= 0).sum())
    standing = carry_standing(before, new) if problem.n > N_WHOLE else None
    touched = find_touched(before, new, company)
    kept = [0 if limit is None else max(0, n_before - limit) for limit in limits]
    answers = reform(
        problem, company, kept, seed=seed, clock=clock, touched=touched, standing=standing
    )
    for limit, found in zip(limits, answers, strict=True):
        after = _as_plan(new, found, standing)
        seconds = perf_counter() - clock.start
        after = replace(after, seconds=seconds)
        yield Regrouping(after, before, company, limit, found.certificate, found.prices, seconds)


def _as_plan(new: Grouping, found: Reformed, standing: CompanyPrices | None) -> Grouping:
    """Return a plan of groups that were found, with what is proved about it by itself."""
    problem: Any = new.problem
    group_of = np.full(problem.n, -1, np.int64)
    for number, members in enumerate(found.groups):
        group_of[list(members)] = number
    sizes = {len(members) for members in found.groups}
    scale = scale_of(sizes or {2})
    cases: tuple[GroupPrices, ...] = ()
    if standing is not None:
        scale = found.certificate.scale
        none = np.zeros(0, np.int64)
        sets = np.zeros((0, problem.n), np.bool_)
        cases = (GroupPrices(standing.person, standing.unit, sets, none, none),)
    told = ("prices of the plan before" if cases else "none"), found.status, found.solver
    solution = GroupingSolution(group_of, None, scale, *told, cases=cases)
    try:
        checked: Certificate | None = certify_grouping(problem, solution)
    except CertificateError:
        checked = None  # other sizes than groups formed anew would have
    return replace(new, solution=solution, certificate=checked)
