"""Running groups after changes: the best ones in which few people change their group."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import TakeTurns, bind_pair_rules
from pairmatch.cycles.moves import describe_moves
from pairmatch.cycles.renewal import carry_neutral
from pairmatch.errors import CapabilityError, CertificateError, Fault, PairmatchWarning, ScoreError
from pairmatch.plans import Grouping
from pairmatch.plans.order import natural_key
from pairmatch.scoring import Compatibility
from pairmatch.scoring.own import OwnScores
from pairmatch.seam import hashed_order
from pairmatch.seam.groups import grouping_problem
from pairmatch.solvers.certify.group_rules import find_broken_rules
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.certify.regrouping import certify_regrouping, kept_in
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.groups.regrouping import N_EXACT, Company, price_company, regroup
from pairmatch.solvers.groups.sizes import scale_of
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import GroupingSolution, Status

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.cycles.changes import Changes
    from pairmatch.programs import Program
    from pairmatch.solvers.solution import Certificate

__all__ = ["Regrouping", "regroup_plan"]

_COLUMNS = ["id", "before", "after", "counted", "reason"]
_CHARGES = (0.0, 0.03, 0.15)  # of what a person is worth in the mean


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
    prices : ndarray of int64, shape (n,), or None
        Prices of people behind its bound; None up to 13 people, where all groups are enumerated.
    charge : int
        The charge for a change behind its bound.
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
    prices: NDArray[np.int64] | None
    charge: int
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

    def curve(self) -> pd.DataFrame:
        """Return what each number of changes allows, in pools of up to 13 people.

        Returns
        -------
        DataFrame
            ``changes, matched, objective, bound, exact``, as for matchings; all of them exact.

        Raises
        ------
        CapabilityError
            If there are more people.
        """
        import pandas as pd

        problem: Any = self.plan.problem
        if problem.n > N_EXACT:
            raise CapabilityError(
                f"the curve of groups is for pools of up to {N_EXACT} people, and here are "
                f"{problem.n}; ask rematch() for single numbers of changes"
            )
        rows: list[tuple[int, int, float, float, bool]] = []
        n_before = int((self.company >= 0).sum())
        for changes in range(n_before + 1):
            found = regroup(problem, Company(self.company), n_before - changes)
            proof = certify_regrouping(problem, self.company, n_before - changes, found.groups)
            value, exact = self._in_scores(proof.objective), proof.proved
            bound = value if proof.bound is None else self._in_scores(proof.bound)
            row = changes, proof.matched, value, bound, exact
            if not rows or rows[-1][1:3] != row[1:3]:
                rows.append(row)
        return pd.DataFrame(rows, columns=["changes", "matched", "objective", "bound", "exact"])

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
            problem, self.company, self._n_kept(), self.plan.groups, self.prices, self.charge
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
    old, new = _company_of(answer.before), _company_of(answer.plan)
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
        before, after = old.get(who, ""), new.get(who, "")
        if who in goes_on or (not before and not after):
            continue
        counted = who in place and bool(answer.company[place[who]] >= 0)
        gone = [other for other in before.split("; ") if other and other not in place]
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
            rows.append((who, before, after, counted, reason))
    return rows


def _company_of(plan: Grouping) -> dict[str, str]:
    """Return the others in the group of each person who is in one."""
    others = {}
    for members in plan.group_ids:
        for who in members:
            rest = sorted((str(other) for other in members if other != who), key=natural_key)
            others[str(who)] = "; ".join(rest)
    return others


def regroup_plan(plan: Grouping, changes: Changes, at_most_changes: int | None) -> Regrouping:
    """Return the best groups after changes in which few people change their group.

    Parameters
    ----------
    plan : Grouping
        The plan that is running.
    changes : Changes
        Who leaves, who joins (``mentees=``), whose cells and which rules are new.
    at_most_changes : int or None
        How many people may change group who could keep it.

    Notes
    -----
    A group goes on where more than half of its people who are still there stay together. Groups
    that became too small, or break a rule by themselves, are dissolved: their people are placed
    anew and not counted.
    """
    start = perf_counter()
    table, _, program = changes.apply(plan)  # type: ignore[arg-type]
    new = _renew(plan, table, program)
    problem: Any = new.problem
    company = _find_company(plan, new)
    n_before = int((company >= 0).sum())
    n_kept = 0 if at_most_changes is None else max(0, n_before - at_most_changes)
    try:
        found = regroup(problem, Company(company), n_kept, seed=plan.seed)
        groups, solver = found.groups, found.solver
        prices, charge = None, 0
        if problem.n > N_EXACT:
            groups, solver = _compare_anew(problem, company, n_kept, groups, solver, plan.seed)
            worth = certify_regrouping(problem, company, n_kept, groups).objective
            each = worth // max(1, problem.n)
            charges = [round(each * share) for share in _CHARGES]
            prices, charge = price_company(problem, Company(company), n_kept, charges)
    except OverflowError as error:
        remedy = "Scale the scores down, or round them."
        raise ScoreError("the scores cannot be used", [Fault(f"{error}.", "", remedy)]) from None
    certificate = certify_regrouping(problem, company, n_kept, groups, prices, charge)
    group_of = np.full(problem.n, -1, np.int64)
    for number, members in enumerate(groups):
        group_of[list(members)] = number
    scale = scale_of({len(members) for members in groups} or {2})
    status = Status.FEASIBLE
    solution = GroupingSolution(group_of, None, scale, "none", status, solver)
    try:
        checked: Certificate | None = certify_grouping(problem, solution)
    except CertificateError:
        checked = None  # other sizes than groups formed anew would have
    seconds = perf_counter() - start
    after = replace(new, solution=solution, certificate=checked, seconds=seconds)
    return Regrouping(after, plan, company, at_most_changes, certificate, prices, charge, seconds)


def _compare_anew(
    problem: GroupingProblem,
    company: NDArray[np.int64],
    n_kept: int,
    groups: list[tuple[int, ...]],
    solver: str,
    seed: int,
) -> tuple[list[tuple[int, ...]], str]:
    """Return groups formed anew where these keep enough people and are worth more."""
    if n_kept > 0:
        return groups, solver
    fresh = solve_grouping(problem, seed=seed).group_of
    anew = [
        tuple(np.flatnonzero(fresh == k).tolist()) for k in range(int(fresh.max(initial=-1)) + 1)
    ]

    def rate(some: list[tuple[int, ...]]) -> tuple[int, int, int]:
        value = certify_regrouping(problem, company, 0, some).objective
        off = sum((len(group) - problem.target) ** 2 for group in some)
        return sum(map(len, some)), -off, value

    return (anew, "groups formed anew") if rate(anew) > rate(groups) else (groups, solver)


def _renew(plan: Grouping, table: Any, program: Program) -> Grouping:
    """Return a plan without groups over a changed table and rules, on the scale of an old one."""
    if program.rounds != 1 or any(isinstance(rule, TakeTurns) for rule in program.constraints):
        raise CapabilityError(
            "rematch() of groups knows neither rounds nor TakeTurns; leave them out of the changed "
            "program, or form the groups anew with form_groups()"
        )
    scored: Any
    neutral: tuple[tuple[str, int], ...] = ()
    if isinstance(table, OwnScores):
        own = table.square()
        order = hashed_order(own.coached.ids, plan.seed)
        own = own.take(order, order)
        rules = bind_pair_rules(
            program.constraints, own.coached, own.coach, scale=own.scale, mutual=True
        )
        scored = own.with_rules(rules)
    else:
        old: Any = plan.scored
        criteria = program.criteria or old.criteria
        program = program.replace(criteria=criteria)
        neutral = carry_neutral(old, criteria)
        table = table.take(hashed_order(table.ids, plan.seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PairmatchWarning)  # said when the plan was made
            rules = bind_pair_rules(program.constraints, table, table, mutual=True)
            scored = Compatibility.bind(table, table, criteria, rules, neutral=dict(neutral))
    problem = grouping_problem(scored, program)
    if not isinstance(problem, GroupingProblem):
        raise CapabilityError(
            f"here are {problem.n:,} people; rematch() of groups looks at all pairs at once, at "
            "most 2,048 people; form the groups of schools or regions one by one"
        )
    nobody = GroupingSolution(np.full(problem.n, -1, np.int64), None, 1, "", Status.FEASIBLE, "")
    return Grouping(scored, problem, nobody, None, program, plan.seed, 0.0, fixed_neutral=neutral)


def _find_company(plan: Grouping, new: Grouping) -> NDArray[np.int64]:
    """Return by new row the old group of whoever could keep it, -1 for all others."""
    problem: Any = new.problem
    row_of = {str(who): row for row, who in enumerate(new.scored.coached.ids)}
    company = np.full(len(row_of), -1, np.int64)
    number = 0
    for members in plan.group_ids:
        here = [row_of[str(who)] for who in members if str(who) in row_of]
        fits = problem.smallest <= len(here) <= problem.largest
        if fits and not find_broken_rules(problem, here):
            company[here] = number
            number += 1
    return company
