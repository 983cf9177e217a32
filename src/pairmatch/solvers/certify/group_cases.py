"""Cases of a proof about groups: whether they cover everything, and what the prices of each say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.solvers.certify.columns import bound_by_sizes
from pairmatch.solvers.certify.group_rules import which_are_legal
from pairmatch.solvers.certify.large_groups import bound_large
from pairmatch.solvers.problem import MatrixGains, StreamedGrouping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import GroupPrices

__all__ = ["bound_case", "cover_everything"]

_N_SEEN = 500  # people of whom legal groups are looked at one by one, where time allows
_N_FEW = 100  # people of whom pairs and triads are looked at one by one as well
_N_WHOLE = 1200  # people above whom the links of all pairs are never held at once
_SHARES = (500, 60, 10)  # parts of the bound that are given away where there is too much to see


def cover_everything(cases: tuple[GroupPrices, ...]) -> bool:
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


def bound_case(
    problem: GroupingProblem,
    case: GroupPrices,
    sizes: tuple[int, ...],
    scale: int,
    known: list[list[int]] | None,
) -> tuple[int | None, bool]:
    """Return the best bound that the prices of one case prove, and whether all work was done.

    Parameters
    ----------
    problem : GroupingProblem
        What was asked.
    case : GroupPrices
        Prices and decisions.
    sizes : tuple of int
        Sizes of all groups, in increasing order.
    scale : int
        Factor of values and of the bound.
    known : list of list of int, or None
        Groups of the answer, where legal groups are to be looked at one by one.

    Returns
    -------
    bound : int or None
        None where nothing is proved.
    done : bool
        False where too many groups would have had to be looked at. Then the bound is what can be
        proved with less work: that no group exceeds its prices by more than a part of the bound.
    """
    if not _is_sound(problem, case, scale):
        return None, True
    mixed = sizes[0] != sizes[-1] or sizes[0] > 3 or (sizes[0] == 3 and sum(sizes) < problem.n)
    plain = not (case.sets.size or case.together.size or case.apart.size)
    proved: list[int] = []
    if problem.n > _N_WHOLE and plain and problem.rules is None:
        seen = _bound_by_stream(problem, case, sizes, scale)
        if problem.objective != "worst_rotation" or not mixed:
            return seen, True
        proved += [] if seen is None else [seen]  # worst rotations of fours: either may be lower
    factor, done = scale * case.unit, True
    if known is not None and (mixed or plain) and problem.n <= (_N_SEEN if mixed else _N_FEW):
        bound = bound_by_sizes(problem, case, sizes, factor, known)
        if mixed and bound is not None:
            return bound // case.unit, True
        done = bound is not None or not mixed
        dearest = np.sort(case.person)[problem.n - sum(sizes) :]
        each = abs(int(dearest.sum())) // len(sizes)
        for share in () if done else _SHARES:
            spare = 1 + each // share
            bound = bound_by_sizes(problem, case, sizes, factor, known, spare=spare)
            if bound is not None:
                break
        if bound is not None:
            proved.append(bound // case.unit)
    rough = _bound_by_parts(problem, case, sizes, scale)
    if rough is not None:
        proved.append(rough)
    return min(proved, default=None), done


def _bound_by_stream(
    problem: GroupingProblem, case: GroupPrices, sizes: tuple[int, ...], scale: int
) -> int | None:
    """Return the bound of prices of people from links that are computed block by block."""
    gains = MatrixGains(problem.gain, problem.allowed)
    shape = problem.smallest, problem.largest, problem.target
    objective: Literal["total", "worst_rotation"] = "total"  # of groups above a lowest one as well
    if problem.objective == "worst_rotation":
        objective = "worst_rotation"
    return bound_large(StreamedGrouping(gains, *shape, objective), case, sizes, scale)


def _is_sound(problem: GroupingProblem, case: GroupPrices, scale: int) -> bool:
    """Return whether the prices are of the right shape and sums of them stay within 64 bits."""
    n_sets = len(case.sets)
    if case.set_price.shape != (n_sets,) or case.divisor.shape != (n_sets,):
        return False
    if case.unit < 1 or (case.set_price < 0).any() or (case.divisor < 1).any():
        return False
    top = max(int(np.abs(array).max(initial=0)) for array in (case.person, case.set_price))
    gain = max(int(problem.gain.max(initial=0)), -int(problem.gain.min(initial=0)))
    top += 2 * gain * scale * case.unit
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
    links = problem.gain + problem.gain.T
    links *= factor
    links -= person[:, None]
    links -= person[None, :]
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
    dearest = np.argsort(-case.set_price, kind="stable")[: np.count_nonzero(case.set_price)]
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
        for at in dearest:
            if not j.size:
                break
            member = case.sets[at]
            count = int(member[i]) + member[j].astype(np.int64) + member[k]
            value = value - case.set_price[at] * (count // case.divisor[at])
            still = np.flatnonzero(value > 0)  # no charge is negative
            j, k, value = j[still], k[still], value[still]
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
