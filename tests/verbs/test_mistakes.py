"""Slips in a notebook: each is told in one of our own errors, in words that help."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm

A = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": ["art", "maths"], "years": [1, 2]})
B = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["art", "maths"], "years": [9, 12]})
LEVELS = pd.MultiIndex.from_tuples([("a", "id"), ("a", "subjects"), ("b", "years")])


def plan():
    return pm.match(A, B, pm.Program(criteria=[pm.SubjectMatch()]))


MISTAKES = {
    "levels of headers": (
        lambda: pm.match(A.set_axis(LEVELS, axis=1), B),
        "the table of mentees cannot be used: .*levels",
    ),
    "a table as program": (lambda: pm.form_groups(A, B), "a table is no program. Write Program"),
    "a name as program": (lambda: pm.match(A, B, "plc"), r"Write Program.preset\('plc'\)"),
    "a class as criterion": (
        lambda: pm.Program(criteria=[pm.SubjectMatch]),
        r"SubjectMatch is no criterion. Give values such as SubjectMatch\(weight=3\)",
    ),
    "a class as rule": (lambda: pm.Program(constraints=[pm.Load]), "Load is no constraint. Give"),
    "a half number of the best": (
        lambda: pm.score(A, B).best(1.5),
        "needs a whole number k >= 1, found 1.5",
    ),
    "a word as score": (
        lambda: pm.match_scores([["a", 1]]),
        "row 0, column 0: 'a' is no score. Give a finite number",
    ),
    "infinity as score": (
        lambda: pm.match_scores([[1, np.inf]]),
        "row 0, column 1: inf is no score",
    ),
    "seats below 0": (
        lambda: [pm.Program(roles={"x": 2}), pm.Program(roles={"x": 3, "y": -1})],
        "Give how many seats each role has",
    ),
    "one seat for everybody": (
        lambda: pm.Program(roles={"mentor": 1}),
        "Give how many seats each role has",
    ),
    "no plan in a history": (lambda: pm.History().add(3), "3 is no plan; add what match"),
    "a column by number": (lambda: pm.read_profiles(A)[0], "a column is named by text, not 0"),
    "no job": (lambda: list(pm.match_many([("a", A, B)])), r"is no job; write Job\(name"),
    "whom one asks for is in the other table": (
        lambda: plan().explain("M-1", "T-1"),
        "'M-1' is not among the mentees. It is one of the mentors.",
    ),
    "one letter is near to every other": (
        lambda: pm.match_scores([[1, 2]]).why_unmatched(7),
        "7 is not among the mentees. Known: 0.",
    ),
    "a list as id": (lambda: plan().explain(["T-1"], "M-1"), r"\['T-1'\] is not among the mentees"),
    "a method for groups": (
        lambda: pm.form_groups(A, pm.Program(size=2), options=pm.Options(method="flow")),
        "method='flow' is for pairs; groups have none to choose: leave it out",
    ),
    "no feedback": (lambda: pm.suggest_weights(plan(), None), "no feedback, but a NoneType; write"),
    "more minimum load than places": (
        lambda: pm.match(A, B, pm.Program(constraints=[pm.Load(at_most=1), pm.Load(at_least=2)])),
        "at least 2 mentees, but 1 place. Raise",
    ),
}


@pytest.mark.parametrize("slip", sorted(MISTAKES))
def test_a_slip_is_told_in_words_that_help(slip):
    make, says = MISTAKES[slip]
    with pytest.raises(pm.PairmatchError, match=says):
        make()


def test_what_checks_itself_is_told_so():
    after = pm.rematch(plan(), pm.Changes(leave=["M-1"]))
    with pytest.raises(TypeError, match=r"found Rematch; it checks itself: call its verify\(\)"):
        pm.verify(after)
    assert after.verify().matched == 1


def test_all_that_is_wrong_with_loads_is_told_at_once():
    mentors = pd.DataFrame({"id": ["M-1", "M-2"], "cap": [1.5, -1]})
    mentees = pd.DataFrame({"id": ["T-1"], "years": [3]})
    criteria = [pm.ExperienceGap()]
    rules = [pm.Load(at_most="cap", at_least={"M-9": 1}), pm.Load(at_most={"M-9": 1, "M-8": 2})]
    mentors["years"] = 9
    with pytest.raises(pm.ProgramError) as told:
        pm.match(mentees, mentors, pm.Program(criteria, rules))
    wheres = [fault.where for fault in told.value.faults]
    assert wheres[:2] == ["mentor M-1, column cap", "mentor M-2, column cap"]
    assert wheres[2:] == [repr(rules[0]), repr(rules[1]), repr(rules[1])]
