"""A plan of groups: names, rotations and numbers back from the integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.disk import write_whole
from pairmatch.errors import CertificateError, Fault, ProgramError, say_count
from pairmatch.plans import files, left_out, summary
from pairmatch.plans.explain import explain_pair
from pairmatch.plans.group_lessons import choose_times, meeting_rows, timetable_frame
from pairmatch.plans.group_meetings import meets, seat_members
from pairmatch.plans.handouts import Handouts
from pairmatch.plans.observations import observation_rule
from pairmatch.plans.order import natural_key
from pairmatch.plans.people import find_members
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups.basis.sizes import scale_of
from pairmatch.solvers.solution import Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    import pandas as pd

    from pairmatch.constraints.lessons import Watched
    from pairmatch.programs import Program
    from pairmatch.scoring import Compatibility
    from pairmatch.scoring.own import OwnScores
    from pairmatch.solvers.problem import GroupingProblem, StreamedGrouping
    from pairmatch.solvers.solution import Certificate, GroupingSolution

__all__ = ["Grouping"]


@dataclass(frozen=True, eq=False, repr=False)
class Grouping(Handouts):
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

    scored: Compatibility | OwnScores
    problem: GroupingProblem | StreamedGrouping
    solution: GroupingSolution
    certificate: Certificate | None
    program: Program
    seed: int = 0
    seconds: float = 0.0
    fixed_neutral: tuple[tuple[str, int], ...] = ()

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Rows of the members of each group, in the order in which groups are numbered."""
        ids = self.scored.coached.ids
        members: dict[int, list[int]] = {}
        for row, group in enumerate(self.solution.group_of.tolist()):
            if group >= 0:
                members.setdefault(group, []).append(row)
        ordered = [sorted(rows, key=lambda row: natural_key(ids[row])) for rows in members.values()]
        ordered.sort(key=lambda rows: natural_key(ids[rows[0]]))
        return tuple(tuple(rows) for rows in ordered)

    @property
    def group_ids(self) -> tuple[tuple[Any, ...], ...]:
        """Ids of the members of each group."""
        ids = self.scored.coached.ids
        return tuple(tuple(ids[row] for row in members) for members in self.groups)

    @cached_property
    def rotation_values(self) -> tuple[tuple[Fraction, ...], ...]:
        """Mean score of each coach for the others in its group; coaches in order of the groups."""
        values = []
        for members in self.groups:
            gain = self.problem.gains_among(np.array(members))
            totals = (gain.sum(axis=0) - gain.diagonal()).tolist()
            share = self.scored.scale * max(1, len(members) - 1)
            values.append(tuple(Fraction(total) / share for total in totals))
        return tuple(values)

    @cached_property
    def group_values(self) -> tuple[float, ...]:
        """Value of each group: mean or worst of its rotations, as the objective says."""
        worst = self.problem.objective == "worst_rotation"
        return tuple(
            float(min(rotations) if worst else sum(rotations) / len(rotations))
            for rotations in self.rotation_values
        )

    @property
    def status(self) -> Status:
        """How the solve ended."""
        return self.solution.status

    @property
    def solver(self) -> str:
        """Which method was used, and how the bound was obtained."""
        return f"{self.solution.solver}; bound: {self.solution.bound_method}"

    @property
    def matched(self) -> int:
        """Number of people who are in a group."""
        return int((self.solution.group_of >= 0).sum())

    @property
    def matched_bound(self) -> int | None:
        """Proved bound on how many people can be placed; None without a proof."""
        return None if self.certificate is None else self.certificate.matched_bound

    def in_scores(self, scaled: int) -> float:
        """Return a scaled integer as a score."""
        factor = 1 if self.certificate is None else self.certificate.scale
        return float(Fraction(scaled) / (self.scored.scale * factor))

    @property
    def objective(self) -> float:
        """Sum over people of the value of their group."""
        values = zip(self.groups, self.group_values, strict=True)
        if self.certificate is None:
            return float(sum(len(members) * value for members, value in values))
        return self.in_scores(self.certificate.objective)

    @property
    def bound(self) -> float | None:
        """Proved upper bound on the objective of plans that place as many; None without one.

        Under "worst_group" of those in which no group is below the lowest one of this plan.
        """
        if self.certificate is None or self.certificate.bound is None:
            return None
        return self.in_scores(self.certificate.bound)

    @property
    def gap(self) -> float | None:
        """(bound - objective) / abs(bound); exactly 0.0 if and only if proved.

        Under "worst_group" the larger one of this and the same for the lowest group.
        """
        return None if self.certificate is None else self.certificate.gap

    @property
    def lowest(self) -> float | None:
        """Value of the lowest group; None without a group."""
        return min(self.group_values, default=None)

    @property
    def lowest_bound(self) -> float | None:
        """Proved bound on the value of the lowest group under "worst_group"; else None.

        It holds for all plans with groups of the same sizes.
        """
        if self.certificate is None or self.certificate.lowest_bound is None:
            return None
        return float(self.certificate.lowest_bound / self.scored.scale)

    @property
    def price(self) -> float | None:
        """Total given up for the lowest group under "worst_group"; None where that is not asked."""
        if self.solution.price is None:
            return None
        return float(Fraction(self.solution.price) / (self.scored.scale * self.solution.scale))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person: ``group, id, role``; with a meeting also ``day, start, end``.

        ``role`` is the seat, where roles were asked for, else "member". The time is the meeting of
        the group, blank where free time is unknown; several a week are in the timetable only.
        """
        import pandas as pd

        times = meeting_rows(self)
        single = meets(self) and all(len(own) <= 1 for own in times)
        rows = [
            (number, key, role, *(times[number - 1] or [("",) * 3])[0])
            for number, (keys, members) in enumerate(
                zip(self.group_ids, self.groups, strict=True), 1
            )
            for key, role in zip(keys, seat_members(self, members), strict=True)
        ]
        frame = pd.DataFrame(rows, columns=["group", "id", "role", "day", "start", "end"])
        return frame if single else frame[["group", "id", "role"]]

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
        timed = meets(self) or observation_rule(self) is not None
        return timetable_frame(self) if timed else super().timetable()

    @cached_property
    def chosen_times(self) -> tuple[tuple[tuple[int, ...], dict[tuple[int, int], Watched]], ...]:
        """Starts of the meetings of each group, and when its members watch each other."""
        return choose_times(self)

    def rotations(self) -> pd.DataFrame:
        """Return one row a rotation: ``group, round, coach, peers, score``.

        In round r of a group, its r-th member coaches and the others are the peers; ``score`` is
        the mean score of the coach for these peers.
        """
        import pandas as pd

        ids = self.scored.coached.ids
        rows = []
        listed = zip(self.groups, self.rotation_values, strict=True)
        for number, (members, values) in enumerate(listed, 1):
            for round_, (coach, value) in enumerate(zip(members, values, strict=True), 1):
                peers = "; ".join(str(ids[row]) for row in members if row != coach)
                rows.append((number, round_, ids[coach], peers, float(value)))
        return pd.DataFrame(rows, columns=["group", "round", "coach", "peers", "score"])

    @property
    def unmatched(self) -> pd.DataFrame:
        """One row a person without a group: ``id, reason, detail``."""
        import pandas as pd

        out = np.flatnonzero(self.solution.group_of < 0).tolist()
        rows = left_out.list_left_out(self, out)
        return pd.DataFrame(rows, columns=["id", "reason", "detail"])

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
            solution = replace(solution, lowest_bound=None, floor_prices=None)
        try:
            certificate = certify_grouping(self.problem, solution)
        except CertificateError:
            certificate = None  # verify() says what is wrong, when asked
        return replace(self, solution=solution, certificate=certificate)

    def summary(self) -> str:
        """Return the plan in a few lines of text."""
        return summary.describe_grouping(self)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the groups as CSV (UTF-8); the file appears whole or not at all."""
        write_whole(path, files.dump_csv(self.to_frame()))

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Return the plan as JSON with versions, seed and input hashes; write it if told where."""
        text = files.dump_json(summary.record_grouping(self))
        if path is not None:
            write_whole(path, text)
        return text

    def save(self, folder: str | PathLike[str]) -> None:
        """Write groups, rotations, people left out, summary, JSON and program into a folder."""
        frames = {
            "groups": self.to_frame(),
            "rotations": self.rotations(),
            "unmatched": self.unmatched,
        }
        if meets(self) or observation_rule(self) is not None:
            frames["timetable"] = self.timetable()
        program = summary.program_text(self)
        files.write_folder(folder, frames, self.summary(), self.to_json(), program)

    def __repr__(self) -> str:
        gap = "no bound" if self.gap is None else f"gap {self.gap:.2%}"
        return f"Grouping({self.matched} people in {say_count(len(self.groups), 'group')}, {gap})"

    def _repr_html_(self) -> str:
        """Return the plan as HTML for notebooks; ids are escaped, there are no scripts."""
        return summary.markup(self.summary(), self.to_frame())
