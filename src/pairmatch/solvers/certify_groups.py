"""Check a grouping without believing whoever made it: rules, objective and bound, in integers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify_group_prices import bound_case, cover_everything, narrow_case
from pairmatch.solvers.solution import Certificate, GroupPrices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import GroupingSolution

__all__ = ["bound_groupings", "certify_grouping"]

_N_ALL_PLACED = 15  # enumerated when everybody is placed
_N_SOME_OUT = 12  # enumerated when somebody is left out


def certify_grouping(problem: GroupingProblem, solution: GroupingSolution) -> Certificate:
    """Return what a grouping is worth and what is proved about it.

    Parameters
    ----------
    problem : GroupingProblem
        What was asked.
    solution : GroupingSolution
        What was answered. Nothing in it is believed: sizes and pairs are checked, the objective
        is added up again, the bound is computed again from the prices.

    Returns
    -------
    Certificate
        Objective, bound for groupings of the same sizes, people placed and a bound on them.

    Raises
    ------
    CertificateError
        If a rule is broken, or the stated bound is lower than what can be proved.

    Notes
    -----
    Triads are streamed in O(n^3) at worst; with good prices most pairs are skipped at once.
    """
    faults, groups = _read_groups(problem, solution)
    if faults:
        raise CertificateError("the grouping breaks its rules", faults)
    scale = solution.scale
    objective = sum(_value(problem, group, scale) for group in groups)
    n_placed = sum(len(group) for group in groups)
    sizes = tuple(sorted(len(group) for group in groups))
    bound = bound_groupings(problem, solution, sizes)
    if solution.bound is not None and (bound is None or solution.bound < bound):
        what = f"the stated bound {solution.bound} is not proved; the prices prove {bound}"
        raise CertificateError("the bound does not hold", [Fault(what)])
    if bound is not None and bound < objective:
        what = f"the bound {bound} is below the objective {objective}"
        raise CertificateError("the bound does not hold", [Fault(what)])
    return Certificate(objective, bound, n_placed, _bound_placed(problem, n_placed), scale)


def bound_groupings(
    problem: GroupingProblem, solution: GroupingSolution, sizes: tuple[int, ...]
) -> int | None:
    """Return an upper bound on every grouping into groups of these sizes, or None.

    Parameters
    ----------
    problem : GroupingProblem
        What was asked.
    solution : GroupingSolution
        Its ``cases``, else its ``prices``, are used; any prices give a valid bound.
    sizes : tuple of int
        Sizes of all groups, in increasing order.
    """
    if not sizes:
        return 0
    n_placed = sum(sizes)
    able = _able(problem)
    if able.size <= (_N_ALL_PLACED if n_placed == able.size else _N_SOME_OUT):
        return _enumerate(problem, able, sizes, solution.scale)
    cases = solution.cases
    if not cases and solution.prices is not None:
        none = np.zeros(0, np.int64)
        no_sets = np.zeros((0, problem.n), bool)
        cases = (GroupPrices(solution.prices, 1, no_sets, none, none),)
    if not cases or not cover_everything(cases):
        return None
    inside = np.ix_(able, able)
    core = replace(problem, gain=problem.gain[inside], allowed=problem.allowed[inside])
    bounds = [
        bound_case(core, narrow_case(case, able), sizes, solution.scale)
        for case in cases
        if case.person.shape == (problem.n,) and case.sets.shape[1:] == (problem.n,)
    ]
    if len(bounds) < len(cases):
        return None
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) else None


def _read_groups(
    problem: GroupingProblem, solution: GroupingSolution
) -> tuple[list[Fault], list[list[int]]]:
    """Return what is wrong with the groups, and the groups."""
    group_of = np.asarray(solution.group_of)
    if group_of.shape != (problem.n,) or not np.issubdtype(group_of.dtype, np.integer):
        what = f"expected {problem.n} whole numbers, found {group_of.dtype} {group_of.shape}"
        return [Fault(what, "group_of")], []
    if group_of.size and group_of.min() < -1:
        return [Fault("a group number is below -1", "group_of")], []
    faults: list[Fault] = []
    groups = []
    for number in range(int(group_of.max(initial=-1)) + 1):
        members = np.flatnonzero(group_of == number).tolist()
        where = f"group {number}"
        groups.append(members)
        if not problem.smallest <= len(members) <= problem.largest:
            limits = f"{problem.smallest} to {problem.largest}"
            faults.append(Fault(f"has {len(members)} members, allowed are {limits}", where))
            continue
        if solution.scale < 1 or solution.scale % (len(members) - 1):
            faults.append(Fault(f"scale {solution.scale} does not suit its size", where))
        faults += [
            Fault(f"persons {a} and {b} may not share a group", where)
            for a, b in combinations(members, 2)
            if not (problem.allowed[a, b] and problem.allowed[b, a])
        ]
    return faults, groups


def _value(problem: GroupingProblem, members: list[int], scale: int) -> int:
    """Return the scaled value of one group, times its number of members."""
    size = len(members)
    given = [
        sum(int(problem.gain[b, a]) for b in members if b != a) for a in members
    ]  # by each as coach
    if problem.objective == "worst_rotation":
        return size * min(given) * (scale // (size - 1))
    return sum(given) * (scale // (size - 1))


def _able(problem: GroupingProblem) -> NDArray[np.int64]:
    """Return the people who are not barred from every group by their numbers of partners."""
    allowed = problem.allowed & problem.allowed.T & ~np.eye(problem.n, dtype=bool)
    able = np.arange(problem.n)
    while True:
        inside = allowed[np.ix_(able, able)]
        count = inside.sum(axis=1)
        stays = count >= problem.smallest - 1
        if problem.smallest >= 3 and not (count == able.size - 1).all():
            joint = inside.astype(np.float32) @ inside.astype(np.float32)
            stays &= ((joint > 0.5) & inside).any(axis=1)
        if stays.all():
            return able
        able = able[stays]


def _bound_placed(problem: GroupingProblem, n_placed: int) -> int:
    """Return an upper bound on how many people any grouping can place."""
    able = _able(problem)
    if n_placed == able.size:
        return n_placed
    allowed = (problem.allowed & problem.allowed.T)[np.ix_(able, able)]
    allowed &= ~np.eye(able.size, dtype=bool)
    if able.size <= _N_SOME_OUT:
        return _most_placed(allowed, problem.smallest, problem.largest)
    reach = allowed | np.eye(able.size, dtype=bool)
    while True:  # closure by squaring: which people are linked at all
        wider = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0.5
        if (wider == reach).all():
            break
        reach = wider
    parts = np.unique(reach.argmax(axis=1), return_counts=True)[1]
    return sum(_most_by_size(n, problem.smallest, problem.largest) for n in parts.tolist())


def _most_by_size(n: int, smallest: int, largest: int) -> int:
    """Return how many of n people fit into groups of allowed sizes."""
    return max((min(n, count * largest) for count in range(1, n // smallest + 1)), default=0)


def _most_placed(allowed: NDArray[np.bool_], smallest: int, largest: int) -> int:
    """Return the exact largest number of people placed, by enumeration."""
    n = len(allowed)

    @cache
    def most(left: tuple[int, ...]) -> int:
        if len(left) < smallest:
            return 0
        first, others = left[0], left[1:]
        best = most(others)
        friends = [p for p in others if allowed[first, p]]
        for size in range(smallest, min(largest, len(friends) + 1) + 1):
            for rest in combinations(friends, size - 1):
                if best == len(left):
                    return best
                if all(allowed[a, b] for a, b in combinations(rest, 2)):
                    remaining = tuple(p for p in others if p not in rest)
                    best = max(best, size + most(remaining))
        return best

    return most(tuple(range(n)))


def _enumerate(
    problem: GroupingProblem, able: NDArray[np.int64], sizes: tuple[int, ...], scale: int
) -> int | None:
    """Return the exact best value of a grouping into groups of these sizes."""
    allowed = problem.allowed & problem.allowed.T

    @cache
    def worth(members: tuple[int, ...]) -> int | None:
        if all(allowed[a, b] for a, b in combinations(members, 2)):
            return _value(problem, list(members), scale)
        return None

    @cache
    def best(left: tuple[int, ...], to_form: tuple[int, ...]) -> int | None:
        if not to_form:
            return 0
        n_spare = len(left) - sum(to_form)
        if n_spare < 0:
            return None
        first, others = left[0], left[1:]
        found = best(others, to_form) if n_spare else None
        for size in sorted(set(to_form)):
            position = to_form.index(size)
            later = to_form[:position] + to_form[position + 1 :]
            for rest in combinations(others, size - 1):
                value = worth((first, *rest))
                if value is None:
                    continue
                more = best(tuple(p for p in others if p not in rest), later)
                if more is not None and (found is None or value + more > found):
                    found = value + more
        return found

    return best(tuple(able.tolist()), sizes)
