"""Check a grouping without believing whoever made it: rules, objective and bound, in integers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.columns import bound_by_sizes
from pairmatch.solvers.certify.group_rules import (
    find_broken_rules,
    find_wrong_sizes,
    which_are_legal,
)
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
from pairmatch.solvers.solution import Certificate, GroupPrices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import GroupingSolution

__all__ = ["bound_groupings", "certify_grouping"]

_N_ALL_PLACED = 15  # enumerated when everybody is placed
_N_SEEN = 500  # people of whom legal groups are looked at one by one, where time allows
_N_FEW = 100  # people of whom pairs and triads are looked at one by one as well
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
    Triads are streamed in O(n^3) at worst; with good prices most pairs are skipped at once.
    """
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
    bound = bound_groupings(rivals, solution, sizes)
    if solution.bound is not None and (bound is None or solution.bound < bound):
        what = f"the stated bound {solution.bound} is not proved; the prices prove {bound}"
        raise CertificateError("the bound does not hold", [Fault(what)])
    most = bound_placed(problem, n_placed)
    if most > n_placed and solution.places is not None:
        proved = bound_by_places(problem, solution.places, able_people(problem))
        most = most if proved is None else max(n_placed, min(most, proved))
    certificate = Certificate(objective, bound, n_placed, most, scale)
    if lowest is None:
        return certificate
    small = _is_small(able_people(problem).size, n_placed)
    highest = bound_lowest(problem, solution, sizes, certificate, lowest, small=small)
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
    if not sizes:
        return 0
    n_placed, able = sum(sizes), able_people(problem)
    if _is_small(able.size, n_placed):
        return best_by_enumeration(problem, able, sizes, solution.scale)
    cases = solution.cases
    if not cases and solution.prices is not None:
        none, no_sets = np.zeros(0, np.int64), np.zeros((0, problem.n), bool)
        cases = (GroupPrices(solution.prices, 1, no_sets, none, none),)
    if not cases or not _cover_everything(cases):
        return None
    inside = np.ix_(able, able)
    rules = None if problem.rules is None else problem.rules.take(able)
    gain, allowed = problem.gain[inside], problem.allowed[inside]
    core = replace(problem, gain=gain, allowed=allowed, rules=rules)
    shapes = {(case.person.shape, case.sets.shape[1:]) for case in cases}
    if shapes != {((problem.n,), (problem.n,))}:
        return None
    known = None  # cases are stated apart from the prices of all people
    if solution.cases:
        group_of = np.asarray(solution.group_of)[able]
        known = [np.flatnonzero(group_of == g).tolist() for g in range(group_of.max() + 1)]
    bounds = [
        _bound_case(core, narrow_case(case, able), sizes, solution.scale, known) for case in cases
    ]
    proved = [bound for bound in bounds if bound is not None]
    return max(proved) if len(proved) == len(bounds) else None


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


def _cover_everything(cases: tuple[GroupPrices, ...]) -> bool:
    """Return whether every grouping falls into some case.

    They do if one of them has no decision, or if those that keep some pair together cover
    everything that does so, and the others the rest.
    """

    def covered(decisions: list[dict[tuple[int, int], bool]]) -> bool:
        if any(not decided for decided in decisions):
            return True
        if not decisions:
            return False
        shared = [pair for pair in decisions[0] if all(pair in other for other in decisions)]
        if not shared:
            return False
        halves: tuple[list[dict[tuple[int, int], bool]], ...] = ([], [])
        for decided in decisions:
            rest = {pair: kept for pair, kept in decided.items() if pair != shared[0]}
            halves[decided[shared[0]]].append(rest)
        return covered(halves[0]) and covered(halves[1])

    told: list[dict[tuple[int, int], bool]] = []
    for case in cases:
        decided: dict[tuple[int, int], bool] = {}
        for pairs, kept in ((case.together, True), (case.apart, False)):
            for a, b in pairs.tolist():
                decided[min(a, b), max(a, b)] = kept
        if len(decided) < len(case.together) + len(case.apart):
            return False
        told.append(decided)
    return covered(told)


