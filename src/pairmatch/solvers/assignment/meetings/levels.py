"""Tiers and levels of gains where calendars are no network: one integer program after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.program import maximise
from pairmatch.solvers.assignment.meetings.conflicts import read_slots
from pairmatch.solvers.assignment.meetings.faces import gather_pairs
from pairmatch.solvers.assignment.meetings.program import draw_program
from pairmatch.solvers.solution import AssignmentSolution, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.program import IntegerProgram
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.assignment.meetings.program import JointProgram
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["search_levels", "search_tiers"]

_NODES = 5_000
_MOST_TAKES = 60_000  # pairs at their slots that are searched at once
_MOST_LEVELS = 300  # programs for one plan


def search_tiers(
    problem: AssignmentProblem, best: AssignmentSolution, watch: Watch
) -> AssignmentSolution:
    """Return the best plan by tiers and then by total, as HiGHS finds it.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots and tiers.
    best : AssignmentSolution
        A plan; under "coverage" one of most rows.
    watch : Watch
        The clock.

    Returns
    -------
    AssignmentSolution
        Without prices.

    Raises
    ------
    CapabilityError
        If there are too many pairs and slots.
    """
    joint, program = _draw(problem, "tiers")
    assert isinstance(problem.tiers, np.ndarray)  # noqa: S101 - such a pool was refused
    tier = problem.tiers[joint.edges.row, joint.edges.column]
    goals = [] if problem.objective == "total" else [np.ones(len(tier), np.int64)]
    goals += [(tier == k).astype(np.int64) for k in np.unique(tier).tolist()]
    found = _find(joint, best)
    for goal in [*goals, joint.edges.gain]:
        found, program = _improve(joint, program, joint.spread(goal), found, watch)
    return _read(problem, joint, program, found, watch)


def search_levels(
    problem: AssignmentProblem, start: AssignmentSolution, watch: Watch
) -> AssignmentSolution:
    """Return the plan whose gains, sorted, are lexicographically largest, as HiGHS finds it.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots under "coverage".
    start : AssignmentSolution
        The plan of most rows whose lowest gain is as high as possible.
    watch : Watch
        The clock.

    Returns
    -------
    AssignmentSolution
        Without prices.

    Raises
    ------
    CapabilityError
        If there are too many pairs and slots, or levels.
    """
    joint, program = _draw(problem, "objective 'leximin'")
    gain = joint.edges.gain
    number = joint.spread(np.ones(len(gain), np.int64))
    found = _find(joint, start)
    program = program.demand(number, float(number @ found))
    done, n_programs = int(np.iinfo(np.int64).min), 0
    while True:
        own = gain[(found[: len(gain)] > 0) & (gain > done)]
        if not len(own):
            break
        n_programs += 1
        if n_programs > _MOST_LEVELS:
            raise _too_large("objective 'leximin'", f"more than {_MOST_LEVELS} levels of scores")
        level = int(own.min())
        # Nothing below that is not settled, and as few of this level as possible.
        between = joint.spread(-((gain > done) & (gain < level)).astype(np.int64))
        program = program.demand(between, 0.0) if between.any() else program
        on_level = joint.spread(-(gain == level).astype(np.int64))
        found, program = _improve(joint, program, on_level, found, watch)
        done = level
    return _read(problem, joint, program, found, watch)


def _draw(problem: AssignmentProblem, wish: str) -> tuple[JointProgram, IntegerProgram]:
    """Return the program over all pairs and slots."""
    joint = draw_program(problem, gather_pairs(problem))
    if len(joint.pair) > _MOST_TAKES:
        raise _too_large(wish, f"{len(joint.pair):,} pairs with a time, at most {_MOST_TAKES:,}")
    return joint, joint.program()


def _too_large(wish: str, found: str) -> CapabilityError:
    return CapabilityError(
        f"{wish} with meetings that overlap, come several times a week, need travel or share "
        f"calendars is searched in small pools only: here are {found}; use objective 'worst_off', "
        "let meetings begin at common times, or match schools one by one with match_many()"
    )


def _find(joint: JointProgram, solution: AssignmentSolution) -> NDArray[np.int64]:
    """Return the pairs of a plan as variables; those of their slots are left at 0."""
    known = {tuple(pair) for pair in solution.pairs.tolist()}
    edges = zip(joint.edges.row.tolist(), joint.edges.column.tolist(), strict=True)
    found = np.zeros(joint.n_variables, np.int64)
    found[: len(joint.edges)] = [pair in known for pair in edges]
    return found


def _improve(
    joint: JointProgram,
    program: IntegerProgram,
    goal: NDArray[np.int64],
    found: NDArray[np.int64],
    watch: Watch,
) -> tuple[NDArray[np.int64], IntegerProgram]:
    """Return a solution of the best value that is found, and the program that keeps it."""
    del joint
    watch.check()
    better, _ = maximise(program, goal, _NODES, watch)
    if better is not None and goal @ better >= goal @ found:
        found = better
    return found, program.demand(goal, float(goal @ found))


def _read(
    problem: AssignmentProblem,
    joint: JointProgram,
    program: IntegerProgram,
    found: NDArray[np.int64],
    watch: Watch,
) -> AssignmentSolution:
    """Return the plan of a solution, at the most preferred slots."""
    slots, edges = problem.slots, joint.edges
    assert slots is not None  # noqa: S101 - whoever calls has looked
    likes = np.zeros(joint.n_variables, np.int64)
    likes[len(edges) :] = slots.row_likes[edges.row[joint.pair], joint.slot]
    likes[len(edges) :] += slots.column_likes[edges.column[joint.pair], joint.slot]
    if likes.any() or not found[len(edges) :].any():
        liked, _ = maximise(program, likes, _NODES, watch)
        found = found if liked is None else liked
    chosen = np.flatnonzero(found[: len(edges)] > 0)
    taken = read_slots(joint, found, chosen, slots.per_week)
    pairs = np.stack([edges.row[chosen], edges.column[chosen]], axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return AssignmentSolution(
        pairs[order], None, Status.FEASIBLE, "integer programming over slots, goal by goal (HiGHS)",
        slots=taken[order],
    )  # fmt: skip
