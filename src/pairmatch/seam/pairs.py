"""The seam: ids, columns and words above, integer arrays below. Nothing else translates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pairmatch.constraints import Load, Pin, Quota, find_id, find_places
from pairmatch.errors import CapabilityError, Fault, InfeasibleError, ProgramError, did_you_mean
from pairmatch.scoring.own import Labels, OwnScores, Scored
from pairmatch.seam.amounts import columns_of, read_amounts
from pairmatch.seam.budgets import budgets_of, count_fitting, limits_places
from pairmatch.seam.cover import cover_of, covering_rule, refuse_large_cover
from pairmatch.seam.demands import check_demand, check_tables, demand_of
from pairmatch.seam.slots import fit_terms, slots_of
from pairmatch.seam.streams import stream_gains
from pairmatch.seam.tiers import tiers_of
from pairmatch.solvers.deferred import DeferredGains
from pairmatch.solvers.problem import (
    AssignmentProblem,
    Budget,
    MatrixGains,
    Quotas,
)
from pairmatch.solvers.streamed import StreamedGains
from pairmatch.solvers.tiers import StreamedTiers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program
    from pairmatch.solvers.problem import Gains

__all__ = ["assignment_problem", "check_before_scoring", "loads_of", "matrix_of"]

MOST_HELD = 2**22
"""Pairs whose gains are held as a matrix; more are computed block by block, where needed."""

MOST_FAIR = 2**24
"""Pairs up to which fair objectives and tiers, which hold them all, are solved."""

_BLOCK = 1024
_MOST_PLACES = 2**53  # in a cell; some write a very large number for "any"


def matrix_of(scored: Scored) -> MatrixGains:
    """Return all gains at once, for pools that are small enough."""
    if isinstance(scored, OwnScores) and not scored.rules:
        return MatrixGains(scored.gain, scored.given)
    n_rows, n_columns = scored.shape
    gain = np.empty((n_rows, n_columns), dtype=np.int64)
    allowed = np.empty((n_rows, n_columns), dtype=np.bool_)
    every = slice(0, n_columns)
    for start in range(0, n_rows, _BLOCK):
        rows = slice(start, min(start + _BLOCK, n_rows))
        gain[rows], allowed[rows] = scored.evaluate(rows, every)
    gain[~allowed] = 0
    return MatrixGains(gain, allowed)


def gains_of(scored: Scored) -> Gains:
    """Return gains as a matrix while that is small, and as a recipe for blocks above that."""
    n_rows, n_columns = scored.shape
    if isinstance(scored, OwnScores) or n_rows * n_columns <= MOST_HELD:
        return matrix_of(scored)
    return stream_gains(scored)


def assignment_problem(
    scored: Scored,
    constraints: Sequence[Any],
    objective: Literal["coverage", "total", "worst_off", "leximin"],
) -> AssignmentProblem:
    """Return the integers of a matching of these two tables under these constraints.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        Scores and pair rules of the two tables.
    constraints : sequence
        ``Load``, ``Demand``, ``Meetings``, ``Minutes``, ``Pin`` and ``Quota`` are translated here;
        rules about single pairs are in ``scored`` already.
    objective : {"coverage", "total", "worst_off", "leximin"}
        What is maximised.

    Raises
    ------
    ProgramError
        If a constraint names people or columns that are not there.
    InfeasibleError
        If pins contradict each other or another rule; all such contradictions at once.
    CapabilityError
        If a fair objective or tiers are asked for in a pool that is too large for them.
    """
    capacity, at_least = loads_of(scored.coach, scored.shape[0], constraints)
    quotas = tuple(
        quota for rule in constraints if isinstance(rule, Quota) for quota in _quotas(scored, rule)
    )
    pins = _pins(scored, constraints)
    demand = demand_of(scored.coached, scored.shape[1], constraints)
    budgets = budgets_of(scored, constraints, demand)
    _check_pins(scored, constraints, pins, capacity, quotas, budgets, demand)
    capacity = _fit_places(scored, capacity, at_least, budgets)
    capacity = fit_terms(scored, constraints, capacity, at_least)
    tiers = tiers_of(scored, constraints, most=MOST_FAIR, objective=objective)
    fair = tiers is not None or objective in ("worst_off", "leximin")
    n_pairs, given = scored.shape[0] * scored.shape[1], isinstance(scored, OwnScores)
    streamed = n_pairs > MOST_FAIR and (
        isinstance(tiers, StreamedTiers)
        or (objective == "worst_off" and tiers is None)
        or (objective == "leximin" and tiers is None and not given)
    )
    if fair and n_pairs > MOST_FAIR and not streamed:
        raise CapabilityError(
            "objective 'leximin' of given scores, and tiers of given scores, look at all pairs at "
            f"once, at most {MOST_FAIR:,} of them, and here are {n_pairs:,}; use objective "
            "'worst_off' or 'coverage' without tiers, or match schools or regions one by one with "
            "match_many()"
        )
    check_demand(n_pairs, demand, constraints, fair=fair, given=given, most=MOST_FAIR)
    slots = slots_of(scored, constraints)
    several = demand.max(initial=1) > 1 and n_pairs <= MOST_FAIR
    held = (fair and not streamed) or several
    gains: Gains
    cost = None
    if covering_rule(constraints) is not None:
        refuse_large_cover(n_pairs, MOST_FAIR)
        gains, minutes = cover_of(scored, constraints, matrix_of(scored))
        cost = None if fair else minutes
    else:
        gains = gains_of(scored)
        if held and isinstance(gains, StreamedGains):  # filled where the clock is watched
            gains = DeferredGains(gains)
    return AssignmentProblem(
        gains, capacity, at_least, pins, quotas, objective, tiers, budgets, demand, slots, cost
    )


def check_before_scoring(coached: Profiles, coach: Profiles, program: Program) -> None:
    """Raise what :func:`assignment_problem` would refuse of ``Demand``, before any scoring."""
    check_tables(coached, coach, program, MOST_FAIR)


def loads_of(
    coach: Profiles | Labels, n_mentees: int, constraints: Sequence[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of each mentor and how many mentees each must get.

    Parameters
    ----------
    coach : Profiles or Labels
        The mentors.
    n_mentees : int
        Number of mentees: nobody needs more places.
    constraints : sequence
        Constraints of every kind; ``Load`` are read, and ``Minutes`` where these say it all.

    Raises
    ------
    ProgramError
        If a ``Load`` names a column or people that are not there, or a cell is no whole number
        from 0; everything that is wrong at once.
    InfeasibleError
        If a mentor must get more mentees than it has places.
    """
    loads = [rule for rule in constraints if isinstance(rule, Load)] or [Load()]
    unlimited = limits_places(coach, constraints)
    capacity = np.full(len(coach), np.iinfo(np.int64).max)
    at_least = np.zeros(len(coach), dtype=np.int64)
    faults: dict[Fault, None] = {}  # the same id may be wrong on both sides
    for load in loads:
        most: Any = load.at_most
        if most is None:
            most = "max_mentees" if "max_mentees" in columns_of(coach) else load.default
        places, wrong = _read(coach, load, most, load.default)
        least, too = _read(coach, load, load.at_least, 0)
        capacity, at_least = np.minimum(capacity, places), np.maximum(at_least, least)
        faults.update(dict.fromkeys(wrong + too))
    if faults:
        raise ProgramError("a load cannot be used", faults)
    capacity[unlimited] = n_mentees
    short = np.flatnonzero(at_least > capacity)
    if short.size:
        raise InfeasibleError(
            "some mentors must get more mentees than they have places",
            [
                Fault(
                    f"at least {at_least[j]} mentees, but {capacity[j]} "
                    f"{'place' if capacity[j] == 1 else 'places'}.",
                    f"mentor {coach.ids[j]}",
                    "Raise the places or lower at_least in Load.",
                )
                for j in short
            ],
        )
    return np.minimum(capacity, max(n_mentees, int(at_least.max(initial=0)))), at_least


