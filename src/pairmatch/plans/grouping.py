"""A plan of groups: names, rotations and numbers back from the integers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.plans import files, summary
from pairmatch.plans.group_meetings import meeting_rows, meets, seat_members, timetable_frame
from pairmatch.plans.handouts import Handouts
from pairmatch.plans.order import natural_key

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from pairmatch.programs import Program
    from pairmatch.scoring import Compatibility
    from pairmatch.scoring.own import OwnScores
    from pairmatch.solvers.problem import GroupingProblem
    from pairmatch.solvers.solution import Certificate, GroupingSolution, Status

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
    problem : GroupingProblem
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
    """

    scored: Compatibility | OwnScores
    problem: GroupingProblem
    solution: GroupingSolution
    certificate: Certificate | None
    program: Program
    seed: int = 0
    seconds: float = 0.0

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

    def rotation(self, members: tuple[int, ...], coach: int) -> Fraction:
        """Return what a rotation is worth: the mean of the coach's column over the others."""
        total = sum(int(self.problem.gain[row, coach]) for row in members if row != coach)
        return Fraction(total, len(members) - 1) / self.scored.scale

    @property
    def group_values(self) -> tuple[float, ...]:
        """Value of each group: mean or worst of its rotations, as the objective says."""
        values = []
        for members in self.groups:
            rotations = [self.rotation(members, coach) for coach in members]
            worst = self.problem.objective == "worst_rotation"
            values.append(float(min(rotations) if worst else sum(rotations) / len(rotations)))
        return tuple(values)

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
        """Proved upper bound on the objective of plans that place as many; None without one."""
        if self.certificate is None or self.certificate.bound is None:
            return None
        return self.in_scores(self.certificate.bound)

    @property
    def gap(self) -> float | None:
        """(bound - objective) / abs(bound); exactly 0.0 if and only if proved."""
        return None if self.certificate is None else self.certificate.gap

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person: ``group, id, role``; with meetings also ``day, start, end``.

        ``role`` is the seat, where roles were asked for, else "member". The time is the joint
        meeting of the group, blank where somebody's free time is unknown.
        """
        import pandas as pd

        times = meeting_rows(self)
        rows = [
            (number, key, role, *times[number - 1])
            for number, (keys, members) in enumerate(
                zip(self.group_ids, self.groups, strict=True), 1
            )
            for key, role in zip(keys, seat_members(self, members), strict=True)
        ]
        columns = ["group", "id", "role", "day", "start", "end"]
        frame = pd.DataFrame(rows, columns=columns)
        return frame if meets(self) else frame[columns[:3]]

    def timetable(self) -> pd.DataFrame:
        """Return one row a meeting: ``kind, group, people, day, start, end, minutes, modality``.

        Empty unless ``Meetings`` was asked for. Sorted by day, start and people.
        """
        return timetable_frame(self)

    def rotations(self) -> pd.DataFrame:
        """Return one row a rotation: ``group, round, coach, peers, score``.

        In round r of a group, its r-th member coaches and the others are the peers; ``score`` is
        the mean score of the coach for these peers.
        """
        import pandas as pd

        ids = self.scored.coached.ids
        rows = []
        for number, members in enumerate(self.groups, 1):
            for round_, coach in enumerate(members, 1):
                peers = "; ".join(str(ids[row]) for row in members if row != coach)
                value = float(self.rotation(members, coach))
                rows.append((number, round_, ids[coach], peers, value))
        return pd.DataFrame(rows, columns=["group", "round", "coach", "peers", "score"])

    @property
    def unmatched(self) -> pd.DataFrame:
        """One row a person without a group: ``id, reason, detail``."""
        import pandas as pd

        rows = []
        for row in np.flatnonzero(self.solution.group_of < 0).tolist():
            reason, detail = self._why_left_out(row)
            rows.append((self.scored.coached.ids[row], reason, detail))
        rows.sort(key=lambda entry: natural_key(entry[0]))
        return pd.DataFrame(rows, columns=["id", "reason", "detail"])

    def _why_left_out(self, row: int) -> tuple[str, str]:
        person = self.scored.coached.ids[row]
        n_partners = int(self.problem.allowed[row].sum())
        needed = self.problem.smallest
        if self.problem.n < needed:
            text = (
                f"{person} is left out: {self.problem.n} people are fewer than a group of {needed}."
            )
            return "pool too small", text
        if n_partners < needed - 1:
            text = (
                f"{person} is left out: the rules allow {n_partners} partners, "
                f"a group needs {needed - 1}."
            )
            return "rules leave too few partners", text
        text = (
            f"{person} is left out: with {n_partners} allowed partners, no group was found that "
            "places more people."
        )
        return "no group found", text

    def summary(self) -> str:
        """Return the plan in a few lines of text."""
        return summary.describe_grouping(self)

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write the groups as CSV (UTF-8); the file appears whole or not at all."""
        files.write_whole(path, files.dump_csv(self.to_frame()))

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Return the plan as JSON with versions, seed and input hashes; write it if told where."""
        text = files.dump_json(summary.record_grouping(self))
        if path is not None:
            files.write_whole(path, text)
        return text

    def save(self, folder: str | PathLike[str]) -> None:
        """Write groups, rotations, people left out, summary and JSON into a folder."""
        frames = {
            "groups": self.to_frame(),
            "rotations": self.rotations(),
            "unmatched": self.unmatched,
        }
        if meets(self):
            frames["timetable"] = self.timetable()
        files.write_folder(folder, frames, self.summary(), self.to_json())

    def __repr__(self) -> str:
        gap = "no bound" if self.gap is None else f"gap {self.gap:.2%}"
        return f"Grouping({self.matched} people in {len(self.groups)} groups, {gap})"

    def _repr_html_(self) -> str:
        """Return the plan as HTML for notebooks; ids are escaped, there are no scripts."""
        return summary.markup(self.summary(), self.to_frame())
