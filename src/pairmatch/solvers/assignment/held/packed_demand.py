"""Plans in which rows have several columns and columns have budgets."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CapabilityError
from pairmatch.solvers.assignment.held.conflict import check_minimum_loads
from pairmatch.solvers.assignment.held.demand import check_demand, solve_demand
from pairmatch.solvers.assignment.held.draft import draft_plan
from pairmatch.solvers.assignment.held.packing import tighten_prices
from pairmatch.solvers.assignment.held.program import (
    IntegerProgram,
    Row,
    drop_misfits,
    fill_columns,
    list_rows,
    maximise,
)
from pairmatch.solvers.assignment.held.remainder import collect_edges, price_no_quota, set_pins
from pairmatch.solvers.assignment.held.watch import OutOfTime, Watch
from pairmatch.solvers.certify.budgets import check_budgets
from pairmatch.solvers.certify.demands import certify_demand
from pairmatch.solvers.solution import AssignmentSolution, Prices, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Edges, Remainder
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import Certificate

__all__ = ["solve_packed_demand"]

_NODES, _FEW_NODES = 20_000, 20  # of the search tree of an objective, at most and at least
_WORK = 100_000  # nodes times pairs of a search
_MOST_AT_ONCE = 1_000  # pairs that are all searched
_KEEP = 2  # of more, pairs that are searched for each column that a row should have
_NEARLY = 2e-3  # of the value, that is given away where there are more, as proofs rarely get closer
_FRACTIONS = 1000  # of a gain, in which prices are
_LARGEST = 2**40  # gains from which on they are whole gains
_SHARE = 0.3  # of the time that is left for one search


def solve_packed_demand(
    problem: AssignmentProblem, watch: Watch | None = None
) -> AssignmentSolution:
    """Return the best plan of a problem with budgets whose rows should have several columns.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem under "coverage" or "total", without tiers and slots.
    watch : Watch, optional
        The clock, and where plans are kept that are not proved best yet.

    Returns
    -------
    AssignmentSolution
        As of :func:`.solve_demand`; OPTIMAL if the prices prove it, FEASIBLE if there is a gap to
        the bound that they prove, TIME_LIMIT if the clock ended it.

    Raises
    ------
    LoadConflict
        If the minimum loads cannot all be met.
    CapabilityError
        If quotas cross, or if no plan that meets the minimum loads was found.
    RangeError
        If the gains are too large for 64-bit integers.
    OutOfTime
        If the time limit is reached.

    Notes
    -----
    The plan without budgets is the answer if it keeps them. Otherwise integer programs over pairs
    and over rows that have one, an objective after the other, in large problems over the pairs
    that a linear program likes best. The bound is Lagrangian: rows have prices, as often as they
    should have columns, and every column fills its budget by a knapsack, as in
    :func:`~pairmatch.solvers.assignment.held.packing.tighten_prices`. Prices of the plan without
    budgets bound it as well; of each objective the better ones are taken.
    """
    watch = watch or Watch()
    remainder = set_pins(problem)
    check_demand(replace(problem, budgets=()), remainder)
    edges = drop_misfits(problem, collect_edges(problem, remainder))
    rows = list(list_rows(problem, remainder, edges))
    fills: list[NDArray[np.int64]] = []
    fill = partial(fill_columns, rows, len(edges), watch, fills)
    check_minimum_loads(problem, remainder, edges, fill)
    search = _Search(problem, remainder, edges, rows)
    plans = [search.write(fills[0])] if fills else []
    try:
        plans.append(draft_plan(problem).pairs)
    except CapabilityError:
        if not plans:
            raise
    best = max(plans, key=search.rate)
    watch.keep(lambda: replace(search.nothing, pairs=best))
    free = solve_demand(replace(problem, budgets=()), watch.aside())
    known = replace(free, status=Status.FEASIBLE, solver=search.nothing.solver)
    watch.keep(lambda: replace(known, pairs=best))
    if not check_budgets(problem, free.pairs):
        return replace(known, status=Status.OPTIMAL)
    try:
        found = search.climb(best, watch)
        best = max([best, found], key=search.rate)
        watch.keep(lambda: replace(known, pairs=best))
        return search.prove(replace(known, pairs=best), watch)
    except OutOfTime:
        return replace(known, pairs=best, status=Status.TIME_LIMIT)


class _Search:
    """One run: the pairs and the rows that have one are the variables."""

    def __init__(
        self, problem: AssignmentProblem, remainder: Remainder, edges: Edges, rows: list[Row]
    ) -> None:
        self.problem, self.remainder, self.edges = problem, remainder, edges
        n, fresh = len(edges), remainder.rows[~remainder.served]
        who = np.intersect1d(fresh, edges.row)
        self.n_variables = n + len(who)
        number = np.full(problem.n_rows, -1)
        number[who] = np.arange(len(who))
        first = number[edges.row]
        own = np.argsort(first, kind="stable")
        starts = np.searchsorted(first[own], np.arange(len(who) + 1))
        self.rows, self.who = list(rows), who
        for k in range(len(who)):
            some = own[starts[k] : starts[k + 1]]
            use = np.append(np.full(len(some), -1), 1)
            variables = np.append(some, n + k)
            self.rows.append(Row("all", (int(who[k]),), variables, -len(some), 0, use))
        self.goals = np.zeros((3, self.n_variables), np.int64)
        self.goals[0, n:] = 1
        self.goals[1, :n] = 1
        self.goals[2, :n] = edges.gain
        largest = int(np.abs(edges.gain).max(initial=0))
        self.scale = _FRACTIONS if largest < _LARGEST else 1
        zero = Prices(np.zeros(problem.n_columns, np.int64), price_no_quota(problem))
        steps = (replace(zero, first=1), replace(zero, bonus=1)) if self.counts else ()
        self.nothing = AssignmentSolution(
            problem.pins, zero, Status.FEASIBLE, "integer programming (HiGHS), knapsacks", steps
        )

    @property
    def counts(self) -> bool:
        """Whether rows with a pair, and pairs, come before the total."""
        return self.problem.objective == "coverage"

    def rate(self, pairs: NDArray[np.int64]) -> tuple[int, ...]:
        """Return what a plan is worth by each goal, the first one first."""
        total = int(self.problem.gains.pairs(pairs[:, 0], pairs[:, 1])[0].sum())
        served = len(np.unique(pairs[:, 0]))
        return (served, len(pairs), total) if self.counts else (total, served, len(pairs))

    def write(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the pairs of a plan, pins included, sorted."""
        at = np.flatnonzero(chosen[: len(self.edges)] > 0)
        own = np.stack([self.edges.row[at], self.edges.column[at]], axis=1)
        pairs = np.concatenate([self.problem.pins, own])
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]

    def climb(self, best: NDArray[np.int64], watch: Watch) -> NDArray[np.int64]:
        """Return the best plan that is found, goal by goal."""
        kept = self._choose(best, watch)
        variables = np.append(kept, np.arange(len(self.edges), self.n_variables))
        number = np.full(self.n_variables, -1)
        number[variables] = np.arange(len(variables))
        rows = []
        for row in self.rows:
            there = number[row.edges] >= 0
            factor = row.factor[there]
            rows.append(replace(row, edges=number[row.edges[there]], use=factor))
        program = IntegerProgram.of(rows, len(variables))
        goals = self.goals[:, variables]
        n_nodes = max(_FEW_NODES, min(_NODES, _WORK // max(1, len(kept))))
        gap = 0.0 if len(self.edges) <= _MOST_AT_ONCE else _NEARLY
        found: NDArray[np.int64] | None = None
        for k in (0, 1, 2) if self.counts else (2, 0, 1):
            answer, _ = maximise(program, goals[k], n_nodes, watch, _SHARE, gap)
            if answer is None:
                break
            if found is None or goals[k] @ answer >= goals[k] @ found:
                found = answer
            program = program.demand(goals[k], float(goals[k] @ found))
        if found is None:
            return best
        chosen = np.zeros(self.n_variables, np.int64)
        chosen[variables] = found
        return self.write(chosen)

    def _choose(self, best: NDArray[np.int64], watch: Watch) -> NDArray[np.int64]:
        """Return the pairs that are searched: all, or those that look best and those of a plan."""
        n = len(self.edges)
        if n <= _MOST_AT_ONCE:
            return np.arange(n)
        span = int(np.ptp(self.edges.gain)) + 1
        worth = self.goals[2].astype(np.float64)
        if self.counts:
            worth += self.goals[1] * float(span) + self.goals[0] * 2.0 * span
        duals = self._relax(worth, [], watch)
        if duals is None:
            short = -worth
        else:
            line = np.repeat(np.arange(len(self.rows)), [len(row.edges) for row in self.rows])
            paid = np.concatenate([row.factor for row in self.rows]) * duals[line]
            variable = np.concatenate([row.edges for row in self.rows])
            short = np.bincount(variable, paid, minlength=self.n_variables) - worth
        code = self.edges.row * self.problem.n_columns + self.edges.column
        is_kept = np.isin(code, best[:, 0] * self.problem.n_columns + best[:, 1])
        most = max(_MOST_AT_ONCE, _KEEP * int(self.remainder.demand.sum()))
        is_kept[np.argsort(short[:n], kind="stable")[:most]] = True
        return np.flatnonzero(is_kept)

    def _relax(
        self, worth: NDArray[np.float64], more: list[tuple[NDArray[np.int64], int]], watch: Watch
    ) -> NDArray[np.float64] | None:
        """Return dual values of the linear relaxation, those of sums that are asked for last."""
        from scipy.optimize import linprog
        from scipy.sparse import csr_array, vstack

        if not self.n_variables:
            return np.zeros(len(self.rows) + len(more))
        program = IntegerProgram.of(self.rows, self.n_variables)
        for goal, value in more:
            program = program.demand(goal, float(value))
        matrix = csr_array(
            (program.factor.astype(float), (program.line, program.variable)),
            shape=(len(program.low), self.n_variables),
        )
        upper = np.isfinite(program.high)
        lower = np.append(
            [row.kind == "column" and row.low > 0 for row in self.rows], [True] * len(more)
        ).astype(bool)
        options = {} if watch.left is None else {"time_limit": _SHARE * watch.left}
        answer = watch.wait(
            lambda: linprog(  # type: ignore[call-overload]
                -worth,
                A_ub=vstack([matrix[upper], -matrix[lower]], format="csr"),
                b_ub=np.concatenate([program.high[upper], -program.low[lower]]),
                bounds=(0, 1),
                method="highs",
                options=options,
            )
        )
        if answer.status != 0:
            return None
        n_upper = int(np.count_nonzero(upper))
        duals = np.zeros(len(program.low))
        duals[upper] = -answer.ineqlin.marginals[:n_upper]
        duals[lower] += answer.ineqlin.marginals[n_upper:]
        return duals

    def prove(self, known: AssignmentSolution, watch: Watch) -> AssignmentSolution:
        """Return the plan with those prices of each goal that prove most."""
        problem, answer = self.problem, known
        watch.keep(lambda: answer)
        served, seats, total = self.rate(known.pairs) if self.counts else (0, 0, 0)
        pinned = problem.pins
        served -= len(np.unique(pinned[:, 0]))
        seats -= len(pinned)
        if not self.counts:
            total = self.rate(known.pairs)[0]
        total -= int(problem.gains.pairs(pinned[:, 0], pinned[:, 1])[0].sum())
        values = served, seats, total
        asked = (0, 1, 2) if self.counts else (2,)
        certificate = certify_demand(problem, answer)
        for turn, k in enumerate(asked):
            if self._is_reached(certificate, k):
                continue
            ends = None
            if watch.left is not None:
                ends = perf_counter() + watch.left / (len(asked) - turn + 1)
            before = [(self.goals[g], values[g]) for g in asked[:turn]]
            duals = self._relax(self.goals[k].astype(np.float64), before, watch)
            if duals is None:
                continue
            start = self._read(duals, k, len(before))
            prices = tighten_prices(
                problem, start, values[k],
                n_pairs=seats if k == 2 and self.counts else 0,
                n_served=served if k > 0 and self.counts else 0,
                worth=None if k == 2 else 0, deadline=ends,
            )  # fmt: skip
            trial = self._put(answer, prices, k)
            seen = certify_demand(problem, trial)
            if self._bounds(seen)[k] < self._bounds(certificate)[k]:
                answer, certificate = trial, seen
        if certificate.proved:
            return replace(answer, status=Status.OPTIMAL)
        return replace(answer, status=Status.TIME_LIMIT if watch.is_over else Status.FEASIBLE)

    def _put(self, answer: AssignmentSolution, prices: Prices, k: int) -> AssignmentSolution:
        """Return an answer with other prices of one goal."""
        if k == 2:
            return replace(answer, prices=prices)
        return replace(answer, steps=(*answer.steps[:k], prices, *answer.steps[k + 1 :]))

    def _bounds(self, certificate: Certificate) -> tuple[int, int, int]:
        """Return what is proved of each goal."""
        return (
            certificate.matched_bound or 0,
            certificate.seats_bound or 0,
            certificate.bound if certificate.bound is not None else 2**62,
        )

    def _is_reached(self, certificate: Certificate, k: int) -> bool:
        """Return whether a goal is proved."""
        reached = certificate.matched, certificate.seats, certificate.objective
        return self._bounds(certificate)[k] == reached[k]

    def _read(self, duals: NDArray[np.float64], k: int, n_before: int) -> Prices:
        """Return prices of rows, places, quotas and further budgets behind dual values."""
        problem, scale = self.problem, self.scale
        column = np.zeros(problem.n_columns, np.int64)
        row = np.zeros(problem.n_rows, np.int64)
        quota = price_no_quota(problem)
        budget = tuple(np.zeros(problem.n_columns, np.int64) for _ in problem.budgets)
        rounded = np.rint(scale * duals).astype(np.int64)
        for line, dual in zip(self.rows, rounded.tolist(), strict=False):
            if line.kind == "column":
                column[line.where] += dual if line.low > 0 else max(0, dual)
            elif line.kind == "row":
                row[line.where] += max(0, dual)
            elif line.kind == "all":
                row[line.where] -= max(0, dual)
            elif line.kind == "quota":
                quota[line.where[0]][line.where[1:]] = max(0, dual)
            else:
                budget[line.where[0]][line.where[1]] = max(0, dual)
        lifts = [int(np.ceil(max(0.0, -dual) - 1e-9)) for dual in duals[len(self.rows) :]]
        first = 1 if k == 0 else lifts[0] if n_before else 0
        bonus = 1 if k == 1 else lifts[1] if n_before > 1 else 0
        if k == 1:
            first = max(first, 1)
        return Prices(column, quota, bonus, budget=budget, row=row, scale=scale, first=first)