def _fit_places(
    scored: Scored,
    capacity: NDArray[np.int64],
    at_least: NDArray[np.int64],
    budgets: tuple[Budget, ...],
) -> NDArray[np.int64]:
    """Return the places of each mentor that fit into the minutes."""
    for budget in budgets:
        fitting = count_fitting(budget)
        short = np.flatnonzero(at_least > fitting)
        if short.size:
            raise InfeasibleError(
                "some mentors must get more mentees than they have minutes for",
                [
                    Fault(
                        f"at least {at_least[j]} mentees, but {budget.limit[j]} minutes are "
                        f"enough for {fitting[j]}.",
                        f"mentor {scored.coach.ids[j]}",
                        "Raise the minutes or lower at_least in Load.",
                    )
                    for j in short
                ],
            )
        capacity = np.minimum(capacity, fitting)
    return capacity


def _read(
    coach: Profiles | Labels, load: Load, amount: Any, blank: int
) -> tuple[NDArray[np.int64], list[Fault]]:
    """One whole number for each mentor, and what is wrong."""
    wrong = "no whole number >= 0", "Correct it, or leave the cell blank."
    return read_amounts(coach, "mentor", load, amount, blank=blank, most=_MOST_PLACES, wrong=wrong)


def _quotas(scored: Scored, rule: Quota) -> list[Quotas]:
    """One family of classes; a list column gives a family for each of its entries."""
    ids = scored.coached.ids
    if isinstance(rule.by, Mapping):
        values = [rule.by.get(key, rule.by.get(str(key), "")) for key in ids]
        _, faults = find_places(ids, rule.by, "among the mentees", repr(rule))
        if faults:
            raise ProgramError("a constraint cannot be used", faults)
        return [_classes([str(value) for value in values], rule.at_most)]
    if isinstance(scored.coached, Labels) or rule.by not in scored.coached:
        near = did_you_mean(rule.by, columns_of(scored.coached))
        what = f"the mentees have no column {rule.by!r}.{near}"
        raise ProgramError("a constraint cannot be used", [Fault(what, repr(rule))])
    members = scored.coached.members(rule.by)
    if not members.labels:  # everybody's cell is blank
        return []
    if (members.matrix.sum(axis=1) <= 1).all():
        class_of = np.where(members.matrix.any(axis=1), members.matrix.argmax(axis=1), -1)
        return [Quotas(class_of.astype(np.int64), rule.at_most)]
    return [Quotas(column.astype(np.int64) - 1, rule.at_most) for column in members.matrix.T]


