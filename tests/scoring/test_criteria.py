"""What each criterion is worth, how it is typed, and what it refuses."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairmatch.errors import ProfileError, ProgramError
from pairmatch.scoring import (
    FULL,
    Closeness,
    CommonTime,
    ExperienceGap,
    GoalCoverage,
    GradeMatch,
    ModalityMatch,
    SameSchool,
    Similarity,
    StyleFit,
    SubjectMatch,
    units_of_weights,
)

EVERY = [
    SubjectMatch(),
    SubjectMatch(neighbours={("Maths", "ART"): 0.3, ("science", "maths"): 1 / 3}),
    SubjectMatch(neighbours={}),
    GradeMatch(),
    GradeMatch(within=0),
    GoalCoverage(),
    GoalCoverage(also=["AI tools", " ICT"]),
    GoalCoverage(also=["ict", "ELL"], own=False),
    ExperienceGap(),
    ExperienceGap(at_least=-2.5, ideal=-2.5, at_most=0.3),
    StyleFit(),
    StyleFit(mode="complement"),
    CommonTime(),
    CommonTime(minutes=11),
    CommonTime(minutes=11, coached="teaching"),
    CommonTime(minutes=11, coach="teaching"),
    SameSchool(),
    Similarity("interests"),
    Similarity("interests", mode="complement"),
    ModalityMatch(),
    ModalityMatch(by="virtual"),
    Closeness("km", within=3.3),
]


def worth(criterion, coached, coach, units=FULL):
    """Units of the first pair, from the vectors and from the cells."""
    term = criterion.bind(coached, coach, units)
    value = int(term.block(slice(0, 1), slice(0, 1))[0, 0])
    known = bool(term.known(slice(0, 1), slice(0, 1))[0, 0])
    assert criterion.pair_units(coached, 0, coach, 0, units) == (value if known else None)
    return value if known else None


@pytest.fixture
def pair(table):
    """One coached person and one coach who differ in one column."""

    def make(mine, theirs, *, own="subjects", other=None):
        return table(id=["T"], **{own: [mine]}), table(id=["M"], **{other or own: [theirs]})

    return make


@pytest.mark.parametrize("criterion", EVERY, ids=repr)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), units=st.sampled_from([0, 1, 7, 66_667, 333_333, FULL]))
def test_one_pair_from_its_cells_is_worth_what_the_vectors_say(messy, criterion, seed, units):
    coached, coach = messy(seed, 9, "T"), messy(seed + 1, 8, "M")
    term = criterion.bind(coached, coach, units)
    block, known = term.block(slice(None), slice(None)), term.known(slice(None), slice(None))
    expected = [
        [criterion.pair_units(coached, i, coach, j, units) for j in range(8)] for i in range(9)
    ]
    assert [
        [int(block[i, j]) if known[i, j] else None for j in range(8)] for i in range(9)
    ] == expected
    assert (block[~known] == 0).all()
    assert block.min() >= 0
    assert block.max() <= units
    i, j = (side.ravel() for side in np.indices((9, 8)))
    assert (term.at(i, j) == block.ravel()).all()
    assert (term.known_at(i, j) == known.ravel()).all()


@pytest.mark.parametrize("criterion", [ExperienceGap(), Closeness("years", within=7), StyleFit()])
def test_many_distinct_numbers_are_worth_the_same_as_few(table, criterion):
    rng = np.random.default_rng(5)
    many = np.round(rng.uniform(1, 5, 90), 4)

    def make(prefix, numbers):
        ids = [f"{prefix}{k}" for k in range(len(numbers))]
        cells = [str(number) for number in numbers]
        return table(id=ids, years=cells, style_pace=cells, style_tone=cells)

    whole = criterion.bind(make("T", many), make("M", many[::-1]), 333_333)
    small = criterion.bind(make("T", many), make("M", many[::-1][:5]), 333_333)
    assert type(whole).__name__ == "Elementwise"
    assert type(small).__name__ == "Linear"
    everything = whole.block(slice(None), slice(None))
    assert (small.block(slice(None), slice(None)) == everything[:, :5]).all()


def test_many_schools_are_compared_like_few(table):
    names = [f"School {k}" for k in range(80)]
    ids = [f"T{k}" for k in range(80)]
    coached, coach = table(id=ids, school=names), table(id=ids, school=names[::-1])
    term = SameSchool().bind(coached, coach, 70)
    assert type(term).__name__ == "Elementwise"
    assert (term.block(slice(None), slice(None)) == 70 * np.eye(80, dtype=int)[::-1]).all()


@pytest.mark.parametrize(
    ("mine", "theirs", "score"),
    [
        ("maths", "maths", 1),
        ("Maths ", "  MATHS", 1),
        ("social   studies", "Social Studies", 1),
        ("art", "martial arts", 0),
        ("art", "art history; maths", 0),
        ("maths", "science", 0.5),
        ("science", "maths; science", 1),
        ("maths; art", "science", 0.25),
        ("maths; art; PE", "maths; art; PE; music", 1),
        ("maths", "none", 0),
        ("none", "maths", None),
        ("", "maths", None),
        ("maths", "", None),
    ],
)
def test_subjects_count_by_the_best_credit_of_each(pair, mine, theirs, score):
    units = worth(SubjectMatch(), *pair(mine, theirs))
    assert units == (None if score is None else score * FULL)


def test_neighbours_hold_in_both_directions_and_can_be_switched_off(pair):
    french = SubjectMatch(neighbours={("French", "Spanish"): 0.3})
    assert worth(french, *pair("spanish", "french")) == 300_000
    assert worth(french, *pair("french", "SPANISH")) == 300_000
    assert worth(french, *pair("maths", "science")) == 0
    assert worth(SubjectMatch(neighbours={}), *pair("maths", "science")) == 0


@pytest.mark.parametrize(
    ("mine", "theirs", "within", "share"),
    [
        ("3", "3", 2, Fraction(1)),
        ("3", "4", 2, Fraction(2, 3)),
        ("K", "PK", 2, Fraction(2, 3)),
        ("1", "PK", 2, Fraction(1, 3)),
        ("3", "6", 2, Fraction(0)),
        ("3; 12", "3", 2, Fraction(1, 2)),
        ("3-5", "4", 1, Fraction(2, 3)),
        ("3", "4", 0, Fraction(0)),
        ("9", "9-12", 0, Fraction(1)),
    ],
)
def test_grades_count_by_their_distance(pair, mine, theirs, within, share):
    units = worth(GradeMatch(within=within), *pair(mine, theirs, own="grades"), units=90)
    assert units == 90 * share


@pytest.mark.parametrize(
    ("gap", "score"),
    [(2.9, 0), (3, 0.5), (5.5, 0.75), (8, 1), (14, 0.75), (20, 0.5), (20.1, 0), (-8, 0)],
)
def test_experience_gap_rises_to_its_ideal_and_falls(pair, gap, score):
    tables = pair("10", str(10 + gap), own="years")
    assert worth(ExperienceGap(), *tables) == score * FULL


def test_a_gap_of_exactly_three_years_counts_in_decimals_too(pair):
    assert 4.1 - 1.1 < 3  # what floats make of it
    assert worth(ExperienceGap(at_least=3), *pair("1.1", "4.1", own="years")) == FULL // 2


def test_an_end_that_is_the_ideal_is_worth_everything(pair):
    gap = ExperienceGap(at_least=5, ideal=5, at_most=5)
    assert worth(gap, *pair("1", "6", own="years")) == FULL
    assert worth(gap, *pair("1", "7", own="years")) == 0
    assert worth(gap, *pair("1", "5", own="years")) == 0


def test_goals_are_covered_by_strengths_not_the_other_way_round(table):
    coached = table(id=["T"], goals=["ICT; ELL; SEND"], strengths=["x"])
    coach = table(id=["M"], goals=["y"], strengths=[" ict; behaviour"])
    assert worth(GoalCoverage(), coached, coach, units=90) == 30


def test_goals_of_the_district_count_as_goals_of_everyone(pair):
    also = GoalCoverage(also=["AI tools"])
    goals = {"own": "goals", "other": "strengths"}
    assert worth(also, *pair("ELL", "ai  TOOLS", **goals)) == FULL // 2
    assert worth(also, *pair("Ai tools", "AI tools", **goals)) == FULL
    assert worth(also, *pair("", "AI tools", **goals)) == FULL
    assert worth(GoalCoverage(), *pair("", "AI tools", **goals)) is None


def test_styles_match_or_complement(table):
    coached = table(id=["T"], style_a=["1"], style_b=["2"], style_mine=["1"])
    coach = table(id=["M"], style_a=["5"], style_b=["2"], style_theirs=["5"])
    assert worth(StyleFit(), coached, coach) == FULL // 2
    assert worth(StyleFit(mode="complement"), coached, coach) == FULL // 2
    half = table(id=["M"], style_a=[""], style_b=["2"])
    assert worth(StyleFit(), coached, half) is None
    assert worth(StyleFit(scale=(0, 5)), coached, coach) == FULL * 3 // 5


def test_a_style_outside_its_scale_names_the_row_and_the_scale_to_declare(table):
    coached = table(id=["T-1", "T-2"], style_a=["0", "0.5"])
    coach = table(id=["M-1"], style_a=["1"])
    with pytest.raises(ProgramError, match=r"StyleFit\(scale=\(0, 1\)\)") as caught:
        StyleFit().bind(coached, coach, FULL)
    assert [fault.where.split(", ", 1)[1] for fault in caught.value.faults] == [
        "row 0 (id T-1), column style_a",
        "row 1 (id T-2), column style_a",
    ]


def test_tables_without_a_common_style_scale_are_refused(table):
    with pytest.raises(ProgramError, match="no style column in common"):
        StyleFit().bind(table(id=["T"], style_a=["1"]), table(id=["M"], style_b=["1"]), FULL)


@pytest.mark.parametrize(
    ("mine", "theirs", "minutes", "score"),
    [
        ("Mon 08:00-09:00", "Mon 08:15-09:00", 45, 1),
        ("Mon 08:00-09:00", "Mon 08:16-09:00", 45, 0),
        ("Mon 08:00-09:00", "Tue 08:00-09:00", 45, 0),
        ("Mon 08:00-08:30; Mon 08:30-09:00", "Mon 08:00-09:00", 60, 1),
        ("Mon 08:00-08:30; Mon 08:31-09:00", "Mon 08:00-09:00", 45, 0),
        ("Mon 08:00-09:00", "none", 5, 0),
        ("Mon 08:00-09:00", "", 5, None),
    ],
)
def test_time_is_common_from_the_first_joint_minute(pair, mine, theirs, minutes, score):
    units = worth(CommonTime(minutes=minutes), *pair(mine, theirs, own="free"))
    assert units == (None if score is None else score * FULL)


def test_busy_windows_are_not_free(table):
    coached = table(id=["T"], free=["Mon 08:00-10:00"], busy=["Mon 08:40-09:10"])
    coach = table(id=["M"], free=["Mon 08:00-10:00"])
    assert worth(CommonTime(minutes=50), coached, coach) == FULL
    assert worth(CommonTime(minutes=51), coached, coach) == 0


def test_similarity_is_the_cosine_of_two_lists(pair):
    both = Similarity("interests")
    assert worth(both, *pair("a; b", "B", own="interests")) == round(FULL / math.sqrt(2))
    assert worth(both, *pair("a; b", "b; a", own="interests")) == FULL
    assert worth(both, *pair("none", "none", own="interests")) == 0
    assert worth(both, *pair("none", "", own="interests")) is None


def test_closeness_falls_to_zero_at_its_reach(pair):
    near = Closeness("km", within=10)
    assert worth(near, *pair("1", "3.5", own="km")) == 750_000
    assert worth(near, *pair("1", "11", own="km")) == 0
    assert worth(near, *pair("1", "1", own="km")) == FULL


def test_closeness_of_words_names_the_rows_that_are_not_numbers(pair):
    with pytest.raises(ProfileError, match=r"row 0 \(id T\), column km"):
        Closeness("km", within=10).bind(*pair("far", "1", own="km"), FULL)


def test_schools_compare_without_capitals_and_spaces(pair):
    assert worth(SameSchool(), *pair("North  High", "north high ", own="school")) == FULL
    assert worth(SameSchool(), *pair("North", "North High", own="school")) == 0
    assert worth(SameSchool(), *pair("", "North", own="school")) is None


@given(
    units=st.integers(0, FULL),
    n_entries=st.integers(1, 11),
)
def test_agreement_in_everything_is_worth_exactly_all_units(pair, units, n_entries):
    subjects = "; ".join(f"s{k}" for k in range(n_entries))
    assert worth(SubjectMatch(), *pair(subjects, subjects), units=units) == units


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=12), st.sampled_from([0.001, 10, 7]))
def test_units_of_weights_sum_to_a_full_score_and_do_not_depend_on_their_scale(weights, factor):
    units = units_of_weights(weights)
    assert sum(units) == FULL
    assert all(
        abs(found - Fraction(weight * FULL, sum(weights))) < 1
        for found, weight in zip(units, weights, strict=True)
    )
    scaled = [float(Fraction(str(factor)) * weight) for weight in weights]
    assert units_of_weights(scaled) == units


@pytest.mark.parametrize("criterion", EVERY, ids=repr)
def test_a_criterion_prints_as_it_is_typed_and_survives_pickling(criterion):
    typed = eval(repr(criterion))  # noqa: S307 - that is the point
    assert typed == criterion
    assert hash(typed) == hash(criterion)
    assert pickle.loads(pickle.dumps(criterion)) == criterion  # noqa: S301
    assert criterion != type(criterion)(
        **{name: getattr(criterion, name) for name in criterion.__slots__ if name != "weight"},
        weight=2,
    )


def test_only_what_was_set_is_printed():
    assert repr(SubjectMatch()) == "SubjectMatch()"
    assert repr(SubjectMatch(weight=3)) == "SubjectMatch(weight=3)"
    assert repr(GoalCoverage(also=("a", "b"))) == "GoalCoverage(also=['a', 'b'])"
    assert repr(StyleFit(scale=[0, 1])) == "StyleFit(scale=(0, 1))"
    assert repr(Similarity("x", missing="zero")) == "Similarity('x', missing='zero')"
    gap = ExperienceGap(at_least=4, ideal=8, at_most=15, weight=2)
    assert repr(gap) == "ExperienceGap(at_least=4, at_most=15, weight=2)"


@pytest.mark.parametrize(
    ("make", "places"),
    [
        (lambda: SubjectMatch(weight=0, missing="nothing"), ["weight", "missing"]),
        (lambda: SubjectMatch(weight=math.nan), ["weight"]),
        (lambda: SubjectMatch(weight=True), ["weight"]),
        (lambda: SubjectMatch(weight="3"), ["weight"]),
        (lambda: SubjectMatch(neighbours={("a", "b"): 2}), ["neighbours, 'a' and 'b'"]),
        (lambda: SubjectMatch(neighbours={("a", "A"): 0.5}), ["neighbours, 'a' and 'A'"]),
        (
            lambda: SubjectMatch(neighbours={("a", "b"): 0.5, ("B", "a"): 0.4}),
            ["neighbours, 'B' and 'a'"],
        ),
        (lambda: SubjectMatch(neighbours=["a"], weight=-1), ["weight", "neighbours"]),
        (lambda: SubjectMatch(neighbours=3), ["neighbours"]),
        (lambda: GradeMatch(within=1.5), ["within"]),
        (lambda: GradeMatch(within=-1), ["within"]),
        (lambda: GoalCoverage(also="ICT"), ["also"]),
        (lambda: GoalCoverage(also=["ICT", " ", 3]), ["also", "also"]),
        (lambda: ExperienceGap(at_least=9), ["at_least, ideal, at_most"]),
        (lambda: ExperienceGap(ideal="8", at_most=math.inf), ["ideal", "at_most"]),
        (lambda: StyleFit(mode="mach", scale=(5, 1)), ["mode", "scale"]),
        (lambda: StyleFit(scale=5), ["scale"]),
        (lambda: CommonTime(minutes=0), ["minutes"]),
        (lambda: CommonTime(minutes=22.5, weight=0), ["weight", "minutes"]),
        (lambda: Similarity(""), ["column"]),
        (lambda: Closeness("km", within=0), ["within"]),
        (lambda: Closeness(3, within="far"), ["column", "within"]),
    ],
)
def test_wrong_parameters_are_refused_all_at_once(make, places):
    with pytest.raises(ProgramError) as caught:
        make()
    assert [fault.where for fault in caught.value.faults] == places


def test_a_near_miss_is_suggested():
    with pytest.raises(ProgramError, match="Did you mean 'match'"):
        StyleFit(mode="mach")
    with pytest.raises(ProgramError, match="Did you mean 'exclude'"):
        SameSchool(missing="excluded")


@pytest.mark.parametrize(
    ("criterion", "reason"),
    [
        (SubjectMatch(), "no subject in common"),
        (GradeMatch(within=3), "no grade within 3"),
        (GoalCoverage(), "no goal covered"),
        (ExperienceGap(), "experience gap outside 3 to 20 years"),
        (CommonTime(), "no joint 45 minutes"),
        (SameSchool(), "different schools"),
        (Similarity("interests"), "nothing in common in interests"),
        (Closeness("km", within=2.5), "km differs by 2.5 or more"),
    ],
)
def test_a_worthless_pair_has_a_reason_in_words(criterion, reason):
    assert criterion.zero_reason == reason


def test_an_unknown_pair_says_which_side_gave_nothing():
    assert SubjectMatch().unknown_reason(False, True) == "no subject given"
    assert SubjectMatch().unknown_reason(True, False) == "no subject given by the coach"
    assert SubjectMatch().unknown_reason(False, False) == "no subject given on either side"
    assert GoalCoverage().unknown_reason(True, False) == "no strength given by the coach"


def test_a_lesson_can_be_observed_by_who_is_free_while_it_is_taught(table):
    coached = table(id=["T"], teaching=["Mon 08:00-08:50"], free=["Tue 08:00-09:00"], busy=["none"])
    free = table(id=["M"], free=["Mon 08:00-08:45"], teaching=["Tue 08:00-09:00"], busy=[""])
    busy = table(id=["M"], free=["Mon 08:00-08:45"], teaching=["none"], busy=["Mon 08:30-09:00"])
    observed = CommonTime(coached="teaching")
    assert worth(observed, coached, free) == FULL
    assert worth(observed, coached, busy) == 0
    assert worth(CommonTime(coached="teaching", minutes=46), coached, free) == 0
    assert worth(CommonTime(coach="teaching"), coached, free) == FULL
    assert worth(CommonTime(), coached, free) == 0
    assert "the mentee teaches and the mentor is free" in observed.zero_reason
    assert observed.unknown_reason(False, True) == "no teaching time given"


@pytest.mark.parametrize(
    ("mine", "theirs", "any_way", "virtually"),
    [
        ("in_person", "virtual", 0, 0),
        ("in_person", "in person", 1, 0),
        ("virtual", "either", 1, 1),
        ("either", "either", 1, 1),
        ("either", "in_person", 1, 0),
        ("", "virtual", None, None),
    ],
)
def test_people_meet_in_a_way_that_suits_both(pair, mine, theirs, any_way, virtually):
    sheets = pair(mine, theirs, own="modality")
    for criterion, score in ((ModalityMatch(), any_way), (ModalityMatch(by="virtual"), virtually)):
        assert worth(criterion, *sheets) == (None if score is None else score * FULL)


def test_what_differs_can_be_worth_more_than_what_is_shared(pair):
    for mine, theirs, score in (("a", "b", 1), ("a;b", "b;c", 0.5), ("a", "A ", 0), ("a", "-", 1)):
        units = worth(Similarity("skills", mode="complement"), *pair(mine, theirs, own="skills"))
        assert units == score * FULL


def test_one_skill_can_be_looked_at_whatever_the_own_goals(pair):
    skill = GoalCoverage(also=["ICT"], own=False)
    for mine, theirs, score in (("art", "ict; art", 1), ("ict", "art", 0), ("", "ICT", 1)):
        assert worth(skill, *pair(mine, theirs, own="goals", other="strengths")) == score * FULL
    assert skill.needs == (("coach", "strengths"),)
    with pytest.raises(ProgramError, match="no goal to look at"):
        GoalCoverage(own=False)
