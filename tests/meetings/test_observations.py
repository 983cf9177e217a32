"""Lessons that one watches while the other teaches: which pairs, when, and in which week."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.plans.observations import _colour
from pairmatch.profiles.phrases import parse_windows
from pairmatch.profiles.week import DAYS

PERIODS = [f"{day} {h:02d}:00-{h:02d}:50" for day in ("Mon", "Tue") for h in (8, 9, 10)]

PERIOD_STARTS = [d * 1440 + h * 60 for d in (0, 1) for h in (8, 9, 10)]


def sheet(prefix, free, teaching, **columns):
    n = len(free)
    return pd.DataFrame(
        {"id": [f"{prefix}{k}" for k in range(n)], "free": free, "teaching": teaching,
         "subjects": ["art"] * n, **columns}
    )  # fmt: skip


def plan_of(mentees, mentors, *rules, most=3):
    return pm.match(mentees, mentors, pm.Program([pm.SubjectMatch()], [pm.Load(most), *rules]))


def minutes(windows):
    return {m for a, b in windows for m in range(a, b)}


@st.composite
def schools(draw):
    def side(prefix):
        rows = []
        for _ in range(draw(st.integers(1, 4))):
            kinds = draw(st.lists(st.sampled_from("ft-"), min_size=6, max_size=6))
            rows.append(
                [
                    "; ".join(p for p, k in zip(PERIODS, kinds, strict=True) if k == kind)
                    for kind in "ft"
                ]
            )
        return sheet(prefix, [row[0] for row in rows], [row[1] for row in rows])

    return side("T"), side("M")


@settings(max_examples=40)
@given(schools(), st.booleans(), st.booleans())
def test_pairs_are_those_who_can_watch_each_other_and_lessons_hold(tables, both_ways, meets):
    rule = pm.Observation(minutes=45, both_ways=both_ways)
    mentees, mentors = map(pm.read_profiles, tables)
    bound = rule.bind(mentees, mentors)
    i, j = np.arange(len(mentees))[:, None], np.arange(len(mentors))[None, :]
    forbidden = bound.forbids(i, j, np.zeros((len(mentees), len(mentors))))
    for a in range(len(mentees)):
        for b in range(len(mentors)):
            ways = [(mentors, b, mentees, a)] + ([(mentees, a, mentors, b)] if both_ways else [])
            fine = all(
                x.windows("free")[k] is not None
                and y.windows("teaching")[m] is not None
                and set(x.windows("free")[k]) & set(y.windows("teaching")[m])
                for x, k, y, m in ways
            )
            assert forbidden[a, b] == (not fine)
            assert (rule.breach(mentees, a, mentors, b, 0) is None) == fine
    plan = plan_of(*tables, rule, *([pm.Meetings(45)] if meets else []))
    pm.verify(plan)
    frame = plan.timetable()
    cells = {row.id: row for table in tables for row in table.itertuples()}
    seen = Counter()
    for row in frame[frame["kind"] == "observation"].itertuples():
        if not row.day:
            continue
        start = DAYS.index(row.day) * 1440 + int(row.start[:2]) * 60 + int(row.start[3:])
        asked = set(range(start, start + 45))
        assert asked <= minutes(parse_windows(cells[row.observed].teaching))
        assert asked <= minutes(parse_windows(cells[row.observer].free))
        for person in row.people.split(";"):
            seen[person, row.week] += 1
    assert not seen or max(seen.values()) == 1
    assert (frame["kind"] == "observation").sum() == plan.matched * (2 if both_ways else 1)


def test_the_reason_says_who_is_never_free_while_whom_teaches():
    mentees = sheet("T", ["Mon 08:00-08:50"], ["Mon 09:00-09:50"])
    late = sheet("M", ["Tue 08:00-08:50"], ["Mon 08:00-08:50"])
    plan = plan_of(mentees, late, pm.Observation())
    assert "the mentor is never free for 45 minutes while the mentee teaches" in str(
        plan.why_unmatched("T0")
    )
    silent = sheet("M", ["Mon 09:00-09:50"], [""])
    assert "no teaching time given by the mentor" in str(
        plan_of(mentees, silent, pm.Observation()).why_unmatched("T0")
    )
    assert plan_of(mentees, silent, pm.Observation(both_ways=False)).matched == 1


def test_lessons_avoid_weekly_meetings_and_say_so_where_none_is_left():
    mentees = sheet("T", ["Mon 08:00-08:50"], ["Mon 09:00-09:50; Tue 09:00-09:50"])
    mentors = sheet("M", ["Mon 08:00-09:50; Tue 09:00-09:50"], ["Tue 08:00-08:50"])
    rules = pm.Meetings(45), pm.Observation(both_ways=False)
    plan = plan_of(mentees, mentors, *rules)
    assert plan.timetable()["kind"].tolist() == ["meeting", "observation"]
    assert plan.timetable()["start"].tolist() == ["08:00", "09:00"]
    tight = sheet("T", ["Mon 09:00-09:50"], ["Mon 09:00-09:50"])
    plan = plan_of(tight, mentors, *rules)
    assert "1 have no time left beside the weekly meetings: M0 at T0" in plan.summary()


def test_a_weekly_meeting_moves_aside_for_a_lesson():
    mentees = sheet("T", ["Mon 09:00-09:50; Tue 10:00-10:50"], ["Mon 09:00-09:50"])
    mentors = sheet("M", ["Mon 09:00-09:50; Tue 10:00-10:50"], ["none"])
    observe = pm.Observation(both_ways=False)
    plan = plan_of(mentees, mentors, pm.Meetings(45), observe)
    assert plan.timetable()["day"].tolist() == ["Tue", "Mon"]
    assert "have no time left" not in plan.summary()
    assert pm.verify(plan).proved
    kept = plan_of(mentees, mentors, pm.Meetings(45, prefer="Mon 08:00-12:00"), observe)
    assert kept.timetable()["day"].tolist() == ["Mon", ""]


def fewest_lost(plan, rule):
    """The fewest lessons without a time, over all ways to place the meetings of these pairs."""
    slots, pairs = plan.problem.slots, plan.solution.pairs.tolist()
    tables = plan.scored.coached, plan.scored.coach
    best = None
    joint = [np.flatnonzero(slots.row[i] & slots.column[j]).tolist() for i, j in pairs]
    for chosen in product(*joint):
        own = {}
        for (i, j), slot in zip(pairs, chosen, strict=True):
            own.setdefault(("t", i), set()).add(int(slots.start[slot]))
            own.setdefault(("m", j), set()).add(int(slots.start[slot]))
        if sum(len(starts) for who, starts in own.items() if who[0] == "m") < len(pairs):
            continue
        lost = 0
        for i, j in pairs:
            met = own["t", i] | own["m", j]
            lost += not [
                s for s in PERIOD_STARTS
                if s not in met
                and {s, s + 49} <= minutes(tables[0].windows("teaching")[i] or ())
                and {s, s + 49} <= minutes(tables[1].windows("free")[j] or ())
            ]  # fmt: skip
        best = lost if best is None else min(best, lost)
    return best or 0


@settings(max_examples=30)
@given(schools())
def test_no_other_placing_of_the_meetings_loses_fewer_lessons(tables):
    overlap = tables[0].assign(teaching=tables[0]["free"])  # teaching while free: always conflicts
    rule = pm.Observation(50, both_ways=False)
    plan = plan_of(overlap, tables[1], rule, pm.Meetings(50))
    pm.verify(plan)
    frame = plan.timetable()
    lost = int(((frame["kind"] == "observation") & (frame["day"] == "")).sum())
    assert lost == fewest_lost(plan, rule)


def test_meetings_of_people_in_both_tables_move_one_mentor_at_a_time():
    n = 40
    kinds = np.random.default_rng(3).choice(list("fffft"), (n, 6))
    rows = [["; ".join(p for p, k in zip(PERIODS, row, strict=True) if k == kind) for row in kinds]
            for kind in "ft"]  # fmt: skip
    table = sheet("P", rows[0], rows[0])  # whoever is free teaches, so that meetings are in the way
    rule = pm.Observation(45, both_ways=False)
    plan = plan_of(table, table, rule, pm.Meetings(45), most=2)
    assert plan.matched > 30
    assert pm.verify(plan).proved
    turned = plan_of(table[::-1], table[::-1], rule, pm.Meetings(45), most=2)
    assert turned.timetable().equals(plan.timetable())


def test_a_mentor_has_no_more_partners_than_the_term_has_weeks_for():
    mentees = sheet("T", ["Mon 08:00-08:50"] * 4, ["Mon 09:00-09:50"] * 4)
    mentors = sheet("M", ["Mon 09:00-09:50"], ["Mon 08:00-08:50"])
    plan = plan_of(mentees, mentors, pm.Observation(weeks=6), most=4)
    assert plan.matched == 3
    assert sorted(plan.timetable()["week"]) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(pm.InfeasibleError, match="6 weeks are enough for 3"):
        pm.match(
            mentees,
            mentors,
            pm.Program([pm.SubjectMatch()], [pm.Load(4, 4), pm.Observation(weeks=6)]),
        )


def test_conferences_lie_before_and_after_in_joint_free_time():
    mentees = sheet("T", ["Mon 08:00-08:50; Mon 10:00-10:50"], ["Mon 09:00-09:50"])
    mentors = sheet("M", ["Mon 08:30-11:00"], ["none"])
    plan = plan_of(mentees, mentors, pm.Observation(both_ways=False, conferences=15))
    frame = plan.timetable()
    assert frame["kind"].tolist() == ["conference", "observation", "conference"]
    assert frame["start"].tolist() == ["08:35", "09:00", "10:00"]
    assert frame["end"].tolist() == ["08:50", "09:45", "10:15"]
    assert frame["observer"].tolist() == ["", "M0", ""]


def test_cover_is_counted_and_least():
    mentees = sheet("T", ["Mon 08:00-08:50"], ["Mon 09:00-09:50; Tue 09:00-09:50"])
    mentors = sheet("M", ["Tue 09:20-09:50"], ["Mon 09:00-09:50"])
    assert plan_of(mentees, mentors, pm.Observation(both_ways=False)).matched == 0
    plan = plan_of(mentees, mentors, pm.Observation(both_ways=False, cover_cost=0.002))
    assert plan.timetable()["day"].tolist() == ["Tue"]
    assert plan.cover == 15
    assert "in 1 weeks, 15 minutes of cover" in plan.summary()
    assert "15 minutes of cover at least, which cost 0.03 of the total" in plan.summary()
    pm.verify(plan)


@settings(max_examples=25)
@given(st.data(), st.integers(3, 9), st.sampled_from([3, (3, 5), 2]), st.booleans())
def test_in_groups_everybody_watches_everybody_beside_the_meeting(data, n, size, meets):
    kinds = [
        data.draw(st.lists(st.sampled_from("fftt-"), min_size=6, max_size=6)) for _ in range(n)
    ]
    free, teaching = (
        ["; ".join(p for p, k in zip(PERIODS, row, strict=True) if k == kind) for row in kinds]
        for kind in "ft"
    )
    table = sheet("P", free, teaching)
    rule = pm.Observation(minutes=45, weeks=10)
    rules = [rule, *([pm.Meetings(45)] if meets else [])]
    plan = pm.form_groups(table, pm.Program([pm.SubjectMatch()], rules, size=size))
    pm.verify(plan)
    cells = {row.id: row for row in table.itertuples()}
    frame = plan.timetable()
    lessons = frame[frame["kind"] == "observation"]
    asked = sorted((a, b) for group in plan.group_ids for a in group for b in group if a != b)
    found = zip(lessons["observer"], lessons["observed"], strict=True)
    assert sorted(found) == asked
    seen = Counter()
    meeting = {
        row.group: (row.day, row.start) for row in frame[frame["kind"] == "meeting"].itertuples()
    }
    assert len(meeting) == (len(plan.groups) if meets else 0)
    for row in lessons.itertuples():
        assert {row.observer, row.observed} == set(row.people.split(";"))
        seen[row.observer, row.week] += 1
        seen[row.observed, row.week] += 1
        joint = minutes(parse_windows(cells[row.observed].teaching or "none"))
        joint &= minutes(parse_windows(cells[row.observer].free or "none"))
        assert joint
        if not row.day:
            assert meets
            continue
        start = DAYS.index(row.day) * 1440 + int(row.start[:2]) * 60 + int(row.start[3:])
        assert set(range(start, start + 45)) <= joint
        assert meeting.get(row.group) != (row.day, row.start)
    assert not seen or max(seen.values()) == 1
    assert not seen or max(week for _, week in seen) <= 10


def pool_of_three(**columns):
    """Each teaches while the two others are free; all are free on Monday at 8 and Tuesday at 9."""
    free = [
        "Mon 08:00-08:50; Tue 08:00-08:50; Mon 10:00-10:50; Tue 09:00-09:50",
        "Mon 08:00-08:50; Mon 09:00-09:50; Mon 10:00-10:50; Tue 09:00-09:50",
        "Mon 08:00-08:50; Mon 09:00-09:50; Tue 08:00-08:50; Tue 09:00-09:50",
    ]
    return sheet("P", free, ["Mon 09:00-09:50", "Tue 08:00-08:50", "Mon 10:00-10:50"], **columns)


def test_a_group_is_no_larger_than_the_weeks_allow_and_the_error_says_how_many():
    program = pm.Program([pm.SubjectMatch()], [pm.Observation(weeks=6)], size=3)
    plan = pm.form_groups(pool_of_three(), program)
    assert len(plan.groups) == 1
    assert sorted(plan.timetable()["week"]) == [1, 2, 3, 4, 5, 6]
    assert plan.problem.largest == 4
    assert "6 observations of 45 minutes in 6 weeks" in plan.summary()
    with pytest.raises(pm.ProgramError, match=r"takes 6 weeks until .* and the term has 5"):
        pm.form_groups(pool_of_three(), program.replace(constraints=[pm.Observation(weeks=5)]))
    one_way = program.replace(constraints=[pm.Observation(both_ways=False, weeks=2)])
    with pytest.raises(pm.ProgramError, match=r"takes 3 weeks until each two have met"):
        pm.form_groups(pool_of_three(), one_way)


def test_one_way_in_a_group_each_watches_one_and_is_watched_by_one():
    rule = pm.Observation(45, both_ways=False, weeks=3)
    plan = pm.form_groups(pool_of_three(), pm.Program([pm.SubjectMatch()], [rule], size=3))
    pm.verify(plan)
    frame = plan.timetable()
    assert sorted(frame["observer"]) == ["P0", "P1", "P2"]
    assert sorted(frame["observed"]) == ["P0", "P1", "P2"]
    assert sorted(frame["week"]) == [1, 2, 3]


@settings(max_examples=25)
@given(st.data(), st.integers(3, 7), st.sampled_from([3, 2]), st.booleans())
def test_one_way_two_share_a_group_if_one_of_them_can_watch_the_other(data, n, size, covered):
    kinds = [
        data.draw(st.lists(st.sampled_from("fftt-"), min_size=6, max_size=6)) for _ in range(n)
    ]
    free, teaching = (
        ["; ".join(p for p, k in zip(PERIODS, row, strict=True) if k == kind) for row in kinds]
        for kind in "ft"
    )
    rule = pm.Observation(45, both_ways=False, cover_cost=0 if covered else None)
    table = sheet("P", free, teaching)
    plan = pm.form_groups(table, pm.Program([pm.SubjectMatch()], [rule], size=size))
    pm.verify(plan)

    def may(a, b):
        taught = minutes(parse_windows(teaching[b] or "none"))
        return bool(taught if covered else taught & minutes(parse_windows(free[a] or "none")))

    people = pm.read_profiles(table)
    known = [people.windows("teaching")[k] is not None for k in range(n)]
    asked = [people.windows("free")[k] is not None for k in range(n)]
    ids = list(table["id"])
    frame = plan.timetable()
    for row in frame.itertuples():
        assert may(ids.index(row.observer), ids.index(row.observed))
        assert row.day
    pairs = Counter(frozenset((a, b)) for a, b in zip(frame["observer"], frame["observed"]))  # noqa: B905
    assert pairs == Counter(
        frozenset((a, b)) for g in plan.group_ids for a in g for b in g if a < b
    )
    if size == 2 and plan.matched < n - 1:
        alone = [ids.index(person) for person in plan.unmatched["id"]]
        for a in alone:
            for b in alone:
                fine = known[b] and (asked[a] or covered) and may(a, b)
                assert a == b or not fine


def test_cover_is_not_chosen_among_groups_and_reported():
    table = pool_of_three()
    table["free"] = ["none"] * 3
    rule = pm.Observation(45, both_ways=False, cover_cost=0, weeks=3)
    plan = pm.form_groups(table, pm.Program([pm.SubjectMatch()], [rule], size=3))
    pm.verify(plan)
    assert "3 observations of 45 minutes in 3 weeks, 135 minutes of cover" in plan.summary()


def test_a_group_meets_when_no_lesson_is_lost():
    table = pool_of_three()
    table.loc[0, "teaching"] = "Mon 08:10-08:55; Mon 09:00-09:50"  # taught while free: a typo?
    rules = [pm.Meetings(45), pm.Observation(45)]
    plan = pm.form_groups(table, pm.Program([pm.SubjectMatch()], rules, size=3))
    assert "have no time left" not in plan.summary()
    late = table.assign(
        free=[cell.replace("; Tue 09:00-09:50", "") for cell in table["free"]],
        teaching=["Mon 08:00-08:50", *table["teaching"][1:]],
    )
    plan = pm.form_groups(late, pm.Program([pm.SubjectMatch()], rules, size=3))
    assert "2 have no time left beside the weekly meetings: P2 at P0, P1 at P0" in plan.summary()
    frame = plan.timetable()
    assert (frame["day"] == "").sum() == 2
    pm.verify(plan)


def test_spoiled_lessons_of_groups_are_refused():
    program = pm.Program([pm.SubjectMatch()], [pm.Observation(45), pm.Meetings(45)], size=3)
    plan = pm.form_groups(pool_of_three(), program)
    ((start, ways),) = plan.chosen_times
    (pair, when), *_ = ways.items()
    for times, why in (
        ((start, ways | {pair: replace(when, start=480)}), "does not teach then"),
        (((when.start,), ways), "not free for the meeting|at the same time"),
    ):
        spoiled = replace(plan)
        vars(spoiled)["chosen_times"] = (times,)
        with pytest.raises(pm.CertificateError, match=why):
            pm.verify(spoiled)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(6, 10)), max_size=18))
def test_weeks_are_enough_wherever_nobody_has_more_lessons_than_weeks(edges):
    degree = Counter(person for edge in edges for person in edge)
    most = max(degree.values(), default=1)
    weeks = _colour(edges, most)
    assert all(1 <= week <= most for week in weeks)
    used = Counter((p, week) for edge, week in zip(edges, weeks, strict=True) for p in edge)
    assert all(count == 1 for count in used.values())


@pytest.mark.parametrize(
    "arguments", [{"minutes": 0}, {"weeks": 0}, {"cover_cost": -1}, {"conferences": -5}]
)
def test_impossible_observations_are_refused(arguments):
    with pytest.raises(pm.ProgramError, match=f"{next(iter(arguments))} is"):
        pm.Observation(**arguments)


def test_tables_without_lessons_are_named():
    mentees = sheet("T", [""], [""]).drop(columns="teaching")
    with pytest.raises(pm.ProgramError, match="the mentees have no column 'teaching'"):
        plan_of(mentees, sheet("M", [""], [""]), pm.Observation())
