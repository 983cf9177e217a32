"""How to solve, as opposed to what is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pairmatch.typed import check_all, is_count, is_number

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """How to solve, as opposed to what is wanted.

    Parameters
    ----------
    seed : int, default: 0
        Decides between answers that are equally good. Same input and seed, same bytes.
    time_limit : float or None, default: None
        Seconds for solving and proving, a safety stop; None: no limit.
    method : str, default: "auto"
        Force one of the solvers of pairs; an unknown name raises with the alternatives.
    progress : callable or None, default: None
        Called with (round, gap or None, seconds) while long work is running.

    Raises
    ------
    ProgramError
        If a value is of the wrong kind or range.

    Examples
    --------
    >>> Options(seed=7, time_limit=30).seed
    7
    """

    seed: int = 0
    time_limit: float | None = None
    method: str = "auto"
    progress: Callable[[int, float | None, float], None] | None = None

    def __post_init__(self) -> None:
        check_all(
            "Options",
            (
                is_count(self.seed),
                f"seed is {self.seed!r}.",
                "Give a whole number >= 0.",
            ),
            (
                self.time_limit is None or (is_number(self.time_limit) and self.time_limit > 0),
                f"time_limit is {self.time_limit!r}.",
                "Give seconds above 0, or None.",
            ),
            (isinstance(self.method, str), f"method is {self.method!r}.", "Give a word."),
            (
                self.progress is None or callable(self.progress),
                f"progress is {self.progress!r}.",
                "Give a function of (round, gap, seconds).",
            ),
        )
