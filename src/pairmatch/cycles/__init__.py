"""The life of a programme: cycle after cycle, changes on the way, and what came of it."""

from pairmatch.cycles.horizon import Cycles, match_cycles

__all__ = ["Cycles", "match_cycles"]
