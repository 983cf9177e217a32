"""A program is written and read back without a loss, whatever is in it."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import string
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from io import StringIO

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.programs import PRESETS, program_schema
from pairmatch.programs.positions import find_lines
from pairmatch.programs.schema import CONSTRAINTS, CRITERIA, field_hints
from pairmatch.scoring import Criterion, History

KINDS = CRITERIA | CONSTRAINTS
WORDS = [
    "years",
    "T-104",
    "M 07",
    "é\"\\'#]",
    "",
    "line\nbreak\t",
    "\x7f\x01",
    "a.b",
    "😀 = 3",
    "free",
]


def draw(hint, rng):
    """Return something of the annotated type, odd where that is legal."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is int:
        return int(rng.integers(0, 12))
    if hint is float:
        choices = [rng.integers(0, 30), round(float(rng.random()), 3), float(rng.random())]
        return [int, float, float][k := rng.integers(3)](choices[k])
    if hint is str:
        return str(rng.choice(WORDS))
    if hint is bool:
        return bool(rng.integers(2))
    if hint is type(None):
        return None
    if hint is History:
        pairs = [(int(rng.integers(9)), *rng.choice(WORDS, 2)) for _ in range(rng.integers(3))]
        groups = [(int(rng.integers(9)), rng.choice(WORDS, 3)) for _ in range(rng.integers(2))]
        return History(pairs, groups, last_cycle=int(rng.integers(12)) if pairs else None)
    if hint is Criterion:
        return draw_value(str(rng.choice(sorted(CRITERIA))), rng)
    if origin is typing.Literal:
        return inner[rng.integers(len(inner))]
    if origin in (typing.Union, types.UnionType):
        return draw(inner[rng.integers(len(inner))], rng)
    if origin is tuple and inner[-1:] != (...,):
        return tuple(draw(part, rng) for part in inner)
    if origin in (tuple, list, Sequence):
        return [draw(inner[0], rng) for _ in range(rng.integers(0, 3))]
    if origin in (Mapping, dict):
        return {draw(inner[0], rng): draw(inner[1], rng) for _ in range(rng.integers(0, 3))}
    return [draw(Criterion, rng), [draw(Criterion, rng)], 3, "years"][rng.integers(4)]


def draw_value(name, rng):
    """Return a value of this kind; refused arguments are drawn again."""
    hints = field_hints(KINDS[name])
    entries = inspect.signature(KINDS[name]).parameters
    for _ in range(500):
        chosen = {
            key: draw(hint, rng)
            for key, hint in hints.items()
            if entries[key].default is inspect.Parameter.empty or rng.integers(2)
        }
        try:
            return KINDS[name](**chosen)
        except pm.ProgramError:
            continue
        except (TypeError, ValueError, AttributeError):
            continue
    return None


def shown_values(kind):
    """Return the values that the examples in the docstring of a kind make."""
    found = []
    names = vars(pm) | {name: getattr(pm, name) for name in pm.__all__} | KINDS
    for example in doctest.DocTestParser().get_examples(inspect.getdoc(kind) or ""):
        try:
            value = eval(example.source, {"pm": pm} | names)  # noqa: S307 - our own docstrings
        except (SyntaxError, NameError):  # a longer example than one value
            continue
        if isinstance(value, kind):
            found.append(value)
    return found


@pytest.fixture(scope="module")
def bank():
    rng = np.random.default_rng(6)
    drawn = {name: [draw_value(name, rng) for _ in range(25)] for name in KINDS}
    return {
        name: [value for value in [*values, *shown_values(KINDS[name])] if value is not None]
        for name, values in drawn.items()
    }


def read(text):
    return pm.Program.from_toml(StringIO(text))


def test_there_is_a_value_of_every_kind_to_write(bank):
    assert {name for name, values in bank.items() if not values} == set()
    assert not {"Custom"} & set(KINDS)
    assert {"SubjectMatch", "StyleFit", "Load", "Tiers", "EvaluatorPairs"} <= set(KINDS)


def test_no_value_has_a_parameter_named_kind():
    assert [name for name in KINDS if "kind" in field_hints(KINDS[name])] == []


