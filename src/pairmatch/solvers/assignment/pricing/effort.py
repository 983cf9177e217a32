"""Sizes of a streamed solve."""

from __future__ import annotations

from dataclasses import dataclass

from pairmatch.solvers.assignment.pricing.sweep import TILE

__all__ = ["FLOW_SECONDS", "Effort"]

FLOW_SECONDS = 4e-6
"""What a flow over one candidate takes; it cannot be stopped."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Sizes that change how long a solve takes, never what is found best.

    Parameters
    ----------
    keep : int
        Candidates of each row in the first sweep.
    base : int
        Pools of at most so many pairs are taken whole.
    share : int
        One in ``share`` people goes into the sample that prices are learnt from.
    tile : (int, int)
        Lines and positions that are priced at once.
    n_threads : int or None
        Threads; default: the processors this process may use.
    fast : bool
        Whether to use numba if it is there.
    """

    keep: int = 16
    base: int = 1 << 18
    share: int = 4
    tile: tuple[int, int] = TILE
    n_threads: int | None = None
    fast: bool = True
