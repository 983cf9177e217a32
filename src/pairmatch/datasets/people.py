"""People of a made-up district as indices: what they teach, can do, want and when they prepare."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from pairmatch.datasets.bells import N_PERIODS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "GRADES",
    "LEVELS",
    "SKILLS",
    "STYLES",
    "SUBJECTS",
    "Kind",
    "People",
    "Side",
    "draw_alike",
    "draw_index",
    "draw_people",
    "level_of",
]

Kind = Literal["easy", "hard", "one_ranking"]
Side = Literal["mentee", "mentor", "both"]

SKILLS = (
    # classroom
    "classroom management",
    "routines and procedures",
    "student relationships",
    "restorative practices",
    "family communication",
    # instruction
    "questioning",
    "discussion facilitation",
    "differentiation",
    "lesson design",
    "project-based learning",
    # assessment
    "formative assessment",
    "feedback to students",
    "data use",
    "grading practices",
    "standards alignment",
    # inclusion
    "technology integration",
    "multilingual learners",
    "special education inclusion",
    "literacy across subjects",
    "culturally responsive teaching",
)
_FAMILY = np.arange(len(SKILLS)) // 5  # the four families of skills above
# Subject, weight in elementary, middle and high schools, and its neighbour as a second subject.
_SUBJECT_TABLE = (
    ("reading", 8, 2, 0, "social studies"),
    ("maths", 5, 5, 5, "science"),
    ("science", 2, 4, 5, "maths"),
    ("english", 0, 5, 5, "social studies"),
    ("social studies", 3, 4, 4, "english"),
    ("computer science", 0, 1, 2, "maths"),
    ("spanish", 0, 1, 2, "french"),
    ("french", 0, 1, 1, "spanish"),
    ("art", 1, 1, 1, "music"),
    ("music", 1, 1, 1, "art"),
    ("physical education", 1, 2, 2, "health"),
    ("health", 0, 1, 1, "physical education"),
    ("special education", 2, 2, 2, "reading"),
    ("english as a second language", 1, 1, 1, "english"),
)
SUBJECTS = tuple(row[0] for row in _SUBJECT_TABLE)
_NEIGHBOUR = np.array([SUBJECTS.index(row[4]) for row in _SUBJECT_TABLE])
_SUBJECT_WEIGHT = np.array([row[1:4] for row in _SUBJECT_TABLE], dtype=float).T
_MATHS = SUBJECTS.index("maths")
GRADES = ("K", *(str(grade) for grade in range(1, 13)))
LEVELS = ("Elementary", "Middle", "High")
_LEVEL_OF_SCHOOL = (0, 1, 2, 0, 1, 0)  # repeated when there are more than six schools
_FIRST_GRADE, _N_GRADES = np.array([0, 6, 9]), np.array([6, 3, 4])
STYLES = ("style_pace", "style_structure", "style_talk")
_ROWS = 1 << 13


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """What the wishes of n people depend on, as indices; one entry (or row) a person."""

    school: NDArray[np.int64]
    subject: NDArray[np.int64]
    second: NDArray[np.int64]  # -1: teaches one subject
    first_grade: NDArray[np.int64]
    n_grades: NDArray[np.int64]
    years: NDArray[np.int64]
    strengths: NDArray[np.bool_]  # (n, n_skills)
    goals: NDArray[np.bool_]  # (n, n_skills)
    style: NDArray[np.int64]  # (n, n_styles), 1..5
    preparation: NDArray[np.int64]  # pattern of preparation periods
    days: NDArray[np.int64]  # (n, 3): before school, preparation, after school, as bits of days

    def take(self, rows: NDArray[np.int64]) -> People:
        """Return these people, as copies."""
        return People(*(getattr(self, field.name)[rows] for field in fields(self)))


def draw_people(rng: np.random.Generator, n: int, side: Side, n_schools: int, kind: Kind) -> People:
    """Draw n people; the same steps for every kind, changed afterwards."""
    if kind == "hard":
        types = draw_people(rng, 12, side, n_schools, "easy")
        return _vary(rng, types.take(draw_index(rng, n, 12)))
    school = _school(rng, n, side, n_schools)
    level = level_of(school)
    if kind == "one_ranking":
        subject, second = np.full(n, _MATHS), np.full(n, -1)
    else:
        subject = _draw_weighted(rng, _SUBJECT_WEIGHT[level])
        second = np.where(rng.random(n) < 0.3, _NEIGHBOUR[subject], -1)
    n_grades = np.minimum(1 + draw_index(rng, n, 3), _N_GRADES[level])
    first = _FIRST_GRADE[level] + (rng.random(n) * (_N_GRADES[level] - n_grades + 1)).astype(int)
    years = _years(rng, n, side)
    # One family of skills is the person's own; novices want the classroom first.
    lean = np.where(np.arange(4) == draw_index(rng, n, 4)[:, None], 4.0, 1.0)
    lean[np.arange(n), subject % 4] += 1.0
    wants = lean + np.where((years < 5)[:, None], [3.0, 0.5, 0.0, 0.0], 0.0)
    strengths = _some(rng, lean, 3 + draw_index(rng, n, 5) - 2 * (years < 5))
    goals = _some(rng, wants, 2 + draw_index(rng, n, 3), rare=strengths)
    temper = np.array([0.3, -0.2, 0.1]) * (subject % 5 - 2)[:, None]
    style = np.rint(3 + temper + 2.2 * (rng.random((n, 3, 3)).sum(axis=2) - 1.5))
    if kind == "one_ranking":  # the better mentor has every strength of the worse one, and more
        order = np.argsort(np.argsort(np.arange(len(SKILLS)) % 5 * 4 + _FAMILY))
        strengths = order < np.rint(1 + 13 * rng.random(n))[:, None]
        goals = np.broadcast_to(order < 12, strengths.shape).copy()
        style[:] = 3
    chance = np.array([[0.15] * 5, [0.75] * 5, [0.25, 0.3, 0.7, 0.3, 0.1]])
    team = np.where(level == 0, first, subject)  # shares its preparation period in three of four
    period = np.where(rng.random(n) < 0.75, school * 3 + team, draw_index(rng, n, 8))
    n_periods = np.array(N_PERIODS)[level]
    return People(
        school=school,
        subject=subject,
        second=second,
        first_grade=first,
        n_grades=n_grades,
        years=years,
        strengths=strengths,
        goals=goals,
        style=np.clip(style, 1, 5).astype(np.int64),
        preparation=period % n_periods + n_periods * (rng.random(n) < 0.35),
        days=(rng.random((n, 3, 5)) < chance) @ (1 << np.arange(5)),
    )


def _vary(rng: np.random.Generator, people: People) -> People:
    """Make near copies: a year, a step of style, a skill or an afternoon may differ."""
    n = len(people.school)
    step = draw_index(rng, n, 7)  # who differs in one of the three scales; the others in none
    style = people.style + (np.arange(3) == step[:, None]) * np.where(people.style < 3, 1, -1)
    skill = np.arange(len(SKILLS)) == draw_index(rng, n, 2 * len(SKILLS))[:, None]
    days = people.days ^ (np.arange(3) == 2) * (1 << draw_index(rng, n, 10))[:, None] & 31
    return replace(
        people,
        years=people.years + draw_index(rng, n, 2),
        style=style,
        strengths=people.strengths | skill,
        goals=people.goals | skill & ~people.strengths,
        days=days,
    )


def level_of(school: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the level of each school, an index into `LEVELS`; the same for six schools on."""
    level: NDArray[np.int64] = np.array(_LEVEL_OF_SCHOOL)[school % len(_LEVEL_OF_SCHOOL)]
    return level


