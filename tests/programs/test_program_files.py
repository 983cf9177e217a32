import pytest

import pairmatch as pm

GOOD = """
objective = "total"

[[criteria]]
kind = "SubjectMatch"
weight = 3

[[criteria]]
kind = "ExperienceGap"
at_least = 3
ideal = 8
at_most = 20

[[constraints]]
kind = "Load"
at_most = "max_mentees"

[[constraints]]
kind = "Require"
criterion = { kind = "CommonTime", minutes = 45 }

[[constraints]]
kind = "Pin"
mentee = "T-1"
mentor = "M-1"
"""

BAD = """objective = "coverage"
goal = 3

[[criteria]]
kind = "SubjectMach"

[[criteria]]
kind = "SubjectMatch"
wieght = 3

[[constraints]]
kind = "Load"
at_most = -1
"""


def write(folder, text):
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_program_is_read_from_toml(tmp_path):
    assert pm.Program.from_toml(write(tmp_path, GOOD)) == pm.Program(
        criteria=[pm.SubjectMatch(weight=3), pm.ExperienceGap(at_least=3, ideal=8, at_most=20)],
        constraints=[
            pm.Load(at_most="max_mentees"),
            pm.Require(pm.CommonTime(minutes=45)),
            pm.Pin("T-1", "M-1"),
        ],
        objective="total",
    )


def test_all_faults_of_a_file_are_said_with_their_line_and_a_near_match(tmp_path):
    with pytest.raises(pm.ProgramError) as caught:
        pm.Program.from_toml(write(tmp_path, BAD))
    text = str(caught.value)
    assert "line 2: 'goal' is unknown." in text
    assert "line 5: kind 'SubjectMach' is unknown. Did you mean 'SubjectMatch'?" in text
    assert "line 9: SubjectMatch has no parameter 'wieght'. Did you mean 'weight'?" in text
    assert "at_most is -1" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [("objective = ", "not valid TOML"), ("criteria = 3", r"\[\[criteria\]\]")],
)
def test_broken_file_is_refused(tmp_path, text, says):
    with pytest.raises(pm.ProgramError, match=says):
        pm.Program.from_toml(write(tmp_path, text))


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(pm.ProgramError, match="there is no program file"):
        pm.Program.from_toml(tmp_path / "none.toml")
