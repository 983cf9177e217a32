"""How high the lowest group can be: enumerated, by prices, by parts, or by a search for covers."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import combinations
from math import floor
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.errors import CertificateError, Fault
from pairmatch.solvers.certify.covers import rule_out_covers
from pairmatch.solvers.certify.group_rules import find_broken_rules, which_are_legal
from pairmatch.solvers.certify.parting import rule_out_parts
from pairmatch.solvers.certify.placing import able_people
from pairmatch.solvers.solution import PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import Certificate, GroupingSolution, GroupPrices

__all__ = ["bound_lowest", "mean_of_group"]

_AT_ONCE = 2048  # parts of groups that are completed at once
_N_CELLS = 1_500_000_000  # parts times people that are looked at
_N_LISTED = 100_000  # groups among which covers are looked for
_NEVER = -(2**54)


def mean_of_group(problem: GroupingProblem, members: Sequence[int]) -> Fraction:
    """Return the mean of the rotations of one group, in gains."""
    given = sum(int(problem.gain[b, a]) for a in members for b in members if a != b)
    return Fraction(given, len(members) * (len(members) - 1))


def bound_lowest(
    problem: GroupingProblem,
    solution: GroupingSolution,
    sizes: tuple[int, ...],
    certificate: Certificate,
    lowest: Fraction,
    *,
    small: bool,
    step_back: bool,
    done: bool,
) -> Fraction | None:
    """Return an upper bound on the lowest mean of every grouping into groups of these sizes.

    Parameters
    ----------
    problem : GroupingProblem
        What was asked.
    solution : GroupingSolution
        Its ``lowest_bound``, ``floor_prices`` and ``floor_parts`` are judged.
    sizes : tuple of int
        Sizes of all groups, in increasing order.
    certificate : Certificate
        With a bound on the total of groupings in which no group is below ``lowest``.
    lowest : Fraction
        The lowest mean of the plan.
    small : bool
        Whether all groupings are looked at.
    step_back : bool
        Whether a stated bound that takes too much work to prove is passed over.
    done : bool
        Whether the bound of the certificate is the best that its prices prove.

    Raises
    ------
    CertificateError
        If the stated bound is lower than what can be proved.
    """
    stated, known = solution.lowest_bound, []
    if small:
        known.append(_highest_lowest(problem, sizes))
    else:
        if certificate.bound is not None:  # the lowest is no higher than the mean over people
            mean = Fraction(certificate.bound, certificate.scale * certificate.matched)
            known.append(max(lowest, mean))
        prices = solution.floor_prices
        if stated is not None and prices is not None and stated >= lowest:
            covered: bool | None = _few_places(problem, prices, sum(sizes))
            if covered:
                covered = _cover_all_above(problem, prices, sizes, stated)
            if covered:
                known.append(stated)
            done &= covered is not None
        elif stated is not None and lowest <= stated < min(known, default=stated + 1):
            people, parts = able_people(problem), solution.floor_parts
            if parts is not None and set(sizes) == {3} and people.size == sum(sizes):
                none_left = rule_out_parts(problem, people, np.asarray(parts), stated)
            else:
                none_left = _rule_out_all_above(problem, sizes, stated)
            if none_left:
                known.append(stated)
            done &= none_left is not None
    highest = min(known, default=None)
    excused = step_back and not done and stated is not None and stated >= lowest
    if stated is not None and (highest is None or (stated < highest and not excused)):
        what = f"the stated bound {stated} on the lowest group is not proved; proved is {highest}"
        raise CertificateError("the bound does not hold", [Fault(what)])
    return highest


def _highest_lowest(problem: GroupingProblem, sizes: tuple[int, ...]) -> Fraction:
    """Return the exact highest lowest mean of a grouping into groups of these sizes."""

    @cache
    def worth(members: tuple[int, ...]) -> Fraction | None:
        broken = find_broken_rules(problem, members)
        return None if broken else mean_of_group(problem, members)

    @cache
    def best(left: tuple[int, ...], to_form: tuple[int, ...]) -> Fraction | None:
        first, others = left[0], left[1:]
        found = best(others, to_form) if len(left) > sum(to_form) else None
        for size in sorted(set(to_form)):
            at = to_form.index(size)
            later = to_form[:at] + to_form[at + 1 :]
            for rest in combinations(others, size - 1):
                value = worth((first, *rest))
                if value is None or (found is not None and value <= found):
                    continue
                if later:
                    more = best(tuple(p for p in others if p not in rest), later)
                    if more is None:
                        continue
                    value = min(value, more)
                found = value if found is None else max(found, value)
        return found

    highest = best(tuple(able_people(problem).tolist()), sizes)
    assert highest is not None  # noqa: S101  the plan in hand is such a grouping
    return highest


def _few_places(problem: GroupingProblem, prices: GroupPrices, n_placed: int) -> bool:
    """Return whether the prices are well formed and pay for fewer people than are placed."""
    n, n_sets = problem.n, len(prices.sets)
    if prices.person.shape != (n,) or prices.sets.shape != (n_sets, n):
        return False
    if prices.set_price.shape != (n_sets,) or prices.divisor.shape != (n_sets,):
        return False
    if prices.unit != PLACE or (prices.set_price < 0).any() or (prices.divisor < 1).any():
        return False
    if prices.together.size or prices.apart.size:
        return False
    able = able_people(problem)
    paid = int(np.sort(prices.person[able])[able.size - n_placed :].sum())
    paid += int((prices.set_price * (prices.sets.sum(axis=1) // prices.divisor)).sum())
    return paid < n_placed * PLACE


def _cover_all_above(
    problem: GroupingProblem, prices: GroupPrices, sizes: tuple[int, ...], stated: Fraction
) -> bool | None:
    """Return whether the prices of every legal group above a mean add up to its size at least.

    None where there are too many groups to look at.
    """
    for groups in _grow_above(problem, prices.person, sizes, stated):
        if groups is None:
            return None
        if _some_uncovered(problem, prices, groups):
            return False
    return True


def _rule_out_all_above(
    problem: GroupingProblem, sizes: tuple[int, ...], stated: Fraction
) -> bool | None:
    """Return whether the legal groups above a mean leave somebody out; None if unclear."""
    listed: dict[int, list[NDArray[np.int64]]] = {size: [] for size in sizes}
    n_listed = 0
    for groups in _grow_above(problem, np.zeros(problem.n, np.int64), sizes, stated):
        n_listed += 0 if groups is None else len(groups)
        if groups is None or n_listed > _N_LISTED:
            return None
        listed[groups.shape[1]].append(groups[which_are_legal(problem, groups)])
    tables = {
        size: np.concatenate([np.empty((0, size), np.int64), *groups])
        for size, groups in listed.items()
    }
    return rule_out_covers(able_people(problem), tables, sizes)


def _grow_above(
    problem: GroupingProblem, prices: NDArray[np.int64], sizes: tuple[int, ...], stated: Fraction
) -> Iterator[NDArray[np.int64] | None]:
    """Yield the groups above a mean whose members cost less than their places; None if too many.

    A group is grown from its cheapest member on. A part is dropped where the cheapest completion
    pays for all places already, or where the best one does not get above the mean.
    """
    n = problem.n
    able = able_people(problem)
    order = able[np.argsort(prices[able], kind="stable")]
    price = prices[order]
    both = (problem.gain + problem.gain.T)[np.ix_(order, order)]
    forbidden = ~(problem.allowed & problem.allowed.T)[np.ix_(order, order)]
    np.fill_diagonal(forbidden, val=True)
    both[forbidden] = _NEVER
    last = np.full(order.size, _NEVER)  # the best pair among those behind each position
    for at in range(order.size - 2, -1, -1):
        last[at] = max(int(last[at + 1]), int(both[at + 1, at + 2 :].max(initial=_NEVER)))
    n_cells = 0
    for size in sorted(set(sizes)):
        least = floor(stated * size * (size - 1)) + 1
        stack = [(np.arange(order.size)[:, None], np.zeros(order.size, np.int64))]
        while stack:
            parts, inside = stack.pop()
            if len(parts) > _AT_ONCE:
                stack.append((parts[_AT_ONCE:], inside[_AT_ONCE:]))
                parts, inside = parts[:_AT_ONCE], inside[:_AT_ONCE]
            n_more = size - parts.shape[1]
            cheap = price[parts].sum(axis=1) + n_more * price[parts[:, -1]] < size * PLACE
            parts, inside = parts[cheap], inside[cheap]
            n_cells += len(parts) * n
            if n_cells > _N_CELLS:
                yield None
                return
            gives = np.zeros((len(parts), order.size), np.int64)
            for column in parts.T:
                gives += both[column]
            gives[np.arange(order.size)[None, :] <= parts[:, -1:]] = _NEVER
            fits = gives > _NEVER // 2
            fits &= price[parts].sum(axis=1)[:, None] + n_more * price < size * PLACE
            rest = (n_more - 1) * np.maximum(gives.max(axis=1, initial=_NEVER), _NEVER)
            rest += n_more * (n_more - 1) // 2 * np.maximum(last[parts[:, -1]], _NEVER)
            fits &= inside[:, None] + gives + rest[:, None] >= least
            row, newcomer = np.nonzero(fits)
            grown = np.column_stack([parts[row], newcomer])
            within = inside[row] + gives[row, newcomer]
            if n_more > 1:
                stack.append((grown, within))
            else:
                yield order[grown]


def _some_uncovered(
    problem: GroupingProblem, prices: GroupPrices, groups: NDArray[np.int64]
) -> bool:
    """Return whether some of these groups, cheap for their members, is legal and not paid for."""
    size = groups.shape[1]
    paid = prices.person[groups].sum(axis=1)
    for member, price, divisor in zip(prices.sets, prices.set_price, prices.divisor, strict=True):
        paid += price * (member[groups].sum(axis=1) // divisor)
    groups = groups[paid < size * PLACE]
    return bool(which_are_legal(problem, groups).any())
