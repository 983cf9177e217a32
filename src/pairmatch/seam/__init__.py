"""The seam: ids, columns, words and units become integers; nothing else translates."""

from pairmatch.seam.order import find_hashed_places, hashed_order
from pairmatch.seam.pairs import (
    MOST_FAIR,
    MOST_HELD,
    assignment_problem,
    check_capabilities,
    loads_of,
    matrix_of,
)

__all__ = [
    "MOST_FAIR",
    "MOST_HELD",
    "assignment_problem",
    "check_capabilities",
    "find_hashed_places",
    "hashed_order",
    "loads_of",
    "matrix_of",
]
