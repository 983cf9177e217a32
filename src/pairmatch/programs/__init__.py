"""Programs: the one value that says everything, ready-made ones, and their files."""

from pairmatch.programs.defaults import default_criteria
from pairmatch.programs.presets import PRESETS, Preset
from pairmatch.programs.program import Program
from pairmatch.programs.schema import program_schema

__all__ = ["PRESETS", "Preset", "Program", "default_criteria", "program_schema"]
