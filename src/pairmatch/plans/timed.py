"""What plans of pairs say about time."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from pairmatch.plans import timetable
from pairmatch.plans.handouts import Handouts

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
            ids, joined by ``;``. Meetings of people whose free time is unknown have no day.

        Raises
        ------
        CapabilityError
            If the program has no ``Meetings``.
        """
        plan = cast("Matching", self)
        if plan.solution.slots is None:
            return super().timetable()
        return timetable.tabulate_meetings(plan)

    def price_of_time(self) -> TimePrice:
        """Return what ``Meetings`` cost: how many more would be matched, and the total, without.

        Solves the problem once more without them.
        """
        return self._price_of_time

    @cached_property
    def _price_of_time(self) -> TimePrice:
        return timetable.price_time(cast("Matching", self))
