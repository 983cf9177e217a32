"""Plans: integers turned back into names, reasons and files, and checked once more."""

from pairmatch.plans.alternatives import Alternative
from pairmatch.plans.grouping import Grouping
from pairmatch.plans.matching import Matching
from pairmatch.plans.reasons import Reasons
from pairmatch.plans.verification import verify

__all__ = ["Alternative", "Grouping", "Matching", "Reasons", "verify"]
