"""Several groupings of one pool in which no two people meet twice."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from pairmatch.errors import CertificateError, Fault
from pairmatch.plans.group_verification import verify_grouping

if TYPE_CHECKING:
    import pandas as pd

    from pairmatch.plans.grouping import Grouping
    from pairmatch.solvers.solution import Certificate

__all__ = ["GroupingRounds"]


@dataclass(frozen=True, slots=True, repr=False)
class GroupingRounds:
    """Groupings for several rounds, in which no two people share a group twice.

    Made by :func:`pairmatch.form_rounds`. Each round is a plan of
    its own, in which the pairs of the rounds before are forbidden.

    Parameters
    ----------
    rounds : tuple of Grouping
        The plan of each round.
    """

    rounds: tuple[Grouping, ...]

    def __len__(self) -> int:
        return len(self.rounds)

    def __getitem__(self, at: int) -> Grouping:
        return self.rounds[at]

    @property
    def complete(self) -> bool:
        """Whether every round places as many people as the first."""
        return all(plan.matched == self.rounds[0].matched for plan in self.rounds)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person and round: ``round, group, id, role``, and times if any."""
        return self._stack("to_frame")

    def rotations(self) -> pd.DataFrame:
        """Return one row a rotation; the column ``round`` of a plan is ``turn`` here."""
        import pandas as pd

        frames = []
        for number, plan in enumerate(self.rounds, 1):
            frame = plan.rotations().rename(columns={"round": "turn"})
            frame.insert(0, "round", number)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    @property
    def unmatched(self) -> pd.DataFrame:
        """One row a person left out of a round: ``round, id, reason, detail``."""
        return self._stack("unmatched")

    def _stack(self, what: str) -> pd.DataFrame:
        import pandas as pd

        frames = []
        for number, plan in enumerate(self.rounds, 1):
            content: Any = getattr(plan, what)
            frame = content() if callable(content) else content
            frame.insert(0, "round", number)
            frames.append(frame)
        stacked: pd.DataFrame = pd.concat(frames, ignore_index=True)
        return stacked

    def summary(self) -> str:
        """Return the rounds in a few lines of text."""
        lines = [f"{len(self.rounds)} rounds in which no two people meet twice"]
        for number, plan in enumerate(self.rounds, 1):
            gap = "no bound" if plan.gap is None else f"gap {plan.gap:.2%}"
            lines.append(
                f"  round {number}: {plan.matched} people in {len(plan.groups)} groups, "
                f"total {plan.objective:.6g}, {gap} given the rounds before"
            )
        short = next((k for k, p in enumerate(self.rounds, 1) if p.matched < self[0].matched), 0)
        if short:
            lines.append(f"  round {short} is the first that leaves more people out than round 1")
        return "\n".join(lines)

    def verify(self) -> tuple[Certificate, ...]:
        """Check every round like any plan, and that nobody meets twice.

        Raises
        ------
        CertificateError
            If a round does not hold, or two people meet in two rounds.
        """
        certificates = tuple(verify_grouping(one) for one in self.rounds)
        seen: dict[frozenset[Any], int] = {}
        faults = []
        for number, one in enumerate(self.rounds, 1):
            for members in one.group_ids:
                for pair in map(frozenset, combinations(members, 2)):
                    if pair in seen:
                        who = " and ".join(sorted(str(key) for key in pair))
                        faults.append(Fault(f"meet in rounds {seen[pair]} and {number}.", who))
                    seen[pair] = number
        if faults:
            raise CertificateError("the rounds do not hold", faults)
        return certificates

    def __repr__(self) -> str:
        return f"GroupingRounds({len(self.rounds)} rounds, {self.rounds[0]!r})"
