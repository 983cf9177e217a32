"""Fair objectives and tiers of pairs that need slots of time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import ProgramError
from pairmatch.solvers.assignment.fairness.leximin import solve_leximin
from pairmatch.solvers.assignment.fairness.tiers import solve_by_tiers
from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.network import NoFlowError
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.assignment.meetings.classes import find_classes
from pairmatch.solvers.assignment.meetings.faces import open_slot_face, seat_pairs
from pairmatch.solvers.assignment.meetings.levels import search_levels, search_tiers
from pairmatch.solvers.assignment.meetings.rounds import MeetingRounds
from pairmatch.solvers.assignment.meetings.solver import is_network
from pairmatch.solvers.certify.fair_meetings import certify_fair_slots
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.solution import Prices, Status
from pairmatch.solvers.streamed import StreamedGains

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution

    Solver = Callable[[AssignmentProblem], AssignmentSolution]

__all__ = ["solve_fairly_with_slots"]


def solve_fairly_with_slots(
    problem: AssignmentProblem, solve: Solver, *, time_limit: float | None = None
) -> AssignmentSolution:
    """Return the best plan of a problem with slots under "worst_off", "leximin" or with tiers.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots, one column a row.
    solve : callable
        Solves a problem with slots under "coverage" or "total".
    time_limit : float, optional
        Seconds after which the best plan so far is returned, without a bound.

    Returns
    -------
    AssignmentSolution
        With ``steps`` and ``price`` as of
        :func:`.solve_fairly`. OPTIMAL where these prove that
        no plan is better; that is so wherever the calendars are a network.

    Raises
    ------
    ProgramError
        If tiers come with a fair objective.
    CapabilityError
        If there are too many pairs and slots for "leximin" or tiers.
    LoadConflict
        If minimum loads and pins cannot be met together with the slots.

    Notes
    -----
    "worst_off" is a search for the highest threshold above which as many rows can be matched; each
    trial is a flow over the pairs that are left, and their slots. Levels and tiers are flows on
    the face of the flows before. Calendars that are no network are searched by one integer program
    after the other; of these plans only the lowest gain and the total are bounded.
    """
    if problem.tiers is not None and problem.objective not in ("coverage", "total"):
        raise ProgramError(
            f"objective {problem.objective!r} and tiers both say what comes before the total; "
            "use tiers with objective 'coverage' or 'total'"
        )
    watch = Watch(time_limit)
    plain = replace(
        problem, objective="total" if problem.objective == "total" else "coverage", tiers=None
    )
    best = solve(plain)
    fair = replace(best, prices=None, steps=(), price=None)
    status = best.status
    if status not in (Status.INTERRUPTED, Status.TIME_LIMIT):
        try:
            fair = _go(problem, plain, best, solve, watch)
        except OutOfTime:
            status = Status.TIME_LIMIT
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
        else:
            proved = certify_fair_slots(problem, fair).proved
            status = Status.OPTIMAL if proved else Status.FEASIBLE
    price = _add_up(problem, best) - _add_up(problem, fair)
    return replace(fair, status=status, price=price)


def _go(
    problem: AssignmentProblem,
    plain: AssignmentProblem,
    best: AssignmentSolution,
    solve: Solver,
    watch: Watch,
) -> AssignmentSolution:
    """Return the fair plan, from the best one by the total."""
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    classes = find_classes(problem.slots)
    network = is_network(problem, classes)
    if problem.tiers is not None:
        if not network:
            return search_tiers(problem, best, watch)
        fair = solve_by_tiers(problem, best, watch, open_slot_face(problem, classes))
        return replace(fair, slots=seat_pairs(problem, classes, fair.pairs))
    fair = _solve_worst_off(plain, best, solve, watch, network=network)
    if problem.objective != "leximin":
        return fair
    if not len(fair.pairs):
        return replace(fair, prices=None)
    if not network:
        return search_levels(plain, fair, watch)
    fair = solve_leximin(plain, fair, solve, watch, open_slot_face(problem, classes))
    return replace(fair, slots=seat_pairs(problem, classes, fair.pairs))


def _solve_worst_off(
    problem: AssignmentProblem,
    best: AssignmentSolution,
    solve: Solver,
    watch: Watch,
    *,
    network: bool,
) -> AssignmentSolution:
    """Return the plan of as many pairs as the best one whose lowest gain is highest."""
    known = None if best.prices is None else best.prices.coverage
    steps = [Prices(np.zeros(problem.n_columns, np.int64)) if known is None else known]
    wanted = len(best.pairs)
    if not wanted:
        return replace(best, steps=tuple(steps))
    gain, _ = problem.gains.pairs(best.pairs[:, 0], best.pairs[:, 1])
    pinned, _ = problem.gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    first = low = int(gain.min())
    most = _find_most(problem, wanted)
    if len(pinned):
        most = min(most, int(pinned.min()))
    high, cover = most + 1, None  # what cannot be kept, and why
    reached: AssignmentSolution | None = None
    assert problem.slots is not None  # noqa: S101 - whoever calls has looked
    classes, price = find_classes(problem.slots), np.zeros(problem.n_columns, np.int64)
    crowded = np.zeros(problem.n_columns, np.bool_)
    trial = most  # often the highest threshold that single rows allow can be kept
    while high - low > 1:
        watch.check()
        above = keep_above(problem, trial)
        rounds = MeetingRounds(above, classes, price, problem.pins, 0, watch, crowded)
        pairs, found, plan = _try(rounds, wanted, solve, network=network)
        if pairs is not None:
            gain, _ = problem.gains.pairs(pairs[:, 0], pairs[:, 1])
            low, reached = int(gain.min()), plan
        else:
            high, cover = trial, found
        crowded = rounds.expanded
        trial = (low + high) // 2
    if not len(pinned) or low < int(pinned.min()):
        if cover is None:
            above = keep_above(problem, high)
            rounds = MeetingRounds(above, classes, price, problem.pins, 0, watch, crowded)
            _, cover, _ = _try(rounds, wanted, solve, network=network)
        steps.append(cover or Prices(np.zeros(problem.n_columns, np.int64)))
    if low > first:
        best = solve(keep_above(problem, low)) if reached is None else reached
    return replace(best, steps=tuple(steps), solver=f"threshold search, {best.solver}")


def _try(
    rounds: MeetingRounds, wanted: int, solve: Solver, *, network: bool
) -> tuple[NDArray[np.int64] | None, Prices | None, AssignmentSolution | None]:
    """Return so many pairs, if there are any, prices of coverage, and a plan if one was made."""
    try:
        matched, cover = rounds.count(wanted)
        if matched < wanted:
            return None, Prices(cover.column, time=cover.time), None
        if network:
            return rounds.covered, None, None
        plan = solve(rounds.problem)
    except (LoadConflict, NoFlowError):
        return None, None, None
    known = None if plan.prices is None else plan.prices.coverage
    return (plan.pairs if len(plan.pairs) >= wanted else None), known, plan


def keep_above(problem: AssignmentProblem, least: int) -> AssignmentProblem:
    """Return the problem without the pairs of a gain below the least.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    least : int
        The lowest gain that stays.
    """
    gains = problem.gains
    if isinstance(gains, StreamedGains):
        return replace(problem, gains=gains.keep_above(least))
    gain, allowed = gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    kept = allowed & (gain >= least)
    return replace(problem, gains=MatrixGains(np.where(kept, gain, 0), kept))


def _find_most(problem: AssignmentProblem, wanted: int) -> int:
    """Return a threshold above which too few rows have any pair at all."""
    none = int(np.iinfo(np.int64).min)
    best = []
    for top in range(0, problem.n_rows, 256):
        rows = slice(top, min(top + 256, problem.n_rows))
        gain, allowed = problem.gains.block(rows, slice(0, problem.n_columns))
        best.append(gain.max(axis=1, where=allowed, initial=none))
    return int(np.sort(np.concatenate(best))[::-1][wanted - 1])


def _add_up(problem: AssignmentProblem, solution: AssignmentSolution) -> int:
    """Return the sum of the gains of a plan."""
    gain, _ = problem.gains.pairs(solution.pairs[:, 0], solution.pairs[:, 1])
    return sum(np.asarray(gain).tolist())
