"""Tables of a made-up district, as a coordinator would collect them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.datasets.bells import weekly_windows
from pairmatch.datasets.people import (
    GRADES,
    LEVELS,
    SKILLS,
    STYLES,
    SUBJECTS,
    draw_alike,
    draw_index,
    draw_people,
    level_of,
)
from pairmatch.errors import Fault, ProgramError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.datasets.people import Kind, People, Side

__all__ = ["District", "district", "staff"]

_TREES = ("Ash", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Hazel", "Juniper", "Larch", "Maple")
_LAND = ("Bay", "Brook", "Cliff", "Dale", "Field", "Glen", "Hill", "Lake", "Marsh", "Ridge")

_KINDS = ("easy", "hard", "one_ranking")


@dataclass(frozen=True, slots=True, eq=False)
class District:
    """Two tables of people who may be paired.

    Parameters
    ----------
    mentees : pandas.DataFrame
        One row a coached teacher.
    mentors : pandas.DataFrame
        One row a coach.
    """

    mentees: pd.DataFrame
    mentors: pd.DataFrame

    def __repr__(self) -> str:
        return f"District(n_mentees={len(self.mentees)}, n_mentors={len(self.mentors)})"


def district(
    n_mentees: int,
    n_mentors: int,
    seed: int = 0,
    *,
    n_schools: int = 6,
    kind: Kind = "easy",
    gaps: float = 0.08,
) -> District:
    """Return a made-up district: a table of mentees and a table of mentors.

    Parameters
    ----------
    n_mentees, n_mentors : int
        Number of rows of the two tables.
    seed : int, default 0
        The same numbers and seed give the same tables.
    n_schools : int, default 6
        Number of schools: half elementary, a third middle, a sixth high.
    kind : {"easy", "hard", "one_ranking"}, default "easy"
        ``"easy"``: everybody is drawn by themselves. ``"hard"``: everybody is a near copy of one
        of a dozen types, so that very many pairs are nearly equally good. ``"one_ranking"``:
        mentees are alike and mentors differ in quality, so that all want the same mentors first.
    gaps : float, default 0.08
        Share of blank cells in the columns that come from a survey; 0 to 1.

    Returns
    -------
    District
        ``mentees`` and ``mentors``, pandas frames with the standard columns. Lists and windows are
        ``;``-separated text, numbers are float64; blank is ``""`` in text and NaN in numbers.

    Raises
    ------
    ProgramError
        If a number is negative, ``n_schools`` is below 1, ``gaps`` is outside 0 to 1 or ``kind``
        is unknown.

    Notes
    -----
    Mentees have 0 to 4 years of experience, one in 16 came from elsewhere with more; mentors have
    4 to 35. A preparation period follows the subject within a school (in elementary schools the
    grade), so colleagues of one department often share it; Wednesday is the district's afternoon.
    ``evaluator`` is the most experienced mentor of the same school and subject if the table has
    one of 12 years or more, else the principal (``P-1``, ``P-2``, ..., who is in no table). Only
    ``Generator.random`` is drawn from. O(n), about 15 microseconds a person.

    Examples
    --------
    >>> pool = district(120, 70, seed=1)
    >>> pool
    District(n_mentees=120, n_mentors=70)
    >>> pool.mentors["max_mentees"].max()
    np.float64(3.0)
    """
    import pandas as pd

    _check(kind, gaps, n_schools, {"n_mentees": n_mentees, "n_mentors": n_mentors})
    rng = np.random.default_rng(seed)
    mentees = draw_people(rng, n_mentees, "mentee", n_schools, kind)
    mentors = draw_people(rng, n_mentors, "mentor", n_schools, kind)
    mentee_ids, mentor_ids = _ids("T", n_mentees), _ids("M", n_mentors)
    tables = []
    sides: tuple[Side, Side] = ("mentee", "mentor")
    for side, people, ids, others, other_ids in zip(
        sides,
        (mentees, mentors),
        (mentee_ids, mentor_ids),
        (mentors, mentees),
        (mentor_ids, mentee_ids),
        strict=True,
    ):
        table = _columns(rng, people, ids, side)
        if side == "mentee":
            table["evaluator"] = _evaluators(mentees, mentors, mentor_ids)
        table["wishes"] = _colleagues(rng, people, others, other_ids, share=0.06)
        table["vetoes"] = _colleagues(rng, people, others, other_ids, share=0.02)
        _blank(rng, table, gaps)
        tables.append(pd.DataFrame(table))
    return District(*tables)


def staff(
    n: int, seed: int = 0, *, n_schools: int = 6, kind: Kind = "easy", gaps: float = 0.08
) -> pd.DataFrame:
    """Return a made-up staff list: one pool in which everybody can coach and be coached.

    Parameters
    ----------
    n : int
        Number of teachers.
    seed : int, default 0
        The same number and seed give the same table.
    n_schools, kind, gaps
        As in `district`; with ``"one_ranking"`` all want the same teachers in their group.

    Returns
    -------
    pandas.DataFrame
        One row a teacher of 0 to 35 years, ``role`` ``"both"``, strengths and goals.

    Raises
    ------
    ProgramError
        As in `district`.

    Examples
    --------
    >>> staff(61)["role"].unique().tolist()
    ['both']
    """
    import pandas as pd

    _check(kind, gaps, n_schools, {"n": n})
    rng = np.random.default_rng(seed)
    table = _columns(rng, draw_people(rng, n, "both", n_schools, kind), _ids("S", n), "both")
    _blank(rng, table, gaps)
    return pd.DataFrame(table)


def _check(kind: str, gaps: float, n_schools: int, n_people: dict[str, int]) -> None:
    """Refuse what no district can have, all of it at once."""
    faults = [
        Fault(f"{name} is {count}; expected a whole number, 0 or more")
        for name, count in n_people.items()
        if count < 0
    ]
    if n_schools < 1:
        faults.append(Fault(f"n_schools is {n_schools}; expected a whole number, 1 or more"))
    if not 0 <= gaps <= 1:
        faults.append(Fault(f"gaps is {gaps!r}; expected a share from 0 to 1"))
    if kind not in _KINDS:
        faults.append(Fault(f"kind {kind!r} is unknown.{did_you_mean(kind, _KINDS)}"))
    if faults:
        raise ProgramError("such a district cannot be made", faults)


def _ids(prefix: str, n: int) -> NDArray[np.object_]:
    width = max(3, len(str(n)))
    return np.array([f"{prefix}-{k:0{width}d}" for k in range(1, n + 1)], dtype=object)


def _pick(
    rng: np.random.Generator, n: int, texts: Sequence[str], weight: Sequence[float]
) -> NDArray[np.object_]:
    return np.array(texts, dtype=object)[draw_alike(rng, n, weight)]


def _pair(firsts: Sequence[str], seconds: Sequence[str]) -> NDArray[np.object_]:
    """Write every first text with every second one; people share these strings."""
    return np.array([[first + second for second in seconds] for first in firsts], dtype=object)


def _join(member: NDArray[np.bool_], labels: Sequence[str]) -> NDArray[np.object_]:
    """Write a membership matrix as ``;``-separated text; equal rows share one string."""
    bits, row = np.unique(member @ (1 << np.arange(len(labels))), return_inverse=True)
    texts = ["; ".join(x for k, x in enumerate(labels) if b >> k & 1) for b in bits.tolist()]
    return np.array([*texts, ""], dtype=object)[row]


def _school_names(n_schools: int) -> NDArray[np.object_]:
    names = []
    for school, level in enumerate(level_of(np.arange(n_schools)).tolist()):
        turn, land = divmod(school, len(_LAND))
        names.append(f"{_LAND[land]} {LEVELS[level]}{f' {turn + 1}' if turn else ''}")
    return np.array(names, dtype=object)


def _columns(
    rng: np.random.Generator, people: People, ids: NDArray[np.object_], side: Side
) -> dict[str, NDArray[np.object_] | NDArray[np.float64]]:
    """Write people as columns of a table, nothing blank yet."""
    n = len(ids)
    coaches, coached = side != "mentee", side != "mentor"
    schools = _school_names(people.school.max(initial=0) + 1)
    credential = _pair(SUBJECTS, ["", " (preliminary)"])
    subjects = _pair(SUBJECTS, ["", *(f"; {name}" for name in SUBJECTS)])
    grade = np.arange(len(GRADES)) - people.first_grade[:, None]
    taught = (grade >= 0) & (grade < people.n_grades[:, None])
    given, family = draw_index(rng, n, 10), draw_index(rng, n, 10)
    table: dict[str, NDArray[np.object_] | NDArray[np.float64]] = {
        "id": ids,
        "name": _pair(_TREES, [f" {name}" for name in _LAND])[given, family],
        "email": np.array([f"{x.lower()}@example.org" for x in ids], dtype=object),
        "school": schools[people.school],
        "role": np.full(n, side, dtype=object),
        "credential": credential[people.subject, (people.years < 2).astype(np.int64)],
        "subjects": subjects[people.subject, people.second + 1],
        "grades": _join(taught, GRADES),
        "years": people.years.astype(np.float64),
    }
    if coaches:
        table["strengths"] = _join(people.strengths, SKILLS)
    if coached:
        table["goals"] = _join(people.goals, SKILLS)
    for k, name in enumerate(STYLES):
        table[name] = people.style[:, k].astype(np.float64)
    level, shift = level_of(people.school), people.school // 3
    table["free"], table["teaching"] = weekly_windows(level, shift, people.preparation, people.days)
    table["modality"] = _pick(rng, n, ("in_person", "either", "virtual"), (60, 30, 10))
    if coaches:
        table["max_mentees"] = _pick(rng, n, list("0123"), (4, 46, 34, 16)).astype(np.float64)
        table["minutes_per_week"] = 45 * np.maximum(table["max_mentees"], 1)
        table["trained"] = _pick(rng, n, ("yes", "no"), (70, 30))
    table["commitment"] = _pick(rng, n, ("low", "medium", "high"), (10, 50, 40))
    if coached:
        dates = np.datetime64("2026-07-20") + np.arange(90)
        day = (rng.random(n) ** 2 * len(dates)).astype(np.int64)
        table["enrolled"] = dates.astype(str).astype(object)[day]
    return table


def _evaluators(
    mentees: People, mentors: People, mentor_ids: NDArray[np.object_]
) -> NDArray[np.object_]:
    """Return the head of department of each mentee, or the principal's id."""
    group = mentees.school * len(SUBJECTS) + mentees.subject
    head_group = mentors.school * len(SUBJECTS) + mentors.subject
    order = np.lexsort((-mentors.years, head_group))
    order = order[mentors.years[order] >= 12]
    groups, first = np.unique(head_group[order], return_index=True)
    heads = np.array(["", *mentor_ids[order[first]]], dtype=object)
    place = np.searchsorted(groups, group)
    found = np.isin(group, groups)
    n_schools = int(mentees.school.max(initial=0)) + 1
    principals = np.array([f"P-{s + 1}" for s in range(n_schools)], dtype=object)
    return np.where(found, heads[np.where(found, place + 1, 0)], principals[mentees.school])


