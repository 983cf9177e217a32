"""The two command lines of the README: there, one line each, and about files that exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
quickstart_blocks = runpy.run_path(str(ROOT / ".ci" / "quickstart.py"))["quickstart_blocks"]
FENCE = "```"


def readme(*blocks: str, heading: str = "## Quickstart") -> str:
    fenced = "\n".join(f"{FENCE}sh\n{block}\n{FENCE}\n" for block in blocks)
    return f"# Title\n\n{FENCE}sh\nelsewhere\n{FENCE}\n\n{heading}\n\n{fenced}\n## Next\n"


def test_the_readme_has_a_command_for_the_job_and_one_for_the_tests():
    job, tests, *_ = quickstart_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert "venv" in job
    assert "pairmatch match examples/district/mentees.csv examples/district/mentors.csv" in job
    assert "pytest" in tests
    assert '".[test]"' in tests


def test_files_named_in_the_commands_exist():
    blocks = quickstart_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    named = re.findall(r"\b(?:examples|benchmarks|docs)/[\w./-]+", " ".join(blocks))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_no_document_says_to_install_the_other_package_of_this_name():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert len(documents) >= 4
    offers = re.compile(r"pip install (?:-\w+ )*pairmatch(?!-mentoring)")
    assert [d.name for d in documents if offers.search(d.read_text(encoding="utf-8"))] == []
    assert offers.search("pip install -U pairmatch")
    assert not offers.search("pip install pairmatch-mentoring")


def test_blocks_are_read_from_the_section_only():
    assert quickstart_blocks(readme("one", "two", "three")) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (readme("one"), "1 sh blocks under Quickstart"),
        (readme("one", "two\nlines"), "block 2 under Quickstart is not one command line"),
        (readme("one", "two", heading="## Start"), 'no heading "## Quickstart"'),
    ],
)
def test_a_readme_without_the_two_lines_is_refused(text, says):
    with pytest.raises(SystemExit, match=re.escape(says)):
        quickstart_blocks(text)


def test_the_summary_that_the_readme_shows_is_what_the_first_command_prints():
    import pairmatch as pm

    folder = ROOT / "examples" / "district"
    program = pm.Program.preset("mentoring")
    plan = pm.match(folder / "mentees.csv", folder / "mentors.csv", program)
    assert f"{FENCE}text\n{plan.summary()}\n{FENCE}" in (ROOT / "README.md").read_text("utf-8")
