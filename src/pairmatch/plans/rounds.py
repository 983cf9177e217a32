"""Several groupings of one pool in which no two people meet too often."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.disk import write_whole
from pairmatch.errors import CertificateError, Fault, say_count
from pairmatch.plans import files
from pairmatch.plans.group_verification import verify_grouping
from pairmatch.plans.rebuild import rebuild_grouping
from pairmatch.plans.record import program_text, record_grouping
from pairmatch.plans.summary import prove
from pairmatch.solvers.certify.terms import certify_term, find_meetings
from pairmatch.solvers.problem import StreamedGrouping
from pairmatch.solvers.solution import Status
from pairmatch.solvers.terms.limits import most_full_rounds

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.plans.grouping import Grouping
    from pairmatch.solvers.solution import Certificate, TermPrices

__all__ = ["GroupingRounds"]


@dataclass(frozen=True, slots=True, repr=False)
class GroupingRounds:
    """Groupings for several rounds, in which no two people share a group too often.

    Made by :func:`pairmatch.form_rounds`. Each round is a plan of its own, in which the pairs that
    met often enough in the rounds before are forbidden.

    Parameters
    ----------
    rounds : tuple of Grouping
        The plan of each round.
    at_most : int, default: 1
        How often two people may share a group over all rounds.
    certificate : Certificate, optional
        What was found about all rounds together; None for pools that are never held whole.
    prices : TermPrices, optional
        What its bound rests on.
    places : TermPrices, optional
        What the limit on the places of all rounds rests on.
    """

    rounds: tuple[Grouping, ...]
    at_most: int = 1
    certificate: Certificate | None = None
    prices: TermPrices | None = None
    places: TermPrices | None = None

    def __len__(self) -> int:
        return len(self.rounds)

    def __getitem__(self, at: int) -> Grouping:
        return self.rounds[at]

    @property
    def n_full(self) -> int:
        """Number of rounds that place as many people as the first."""
        return sum(plan.matched == self.rounds[0].matched for plan in self.rounds)

    @property
    def complete(self) -> bool:
        """Whether every round places as many people as the first."""
        return self.n_full == len(self.rounds)

    @property
    def limit(self) -> tuple[int | None, str]:
        """Proved upper bound on the rounds that place as many as the first, and its proof.

        Notes
        -----
        By counting partners, pairs and groups, and from the few proved exceptions to counting. A
        bound need not be reached; it is None for pools that are never held whole.
        """
        problem = self.rounds[0].problem
        if isinstance(problem, StreamedGrouping):
            return None, "the pool is too large to count"
        return most_full_rounds(problem, self.rounds[0].matched, self.at_most)

    @property
    def placed(self) -> int:
        """Places that all rounds have together."""
        return sum(plan.matched for plan in self.rounds)

    @property
    def placed_bound(self) -> int | None:
        """Proved upper bound on the places of so many rounds; None without a proof."""
        return None if self.certificate is None else self.certificate.matched_bound

    @property
    def objective(self) -> float:
        """Sum of the objectives of all rounds."""
        if self.certificate is None:
            return sum(plan.objective for plan in self.rounds)
        return self._in_scores(self.certificate.objective)

    @property
    def bound(self) -> float | None:
        """Proved upper bound on the sum over all rounds, for groups of the same sizes."""
        if self.certificate is None or self.certificate.bound is None:
            return None
        return self._in_scores(self.certificate.bound)

    @property
    def gap(self) -> float | None:
        """(bound - objective) / abs(bound) of all rounds together; None without a bound."""
        return None if self.certificate is None else self.certificate.gap

    @property
    def lowest(self) -> float | None:
        """Value of the lowest group of all rounds; None without a group."""
        return min((plan.lowest for plan in self.rounds if plan.lowest is not None), default=None)

    @property
    def lowest_bound(self) -> float | None:
        """Proved bound on the lowest group under "worst_group"; else None.

        It is that of the first round, which nothing went before: no round of groups of the same
        sizes has a lowest group above it. Nothing tighter is proved about all rounds together.
        """
        return self.rounds[0].lowest_bound

    @property
    def status(self) -> Status:
        """How the solve ended: interrupted or out of time if one of the rounds was.

        Optimal where nothing better is possible: neither for the total nor, under "worst_group",
        for the lowest group.
        """
        ended = {plan.status for plan in self.rounds}
        for status in (Status.INTERRUPTED, Status.TIME_LIMIT):
            if status in ended:
                return status
        proved = self.complete and self.gap == 0
        if self.rounds[0].problem.objective == "worst_group":
            proved = proved and self.lowest == self.lowest_bound
        return Status.OPTIMAL if proved else Status.FEASIBLE

    def _in_scores(self, scaled: int) -> float:
        scale = 1 if self.certificate is None else self.certificate.scale
        return float(Fraction(scaled) / (self.rounds[0].scored.scale * scale))

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
        often = "twice" if self.at_most == 1 else f"more than {self.at_most} times"
        lines = [f"{say_count(len(self.rounds), 'round')} in which no two people meet {often}"]
        for number, plan in enumerate(self.rounds, 1):
            lines.append(
                f"  round {number}: {say_count(plan.matched, 'person', 'people')} in "
                f"{say_count(len(plan.groups), 'group')}, total {plan.objective:.6g}"
            )
        proof = prove(self.gap, self.bound)
        lines.append(f"  together  total {self.objective:.6g}, {proof}")
        lines += self._lowest_lines()
        if not self.complete:
            first = self.rounds[0].matched
            short = next(k for k, plan in enumerate(self.rounds, 1) if plan.matched < first)
            lines.append(f"  round {short} is the first that leaves more people out than round 1")
        lines += self._limit_lines() + self._place_lines()
        return "\n".join(lines)

    def _lowest_lines(self) -> list[str]:
        """Return what is proved about the lowest group, where that counts."""
        if self.rounds[0].problem.objective != "worst_group" or self.lowest is None:
            return []
        line = f"  lowest    group of all rounds {self.lowest:.3f}"
        if self.lowest_bound is None:
            line += ", no bound is proved"
        elif self.lowest == self.lowest_bound:
            line += ", proved: no term of groups of the same sizes has a higher one"
        else:
            line += f", at most {self.lowest_bound:.3f} in any round of groups of the same sizes"
        if len(self) > 1:
            line += "; each round was raised with those before it as they are"
        return [line]

    def _limit_lines(self) -> list[str]:
        """Return what is known about how many rounds there can be."""
        most, why = self.limit
        if self.complete or most is None:
            return []
        first, n_full = self.rounds[0].matched, self.n_full
        if most <= n_full:
            return [f"  no more than {say_count(most, 'round')} can place {first} people: {why}"]
        some = say_count(n_full, "round")
        return [
            f"  whether more than {some} can place {first} people is not known; more than {most} "
            f"cannot: {why}"
        ]

    def _place_lines(self) -> list[str]:
        """Return what is known about the places of all rounds, where somebody has none."""
        n_people, most = len(self.rounds[0].scored.coached.ids), self.placed_bound
        if self.placed == n_people * len(self):
            return []
        out = Counter(key for plan in self.rounds for key in plan.unmatched["id"])
        often = max(out.values())
        line = f"  {self.placed} places in all rounds"
        if most == self.placed:
            line += ", no term of as many rounds has more"
        elif most is not None:
            line += f", at most {most} are possible"
        left = f"; nobody is left out more than {often} of {len(self)} times"
        return [line + (left if often < len(self) else "")]

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Return all rounds as JSON; write it if told where."""
        record = {
            "meet_at_most": self.at_most,
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "lowest": self.lowest,
            "lowest_bound": self.lowest_bound,
            "places": self.placed,
            "places_bound": self.placed_bound,
            "full_rounds": self.n_full,
            "most_full_rounds": self.limit[0],
            "rounds": [record_grouping(plan, plan.unmatched) for plan in self.rounds],
        }
        text = files.dump_json(record)
        if path is not None:
            write_whole(path, text)
        return text

    def save(self, folder: str | PathLike[str]) -> None:
        """Write groups, rotations and people left out of all rounds, summary and JSON.

        The files are those of one plan, with a column ``round`` before the others.
        """
        frames = {
            "groups": self.to_frame(),
            "rotations": self.rotations(),
            "unmatched": self.unmatched,
        }
        program = program_text(self.rounds[0])
        files.write_folder(folder, frames, self.summary(), self.to_json(), program)

    def verify(self) -> tuple[Certificate, ...]:
        """Check every round like any plan, that nobody meets too often, and the bound.

        Raises
        ------
        CertificateError
            If a round does not hold, two people meet too often, or the bound is not proved.
        """
        certificates = tuple(verify_grouping(one) for one in self.rounds)
        ids = self.rounds[0].scored.coached.ids
        faults = []
        place = {key: row for row, key in enumerate(ids)}
        group_of = np.full((len(self.rounds), len(ids)), -1, np.int64)
        for row, plan in zip(group_of, self.rounds, strict=True):
            for number, members in enumerate(plan.group_ids):
                if any(key not in place for key in members):
                    raise CertificateError("the rounds do not hold", [Fault(_OTHER_PEOPLE)])
                row[[place[key] for key in members]] = number
        for a, b, when in find_meetings(group_of, self.at_most):
            who = " and ".join(sorted(str(ids[row]) for row in (a, b)))
            listed = " and ".join(map(str, when))
            faults.append(Fault(f"meet in rounds {listed}.", who))
        if not faults and self.certificate is not None:
            faults = self._false_claims(group_of, certificates[0])
        if faults:
            raise CertificateError("the rounds do not hold", faults)
        return certificates

    def _false_claims(self, group_of: NDArray[np.int64], one: Certificate) -> list[Fault]:
        """Return what the certificate of all rounds claims and a check does not find."""
        problem = rebuild_grouping(self.rounds[0])
        claimed = self.certificate
        if isinstance(problem, StreamedGrouping) or claimed is None:
            return []
        prices, places = self.prices, self.places
        found = certify_term(problem, group_of, self.at_most, claimed.scale, prices, one, places)
        if found == claimed:
            return []
        return [Fault(f"its certificate {claimed} is not what a check finds: {found}.")]

    def __repr__(self) -> str:
        return f"GroupingRounds({len(self.rounds)} rounds, {self.rounds[0]!r})"


_OTHER_PEOPLE = "its rounds are of different people."