def _colleagues(
    rng: np.random.Generator,
    people: People,
    others: People,
    other_ids: NDArray[np.object_],
    *,
    share: float,
) -> NDArray[np.object_]:
    """Name one person of the other table and the same school, for a share of the people."""
    order = np.argsort(others.school, kind="stable")
    first = np.searchsorted(others.school[order], people.school, side="left")
    n_there = np.searchsorted(others.school[order], people.school, side="right") - first
    named = (rng.random(len(people.school)) < share) & (n_there > 0)
    place = first + (rng.random(len(people.school)) * n_there).astype(np.int64)
    texts = np.array(["", *other_ids[order]], dtype=object)
    return texts[np.where(named, place + 1, 0)]


def _blank(
    rng: np.random.Generator,
    table: dict[str, NDArray[np.object_] | NDArray[np.float64]],
    gaps: float,
) -> None:
    """Blank a share of the survey's cells; one person in five leaves three times as many."""
    n = len(table["id"])
    often = min(1.0, 3 * gaps)
    share = np.where(rng.random(n) < 0.2, often, (gaps - 0.2 * often) / 0.8)
    kept = ("id", "name", "email", "school", "role", "evaluator", "enrolled", "wishes", "vetoes")
    for name, column in table.items():
        if name not in kept:
            column[rng.random(n) < share] = np.nan if column.dtype == np.float64 else ""
