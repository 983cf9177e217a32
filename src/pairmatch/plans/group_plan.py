"""What a plan of groups is made of: who is with whom, among whom, by which rules and proof."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.plans.group_times import choose_times
from pairmatch.plans.order import natural_key

if TYPE_CHECKING:
    from pairmatch.constraints.lessons import Watched
    from pairmatch.programs import Program
    from pairmatch.scoring import Compatibility
    from pairmatch.scoring.own import OwnScores
    from pairmatch.solvers.problem import GroupingProblem, StreamedGrouping
    from pairmatch.solvers.solution import Certificate, GroupingSolution, Status

__all__ = ["GroupPlan"]


@dataclass(frozen=True, eq=False, repr=False)
class GroupPlan:
    """Groups and their numbers: all that whoever explains, checks or writes a plan has to know.

    The fields are those of :class:`pairmatch.Grouping`, where they are described.
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

    @cached_property
    def chosen_times(self) -> tuple[tuple[tuple[int, ...], dict[tuple[int, int], Watched]], ...]:
        """Starts of the meetings of each group, and when its members watch each other."""
        return choose_times(self.scored.coached, self.program.constraints, self.groups)
