"""People as rows of a validated table."""

from pairmatch.profiles.bells import Schedule
from pairmatch.profiles.members import Members, fold_entry
from pairmatch.profiles.reader import read_profiles
from pairmatch.profiles.table import Profiles

__all__ = ["Members", "Profiles", "Schedule", "fold_entry", "read_profiles"]
