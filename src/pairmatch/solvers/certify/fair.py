"""Whether an answer is best by a list of objectives, one after the other: fair ones and tiers.

Like :mod:`~pairmatch.solvers.certify` this module knows no solver: it is given a problem and an
answer, both integers, and believes neither pairs nor prices.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.assignment import certify_assignment
from pairmatch.solvers.certify.costs import certify_costs
from pairmatch.solvers.certify.demand_meetings import certify_demand_slots
from pairmatch.solvers.certify.demands import certify_demand
from pairmatch.solvers.certify.fair_meetings import certify_fair_slots
from pairmatch.solvers.certify.fair_streams import certify_lowest, certify_tiers
from pairmatch.solvers.certify.level_streams import certify_levels
from pairmatch.solvers.certify.meetings import certify_slots
from pairmatch.solvers.certify.sums import add_up, find_magnitude, multiply
from pairmatch.solvers.problem import MatrixGains
from pairmatch.solvers.streamed import StreamedGains
from pairmatch.solvers.tiers import StreamedTiers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution, Certificate, Prices

__all__ = ["EqualAnswers", "certify_plan", "check_prices"]

_LIMIT = 2**61
_ROWS = 512


def certify_plan(
    problem: AssignmentProblem, solution: AssignmentSolution, *, deadline: float = math.inf
) -> Certificate:
    """Check an answer pair by pair, and every objective in its turn, whatever the objectives are.

    Parameters
    ----------
    problem : AssignmentProblem
        What was asked.
    solution : AssignmentSolution
        What was answered, by whatever means.
    deadline : float, optional
        When, by :func:`time.monotonic`, no more pairs are looked at, and no more objectives. What
        is not proved by then counts as unproved; the bound of a streamed pool is wide but true.

    Returns
    -------
    Certificate
        ``objective`` is the sum of gains. ``bound`` holds for every answer that is as good in all
        objectives before the total, and exists only if each of these is proved: then nobody can
        match more rows, and among those who match as many

        * under "worst_off" every answer has a gain that is no higher than the lowest of this one;
        * under "leximin" every answer is worse or has the same gains, sorted, so that ``bound``
          equals ``objective``; where only the lowest levels are proved, ``levels`` says how many,
          and is 0 where, by steps as under "worst_off", only the lowest gain is;
        * with tiers no answer has more pairs of the first tier, or as many and more of the second,
          and so on (under "total" the number of rows is not asked for).

        Otherwise ``bound`` is None. Where rows should have several columns: the certificate of
        :func:`~pairmatch.solvers.certify.demands.certify_demand`. Of "coverage" and "total" without
        tiers: the certificate of :func:`~pairmatch.solvers.certify.certify_assignment`.

    Raises
    ------
    CertificateError
        If the answer breaks a rule, or if prices are not of the right shape and size; ``faults``
        lists everything that is wrong.

    Notes
    -----
    ``solution.steps`` has one set of prices for each of these, in this order: coverage (not under
    "total"); under "worst_off" the lowest gain, unless a pinned pair has it; under "leximin" each
    distinct gain of the pairs that are not pinned, ascending; with tiers each tier that an allowed
    pair of a row without pin has, ascending. Each objective is a sum over pairs, bounded by weak
    duality as in :mod:`~pairmatch.solvers.certify`. Where the bound is reached, complementary
    slackness says which answers reach it too: pairs below the best profit of their row are out,
    rows of positive profit must be matched, loads and quotas of positive price are full, those of
    negative price at their minimum. The next objective is bounded for these answers only, so
    prices may have any sign. The lowest gain is the largest possible if as many rows cannot be
    matched without pairs of that gain or a lower one. O(pairs) time a step, O(pairs) memory.

    Examples
    --------
    >>> from pairmatch.solvers.problem import AssignmentProblem, MatrixGains
    >>> from pairmatch.solvers.solution import AssignmentSolution, Prices, Status
    >>> gain = np.array([[9, 4], [5, 1]])
    >>> problem = AssignmentProblem(
    ...     gains=MatrixGains(gain, np.ones_like(gain, dtype=bool)),
    ...     capacity=np.array([1, 1]),
    ...     at_least=np.array([0, 0]),
    ...     objective="worst_off",
    ... )
    >>> answer = AssignmentSolution(
    ...     pairs=np.array([[0, 1], [1, 0]]),
    ...     prices=Prices(column=np.array([5, 0])),
    ...     steps=(
    ...         Prices(column=np.array([0, 0])),  # two rows, so two pairs at most
    ...         Prices(column=np.array([1, 0]), bonus=1),  # one place is worth more than 4 to both
    ...     ),
    ...     status=Status.OPTIMAL,
    ...     solver="by hand",
    ... )
    >>> certificate = certify_plan(problem, answer)
    >>> certificate.objective, certificate.bound, certificate.proved
    (9, 9, True)
    """
    if problem.cost is not None:
        return certify_costs(problem, solution, partial(certify_plan, deadline=deadline))
    if problem.demand.max(initial=1) > 1:
        if problem.slots is not None:
            return certify_demand_slots(problem, solution, deadline=deadline)
        return certify_demand(problem, solution, deadline=deadline)
    if problem.slots is not None:
        fair = problem.tiers is not None or problem.objective not in ("coverage", "total")
        return (certify_fair_slots if fair else certify_slots)(problem, solution)
    if problem.objective in ("coverage", "total") and problem.tiers is None:
        return certify_assignment(problem, solution, deadline=deadline)
    plain = replace(
        problem, objective="total" if problem.objective == "total" else "coverage", tiers=None
    )
    rules = certify_assignment(plain, replace(solution, prices=None), deadline=deadline)
    check_prices(problem, solution)
    if isinstance(problem.gains, StreamedGains) and isinstance(problem.tiers, StreamedTiers):
        return certify_tiers(plain, problem.tiers, solution, rules, deadline)
    is_begun = problem.objective == "leximin" and any(step.bonus for step in solution.steps)
    if isinstance(problem.gains, StreamedGains) and (is_begun or problem.objective == "worst_off"):
        given = replace(solution, prices=None) if is_begun else solution
        return certify_lowest(plain, given, rules, deadline)
    by_row = problem.objective == "leximin" and any(step.row is not None for step in solution.steps)
    if by_row and isinstance(problem.gains, MatrixGains | StreamedGains):
        return certify_levels(plain, problem.gains, solution, rules, deadline)
    if len(solution.pairs) and not solution.steps and solution.prices is None:
        return rules
    face = EqualAnswers(problem, np.asarray(solution.pairs))
    tier = np.empty(0, np.int64)
    if isinstance(problem.tiers, np.ndarray):
        tier = np.unique(problem.tiers[face.row, face.column])
    matched_bound = rules.matched_bound
    steps = list(solution.steps)
    proved = True
    if matched_bound is not None:
        bound = face.bound(np.ones_like(face.gain), steps.pop(0)) if steps else None
        if bound is not None:
            matched_bound = min(matched_bound, bound + len(problem.pins))
        proved = bound == len(face.chosen)
        if proved:
            face.narrow()
    if problem.objective == "leximin":
        rules = replace(rules, matched_bound=matched_bound)
        # One step may prove no more than the lowest gain.
        begun = proved and len(steps) == 1 and _prove_lowest(problem, face, list(steps))
        n_levels = _prove_levels(face, steps, deadline) if proved else 0
        if n_levels is None:
            return replace(rules, bound=rules.objective)
        return replace(rules, bound=None, levels=n_levels or (0 if begun else None))
    if problem.objective == "worst_off":
        proved = proved and _prove_lowest(problem, face, steps)
    else:
        proved = proved and _prove_tiers(problem, face, tier, steps, deadline)
    bound = None
    if proved and solution.prices is not None:
        bound = face.bound(face.gain, solution.prices)
        pinned, _ = problem.gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
        bound += sum(pinned.tolist())
    return replace(rules, bound=bound, matched_bound=matched_bound)


def _prove_lowest(problem: AssignmentProblem, face: EqualAnswers, steps: list[Prices]) -> bool:
    """Check that the lowest gain cannot be raised, and leave out the pairs below it."""
    pinned, _ = problem.gains.pairs(problem.pins[:, 0], problem.pins[:, 1])
    chosen = face.gain[face.chosen]
    if not len(chosen):
        return not steps
    lowest = int(chosen.min())
    if len(pinned) and pinned.min() <= lowest:
        lowest = int(pinned.min())
    else:
        if not steps:
            return False
        if face.bound(-(face.gain <= lowest).astype(np.int64), steps.pop(0)) >= 0:
            return False
    face.keep(face.gain >= lowest)
    return not steps


def _prove_levels(face: EqualAnswers, steps: list[Prices], deadline: float) -> int | None:
    """Check level by level that nobody who is as good below has fewer pairs there.

    Returns how many levels that is true of, or None if of all.
    """
    below = np.iinfo(np.int64).min
    for k, level in enumerate(np.unique(face.gain[face.chosen]).tolist()):
        if not steps or monotonic() > deadline:
            return k
        face.keep((face.gain <= below) | (face.gain >= level))
        on_level = -(face.gain == level).astype(np.int64)
        if face.bound(on_level, steps.pop(0)) != on_level[face.chosen].sum():
            return k
        face.narrow()
        below = level
    return 0 if steps else None


def _prove_tiers(
    problem: AssignmentProblem,
    face: EqualAnswers,
    tiers: NDArray[np.int64],
    steps: list[Prices],
    deadline: float,
) -> bool:
    """Check tier by tier that nobody who is as good before has more pairs of it."""
    if not isinstance(problem.tiers, np.ndarray):
        return False
    for k in tiers.tolist():
        if not steps or monotonic() > deadline:
            return False
        of_tier = (problem.tiers[face.row, face.column] == k).astype(np.int64)
        if face.bound(of_tier, steps.pop(0)) != of_tier[face.chosen].sum():
            return False
        face.narrow()
    return not steps


def check_prices(problem: AssignmentProblem, solution: AssignmentSolution) -> None:
    """Raise unless all prices have the shapes and sizes that a bound may be made of."""
    named = [(f"prices of step {k}", prices) for k, prices in enumerate(solution.steps)]
    if solution.prices is not None:
        named.append(("prices", solution.prices))
    wanted: list[tuple[int, ...]] = [(problem.n_columns,)]
    wanted += [(problem.n_columns, quota.n_classes) for quota in problem.quotas]
    faults = []
    for k, (where, prices) in enumerate(named):
        given = [prices.column, *prices.quota]
        shapes = [np.shape(array) for array in given]
        # Where there are quotas without prices, the places within them are free.
        expected = wanted if prices.quota else wanted[:1]
        if shapes != expected or any(np.asarray(array).dtype.kind != "i" for array in given):
            faults.append(Fault(f"expected integers of shapes {expected}, found {shapes}", where))
        elif sum((find_magnitude(array) for array in given), start=abs(prices.bonus)) > _LIMIT:
            faults.append(Fault("are too large to be added up exactly", where))
        # A bonus changes nothing once the number of pairs is settled, and only then.
        settled = problem.objective != "total" and (k > 0 or not solution.steps)
        if prices.bonus and not settled:
            faults.append(Fault("have a bonus though the number of pairs is not settled", where))
    if faults:
        raise CertificateError("the answer does not survive its check", faults)


class EqualAnswers:
    """The answers that are as good as this one in every objective so far.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem; its pins are set.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Checked pairs of an answer.
    """

    def __init__(self, problem: AssignmentProblem, pairs: NDArray[np.int64]) -> None:
        self.problem = problem
        pinned, column = problem.pins[:, 0], problem.pins[:, 1]
        load = np.bincount(column, minlength=problem.n_columns)
        self.low = np.maximum(problem.at_least - load, 0)
        self.high = problem.capacity - load
        self.must = np.zeros(problem.n_rows, np.bool_)
        self.quota_low, self.quota_high = [], []
        for quota in problem.quotas:
            room = np.full((problem.n_columns, quota.n_classes), quota.at_most, np.int64)
            label = quota.class_of[pinned]
            counted = label >= 0
            np.subtract.at(room, (column[counted], label[counted]), 1)
            self.quota_low.append(np.zeros_like(room))
            self.quota_high.append(room)
        is_open = np.ones(problem.n_rows, np.bool_)
        is_open[pinned] = False
        parts = []
        for start in range(0, problem.n_rows, _ROWS):
            rows = slice(start, min(start + _ROWS, problem.n_rows))
            gain, allowed = problem.gains.block(rows, slice(0, problem.n_columns))
            row, to = np.nonzero(allowed & is_open[rows, None])
            parts.append((row + start, to, gain[row, to]))
        nothing = np.empty(0, np.int64)
        parts.append((nothing, nothing, nothing))
        self.row, self.column, self.gain = (
            np.concatenate([part[k] for part in parts]) for k in range(3)
        )
        free = pairs[is_open[pairs[:, 0]]]
        code = self.row * problem.n_columns + self.column
        self.chosen = np.searchsorted(code, np.sort(free[:, 0] * problem.n_columns + free[:, 1]))

    def bound(self, worth: NDArray[np.int64], prices: Prices) -> int:
        """Return an upper bound on the worth of the pairs, pinned ones apart, of any answer here.

        Where it is reached, :meth:`narrow` may follow.
        """
        sizes = [find_magnitude(array) for array in (worth, prices.column, *prices.quota)]
        if sum(sizes, start=abs(prices.bonus)) > _LIMIT:
            raise CertificateError("gains and prices are too large to be added up exactly")
        profit = worth + prices.bonus - prices.column[self.column]
        for quota, of_class in zip(self.problem.quotas, prices.quota, strict=False):
            label = quota.class_of[self.row]
            counted = label >= 0
            profit[counted] -= of_class[self.column[counted], label[counted]]
        self._profit, self._prices = profit, prices
        self._best = np.zeros(self.problem.n_rows, np.int64)
        first = np.flatnonzero(np.diff(self.row, prepend=-1))
        if len(first):
            self._best[self.row[first]] = np.maximum.reduceat(profit, first)
        np.maximum(self._best, 0, out=self._best, where=~self.must)
        terms = add_up(self._best) - prices.bonus * len(self.chosen)
        limits = [(self.low, self.high, prices.column)]
        limits += zip(self.quota_low, self.quota_high, prices.quota, strict=False)
        for low, high, price in limits:
            terms += multiply(np.where(price > 0, high, low).ravel(), price.ravel())
        return terms

    def narrow(self, slack: int = 0) -> None:
        """Keep the answers that are below the last bound by no more than this one is.

        Parameters
        ----------
        slack : int, default: 0
            By how much this one is below; by default it reached the bound.

        Notes
        -----
        A row without a column costs its best profit, a pair what it brings less than the best of
        its row, and each place that is open at a price, or taken at a price below 0, that price.
        """
        self.must |= self._best > slack
        limits = [(self.low, self.high, self._prices.column)]
        limits += zip(self.quota_low, self.quota_high, self._prices.quota, strict=False)
        for low, high, price in limits:
            room = slack // np.maximum(np.abs(price), 1)
            least = np.where(price > 0, np.maximum(low, high - room), low)
            np.copyto(high, np.minimum(high, low + room), where=price < 0)
            np.copyto(low, least)
        self.keep(self._best[self.row] - self._profit <= slack)

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Keep the answers that are made of these pairs: this one is."""
        new = np.cumsum(which) - 1
        self.chosen = new[self.chosen]
        self.row, self.column, self.gain = self.row[which], self.column[which], self.gain[which]
