"""Scores and rules of single pairs once more, in plain Python from the cells of the tables.

Nothing here uses features, products or blocks: what the fast way computed is recomputed the slow
way, criterion by criterion, and every rule is asked again.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pairmatch.constraints import (
    Different,
    EvaluatorPairs,
    Forbid,
    Meetings,
    MinScore,
    NotAgain,
    Observation,
    Require,
    Spread,
    Vetoes,
)
from pairmatch.constraints.minutes import MenteeMinutes
from pairmatch.constraints.observation import EitherWay
from pairmatch.scoring import FULL, units_of_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pairmatch.constraints import PairConstraint
    from pairmatch.scoring.own import Scored

__all__ = ["Rescorer"]


class Rescorer:
    """Asks for the score of one pair, and for the rules that it breaks.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        The tables and criteria, or the own scores.
    constraints : sequence
        Every constraint of the program.
    mutual : bool, default: False
        Whether ``Forbid`` holds in both directions.
    """

    def __init__(
        self,
        scored: Scored,
        constraints: Sequence[Any],
        *,
        mutual: bool = False,
    ) -> None:
        self.scored: Any = scored
        self.criteria = getattr(scored, "criteria", None)
        self.rules: list[PairConstraint] = []
        asked = (Require, Meetings, Observation, MinScore, NotAgain, Different, Spread)
        self.rules += [r for r in constraints if isinstance(r, asked)]
        if mutual:
            self.rules = [
                EitherWay(r) if isinstance(r, Observation) and not r.both_ways else r
                for r in self.rules
            ]
        self.rules += MenteeMinutes.of(constraints, scored.coached)
        lifted = any(isinstance(r, EvaluatorPairs) and r.allowed for r in constraints)
        if self.criteria is not None and not lifted:
            self.rules.insert(0, EvaluatorPairs())
        if self.criteria is not None:
            self.rules += [r for r in constraints if isinstance(r, Vetoes)] or [Vetoes()]
        self.forbidden = {
            (str(r.mentee), str(r.mentor)) for r in constraints if isinstance(r, Forbid)
        }
        if mutual:
            self.forbidden |= {(b, a) for a, b in self.forbidden}
        if self.criteria is not None:
            self.weights = units_of_weights([c.weight for c in self.criteria])

    def score(self, i: int, j: int) -> int:
        """Return the exact integer score of a pair."""
        if self.criteria is None:
            return int(self.scored.gain[i, j])
        total = 0
        known_neutral = self.scored.neutral
        for criterion, units, neutral in zip(
            self.criteria, self.weights, known_neutral, strict=True
        ):
            value = self._value(criterion, i, j, units)
            if value is not None:
                total += value
            elif criterion.missing == "neutral":
                total += int(neutral)
        return total

    def _value(self, criterion: Any, i: int, j: int, units: int) -> int | None:
        value: int | None = criterion.pair_units(
            self.scored.coached, i, self.scored.coach, j, units
        )
        return value

    def in_score_units(self, units: int) -> Fraction:
        """Return an exact integer score as a score."""
        return Fraction(units) / (FULL if self.criteria else self.scored.scale)

    def breaches(self, i: int, j: int, units: int) -> list[str]:
        """Return, in words, every rule that a pair of this score breaks."""
        return [why for _, why in self.broken_rules(i, j, units)]

    def broken_rules(self, i: int, j: int, units: int) -> list[tuple[Any, str]]:
        """Return every rule that a pair breaks, None for what no rule lifts, each with why."""
        coached, coach = self.scored.coached, self.scored.coach
        a, b = coached.ids[i], coach.ids[j]
        found: list[tuple[Any, str]] = []
        if self.criteria is None:
            if not self.scored.given[i, j]:
                found.append((None, "no score given"))
        else:
            if a == b:
                found.append((None, "same person"))
            found += [
                (None, f"{criterion.name} is unknown, which its missing='exclude' does not allow")
                for criterion, units in zip(self.criteria, self.weights, strict=True)
                if criterion.missing == "exclude" and self._value(criterion, i, j, units) is None
            ]
        if (str(a), str(b)) in self.forbidden:
            found.append((Forbid(a, b), "forbidden pair"))
        score = self.in_score_units(units)
        for rule in self.rules:
            why = rule.breach(coached, i, coach, j, score)
            if why is not None:
                found.append((rule, why))
        return found
