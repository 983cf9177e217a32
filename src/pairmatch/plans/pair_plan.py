"""What a plan of pairs is made of: who is with whom, among whom, by which rules and proof."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.plans.cover import charge_cover

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.programs import Program
    from pairmatch.scoring import Compatibility
    from pairmatch.scoring.own import OwnScores
    from pairmatch.solvers.certify.nearby import Running
    from pairmatch.solvers.problem import AssignmentProblem
    from pairmatch.solvers.solution import AssignmentSolution, Certificate, Status

__all__ = ["PairPlan"]


@dataclass(frozen=True, eq=False, repr=False)
class PairPlan:
    """Pairs and their numbers: all that whoever explains, checks or writes a plan has to know.

    The fields are those of :class:`pairmatch.Matching`, where they are described.
    """

    scored: Compatibility | OwnScores
    problem: AssignmentProblem
    solution: AssignmentSolution
    certificate: Certificate | None
    program: Program
    seed: int = 0
    seconds: float = 0.0
    fixed_neutral: tuple[tuple[str, int], ...] = ()
    earlier: Running | None = None

    @property
    def scale(self) -> Fraction:
        """Integer units per score."""
        return Fraction(self.scored.scale)

    def in_scores(self, units: int) -> float | int:
        """Return integer units as a score; own whole numbers stay whole."""
        score = Fraction(int(units)) / self.scale
        return int(score) if self.scale == 1 else float(score)

    @property
    def status(self) -> Status:
        """How the solve ended."""
        return self.solution.status

    @property
    def solver(self) -> str:
        """Which method was used."""
        return self.solution.solver

    @property
    def matched(self) -> int:
        """Number of mentees who have a mentor."""
        return len(np.unique(self.solution.pairs[:, 0]))

    @property
    def matched_bound(self) -> int | None:
        """Proved bound on how many mentees can be matched at all; None without a proof."""
        return None if self.certificate is None else self.certificate.matched_bound

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """Exact integer score of each pair, in the order of ``solution.pairs``."""
        pairs = self.solution.pairs
        units = np.asarray(self.scored.units_at(pairs[:, 0], pairs[:, 1]), dtype=np.int64)
        units.setflags(write=False)
        return units

    @property
    def objective(self) -> float | int:
        """Total score of the pairs; less what cover costs, where ``Observation`` has a price."""
        price = charge_cover(self.scored, self.program, self.solution)
        return self.in_scores(int(self.units.sum()) - price)

    @property
    def bound(self) -> float | int | None:
        """Proved upper bound on the total of every plan that matches as many; None without one."""
        if self.certificate is None or self.certificate.bound is None:
            return None
        return self.in_scores(self.certificate.bound)

    @property
    def gap(self) -> float | None:
        """(bound - objective) / abs(bound); 0.0 if and only if proved; None without a bound."""
        return None if self.certificate is None else self.certificate.gap

    @property
    def price(self) -> float | int | None:
        """Total given up for a fair objective or tiers; None where none was asked for.

        Even loads never cost any of the total: they only choose among plans that are best by
        everything that was asked for, so their price is 0 under every objective.
        """
        return None if self.solution.price is None else self.in_scores(self.solution.price)
