"""The check that runs on every plan of the suite finds what it is there to find."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import pairmatch as pm
from pairmatch import verbs


def test_a_double_booking_anywhere_in_the_suite_would_fail(monkeypatch):
    free = ["Mon 08:00-08:45; Tue 08:00-08:45"] * 2
    mentees = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": ["art"] * 2, "free": free})
    mentors = pd.DataFrame({"id": ["M"], "subjects": ["art"], "free": ["Mon 08:00-10:00"]})
    mentors["free"] += "; Tue 08:00-08:45"
    program = pm.Program([pm.SubjectMatch()], [pm.Load(2), pm.Meetings(45)])
    assert pm.match(mentees, mentors, program).matched == 2

    def crowd(scored, rules, problem, solution):
        return replace(solution, slots=solution.slots * 0)

    monkeypatch.setattr(verbs, "move_meetings", crowd)
    nothing = pm.Certificate(0, None, 0, None)
    monkeypatch.setattr(
        verbs, "certify_in_time", lambda problem, solution, **options: (solution, nothing)
    )
    with pytest.raises(AssertionError, match="double-booked"):
        pm.match(mentees, mentors, program)


@pytest.mark.parametrize("day", ["Mon", "Sun"])
def test_a_group_that_meets_when_somebody_is_not_free_would_fail(monkeypatch, day):
    pool = pd.DataFrame({"id": list("abcdef"), "subjects": ["art", "maths"] * 3})
    pool["free"] = "Mon 08:00-08:45"
    program = pm.Program([pm.SubjectMatch()], [pm.Meetings(45)], size=3, objective="total")
    timetable = pm.Grouping.timetable
    monkeypatch.setattr(pm.Grouping, "timetable", lambda plan: timetable(plan).assign(day=day))
    if day == "Mon":
        plan = pm.form_groups(pool, program)
        assert len(plan.timetable()) == 2
        again = pm.rematch(plan, pm.Changes(leave=["a"]))
        assert again.matched == 5
    else:
        with pytest.raises(AssertionError, match="is not free"):
            pm.form_groups(pool, program)
