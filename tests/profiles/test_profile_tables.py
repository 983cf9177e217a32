"""Profiles as values, tables from DataFrames, and what each column may hold."""

from __future__ import annotations

import datetime
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.errors import ProfileError, UnknownIdError
from pairmatch.profiles import Profiles, read_profiles


def table(**columns) -> Profiles:
    """Read a DataFrame of these columns; ids are made up where none are given."""
    n = len(next(iter(columns.values())))
    ids = {} if "id" in columns else {"id": [f"T-{k}" for k in range(n)]}
    return read_profiles(pd.DataFrame({**ids, **columns}))


def faults_of(**columns) -> list[str]:
    """Return the faults of a table that must be refused."""
    with pytest.raises(ProfileError) as caught:
        table(**columns)
    return [str(fault) for fault in caught.value.faults]


def test_repr_has_counts_and_no_names_of_people():
    assert repr(table(name=["Ann", "Bob"])) == "Profiles('table': 2 people, 2 columns)"
    assert repr(table(id=["T-1"])) == "Profiles('table': 1 person, 1 column)"


def test_nothing_in_profiles_can_be_changed():
    people = table(years=[1, 2], goals=["a", "b"], km=[1.5, 2], free=["Mon 08:00-09:00", None])
    with pytest.raises(AttributeError):
        people.source = "other"
    for column in people.columns:
        for array in (people[column], people.texts(column)):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = array[1]
    members = people.members("goals")
    for array in (members.matrix, members.known, people.take([0])["years"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = False


def test_profiles_survive_pickling():
    people = table(years=[1, None], goals=["a;b", None], km=[1.5, 2], free=["Mon 08:00-09:00", ""])
    people = people.take([1, 0])
    copy = pickle.loads(pickle.dumps(people))  # noqa: S301
    assert copy == people
    assert (copy.source, copy.ids, copy.columns) == (people.source, people.ids, people.columns)
    assert copy["km"].tolist() == [2.0, 1.5]
    assert copy.windows("free") == people.windows("free")
    assert copy.place(0) == "row 1 (id T-1)"
    assert not copy.texts("goals").flags.writeable


def test_row_and_column_order_do_not_change_the_fingerprint():
    frame = pd.DataFrame(
        {"id": ["a", "b", "c"], "years": [1, 2, 3], "goals": ["x", None, "y;z"], "km": [1, 2, 3.5]}
    )
    people = read_profiles(frame)
    other = read_profiles(frame.iloc[[2, 0, 1], [3, 0, 2, 1]])
    assert other.fingerprint == people.fingerprint
    assert other == people
    assert hash(other) == hash(people)
    assert len(people.fingerprint) == 64


@pytest.mark.parametrize(
    "columns",
    [
        {"years": [1, 3]},
        {"years": [2, 1]},
        {"km": [1, 2]},
        {"years": [1, 2], "km": [None, None]},
        {"id": ["T-0", "T-2"], "years": [1, 2]},
    ],
)
def test_another_content_is_another_fingerprint(columns):
    assert table(**columns) != table(years=[1, 2])


def test_cells_cannot_be_shifted_between_columns_unseen():
    assert table(a=["x", ""], b=["", "x"]) != table(a=["", "x"], b=["x", ""])
    assert table(a=['x","y', "z"]) != table(a=["x", 'y","z'])


def test_a_file_and_the_frame_of_its_text_are_equal(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text('id,years,goals,trained,km\n007,3,"a; b",Yes,1.5\nNA,,none,0,\n')
    people = read_profiles(path)
    frame = people.to_frame()
    assert frame.columns.tolist() == ["id", "years", "goals", "trained", "km"]
    assert frame["trained"].tolist() == ["yes", "no"]
    assert frame["km"].tolist() == ["1.5", ""]
    assert read_profiles(frame) == people
    assert people.source == "people.csv"


@pytest.mark.parametrize("rows", [slice(1, 3), [1, 2], np.array([False, True, True, False])])
def test_a_slice_holds_its_people_with_the_types_of_the_whole(rows):
    whole = table(
        room=["A3", "12", "", "7"],
        km=["1", "", "", "x"],
        years=[1, None, 3, 4],
        goals=["a;b", "b", None, "c"],
        free=["Mon 08:00-09:00", None, "none", ""],
    )
    part = whole.take(rows)
    assert part.ids == ("T-1", "T-2")
    assert part.index_of("T-2") == 1
    assert part["room"].tolist() == ["12", ""]  # text, as in the whole
    assert part["years"].tolist()[1] == 3.0
    assert np.isnan(part["years"][0])
    assert part["goals"].tolist() == [("b",), ()]
    assert part.members("goals").labels == ("b",)
    assert part.windows("free") == (None, ())
    assert part.place(1, "years") == "row 2 (id T-2), column years"


def test_a_slice_of_numbers_without_any_known_is_still_numbers():
    part = table(km=[1.5, None, None]).take([1, 2])
    assert part["km"].dtype == np.float64
    assert np.isnan(part["km"]).all()


def test_nobody_can_be_taken():
    part = table(goals=["a", "b"], years=[1, 2]).take([])
    assert len(part) == 0
    assert part["years"].shape == (0,)
    assert part.members("goals").matrix.shape == (0, 0)


def test_what_was_read_of_the_whole_is_the_same_in_a_slice():
    columns = {"goals": ["a;b", "b", "c"], "free": ["Mon 08:00-09:00", None, "none"]}
    whole, fresh = table(**columns), table(**columns)
    whole["goals"], whole.windows("free"), whole.members("goals")
    part, other = whole.take([2, 0]), pickle.loads(pickle.dumps(fresh)).take([2, 0])  # noqa: S301
    assert part["goals"].tolist() == other["goals"].tolist() == [("c",), ("a", "b")]
    assert part.windows("free") == other.windows("free")
    assert part.members("goals").labels == other.members("goals").labels


def test_an_unknown_id_brings_the_near_one():
    with pytest.raises(UnknownIdError, match=r"'t-1' is no id in table\. Did you mean 'T-1'\?"):
        table(years=[1, 2]).index_of("t-1")


def test_an_unknown_column_brings_the_near_one():
    people = table(years=[1, 2])
    assert "years" in people
    assert "yaers" not in people
    for ask in (people.__getitem__, people.texts, people.numbers, people.members, people.windows):
        with pytest.raises(ProfileError, match=r"no column 'yaers'\. Did you mean 'years'\?"):
            ask("yaers")


def test_numbers_of_a_text_column_name_every_row_that_is_none():
    with pytest.raises(ProfileError) as caught:
        table(room=["12", "A3", "", "B"]).numbers("room")
    assert [str(fault) for fault in caught.value.faults] == [
        "row 1 (id T-1), column room: 'A3' is not a number",
        "row 3 (id T-3), column room: 'B' is not a number",
    ]


def test_windows_of_a_text_column_name_every_row_that_has_none():
    with pytest.raises(ProfileError, match=r"row 1 \(id T-1\), column lunch: 'late' is no day"):
        table(lunch=["Mon noon-1 pm", "late"]).windows("lunch")
    assert table(lunch=["Mon noon-1 pm", ""]).windows("lunch") == (((720, 780),), None)


def test_own_columns_are_numbers_only_if_every_known_cell_is():
    people = table(a=["1", "", "2,5"], b=["1", "x", "2"], c=["1", "n/a", "-2e1"], d=["1_0", "", ""])
    assert people["a"].tolist()[::2] == [1.0, 2.5]
    assert people["b"].tolist() == ["1", "x", "2"]
    assert people["c"].tolist()[::2] == [1.0, -20.0]
    assert people["d"].tolist() == ["1_0", "", ""]


# Members


def test_entries_are_compared_whole_without_case_and_white_space():
    members = table(goals=["Maths; art", " MATHS ;; Math;", None, "none", "Class  room;class room"])
    members = members.members("goals")
    assert members.labels == ("art", "Class room", "Math", "Maths")
    assert members.matrix.tolist() == [
        [True, False, False, True],
        [False, False, True, True],
        [False] * 4,
        [False] * 4,
        [False, True, False, False],
    ]
    assert members.known.tolist() == [True, True, False, True, True]


def test_ids_in_lists_are_compared_exactly_and_keep_their_order():
    people = table(wishes=["M-2; m-2; M-1; M-2", "NA", ""])
    assert people["wishes"].tolist() == [("M-2", "m-2", "M-1"), ("NA",), ()]
    assert people.members("wishes").labels == ("M-1", "M-2", "NA", "m-2")


def test_any_column_can_be_read_as_a_list():
    members = table(clubs=["chess; go", "n/a", ""]).members("clubs")
    assert members.labels == ("chess", "go")
    assert members.known.tolist() == [True, False, False]


_entry = st.sampled_from(["a", "A", " b", "b  b", "B b", "c", "\u00c9", "\u00e9", "e\u0301"])


@given(st.lists(st.none() | st.lists(_entry, min_size=1, max_size=4), min_size=1, max_size=6))
def test_members_agree_with_sets(lists):
    def same(entry: str) -> str:
        return " ".join(entry.replace("e\u0301", "\u00e9").lower().split())

    members = table(goals=[None if own is None else "; ".join(own) for own in lists])
    members = members.members("goals")
    expected = [set() if own is None else {same(entry) for entry in own} for own in lists]
    found = [
        {same(members.labels[k]) for k in np.flatnonzero(row)}  # labels are distinct as entries
        for row in members.matrix
    ]
    assert found == expected
    assert [same(label) for label in members.labels] == sorted(set().union(*expected))
    assert members.known.tolist() == [own is not None for own in lists]


# What cells may hold


@pytest.mark.parametrize(
    ("cell", "grades"),
    [
        ("K-2", ("K", "1", "2")),
        ("9-12", ("9", "10", "11", "12")),
        ("6\u20138", ("6", "7", "8")),
        ("PK-K", ("PK", "K")),
        ("Pre-K to 1", ("PK", "K", "1")),
        ("K12", None),
        ("K-12", ("K", *map(str, range(1, 13)))),
        ("Kindergarten; pre-k", ("PK", "K")),
        ("01", ("1",)),
        ("1st;2nd grade;Grade 3;Grades 5-6", ("1", "2", "3", "5", "6")),
        ("First grade; twelfth", ("1", "12")),
        ("09,10,11", ("9", "10", "11")),
        ("3.0", ("3",)),
        ("0", None),
        ("13", None),
        ("8-6", None),
        ("middle", None),
        ("12-Sep", None),
        ("none", ()),
    ],
)
def test_grades_are_normalised_and_bands_expanded(cell, grades):
    if grades is None:
        assert len(faults_of(grades=[cell])) == 1
    else:
        assert table(grades=[cell])["grades"].tolist() == [grades]


def test_grades_stand_in_their_own_order():
    assert table(grades=["10;9", "K; PK; 2"]).members("grades").labels == (
        "PK", "K", "2", "9", "10",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        ("years", ["0", "60", "3,5", "2.0", ".5", "1e1", "0,125", 7, 2.5], ["61", "-1", "five",
         "1e999", "infinity", "1,000", "1_0", "\u0663", "3 years", "--"]),
        ("max_mentees", ["0", "2.0", "3", 4.0], ["2.5", "-1", "many", "1e30"]),
        ("minutes_per_week", ["0", "90", "10080"], ["-5", "10081", "an hour"]),
        ("style_pace", ["0", "5", "0,5", 1], ["5.1", "-0.1", "high"]),
        ("commitment", ["low", "Medium", "HIGH"], ["very high", "3"]),
        ("trained", ["yes", "No", "TRUE", "false", "1", "0", True, np.False_], ["maybe", "2"]),
        ("enrolled", ["2026-09-01", "2026-09-01T08:00:00", datetime.date(2026, 9, 1),
         pd.Timestamp("2026-09-01 08:30")], ["01.09.2026", "9/1/2026", "2026-02-30", "20260901",
         "2026-09-01 25:00"]),
        ("modality", ["in_person", "In-Person", "virtual", "either", "both"], ["carrier pigeon"]),
        ("free", ["Mon 08:00-09:00", "none", "-", ["Mon 08:00-09:00", "Tue 08:00-09:00"]],
         ["Mon", "always"]),
        ("teaching", ["Mon-Fri 08:00-09:00"], ["Mon 09:00-08:00"]),
        ("busy", ["Mon,Tue 08:00-09:00"], ["Mon 25:00-26:00"]),
    ],
)  # fmt: skip
def test_standard_columns_accept_what_they_should_and_nothing_else(column, good, bad):
    series = pd.Series(good, dtype=object)
    assert len(table(**{column: series})) == len(good)
    for value in bad:
        (fault,) = faults_of(**{column: [value]})
        assert fault.startswith(f"row 0 (id T-0), column {column}: ")
        assert str(value) in fault or column in {"free", "teaching", "busy"}
        assert fault.endswith(".") or column in {"free", "teaching", "busy"}


@pytest.mark.parametrize("word", ["", "  ", "n/a", "N/A", "#N/A", "null", "NaN", "nan", "NA"])
@pytest.mark.parametrize(
    "column",
    ["years", "goals", "grades", "free", "trained", "commitment", "enrolled", "style_a"],
)
def test_a_blank_cell_is_unknown_and_never_a_fault(word, column):
    people = table(**{column: [word]})
    assert people.texts(column).tolist() == [""]
    if column == "free":
        assert people.windows(column) == (None,)
    if column == "goals":
        assert people.members(column).known.tolist() == [False]


def test_na_is_text_where_text_is_free():
    people = table(school=["NA", "n/a"], house=["NA", "n/a"])
    assert people["school"].tolist() == ["NA", ""]
    assert people["house"].tolist() == ["NA", "n/a"]


def test_a_long_cell_is_shortened_in_the_message():
    (fault,) = faults_of(years=["word " * 200])
    assert len(fault) < 400


# Headers


@pytest.mark.parametrize("header", ["Years", " YEARS ", "years"])
def test_case_and_white_space_of_headers_do_not_count(header):
    assert table(**{header: [1]}).columns == ("id", "years")


def test_spaces_and_hyphens_in_headers_are_underscores():
    assert table(**{"Max mentees": [1], "Style-Pace": [2], "minutes\nper week": [3]}).columns == (
        "id", "max_mentees", "style_pace", "minutes_per_week",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("header", "cell", "meant"),
    [
        ("yeras", "4", "years"),
        ("year", "4", "years"),
        ("Years of experience", "4", "years"),
        ("subject", "Maths", "subjects"),
        ("goal", "ICT", "goals"),
        ("strenghts", "ICT", "strengths"),
        ("max_mentee", "2", "max_mentees"),
        ("free time", "Mon 08:00-09:00", "free"),
        ("sytle_pace", "2", "style_pace"),
        ("Grade", "K-2", "grades"),
        ("commitmment", "low", "commitment"),
    ],
)
def test_a_standard_header_with_a_typing_error_is_a_fault(header, cell, meant):
    (fault,) = faults_of(**{header: [cell]})
    assert f"did you mean '{meant}'?" in fault
    assert f"Rename it to {meant}, or, if it is a column of your own" in fault


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("bus", "12A"),
        ("year", "2026"),
        ("trainer", "J. Doe"),
        ("free time", "chess"),
        ("experience", "novice"),
        ("stale_bread", "3"),
        ("e-mail", "a@b.org"),
        ("first_name", "Ann"),
        ("years_in_district", "3"),
        ("km", "3"),
        ("capacity", "3"),
        ("yeras", ""),
    ],
)
def test_an_honest_own_header_passes_through(header, cell):
    people = table(**{header: [cell]})
    assert people.columns == ("id", header)
    assert people.texts(header).tolist() == [cell]


