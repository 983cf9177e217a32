"""Large pools after changes: only groups near those who have none are opened."""

from __future__ import annotations

from itertools import zip_longest
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.clock import Clock
from pairmatch.solvers.groups.regrouping.solver import Regrouped, Trail
from pairmatch.solvers.problem import MatrixGains, StreamedGrouping
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.regrouping.company import Company
    from pairmatch.solvers.problem import GroupingProblem

    Numbers = NDArray[np.int64]
    Groups = list[tuple[int, ...]]
    Pool = GroupingProblem | StreamedGrouping

__all__ = ["carry_prices", "regroup_near"]

_N_OPEN = 100  # people whose groups are formed anew at a time
_N_IDLE = 36  # of whom so many have no group
_N_STRONG = 200  # partners of a newcomer whose pairs make its price


def regroup_near(
    problem: Pool,
    company: Company,
    n_kept: int,
    touched: Sequence[int],
    *,
    seed: int = 0,
    clock: Clock | None = None,
) -> Regrouped:
    """Return groups in which at least ``n_kept`` people keep their group, changed here and there.

    Parameters
    ----------
    problem : GroupingProblem or StreamedGrouping
        The pool as it is now.
    company : Company
        Who was in which group, and could stay.
    n_kept : int
        How many people must keep their group, at most ``company.n``.
    touched : sequence of int
        Old groups that somebody left, or whose people have changed.
    seed : int, default: 0
        Seed of the search.
    clock : Clock, optional
        When to stop; by default only at the end.

    Notes
    -----
    Those without a group are taken in turn, a few dozen at a time, with the groups in which they
    would be best; each time it is the problem of a pool that is held whole. The changes that are
    allowed are shared out evenly.
    """
    clock = clock or Clock(perf_counter(), None, None)
    groups, spare, status = company.groups, company.n - n_kept, Status.FEASIBLE
    turns = _list_turns(problem, company, touched)
    for number, (people, opened) in enumerate(turns):
        if status is Status.FEASIBLE and not clock.within(1.0):
            status = Status.TIME_LIMIT
        if status is not Status.FEASIBLE:
            break
        placed = {i for group in groups for i in group}
        idle = [i for i in people if i not in placed]
        some = _open_groups(problem, idle, [g for g in opened if g in groups], groups)
        inside = np.array(sorted({*idle, *(i for group in some for i in group)}), np.int64)
        if inside.size < problem.smallest:
            continue
        place = {person: at for at, person in enumerate(inside.tolist())}
        start = [tuple(place[i] for i in group) for group in some]
        trail = Trail(problem.take(inside), company.take(inside), seed, start, clock)
        before = trail.pool.count(start)[1]
        share = -(-spare // (len(turns) - number))
        found = trail.regroup(max(0, before - share))
        spare -= before - found.kept
        groups = [group for group in groups if group not in some]
        groups += [tuple(inside[list(group)].tolist()) for group in found.groups]
        status = found.status
    told = "columns near those without a group", None, status
    return Regrouped(groups, n_kept + spare, *told)


def _list_turns(
    problem: Pool, company: Company, touched: Sequence[int]
) -> list[tuple[list[int], Groups]]:
    """Return who is looked at together: people without a group, then groups that changed."""
    target, idle = problem.target, np.flatnonzero(company.group_of < 0).tolist()
    each = max(target, _N_IDLE // target * target)
    turns: list[tuple[list[int], Groups]] = [
        (idle[first : first + each], []) for first in range(0, len(idle), each)
    ]
    changed = [group for group in company.groups if int(company.group_of[group[0]]) in touched]
    some = max(1, _N_IDLE // target)
    turns += [([], changed[first : first + some]) for first in range(0, len(changed), some)]
    return turns


def _open_groups(problem: Pool, idle: list[int], opened: Groups, groups: Groups) -> Groups:
    """Return the groups to be opened: some that are given, and those where people fit best."""
    around = [*idle, *(i for group in opened for i in group)]
    if not around or not groups:
        return opened
    number = np.full(problem.n, len(groups))
    for at, group in enumerate(groups):
        number[list(group)] = at
    size = np.bincount(number, minlength=len(groups) + 1)[: len(groups)]
    ranked = []
    for person in around:
        pair, both = _look(problem, person)
        given = np.bincount(number, np.where(both, pair, 0), len(groups) + 1)[: len(groups)]
        fits = np.bincount(number, both, len(groups) + 1)[: len(groups)] == size
        worth = np.where(fits, given / size, -np.inf)
        best = np.argsort(-worth, kind="stable")[:_N_OPEN]
        ranked.append([at for at in best.tolist() if worth[at] > -np.inf])
    chosen, room = list(opened), _N_OPEN - len(idle) - sum(map(len, opened))
    for line in zip_longest(*ranked):  # the best of everybody, then the second best
        for at in line:
            if at is not None and groups[at] not in chosen and len(groups[at]) <= room:
                chosen.append(groups[at])
                room -= len(groups[at])
    return chosen


def _look(problem: Pool, person: int) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return what a person and everybody else give each other, and who may share its group."""
    one, every = np.full(problem.n, person), np.arange(problem.n)
    gains = problem.gains if isinstance(problem, StreamedGrouping) else _held(problem)
    (given, allowed), (received, too) = gains.pairs(one, every), gains.pairs(every, one)
    both = allowed & too
    both[person] = False
    return given + received, both


def _held(problem: GroupingProblem) -> MatrixGains:
    return MatrixGains(problem.gain, problem.allowed)


def carry_prices(problem: Pool, price: Numbers, known: NDArray[np.bool_], unit: int) -> Numbers:
    """Return prices of everybody, from those that are known of people who were there before.

    Parameters
    ----------
    problem : GroupingProblem or StreamedGrouping
        The pool as it is now.
    price : ndarray of int64, shape (n,)
        Prices in gains times ``unit``; those of newcomers mean nothing.
    known : ndarray of bool, shape (n,)
        Whose price is known.
    unit : int
        Factor of the prices; a multiple of ``size - 1`` of every size.

    Notes
    -----
    A newcomer costs as much as the best triad with two others leaves over what these cost.
    """
    price = np.where(known, price, 0).astype(np.int64)
    for person in np.flatnonzero(~known).tolist():
        pair, both = _look(problem, person)
        both &= known
        link = np.where(both, pair * unit - price, np.iinfo(np.int64).min // 4)
        near = np.argsort(-link, kind="stable")[: min(_N_STRONG, int(both.sum()))]
        if near.size >= 2:
            inner = problem.take(near)
            between = (inner.gain + inner.gain.T) * unit
            left = (between + pair[near] * unit + pair[near][:, None] * unit) // 2
            left -= price[near] + price[near][:, None]
            left[~inner.allowed] = left.min()
            price[person] = int(left.max())
        known = known.copy()
        known[person] = True
    return price
