"""A plan of groups: names, rotations and numbers back from the integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.disk import write_whole
from pairmatch.errors import CertificateError, Fault, ProgramError, say_count
from pairmatch.plans import files, frames, left_out, record, summary
from pairmatch.plans.explain import explain_pair
from pairmatch.plans.group_plan import GroupPlan
from pairmatch.plans.group_timetable import tabulate_times
from pairmatch.plans.handouts import Handouts
from pairmatch.plans.people import find_members
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups.basis.sizes import scale_of
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    import pandas as pd

__all__ = ["Grouping"]


@dataclass(frozen=True, eq=False, repr=False)
class Grouping(GroupPlan, Handouts):
    """Groups of one pool, with everything that is needed to explain and to check them.

    Made by :func:`pairmatch.form_groups` and :func:`pairmatch.group_scores`. Immutable; groups are
    numbered from 1 by the natural order of their first id.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        Scores and rules; row = who is coached, column = who coaches.
    problem : GroupingProblem or StreamedGrouping
        The integers that were solved.
    solution : GroupingSolution
        The solver's answer.
    certificate : Certificate or None
        What the independent check of that answer found.
    program : Program
        What was asked for.
    seed : int
        The seed that decided between equally good plans.
    seconds : float
        Wall-clock time of solving and proving.
    fixed_neutral : tuple of (str, int), default: ()
        By name of a criterion, what unknown values count as, where that is taken over from an
        earlier plan and not the average of this table.

    Examples
    --------
    >>> import pairmatch as pm
    >>> plan = pm.group_scores([[0, 1, 2], [3, 4, 5], [6, 7, 8]], size=3)
    >>> plan.rotations()
       group  round  coach peers  score
    0      1      1      0  1; 2    4.5
    1      1      2      1  0; 2    4.0
    2      1      3      2  0; 1    3.5
    """

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person: ``group, id, role``; with a meeting also ``day, start, end``.

        ``role`` is the seat, where roles were asked for, else "member". The time is the meeting of
        the group, blank where free time is unknown; several a week are in the timetable only.
        """
        return frames.tabulate_members(self)

    def timetable(self) -> pd.DataFrame:
        """Return one row a meeting: ``kind, group, people, day, start, end, minutes, modality``.

        Sorted by day, start and people. With ``Observation`` also the rows of observations and
        conferences, by week of the term, and the columns ``observer, observed, week``; what has no
        time left beside the meeting of the group has no day.

        Raises
        ------
        CapabilityError
            If the program has neither ``Meetings`` nor ``Observation``.
        """
        return tabulate_times(self) if self.program.has_times else super().timetable()

    def rotations(self) -> pd.DataFrame:
        """Return one row a rotation: ``group, round, coach, peers, score``.

        In round r of a group, its r-th member coaches and the others are the peers; ``score`` is
        the mean score of the coach for these peers.
        """
        return frames.tabulate_rotations(self)

    @property
    def unmatched(self) -> pd.DataFrame:
        """One row a person without a group: ``id, reason, detail``."""
        import pandas as pd

        return pd.DataFrame(self._left_out, columns=["id", "reason", "detail"])

    @property
    def unmatched_ids(self) -> tuple[Any, ...]:
        """Ids of the people without a group, in natural order."""
        return tuple(person for person, _, _ in self._left_out)

    @cached_property
    def _left_out(self) -> list[tuple[Any, str, str]]:
        """Why each person without a group has none, in natural order."""
        out = np.flatnonzero(self.solution.group_of < 0).tolist()
        return left_out.list_left_out(self, out)

    def row_of(self, person: object) -> int:
        """Return the row of an id, or raise ``UnknownIdError``."""
        return find_members(self.scored, [person])[0]

    def explain(self, coached: object, coach: object) -> pd.DataFrame:
        """Return why one person scores what it scores as coach of another, in a group or not.

        Parameters
        ----------
        coached, coach : str or int
            Ids of any two people.

        Returns
        -------
        DataFrame
            One row per criterion: ``criterion, mentee_value, mentor_value, score, weight, points``
            (mentee: the coached one). ``points`` sum to 100 x the score of the pair.

        Raises
        ------
        UnknownIdError
            If an id is not in the pool.
        CapabilityError
            If the plan was made from own scores, which have no parts.
        """
        return explain_pair(self.scored, self.row_of(coached), self.row_of(coach))

    def why_unmatched(self, person: object) -> left_out.WithoutGroup:
        """Return why a person is in no group, and the smallest change that would place it.

        Raises
        ------
        UnknownIdError
            If the id is not in the pool.
        ProgramError
            If this person is in a group.

        Notes
        -----
        The change is the smallest of those that move nobody else: every group that the person
        could join, and groups of people who are left out, are looked at.
        """
        row = self.row_of(person)
        if self.solution.group_of[row] >= 0:
            fault = Fault(f"{person!r} is in a group.", "", "Ask about somebody who is left out.")
            raise ProgramError("there is nothing to explain", [fault])
        return left_out.explain_left_out(self, row)

    def replace(self, *, groups: pd.DataFrame | Iterable[Iterable[Any]]) -> Grouping:
        """Return a plan of other groups, for instance edited by hand; ``verify`` judges it.

        Parameters
        ----------
        groups : DataFrame with ``group`` and ``id``, or iterable of iterables of ids
            All groups of the new plan; who is in none of them is left out.

        Raises
        ------
        UnknownIdError
            If an id is not in the pool.
        ProgramError
            If somebody is in two groups, or these are no groups.
        """
        given: Any = groups
        try:
            if hasattr(given, "columns"):
                given = given.groupby("group", sort=True)["id"].apply(list)
            listed = [list(members) for members in given]
        except (KeyError, TypeError):
            what = "expected a frame with group and id, or lists of ids."
            raise ProgramError("these are no groups", [Fault(what)]) from None
        named = [(number, key) for number, members in enumerate(listed) for key in members]
        rows = find_members(self.scored, [key for _, key in named])
        group_of = np.full(self.problem.n, -1, np.int64)
        faults = []
        for (number, key), row in zip(named, rows, strict=True):
            if group_of[row] >= 0:
                faults.append(Fault("is in a group twice.", str(key), "Name everybody once."))
            group_of[row] = number
        if faults:
            raise ProgramError("these are no groups", faults)
        scale = scale_of({len(members) for members in listed if len(members) > 1})
        solution = replace(
            self.solution,
            group_of=group_of,
            bound=None,
            price=None,
            status=Status.FEASIBLE,
            solver="edited by hand",
        )
        if self.solution.scale % scale:  # the prices of other sizes say nothing about these
            solution = replace(solution, scale=scale, prices=None, cases=())
        if sorted(map(len, listed)) != sorted(map(len, self.groups)):
            solution = replace(solution, lowest_bound=None, floor_prices=None, floor_parts=None)
        try:
            certificate = certify_grouping(self.problem, solution)
        except CertificateError:
            certificate = None  # verify() says what is wrong, when asked
        return replace(self, solution=solution, certificate=certificate)

    def summary(self) -> str:
        """Return the plan in a few lines of text."""
        return summary.describe_grouping(self, self.unmatched)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the groups as CSV (UTF-8); the file appears whole or not at all."""
        write_whole(path, files.dump_csv(self.to_frame()))

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Return the plan as JSON with versions, seed and input hashes; write it if told where."""
        text = files.dump_json(record.record_grouping(self, self.unmatched))
        if path is not None:
            write_whole(path, text)
        return text

    def save(self, folder: str | PathLike[str]) -> None:
        """Write groups, rotations, people left out, summary, JSON and program into a folder."""
        tables = {
            "groups": self.to_frame(),
            "rotations": self.rotations(),
            "unmatched": self.unmatched,
        }
        if self.program.has_times:
            tables["timetable"] = self.timetable()
        program = record.program_text(self)
        files.write_folder(folder, tables, self.summary(), self.to_json(), program)

    def __repr__(self) -> str:
        gap = "no bound" if self.gap is None else f"gap {self.gap:.2%}"
        return f"Grouping({self.matched} people in {say_count(len(self.groups), 'group')}, {gap})"

    def _repr_html_(self) -> str:
        """Return the plan as HTML for notebooks; ids are escaped, there are no scripts."""
        return summary.markup(self.summary(), self.to_frame())
