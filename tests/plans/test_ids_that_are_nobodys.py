from __future__ import annotations

import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.constraints import find_places

MENTEES = pd.DataFrame({"id": ["T-1", "T-2", "T-3"], "subjects": ["art", "art", "maths"]})
MENTORS = pd.DataFrame({"id": ["M-1", "M-2", "M-3"], "subjects": ["art", "maths", "art"]})


def test_a_plan_edited_by_hand_hears_of_everybody_who_is_not_there_at_once():
    plan = pm.match(MENTEES, MENTORS)
    with pytest.raises(pm.UnknownIdError, match="no such people; 3 faults") as error:
        plan.replace(pairs=[("T-9", "M-1"), ("M-1", "M-2"), ("T-2", "M-2"), ("T_3", "M-3")])
    said = [fault.what for fault in error.value.faults]
    assert said[0].startswith("'T-9' is not among the mentees. Did you mean")
    assert said[1] == "'M-1' is not among the mentees. It is one of the mentors."
    assert said[2] == "'T_3' is not among the mentees. Did you mean 'T-3'?"
    with pytest.raises(pm.UnknownIdError, match="'M-7' is not among the mentors"):
        plan.replace(pairs={"T-1": "M-7"})


def test_groups_edited_by_hand_hear_of_everybody_who_is_not_in_the_pool():
    plan = pm.form_groups(MENTEES, pm.Program(size=3))
    with pytest.raises(pm.UnknownIdError) as error:
        plan.replace(groups=[["T-1", "T-8"], ["T-2", "T-9"]])
    assert [fault.what[:21] for fault in error.value.faults] == [
        "'T-8' is not in the p",
        "'T-9' is not in the p",
    ]
    with pytest.raises(pm.ProgramError, match="T-1: is in a group twice"):
        plan.replace(groups=[["T-1", "T-2"], ["T-3", "T-1"]])


@pytest.mark.parametrize(
    ("rule", "lost"),
    [
        (pm.Load(at_most={"M-1": 1, "M-8": 1, "M-9": 2}), ["M-8", "M-9"]),
        (pm.Demand({"T-8": 2, "T-1": 2}), ["T-8"]),
        (pm.Quota(by={"T-1": "a", "T-8": "a", "T-9": "b"}, at_most=1), ["T-8", "T-9"]),
        (pm.Minutes(at_most={"M-9": 60}, each=30), ["M-9"]),
    ],
)
def test_every_rule_names_all_ids_that_are_nobodys(rule, lost):
    with pytest.raises(pm.ProgramError) as error:
        pm.match(MENTEES, MENTORS, pm.Program(constraints=[rule]))
    assert len(error.value.faults) == len(lost)
    for fault, key in zip(error.value.faults, lost, strict=True):
        assert fault.what.startswith(f"{key!r} is not among the ")


def test_pins_of_strangers_are_told_in_the_order_in_which_they_were_typed():
    rules = [pm.Pin("T-1", "M-9"), pm.Forbid("T-9", "M-8"), pm.Pin("T-8", "M-1")]
    with pytest.raises(pm.ProgramError) as error:
        pm.match(MENTEES, MENTORS, pm.Program(constraints=rules))
    assert [fault.where for fault in error.value.faults] == [
        "Pin('T-1', 'M-9')",
        "Forbid('T-9', 'M-8')",
        "Forbid('T-9', 'M-8')",
        "Pin('T-8', 'M-1')",
    ]
    assert [fault.what.split("'")[1] for fault in error.value.faults] == [
        "M-9",
        "T-9",
        "M-8",
        "T-8",
    ]


def test_a_rule_with_hundreds_of_ids_fits_on_a_line_of_a_message_and_of_the_summary():
    ids = [f"M-{number}" for number in range(300)]
    mentors = pd.DataFrame({"id": ids, "subjects": "art"})
    rule = pm.Load(at_most=dict.fromkeys(ids, 1))
    plan = pm.match(MENTEES, mentors, pm.Program(constraints=[rule]))
    shown = next(line for line in plan.summary().splitlines() if line.startswith("  rules"))
    assert "Load(at_most={'M-0': 1" in shown
    assert "..." in shown
    assert len(shown) < 200
    assert len(repr(rule)) > 3000, "the value itself prints as it was typed"
    with pytest.raises(pm.ProgramError) as error:
        pm.match(MENTEES, MENTORS, pm.Program(constraints=[rule]))
    assert max(len(line) for line in str(error.value).splitlines()) < 300


def test_near_ids_are_looked_for_as_often_as_a_message_shows_them():
    rows, faults = find_places(["A-1"], [f"A-{n}" for n in range(2, 102)], "in the pool")
    assert rows == [-1] * 100
    assert all("A-1" in fault.what.partition("is not in")[2] for fault in faults[:40])
    assert all(fault.what.endswith("is not in the pool.") for fault in faults[40:])