def test_a_thousand_programs_are_read_back_as_they_were(bank):
    rng = np.random.default_rng(8)
    n_kept, n_refused, n_drawn, seen = 0, 0, 0, set()
    while n_kept < 1000:
        n_drawn += 1
        rules = [name for name in CONSTRAINTS for _ in range(rng.integers(0, 2))]
        program = pm.Program(
            criteria=[
                bank[name][rng.integers(len(bank[name]))]
                for name in rng.choice(sorted(CRITERIA), rng.integers(1, 4))
            ]
            if rng.integers(8)
            else None,
            constraints=[bank[name][rng.integers(len(bank[name]))] for name in rules],
            objective=str(rng.choice(["coverage", "total", "worst_off", "worst_rotation"])),
            size=[None, 3, (4, 6)][rng.integers(3)],
            leftovers=str(rng.choice(["grow", "leave_out"])),
            roles=[None, {"mentor": 1, "mentee": 2}, {'odd "one"': 2}][rng.integers(3)],
            rounds=int(rng.integers(1, 4)),
        )
        try:
            text = program.to_toml(comments=bool(rng.integers(2)))
        except pm.ProgramError as error:
            n_refused += any(word in str(error) for word in ("matrix", "position", "blank"))
            continue
        n_kept += 1
        again = read(text)
        assert again == program
        assert repr(again) == repr(program)
        seen |= {
            type(value).__name__ for value in (*(program.criteria or ()), *program.constraints)
        }
    assert seen == set(KINDS)
    assert n_refused == n_drawn - n_kept


@pytest.mark.parametrize("name", KINDS)
def test_what_the_documentation_of_a_kind_shows_can_be_written(name):
    for value in shown_values(KINDS[name]):
        part = "criteria" if name in CRITERIA else "constraints"
        program = pm.Program(**{part: [value]})
        assert read(program.to_toml(comments=True)) == program


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_read_back_as_they_were(name):
    needed = {"initiative": {"skill": "AI tools"}}
    program = pm.Program.preset(name, **needed.get(name, {}))
    assert read(program.to_toml(comments=True)) == program


