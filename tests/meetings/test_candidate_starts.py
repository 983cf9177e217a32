"""The few starts that are tried are enough: compared with trying every minute."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairmatch as pm

SITES = ("A", "B", "C")


def clock(minute):
    return f"{minute // 60:02d}:{minute % 60:02d}"


@st.composite
def windows(draw, most=2):
    marks = draw(st.lists(st.integers(480, 525), min_size=0, max_size=2 * most, unique=True))
    marks = sorted(marks[: len(marks) // 2 * 2])
    return [(a, b) for a, b in zip(marks[::2], marks[1::2], strict=True)]


@st.composite
def tables(draw):
    def side(prefix, size):
        own = [draw(windows()) for _ in range(size)]
        free = ["; ".join(f"Mon {clock(a)}-{clock(b)}" for a, b in w) or "none" for w in own]
        school = [draw(st.sampled_from(SITES)) for _ in range(size)]
        modality = [draw(st.sampled_from(["in_person", "either", "virtual"])) for _ in range(size)]
        frame = pd.DataFrame({
            "id": [f"{prefix}{k}" for k in range(size)], "free": free, "school": school,
            "modality": modality, "subjects": ["art"] * size, "max_mentees": [3] * size,
        })  # fmt: skip
        return frame, own

    return side("T", draw(st.integers(1, 3))), side("M", draw(st.integers(1, 2)))


def best_by_minutes(mentees, mentors, length, way, demand, prefer=None):
    """The best (matched, pairs, meetings in the window) over all plans and all minutes."""
    (rows, row_free), (columns, column_free) = mentees, mentors

    def away(i, j):
        kinds = rows["modality"][i], columns["modality"][j]
        if "virtual" in kinds or kinds == ("either", "either"):
            return 0, None
        return way(rows["school"][i], columns["school"][j]), rows["school"][i]

    def fits(own, begin, end):
        return any(a <= begin and end <= b for a, b in own)

    def place(pairs, held, liked):
        nonlocal best
        if not pairs:
            best = max(best, (*score, liked))
            return True
        (i, j), rest = pairs[0], pairs[1:]
        found = False
        out, site = away(i, j)
        for t in range(480, 525 - length + 1):
            end = t + length
            if not fits(row_free[i], t, end) or not fits(column_free[j], t - out, end + out):
                continue
            for who, other_site, begin in held:
                if who & {("row", i), ("column", j)}:
                    gap = 0 if None in (site, other_site) else way(site, other_site)
                    if not (begin + length + gap <= t or end + gap <= begin):
                        break
            else:
                mine = ({("row", i), ("column", j)}, site, t)
                fine = int(prefer is not None and prefer[0] <= t and end <= prefer[1])
                found |= place(rest, [*held, mine], liked + fine)
                if found and prefer is None:
                    return True
        return found

    n, m = len(rows), len(columns)
    sets = [tuple(j for j in range(m) if bits >> j & 1) for bits in range(1 << m)]
    sets = [s for s in sets if len(s) <= demand]
    plans = [
        [(i, j) for i, own in enumerate(plan) for j in own] for plan in product(sets, repeat=n)
    ]
    plans = [p for p in plans if all([j for _, j in p].count(k) <= 3 for k in range(m))]
    best = (0, 0, 0)
    for pairs in sorted(plans, key=lambda p: (len({i for i, _ in p}), len(p)), reverse=True):
        score = len({i for i, _ in pairs}), len(pairs)
        if score < best[:2]:
            break
        place(pairs, [], 0)
    return best


def check(pool, length, travel, demand=1, prefer=None):
    mentees, mentors = pool

    def way(a, b):
        return 0 if a == b else travel.get((a, b), travel.get((b, a), 0))

    table = {a: {b: n for (x, b), n in travel.items() if x == a} for a in SITES}
    window = None if prefer is None else f"Mon {clock(prefer[0])}-{clock(prefer[1])}"
    rule = pm.Meetings(length, travel=table, prefer=window)
    rules = [pm.Load(), rule, *([pm.Demand(demand)] if demand > 1 else [])]
    plan = pm.match(mentees[0], mentors[0], pm.Program([pm.SubjectMatch()], rules))
    pm.verify(plan)
    frame = plan.timetable()
    liked = 0
    if prefer is not None:
        first, last = clock(prefer[0]), clock(prefer[1])
        liked = int(((frame["start"] >= first) & (frame["end"] <= last)).sum())
    found = plan.matched, len(plan.to_frame()), liked
    assert found == best_by_minutes(mentees, mentors, length, way, demand, prefer)


ways = st.fixed_dictionaries({
    ("A", "B"): st.integers(0, 9), ("A", "C"): st.integers(0, 9), ("B", "C"): st.integers(0, 25),
})  # fmt: skip


@settings(max_examples=40)
@given(tables(), st.integers(5, 11), ways)
def test_no_minute_of_the_week_allows_more_with_ways_between_schools(pool, length, travel):
    check(pool, length, travel)


@settings(max_examples=15)
@given(tables(), st.integers(5, 11), ways)
def test_no_minute_of_the_week_allows_more_with_two_mentors_each(pool, length, travel):
    check(pool, length, travel, demand=2)


@settings(max_examples=20)
@given(tables(), st.integers(8, 12), ways, st.integers(480, 510), st.integers(12, 30))
def test_no_minute_of_the_week_allows_more_meetings_at_preferred_times(
    pool, length, travel, begin, wide
):
    small = tuple((frame[:2], own[:2]) for frame, own in pool)
    check(small, length, travel, prefer=(begin, begin + wide))


def test_a_preferred_window_within_long_free_time_is_found():
    free = {"free": ["Mon 08:00-12:00"], "subjects": ["art"]}
    mentees = pd.DataFrame({"id": ["T"], **free})
    mentors = pd.DataFrame({"id": ["M"], **free})
    rule = pm.Meetings(45, prefer="Mon 10:10-10:56")
    plan = pm.match(mentees, mentors, pm.Program([pm.SubjectMatch()], [rule]))
    assert plan.timetable()["start"].tolist() == ["10:10"]


@pytest.mark.parametrize("seed", range(2))
def test_a_way_longer_than_by_the_mentors_own_school_is_waited_for(seed):
    """From B to C takes 40 minutes, though by A it would be 4: the table is believed."""
    mentees = pd.DataFrame({
        "id": ["T1", "T2"], "school": ["B", "C"][:: 1 - 2 * seed], "subjects": ["art"] * 2,
        "free": ["Mon 08:02-08:32", "Mon 08:00-10:00"],
    })  # fmt: skip
    mentors = pd.DataFrame({
        "id": ["M"], "school": ["A"], "subjects": ["art"],
        "free": ["Mon 08:00-08:34; Mon 09:10-10:00"],
    })  # fmt: skip
    travel = {"A": {"B": 2, "C": 2}, "B": {"C": 40}}
    rules = [pm.Load(2), pm.Meetings(30, travel=travel)]
    plan = pm.match(mentees, mentors, pm.Program([pm.SubjectMatch()], rules))
    pm.verify(plan)
    assert plan.timetable()["start"].tolist() == ["08:02", "09:12"]
