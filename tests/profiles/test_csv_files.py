"""Files as districts hand them over: encodings, delimiters, line ends, ragged rows, wrong files."""

from __future__ import annotations

import pickle
import warnings

import pytest

from pairmatch.errors import PairmatchWarning, ProfileError
from pairmatch.profiles import read_profiles


@pytest.fixture
def read(tmp_path):
    """Write text or bytes into a file and read it."""

    def write_and_read(content: str | bytes, **options):
        path = tmp_path / "people.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_profiles(path, **options)

    return write_and_read


@pytest.fixture
def faults_of(read):
    """Return the printed faults of a file that must be refused."""

    def refuse(content: str | bytes, **options) -> list[str]:
        with pytest.raises(ProfileError) as caught:
            read(content, **options)
        assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults  # noqa: S301
        return [str(fault) for fault in caught.value.faults] or [str(caught.value)]

    return refuse


_TEXT = 'id,school,goals\r\nT-1,École Zoë,"Art, Design; ICT"\r\nT-2,Nord,\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_every_encoding_gives_the_same_people(read, encoding):
    people = read(_TEXT.encode(encoding))
    assert people.ids == ("T-1", "T-2")
    assert people["school"].tolist() == ["École Zoë", "Nord"]
    assert people["goals"].tolist() == [("Art, Design", "ICT"), ()]


def test_big_endian_utf_16_is_read(read):
    assert read(b"\xfe\xff" + _TEXT.encode("utf-16-be")).ids == ("T-1", "T-2")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_delimiter_and_line_end_gives_the_same_people(read, delimiter, line_end):
    lines = ['id,"school; or site, if any",goals', "T-1,Nord,'", 'T-2,,"ICT; Art, Design\t"']
    text = line_end.join(lines)
    # Delimiters outside quotation marks only.
    parts = text.split('"')
    parts[::2] = [part.replace(",", delimiter) for part in parts[::2]]
    people = read('"'.join(parts) + line_end)
    assert people.columns == ("id", "school; or site, if any", "goals")
    assert people["goals"].tolist() == [("'",), ("ICT", "Art, Design")]


def test_a_header_with_many_foreign_delimiters_is_still_split_at_the_right_one(read):
    people = read("id;years, total, in the district, so far\nT-1;3\n")
    assert people.columns == ("id", "years, total, in the district, so far")


def test_the_delimiter_note_of_excel_is_no_row(faults_of, read):
    assert read("sep=;\nid;years\nT-1;3,5\n")["years"].tolist() == [3.5]
    assert faults_of("sep=;\nid;years\nT-1;x\n")[0].startswith("row 2 (id T-1)")


def test_a_quoted_line_break_does_not_shift_the_row_numbers(faults_of):
    text = 'id,goals,years\nT-1,"one;\ntwo;\nthree",4\nT-2,,five\n'
    assert faults_of(text) == [
        "row 3 (id T-2), column years: 'five' is not a number; expected a number from 0 to 60. "
        "Leave the cell blank if it is unknown."
    ]


def test_empty_rows_hold_nobody_but_count_as_rows(read, faults_of):
    assert read("id,years\n\nT-1,3\n,\n \nT-2,4\n\n\n").ids == ("T-1", "T-2")
    assert faults_of("id,years\n\nT-1,3\n,\nT-2,x\n")[0].startswith("row 5 (id T-2)")


def test_a_short_row_has_blank_cells_at_its_end(read):
    people = read("id,school,years\nT-1\nT-2,Nord\n")
    assert people["school"].tolist() == ["", "Nord"]
    assert people.windows("years") == (None, None)


def test_a_long_row_is_a_fault_that_does_not_show_its_cells(faults_of):
    found = faults_of("id,name,years\nT-1,Doe, Jane,3\nT-2,x,99\n")
    assert found[0] == (
        "row 2 (id T-1): 4 cells where the header has 3. Remove the 1 extra, or put quotation "
        "marks around the cell that holds the delimiter."
    )
    assert len(found) == 2
    assert found[1].startswith("row 3 (id T-2), column years")


