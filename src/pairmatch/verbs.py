"""What users do, each verb about fifteen lines of composition."""

from __future__ import annotations

import math
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from pairmatch import constraints as rules
from pairmatch.constraints import bind_pair_rules
from pairmatch.errors import CapabilityError
from pairmatch.inputs import check_arguments, read_table, read_tables, refuse_large_scores
from pairmatch.plans import Grouping, Matching
from pairmatch.plans.conflict import explain_conflict
from pairmatch.programs import Program, default_criteria
from pairmatch.scoring import Compatibility
from pairmatch.scoring.own import BITS_OF_GROUPS, OwnScores
from pairmatch.seam import assignment_problem, check_capabilities, hashed_order
from pairmatch.seam.compositions import GROUP_RULES
from pairmatch.seam.groups import grouping_problem
from pairmatch.seam.lessons import move_meetings
from pairmatch.seam.pairs import check_before_scoring
from pairmatch.solvers.assignment import LoadConflict, solve_assignment
from pairmatch.solvers.assignment.estimate import refuse_oversize
from pairmatch.solvers.certify.groups import settle_grouping
from pairmatch.solvers.certify.in_time import certify_in_time
from pairmatch.solvers.groups import solve_grouping

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.options import Options
    from pairmatch.profiles import Profiles

    Table = Profiles | pd.DataFrame | str | PathLike[str]

__all__ = ["form_groups", "group_scores", "match", "match_scores", "score"]

_LEAST = 0.05  # seconds that a solve has at least, however long it took to set the problem up
_PAIR_RULES = (
    rules.Forbid, rules.Require, rules.MinScore, rules.EvaluatorPairs, rules.Vetoes, rules.NotAgain
)  # fmt: skip
_MATCH_RULES = (
    *_PAIR_RULES,
    rules.CarryOver,
    rules.Demand,
    rules.Different,
    rules.Load,
    rules.Meetings,
    rules.Minutes,
    rules.Observation,
    rules.Pin,
    rules.Quota,
    rules.Spread,
    rules.Tiers,
)
_POOL_RULES = (*_PAIR_RULES, *GROUP_RULES)
_PAIR_OBJECTIVES = ("coverage", "total", "worst_off", "leximin")
_GROUP_OBJECTIVES = ("coverage", "total", "worst_rotation", "worst_group")
_OWN_RULES = (
    *(rules.NotAgain, rules.CarryOver, rules.Demand, rules.Forbid, rules.MinScore),
    *(rules.Load, rules.Minutes, rules.Pin, rules.Quota),
)
_REMEDIES = {
    "Demand": "Demand is about the mentors of a mentee; groups have a size.",
    "CarryOver": "CarryOver is about mentees who had no mentor; use match().",
    "Load": "Load is about mentors; groups have a size.",
    "Observation": "Observations are about people with the columns free and teaching; use match().",
    "Meetings": "Meetings are about people with a column free; match() knows them.",
    "Minutes": "Minutes are about mentors; groups have a size.",
    "Quota": "Quota is about the mentees of one mentor; use match().",
    **dict.fromkeys(
        ("EvaluatorPairs", "Require", "Vetoes"),
        "Own scores have no columns; put NaN where a pair is not allowed.",
    ),
    **dict.fromkeys(
        (
            *("Alike", "Balance", "Compose", "Different"),
            *("GiveAndReceive", "NotAlone", "Spread", "TakeTurns"),
        ),
        "It is about the members of groups; use form_groups() with a table of profiles.",
    ),
}


def score(mentees: Table, mentors: Table, program: Program | None = None) -> Compatibility:
    """Score every pair of two tables, as a recipe that gives any block exactly.

    Parameters
    ----------
    mentees, mentors : Profiles, DataFrame or path
        Who is coached, and who coaches. The same table twice for one pool.
    program : Program, optional
        Criteria and constraints; by default one criterion for each standard column.

    Returns
    -------
    Compatibility
        ``.to_frame()``, ``.block(rows, columns)``, ``.best(k)``, ``.evidence()``.

    Raises
    ------
    ProfileError
        If a table cannot be used.
    ProgramError
        If a criterion or constraint needs a column that is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> teachers = pd.DataFrame({"id": ["a", "b"], "subjects": ["maths", "maths; art"]})
    >>> float(pm.score(teachers, teachers).to_frame().loc["b", "a"])
    0.5
    """
    program, _ = check_arguments(program, None)
    coached, coach = read_tables(mentees, mentors)
    criteria = program.criteria or default_criteria(coached, coach)
    pair_rules = bind_pair_rules(program.constraints, coached, coach)
    return Compatibility.bind(coached, coach, criteria, pair_rules)


