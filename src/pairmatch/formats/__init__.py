"""Several formats over one pool: one budget of time for each teacher, and nobody in two places."""

from pairmatch.formats.running import match_formats
from pairmatch.formats.several import Formats

__all__ = ["Formats", "match_formats"]