def test_a_long_row_is_one_fault_even_when_the_id_is_not_in_front(faults_of):
    assert len(faults_of("years,id\n3,T-1\n1,2,T-2\n")) == 1


def test_blank_cells_beyond_the_header_are_nothing(read):
    assert read("id,years,,\nT-1,3,,,,\n").columns == ("id", "years")


def test_a_header_over_two_columns_is_a_fault(faults_of):
    assert faults_of("id,years,Years\nT-1,3,4\n") == [
        "column years: the header stands over two columns, 2 and 3 from the left (as 'years' and "
        "'Years'). Rename or remove one of them."
    ]
    assert "column km: the header stands over two" in faults_of("id,km,km\nT-1,3,4\n")[0]


def test_cells_without_a_header_are_a_fault(faults_of):
    assert faults_of("id,,years\nT-1,x,3\n")[0].startswith(
        "column 2 from the left: 1 cell but no header."
    )


def test_007_stays_007_and_na_stays_na(read):
    people = read("id,room\n007,A\nNA,B\n1e5,C\nnull,D\n")
    assert people.ids == ("007", "NA", "1e5", "null")
    assert people.index_of("007") == 0


def test_blank_and_repeated_ids_are_named_by_row(faults_of):
    assert faults_of("id,km\nT-1,1\n,2\n T-1 ,3\nT-2,4\nT-1,5\n") == [
        "row 3, column id: the id is blank. Give this person an id.",
        "rows 2, 4 and 6, column id: 3 people have the same id 'T-1'; ids must be unique. Remove "
        "the row that is there twice, or give each person an own id.",
    ]


def test_ids_that_differ_in_case_are_different_people(read):
    assert len(read("id\nt-1\nT-1\n")) == 2


def test_a_table_without_ids_is_told_which_column_could_be_one(faults_of):
    found = faults_of("name,Staff No,years\nAnn,17,3\nBob,18,4\n")
    assert found == [
        "there is no column 'id', which says who is who. Known: Staff No, name, years. Add a "
        "column with a unique id for each person, or rename the one that has it to 'id' (in "
        "Python: read_profiles(..., id_column='Staff No'))."
    ]


def test_another_column_can_be_the_id(read):
    people = read("ID,Staff No,years\n1,a17,3\n2,a18,4\n", id_column="staff no")
    assert people.ids == ("a17", "a18")
    assert people.columns == ("id", "years")


def test_title_rows_above_the_header_are_pointed_out(faults_of):
    found = faults_of("Our mentors,,\n\nid,years,\nT-1,3,\n")
    assert found == [
        "the header seems to be in row 3, not in the first row. Delete the rows above it."
    ]


@pytest.mark.parametrize("content", [b"", b"\n\r\n , \n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_an_empty_file_is_refused(faults_of, content):
    assert "is empty" in faults_of(content)[0]


def test_a_header_alone_is_refused(faults_of):
    assert faults_of("id,years\n") == ["there are no people below the header. Add a row for each."]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04rest of a workbook", "people.csv is a workbook or an archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook"),
        (b"\x89PNG\r\n\x1a\n\x00", "a picture"),
        (b"%PDF-1.7", "a PDF"),
        (b"id,years\x00\nT-1,3\n", "it holds zero bytes"),
        ("id\nT-1\n".encode("utf-16-le"), "it holds zero bytes"),
        (b"\xff\xfei", "breaks off"),
        (b"id,name\nT-1,\x81\n", "neither UTF-8 nor Windows text"),
    ],
)
def test_what_is_no_text_table_is_refused_with_the_way_out(faults_of, content, sentence):
    message = faults_of(content)[0]
    assert sentence in message
    assert "save it as 'CSV UTF-8'" in message


