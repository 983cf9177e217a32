"""A plan of pairs: names, reasons and numbers back from the integers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.disk import write_whole
from pairmatch.errors import Fault, ProgramError, say_count
from pairmatch.plans import (
    alternatives,
    explain,
    files,
    frames,
    reasons,
    record,
    summary,
    timetable,
)
from pairmatch.plans.editing import put_pairs
from pairmatch.plans.handouts import Handouts
from pairmatch.plans.observations import observation_rule, schedule_lessons, tabulate_lessons
from pairmatch.plans.order import natural_key
from pairmatch.plans.pair_plan import PairPlan
from pairmatch.plans.people import find_mentees, find_mentors
from pairmatch.plans.pressure import tabulate_pressure
from pairmatch.scoring import Compatibility

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike

    import pandas as pd

    from pairmatch.plans.alternatives import Alternative
    from pairmatch.plans.reasons import Reasons
    from pairmatch.plans.timetable import TimePrice

__all__ = ["Matching"]


@dataclass(frozen=True, eq=False, repr=False)
class Matching(PairPlan, Handouts):
    """Mentor-mentee pairs, with everything that is needed to explain and to check them.

    Made by :func:`pairmatch.match` and :func:`pairmatch.match_scores`. Immutable; ids are listed
    in natural order, whatever the order of the sheets.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        Scores and rules of all pairs.
    problem : AssignmentProblem
        The integers that were solved.
    solution : AssignmentSolution
        The solver's answer.
    certificate : Certificate or None
        What the independent check of that answer found; None if it did not pass.
    program : Program
        What was asked for.
    seed : int
        The seed that decided between equally good plans.
    seconds : float
        Wall-clock time of solving and proving.
    fixed_neutral : tuple of (str, int), default: ()
        By name of a criterion, what unknown values count as, where that is taken over from an
        earlier plan and not the average of these tables.
    earlier : Running or None, default: None
        What still holds of the proof of an earlier plan, after changes.

    Examples
    --------
    >>> import pairmatch as pm
    >>> plan = pm.match_scores([[9, 8], [7, 1]])
    >>> plan
    Matching(2 of 2 mentees, objective 15, gap 0.00%)
    >>> plan.to_frame()
       mentee  mentor  score
    0       0       1      8
    1       1       0      7
    """

    # -- frames --------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pair: ``mentee, mentor, score``, in the natural order of mentees.

        Under ``Demand`` a mentee may have several rows. Where each pair has one meeting a week also
        ``day, start, end``.
        """
        return frames.tabulate_pairs(self)

    @property
    def loads(self) -> pd.DataFrame:
        """One row a mentor: ``mentor, load, places``."""
        return frames.tabulate_loads(self)

    @property
    def unmatched(self) -> pd.DataFrame:
        """One row a mentee without a mentor: ``id, reason, detail``.

        Of very many, only the first have the whole sentence in ``detail``; `why_unmatched` has it
        for everybody.
        """
        import pandas as pd

        return pd.DataFrame(self._reasons, columns=["id", "reason", "detail"])

    @property
    def partly_served(self) -> pd.DataFrame:
        """One row a mentee with fewer mentors than wanted: ``mentee, mentors, wanted``.

        Whoever has none is in ``unmatched``; without ``Demand`` this frame is empty.
        """
        return frames.tabulate_partly_served(self)

    @cached_property
    def _reasons(self) -> list[tuple[Any, str, str]]:
        """Why each mentee without a mentor has none, in natural order."""
        place = {key: row for row, key in enumerate(self.scored.coached.ids)}
        rows = [place[person] for person in self.unmatched_ids]
        return reasons.list_reasons(self, rows)

    @property
    def unmatched_ids(self) -> tuple[Any, ...]:
        """Ids of the mentees without a mentor."""
        matched = set(self.solution.pairs[:, 0].tolist())
        ids = [key for i, key in enumerate(self.scored.coached.ids) if i not in matched]
        return tuple(sorted(ids, key=natural_key))

    def place_values(self) -> pd.DataFrame:
        """Return what one more place with each mentor would be worth to the whole plan, exactly.

        Returns
        -------
        DataFrame
            ``mentor, matched, total``: how many more mentees could be matched (0 or 1; under
            "total" not asked, so 0), and how the total score would change. Most valuable first.

        Raises
        ------
        CapabilityError
            If the plan is not of objective "coverage" or "total" without tiers, if quotas cross
            each other, or if the plan is not proved best.

        Notes
        -----
        Shadow prices of the places: the smallest optimal prices, read from the residual network.
        """
        return alternatives.value_places(self)

    # -- time ----------------------------------------------------------------------------------

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
        meetings = None if self.solution.slots is None else timetable.tabulate_meetings(self)
        rule = observation_rule(self)
        if rule is not None:
            return tabulate_lessons(rule, schedule_lessons(self), timetable.COLUMNS, meetings)
        return super().timetable() if meetings is None else meetings

    @property
    def cover(self) -> int | None:
        """Minutes of cover that the scheduled observations take; None where nobody is covered."""
        rule = observation_rule(self)
        if rule is None or rule.cover_cost is None:
            return None
        return sum(one.when.cover for one in schedule_lessons(self) if one.week)

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
        if self.problem.slots is None:
            return super().timetable()
        return tabulate_pressure(self)

    @cached_property
    def _price_of_time(self) -> TimePrice:
        return timetable.price_time(self)

    # -- reasons -------------------------------------------------------------------------------

    def mentee_row(self, mentee: object) -> int:
        """Return the row of a mentee's id, or raise ``UnknownIdError``."""
        return find_mentees(self.scored, [mentee])[0]

    def mentor_column(self, mentor: object) -> int:
        """Return the column of a mentor's id, or raise ``UnknownIdError``."""
        return find_mentors(self.scored, [mentor])[0]

    def explain(self, mentee: object, mentor: object) -> pd.DataFrame:
        """Return why a pair scores what it scores, in the plan or not.

        Parameters
        ----------
        mentee, mentor : str or int
            Ids of any two people.

        Returns
        -------
        DataFrame
            One row per criterion: ``criterion, mentee_value, mentor_value, score, weight, points``.
            ``score`` is NaN where unknown; ``points`` sum to 100 x the score of the pair.

        Raises
        ------
        UnknownIdError
            If an id is not in its table.
        CapabilityError
            If the plan was made from own scores, which have no parts.
        """
        return explain.explain_pair(
            self.scored, self.mentee_row(mentee), self.mentor_column(mentor)
        )

    def why_unmatched(self, mentee: object) -> Reasons:
        """Return why a mentee has no mentor: the rule that removed each, or who got the places.

        Raises
        ------
        UnknownIdError
            If the id is not among the mentees.
        ProgramError
            If this mentee is matched.
        """
        row = self.mentee_row(mentee)
        if (self.solution.pairs[:, 0] == row).any():
            raise ProgramError(f"{mentee} has a mentor in this plan; see explain() or why_not().")
        return reasons.explain_unmatched(self, [row])[0]

    def why_not(self, mentee: object, mentor: object) -> Alternative:
        """Return what the whole plan would lose if this pair were formed, and who would move.

        Solves the problem once more with the pair pinned.

        Raises
        ------
        UnknownIdError
            If an id is not in its table.
        """
        row, column = self.mentee_row(mentee), self.mentor_column(mentor)
        return alternatives.explain_alternative(self, row, column)

    def replace(
        self, *, pairs: pd.DataFrame | Mapping[Any, Any] | Iterable[tuple[Any, Any]]
    ) -> Matching:
        """Return a plan of other pairs, for instance edited by hand; ``verify`` judges it.

        With ``Meetings`` pairs that stay keep their times where the others leave room for that, and
        others get new ones; pairs that cannot meet have none, which ``verify`` says.

        Parameters
        ----------
        pairs : DataFrame with ``mentee`` and ``mentor``, mapping, or iterable of (mentee, mentor)
            All pairs of the new plan.

        Raises
        ------
        UnknownIdError
            If an id is in neither table.
        ProgramError
            If these are no pairs.
        """
        given: Any = pairs
        try:
            if hasattr(given, "columns"):
                given = zip(given["mentee"], given["mentor"], strict=True)
            listed = [(a, b) for a, b in (given.items() if hasattr(given, "items") else given)]
        except (KeyError, TypeError, ValueError):
            what = "expected a frame with mentee and mentor, a mapping, or (mentee, mentor) pairs."
            raise ProgramError("these are no pairs", [Fault(what)]) from None
        rows = find_mentees(self.scored, (a for a, _ in listed))
        columns = find_mentors(self.scored, (b for _, b in listed))
        pairs = np.array(sorted(zip(rows, columns, strict=True)), dtype=np.int64).reshape(-1, 2)
        slots = self.problem.slots
        per_week = 0 if slots is None else slots.per_week
        begins = timetable.find_begins(self, self.solution.pairs, pairs, per_week)
        return put_pairs(self, pairs, begins)

    # -- text and files ------------------------------------------------------------------------

    def summary(self) -> str:
        """Return the plan in a few lines of text."""
        return summary.describe_matching(self, self.unmatched, self.price_of_time)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the pairs as CSV (UTF-8); the file appears whole or not at all."""
        write_whole(path, files.dump_csv(self.to_frame()))

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Return the plan as JSON with versions, seed and input hashes; write it if told where."""
        text = files.dump_json(record.record_matching(self, self.unmatched))
        if path is not None:
            write_whole(path, text)
        return text

    def save(self, folder: str | PathLike[str]) -> None:
        """Write pairs, reasons, loads, summary, JSON and program into a folder."""
        tables = {"pairs": self.to_frame(), "unmatched": self.unmatched, "loads": self.loads}
        if self.problem.demand.max(initial=1) > 1:
            tables["partly_served"] = self.partly_served
        if self.solution.slots is not None or observation_rule(self) is not None:
            tables["timetable"] = self.timetable()
        if self.solution.slots is not None:
            tables["time_pressure"] = self.time_pressure()
        if isinstance(self.scored, Compatibility):
            tables["reasons"] = explain.explain_all(self.scored, self.solution.pairs)
        program = record.program_text(self)
        files.write_folder(folder, tables, self.summary(), self.to_json(), program)

    def __repr__(self) -> str:
        gap = "no bound" if self.gap is None else f"gap {self.gap:.2%}"
        n = say_count(len(self.scored.coached.ids), "mentee")
        return f"Matching({self.matched} of {n}, objective {self.objective:g}, {gap})"

    def _repr_html_(self) -> str:
        """Return the plan as HTML for notebooks; ids are escaped, there are no scripts."""
        return summary.markup(self.summary(), self.to_frame())
