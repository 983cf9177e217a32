"""The seam for groups: ids, columns and words above, integer arrays below."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Pin, find_id
from pairmatch.errors import CapabilityError, Fault, InfeasibleError
from pairmatch.scoring.own import OwnScores, Scored
from pairmatch.seam.compositions import (
    GROUP_RULES,
    group_rules_of,
    limits_of,
    pinned_sets,
    seats_of,
    turn_order,
)
from pairmatch.seam.pairs import MOST_HELD, matrix_of
from pairmatch.seam.streams import stream_gains
from pairmatch.solvers.groups.basis.sizes import usual_sizes
from pairmatch.solvers.groups.columns.repair import placeable_people
from pairmatch.solvers.problem import GroupingProblem, StreamedGrouping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.programs import Program
    from pairmatch.solvers.group_rules import GroupRules

__all__ = ["grouping_problem", "stay_out"]

_MOST_RULED = 5000  # people up to whom rules about whole groups are kept


def grouping_problem(scored: Scored, program: Program) -> GroupingProblem | StreamedGrouping:
    """Return the integers of a partition of one pool; both directions of a pair must be allowed.

    Raises
    ------
    ProgramError
        If a rule about groups does not fit the table.
    InfeasibleError
        If people who are pinned together may not share a group; all such pins at once.
    CapabilityError
        If the pool is too large for rules about whole groups.

    Notes
    -----
    The gains of a large pool are a recipe, and only parts of it are ever held.
    """
    smallest, largest, target = limits_of(program)
    objective: Any = "total" if program.objective == "coverage" else program.objective
    n = scored.shape[0]
    if n * n > MOST_HELD and not isinstance(scored, OwnScores):
        asked = [repr(rule) for rule in program.constraints if isinstance(rule, GROUP_RULES)]
        if program.roles:
            asked.append(f"roles={dict(program.roles)!r}")
        if objective == "worst_group":
            asked.append("objective='worst_group'")
        if not asked:
            gains = stream_gains(scored)
            return StreamedGrouping(gains, smallest, largest, target, objective)
        if n > _MOST_RULED:
            raise CapabilityError(
                f"what is asked of whole groups looks at all pairs at once, at most "
                f"{_MOST_RULED:,} people, and here are {n:,}: {', '.join(asked)}; leave it out, or "
                "form the groups of schools or regions one by one"
            )
    matrix = matrix_of(scored)
    allowed = matrix.allowed & matrix.allowed.T
    np.fill_diagonal(allowed, val=False)
    rules = group_rules_of(scored, program)
    _check_group_pins(scored, program.constraints, allowed, rules, largest)
    if rules is not None:
        allowed &= rules.legal_pairs(largest)
    if rules is not None and largest == 2:  # what whole pairs have to satisfy is about pairs
        pairs = np.argwhere(np.triu(allowed))
        allowed[tuple(pairs[~rules.legal(pairs)].T)] = False
        allowed &= allowed.T
        rules = None
    problem = GroupingProblem(matrix.gain, allowed, smallest, largest, target, objective, rules)
    order = turn_order(scored.coached, program.constraints)
    if order is None:
        return problem
    roles = program.roles or {}
    seats = seats_of(scored.coached, roles) if roles else None
    out = stay_out(problem, order, seats, tuple(roles.values()))
    allowed[out] = allowed[:, out] = False
    return problem


def stay_out(
    problem: GroupingProblem,
    order: NDArray[np.int64],
    seats: NDArray[np.bool_] | None = None,
    n_seats: Sequence[int] = (),
) -> NDArray[np.int64]:
    """Return who stays out by arithmetic, when people are placed in a given order.

    Parameters
    ----------
    problem : GroupingProblem
        Sizes and rules.
    order : ndarray of int64, shape (n,)
        Whose turn it is to be placed, first to last.
    seats : ndarray of bool, shape (n, n_roles), optional
        Kinds of seats that each person may take.
    n_seats : sequence of int
        Seats of each kind in a group.

    Notes
    -----
    People who can fill seats are the independent sets of a transversal matroid (Edmonds and
    Fulkerson 1965, doi:10.6028/jres.069B.016), so that taking each in turn who still fits gives
    the best set by this order.
    """
    able = np.zeros(problem.n, np.bool_)
    able[placeable_people(problem)] = True
    order = order[able[order]]
    sizes = usual_sizes(problem.take(np.sort(order)))
    if seats is None:
        return np.sort(order[sum(sizes) :])
    kinds = [np.array(bits) for bits in product((False, True), repeat=len(n_seats)) if any(bits)]
    room = [len(sizes) * int(np.array(n_seats)[kind].sum()) for kind in kinds]
    placed: list[int] = []
    for row in order.tolist():
        bound_to = [at for at, kind in enumerate(kinds) if not (seats[row] & ~kind).any()]
        if all(room[at] for at in bound_to):
            placed.append(row)
            for at in bound_to:
                room[at] -= 1
    return np.setdiff1d(order, np.array(placed, np.int64))


def _check_group_pins(
    scored: Scored,
    constraints: Sequence[Any],
    allowed: NDArray[np.bool_],
    rules: GroupRules | None,
    largest: int,
) -> None:
    """Raise with every pin that other rules about two people contradict."""
    if rules is None or not rules.n_together.size:
        return
    ids, faults = scored.coached.ids, []
    fits = rules.legal_pairs(largest)
    row_of = {key: row for row, key in enumerate(ids)}
    for rule in constraints:
        if isinstance(rule, Pin):
            a, b = (row_of[find_id(row_of, key)] for key in (rule.mentee, rule.mentor))
            if a == b:
                faults.append(Fault("names one person twice.", repr(rule)))
            elif not allowed[a, b]:
                forward = bool(scored.allowed_at(np.array([a]), np.array([b]))[0])
                why = scored.why_forbidden(b, a) if forward else scored.why_forbidden(a, b)
                what = f"contradicts another rule: {why}."
                faults.append(Fault(what, repr(rule), "Drop one of the two."))
            elif not fits[a, b]:
                what = "contradicts a rule about whole groups: no group can hold both."
                faults.append(Fault(what, repr(rule), "Drop one of the two."))
    for rows in pinned_sets(scored, constraints):
        if len(rows) > largest:
            who = ", ".join(str(ids[row]) for row in rows)
            what = f"pins put {len(rows)} people into one group, and groups have {largest} at most."
            faults.append(Fault(what, who, "Drop a pin or allow larger groups."))
    if faults:
        raise InfeasibleError("the pins contradict other rules", faults)
