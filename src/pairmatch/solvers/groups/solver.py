"""The whole solve: sizes, search, repair, prices, proof; the best plan is kept at every moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.bounds import Priced, improve_prices
from pairmatch.solvers.groups.exact import N_SMALL, solve_by_subsets
from pairmatch.solvers.groups.repair import placeable_people, repair_plan
from pairmatch.solvers.groups.search import (
    Plan,
    Search,
    descend,
    disturb_and_descend,
    seat_greedily,
)
from pairmatch.solvers.groups.sizes import choose_sizes, scale_of
from pairmatch.solvers.groups.values import GroupValues
from pairmatch.solvers.solution import GroupingSolution, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["solve_grouping"]

_N_PRICE_STEPS = 150


def solve_grouping(
    problem: GroupingProblem,
    *,
    seed: int = 0,
    time_limit: float | None = None,
    progress: Callable[[int, float | None, float], None] | None = None,
) -> GroupingSolution:
    """Form groups that are as good as the search can find, with a proved bound on the best.

    As many people as possible are placed, in groups as even as the pool allows and of about the
    target size; then the objective counts. The number of groups is the one nearest to n over the
    target size. Only where forbidden pairs rule that out are other sizes within the limits taken.

    Parameters
    ----------
    problem : GroupingProblem
        The pool, the allowed sizes, the objective.
    seed : int, default: 0
        Seed of the search. The same problem and seed give the same groups.
    time_limit : float, optional
        Seconds after which the search stops, as a safety; by default a deterministic number of
        steps ends it.
    progress : callable, optional
        Called with (round, gap or None, seconds).

    Returns
    -------
    GroupingSolution
        Groups of allowed sizes without a forbidden pair; people who cannot be placed have group
        -1. On Ctrl-C the best so far, with a valid bound and ``Status.INTERRUPTED``.

    Raises
    ------
    OverflowError
        If the gains are so large that sums leave 64 bits.

    Notes
    -----
    Up to 15 people (12 if somebody stays out) the answer is the proved optimum, by enumeration of
    subsets. Above, see ``search`` for the descent and ``bounds`` for the prices.

    Examples
    --------
    >>> import numpy as np
    >>> from pairmatch.solvers.problem import GroupingProblem
    >>> gain = np.zeros((6, 6), np.int64)
    >>> gain[np.ix_([0, 2, 4], [0, 2, 4])] = 10
    >>> allowed = ~np.eye(6, dtype=bool)
    >>> solution = solve_grouping(GroupingProblem(gain, allowed, 3, 5, 3))
    >>> solution.group_of.tolist(), solution.bound // solution.scale, solution.status.value
    ([0, 1, 0, 1, 0, 1], 30, 'optimal')
    """
    clock = _Clock(perf_counter(), time_limit, progress)
    people = placeable_people(problem)
    core = _restrict(problem, people)
    sizes = choose_sizes(core.n, core.smallest, core.largest, core.target)
    full = bool((core.allowed | np.eye(core.n, dtype=bool)).all())
    used = set(sizes)
    if not full or problem.n <= N_SMALL:
        used |= set(range(core.smallest, min(core.largest, core.n) + 1))
    values = GroupValues.of(core, scale_of(used))
    if not sizes:
        return _nobody(problem, values.scale, Status.OPTIMAL)
    if core.n <= N_SMALL:
        groups = solve_by_subsets(core, values)
        if groups is not None:
            return _finish_small(problem, values, people, groups)
    run = _Run(core, values, sizes, full, np.random.default_rng(seed), clock)
    try:
        run.search()
        run.price()
    except KeyboardInterrupt:
        run.interrupted = True
    return run.answer(problem, people)


@dataclass(slots=True)
class _Clock:
    """Wall-clock of one solve, and whom to tell."""

    start: float
    time_limit: float | None
    progress: Callable[[int, float | None, float], None] | None
    stopped: bool = False
    n_told: int = 0

    def within(self, share: float) -> bool:
        """Return whether less than this share of the time limit has passed."""
        if self.time_limit is None:
            return True
        inside = perf_counter() - self.start < share * self.time_limit
        self.stopped |= not inside
        return inside

    def tell(self, gap: float | None) -> None:
        """Report a round."""
        self.n_told += 1
        if self.progress is not None:
            self.progress(self.n_told, gap, perf_counter() - self.start)


@dataclass(slots=True)
class _Run:
    """The best plan and the best bound so far."""

    problem: GroupingProblem
    values: GroupValues
    sizes: tuple[int, ...]
    full: bool
    rng: np.random.Generator
    clock: _Clock
    best: Plan | None = None
    priced: Priced | None = None
    interrupted: bool = False

    def search(self) -> None:
        """Find a good plan: greedy seats, descent, then disturbed descents."""
        look = Search.of(self.values, self.rng, lambda: self.clock.within(0.5))
        plan = seat_greedily(look, self.sizes)
        self.best = plan
        descend(look, plan, 40)
        self.best = self._disturb(look, plan, self._n_steps())
        self.clock.tell(None)
        if not self.full:
            repaired = repair_plan(self.problem, look, self.best)
            self.best = repaired
            self.best = self._disturb(look, repaired, self._n_steps() // 4)
            self.clock.tell(None)

    def price(self) -> None:
        """Find prices that bound every grouping."""
        if self.best is None or not self.best.tables:
            return
        self.priced = self._priced(_N_PRICE_STEPS)
        if self.priced is not None:
            self.clock.tell(_gap(self.best.worth, self.priced.bound))

    def answer(self, problem: GroupingProblem, people: NDArray[np.int64]) -> GroupingSolution:
        """Return the best plan in the terms of the whole pool."""
        look = Search.of(self.values, self.rng, lambda: False)
        plan = self.best if self.best is not None else seat_greedily(look, self.sizes)
        if plan.worth != self.values.of_tables(plan.tables):  # interrupted before the repair
            plan = repair_plan(self.problem, look, plan)
        self.best = plan
        if not plan.tables:
            return _nobody(problem, self.values.scale, Status.FEASIBLE)
        priced = self.priced if self.priced is not None else self._priced(1)
        groups = [tuple(row) for table in plan.tables for row in table.tolist()]
        group_of = _number_groups(problem.n, people, groups)
        bound = priced.bound if priced is not None else None
        status = Status.FEASIBLE
        if self.interrupted:
            status = Status.INTERRUPTED
        elif bound == plan.worth and not plan.bench.size and people.size == problem.n:
            status = Status.OPTIMAL
        elif self.clock.stopped:
            status = Status.TIME_LIMIT
        prices = None
        if priced is not None:
            prices = np.zeros(problem.n, np.int64)
            prices[people] = priced.price
        smallest = min(table.shape[1] for table in plan.tables)
        how = (
            "prices of people against triads" if smallest == 3 else "prices of people against pairs"
        )
        return GroupingSolution(
            group_of, bound, self.values.scale, how, status, "reassignment descent", prices
        )

    def _n_steps(self) -> int:
        """Return the deterministic work limit, in steps."""
        n = self.values.n
        return int(min(20_000, max(300, 2_000_000 // n)))

    def _disturb(self, look: Search, plan: Plan, n_steps: int) -> Plan:
        """Return the best plan that a number of steps from disturbed plans finds."""
        best, current = plan.copy(), plan
        if plan.n_groups < 2 and not plan.bench.size:
            return best
        tolerance = abs(plan.worth) // 1000
        done = 0
        while done < n_steps and look.keep_on():
            current, n_taken = disturb_and_descend(
                look, current, n_shuffled=3, patience=15, tolerance=tolerance
            )
            done += n_taken
            if current.worth > best.worth:
                self.best = best = current.copy()
        return best

    def _priced(self, n_steps: int) -> Priced | None:
        """Return prices and bound for groupings of the sizes of the best plan."""
        if self.best is None:
            return None
        sizes = [table.shape[1] for table in self.best.tables for _ in table]
        return improve_prices(
            self.values, sizes, self.best.worth, n_steps, lambda: self.clock.within(0.95)
        )


def _restrict(problem: GroupingProblem, people: NDArray[np.int64]) -> GroupingProblem:
    """Return the problem of some of the people."""
    inside = np.ix_(people, people)
    return replace(problem, gain=problem.gain[inside], allowed=problem.allowed[inside])


def _number_groups(
    n: int, people: NDArray[np.int64], groups: list[tuple[int, ...]]
) -> NDArray[np.int64]:
    """Return the group of each person, numbered by smallest member."""
    group_of = np.full(n, -1, np.int64)
    for number, members in enumerate(sorted(groups, key=min)):
        group_of[people[list(members)]] = number
    return group_of


def _nobody(problem: GroupingProblem, scale: int, status: Status) -> GroupingSolution:
    """Return the grouping without a group."""
    nobody = np.full(problem.n, -1, np.int64)
    return GroupingSolution(nobody, 0, scale, "no group, nothing to gain", status, "none")


def _finish_small(
    problem: GroupingProblem,
    values: GroupValues,
    people: NDArray[np.int64],
    groups: list[tuple[int, ...]],
) -> GroupingSolution:
    """Return the optimum of a small pool."""
    bound = sum(int(values.of_groups(np.array([group])).sum()) for group in groups)
    return GroupingSolution(
        _number_groups(problem.n, people, groups),
        bound,
        values.scale,
        "enumeration of subsets",
        Status.OPTIMAL,
        "dynamic programming over subsets",
    )


def _gap(worth: int, bound: int) -> float:
    """Return the gap of a bound."""
    return (bound - worth) / max(1, abs(bound))