def test_a_quotation_mark_that_never_ends_is_refused_with_its_row(faults_of):
    message = faults_of('id,goals\nT-1,"ICT\nT-2,Art\nT-3,PE\n')[0]
    assert "cannot be read after row 1" in message
    assert "a quotation mark is not closed" in message


def test_a_file_that_is_not_there_brings_near_names(tmp_path):
    (tmp_path / "mentors.csv").write_text("id\nM-1\n")
    with pytest.raises(ProfileError, match=r"there is no file .*Did you mean 'mentors\.csv'\?"):
        read_profiles(str(tmp_path / "mentor.csv"))
    with pytest.raises(ProfileError, match=r"The folder has mentors\.csv\."):
        read_profiles(tmp_path / "quite another name")
    with pytest.raises(ProfileError, match="There is no folder"):
        read_profiles(tmp_path / "none" / "mentors.csv")


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(ProfileError, match="is a folder"):
        read_profiles(tmp_path)


@pytest.mark.parametrize("source", [None, 3, [{"id": "T-1"}], {"id": ["T-1"]}, b"people.csv"])
def test_other_sources_are_refused_by_type(source):
    with pytest.raises(ProfileError, match="expected the path of a CSV file or a pandas DataFrame"):
        read_profiles(source)


def test_comma_separated_lists_are_warned_of_once_a_column(read):
    text = 'id,subjects\nT-1,"Maths, Science"\nT-2,"Art, Music"\nT-3,PE\n'
    with pytest.warns(PairmatchWarning, match="column subjects: 2 cells hold commas") as caught:
        people = read(text)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert people["subjects"].tolist() == [("Maths, Science",), ("Art, Music",), ("PE",)]


def test_commas_between_what_other_cells_give_as_entries_are_warned_of(read):
    text = 'id,subjects\nT-1,"Maths, science"\nT-2,maths; art\nT-3,"English, as a language"\n'
    said = r"column subjects: 1 cell holds commas \('Maths, science'\) between entries of other"
    with pytest.warns(PairmatchWarning, match=said) as caught:
        read(text)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_commas_inside_entries_are_not_warned_of(read):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        people = read('id,goals\nT-1,"Talking, listening ;"\nT-2,"Maps, plans;"\n')
    assert people["goals"].tolist() == [("Talking, listening",), ("Maps, plans",)]


def test_times_of_the_night_without_am_are_warned_of(read):
    with pytest.warns(PairmatchWarning, match=r"column free: 1 cells such as 'Mon 3:30-4:30'"):
        people = read("id,free\nT-1,Mon 3:30-4:30\nT-2,Tue 04:00-05:00\n")
    assert people.windows("free")[0] == ((210, 270),)


def test_all_faults_of_a_messy_sheet_come_at_once(faults_of):
    text = (
        "ID;Years;Subject;Max mentees;Free;Grades;Trained;Enrolled;style_pace;Modality;km\r\n"
        "T-1;five;Maths;2.0;Mon 25:00-26:00;K-2;maybe;11/5/2020;7;zoom;3\r\n"
        "T-1;-3;Art;2.5;Xyz 07:30-08:15;9-Dec;yes;2020-13-45;0,5;virtual;4\r\n"
        ";1e999;Art;-1;Mon 08:15-07:30;Elementary;1;2020-11-05;0;both;5\r\n"
        "T-4;61;Art;two;Mon 08:00-08:00;12-9;0;2020-11-05;1,234;both;5\r\n"
    )
    found = faults_of(text)
    for place, what in [
        ("row 2 (id T-1), column years", "'five' is not a number"),
        ("row 3 (id T-1), column years", "'-3' is not a number from 0 to 60"),
        ("row 4, column years", "'1e999' is too large"),
        ("row 5 (id T-4), column years", "'61' is not a number from 0 to 60"),
        ("column Subject", "did you mean 'subjects'?"),
        ("row 3 (id T-1), column max_mentees", "'2.5' is not a whole number"),
        ("row 4, column max_mentees", "'-1' is not a whole number"),
        ("row 5 (id T-4), column max_mentees", "'two' is not a number"),
        ("row 2 (id T-1), column free", "'25:00' is no time of day"),
        ("row 3 (id T-1), column free", "'Xyz' is no day of the week"),
        ("row 4, column free", "ends before it starts"),
        ("row 5 (id T-4), column free", "starts and ends at the same time"),
        ("row 3 (id T-1), column grades", "turned into a date"),
        ("row 4, column grades", "'Elementary' is no grade"),
        ("row 5 (id T-4), column grades", "the band '12-9' runs backwards"),
        ("row 2 (id T-1), column trained", "expected yes or no"),
        ("row 2 (id T-1), column enrolled", "expected year-month-day"),
        ("row 3 (id T-1), column enrolled", "expected year-month-day"),
        ("row 2 (id T-1), column style_pace", "'7' is not a number from 0 to 5"),
        ("row 5 (id T-4), column style_pace", "'1,234' may be 1 or 1234"),
        ("row 2 (id T-1), column modality", "expected in_person, virtual or either"),
        ("row 4, column id", "the id is blank"),
        ("rows 2 and 3, column id", "2 people have the same id 'T-1'"),
    ]:
        hits = [line for line in found if line.startswith(place + ": ") and what in line]
        assert len(hits) == 1, (place, what, found)
    assert len(found) == 23