def match(
    mentees: Table,
    mentors: Table,
    program: Program | None = None,
    *,
    options: Options | None = None,
) -> Matching:
    """Form the best mentor-mentee pairs that the rules allow, with proof.

    Parameters
    ----------
    mentees, mentors : Profiles, DataFrame or path
        Who is coached, and who coaches. A person in both tables is never paired with itself.
    program : Program, optional
        Criteria, constraints and objective: "coverage", "total", "worst_off" or "leximin".
    options : Options, optional
        Seed, time limit, method.

    Returns
    -------
    Matching
        The best partial plan: who cannot be matched is listed with a reason.

    Raises
    ------
    ProfileError
        If a table cannot be used.
    ProgramError
        If the program does not fit the tables.
    InfeasibleError
        If pins or minimum loads contradict other rules.
    CapabilityError
        If a constraint or objective is not for pairs.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> mentees = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": ["maths", "art"]})
    >>> mentors = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["art; music", "science"]})
    >>> pm.match(mentees, mentors).to_frame()
      mentee mentor  score
    0    T-1    M-2    0.5
    1    T-2    M-1    1.0
    """
    program, options = check_arguments(program, options)
    refuse_for_pairs(program)
    tables = read_tables(mentees, mentors)
    coached = tables[0].take(hashed_order(tables[0].ids, options.seed))
    coach = coached
    if tables[1] is not tables[0]:
        coach = tables[1].take(hashed_order(tables[1].ids, options.seed))
    check_before_scoring(coached, coach, program)
    return _solved(score(coached, coach, program), program, options)


def match_scores(
    scores: pd.DataFrame | NDArray[Any] | Sequence[Sequence[float]],
    constraints: Sequence[Any] = (),
    *,
    objective: str = "coverage",
    options: Options | None = None,
) -> Matching:
    """Form the best pairs under own scores.

    Parameters
    ----------
    scores : DataFrame or array_like, shape (n_mentees, n_mentors)
        Row = who is coached, column = who coaches; finite, any sign, NaN where not allowed.
        Without labels, people are addressed by their integer position.
    constraints : sequence, optional
        ``Load``, ``Demand``, ``Minutes``, ``Pin``, ``Forbid``, ``MinScore``, ``Quota`` (by a
        mapping).
    objective : {"coverage", "total", "worst_off", "leximin"}, default: "coverage"
        As many pairs as possible and then the largest total; the largest total; as many as
        possible and then the highest lowest score, then the total; or then the highest second
        lowest score, and so on.
    options : Options, optional
        Seed, time limit, method.

    Returns
    -------
    Matching
        Objective and bound in the units of the scores; whole numbers stay exact integers.

    Raises
    ------
    ScoreError
        If a score is infinite, a boolean or text.
    ProgramError, InfeasibleError, CapabilityError
        As for :func:`match`.

    Examples
    --------
    >>> import pairmatch as pm
    >>> pm.match_scores([[7, 5], [6, 1]], [pm.Load(at_most=2)]).objective
    13
    """
    program = Program(constraints=constraints, objective=objective)  # type: ignore[arg-type]
    _, options = check_arguments(None, options)
    refuse_for_pairs(program, _OWN_RULES)
    own = OwnScores.read(scores)
    own = own.take(
        hashed_order(own.coached.ids, options.seed), hashed_order(own.coach.ids, options.seed)
    )
    bound_rules = bind_pair_rules(program.constraints, own.coached, own.coach, scale=own.scale)
    return _solved(own.with_rules(bound_rules), program, options)


def form_groups(
    teachers: Table, program: Program | None = None, *, options: Options | None = None
) -> Grouping:
    """Form the best groups of one pool; by default triads in which each coaches in turn.

    Parameters
    ----------
    teachers : Profiles, DataFrame or path
        The pool.
    program : Program, optional
        Criteria, constraints, size and objective ("coverage" or "total", "worst_rotation",
        "worst_group"); by default groups of three on the criteria that the columns allow.
    options : Options, optional
        Seed, time limit.

    Returns
    -------
    Grouping
        As many people as possible are placed; who is left out is listed with a reason.

    Raises
    ------
    ProfileError, ProgramError, CapabilityError
        As for :func:`match`.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> pool = pd.DataFrame({"id": list("abcdef"), "subjects": ["art", "maths"] * 3})
    >>> pm.form_groups(pool).to_frame()["id"].tolist()
    ['a', 'c', 'e', 'b', 'd', 'f']
    """
    program, options = check_arguments(Program(size=3) if program is None else program, options)
    refuse_for_groups(program)
    table = read_table(teachers)
    table = table.take(hashed_order(table.ids, options.seed))
    criteria = program.criteria or default_criteria(table, table)
    pair_rules = bind_pair_rules(program.constraints, table, table, mutual=True)
    scored = Compatibility.bind(table, table, criteria, pair_rules)
    return _grouped(scored, program, options)