def test_a_near_header_beside_the_standard_one_is_an_own_column():
    assert table(years=[4], year=[3]).columns == ("id", "years", "year")


# DataFrames


def test_ids_may_be_whole_numbers_but_no_fractions():
    assert table(id=[7, 8.0, "007", np.int64(9)]).ids == ("7", "8", "007", "9")
    assert table(id=pd.Series([7.0, 8.0])).ids == ("7", "8")
    found = faults_of(id=["a", 7.5, None, True, float("inf")])
    assert [fault.partition(":")[0] for fault in found] == [
        "row 1, column id",
        "row 3, column id",
        "row 4, column id",
        "row 2, column id",
    ]


@pytest.mark.parametrize("blank", [None, float("nan"), pd.NA, pd.NaT, ""])
def test_every_missing_value_is_blank(blank):
    series = pd.Series(["ICT", blank], dtype=object)
    people = table(goals=series, free=pd.Series(["none", blank], dtype=object))
    assert people.texts("goals").tolist() == ["ICT", ""]
    assert people.members("goals").known.tolist() == [True, False]
    assert people.windows("free") == ((), None)


def test_real_lists_are_lists_and_an_empty_one_is_known():
    people = table(goals=[["ICT", "Art, Design"], ("PE",), {"b", "a"}, [], None, np.array(["x"])])
    assert people["goals"].tolist() == [("ICT", "Art, Design"), ("PE",), ("a", "b"), (), (), ("x",)]
    assert people.members("goals").known.tolist() == [True, True, True, True, False, True]


