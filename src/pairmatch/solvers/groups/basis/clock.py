"""The time of one solve, and whom to tell about its progress."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock"]


@dataclass(slots=True)
class Clock:
    """Wall-clock of one solve, and whom to tell."""

    start: float
    time_limit: float | None
    progress: Callable[[int, float | None, float], None] | None
    stopped: bool = False
    n_told: int = 0

    def within(self, share: float) -> bool:
        """Return whether less than this share of the time limit has passed."""
        if self.time_limit is None:
            return True
        inside = perf_counter() - self.start < share * self.time_limit
        self.stopped |= not inside
        return inside

    def left(self, share: float) -> float:
        """Return the seconds until this share of the time limit has passed."""
        if self.time_limit is None:
            return float("inf")
        return max(0.1, share * self.time_limit - (perf_counter() - self.start))

    @property
    def options(self) -> dict[str, float]:
        """What is left as an option of an integer program; empty without a limit."""
        return {} if self.time_limit is None else {"time_limit": self.left(1.0)}

    def tell(self, gap: float | None) -> None:
        """Report a round."""
        self.n_told += 1
        if self.progress is not None:
            self.progress(self.n_told, gap, perf_counter() - self.start)
