"""All pairs of two tables: exact in every cut, additive, and honest about what is unknown."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.errors import CapabilityError, PairmatchWarning, ProgramError
from pairmatch.scoring import (
    FULL,
    Closeness,
    CommonTime,
    Compatibility,
    Custom,
    ExperienceGap,
    GoalCoverage,
    GradeMatch,
    SameSchool,
    Similarity,
    StyleFit,
    SubjectMatch,
)


def nearness(coached, coach):
    return 1 / (1 + np.abs(coached["km"][:, None] - coach["km"][None, :]))


LINEAR = [
    SubjectMatch(weight=3),
    ExperienceGap(weight=2),
    GoalCoverage(weight=3),
    StyleFit(),
    GradeMatch(weight=0.7),
    SameSchool(),
]
ALL = [
    *LINEAR,
    CommonTime(minutes=30),
    Similarity("interests"),
    Closeness("years", within=9),
    Custom(nearness),
]


@dataclass(frozen=True)
class Odd:
    """Forbids pairs whose positions sum to an odd number, and poor ones."""

    name: str = "odd"
    floor: int = 0

    def forbids(self, i, j, units):
        return ((i + j) % 2 == 1) | (units < self.floor)

    def reason(self, i, j):
        return f"{i} + {j} is odd"


@pytest.fixture
def pools(messy):
    def make(seed, n=23, m=17, blank=0.2):
        return messy(seed, n, "T", blank), messy(seed + 1, m, "M", blank)

    return make


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_any_block_equals_that_part_of_the_whole(pools, seed, data):
    bound = Compatibility.bind(*pools(seed), ALL, [Odd(floor=300_000)])
    units, allowed = bound.evaluate()
    scores = bound.block()
    n, m = bound.shape
    cuts = [
        sorted(data.draw(st.tuples(st.integers(0, side), st.integers(0, side)))) for side in (n, m)
    ]
    rows, columns = (slice(*ends) for ends in cuts)
    some = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=5)), np.int64)
    others = np.array(data.draw(st.lists(st.integers(0, m - 1), max_size=5)), np.int64)
    for r, c in ((rows, columns), (slice(None, None, 3), columns), (some, others), (some, columns)):
        here = np.ix_(np.arange(n)[r], np.arange(m)[c])
        assert (bound.units(r, c) == units[here]).all()
        assert (bound.allowed(r, c) == allowed[here]).all()
        assert np.array_equal(bound.block(r, c), scores[here], equal_nan=True)
    i, j = (side.ravel() for side in np.indices((n, m)))
    assert (bound.units_at(i, j) == units.ravel()).all()
    assert (bound.allowed_at(i, j) == allowed.ravel()).all()
    assert (np.isnan(scores) == ~allowed).all()
    assert (scores[allowed] == units[allowed] / FULL).all()


def test_blocks_larger_than_a_tile_equal_their_parts(pools):
    bound = Compatibility.bind(*pools(3, 300, 2100), [*LINEAR, CommonTime(minutes=30)])
    units = bound.units()
    for rows, columns in ((slice(100, 290), slice(5, 2077)), (slice(127, 129), slice(2040, 2100))):
        assert (bound.units(rows, columns) == units[rows, columns]).all()
    assert units[299, 2099] == bound.units_at(299, 2099)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_parts_sum_to_the_score(pools, seed):
    bound = Compatibility.bind(*pools(seed, 6, 5), ALL)
    units = bound.units()
    for i in range(6):
        for j in range(5):
            parts = bound.parts(i, j)
            assert sum(part.units for part in parts) == units[i, j]
            assert sum(part.points for part in parts) == pytest.approx(units[i, j] / 10_000)
            known = sum(
                Fraction(part.weight).limit_denominator(FULL) for part in parts if part.known
            )
            assert bound.evidence_at(i, j) == float(known)
            assert all((part.score is None) == (not part.known) for part in parts)
            assert all(0 <= part.score <= 1 for part in parts if part.known)
    assert bound.evidence().to_numpy()[5, 4] == bound.evidence_at(5, 4)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_a_score_can_be_computed_from_the_cells_alone(pools, seed):
    coached, coach = pools(seed, 7, 6)
    bound = Compatibility.bind(coached, coach, ALL)
    for i in range(7):
        for j in range(6):
            total = 0
            for criterion, units, neutral in zip(
                ALL, bound.units_of_criteria, bound.neutral, strict=True
            ):
                value = criterion.pair_units(coached, i, coach, j, units)
                total += neutral if value is None else value
            assert total == bound.units_at(i, j)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_the_order_of_people_changes_nothing(pools, seed, data):
    coached, coach = pools(seed)
    rows = np.array(data.draw(st.permutations(range(len(coached)))))
    columns = np.array(data.draw(st.permutations(range(len(coach)))))
    plain = Compatibility.bind(coached, coach, ALL)
    mixed = Compatibility.bind(coached.take(rows), coach.take(columns), ALL)
    assert mixed.neutral == plain.neutral
    assert (mixed.units() == plain.units()[np.ix_(rows, columns)]).all()


def test_the_order_of_people_does_not_change_what_is_drawn_from_large_pools(messy):
    coached, coach = messy(1, 1100, "T"), messy(2, 1000, "M")
    plain = Compatibility.bind(coached, coach, [CommonTime(minutes=30), SubjectMatch()])
    mixed = Compatibility.bind(
        coached.take(slice(None, None, -1)), coach, [CommonTime(minutes=30), SubjectMatch()]
    )
    assert plain.neutral == mixed.neutral
    term = plain.terms[0]
    known = term.known(slice(None), slice(None))
    average = term.block(slice(None), slice(None))[known].mean()
    assert 0 < abs(plain.neutral[0] - average) < 0.02 * plain.units_of_criteria[0]


def test_the_scale_of_weights_changes_nothing(pools):
    coached, coach = pools(11)
    scaled = [replace(criterion, weight=criterion.weight * 40) for criterion in ALL]
    plain = Compatibility.bind(coached, coach, ALL)
    assert (Compatibility.bind(coached, coach, scaled).units() == plain.units()).all()


def test_a_perfect_pair_has_exactly_a_full_score(table):
    same = {
        "subjects": ["maths; art; PE"],
        "grades": ["1; 2; 3"],
        "school": ["North"],
        "interests": ["a; b; c"],
        "free": ["Mon 08:00-09:00"],
        "style_a": ["3"],
        "style_b": ["4"],
        "style_c": ["5"],
        "km": ["1"],
    }
    coached = table(id=["T"], years=["1"], goals=["x; y; z"], **same)
    coach = table(id=["M"], years=["9"], strengths=["z; y; x; w"], **same)
    criteria = [
        *LINEAR,
        CommonTime(),
        Similarity("interests"),
        Closeness("km", within=3),
        Custom(nearness),
    ]
    bound = Compatibility.bind(coached, coach, criteria)
    assert bound.units().tolist() == [[FULL]]
    assert bound.block().tolist() == [[1.0]]


def test_an_empty_profile_looks_like_the_average_never_like_agreement(table):
    coached = table(id=["T-1", "T-2", "T-3"], subjects=["maths", "art", ""], years=["1", "2", ""])
    coach = table(id=["M-1", "M-2"], subjects=["maths", ""], years=["9", ""])
    bound = Compatibility.bind(coached, coach, [SubjectMatch(), ExperienceGap()])
    assert bound.neutral == (
        250_000,
        475_000,
    )  # the means of 1 and 0, and of 1 and 0.9, times a half
    assert bound.evidence_at([2, 2, 0, 0], [0, 1, 0, 1]).tolist() == [0, 0, 1, 0]
    assert bound.units_at(2, 1) == sum(bound.neutral)
    assert [part.coached_value for part in bound.parts(2, 0)] == ["not given", "not given"]
    assert [part.score for part in bound.parts(2, 0)] == [None, None]


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_the_neutral_value_is_the_mean_over_known_pairs_of_different_people(messy, seed):
    pool = messy(seed, 14, "P")
    bound = Compatibility.bind(pool, pool, ALL)
    for term, neutral in zip(bound.terms, bound.neutral, strict=True):
        known = term.known(slice(None), slice(None)) & ~np.eye(14, dtype=bool)
        values = term.block(slice(None), slice(None))[known].tolist()
        assert neutral == (round(Fraction(sum(values), len(values))) if values else 0)


def test_neutral_values_can_be_given(pools):
    coached, coach = pools(4)
    given_units = {"SubjectMatch": 1234, "CommonTime": 77}
    bound = Compatibility.bind(coached, coach, ALL, neutral=given_units)
    plain = Compatibility.bind(coached, coach, ALL)
    assert bound.neutral[0] == 1234
    assert bound.neutral[6] == 77
    assert bound.neutral[1:6] == plain.neutral[1:6]
    blank = int(np.flatnonzero(~bound.terms[0].known_coached)[0])
    assert bound.parts(blank, 0)[0].units == 1234
    with pytest.raises(ProgramError, match="SubjectMatch: expected units from 0 to"):
        Compatibility.bind(coached, coach, ALL, neutral={"SubjectMatch": FULL})


def test_a_criterion_known_for_no_pair_counts_nothing_and_warns(table):
    coached = table(id=["T"], subjects=[""], years=["1"])
    coach = table(id=["M"], subjects=["art"], years=["9"])
    with pytest.warns(PairmatchWarning, match="SubjectMatch is known for no pair"):
        bound = Compatibility.bind(coached, coach, [SubjectMatch(), ExperienceGap()])
    assert bound.units().tolist() == [[FULL // 2]]


@pytest.mark.parametrize("criterion", [SubjectMatch(), CommonTime(), Closeness("km", within=5)])
def test_missing_values_count_zero_or_exclude_the_pair_if_asked(pools, criterion):
    coached, coach = pools(8)
    known = criterion.bind(coached, coach, 5).known(slice(None), slice(None))
    assert 0 < known.sum() < known.size
    zero = Compatibility.bind(coached, coach, [SameSchool(), replace(criterion, missing="zero")])
    assert zero.neutral[1] == 0
    assert zero.allowed().all()
    exclude = Compatibility.bind(coached, coach, [replace(criterion, missing="exclude")])
    assert (exclude.allowed() == known).all()
    i, j = np.argwhere(~known)[0].tolist()
    assert exclude.forbidden_by(i)[j] == 1
    assert exclude.rules[1].name == criterion.name
    given_by = exclude.terms[0].known_coached[i], exclude.terms[0].known_coach[j]
    expected = f"{criterion.name}: {criterion.unknown_reason(*map(bool, given_by))}"
    assert exclude.why_forbidden(i, j) == expected


def test_missing_values_of_a_custom_criterion_exclude_the_pair_if_asked(pools):
    coached, coach = pools(8)
    bound = Compatibility.bind(coached, coach, [Custom(nearness, missing="exclude")])
    known = ~np.isnan(nearness(coached, coach))
    assert (bound.allowed() == known).all()
    i, j = np.argwhere(~known)[0].tolist()
    assert bound.why_forbidden(i, j) == "nearness: nearness is unknown"


def test_nobody_coaches_himself(messy):
    pool = messy(5, 12, "P")
    other = pool.take(np.array([7, 3, 0]))
    bound = Compatibility.bind(pool, other, [SubjectMatch()])
    assert np.argwhere(~bound.allowed()).tolist() == [[0, 2], [3, 1], [7, 0]]
    assert bound.why_forbidden(3, 1) == "same person"
    assert np.isnan(bound.block()[3, 1])
    assert np.isnan(bound.block(slice(3, 4), slice(1, 2))).all()
    assert bound.why_forbidden(3, 0) == ""
    one_pool = Compatibility.bind(pool, pool, [SubjectMatch()])
    assert (one_pool.allowed() == ~np.eye(12, dtype=bool)).all()


def test_the_first_rule_that_forbids_a_pair_is_named(pools):
    coached, coach = pools(9)
    rules = [Odd(), Odd("second")]
    bound = Compatibility.bind(coached, coach, [replace(SubjectMatch(), missing="exclude")], rules)
    assert [rule.name for rule in bound.rules] == ["same person", "SubjectMatch", "odd", "second"]
    known = bound.terms[0].known(slice(None), slice(None))
    i, j = np.indices(bound.shape)
    expected = np.where(~known, 1, np.where((i + j) % 2 == 1, 2, -1))
    for row in range(len(coached)):
        assert (bound.forbidden_by(row) == expected[row]).all()
        assert (bound.forbidden_by(row, slice(2, 5)) == expected[row, 2:5]).all()
    assert ((expected < 0) == bound.allowed()).all()


def test_the_best_coaches_are_listed_with_ties_in_the_order_of_the_table(table):
    coached = table(id=["T-1", "T-2", "T-3"], subjects=["maths", "art", "PE"])
    coach = table(id=["M-1", "M-2", "M-3"], subjects=["science", "maths; art", "maths"])
    bound = Compatibility.bind(coached, coach, [SubjectMatch()])
    assert bound.best(2).to_numpy().tolist() == [
        ["T-1", "M-2", 1, 1.0],
        ["T-1", "M-3", 2, 1.0],
        ["T-2", "M-2", 1, 1.0],
        ["T-2", "M-1", 2, 0.0],
        ["T-3", "M-1", 1, 0.0],
        ["T-3", "M-2", 2, 0.0],
    ]
    assert list(bound.best(2).columns) == ["mentee", "mentor", "rank", "score"]
    assert len(bound.best(99)) == 9


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), k=st.integers(1, 6))
def test_the_best_coaches_are_those_of_the_whole_matrix(pools, seed, k):
    bound = Compatibility.bind(*pools(seed), LINEAR, [Odd(floor=400_000)])
    frame = bound.best(k)
    units, allowed = bound.evaluate()
    expected = []
    for i, label in enumerate(bound.coached.ids):
        order = sorted(np.flatnonzero(allowed[i]).tolist(), key=lambda j, i=i: (-units[i, j], j))
        expected += [
            [label, bound.coach.ids[j], rank, units[i, j] / FULL]
            for rank, j in enumerate(order[:k], start=1)
        ]
    assert frame.to_numpy().tolist() == expected


def test_the_frame_has_ids_on_both_axes_and_nothing_where_forbidden(pools):
    bound = Compatibility.bind(*pools(2, 4, 3), LINEAR, [Odd()])
    frame = bound.to_frame()
    assert list(frame.index) == ["T0", "T1", "T2", "T3"]
    assert list(frame.columns) == ["M0", "M1", "M2"]
    assert (frame.index.name, frame.columns.name) == ("mentee", "mentor")
    assert frame.isna().to_numpy().tolist() == (~bound.allowed()).tolist()
    assert frame.loc["T2", "M0"] == bound.units_at(2, 0) / FULL


def test_frames_of_too_many_pairs_are_refused_with_what_to_call_instead(messy):
    bound = Compatibility.bind(messy(1, 2001, "T"), messy(2, 2000, "M"), [SameSchool()])
    with pytest.raises(CapabilityError, match=r"2,001 x 2,000 .* call \.block.* or best"):
        bound.to_frame()
    with pytest.raises(CapabilityError, match="evidence_at"):
        bound.evidence()
    assert bound.units_at(2000, 1999) in (0, FULL, bound.neutral[0])


def test_all_missing_columns_are_named_at_once_with_the_nearest_there_is(table):
    coached = table(id=["T"], subjects=["art"], interest=["x"])
    coach = table(id=["M"], room=["3"], interests=["x"])
    with pytest.raises(ProgramError) as caught:
        Compatibility.bind(
            coached, coach, [SubjectMatch(), StyleFit(), Similarity("interests"), Custom(nearness)]
        )
    assert [(fault.what.split("'")[1], fault.where) for fault in caught.value.faults] == [
        ("subjects", "table (coach)"),
        ("style_*", "table (coached)"),
        ("style_*", "table (coach)"),
        ("interests", "table (coached)"),
    ]
    assert "Did you mean 'interest'" in caught.value.faults[3].what


def test_what_is_no_criterion_is_refused_with_what_to_write(table):
    people = table(id=["T"], subjects=["art"])
    with pytest.raises(ProgramError) as caught:
        Compatibility.bind(people, people, [SubjectMatch, nearness, "years"])
    assert [fault.remedy for fault in caught.value.faults] == [
        "Write SubjectMatch().",
        "Write Custom(nearness).",
        "",
    ]
    with pytest.raises(ProgramError, match="there is no criterion"):
        Compatibility.bind(people, people, [])


def test_criteria_of_one_kind_are_told_apart(pools):
    bound = Compatibility.bind(*pools(2), [CommonTime(), CommonTime(minutes=20)])
    assert bound.names == ("CommonTime", "CommonTime (2)")
    assert bound.parts(0, 0)[1].criterion == "CommonTime (2)"


def test_a_compatibility_survives_pickling(pools):
    bound = Compatibility.bind(*pools(6), ALL, [Odd()])
    again = pickle.loads(pickle.dumps(bound))  # noqa: S301
    assert np.array_equal(again.block(), bound.block(), equal_nan=True)
    assert again.parts(1, 2) == bound.parts(1, 2)
    assert repr(again) == repr(bound)


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0)])
def test_empty_tables_have_empty_scores(pools, n, m):
    full = pools(6)
    bound = Compatibility.bind(full[0].take(slice(n)), full[1].take(slice(m)), ALL)
    assert bound.units().shape == (n, m)
    assert bound.block().shape == (n, m)
    assert bound.to_frame().shape == (n, m)
    assert bound.evidence().shape == (n, m)
    assert bound.best(2).empty


def test_a_weight_too_small_for_a_single_unit_still_shows_its_value(table):
    coached, coach = (
        table(id=["T"], school=["a"], km=["1"]),
        table(id=["M"], school=["A"], km=["2"]),
    )
    bound = Compatibility.bind(coached, coach, [SameSchool(weight=1e-9), Closeness("km", within=2)])
    assert bound.units_of_criteria == (0, FULL)
    assert [(part.score, part.units) for part in bound.parts(0, 0)] == [(1, 0), (0.5, FULL // 2)]
