"""When groups meet: joint starts that suit them best, and leave them lessons to watch."""

from __future__ import annotations

from bisect import bisect_left
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Observation, find_rule
from pairmatch.constraints.lessons import watch_lesson
from pairmatch.seam.compositions import meeting_times_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pairmatch.constraints.lessons import Watched

__all__ = ["choose_times"]

_Ways = dict[tuple[int, int], "Watched"]


def choose_times(
    table: Any, constraints: Sequence[Any], groups: Sequence[tuple[int, ...]]
) -> tuple[tuple[tuple[int, ...], _Ways], ...]:
    """Return for each group the starts of its meetings, and when its members watch each other.

    Of all joint starts one that most members prefer, of these one that leaves most lessons to
    watch, then most conferences, then least cover, then the earliest. Of several meetings a week
    those that most members prefer together, then the earliest. None for groups that do not meet, or
    where somebody's free time is unknown.
    """
    rule = find_rule(constraints, Observation)
    times = meeting_times_of(table, constraints)
    found = []
    for members in groups:
        among = np.array(members)
        starts: list[tuple[int, ...]] = [()]
        if times is not None and times.known_coached[among].all():
            joint = np.flatnonzero(times.coached[among].all(axis=0))
            likes = times.likes_coached[np.ix_(among, joint)].sum(axis=0)
            if times.per_week == 1:
                best = joint[likes == likes.max(initial=0)]
                starts = [(start,) for start in times.start[best].tolist()] or starts
            else:
                when = times.start[joint].tolist()
                starts = [_pick(when, likes.tolist(), times.minutes, times.per_week)]
        minutes = 0 if times is None else times.minutes
        chosen: tuple[Any, tuple[int, ...], _Ways] | None = None
        for start in starts if rule is not None else starts[:1]:
            ways = {} if rule is None else _watch(rule, table, members, start, minutes)
            cost = () if rule is None else _add(one.cost(rule) for one in ways.values())
            if chosen is None or cost < chosen[0]:
                chosen = cost, start, ways
        assert chosen is not None  # noqa: S101 - there is at least one start
        found.append(chosen[1:])
    return tuple(found)


def _pick(starts: list[int], likes: list[int], minutes: int, n_wanted: int) -> tuple[int, ...]:
    """Return so many starts, no two at once: liked by most, then the earliest; none if too few."""
    # best[s]: by number of meetings, the best choice among the starts from s on
    best: list[dict[int, tuple[int, int, tuple[int, ...]]]] = [{0: (0, 0, ())}]
    for s in range(len(starts) - 1, -1, -1):
        later = bisect_left(starts, starts[s] + minutes)
        now = dict(best[-1])
        for n_held, (liked, early, own) in best[len(starts) - later].items():
            one = (liked + likes[s], early - starts[s], (starts[s], *own))
            if n_held < n_wanted and (n_held + 1 not in now or one[:2] >= now[n_held + 1][:2]):
                now[n_held + 1] = one
        best.append(now)
    return best[-1][n_wanted][2] if n_wanted in best[-1] else ()


def _watch(
    rule: Observation, table: Any, members: tuple[int, ...], starts: tuple[int, ...], minutes: int
) -> _Ways:
    """Return when each member of a group watches each other one; one way, who watches whom."""
    taken = [(start, start + minutes) for start in starts]
    ways = {
        (a, b): watch_lesson(rule, table, a, table, b, taken)
        for pair in combinations(members, 2)
        for a, b in (pair, pair[::-1])
    }
    return ways if rule.both_ways else _choose_directions(rule, members, ways)


def _choose_directions(rule: Observation, members: tuple[int, ...], ways: _Ways) -> _Ways:
    """Return one direction for each two members: the better one, then whoever watched less."""
    chosen: _Ways = {}
    equal = []
    for pair in combinations(members, 2):
        there, back = ways[pair].cost(rule), ways[pair[::-1]].cost(rule)
        if there == back:
            equal.append(pair)
        else:
            better = pair if there < back else pair[::-1]
            chosen[better] = ways[better]
    for a, b in equal:
        n_watched = [sum(one == observer for observer, _ in chosen) for one in (a, b)]
        better = (a, b) if n_watched[0] <= n_watched[1] else (b, a)
        chosen[better] = ways[better]
    return chosen


def _add(costs: Any) -> tuple[int, ...]:
    """Add up costs, part by part."""
    return tuple(map(sum, zip(*costs, strict=True)))
