"""What plans of pairs say about time."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from pairmatch.plans import timetable
from pairmatch.plans.handouts import Handouts
from pairmatch.plans.observations import observation_rule, schedule_lessons, tabulate_lessons
from pairmatch.plans.pressure import tabulate_pressure

if TYPE_CHECKING:
    import pandas as pd

    from pairmatch.plans.matching import Matching
    from pairmatch.plans.timetable import TimePrice

__all__ = ["Timetabled"]


class Timetabled(Handouts):
    """Plans whose pairs may have times to meet."""

    def timetable(self) -> pd.DataFrame:
        """Return one row a meeting, sorted by day, start and people.

        Returns
        -------
        DataFrame
            ``kind, mentee, mentor, people, day, start, end, minutes, modality``; ``people`` are the
            ids, joined by ``;``. Meetings of people whose free time is unknown have no day. With
            ``Observation`` also the rows of observations and conferences, by week of the term, and
            the columns ``observer, observed, week``.

        Raises
        ------
        CapabilityError
            If the program has neither ``Meetings`` nor ``Observation``.
        """
        plan = cast("Matching", self)
        rule = observation_rule(plan)
        if plan.solution.slots is None and rule is None:
            return super().timetable()
        meetings = None
        if plan.solution.slots is not None:
            meetings = timetable.tabulate_meetings(plan)
        if rule is None and meetings is not None:
            return meetings
        assert rule is not None  # noqa: S101 - one of the two is there
        return tabulate_lessons(rule, schedule_lessons(plan), timetable.COLUMNS, meetings)

    @property
    def cover(self) -> int | None:
        """Minutes of cover that the scheduled observations take; None where nobody is covered."""
        plan = cast("Matching", self)
        rule = observation_rule(plan)
        if rule is None or rule.cover_cost is None:
            return None
        return sum(one.when.cover for one in schedule_lessons(plan) if one.week)

    def price_of_time(self) -> TimePrice:
        """Return what ``Meetings`` cost: how many more would be matched, and the total, without.

        Solves the problem once more without them.
        """
        return self._price_of_time

    def time_pressure(self) -> pd.DataFrame:
        """Return what time and the other rules leave each person, those with least first.

        Returns
        -------
        DataFrame
            ``id, role, partners, slots, matched``: with how many people a pair may be formed, how
            many meetings fit into the time in which somebody else is free, and how many partners
            the plan gives.

        Raises
        ------
        CapabilityError
            If the program has no ``Meetings``.
        """
        plan = cast("Matching", self)
        if plan.problem.slots is None:
            return super().timetable()
        return tabulate_pressure(plan)

    @cached_property
    def _price_of_time(self) -> TimePrice:
        return timetable.price_time(cast("Matching", self))
