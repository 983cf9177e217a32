"""What reaches the terminal, and what does not: ids as typed, clean output, no waiting."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.cli.entry import _ROOM_OF


def run_code(code, **streams):
    """Run the command line in a process of its own, after some lines of Python."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    code = f"import os, sys\n{code}\nfrom pairmatch.cli import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", code], text=True, encoding="utf-8", timeout=120, check=False,
        env=os.environ | {"COLUMNS": "200"}, **streams,
    )  # fmt: skip


@pytest.fixture
def odd(tmp_path):
    """Sheets whose ids and headers a terminal could take for styles or pictures."""
    (tmp_path / "a.csv").write_text("id,subjects,[/b]\n[T1],art,1\n:x:,maths,2\n")
    (tmp_path / "b.csv").write_text("id,subjects\n[/red],art\n[bold]M,maths\n")
    return tmp_path / "a.csv", tmp_path / "b.csv"


def test_ids_and_headers_are_shown_as_they_were_typed(run, odd):
    checked = run("check", *odd)
    assert checked.returncode == 0, checked.stderr
    assert "columns id, subjects, [/b]" in checked.stdout
    told = run("explain", *odd, "[T1]")
    assert told.returncode == 0, told.stderr
    assert "[T1] has [/red] (score 1.000)" in told.stdout
    other = run("explain", *odd, ":x:", "[/red]")
    assert ":x: has [bold]M" in other.stdout
    assert ":x: with [/red]" in other.stdout


def test_who_has_several_mentors_is_explained_with_each(run, tmp_path):
    (tmp_path / "a.csv").write_text("id,subjects\nT-1,art\n")
    (tmp_path / "b.csv").write_text("id,subjects\nM-1,art\nM-2,art; maths\nM-3,maths\n")
    (tmp_path / "p.toml").write_text('[[constraints]]\nkind = "Demand"\neach = 2\n')
    words = "explain", tmp_path / "a.csv", tmp_path / "b.csv", "T-1"
    done = run(*words, "--program", tmp_path / "p.toml")
    assert done.returncode == 0, done.stderr
    assert "T-1 has M-1 (score 1.000) and M-2 (score 1.000)" in done.stdout
    assert done.stdout.count("SubjectMatch") == 2
    third = run(*words, "M-3", "--program", tmp_path / "p.toml")
    assert third.returncode == 0, third.stderr
    assert "T-1 with M-3" in third.stdout


def test_a_line_that_a_compiled_library_prints_is_not_part_of_the_answer():
    done = run_code(
        """
import pairmatch.cli.catalogue as room
asked = room.program_schema
room.program_schema = lambda: (os.write(1, b"presolve says hello\\n"), asked())[1]
sys.argv = ["pairmatch", "schema"]
"""
    )
    assert done.returncode == 0, done.stderr
    assert "$defs" in json.loads(done.stdout)
    assert done.stderr == "presolve says hello\n"


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_no_fault(district, tmp_path, closed):
    sheets = f"{str(district / 'mentees.csv')!r}, {str(district / 'mentors.csv')!r}"
    done = run_code(
        f"""
sys.{closed} = None
sys.argv = ["pairmatch", "match", {sheets}, "--out", {str(tmp_path / "plan")!r}]
"""
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "plan" / "pairs.csv").exists()
    assert "Traceback" not in done.stderr