def test_a_messy_but_legal_sheet_is_read(read):
    text = (
        "\ufeff ID ;Max Mentees;years;Grades;goals;free;trained;Commitment;enrolled;modality;"
        "Own  column;\r\n"
        '007;2.0;3,5;"Pre-K, 01; 6\u20138";"ICT ;ict; Class  room";"Mon 2:30 pm \u2013 3 pm";TRUE;'
        " High;2026-09-01;In person;n/a;\r\n"
        "NA;;n/a;#N/A;none;-;0;NA;null;NaN;4;\r\n"
        ";;;;;;;;;;;\r\n"
        "x\r\n"
    )
    people = read(text)
    assert people.ids == ("007", "NA", "x")
    assert people.columns[:4] == ("id", "max_mentees", "years", "grades")
    assert people["max_mentees"].tolist()[0] == 2.0
    assert people["years"].tolist()[0] == 3.5
    assert people["grades"].tolist() == [("PK", "1", "6", "7", "8"), (), ()]
    assert people["goals"].tolist() == [("ICT", "Class room"), (), ()]
    assert people.members("goals").known.tolist() == [True, True, False]
    assert people.windows("free") == (((870, 900),), (), None)
    assert people["trained"].tolist() == ["yes", "no", ""]
    assert people["commitment"].tolist() == ["high", "", ""]
    assert people["enrolled"].tolist() == ["2026-09-01", "", ""]
    assert people["modality"].tolist() == ["in_person", "", ""]
    assert people.texts("Own column").tolist() == ["n/a", "4", ""]
    assert people.numbers("Own column").tolist()[1] == 4.0


def test_twenty_thousand_rows_are_read_like_few(tmp_path):
    n = 20_000
    lines = [
        f"T-{k:05d},{k % 61},s{k % 7}; s{k % 11},{'Mon' if k % 2 else 'Tue'} 08:{k % 60:02d}-09:30"
        for k in range(n)
    ]
    path = tmp_path / "many.csv"
    path.write_text("id,years,goals,free\n" + "\n".join(lines) + "\n")
    people = read_profiles(path)
    assert len(people) == n
    assert people["years"].tolist() == [float(k % 61) for k in range(n)]
    goals = people.members("goals")
    assert goals.labels == tuple(sorted(f"s{k}" for k in range(11)))
    assert all(
        {label for label, own in zip(goals.labels, goals.matrix[k], strict=True) if own}
        == {f"s{k % 7}", f"s{k % 11}"}
        for k in range(0, n, 997)
    )
    assert people.windows("free")[19_999] == ((480 + 19_999 % 60, 570),)
    assert people.index_of("T-19999") == 19_999
