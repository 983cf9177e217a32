"""What each number of changes allows: a hull, or the best plans for some numbers of changes."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.cycles.limits import list_usual
from pairmatch.cycles.settlement import refuse_changes, settle
from pairmatch.errors import CapabilityError
from pairmatch.inputs import refuse_large_scores
from pairmatch.seam import MOST_HELD
from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify.changes import ChangeLimit
from pairmatch.solvers.certify.ordered_changes import certify_changes
from pairmatch.solvers.changes.answers import TooManyChangesError, UnsettledError
from pairmatch.solvers.changes.rating import count_tiers, rate_plan, unpinned_gains
from pairmatch.solvers.changes.rematching import trace_hull
from pairmatch.solvers.solution import end_if_stopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from pairmatch.cycles.outcome import Rematch
    from pairmatch.solvers.problem import AssignmentProblem

__all__ = ["draw_hull", "find_points", "has_goals_before", "limit_of", "list_points"]

_MOST_USUAL, _MOST_LEXIMIN = 2**20, 2**18  # pairs: a minute or two for some ten numbers
_COLUMNS = ["changes", "matched", "objective", "bound", "exact"]


def has_goals_before(problem: AssignmentProblem) -> bool:
    """Return whether something other than coverage comes before the total, or rows have several."""
    ordered = problem.tiers is not None or problem.objective in ("worst_off", "leximin")
    return ordered or bool((problem.demand > 1).any())


def limit_of(answer: Rematch) -> ChangeLimit:
    """Return how many of the pairs that could stay have to."""
    return ChangeLimit.allow(answer.column_of, answer.at_most_changes)


def _refuse_slow(problem: AssignmentProblem) -> None:
    """Refuse the usual numbers of changes, some ten solves, where each takes long."""
    most = _MOST_LEXIMIN if problem.objective == "leximin" else _MOST_USUAL
    if problem.n_rows * problem.n_columns > most:
        raise CapabilityError(
            f"above {most:,} pairs a curve is drawn for numbers of changes that you name, as each "
            "is solved and proved by itself; write curve([0, 10, 50]), for instance"
        )


@refuse_large_scores()
def draw_hull(answer: Rematch) -> pd.DataFrame:
    """Return the concave hull of the trade-off: exact at its corners, a bound between them."""
    import pandas as pd

    plan, column_of = answer.plan, answer.column_of
    n_pairs = plan.problem.n_rows * plan.problem.n_columns
    if n_pairs > MOST_HELD:
        raise CapabilityError(
            f"all numbers of changes at once are asked for with {MOST_HELD:,} pairs at most, and "
            f"here are {n_pairs:,}; name some, for instance curve([0, 10, 50])"
        )
    corners, bonus = trace_hull(plan.problem, column_of)
    if not all(corner.proved for corner in corners):
        raise CapabilityError(
            "with these calendars not every corner of the curve could be proved best; "
            "ask for single numbers of changes, curve([0, 5, 10])"
        )
    n_before = int(np.count_nonzero(column_of >= 0))
    rows = []
    for corner, after in zip(corners, [*corners[1:], None], strict=True):
        units = corner.value - bonus * len(corner.pairs)
        row = len(corner.pairs), plan.in_scores(units)
        rows.append((n_before - corner.kept, *row, plan.in_scores(units), True))
        for kept in range(corner.kept - 1, after.kept if after else corner.kept - 1, -1):
            rise, run = after.value - corner.value, corner.kept - after.kept  # type: ignore[union-attr]
            value = corner.value + rise * (corner.kept - kept) // run
            matched = max(len(corner.pairs), value // bonus) if bonus else 0
            limit = plan.in_scores(value - bonus * matched)
            rows.append((n_before - kept, *row, limit, False))
    return pd.DataFrame(rows, columns=_COLUMNS)


@refuse_large_scores()
def find_points(answer: Rematch, changes: list[int] | None) -> tuple[Rematch, ...]:
    """Return the best plans for some numbers of changes, each solved and proved by itself.

    Parameters
    ----------
    answer : Rematch
        Any answer to the same changes.
    changes : list of int, or None
        The numbers, increasing; by default 0, 1, 2, 5, 10, ... until nothing more is gained.

    Notes
    -----
    The most changes come first: a plan that is proved best for more changes than it has is the
    best for fewer, too, and its prices prove that.
    """
    search = _Search(answer)
    if changes is None:
        _refuse_slow(search.new.problem)
    limits = changes or search.choose_limits()
    for most in reversed(limits):
        if not search.go_to(most):
            break
    if changes is None and search.forced is not None and search.forced not in limits:
        search.go_to(search.forced)
    if not search.points:
        assert search.refusal is not None  # noqa: S101 - something was asked for
        raise refuse_changes(search.limit(limits[-1]), search.refusal) from None
    return tuple(_raise_up(search.points[::-1]))


class _Search:
    """The best plans found so far, for fewer and fewer changes."""

    def __init__(self, answer: Rematch) -> None:
        new = replace(answer.plan, earlier=None)
        self.answer, self.new = answer, new
        self.free = end_if_stopped(solve_assignment(new.problem))
        self.n_before = int(np.count_nonzero(answer.column_of >= 0))
        self.points: list[Rematch] = []
        self.refusal: TooManyChangesError | UnsettledError | None = None
        self.forced: int | None = None  # how many must move, once that is known

    def limit(self, most: int) -> ChangeLimit:
        """Return a number of changes as a number of pairs that stay."""
        return ChangeLimit.allow(self.answer.column_of, most)

    def choose_limits(self) -> list[int]:
        """Return the numbers of changes that a curve has by default."""
        self.go_to(self.n_before)
        end = self.points.pop().changes if self.points else self.n_before
        return sorted({*list_usual(end), end})

    def go_to(self, most: int) -> bool:
        """Find the best plan with at most so many changes; return whether fewer may be possible."""
        start, limit = perf_counter(), self.limit(most)
        last = self.points[-1] if self.points else None
        if last is not None and limit.count_kept(last.pairs) >= limit.n_kept:
            same = _judge(replace(last, at_most_changes=most), last)
            if same.certificate.proved:
                self.points.append(replace(same, seconds=perf_counter() - start))
                return True
        else:
            last = None
        try:
            plan, (certificate, dual) = settle(self.answer.before, self.new, limit, self.free)
            end_if_stopped(plan)
        except UnsettledError as error:
            self.refusal = error
            return True
        except TooManyChangesError as error:
            self.refusal, self.forced = error, self.n_before - int(error.args[0])
            return False
        seconds = perf_counter() - start
        found = replace(
            self.answer, source=replace(plan, seconds=seconds), pairs=plan.solution.pairs,
            at_most_changes=most, certificate=certificate, dual=dual, seconds=seconds,
            running=None, standing=None,
        )  # fmt: skip
        better = last is not None and _rate(last) > _rate(found)
        self.points.append(_judge(found, last) if last is not None and better else found)
        return True


def _raise_up(points: list[Rematch]) -> Iterator[Rematch]:
    """Yield plans for more and more changes, none worse than those before it."""
    best: Rematch | None = None
    for point in points:
        now = point
        if best is not None and not point.certificate.proved and _rate(best) > _rate(point):
            now = _judge(point, best)
        yield now
        best = now


def _judge(point: Rematch, other: Rematch) -> Rematch:
    """Return a point with the plan of another one, judged by its own limit and prices."""
    plan = other.plan
    certificate = certify_changes(
        plan.problem, limit_of(point), other.pairs, point.dual, plan.solution.slots
    )
    return replace(point, source=plan, pairs=other.pairs, certificate=certificate)


def _rate(point: Rematch) -> tuple[int, ...]:
    return rate_plan(point.plan.problem, point.pairs)


def list_points(points: Sequence[Rematch]) -> pd.DataFrame:
    """Return one row for each point, with what comes before the total and how it was proved."""
    import pandas as pd

    problem = points[0].plan.problem
    rows = []
    for point in points:
        first: list[Any] = []
        if (problem.demand > 1).any():
            first.append(len(point.pairs))
        if problem.objective in ("worst_off", "leximin"):
            lowest = unpinned_gains(problem, point.pairs).min(initial=np.iinfo(np.int64).max)
            known = len(point.pairs) > len(problem.pins)
            first.append(point.plan.in_scores(int(lowest)) if known else None)
        if problem.tiers is not None:
            first.append("; ".join(map(str, count_tiers(problem, point.pairs))))
        proved = point.certificate.proved
        most = min(int(point.at_most_changes or 0), len(limit_of(point).earlier))
        told = point.objective, point.bound, proved, _describe_proof(point)
        rows.append((most, point.matched, *first, *told))
    before = ["pairs"] if (problem.demand > 1).any() else []
    before += ["lowest"] if problem.objective in ("worst_off", "leximin") else []
    before += ["tiers"] if problem.tiers is not None else []
    return pd.DataFrame(rows, columns=[*_COLUMNS[:2], *before, *_COLUMNS[2:], "proof"])


def _describe_proof(point: Rematch) -> str:
    """Return in a few words what is proved."""
    proof = point.certificate
    if proof.proved:
        return (
            "prices of changes, goal by goal"
            if has_goals_before(point.plan.problem)
            else "prices of changes"
        )
    if proof.levels is not None:
        return f"the lowest {proof.levels} levels of scores"
    if proof.bound is None:
        return "none"
    matched = proof.matched_bound in (None, proof.matched)
    pairs = proof.seats_bound in (None, proof.seats)
    return "bound of the total" if matched and pairs else "bounds of each goal"
