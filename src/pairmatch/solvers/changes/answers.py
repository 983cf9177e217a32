"""What re-matching answers: a plan that keeps enough pairs with its proof, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pairmatch.solvers.certify.ordered_changes import ChangeDual

__all__ = ["HullPoint", "Rematching", "TooManyChangesError", "UnsettledError"]


class TooManyChangesError(Exception):
    """The rules force more changes than are allowed; ``args[0]`` is how many pairs can stay.

    ``args[1]``: prices of changes that prove it, or None.
    """


class UnsettledError(Exception):
    """No plan with so few changes was found, and none is ruled out."""


@dataclass(frozen=True, slots=True, eq=False)
class HullPoint:
    """A plan that is best for some price of a change.

    Parameters
    ----------
    pairs : ndarray of int64, shape (n_pairs, 2)
        The plan.
    kept : int
        How many of the pairs there were it keeps.
    value : int
        Sum of its gains, and of the bonus of each pair.
    slots : ndarray of int64, shape (n_pairs, per_week), or None
        Slots of its pairs, where they take some.
    proved : bool, default: True
        Whether no plan is better for that price.
    """

    pairs: NDArray[np.int64]
    kept: int
    value: int
    slots: NDArray[np.int64] | None = None
    proved: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Rematching:
    """A plan that keeps enough pairs, and its proof.

    Parameters
    ----------
    pairs : ndarray of int64, shape (n_pairs, 2)
        The plan.
    dual : ChangePrices, LowestPrices, OrderedPrices, DemandPrices or None
        Prices that bound every plan which keeps as many.
    solver : str
        How it was found, in a few words.
    slots : ndarray of int64, shape (n_pairs, per_week), or None
        Slots of its pairs, where they take some.
    """

    pairs: NDArray[np.int64]
    dual: ChangeDual | None
    solver: str
    slots: NDArray[np.int64] | None = None
