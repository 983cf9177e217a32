"""Minutes of cover become integers: what each pair costs, and what is left of its gain."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Observation
from pairmatch.constraints.cover import count_cover, price_cover
from pairmatch.errors import CapabilityError
from pairmatch.solvers.problem import MatrixGains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.scoring.own import Scored

__all__ = ["cover_of", "covering_rule", "refuse_large_cover"]


def covering_rule(constraints: Sequence[Any]) -> Observation | None:
    """Return the ``Observation`` that lets observers be covered, None without."""
    rules = (rule for rule in constraints if isinstance(rule, Observation))
    return next((rule for rule in rules if rule.cover_cost is not None), None)


def cover_of(
    scored: Scored, constraints: Sequence[Any], gains: MatrixGains
) -> tuple[MatrixGains, NDArray[np.int64]]:
    """Return gains less what cover costs, and the minutes of cover of each pair.

    Parameters
    ----------
    scored : Compatibility or OwnScores
        The two tables.
    constraints : sequence
        Constraints with an ``Observation`` that lets observers be covered.
    gains : MatrixGains
        Gains of all pairs.
    """
    rule = covering_rule(constraints)
    assert rule is not None  # noqa: S101 - whoever calls has looked
    table: Any = scored
    minutes = np.where(gains.allowed, count_cover(rule, table.coached, table.coach), 0)
    price = price_cover(rule, Fraction(scored.scale))
    return MatrixGains(gains.gain - price * minutes, gains.allowed), minutes


def refuse_large_cover(n_pairs: int, most: int) -> None:
    """Raise if minutes of cover would have to be held for too many pairs."""
    if n_pairs > most:
        raise CapabilityError(
            f"minutes of cover are compared among all pairs at once, at most {most:,} of them, and "
            f"here are {n_pairs:,}; leave out cover_cost, or match schools or regions one by one "
            "with match_many()"
        )