def test_the_version_is_known_before_anything_else_is_loaded():
    done = run_code(
        """
import atexit
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
sys.argv = ["pairmatch", "--version"]
"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"pairmatch {pm.__version__}\n"
    loaded = set(done.stderr.split())
    assert "pairmatch.cli.entry" in loaded
    assert not loaded & {"numpy", "pandas", "pairmatch.verbs", "pairmatch.cli.planning"}


def test_every_command_is_listed_with_a_sentence_and_has_a_page_of_its_own(run):
    listed = run("--help")
    assert listed.returncode == 0, listed.stderr
    for name in _ROOM_OF:
        assert f" {name} " in listed.stdout
        page = run(name, "--help")
        assert page.returncode == 0, page.stderr
        assert f"pairmatch {name}" in page.stdout


def test_a_command_that_is_misspelt_is_answered_with_a_near_one(run):
    done = run("mtach")
    assert done.returncode == 2
    assert "No such command 'mtach'. Did you mean 'match'" in done.stderr
    assert "No such command 'zzz'" in run("zzz").stderr


def test_a_history_is_one_more_rule_of_a_plan_that_is_brought_up_to_date(run, tmp_path):
    (tmp_path / "a.csv").write_text("id,subjects\nT-1,art\nT-2,maths\n")
    (tmp_path / "b.csv").write_text("id,subjects\nM-1,art\nM-2,maths\nM-3,art; maths\n")
    sheets = tmp_path / "a.csv", tmp_path / "b.csv"
    assert run("match", *sheets, "--out", tmp_path / "plan").returncode == 0
    (tmp_path / "met.csv").write_text("cycle,mentee,mentor\n1,T-1,M-1\n")
    done = run(
        "rematch", tmp_path / "plan", *sheets, "--history", tmp_path / "met.csv",
        "--out", tmp_path / "new",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pairs = pd.read_csv(tmp_path / "new" / "pairs.csv")
    assert dict(zip(pairs["mentee"], pairs["mentor"], strict=True)) == {"T-1": "M-3", "T-2": "M-2"}


def test_check_refuses_what_the_command_itself_would_refuse(run, tmp_path):
    (tmp_path / "a.csv").write_text("id,subjects\nT-1,art\nT-2,maths\n")
    compose = 'kind = "Compose"\ncolumn = "subjects"\nvalue = "art"\nat_least = 1\n'
    (tmp_path / "rule.toml").write_text(f"[[constraints]]\n{compose}")
    (tmp_path / "goal.toml").write_text('objective = "leximin"\nsize = 2\n')
    (tmp_path / "term.toml").write_text("size = 2\nrounds = 2\n")
    tiers = '[[constraints]]\nkind = "Tiers"\nlevels = [{kind = "SubjectMatch"}]\n'
    (tmp_path / "order.toml").write_text(f'objective = "leximin"\n{tiers}')
    both = tmp_path / "a.csv", tmp_path / "a.csv"
    asked = (both, "match", "rule"), (both, "match", "order"), (both[:1], "groups", "goal")
    for sheets, verb, program in asked:
        words = *sheets, "--program", tmp_path / f"{program}.toml"
        done, meant = run("check", *words), run(verb, *words)
        assert (done.returncode, done.stderr) == (2, meant.stderr)
    term = run("check", both[0], "--program", tmp_path / "term.toml")
    assert term.returncode == 0, term.stderr


LONG = "x" * 300


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("match", LONG, "B"), "cannot be opened: File name too long"),
        (("match", "A", "B", "--out", LONG), "file name too long. Choose a shorter name."),
        (("match", "A", "B", "--history", LONG), "cannot be opened: File name too long"),
        (("match", "A", "B", "--program", LONG), "there is no ready-made program"),
        (("match", "A", "B", "--program", f"{LONG}.toml"), "cannot be read: File name too long"),
        (("compare", LONG, LONG), "plan.json in it cannot be opened: file name too long"),
    ],
    ids=["sheet", "out", "history", "program", "program file", "plan"],
)
def test_a_path_that_may_not_be_looked_at_is_a_sentence(run, odd, tmp_path, words, says):
    sheets = dict(zip("AB", odd, strict=True))
    done = run(*(sheets.get(word, word) for word in words), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]


def test_a_program_that_somebody_wrote_is_never_overwritten(run, tmp_path):
    (tmp_path / "a.csv").write_text("id,subjects\nT-1,art\n")
    (tmp_path / "b.csv").write_text("id,subjects\nM-1,art\n")
    (tmp_path / "program.toml").write_text('# mine\nobjective = "total"\n')
    (tmp_path / "audit.csv").write_text("mine")
    done = run("match", "a.csv", "b.csv", "-p", "program.toml", "--out", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "program.toml is of no plan, and would be overwritten. Choose" in done.stderr
    with pytest.raises(pm.PairmatchError, match="is of no plan"):
        pm.match(tmp_path / "a.csv", tmp_path / "b.csv").save(tmp_path)
    (tmp_path / "program.toml").rename(tmp_path / "mine.toml")
    done = run("match", "a.csv", "b.csv", "-p", "mine.toml", "--out", ".", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine.toml").read_text().startswith("# mine")
    assert (tmp_path / "audit.csv").read_text() == "mine"
    assert run("match", "a.csv", "b.csv", "--out", ".", cwd=tmp_path).returncode == 0