def _bound_case(
    problem: GroupingProblem,
    case: GroupPrices,
    sizes: tuple[int, ...],
    scale: int,
    known: list[list[int]] | None,
) -> int | None:
    """Return the best bound of one case; with known groups, all legal ones where it pays."""
    if not _is_sound(problem, case, scale):
        return None
    mixed = sizes[0] != sizes[-1] or sizes[0] > 3 or (sizes[0] == 3 and sum(sizes) < problem.n)
    plain = not (case.sets.size or case.together.size or case.apart.size)
    bound = None
    if known is not None and (mixed or plain) and problem.n <= (_N_SEEN if mixed else _N_FEW):
        bound = bound_by_sizes(problem, case, sizes, scale * case.unit, known)
    if mixed and bound is not None:
        return bound // case.unit
    rough = _bound_by_parts(problem, case, sizes, scale)
    proved = [rough] if bound is None else [rough, bound // case.unit]
    return min((one for one in proved if one is not None), default=None)


def _is_sound(problem: GroupingProblem, case: GroupPrices, scale: int) -> bool:
    """Return whether the prices are of the right shape and sums of them stay within 64 bits."""
    n_sets = len(case.sets)
    if case.set_price.shape != (n_sets,) or case.divisor.shape != (n_sets,):
        return False
    if case.unit < 1 or (case.set_price < 0).any() or (case.divisor < 1).any():
        return False
    top = max(int(np.abs(array).max(initial=0)) for array in (case.person, case.set_price))
    top += 2 * int(np.abs(problem.gain).max(initial=0)) * scale * case.unit
    return top * (problem.n + n_sets + 8) * 8 < 2**62


def _bound_by_parts(
    problem: GroupingProblem, case: GroupPrices, sizes: tuple[int, ...], scale: int
) -> int | None:
    """Return the bound that the prices of one case prove, or None if they prove nothing."""
    smallest, n_placed, person = sizes[0], sum(sizes), case.person.astype(np.int64)
    links = _pair_links(problem, person, scale * case.unit)
    if sizes[-1] == 2:
        if problem.rules is not None:
            pairs = np.argwhere(np.triu(links > -(2**53)))
            a, b = pairs[~which_are_legal(problem, pairs)].T
            links[a, b] = links[b, a] = -(2**54)
        return _bound_pairs(problem, case, links, scale * case.unit, n_placed)
    if smallest != 3:
        if case.set_price.any():
            return None
        best = np.sort(links, axis=1)[:, problem.n - smallest + 1 :].sum(axis=1)
        return _add_up(person, best, 2 * (smallest - 1), n_placed) // case.unit
    # a legal group of four may be made of triads that are not: then these count as well
    masked = sizes[-1] == 3
    excess = _triad_excess(problem, case, links, scale * case.unit, masked=masked)
    sets = int((case.set_price * (case.sets.sum(axis=1) // case.divisor)).sum())
    extra = 0
    if sizes[-1] > 3:
        if case.set_price.any() or case.together.size or case.apart.size:
            return None
        raised = person + -(-excess // 3)
        if problem.objective == "worst_rotation":
            extra = _larger_excess(problem, raised, sizes, scale * case.unit)
        return (int(np.sort(raised)[problem.n - n_placed :].sum()) + extra) // case.unit
    return (_add_up(person, excess, 3, n_placed) + sets) // case.unit


def _bound_pairs(
    problem: GroupingProblem,
    case: GroupPrices,
    links: NDArray[np.int64],
    factor: int,
    n_placed: int,
) -> int | None:
    """Return the bound on pairs by prices of people and of sets of which pairs use two."""
    if (case.divisor != 2).any() or case.together.size or case.apart.size:
        return None
    if problem.objective == "worst_rotation":
        person, gain = case.person, problem.gain
        worst = 2 * factor * np.minimum(gain, gain.T) - person[:, None] - person[None, :]
        links = np.minimum(links, worst)
    for row, price in zip(case.sets, case.set_price.tolist(), strict=True):
        inside = np.flatnonzero(row)
        links[np.ix_(inside, inside)] -= price
    over = links.max(axis=1)
    sets = int((case.set_price * (case.sets.sum(axis=1) // 2)).sum())
    return (_add_up(case.person.astype(np.int64), over, 2, n_placed) + sets) // case.unit


def _add_up(person: NDArray[np.int64], more: NDArray[np.int64], divisor: int, n_placed: int) -> int:
    """Return the sum of ``person + more / divisor`` over the people with the largest, floored."""
    return int(np.sort(person * divisor + more)[person.size - n_placed :].sum()) // divisor


def _pair_links(
    problem: GroupingProblem, person: NDArray[np.int64], factor: int
) -> NDArray[np.int64]:
    """Return twice what each pair adds to the reduced mean value of a triad; low if forbidden."""
    links = (problem.gain + problem.gain.T) * factor - person[:, None] - person[None, :]
    forbidden = ~(problem.allowed & problem.allowed.T)
    np.fill_diagonal(forbidden, val=True)
    links[forbidden] = -(2**54)
    return links


def _triad_excess(
    problem: GroupingProblem,
    case: GroupPrices,
    links: NDArray[np.int64],
    factor: int,
    *,
    masked: bool,
) -> NDArray[np.int64]:
    """Return by how much the worst triad of each person exceeds its prices, at least 0.

    A triad i < j < k is skipped only if (i, j) or (i, k), with the best pairs of its two people,
    cannot reach a positive excess.
    """
    n, gain = problem.n, problem.gain
    excess = np.zeros(n, np.int64)
    best = links.max(axis=1)
    for i in range(n - 2):
        reach = links[i, i + 1 :] + best[i] + best[i + 1 :] > 0
        others = np.flatnonzero(reach) + i + 1
        if others.size < 2:
            continue
        inside = links[np.ix_(others, others)]
        twice = inside + links[i, others][:, None] + links[i, others][None, :]
        row, column = np.nonzero(np.triu(twice > 0, 1))
        if not row.size:
            continue
        j, k = others[row], others[column]
        value = twice[row, column] // 2
        if problem.objective == "worst_rotation":
            given = np.stack(
                [gain[j, i] + gain[k, i], gain[i, j] + gain[k, j], gain[i, k] + gain[j, k]]
            )
            prices = case.person[i] + case.person[j] + case.person[k]
            value = 3 * given.min(axis=0) * (factor // 2) - prices
        over = np.flatnonzero(value > 0)
        over = over[_in_case(case, i, j[over], k[over])]
        if masked:
            over = over[which_are_legal(problem, _rows(i, j[over], k[over]))]
        j, k, value = j[over], k[over], value[over]
        if not over.size:
            continue
        for at in np.flatnonzero(case.set_price):
            member = case.sets[at]
            count = int(member[i]) + member[j].astype(np.int64) + member[k]
            value = value - case.set_price[at] * (count // case.divisor[at])
        excess[i] = max(excess[i], value.max(initial=0))
        np.maximum.at(excess, j, value)
        np.maximum.at(excess, k, value)
    return excess


def _rows(i: int, j: NDArray[np.int64], k: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return triads as rows."""
    return np.stack([np.full(j.size, i), j, k], axis=1)


def _in_case(
    case: GroupPrices, i: int, j: NDArray[np.int64], k: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which triads i, j, k respect the decisions of the case."""
    fits = np.ones(j.size, bool)
    for pairs, n_wrong in ((case.together, 1), (case.apart, 2)):
        for a, b in pairs.tolist():
            n_in = int(i in (a, b)) + ((j == a) | (j == b)).astype(np.int64) + ((k == a) | (k == b))
            fits &= n_in != n_wrong
    return fits


def _larger_excess(
    problem: GroupingProblem, person: NDArray[np.int64], sizes: tuple[int, ...], factor: int
) -> int:
    """Return what groups of four and more can exceed the prices by, all together."""
    extra = 0
    for size in sorted(set(sizes) - {3}):
        links = _pair_links(problem, person, factor)
        best = np.sort(links, axis=1)[:, problem.n - size + 1 :].sum(axis=1)
        full = np.sort(best)[problem.n - size :].sum()
        extra += sizes.count(size) * max(0, -(-int(full) // (2 * (size - 1))))
    return extra
