"""The life of a programme: cycle after cycle, changes on the way, and what came of it."""

from pairmatch.cycles.alternatives import what_if
from pairmatch.cycles.changes import Changes
from pairmatch.cycles.comparison import Comparison, compare
from pairmatch.cycles.horizon import Cycles, match_cycles
from pairmatch.cycles.rematching import Rematch, rematch

__all__ = [
    "Changes",
    "Comparison",
    "Cycles",
    "Rematch",
    "compare",
    "match_cycles",
    "rematch",
    "what_if",
]
