import json
from io import StringIO

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairmatch as pm
from pairmatch.programs.schema import program_schema

ids = st.text(min_size=1, max_size=4).filter(lambda text: text.strip() == text)
cycles = st.integers(0, 9)
histories = st.builds(
    pm.History,
    pairs=st.lists(st.tuples(cycles, ids, ids), max_size=4),
    groups=st.lists(
        st.tuples(cycles, st.lists(ids, min_size=1, max_size=3).map(tuple)), max_size=3
    ),
    left_out=st.lists(st.tuples(cycles, ids), max_size=2),
    last_cycle=st.none() | cycles,
)


@settings(max_examples=60, deadline=None)
@given(histories, histories)
def test_rules_and_criteria_of_history_come_back_from_a_file_without_a_loss(one, other):
    program = pm.Program(
        criteria=[pm.Novelty(one, decay=0.25), pm.Continuity(other)],
        constraints=[pm.NotAgain(one, within=2), pm.CarryOver(other)],
    )
    again = pm.Program.from_toml(StringIO(program.to_toml()))
    assert again == program
    assert again.constraints[0].history.last_cycle == one.last_cycle
    json.dumps(program_schema())


def test_a_file_names_tables_and_plans_beside_it(tmp_path):
    first = pm.match_scores([[9, 1], [8, 2]])
    first.save(tmp_path / "autumn")
    (tmp_path / "old.csv").write_text("cycle,mentee,mentor\n4,T-1,M-1\n4,T-2,\n")
    file = tmp_path / "rules.toml"
    file.write_text(
        '[[constraints]]\nkind = "NotAgain"\nhistory = ["old.csv", "autumn", "autumn/pairs.csv"]\n'
    )
    history = pm.Program.from_toml(file).constraints[0].history
    expected = pm.read_history(tmp_path / "old.csv").add(first).add(first)
    assert history == expected
    assert history.last_cycle == 6


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('"gone.csv"', "there is no file"),
        ('"bad.csv"', "row 2, column cycle: 'x' is no whole number"),
        ("3", "expected a file such as"),
        ("[]", "expected a file such as"),
        ("{ pars = [] }", "not 'pars'"),
        ('{ pairs = [[1, "T-1"]] }', "rows such as"),
        ('{ groups = [[1, "T-1"]] }', "rows such as"),
        ("{ last_cycle = -1 }", "a whole number >= 0 as last_cycle"),
    ],
)
def test_a_history_that_cannot_be_used_is_told_with_its_line(tmp_path, content, says):
    (tmp_path / "bad.csv").write_text("cycle,mentee,mentor\nx,T-1,M-1\n")
    file = tmp_path / "rules.toml"
    file.write_text(
        f'objective = "total"\n[[constraints]]\nkind = "NotAgain"\nhistory = {content}\n'
    )
    with pytest.raises(pm.ProgramError, match="line 4: history is") as told:
        pm.Program.from_toml(file)
    assert says in str(told.value)


def test_a_plan_with_history_is_saved_with_its_program(tmp_path):
    sheets = [pd.DataFrame({"id": [f"{side}-1", f"{side}-2"], "years": [1, 2]}) for side in "TM"]
    first = pm.match(*sheets)
    program = pm.Program(constraints=[pm.NotAgain(pm.History().add(first))])
    second = pm.match(*sheets, program)
    second.save(tmp_path)
    again = pm.read_plan(tmp_path, *sheets)
    assert again.program.constraints == program.constraints
    assert again.objective == second.objective