@cache
def misspellings(key):
    """Return every text that one slip of the finger makes of a key."""
    letters = string.ascii_lowercase + "_"
    cuts = [(key[:n], key[n:]) for n in range(len(key) + 1)]
    found = {a + b[1:] for a, b in cuts if b}
    found |= {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    found |= {a + letter + b[1:] for a, b in cuts if b for letter in letters}
    found |= {a + letter + b for a, b in cuts for letter in letters}
    found |= {a + b[0].upper() + b[1:] for a, b in cuts if b} | {key.upper()}
    return sorted(found - {key, ""})


@cache
def folded_misspellings(key):
    return {slip.casefold() for slip in misspellings(key)}


def near_keys(typed, known):
    """Return the keys that one slip makes of what was typed: each is a right suggestion."""
    plain = typed.casefold()
    return {key for key in known if key == plain} or {
        key for key in known if plain in folded_misspellings(key)
    }


def faults_of(text):
    with pytest.raises(pm.ProgramError) as caught:
        read(text)
    return {fault.where: fault.what for fault in caught.value.faults}


@pytest.mark.parametrize("name", KINDS)
def test_every_one_letter_misspelling_of_a_parameter_is_refused_with_the_right_one(name):
    known = ["kind", *field_hints(KINDS[name])]
    typed = sorted({slip for key in known for slip in misspellings(key)} - set(known))
    part = "criteria" if name in CRITERIA else "constraints"
    said = faults_of(f'[[{part}]]\nkind = "{name}"\n' + "".join(f"{key} = 1\n" for key in typed))
    for line, key in enumerate(typed, 3):
        what = said[f"line {line}"]
        assert what.startswith(f"{name} has no parameter {key!r}. Did you mean ")
        assert re.search(r"mean '(\w+)'", what)[1] in near_keys(key, known)


def test_every_one_letter_misspelling_of_a_part_is_refused_with_the_right_one():
    known = ["criteria", "constraints", "objective", "size", "leftovers", "roles", "rounds"]
    known.append("meet_at_most")
    typed = sorted({slip for key in known for slip in misspellings(key)} - set(known))
    said = faults_of("".join(f"{key} = 1\n" for key in typed))
    for line, key in enumerate(typed, 1):
        meant = re.match(rf"'{key}' is unknown. Did you mean '(\w+)'", said[f"line {line}"])[1]
        assert meant in near_keys(key, known)


def test_every_one_letter_misspelling_of_kind_and_of_a_kind_is_refused_with_the_right_one():
    slips = [slip for slip in misspellings("kind") if slip != "kind"]
    said = faults_of("".join(f'[[criteria]]\n{slip} = "StyleFit"\n' for slip in slips))
    for n, slip in enumerate(slips, 1):
        assert said[f"line {2 * n}"] == f"{slip!r} is unknown. Did you mean 'kind'?"
    for part, kinds in (("criteria", CRITERIA), ("constraints", CONSTRAINTS)):
        slips = sorted({slip for kind in kinds for slip in misspellings(kind)} - set(kinds))
        said = faults_of("".join(f'[[{part}]]\nkind = "{slip}"\n' for slip in slips))
        folded = {kind.casefold(): kind for kind in kinds}
        for n, slip in enumerate(slips, 1):
            meant = re.search(r"mean '(\w+)'", said[f"line {2 * n}"])[1]
            assert meant in {folded[near] for near in near_keys(slip, list(folded))}


def test_all_faults_of_a_file_are_told_in_the_order_of_its_lines():
    said = faults_of(
        "rounds = 'x'\nsize = 1\n[[criteria]]\nkind = 'StyleFit'\nmode = 'macth'\nscale = [1]\n"
        "[[constraints]]\nkind = 'Require'\n[[constraints]]\nkind = 'Tiers'\n"
        "levels = [{ kind = 'SameSchool' },\n  [{ kind = 'SameSchol' }]]\n"
        "[constraints.more]\nx = 1\n"
    )
    assert list(said) == [f"line {n}" for n in (1, 2, 5, 6, 7, 12, 13)]
    assert said["line 1"] == "rounds is 'x', expected a whole number."
    assert "Did you mean 'match'?" in said["line 5"]
    assert said["line 7"] == "Require needs 'criterion'."
    assert "Did you mean 'SameSchool'?" in said["line 12"]
    assert "'more'" in said["line 13"]


def test_lines_are_found_whatever_the_way_of_writing():
    text = (
        '# [[criteria]]\n"a b".\'c\' = """\nx = 3\n"""""\n'
        'rows = [1, # one\n  [2,\n 3], {k = "}", m.n = 2}]\r\n'
        "[ roles ] # seats\nmentor = 1\n[[criteria]]\nkind = 'A#'\n[criteria.nb]\nz = 1\n"
        '[[criteria]]\nkind = "B"\n'
    )
    tomllib.loads(text)
    lines = find_lines(text)
    assert lines["a b", "c"] == 2
    assert lines["rows", 1, 1] == 7
    assert lines["rows", 2, "m", "n"] == 7
    assert lines["roles", "mentor"] == 9
    assert lines["criteria", 0, "nb", "z"] == 13
    assert lines["criteria", 1, "kind"] == 15


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (pm.Program(criteria=[pm.Custom(len, name="own")]), "is a function"),
        (pm.Program(constraints=[pm.Require(pm.Custom(len, name="own"))]), "is a function"),
        (pm.Program(constraints=[pm.Minutes(each=[[30, 45], [15, 20]])]), "each is a matrix"),
        (
            pm.Program(constraints=[pm.Minutes(each=pd.DataFrame([[1]], ["T-1"], ["M-1"]))]),
            "each is a matrix",
        ),
        (pm.Program(constraints=[pm.Minutes(each={3: 45})]), "by position"),
    ],
    ids=["function", "nested function", "array", "frame", "positions"],
)
def test_what_has_no_place_in_a_file_is_said(program, says):
    with pytest.raises(pm.ProgramError, match=says):
        program.to_toml()


def test_a_program_is_written_where_told_and_nothing_is_left_in_doubt(tmp_path):
    program = pm.Program.preset("mentoring")
    text = program.to_toml(tmp_path / "plan.toml")
    assert (tmp_path / "plan.toml").read_bytes() == text.encode()
    assert pm.Program.from_toml(tmp_path / "plan.toml") == program
    assert len(program.to_toml(comments=True).splitlines()) > len(text.splitlines())


def test_the_schema_for_editors_knows_every_kind_and_every_parameter():
    schema = json.loads(json.dumps(program_schema()))
    assert schema["additionalProperties"] is False
    for name, kind in KINDS.items():
        entry = schema["$defs"][name]
        assert set(entry["properties"]) == {"kind", *field_hints(kind)}
        assert entry["additionalProperties"] is False
    gap = schema["$defs"]["ExperienceGap"]["properties"]["ideal"]
    assert gap["default"] == 8
    assert schema["properties"]["objective"]["enum"][0] == "coverage"
