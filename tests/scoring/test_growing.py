"""People who join are put behind those there were, and every pair is worth what it is anew."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.constraints import bind_pair_rules
from pairmatch.profiles.joining import join_tables
from pairmatch.scoring import Compatibility, growing
from pairmatch.scoring.growing import grow

CRITERIA = (
    pm.SubjectMatch(weight=3),
    pm.GradeMatch(missing="exclude"),
    pm.GoalCoverage(also=["AI tools"]),
    pm.ExperienceGap(),
    pm.StyleFit(),
    pm.CommonTime(minutes=40),
    pm.CommonTime(minutes=30, coached="teaching"),
    pm.SameSchool(),
    pm.ModalityMatch(),
    pm.Closeness("km", within=7),
    pm.Similarity("interests"),
)
WORDS = {
    "subjects": ["math", "science", "english", "history", "art", "none", ""],
    "grades": ["K-2", "3; 4", "9-12", "7", "", "12"],
    "goals": ["ICT", "ELL; ICT", "talk", "", "none"],
    "strengths": ["ICT; talk", "ELL", "", "AI tools"],
    "years": ["1", "3", "8", "15", ""],
    "style_pace": ["1", "3", "5", ""],
    "style_talk": ["2", "4"],
    "free": ["Mon 8:00-9:00", "Mon 8:15-9:30; Tue 10:00-11:00", "Wed 7:30-8:30", "", "none"],
    "teaching": ["Mon 8:00-10:00", "Tue 9:00-12:00", ""],
    "busy": ["", "Mon 8:30-8:40"],
    "school": ["North", "south", "East", ""],
    "modality": ["in person", "virtual", "either", ""],
    "km": ["0", "3", "9", ""],
    "interests": ["chess; choir", "choir", "", "golf"],
}
NEW = {
    "subjects": ["latin", "science; latin"],
    "grades": ["PK", "5"],
    "goals": ["latin; ELL"],
    "strengths": ["latin"],
    "years": ["22"],
    "free": ["Mon 8:07-8:51; Fri 9:00-10:00", "Fri 9:10-9:55"],
    "school": ["West"],
    "interests": ["latin; chess"],
    "km": ["4.5"],
}


def make_table(rng, prefix, n, words):
    table = {name: rng.choice(some, n) for name, some in words.items()}
    return pm.read_profiles(pd.DataFrame({"id": [f"{prefix}{k}" for k in range(n)], **table}))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("known_words", [False, True])
def test_grown_tables_score_every_pair_as_tables_that_are_bound_whole(
    seed, known_words, monkeypatch
):
    rng = np.random.default_rng(seed)
    more = WORDS if known_words else {w: WORDS[w] + 2 * NEW.get(w, []) for w in WORDS}
    old = make_table(rng, "t", 60, WORDS), make_table(rng, "m", 50, WORDS)
    new = make_table(rng, "tt", 6, more), make_table(rng, "mm", seed % 4 + 1, more)
    rules = [pm.MinScore(0.2), pm.Require(pm.SubjectMatch(), unknown="allow")]
    known = Compatibility.bind(*old, CRITERIA, bind_pair_rules(rules, *old))
    bound = Counter()
    for kind in {type(criterion) for criterion in CRITERIA}:

        def bind(criterion, *given, _own=kind.bind):
            bound[criterion.name] += 1
            return _own(criterion, *given)

        monkeypatch.setattr(kind, "bind", bind)
    grown = grow(known, *new, lambda *tables: bind_pair_rules([rules[0]], *tables))
    grown_bound = set(bound)
    monkeypatch.undo()
    grown = grow(known, *new, lambda *tables: bind_pair_rules(rules, *tables))
    tables = [join_tables(one, other) for one, other in zip(old, new, strict=True)]
    neutral = dict(zip(known.names, known.neutral, strict=True))
    whole = Compatibility.bind(*tables, CRITERIA, bind_pair_rules(rules, *tables), neutral=neutral)
    assert grown.neutral == whole.neutral
    for mine, theirs in zip(grown.evaluate(), whole.evaluate(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    i, j = rng.integers(0, 66, 90), rng.integers(0, 50 + len(new[1]), 90)
    for mine, theirs in zip(grown.evaluate_at(i, j), whole.evaluate_at(i, j), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    again = grow(grown, *new, lambda *tables: bind_pair_rules(rules, *tables))  # and once more
    np.testing.assert_array_equal(again.units()[:66, : grown.shape[1]], whole.units())
    if known_words:  # nothing but what has no features of its own is bound again
        assert grown_bound <= {"Similarity(interests)", "StyleFit", "Closeness(km, within=7)"}


def test_a_feature_that_nobody_needed_before_has_the_criterion_bound_anew():
    old = [pd.DataFrame({"id": ["a"], "subjects": ["math"]}) for _ in range(2)]
    old[1]["id"] = ["x"]
    known = Compatibility.bind(*map(pm.read_profiles, old), [pm.SubjectMatch()])
    latin = pd.DataFrame({"id": ["b"], "subjects": ["latin"]})
    nobody = known.coach.take(np.empty(0, np.int64))
    grown = grow(known, pm.read_profiles(latin), nobody, lambda *_: ())
    assert grown.units().tolist() == [[1_000_000], [0]]
    other = pm.read_profiles(latin.assign(id="y"))
    both = grow(grown, grown.coached.take(np.empty(0, np.int64)), other, lambda *_: ())
    assert both.units().tolist() == [[1_000_000, 0], [0, 1_000_000]]


def test_growing_shares_is_refused_where_a_new_coach_earns_a_credit_nobody_had():
    people = pd.DataFrame({"id": ["a"], "subjects": ["math"]})
    coaches = pd.DataFrame({"id": ["x"], "subjects": ["science"]})
    known = Compatibility.bind(
        pm.read_profiles(people), pm.read_profiles(coaches), [pm.SubjectMatch()]
    )
    new = pm.read_profiles(pd.DataFrame({"id": ["y"], "subjects": ["math"]}))
    old, nobody = (known.coached, known.coach), known.coached.take(np.empty(0, np.int64))
    assert growing._grow_term(known.criteria[0], known.terms[0], old, (nobody, new)) is None
    assert grow(known, nobody, new, lambda *_: ()).units().tolist() == [[500_000, 1_000_000]]


@pytest.mark.parametrize("words", [WORDS, {w: WORDS[w] + NEW.get(w, []) for w in WORDS}])
def test_the_merged_product_grows_where_people_say_what_others_said(words, monkeypatch):
    rng = np.random.default_rng(5)
    criteria = [pm.SubjectMatch(), pm.GoalCoverage(), pm.SameSchool(), pm.CommonTime()]
    old = make_table(rng, "t", 90, words), make_table(rng, "m", 80, words)
    new = make_table(rng, "tt", 5, words), make_table(rng, "mm", 4, words)
    known = Compatibility.bind(*old, criteria)
    monkeypatch.delattr("pairmatch.scoring.fusion._lay_out")  # not asked for
    grown = grow(known, *new, lambda *_: ())
    assert grown.fused.width == known.fused.width
    neutral = dict(zip(known.names, known.neutral, strict=True))
    tables = [join_tables(one, other) for one, other in zip(old, new, strict=True)]
    monkeypatch.undo()
    whole = Compatibility.bind(*tables, criteria, neutral=neutral)
    np.testing.assert_array_equal(grown.units(), whole.units())


def test_features_that_were_alike_and_differ_now_are_laid_out_side_by_side():
    old = [
        pm.read_profiles(pd.DataFrame({"id": [own], "subjects": ["math; art"], "school": ["x"]}))
        for own in ("a", "b")
    ]
    known = Compatibility.bind(*old, [pm.SubjectMatch(), pm.SameSchool()])
    more = [
        pm.read_profiles(pd.DataFrame({"id": [own], "subjects": ["art"], "school": ["x"]}))
        for own in ("c", "d")
    ]
    linear = [
        growing._grow_term(criterion, term, tuple(old), tuple(more))
        for criterion, term in zip(known.criteria, known.terms, strict=True)
    ]
    assert None not in linear
    grown = grow(known, *more, lambda *_: ())
    assert grown.fused.width > known.fused.width
    assert grown.units().tolist() == [[1_000_000, 750_000], [1_000_000, 1_000_000]]


def test_only_columns_that_rules_read_are_joined():
    people = make_table(np.random.default_rng(1), "t", 9, WORDS)
    coaches = make_table(np.random.default_rng(2), "m", 9, WORDS)
    known = Compatibility.bind(people, coaches, [pm.SubjectMatch()])
    new = people.take(np.arange(0)), make_table(np.random.default_rng(3), "mm", 1, WORDS)
    grown = grow(known, *new, lambda *_: (), columns=("school",))
    assert set(grown.coach.columns) == {"id", "school"}
    whole = grow(known, *new, lambda *_: ())
    assert set(whole.coach.columns) == set(coaches.columns)
    np.testing.assert_array_equal(grown.units(), whole.units())


@pytest.mark.parametrize("shape", [(3, 70), (70, 3), (20, 20)])
def test_starts_that_are_shared_are_the_same_for_few_mentees_and_for_few_mentors(shape):
    rng = np.random.default_rng(sum(shape))
    old = make_table(rng, "t", 70, WORDS), make_table(rng, "m", 70, WORDS)
    new = make_table(rng, "tt", 3, WORDS), make_table(rng, "mm", 3, WORDS)
    known = Compatibility.bind(*old, [pm.CommonTime(minutes=30)])
    grown = grow(known, *new, lambda *_: ())
    rows, columns = (rng.permutation(73)[:n] for n in shape)
    i, j = (side.ravel() for side in np.meshgrid(rows, columns, indexing="ij"))
    units = grown.units(rows, columns)
    np.testing.assert_array_equal(units.ravel(), grown.units_at(i, j))
    assert 0 < units.mean() < 1_000_000