def test_an_entry_with_a_semicolon_and_a_dict_are_faults():
    first, second = faults_of(goals=[["a;b"], {"a": 1}, "ok"])
    assert "row 0 (id T-0), column goals: an entry of a list holds ';'" in first
    assert "row 1 (id T-1), column goals: a cell of type dict is not understood" in second


def test_numbers_that_are_not_finite_are_faults_in_any_column():
    (fault,) = faults_of(km=[1.0, float("inf")])
    assert "row 1 (id T-1), column km: inf is no finite number" in fault


def test_typed_columns_are_read_by_value():
    people = read_profiles(
        pd.DataFrame(
            {
                "id": pd.array([1, 2], dtype="Int64"),
                "years": pd.array([3, None], dtype="Int64"),
                "trained": pd.array([True, None], dtype="boolean"),
                "enrolled": pd.to_datetime(["2026-09-01", None]),
                "school": pd.Categorical(["Nord", None]),
                "km": [0.1, np.nan],
            }
        )
    )
    assert people.ids == ("1", "2")
    assert people["years"].tolist()[0] == 3.0
    assert people["trained"].tolist() == ["yes", ""]
    assert people["enrolled"].tolist() == ["2026-09-01", ""]
    assert people["school"].tolist() == ["Nord", ""]
    assert people["km"].tolist()[0] == 0.1


