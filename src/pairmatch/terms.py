"""Groups for a whole term: several rounds in which no two people meet too often."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Forbid, Pin, TakeTurns, bind_pair_rules
from pairmatch.errors import Fault, InfeasibleError, ScoreError
from pairmatch.inputs import check_arguments, read_table
from pairmatch.plans.rounds import GroupingRounds
from pairmatch.programs import default_criteria
from pairmatch.scoring import Compatibility
from pairmatch.seam.compositions import limits_of, turns_before
from pairmatch.seam.groups import grouping_problem
from pairmatch.solvers.certify.terms import certify_term
from pairmatch.solvers.groups.basis.sizes import scale_of
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import Status
from pairmatch.solvers.terms.bounds import price_term
from pairmatch.solvers.terms.completing import complete_term
from pairmatch.solvers.terms.planning import N_JOINT, plan_term
from pairmatch.verbs import form_groups

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.options import Options
    from pairmatch.plans import Grouping
    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program
    from pairmatch.solvers.solution import TermPrices

    Table = Profiles | pd.DataFrame | str | PathLike[str]

__all__ = ["form_rounds"]

_N_COMPLETED = 2000
"""People up to whom rounds that were formed one by one are filled up afterwards."""


def form_rounds(
    teachers: Table, program: Program, *, options: Options | None = None
) -> GroupingRounds:
    """Form groups for several rounds, in which no two people share a group twice.

    Parameters
    ----------
    teachers : Profiles, DataFrame or path
        The pool.
    program : Program
        As for :func:`form_groups`, with the number of ``rounds`` and, if people may meet again,
        how often: ``meet_at_most``.
    options : Options, optional
        Seed; the time limit is for the whole term.

    Returns
    -------
    GroupingRounds
        One grouping a round, the fullest first, each under all rules of the program. As many
        places over all rounds as are found; then nobody is left out much more often than others
        (``TakeTurns`` by a column counts what was before), then the total counts. ``limit`` says
        how many rounds can place as many as the first, ``placed_bound`` how many places all of
        them can have.

    Raises
    ------
    InfeasibleError
        If there are more rounds than anybody has partners for: with n people and groups of k,
        ``meet_at_most * (n - 1) // (k - 1)``; or if people are pinned together in more rounds than
        they may meet.
    ProfileError, ProgramError, CapabilityError
        As for :func:`form_groups`.

    Notes
    -----
    Up to 200 people all rounds are planned together: round after round, mended by tabu search over
    all rounds where one fails, and, where a construction is known, a schedule on which people are
    placed by score; the better of the two is improved round by round. Larger pools are solved one
    round after the other. Where somebody has no place, the groups of one or two rounds, in larger
    pools of some of their people, are chosen anew by a program in whole numbers over all legal
    groups that are left, up to 2,000 people; prices of people and of meetings limit the places
    where all legal groups can be listed. Under "worst_group" rounds are formed one by one.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> pool = pd.DataFrame(
    ...     {"id": list("abcdefghi"), "subjects": ["art", "maths", "art; maths"] * 3}
    ... )
    >>> rounds = pm.form_rounds(pool, pm.Program(size=3, rounds=4))
    >>> len(rounds), rounds.complete
    (4, True)
    """
    start = perf_counter()
    program, options = check_arguments(program, options)
    table = read_table(teachers)
    _refuse_impossible(program, len(table))
    turns_before(table, program.constraints)  # columns that are missing are told first
    alone = program.objective == "worst_group"
    rules = [r for r in program.constraints if alone or not isinstance(r, TakeTurns)]
    once = program.replace(rounds=1, meet_at_most=1, constraints=rules)
    limit = options.time_limit
    share = options if limit is None else replace(options, time_limit=limit / 2)
    first = form_groups(table, once, options=share)
    term = _Term(program, options, start)
    plans, found = [first], None
    if program.rounds > 1 and _is_joint(first) and not alone:
        found = term.plan_together(first)
    stopped = first.status is Status.INTERRUPTED
    while found is None and len(plans) < program.rounds and not stopped:
        left = None if limit is None else max(0.1, limit - (perf_counter() - start))
        wanted = once.replace(constraints=[*once.constraints, *_met(plans, program.meet_at_most)])
        plans.append(form_groups(table, wanted, options=replace(options, time_limit=left)))
        stopped = plans[-1].status is Status.INTERRUPTED
    if found is None and not stopped and not alone and _is_whole(first, _N_COMPLETED):
        found = np.array([plan.solution.group_of for plan in plans]), stopped
    places = None
    if found is not None:
        plans, places = term.complete(plans, *found)
    return _together(plans, program.meet_at_most, places)


def _refuse_impossible(program: Program, n: int) -> None:
    """Raise if nobody could be in that many rounds, or pinned people meet too often."""
    smallest, rounds, at_most = limits_of(program)[0], program.rounds, program.meet_at_most
    most = at_most * (n - 1) // (smallest - 1)
    faults = []
    if rounds > most >= 1:
        often = "" if at_most == 1 else f", each {at_most} times at most"
        what = (
            f"{rounds} rounds are impossible: in each, everybody meets {smallest - 1} others at "
            f"least, and there are {n - 1}{often}; round {most + 1} is the first that cannot be."
        )
        faults.append(Fault(what, "", f"Ask for at most {most} rounds."))
    if rounds > at_most:
        what = f"keeps two people together in {rounds} rounds, and they may meet {at_most} times."
        remedy = f"Set meet_at_most={rounds}, or leave the pin out."
        pins = [rule for rule in program.constraints if isinstance(rule, Pin)]
        faults += [Fault(what, repr(rule), remedy) for rule in pins]
    if faults:
        often = "twice" if at_most == 1 else f"more than {at_most} times"
        raise InfeasibleError(f"no two people may meet {often}", faults)


def _is_whole(first: Grouping, n_most: int) -> bool:
    """Return whether a pool with a group is held whole, and has no more people."""
    problem = first.problem
    return isinstance(problem, GroupingProblem) and problem.n <= n_most and first.matched > 0


def _is_joint(first: Grouping) -> bool:
    """Return whether rounds are planned together."""
    return _is_whole(first, N_JOINT)


def _met(plans: list[Grouping], at_most: int) -> list[Forbid]:
    """Return a rule for each pair that has met as often as it may."""
    rounds_of: dict[tuple[Any, Any], list[int]] = {}
    for number, plan in enumerate(plans, 1):
        for members in plan.group_ids:
            for pair in combinations(members, 2):
                rounds_of.setdefault(pair, []).append(number)
    met = []
    for (a, b), numbers in rounds_of.items():
        if len(numbers) >= at_most:
            listed = " and ".join(map(str, numbers))
            why = f"met in round {listed}" if len(numbers) == 1 else f"met in rounds {listed}"
            met.append(Forbid(a, b, why=why))
    return met


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """What was asked for."""

    program: Program
    options: Options
    start: float

    def keep_on(self) -> bool:
        """Return whether there is time left."""
        limit = self.options.time_limit
        return limit is None or perf_counter() - self.start < 0.9 * limit

    def plan_together(self, first: Grouping) -> tuple[NDArray[np.int64], bool] | None:
        """Return the rounds that place as many people as the first, and whether Ctrl-C came."""
        problem = first.problem
        assert isinstance(problem, GroupingProblem)  # noqa: S101  see _is_joint
        if first.status is Status.INTERRUPTED:
            return first.solution.group_of[None, :], True
        try:
            return plan_term(
                problem,
                first.solution.group_of,
                self.program.rounds,
                at_most=self.program.meet_at_most,
                scale=_scale_of(problem),
                seed=self.options.seed,
                keep_on=self.keep_on,
            )
        except OverflowError:  # too many digits for one search over all sizes
            return None

    def complete(
        self,
        plans: list[Grouping],
        found: NDArray[np.int64],
        interrupted: bool,
    ) -> tuple[list[Grouping], TermPrices | None]:
        """Return a plan of every round, and what limits their places where somebody has none."""
        first, places = plans[0], None
        problem = first.problem
        assert isinstance(problem, GroupingProblem)  # noqa: S101  see _is_whole
        begun = found
        if not interrupted:
            try:
                found, places, interrupted = complete_term(
                    problem,
                    begun,
                    self.program.rounds,
                    at_most=self.program.meet_at_most,
                    scale=_scale_of(problem),
                    most_in_one=first.matched_bound,
                    before=turns_before(first.scored.coached, self.program.constraints),
                    seed=self.options.seed,
                    keep_on=self.keep_on,
                )
            except OverflowError as error:  # too many digits for one search over all sizes
                if (found < 0).any() and _take_turns(self.program):
                    fault = Fault(f"{error}.", "", "Allow fewer sizes, or round the scores.")
                    raise ScoreError("turns cannot be taken in these rounds", [fault]) from None
                return plans, None  # as they were formed, one by one
        if not interrupted and len(plans) == len(found) and (found == begun).all():
            return plans, places
        made: list[Grouping] = []
        for row in found:
            if not made and (row == first.solution.group_of).all():
                made.append(first)
            else:
                made.append(_as_plan(first, row, _met(made, self.program.meet_at_most)))
        if interrupted:
            solution = replace(made[-1].solution, status=Status.INTERRUPTED)
            made[-1] = replace(made[-1], solution=solution)
        return made, places


def _take_turns(program: Program) -> bool:
    """Return whether people stay out in turns."""
    return any(isinstance(rule, TakeTurns) for rule in program.constraints)


def _scale_of(problem: GroupingProblem) -> int:
    """Return a scale for every size that a group may have."""
    return scale_of(set(range(problem.smallest, min(problem.largest, problem.n) + 1)))


def _as_plan(first: Grouping, row: NDArray[np.int64], met: list[Forbid]) -> Grouping:
    """Return one round as a plan of its own, in which those who have met are kept apart."""
    program = first.program
    program = program.replace(constraints=[*program.constraints, *met])
    table: Any = first.scored.coached
    rules = bind_pair_rules(program.constraints, table, table, mutual=True)
    criteria = program.criteria or default_criteria(table, table)
    scored = Compatibility.bind(table, table, criteria, rules)
    problem = grouping_problem(scored, program)
    plan = replace(first, scored=scored, problem=problem, program=program)
    ids = table.ids
    numbers = range(int(row.max(initial=-1)) + 1)
    plan = plan.replace(groups=[[ids[at] for at in np.flatnonzero(row == g)] for g in numbers])
    bound = None if plan.certificate is None else plan.certificate.bound
    how = plan.solution.bound_method if bound is not None else "none"
    solution = replace(plan.solution, bound=bound, solver="term search", bound_method=how)
    return replace(plan, solution=solution)


def _together(plans: list[Grouping], at_most: int, places: TermPrices | None) -> GroupingRounds:
    """Return the rounds with what is proved about all of them."""
    first = plans[0]
    problem = first.problem
    if not isinstance(problem, GroupingProblem) or not first.matched:
        return GroupingRounds(tuple(plans), at_most)
    sizes = Counter(len(members) for plan in plans for members in plan.groups)
    scale = scale_of(set(sizes))
    group_of = np.array([plan.solution.group_of for plan in plans])
    prices = price_term(problem, group_of, at_most, scale) if len(plans) > 1 else None
    one = first.certificate
    certificate = certify_term(problem, group_of, at_most, scale, prices, one, places)
    return GroupingRounds(tuple(plans), at_most, certificate, prices, places)
