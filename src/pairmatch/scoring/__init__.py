"""Scoring: criteria, and the compatibility of all pairs of two tables."""

from pairmatch.scoring.compatibility import Compatibility
from pairmatch.scoring.criterion import (
    FULL,
    Criterion,
    find_missing_columns,
    units_of_weights,
)
from pairmatch.scoring.custom import Custom
from pairmatch.scoring.fusion import Addend, FusedProduct
from pairmatch.scoring.grades import GradeMatch
from pairmatch.scoring.history import History, read_history
from pairmatch.scoring.lists import GoalCoverage, Similarity
from pairmatch.scoring.modality import ModalityMatch
from pairmatch.scoring.novelty import Continuity, Novelty
from pairmatch.scoring.numbers import Closeness, ExperienceGap
from pairmatch.scoring.overlaps import Overlap
from pairmatch.scoring.parts import Part
from pairmatch.scoring.places import CommonTime, SameSchool
from pairmatch.scoring.rules import NeedsKnown, PairRule, SamePerson
from pairmatch.scoring.styles import StyleFit
from pairmatch.scoring.subjects import NEIGHBOURS, SubjectMatch
from pairmatch.scoring.terms import Elementwise, Linear, Shaped, Term
from pairmatch.scoring.wishes import Wishes

__all__ = [
    "FULL",
    "NEIGHBOURS",
    "Addend",
    "Closeness",
    "CommonTime",
    "Compatibility",
    "Continuity",
    "Criterion",
    "Custom",
    "Elementwise",
    "ExperienceGap",
    "FusedProduct",
    "GoalCoverage",
    "GradeMatch",
    "History",
    "Linear",
    "ModalityMatch",
    "NeedsKnown",
    "Novelty",
    "Overlap",
    "PairRule",
    "Part",
    "SamePerson",
    "SameSchool",
    "Shaped",
    "Similarity",
    "StyleFit",
    "SubjectMatch",
    "Term",
    "Wishes",
    "find_missing_columns",
    "read_history",
    "units_of_weights",
]