def test_an_index_with_the_name_of_the_id_is_the_id():
    frame = pd.DataFrame({"years": [1, 2]}, index=pd.Index(["a", "b"], name="ID"))
    assert read_profiles(frame).ids == ("a", "b")
    frame["id"] = ["c", "d"]
    assert read_profiles(frame).ids == ("c", "d")


def test_rows_of_a_frame_are_counted_by_position_whatever_the_index():
    frame = pd.DataFrame({"id": ["a", "b"], "years": [1, 99]}, index=[10, 20])
    with pytest.raises(ProfileError, match=r"row 1 \(id b\), column years"):
        read_profiles(frame)


def test_repeated_headers_and_levels_of_a_frame_are_refused():
    with pytest.raises(ProfileError, match="column km: the header stands over two columns, 2 and"):
        read_profiles(pd.DataFrame([["a", 1, 2]], columns=["id", "km", "km"]))
    levels = pd.MultiIndex.from_tuples([("id", ""), ("x", "y")])
    with pytest.raises(ProfileError, match="several levels"):
        read_profiles(pd.DataFrame([["a", 1]], columns=levels))


def test_a_frame_without_people_or_columns_is_refused():
    with pytest.raises(ProfileError, match="no people below the header"):
        read_profiles(pd.DataFrame({"id": []}))
    with pytest.raises(ProfileError, match="there is no column 'id'"):
        read_profiles(pd.DataFrame())


