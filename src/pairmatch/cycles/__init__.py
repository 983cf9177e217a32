"""The life of a programme: cycle after cycle, changes on the way, and what came of it."""

from pairmatch.cycles.alternatives import what_if
from pairmatch.cycles.changes import Changes
from pairmatch.cycles.comparison import Comparison, compare, compare_records
from pairmatch.cycles.evaluation import Evaluation, evaluate
from pairmatch.cycles.feedback import Feedback, read_feedback
from pairmatch.cycles.horizon import Cycles, match_cycles
from pairmatch.cycles.outcome import Rematch
from pairmatch.cycles.regrouping import Regrouping
from pairmatch.cycles.rematching import rematch
from pairmatch.cycles.saved import Record, read_plan, read_record
from pairmatch.cycles.weighting import Suggestion, suggest_weights

__all__ = [
    "Changes",
    "Comparison",
    "Cycles",
    "Evaluation",
    "Feedback",
    "Record",
    "Regrouping",
    "Rematch",
    "Suggestion",
    "compare",
    "compare_records",
    "evaluate",
    "match_cycles",
    "read_feedback",
    "read_plan",
    "read_record",
    "rematch",
    "suggest_weights",
    "what_if",
]
