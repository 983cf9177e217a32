from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pairmatch.profiles import read_profiles

SUBJECTS = ["Maths", " maths", "SCIENCE", "science", "Art", "martial arts", "English", "history"]
SKILLS = ["ICT", "ict ", "Behaviour", "assessment", "group  work", "Group work", "ELL", "SEND"]
GRADES = ["PK", "K", "1", "2", "3", "5-8", "9", "12", "K-2"]
SCHOOLS = ["North", "north ", "South  High", "south high", "East"]
MODALITIES = ["in_person", "In person", "virtual", "either"]
INTERESTS = ["chess", "Chess", "running", "jazz", "film"]


def _draw(rng, words, most, blank):
    roll = rng.random()
    if roll < blank:
        return ""
    if roll < blank + 0.08:
        return str(rng.choice(["none", "-"]))
    return ";".join(rng.choice(words, size=int(rng.integers(1, most + 1))))


def _windows(rng, blank):
    if rng.random() < blank:
        return ""
    found = []
    for _ in range(int(rng.integers(0, 4))):
        day = rng.choice(["Mon", "Tue"])
        start = 8 * 60 + int(rng.integers(0, 30)) * 7
        end = start + int(rng.integers(10, 150))
        found.append(f"{day} {start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}")
    return "; ".join(found) or "none"


def _number(rng, blank, values):
    return "" if rng.random() < blank else str(rng.choice(values))


@pytest.fixture(scope="session")
def table():
    """Make profiles from columns."""

    def make(**columns):
        return read_profiles(pd.DataFrame(columns))

    return make


@pytest.fixture(scope="session")
def messy():
    """Make a random table with blanks, "none", odd capitals and spaces."""

    def make(seed, n, prefix, blank=0.2):
        rng = np.random.default_rng(seed)
        fine = rng.random() < 0.5  # many distinct numbers, or few
        years = np.round(rng.uniform(0, 40, 300 if fine else 6), 1)
        km = np.round(rng.normal(0, 5, 300 if fine else 6), 3)
        return read_profiles(
            pd.DataFrame(
                {
                    "id": [f"{prefix}{k}" for k in range(n)],
                    "subjects": [_draw(rng, SUBJECTS, 4, blank) for _ in range(n)],
                    "grades": [_draw(rng, GRADES, 3, blank) for _ in range(n)],
                    "goals": [_draw(rng, SKILLS, 5, blank) for _ in range(n)],
                    "strengths": [_draw(rng, SKILLS, 5, blank) for _ in range(n)],
                    "interests": [_draw(rng, INTERESTS, 4, blank) for _ in range(n)],
                    "school": [_number(rng, blank, SCHOOLS) for _ in range(n)],
                    "years": [_number(rng, blank, years) for _ in range(n)],
                    "km": [_number(rng, blank, km) for _ in range(n)],
                    "style_pace": [_number(rng, blank / 3, [1, 2, 3, 4, 5]) for _ in range(n)],
                    "style_tone": [_number(rng, blank / 3, [1, 2.5, 4.25, 5]) for _ in range(n)],
                    "style_plan": [_number(rng, blank / 3, [1, 3, 5]) for _ in range(n)],
                    "free": [_windows(rng, blank) for _ in range(n)],
                    "busy": [_windows(rng, 0.5) for _ in range(n)],
                    "teaching": [_windows(rng, blank) for _ in range(n)],
                    "modality": [_number(rng, blank, MODALITIES) for _ in range(n)],
                }
            )
        )

    return make
