"""From a plan in which some pairs are forbidden to one without: place whom one can."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.search import Plan
from pairmatch.solvers.groups.basis.sizes import usual_sizes
from pairmatch.solvers.groups.columns.packing import list_groups, pack_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.search import Search
    from pairmatch.solvers.groups.basis.values import GroupValues
    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["breaks_rules", "pack_plan", "placeable_people", "plan_of", "repair_plan"]

_N_POOL = 42  # people in one small packing problem
_N_GROUPS = 30_000  # candidate groups in it
_N_LISTED = 60_000  # legal groups up to which all of them are listed where somebody is left out
_ROUNDS = 12


def placeable_people(problem: GroupingProblem) -> NDArray[np.int64]:
    """Return who could be in some group at all, as far as numbers of partners tell.

    Whoever has fewer than ``smallest - 1`` allowed partners among those left is out, again and
    again; for groups of three and more, so is whoever has no two partners who get on.
    """
    allowed = problem.allowed & ~np.eye(problem.n, dtype=bool)
    inside = np.ones(problem.n, bool)
    while True:
        partners = allowed & inside & inside[:, None]
        stays = inside & (partners.sum(axis=1) >= problem.smallest - 1)
        if problem.smallest >= 3 and not partners.all():
            common = partners.astype(np.float32)
            stays &= ((common @ common > 0.5) & partners).any(axis=1)
        if problem.rules is not None and problem.rules.n_together.size:
            mark = problem.rules.together  # who loses one of its set is lost as well
            stays &= (mark < 0) | ~np.isin(mark, mark[~stays & (mark >= 0)])
        if (stays == inside).all():
            return np.flatnonzero(inside)
        inside = stays


def breaks_rules(values: GroupValues, plan: Plan) -> bool:
    """Return whether some group of a plan has a forbidden pair or breaks a rule."""
    return any(bool(values.n_forbidden(table).any()) for table in plan.tables)


def pack_plan(
    problem: GroupingProblem, look: Search, plan: Plan, seconds: float
) -> tuple[Plan | None, list[NDArray[np.int64]], bool]:
    """Return a plan that places as many people as possible, where legal groups are few.

    The usual sizes are tried first, then all that are allowed.

    Returns
    -------
    packed : Plan or None
        None where repairing the plan is known to place more people, or groups are too many.
    tables : list of ndarray of int64, shapes (m, size)
        The legal groups that were listed; none without a plan.
    every : bool
        Whether these are all legal groups of all allowed sizes.
    """
    sizes = usual_sizes(problem)
    usual, allowed = (min(sizes), max(sizes)), (problem.smallest, problem.largest)
    tables: list[NDArray[np.int64]] = []
    packed, every = plan, False
    for limits in dict.fromkeys((usual, allowed)):
        tables, every = list_groups(look.values, range(problem.n), *limits, _N_LISTED)
        if not tables:
            return None, [], False
        packed = plan_of(look, pack_groups(look.values, tables, seconds))
        every &= limits == allowed
        if problem.n - packed.bench.size >= sum(sizes):
            break
    if packed.bench.size > repair_plan(problem, look, plan, n_rounds=0).bench.size:
        return None, [], False
    return packed, tables, every


def repair_plan(
    problem: GroupingProblem, search: Search, plan: Plan, n_rounds: int = _ROUNDS
) -> Plan:
    """Return a plan without forbidden pairs that places as many people as the repair can.

    Groups with a forbidden pair lose members, or are dissolved. Then small set-packing problems
    over the people left and the groups of their partners are solved until they place nobody more.

    Parameters
    ----------
    problem : GroupingProblem
        Allowed sizes and pairs.
    search : Search
        Values.
    plan : Plan
        Any plan; left as it is.
    n_rounds : int
        Packing problems to solve.
    """
    values = search.values
    groups: list[tuple[int, ...]] = []
    for table in plan.tables:
        for members in table.tolist():
            kept = _within_rules(values, members, problem.smallest)
            if kept:
                groups.append(tuple(kept))
    n_most = sum(usual_sizes(problem))
    offset = 0
    for _ in range(n_rounds):
        seated = {person for group in groups for person in group}
        bench = [person for person in range(values.n) if person not in seated]
        if not bench or len(seated) >= n_most or not search.keep_on():
            break
        offset %= len(bench)
        turned = bench[offset:] + bench[:offset]
        better = _pack_again(problem, search, groups, turned)
        if better is None:
            offset += 6
            if offset >= len(bench):
                break
        else:
            groups = better
    return plan_of(search, groups)


def _without_quarrels(allowed: NDArray[np.bool_], members: list[int]) -> list[int]:
    """Return the members left when those with most forbidden pairs go, one by one."""
    kept = sorted(members)
    while True:
        quarrels = [sum(not allowed[a, b] for b in kept if b != a) for a in kept]
        if not any(quarrels):
            return kept
        del kept[quarrels.index(max(quarrels))]


def _within_rules(values: GroupValues, members: list[int], smallest: int) -> list[int]:
    """Return as many of the members as may stay together, or nobody."""
    kept = _without_quarrels(values.allowed, members)
    for size in range(len(kept), smallest - 1, -1):
        parts = np.array(list(combinations(kept, size)), np.int64).reshape(-1, size)
        legal = np.flatnonzero(values.legal(parts))
        if legal.size:
            best = int(values.of_groups(parts[legal]).argmax())
            chosen: list[int] = parts[legal[best]].tolist()
            return chosen
    return []


def _pack_again(
    problem: GroupingProblem, search: Search, groups: list[tuple[int, ...]], bench: list[int]
) -> list[tuple[int, ...]] | None:
    """Return groups that place more people than before, or None."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csc_array

    values = search.values
    first = bench[: _N_POOL // 3]
    friends = values.allowed[first].sum(axis=0)
    order = sorted(range(len(groups)), key=lambda g: (-max(int(friends[p]) for p in groups[g]), g))
    opened: list[int] = []
    pool = list(first)
    for g in order:
        if len(pool) + len(groups[g]) > _N_POOL:
            break
        opened.append(g)
        pool += groups[g]
    limits = problem.smallest, problem.largest, _N_GROUPS
    tables, _ = list_groups(values, sorted(pool), *limits)
    candidates = [tuple(row) for table in tables for row in table.tolist()]
    candidates = sorted({*candidates, *(tuple(sorted(groups[g])) for g in opened)})
    if not candidates:
        return None
    size = np.array([len(group) for group in candidates])
    worth = np.zeros(size.size)
    for k in np.unique(size):
        where = np.flatnonzero(size == k)
        worth[where] = values.of_groups(np.array([candidates[i] for i in where]))
    worth -= worth.min()
    top = float(worth.max()) or 1.0
    row_of = {person: row for row, person in enumerate(sorted(pool))}
    rows = np.array([row_of[person] for group in candidates for person in group])
    starts = np.concatenate([[0], np.cumsum(size)])
    incidence = csc_array((np.ones(rows.size), rows, starts), shape=(len(pool), len(candidates)))
    answer = milp(
        -(size + 0.5 * worth / top / len(pool)),
        constraints=LinearConstraint(incidence, -np.inf, 1.0),
        integrality=np.ones(size.size, np.int64),
        bounds=Bounds(0.0, 1.0),
        # the values add less than half a person: this gap never costs anybody a place
        options={"node_limit": 300, "mip_rel_gap": 0.4 / len(pool)},
    )
    if answer.x is None:
        return None
    chosen = [candidates[i] for i in np.flatnonzero(answer.x > 0.5)]
    used = [person for group in chosen for person in group]
    if len(set(used)) < len(used) or len(used) <= sum(len(groups[g]) for g in opened):
        return None
    closed = set(opened)
    return [group for g, group in enumerate(groups) if g not in closed] + chosen


def plan_of(search: Search, groups: list[tuple[int, ...]]) -> Plan:
    """Return the plan with these groups."""
    by_size: dict[int, list[tuple[int, ...]]] = {}
    for group in sorted(groups):
        by_size.setdefault(len(group), []).append(group)
    tables = [np.array(by_size[size], np.int64) for size in sorted(by_size)]
    seated = np.concatenate([np.empty(0, np.int64), *(table.ravel() for table in tables)])
    bench = np.setdiff1d(np.arange(search.values.n), seated)
    return Plan(tables, bench, search.worth(tables))