def draw_index(rng: np.random.Generator, n: int, high: int) -> NDArray[np.int64]:
    """Draw n integers from 0 to high - 1."""
    return (rng.random(n) * high).astype(np.int64)


def _draw_weighted(rng: np.random.Generator, weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw one column a row, in proportion to the weights of the row."""
    edges = np.cumsum(weight, axis=1)
    drawn = edges <= rng.random((len(weight), 1)) * edges[:, -1:]
    column: NDArray[np.int64] = drawn.sum(axis=1)
    return column


def draw_alike(rng: np.random.Generator, n: int, weight: ArrayLike) -> NDArray[np.int64]:
    """Draw n times from the same columns, in proportion to their weights."""
    edges = np.cumsum(np.asarray(weight, dtype=float))
    column: NDArray[np.int64] = np.searchsorted(edges, rng.random(n) * edges[-1], side="right")
    return column


def _some(
    rng: np.random.Generator,
    weight: NDArray[np.float64],
    n_drawn: NDArray[np.int64],
    rare: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Draw ``n_drawn`` skills a row without repetition, those of heavier families more often.

    The largest keys ``u ** (1 / weight)``: Efraimidis and Spirakis (2006),
    doi:10.1016/j.ipl.2005.11.003.
    """
    chosen = np.empty((len(weight), len(SKILLS)), np.bool_)
    for start in range(0, len(weight), _ROWS):  # a few people at a time: keys are large
        rows = slice(start, start + _ROWS)
        heavy = weight[rows][:, _FAMILY]
        if rare is not None:
            heavy[rare[rows]] = 0.02
        key = rng.random(heavy.shape) ** (1 / heavy)
        rank = np.argsort(np.argsort(-key, axis=1, kind="stable"), axis=1)
        chosen[rows] = rank < np.maximum(n_drawn[rows], 1)[:, None]
    return chosen


def _school(rng: np.random.Generator, n: int, side: Side, n_schools: int) -> NDArray[np.int64]:
    """Draw schools: high schools are large, and some schools have more novices than others."""
    school = np.arange(n_schools)
    size = np.array([2.0, 3.0, 5.0])[level_of(school)]
    turnover = 1 + (school * 5 % 7) / 6 * (1 if side == "mentee" else 0)
    return draw_alike(rng, n, size * turnover)


def _years(rng: np.random.Generator, n: int, side: Side) -> NDArray[np.int64]:
    """Draw years of experience; both distributions thin out towards the top."""
    u, elsewhere = rng.random(n), rng.random(n) < 1 / 16
    novice = np.where(elsewhere, 5 + 11 * u, 5 * u**1.6)
    veteran = 4 + 31 * u**1.7
    if side == "both":
        return np.where(rng.random(n) < 0.35, novice, veteran).astype(np.int64)
    return (novice if side == "mentee" else veteran).astype(np.int64)