def test_the_frame_that_was_read_is_not_changed():
    frame = pd.DataFrame({"id": [" a "], "years": ["n/a"]})
    read_profiles(frame)
    assert frame.to_dict("list") == {"id": [" a "], "years": ["n/a"]}


def test_cells_of_the_name_column_are_never_quoted():
    table = read_profiles(pd.DataFrame({"id": ["a"], "name": ["Ann Private"]}))
    with pytest.raises(ProfileError) as caught:
        table.numbers("name")
    assert "Private" not in str(caught.value)
    assert "row 0 (id a), column name" in str(caught.value)


def test_every_slip_of_one_cell_is_a_fault_of_its_own():
    table = pd.DataFrame(
        {
            "id": ["T-1", "T-2"],
            "free": ["Munday 8-9; Tue 9-10\nWed 25:00-26:00; Munday 8-9", "Mon 8-9"],
            "grades": ["K-2, 14; Sept", "3"],
        }
    )
    with pytest.raises(pm.ProfileError) as caught:
        pm.read_profiles(table)
    told = [(fault.where, fault.what.split(" is ")[0]) for fault in caught.value.faults]
    assert told == [
        ("row 0 (id T-1), column free", "'Munday'"),
        ("row 0 (id T-1), column free", "'25:00'"),
        ("row 0 (id T-1), column grades", "'14'"),
        ("row 0 (id T-1), column grades", "'Sept'"),
    ]
    schedule = pm.Schedule.from_bells({"P1": "08:00-08:50"})
    with pytest.raises(pm.ProfileError) as caught:
        pm.read_profiles(table.assign(free="Mon P7; Tue P8", grades=""), schedule=schedule)
    assert [fault.what[:4] for fault in caught.value.faults] == ["'P7'", "'P8'"] * 2


def test_two_slips_in_a_value_that_is_no_cell_are_one_sentence_each():
    with pytest.raises(pm.ProgramError) as caught:
        pm.Schedule(hours="Munday 8-9; Tusday 8-9")
    text = str(caught.value)
    assert "'Munday' is no day" in text
    assert "Sun. 'Tusday' is no day" in text
