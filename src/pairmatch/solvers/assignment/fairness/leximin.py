"""The plan that is best for the worst off, then for the second worst off, and so on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.descent import descend
from pairmatch.solvers.assignment.held.faces import (
    climb,
    drop_closed_pairs,
    narrow_to_coverage,
    open_face,
    pick_pairs,
    read_step,
)
from pairmatch.solvers.assignment.held.network import narrow_to_face
from pairmatch.solvers.assignment.held.residual import Residual
from pairmatch.solvers.problem import MatrixGains

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.faces import Face
    from pairmatch.solvers.assignment.held.watch import Watch
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution, Prices

__all__ = ["solve_leximin"]

_FULL = 0.8  # share of pairs that must still be open before the lists are made anew
_BEND = 20  # the higher, the nearer to leximin, and the more gains at the top look alike
_FINE = 2**32


def solve_leximin(
    problem: AssignmentProblem,
    start: AssignmentSolution,
    solve: Callable[[AssignmentProblem], AssignmentSolution],
    watch: Watch | None = None,
    face: Face | None = None,
) -> AssignmentSolution:
    """Return the plan of maximum coverage whose gains, sorted, are lexicographically largest.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" whose quotas nest.
    start : AssignmentSolution
        The plan of maximum coverage whose lowest gain is as high as possible.
    solve : callable
        Solves a problem of the same loads, pins and quotas under "coverage".
    watch : Watch, optional
        The clock.
    face : Face, optional
        All plans and one of most rows, if they are known; default: those of pairs alone.

    Returns
    -------
    AssignmentSolution
        ``steps``: prices of coverage, then of each level of gains that a pair that is not pinned
        has, ascending: they prove that no plan that is as good below has fewer pairs at that
        level. ``prices`` is None, as the levels leave no choice of the total.

    Notes
    -----
    Levels in ascending order. A level on which the plan at hand has no pair is closed. Where it
    has some, each of them is sent another way through the residual graph if there is one; what
    cannot be moved away is needed by every plan, which a cut of the graph proves. Where units
    block each other a minimum-cost flow decides. At most one search over all arcs for each pair
    that is moved or kept, O(arcs) each, and a flow for some of the levels with ties. Leximin for
    assignments goes back to R. E. Burkard, F. Rendl, "Lexicographic bottleneck problems", Oper.
    Res. Lett. 10 (1991), 303-308, https://doi.org/10.1016/0167-6377(91)90018-K.
    """
    if not len(start.pairs):
        return replace(start, prices=None)
    bent = _bend(problem, start)
    if face is None:
        face, step = narrow_to_coverage(open_face(problem, solve(bent).pairs))
    else:
        face, step = narrow_to_coverage(face)
        weight, is_kept = bent.gains.pairs(face.edges.row, face.edges.column)
        weight = np.where(is_kept, weight, -2 * _FINE)
        face = replace(face, flow=climb(face, weight, watch)[0].flow)
    steps = [step]
    _keep(watch, start, face, start.steps)
    residual = Residual(face.network, face.flow)
    gain = face.edges.gain
    done = int(np.iinfo(np.int64).min)
    while True:
        waiting = np.flatnonzero((residual.flow[face.layout.pair_arcs] > 0) & (gain > done))
        if not len(waiting):
            break
        if watch is not None:
            watch.check()
        level = int(gain[waiting].min())
        # Arcs of pairs come first, so positions of edges are numbers of arcs.
        residual.upper[np.flatnonzero((gain > done) & (gain < level))] = 0
        kept = _clear_level(face, residual, np.flatnonzero(gain == level), bent, watch)
        if kept is not None:
            steps.append(kept)
        done = level
        face = _take_over(face, residual)
        _keep(watch, start, face, steps if len(steps) > 1 else start.steps)
        if np.count_nonzero(face.network.upper[face.layout.pair_arcs]) < _FULL * len(gain):
            face = drop_closed_pairs(face)
            residual = Residual(face.network, face.flow)
            gain = face.edges.gain
    residual.upper[np.flatnonzero(gain > done)] = 0
    return replace(
        start,
        pairs=pick_pairs(_take_over(face, residual), watch),
        prices=None,
        steps=tuple(steps),
        solver="residual paths, level by level",
    )


def _keep(
    watch: Watch | None, start: AssignmentSolution, face: Face, steps: Sequence[Prices]
) -> None:
    """Remember a plan of a face, and the proof of the levels that are settled."""
    if watch is None:
        return
    chosen = face.edges.take(np.flatnonzero(face.flow[face.layout.pair_arcs] > 0))
    proof = tuple(steps)

    def draft() -> AssignmentSolution:
        free = np.stack([chosen.row, chosen.column], axis=1)
        pairs = np.concatenate([face.problem.pins.reshape(-1, 2), free])
        pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
        return replace(start, pairs=pairs, prices=None, steps=proof, price=None)

    watch.keep(draft)


def _bend(problem: AssignmentProblem, start: AssignmentSolution) -> AssignmentProblem:
    """Return a problem in which low gains weigh heavily: its best plan is nearly the answer."""
    gain, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    lowest = problem.gains.pairs(start.pairs[:, 0], start.pairs[:, 1])[0].min()
    allowed = allowed & (gain >= lowest)
    order, rank = np.unique(gain[allowed], return_inverse=True)
    loss = (np.arange(len(order), 0, -1) / len(order)) ** _BEND * _FINE
    bent = np.zeros_like(gain)
    bent[allowed] = -np.rint(loss).astype(np.int64)[rank]
    return replace(problem, gains=MatrixGains(bent, allowed))


def _take_over(face: Face, residual: Residual) -> Face:
    """Return the plans between the bounds of a residual graph, and the one that is its flow."""
    network = replace(face.network, lower=residual.lower, upper=residual.upper)
    return replace(face, network=network, flow=residual.flow)


def _clear_level(
    face: Face,
    residual: Residual,
    arcs: NDArray[np.int64],
    bent: AssignmentProblem,
    watch: Watch | None,
) -> Prices | None:
    """Leave as few pairs as possible on a level, in place; return the proof if some must stay."""
    width = residual.upper[arcs]
    residual.upper[arcs] = 0
    for arc in arcs[residual.flow[arcs] > 0].tolist():
        if residual.flow[arc] > 0:  # an earlier unit may have pushed this one away
            residual.reroute(arc)
    stuck = arcs[residual.flow[arcs] > 0]
    if not len(stuck):
        return None
    cost = np.zeros(len(residual.flow), np.int64)
    cost[arcs] = 1
    side, _ = residual.search(residual.tail[stuck])
    residual.upper[arcs] = width
    network = _take_over(face, residual).network
    if side[residual.head[stuck]].any():
        # Units of this level could change places with each other: let a flow decide.
        here, step = climb(_take_over(face, residual), -cost[face.layout.pair_arcs], watch)
        network = here.network
        # That flow knows nothing of the levels to come: start them from a plan that does.
        weight, _ = bent.gains.pairs(face.edges.row, face.edges.column)
        cost = face.layout.spend(on_pairs=-weight)
        sink = face.layout.sink
        residual.flow[:] = descend(network, cost, sink, start=here.flow, watch=watch)[1]
    else:
        # No way leads out of this side but over the level itself, once for each unit.
        potential = (~side).astype(np.int64)
        step = read_step(face, potential)
        network = narrow_to_face(network, cost, residual.flow, potential)
    if not residual.flow[arcs].any():
        residual.upper[arcs] = 0
        return None
    residual.lower[:], residual.upper[:] = network.lower, network.upper
    return step