def _classes(values: list[str], at_most: int) -> Quotas:
    labels = {label: k for k, label in enumerate(sorted({v.strip() for v in values} - {""}))}
    class_of = np.array([labels.get(value.strip(), -1) for value in values], dtype=np.int64)
    return Quotas(class_of, at_most)


def _pins(scored: Scored, constraints: Sequence[Any]) -> NDArray[np.int64]:
    """Rows and columns of the pinned pairs, each once."""
    row_of = {key: i for i, key in enumerate(scored.coached.ids)}
    column_of = {key: j for j, key in enumerate(scored.coach.ids)}
    pairs = {
        (row_of[find_id(row_of, rule.mentee)], column_of[find_id(column_of, rule.mentor)])
        for rule in constraints
        if isinstance(rule, Pin)
    }
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _check_pins(
    scored: Scored,
    constraints: Sequence[Any],
    pins: NDArray[np.int64],
    capacity: NDArray[np.int64],
    quotas: tuple[Quotas, ...],
    budgets: tuple[Budget, ...],
    demand: NDArray[np.int64],
) -> None:
    """Raise with each smallest set of rules that pins contradict."""
    if not len(pins):
        return
    named = {}
    for rule in constraints:
        if isinstance(rule, Pin):
            named[str(rule.mentee), str(rule.mentor)] = repr(rule)
    rows, columns = scored.coached.ids, scored.coach.ids
    text = [named[str(rows[i]), str(columns[j])] for i, j in pins]
    faults = []
    for k in np.flatnonzero(~scored.allowed_at(pins[:, 0], pins[:, 1])):
        why = scored.why_forbidden(int(pins[k, 0]), int(pins[k, 1]))
        faults.append(Fault(f"contradicts another rule: {why}.", text[k], "Drop one of the two."))
    for row in np.flatnonzero(np.bincount(pins[:, 0], minlength=len(rows)) > demand):
        both = " and ".join(text[k] for k in np.flatnonzero(pins[:, 0] == row))
        most = "one mentor" if demand[row] == 1 else f"{demand[row]} mentors"
        faults.append(Fault(f"{rows[row]} has {most} only.", both, "Drop one of them."))
    held = np.bincount(pins[:, 1], minlength=len(columns))
    for column in np.flatnonzero(held > capacity).tolist():
        all_of_them = " and ".join(text[k] for k in np.flatnonzero(pins[:, 1] == column))
        what = f"{columns[column]} has {capacity[column]} places for {held[column]} pins."
        faults.append(Fault(what, all_of_them, "Raise the places in Load or drop pins."))
    for quota in quotas:
        classes = quota.class_of[pins[:, 0]]
        keys = pins[classes >= 0, 1] * max(1, quota.n_classes) + classes[classes >= 0]
        crowded = np.flatnonzero(np.bincount(keys) > quota.at_most) if keys.size else keys
        for key in crowded.tolist():
            what = f"breaks a quota of {quota.at_most} mentees who share a value."
            mentor = columns[key // max(1, quota.n_classes)]
            faults.append(Fault(what, f"pins of {mentor}", "Raise it or drop pins."))
    for budget in budgets:
        used = np.zeros(len(columns), np.int64)
        np.add.at(used, pins[:, 1], budget.pairs(pins[:, 0], pins[:, 1]))
        for column in np.flatnonzero(used > budget.limit).tolist():
            all_of_them = " and ".join(text[k] for k in np.flatnonzero(pins[:, 1] == column))
            what = f"{columns[column]} has {budget.limit[column]} minutes, "
            what += f"and these take {used[column]}."
            faults.append(Fault(what, all_of_them, "Raise the minutes or drop pins."))
    if faults:
        raise InfeasibleError("the pins contradict other rules", faults)


def check_capabilities(
    constraints: Sequence[Any], legal: tuple[type, ...], verb: str, remedies: Mapping[str, str]
) -> None:
    """Raise ``CapabilityError`` for each constraint that a verb cannot honour."""
    faults = [
        Fault(
            f"{verb} cannot honour it.",
            repr(rule),
            remedies.get(type(rule).__name__, "Leave it out."),
        )
        for rule in constraints
        if not isinstance(rule, legal)
    ]
    if faults:
        raise CapabilityError("a constraint is not for this verb", faults)