def group_scores(
    scores: pd.DataFrame | NDArray[Any] | Sequence[Sequence[float]],
    constraints: Sequence[Any] = (),
    *,
    size: int | tuple[int, int] = 3,
    objective: str = "total",
    options: Options | None = None,
) -> Grouping:
    """Form the best groups under own directed scores.

    Parameters
    ----------
    scores : DataFrame or array_like, shape (n, n)
        ``scores[b, a]`` is a as coach of b: exact up to six decimals, else to 24 binary digits; NaN
        bars a group of both; the diagonal is ignored. A DataFrame has the same labels on both axes.
    constraints : sequence, optional
        ``Forbid``, ``MinScore``, and ``Pin`` for people who share a group.
    size : int or (int, int), default: 3
        Size of the groups, or smallest and largest size.
    objective : {"total", "worst_rotation", "worst_group"}, default: "total"
        A group's mean or worst rotation counts; or its lowest mean first, then the total.
    options : Options, optional
        Seed, time limit.

    Returns
    -------
    Grouping
        As for :func:`form_groups`.

    Raises
    ------
    ScoreError
        If the matrix is not square, its labels differ, or a score is no number.

    Examples
    --------
    >>> import pairmatch as pm
    >>> pm.group_scores([[0, 1, 2], [1, 0, 3], [2, 3, 0]]).objective
    6.0
    """
    program = Program(constraints=constraints, objective=objective, size=size)  # type: ignore[arg-type]
    _, options = check_arguments(None, options)
    refuse_for_groups(program, (rules.Forbid, rules.MinScore, rules.NotAgain, rules.Pin))
    own = OwnScores.read(scores, n_bits=BITS_OF_GROUPS).square()
    order = hashed_order(own.coached.ids, options.seed)
    own = own.take(order, order)
    bound_rules = bind_pair_rules(
        program.constraints, own.coached, own.coach, scale=own.scale, mutual=True
    )
    return _grouped(own.with_rules(bound_rules), program, options)


def refuse_for_pairs(program: Program, legal: tuple[type, ...] = _MATCH_RULES) -> None:
    """Raise unless match() can honour the objective and all rules of a program."""
    if program.objective not in _PAIR_OBJECTIVES:
        raise CapabilityError(
            f"match() cannot honour objective={program.objective!r}; use one of "
            f"{', '.join(_PAIR_OBJECTIVES)}, or form_groups() for the objectives of groups."
        )
    if program.size is not None or program.roles is not None or program.rounds != 1:
        raise CapabilityError("size, roles and rounds are about groups; use form_groups().")
    check_capabilities(program.constraints, legal, "match()", _REMEDIES)


def refuse_for_groups(program: Program, legal: tuple[type, ...] = _POOL_RULES) -> None:
    """Raise unless form_groups() can honour the objective and all rules of a program."""
    if program.objective not in _GROUP_OBJECTIVES:
        raise CapabilityError(
            f"form_groups() cannot honour objective={program.objective!r}; use one of "
            f"{', '.join(_GROUP_OBJECTIVES)}, or match() for the objectives of pairs."
        )
    if program.rounds != 1:
        raise CapabilityError("form_groups() forms groups once; use form_rounds() for rounds.")
    check_capabilities(program.constraints, legal, "form_groups()", _REMEDIES)


@refuse_large_scores()
def _solved(scored: Compatibility | OwnScores, program: Program, options: Options) -> Matching:
    """Solve, prove and wrap one matching."""
    start = monotonic()
    limit = math.inf if options.time_limit is None else options.time_limit
    problem = assignment_problem(scored, program.constraints, program.objective)  # type: ignore[arg-type]
    refuse_oversize(problem, options.method)  # type: ignore[arg-type]
    try:
        solution = solve_assignment(
            problem,
            method=options.method,  # type: ignore[arg-type]
            seed=options.seed,
            time_limit=None if limit == math.inf else max(_LEAST, start + limit - monotonic()),
            progress=options.progress,
        )
    except LoadConflict as conflict:
        raise explain_conflict(scored, problem, conflict) from None
    solution = move_meetings(scored, program.constraints, problem, solution)
    solution, certificate = certify_in_time(problem, solution, start=start, limit=limit)
    seconds = monotonic() - start
    return Matching(scored, problem, solution, certificate, program, options.seed, seconds)


@refuse_large_scores()
def _grouped(scored: Compatibility | OwnScores, program: Program, options: Options) -> Grouping:
    """Solve, prove and wrap one grouping."""
    if options.method != "auto":
        what = f"method={options.method!r} is for pairs; groups have none to choose: leave it out"
        raise CapabilityError(what)
    start = perf_counter()
    problem = grouping_problem(scored, program)
    solution = solve_grouping(
        problem, seed=options.seed, time_limit=options.time_limit, progress=options.progress
    )
    solution, certificate = settle_grouping(problem, solution)
    seconds = perf_counter() - start
    return Grouping(scored, problem, solution, certificate, program, options.seed, seconds)
