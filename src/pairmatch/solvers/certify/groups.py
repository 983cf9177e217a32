"""Check a grouping without believing whoever made it: rules, objective and bound, in integers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.group_cases import bound_case, cover_everything
from pairmatch.solvers.certify.group_rules import find_broken_rules, find_wrong_sizes
from pairmatch.solvers.certify.large_groups import certify_large
from pairmatch.solvers.certify.lowest import bound_lowest, mean_of_group
from pairmatch.solvers.certify.placing import N_SOME_OUT, able_people, bound_placed
from pairmatch.solvers.certify.small_groups import (
    best_by_enumeration,
    bound_by_places,
    group_value,
    narrow_case,
)
from pairmatch.solvers.problem import StreamedGrouping
from pairmatch.solvers.solution import Certificate, GroupPrices, Status

if TYPE_CHECKING:
    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import GroupingSolution

__all__ = ["bound_groupings", "certify_grouping", "settle_grouping"]

_N_ALL_PLACED = 15  # enumerated when everybody is placed
_MOST_HELD = 1200  # people of a streamed pool up to whom it is held whole


def certify_grouping(
    problem: GroupingProblem | StreamedGrouping, solution: GroupingSolution
) -> Certificate:
    """Return what a grouping is worth and what is proved about it.

    Parameters
    ----------
    problem : GroupingProblem or StreamedGrouping
        What was asked.
    solution : GroupingSolution
        What was answered. Nothing in it is believed: sizes and pairs are checked, the objective
        is added up again, the bound is computed again from the prices.

    Returns
    -------
    Certificate
        Objective, bound for groupings of the same sizes, people placed and a bound on them. Under
        "worst_group" the bound is one for groupings in which no group is worth less than the lowest
        one here, and how high the lowest one can be is bounded as well.

    Raises
    ------
    CertificateError
        If a rule is broken, or the stated bound is lower than what can be proved.

    Notes
    -----
    Triads are streamed in O(n^3) at worst; with good prices most pairs are skipped at once. The
    work on larger groups is limited; where that is not enough, a weaker bound is proved.
    """
    return _certify(problem, solution, step_back=False)


def settle_grouping(
    problem: GroupingProblem | StreamedGrouping, solution: GroupingSolution
) -> tuple[GroupingSolution, Certificate]:
    """Return a fresh answer that states no more than its check can prove, and the certificate.

    Parameters
    ----------
    problem : GroupingProblem or StreamedGrouping
        What was asked.
    solution : GroupingSolution
        What was answered. A bound that takes more work to prove than the check does is replaced
        by the one that it has proved; then :func:`certify_grouping` accepts the answer.

    Raises
    ------
    CertificateError
        If a rule is broken, or a stated bound is lower than what is proved by looking at
        everything, or lower than what is reached.
    """
    certificate = _certify(problem, solution, step_back=True)
    stated, status = solution.bound, solution.status
    if stated is not None and certificate.bound is not None and stated < certificate.bound:
        status = Status.FEASIBLE if status is Status.OPTIMAL else status
        solution = replace(solution, bound=certificate.bound, status=status)
    lowest, proved = solution.lowest_bound, certificate.lowest_bound
    if lowest is not None and proved is not None and lowest < proved:
        solution = replace(solution, lowest_bound=proved, floor_prices=None, floor_parts=None)
    return solution, certificate


def _certify(
    problem: GroupingProblem | StreamedGrouping, solution: GroupingSolution, *, step_back: bool
) -> Certificate:
    """Return the certificate; with ``step_back``, bounds that are too much work are passed over."""
    if isinstance(problem, StreamedGrouping):
        if problem.n > _MOST_HELD:
            return certify_large(problem, solution)
        problem = problem.take(np.arange(problem.n))
    faults, groups = _read_groups(problem, solution)
    if not faults:
        faults = [Fault(what) for what in find_wrong_sizes(problem, [len(g) for g in groups])]
    if faults:
        raise CertificateError("the grouping breaks its rules", faults)
    scale = solution.scale
    objective = sum(group_value(problem, group, scale) for group in groups)
    n_placed = sum(len(group) for group in groups)
    sizes = tuple(sorted(len(group) for group in groups))
    fair = problem.objective == "worst_group" and bool(groups)
    lowest = min(mean_of_group(problem, group) for group in groups) if fair else None
    rivals = problem if lowest is None else problem.with_floor(lowest)
    bound, done = _prove(rivals, solution, sizes)
    stated = solution.bound
    excused = step_back and not done and stated is not None and stated >= objective
    if stated is not None and (bound is None or (stated < bound and not excused)):
        what = f"the stated bound {stated} is not proved; the prices prove {bound}"
        raise CertificateError("the bound does not hold", [Fault(what)])
    most = bound_placed(problem, n_placed)
    if most > n_placed and solution.places is not None:
        proved = bound_by_places(problem, solution.places, able_people(problem))
        most = most if proved is None else max(n_placed, min(most, proved))
    certificate = Certificate(objective, bound, n_placed, most, scale)
    if lowest is None:
        return certificate
    small = _is_small(able_people(problem).size, n_placed)
    highest = bound_lowest(
        problem,
        solution,
        sizes,
        certificate,
        lowest,
        small=small,
        step_back=step_back,
        done=done,
    )
    return replace(certificate, lowest=lowest, lowest_bound=highest)


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
    return _prove(problem, solution, sizes)[0]


def _prove(
    problem: GroupingProblem, solution: GroupingSolution, sizes: tuple[int, ...]
) -> tuple[int | None, bool]:
    """Return the bound, and whether all work was done that it takes to prove the best one."""
    if not sizes:
        return 0, True
    n_placed, able = sum(sizes), able_people(problem)
    if _is_small(able.size, n_placed):
        return best_by_enumeration(problem, able, sizes, solution.scale), True
    everybody = None
    if solution.prices is not None:
        none, no_sets = np.zeros(0, np.int64), np.zeros((0, problem.n), bool)
        everybody = GroupPrices(solution.prices, 1, no_sets, none, none)
    cases = solution.cases or (() if everybody is None else (everybody,))
    if not cases or not cover_everything(cases):
        return None, True
    core = problem if able.size == problem.n else problem.take(able)
    shapes = {(case.person.shape, case.sets.shape[1:]) for case in cases}
    if shapes != {((problem.n,), (problem.n,))}:
        return None, True
    known = None  # cases are stated apart from the prices of all people
    if solution.cases:
        group_of = np.asarray(solution.group_of)[able]
        known = [np.flatnonzero(group_of == g).tolist() for g in range(group_of.max() + 1)]
    found = [
        bound_case(core, narrow_case(case, able), sizes, solution.scale, known) for case in cases
    ]
    done = all(whole for _, whole in found)
    proved = [bound for bound, _ in found if bound is not None]
    bound = max(proved) if len(proved) == len(found) else None
    if not done and everybody is not None and everybody.person.shape == (problem.n,):
        case = narrow_case(everybody, able)
        rough, _ = bound_case(core, case, sizes, solution.scale, None)
        bound = min((one for one in (bound, rough) if one is not None), default=None)
    return bound, done


def _is_small(n_able: int, n_placed: int) -> bool:
    """Return whether a pool is small enough to be enumerated."""
    return n_able <= (_N_ALL_PLACED if n_placed == n_able else N_SOME_OUT)


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
        faults += [Fault(what, where) for what in find_broken_rules(problem, members)]
    return faults, groups
