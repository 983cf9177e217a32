"""The made-up districts: what the tables hold, and that they stay the same."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from pairmatch.datasets import District, district, staff
from pairmatch.errors import ProgramError

WINDOW = re.compile(r"(Mon|Tue|Wed|Thu|Fri) (\d\d):(\d\d)-(\d\d):(\d\d)")
SURVEY = ["subjects", "years", "free", "style_pace", "modality", "commitment"]


def minutes(text: str) -> list[tuple[str, int, int]]:
    windows = []
    for part in text.split("; "):
        found = WINDOW.fullmatch(part)
        assert found, part
        day, *clock = found.groups()
        h1, m1, h2, m2 = map(int, clock)
        windows.append((day, 60 * h1 + m1, 60 * h2 + m2))
    return windows


def test_the_same_seed_gives_the_same_tables_and_another_seed_does_not():
    one, again, other = (district(80, 50, seed=seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(one.mentees, again.mentees)
    pd.testing.assert_frame_equal(one.mentors, again.mentors)
    assert not one.mentees.equals(other.mentees)
    pd.testing.assert_frame_equal(staff(40, seed=3), staff(40, seed=3))


@pytest.mark.parametrize("kind", ["easy", "hard", "one_ranking"])
def test_every_kind_has_the_asked_number_of_people_with_unique_ids(kind):
    pool = district(120, 70, seed=1, kind=kind)
    assert isinstance(pool, District)
    assert len(pool.mentees) == 120
    assert len(pool.mentors) == 70
    ids = [*pool.mentees["id"], *pool.mentors["id"]]
    assert len(set(ids)) == 190
    assert staff(61, kind=kind)["id"].is_unique


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_and_empty_pools_keep_their_columns(n):
    pool = district(n, n, kind="hard", n_schools=1)
    assert len(pool.mentees) == len(pool.mentors) == n
    assert "goals" in pool.mentees
    assert "max_mentees" in pool.mentors
    assert len(staff(n)) == n


def test_values_stay_in_their_ranges():
    pool = district(2000, 1500, seed=5, n_schools=30)
    for table in (pool.mentees, pool.mentors, staff(500, seed=5)):
        assert table["years"].dropna().between(0, 60).all()
        assert set(table["modality"]) <= {"in_person", "virtual", "either", ""}
        assert set(table["commitment"]) <= {"low", "medium", "high", ""}
        for scale in ("style_pace", "style_structure", "style_talk"):
            assert set(table[scale].dropna()) == {1, 2, 3, 4, 5}
    assert set(pool.mentors["max_mentees"].dropna()) == {0, 1, 2, 3}
    assert pool.mentors["years"].min() >= 4
    assert (pool.mentees["years"] < 5).mean() > 0.75
    assert pool.mentees["enrolled"].str.fullmatch(r"2026-\d\d-\d\d").all()


def test_grades_belong_to_the_level_of_the_school():
    table = district(800, 0, n_schools=13, gaps=0).mentees
    bands = {"Elementary": {"K", *"12345"}, "Middle": {*"678"}, "High": {"9", "10", "11", "12"}}
    for school, grades in zip(table["school"], table["grades"], strict=True):
        assert set(grades.split("; ")) <= bands[school.split()[1]]


def test_free_and_teaching_windows_are_readable_and_never_overlap():
    table = district(0, 400, seed=2, n_schools=9, gaps=0).mentors
    for free, teaching in zip(table["free"], table["teaching"], strict=True):
        busy = sorted(minutes(free) * bool(free) + minutes(teaching)) if free else minutes(teaching)
        assert all(start < end for _, start, end in busy)
        for day in {day for day, _, _ in busy}:
            spans = sorted((s, e) for d, s, e in busy if d == day)
            assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_colleagues_of_one_department_share_preparation_periods_more_often_than_strangers():
    table = district(1500, 0, seed=8, gaps=0).mentees
    table = table[table["school"].str.endswith("High")]
    main = table["subjects"].str.split("; ").str[0].to_numpy()
    teaching = table["teaching"].to_numpy()
    same_lessons = teaching[:, None] == teaching
    same_subject = main[:, None] == main
    others = ~np.eye(len(table), dtype=bool)
    assert same_lessons[same_subject & others].mean() > 2 * same_lessons[~same_subject].mean()


def test_novices_want_classroom_skills_more_than_others():
    table = staff(3000, seed=1, gaps=0)
    wants = table["goals"].str.contains("classroom management")
    novice = table["years"] < 5
    assert wants[novice].mean() > 1.5 * wants[~novice].mean()


def test_nobody_wants_to_learn_what_they_can_teach_nearly_always():
    table = staff(1000, seed=1, gaps=0)
    both = [
        len(set(a.split("; ")) & set(b.split("; ")))
        for a, b in zip(table["strengths"], table["goals"], strict=True)
    ]
    assert np.mean(both) < 0.05


def test_evaluators_are_veterans_of_the_same_school_or_its_principal():
    pool = district(500, 200, seed=6, gaps=0)
    mentors = pool.mentors.set_index("id")
    heads = 0
    for school, subjects, evaluator in zip(
        pool.mentees["school"], pool.mentees["subjects"], pool.mentees["evaluator"], strict=True
    ):
        if evaluator.startswith("P-"):
            continue
        heads += 1
        head = mentors.loc[evaluator]
        assert head["school"] == school
        assert head["subjects"].split("; ")[0] == subjects.split("; ")[0]
        assert head["years"] >= 12
    assert heads > 100


def test_wishes_and_vetoes_are_few_and_name_people_of_the_same_school():
    pool = district(1000, 300, seed=2)
    school = pool.mentors.set_index("id")["school"]
    wishes = pool.mentees[pool.mentees["wishes"] != ""]
    assert 0.03 < len(wishes) / 1000 < 0.1
    assert (school[wishes["wishes"]].to_numpy() == wishes["school"].to_numpy()).all()
    assert 0 < (pool.mentees["vetoes"] != "").mean() < 0.05


@pytest.mark.parametrize("gaps", [0, 0.08, 0.5, 1])
def test_gaps_is_the_share_of_blank_cells_of_the_survey(gaps):
    table = district(4000, 0, gaps=gaps, n_schools=20).mentees
    blank = table[SURVEY].isna() | (table[SURVEY] == "")
    assert blank.to_numpy().mean() == pytest.approx(gaps, abs=0.01)
    assert (table["school"] != "").all()


def test_blanks_gather_with_the_people_who_skipped_the_survey():
    table = district(5000, 0, gaps=0.2).mentees
    n_blank = (table[SURVEY].isna() | (table[SURVEY] == "")).sum(axis=1)
    binomial = len(SURVEY) * 0.2 * 0.8
    assert n_blank.var() > 1.3 * binomial


def test_hard_pools_consist_of_a_dozen_types():
    easy, hard = (district(0, 1000, kind=kind, gaps=0).mentors for kind in ("easy", "hard"))
    types = Counter(hard["subjects"] + hard["school"] + hard["grades"])
    assert len(types) <= 12
    assert easy["strengths"].nunique() > 2 * hard["strengths"].nunique()
    assert hard.drop(columns=["id", "email", "name"]).duplicated().sum() < 500


def test_one_ranking_gives_all_mentees_the_same_favourites():
    pool = district(300, 200, kind="one_ranking", gaps=0)
    assert len(set(pool.mentees["goals"])) == 1
    strengths = sorted({frozenset(x.split("; ")) for x in pool.mentors["strengths"]}, key=len)
    assert len(strengths) > 8
    assert all(a < b for a, b in pairwise(strengths))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n_mentees": -1}, "n_mentees is -1"),
        ({"n_schools": 0}, "n_schools is 0"),
        ({"gaps": 1.5}, "gaps is 1.5"),
        ({"kind": "hart"}, "Did you mean 'hard'"),
    ],
)
def test_an_impossible_district_is_refused_in_words(arguments, says):
    with pytest.raises(ProgramError, match=re.escape(says)):
        district(**{"n_mentees": 3, "n_mentors": 3} | arguments)


def test_all_faults_of_one_call_are_named_at_once():
    with pytest.raises(ProgramError) as caught:
        staff(-2, n_schools=0, gaps=-1)
    assert len(caught.value.faults) == 3


def test_repr_counts_people_and_names_nobody():
    assert repr(district(5, 4)) == "District(n_mentees=5, n_mentors=4)"
