"""Several formats over one pool: budgets hold, and nobody is in two places."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import staff
from pairmatch.formats import running

HOURS = "Mon 08:00-10:00; Wed 13:00-14:00"
PAIR = pm.Program(
    [pm.GoalCoverage()], [pm.Meetings(minutes=45)], objective="worst_rotation", size=2
)
TEAM = pm.Program([pm.SubjectMatch()], [pm.Meetings(minutes=30)], size=(3, 4))


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(2)
    skills = ["a", "b", "c", "d"]

    def some():
        return ["; ".join(rng.choice(skills, 2, replace=False)) for _ in range(12)]

    return pd.DataFrame(
        {
            "id": [f"T-{k:02d}" for k in range(12)],
            "role": ["mentor"] * 4 + ["mentee"] * 8,
            "subjects": ["art", "maths", "music"] * 4,
            "goals": some(),
            "strengths": some(),
            "free": [HOURS] * 12,
            "minutes_per_week": [75, 45, 30, None] * 3,
        }
    )


def minutes_of(row):
    hours, minutes = row.split(":")
    return 60 * int(hours) + int(minutes)


def clashes(timetable):
    """Pairs of meetings of one person at one time, counted from the timetable alone."""
    held = [
        (key, row.day, minutes_of(row.start), minutes_of(row.end))
        for row in timetable.itertuples()
        for key in row.people.split(";")
    ]
    return [
        (a, b)
        for k, a in enumerate(held)
        for b in held[k + 1 :]
        if a[:2] == b[:2] and a[2] < b[3] and b[2] < a[3]
    ]


def test_nobody_is_in_two_places_and_nobody_gives_more_minutes_than_they_have(pool):
    formats = pm.match_formats(pool, [PAIR, TEAM])
    timetable = formats.timetable()
    assert set(timetable["format"]) == {1, 2}
    assert clashes(timetable) == []
    budgets = formats.budgets().set_index("id")
    for row in pool.itertuples():
        used = budgets.loc[row.id, "used"]
        assert np.isnan(row.minutes_per_week) or used <= row.minutes_per_week
    frame = formats.to_frame()
    pairs = frame[frame["format"] == 1]
    assert set(pairs["id"]) == set(pool["id"][pool["minutes_per_week"] != 30])
    assert budgets["used"].to_dict() == (
        frame.groupby("id")["minutes"].sum().reindex(pool["id"]).fillna(0).astype(int).to_dict()
    )
    teams = frame[frame["format"] == 2]
    assert set(teams["id"]) == set(pool["id"][pool["minutes_per_week"] != 45])
    for plan in formats.plans:
        pm.verify(plan)


def test_each_format_is_what_its_own_verb_finds_in_what_is_left(pool):
    formats = pm.match_formats(pool, [PAIR, TEAM], minutes_per_week=75)
    alone = pm.form_groups(pool, PAIR)
    assert formats.plans[0].to_frame().equals(alone.to_frame())
    taken = formats.plans[0].timetable()
    busy = dict.fromkeys(pool["id"], "")
    for row in taken.itertuples():
        for key in row.people.split(";"):
            busy[key] = f"{row.day} {row.start}-{row.end}"
    rest = pool.assign(busy=pool["id"].map(busy))
    again = pm.form_groups(rest, TEAM)
    assert formats.plans[1].objective == pytest.approx(again.objective)


def test_pairs_and_groups_share_one_budget_and_mentors_have_places_for_their_minutes(pool):
    pairs = pm.Program(
        [pm.GoalCoverage()], [pm.Load(at_most=4), pm.Meetings(minutes=30)], objective="coverage"
    )
    formats = pm.match_formats(pool, [pairs, TEAM], minutes_per_week=90)
    first = formats.plans[0]
    assert set(first.to_frame()["mentor"]) <= set(pool["id"][:4])
    assert set(first.to_frame()["mentee"]) <= set(pool["id"][4:])
    assert first.loads["load"].max() <= 3
    assert clashes(formats.timetable()) == []
    full = set(first.loads["mentor"][first.loads["load"] == 3])
    teams = formats.to_frame().query("format == 2")
    assert not full & set(teams["id"])
    assert (formats.budgets()["left"] >= 0).all()


def test_who_coaches_and_is_coached_keeps_the_minutes_for_both():
    people = pd.DataFrame({"id": list("abcd"), "subjects": ["art"] * 4})
    program = pm.Program([pm.SubjectMatch(), pm.CommonTime(minutes=30)], [pm.Load(at_most=3)])
    people["free"] = HOURS
    formats = pm.match_formats(people, [program], minutes_per_week=60)
    assert (formats.budgets()["used"] <= 60).all()
    assert formats.plans[0].matched == 4
    assert formats.plans[0].loads["load"].max() == 1


def test_formats_that_need_no_time_take_no_minutes(pool):
    writing = pm.Program([pm.SubjectMatch()], [pm.Load(at_most=2)])
    formats = pm.match_formats(pool, [writing, PAIR], minutes_per_week=45)
    assert formats.to_frame().groupby("format")["minutes"].max().tolist() == [0, 45]
    assert formats.plans[0].matched == 8
    assert formats.plans[1].matched == 12


def test_the_summary_says_what_is_proved_and_what_is_not(pool):
    text = pm.match_formats(pool, [PAIR, TEAM], minutes_per_week=50).summary()
    assert "given the formats before it" in text
    assert "another order may be better" in text
    assert "format 2  nobody has minutes left for it" in text


def test_presets_run_together_on_a_staff_list():
    teachers = staff(14, seed=4, gaps=0.0)
    program = pm.Program.preset("collaborative")
    formats = pm.match_formats(teachers, [pm.Program.preset("triad"), program], minutes_per_week=90)
    assert (formats.budgets()["used"] <= 90).all()
    assert clashes(formats.timetable()) == []


def test_a_spoiled_answer_is_found(pool):
    formats = pm.match_formats(pool, [PAIR, TEAM], minutes_per_week=75)
    twice = pm.Formats((formats.plans[0], formats.plans[0]), formats.ids, formats.budget)
    with pytest.raises(pm.CertificateError, match=r"90 minutes of 75(.|\n)*two meetings on"):
        twice.check()


def disjoint(people, sizes):
    """Yield all ways to choose disjoint groups, of these sizes, of some people."""
    if not people:
        yield []
        return
    first, *rest = people
    yield from disjoint(rest, sizes)
    for size in sizes:
        for others in itertools.combinations(rest, size - 1):
            for more in disjoint([p for p in rest if p not in others], sizes):
                yield [(first, *others), *more]


@pytest.mark.parametrize("seed", range(3))
def test_the_joint_bound_holds_for_everything_that_enumeration_finds(seed):
    rng = np.random.default_rng(seed)
    skills = ["a", "b", "c", "d", "e"]
    people = pd.DataFrame(
        {
            "id": list("ABCDEFG"),
            "goals": ["; ".join(rng.choice(skills, 2, replace=False)) for _ in range(7)],
            "strengths": ["; ".join(rng.choice(skills, 2, replace=False)) for _ in range(7)],
            "subjects": rng.choice(["art", "maths"], 7),
            "free": ["Mon 08:00-10:00"] * 7,
        }
    )
    two = pm.Program([pm.GoalCoverage()], [pm.Meetings(minutes=30)], size=2, leftovers="leave_out")
    three = pm.Program(
        [pm.SubjectMatch()], [pm.Meetings(minutes=30)], size=3, leftovers="leave_out"
    )
    given = {"minutes_per_week": 30, "joint_bound": True}
    formats = pm.match_formats(people, [two, three], **given)
    scores = [pm.score(people, people, program).to_frame().to_numpy() for program in (two, three)]

    def worth(group):
        pairs = itertools.permutations(group, 2)
        return sum(scores[len(group) - 2][b, a] for b, a in pairs) / (len(group) - 1)

    best = max(sum(map(worth, groups)) for groups in disjoint(list(range(7)), (2, 3)))
    assert formats.objective <= best + 1e-6 <= formats.bound + 2e-6
    assert 0 <= formats.gap <= 1
    assert "in any order" in formats.summary()
    either = pm.match_formats(people, [two, three], any_order=True, **given)
    assert either.bound == formats.bound
    matched = [sum(plan.matched for plan in some.plans if plan) for some in (formats, either)]
    assert (matched[1], either.objective) >= (matched[0], formats.objective)


def test_the_joint_bound_of_pairs_is_what_they_could_be_alone(pool):
    mentoring = pm.Program([pm.SubjectMatch()], [pm.Meetings(minutes=45), pm.Load(at_most=2)])
    formats = pm.match_formats(pool, [TEAM, mentoring], minutes_per_week=50, joint_bound=True)
    alone = pm.match_formats(pool, [mentoring], minutes_per_week=50, joint_bound=True)
    assert alone.plans[0].matched > 0
    assert alone.gap == 0.0
    assert formats.bounds[1] == alone.bound
    assert formats.objective <= formats.bound < sum(formats.bounds)
    assert pm.match_formats(pool, [TEAM]).bound is None


def test_the_joint_bound_counts_the_minutes_that_people_have():
    rng = np.random.default_rng(4)
    n_less = 0
    for _ in range(4):
        people = pd.DataFrame(
            {
                "id": list("ABCDEF"),
                "role": ["mentee", "mentor", "both"] * 2,
                "goals": rng.choice(["a", "b", "a; b"], 6),
                "strengths": rng.choice(["a", "b", "a; b"], 6),
                "subjects": rng.choice(["art", "maths"], 6),
                "free": ["Mon 08:00-12:00"] * 6,
                "minutes_per_week": rng.choice([30, 45, 60, 75, 90], 6),
            }
        )
        rules = [pm.Meetings(minutes=30), pm.Load(at_most=2)]
        one = pm.Program([pm.GoalCoverage()], rules)
        three = pm.Program(
            [pm.SubjectMatch()], [pm.Meetings(minutes=45)], size=3, leftovers="leave_out"
        )
        formats = pm.match_formats(people, [one, three], joint_bound=True)
        coverage, alike = (
            pm.score(people, people, program.replace(constraints=())).to_frame().to_numpy()
            for program in (one, three)
        )
        role, minutes = people["role"], people["minutes_per_week"].to_numpy()
        mentors = [k for k in range(6) if role[k] != "mentee"]
        choices = [
            [None, *(j for j in mentors if j != i)] if role[i] != "mentor" else [None]
            for i in range(6)
        ]
        best = 0.0
        for groups in disjoint(list(range(6)), (3,)):
            used = np.zeros(6)
            for group in groups:
                used[list(group)] += 45
            if (used > minutes).any():
                continue
            worth = sum(
                alike[b, a] for group in groups for b, a in itertools.permutations(group, 2)
            )
            for choice in itertools.product(*choices):
                pairs = [(i, j) for i, j in enumerate(choice) if j is not None]
                spent = used + 30 * np.bincount([k for p in pairs for k in p], minlength=6)
                load = np.bincount([j for _, j in pairs], minlength=6)
                if (spent <= minutes).all() and load.max(initial=0) <= 2:
                    best = max(best, worth / 2 + sum(coverage[i, j] for i, j in pairs))
        assert formats.objective <= best + 1e-6 <= formats.bound + 2e-6
        n_less += formats.bound < sum(formats.bounds) - 1e-6
    assert n_less


@pytest.fixture(scope="module")
def four():
    """Two mentees and two mentors; one mentee and one mentor have time for one meeting only."""
    return pd.DataFrame(
        {
            "id": ["a", "b", "m", "n"],
            "role": ["mentee", "mentee", "mentor", "mentor"],
            "goals": ["talk", "cook", "", ""],
            "strengths": ["", "", "talk", "labs"],
            "free": ["Mon 08:00-12:00"] * 4,
            "minutes_per_week": [90, 45, 135, 45],
        }
    )


FIRST = pm.Program(
    [pm.GoalCoverage()], [pm.Meetings(minutes=45), pm.Pin("b", "n"), pm.Forbid("a", "m")]
)


@pytest.mark.parametrize(
    "rule",
    [pm.Load(at_most=1, at_least=1), pm.CarryOver(pm.History(left_out=[(1, "b")]))],
)
def test_the_joint_bound_holds_where_another_format_takes_who_had_to_come_first(four, rule):
    known = pm.NotAgain(pm.History(pairs=[(1, "b", "n")]))
    second = pm.Program([pm.GoalCoverage()], [pm.Meetings(minutes=45), known, rule])
    alone = pm.match_formats(four, [second], joint_bound=True)
    formats = pm.match_formats(four, [FIRST, second], joint_bound=True)
    assert alone.objective == 0.0
    assert formats.worths == (0.0, 1.0)
    assert formats.objective <= formats.bound
    assert formats.gap == 0.0


def test_orders_in_which_a_pin_cannot_be_kept_are_passed_over(four):
    second = pm.Program([pm.GoalCoverage()], [pm.Meetings(minutes=45), pm.Pin("b", "m")])
    with pytest.raises(pm.ProgramError, match="'b' is not among the mentees"):
        pm.match_formats(four, [FIRST, second])
    third = pm.Program([pm.GoalCoverage()], [pm.Meetings(minutes=45)])
    with pytest.raises(pm.ProgramError, match="'b' is not among the mentees"):
        pm.match_formats(four, [third, FIRST])
    formats = pm.match_formats(four, [FIRST, third], any_order=True)
    assert formats.plans[0].to_frame()[["mentee", "mentor"]].to_numpy().tolist() == [["b", "n"]]


def test_each_format_is_solved_alone_once_however_many_orders_there_are(pool, monkeypatch):
    import pairmatch.formats.running as running

    asked = []

    def match(mentees, mentors, program, *, options):
        asked.append(program.objective)
        return pm.match(mentees, mentors, program, options=options)

    monkeypatch.setattr(running, "match", match)
    mentoring = pm.Program([pm.SubjectMatch()], [pm.Meetings(minutes=15), pm.Load(at_most=2)])
    running.match_formats(pool, [mentoring, TEAM, PAIR], any_order=True, joint_bound=True)
    assert asked.count("coverage") == 6
    assert asked.count("total") == 1


LESSONS = pm.Program([pm.SubjectMatch()], [pm.Observation(minutes=45, weeks=3), pm.Load(at_most=1)])


@pytest.fixture(scope="module")
def peers():
    """Two can watch each other at 9 or 10 only, and meet at 9 only."""
    return pd.DataFrame(
        {
            "id": list("abcd"),
            "role": ["mentee", "mentee", "mentor", "mentor"],
            "subjects": ["art"] * 4,
            "free": ["Mon 09:00-09:45; Mon 12:00-12:45"] * 2
            + ["Mon 10:00-10:45; Mon 12:00-12:45"] * 2,
            "teaching": ["Mon 10:00-10:45"] * 2 + ["Mon 09:00-09:45"] * 2,
        }
    )


def test_lessons_that_are_watched_are_times_that_other_formats_leave_alone(peers):
    two = pm.Program([pm.SubjectMatch()], [pm.Meetings(minutes=45)], size=2)
    formats = pm.match_formats(peers, [LESSONS, two])
    timetable = formats.timetable()
    assert timetable["kind"].value_counts().to_dict() == {"observation": 4, "meeting": 2}
    assert set(timetable.query("kind == 'meeting'")["start"]) == {"12:00"}
    again = pm.match_formats(
        peers,
        [two.replace(constraints=[pm.Meetings(minutes=45, within="Mon 09:00-11:00")]), LESSONS],
    )
    assert again.plans[0].matched == 4
    assert again.plans[1].matched == 0


def test_nobody_is_watched_in_a_lesson_that_another_format_has_taken(peers):
    formats = pm.match_formats(peers, [LESSONS, LESSONS])
    assert [plan.matched for plan in formats.plans] == [2, 0]
    assert formats.plans[1].unmatched["id"].tolist() == ["a", "b"]


def test_watching_takes_minutes_of_the_week_once(peers):
    formats = pm.match_formats(
        peers,
        [
            LESSONS.replace(
                constraints=[
                    pm.Observation(minutes=45, conferences=False, weeks=9),
                    pm.Load(at_most=2),
                ]
            )
        ],
        minutes_per_week=45,
    )
    assert formats.plans[0].matched == 2
    assert formats.budgets()["used"].max() == 45


def test_lessons_in_two_places_are_found(peers):
    plan = pm.match(peers.iloc[:2], peers.iloc[2:], LESSONS)
    none = np.full(4, np.inf)
    pm.Formats((plan,), tuple("abcd"), none).check()
    with pytest.raises(
        pm.CertificateError, match="two meetings on Mon of week 2 at 09:00 and 09:00"
    ):
        pm.Formats((plan, plan), tuple("abcd"), none).check()
    weekly = pm.form_groups(
        peers,
        pm.Program(
            [pm.SubjectMatch()], [pm.Meetings(minutes=45, within="Mon 09:00-11:00")], size=2
        ),
    )
    with pytest.raises(pm.CertificateError, match="two meetings on Mon of week"):
        pm.Formats((weekly, plan), tuple("abcd"), none).check()


def test_bells_and_busy_times_are_kept_when_times_are_booked():
    bells = pd.DataFrame(
        {
            "school": ["N"] * 2,
            "day": [""] * 2,
            "period": ["P1", "P2"],
            "start": ["08:00", "09:00"],
            "end": ["08:45", "09:45"],
        }
    )
    people = pd.DataFrame(
        {
            "id": list("ab"),
            "school": ["N"] * 2,
            "subjects": ["art"] * 2,
            "free": ["Mon P1; Mon P2"] * 2,
            "busy": ["Mon P1", ""],
        }
    )
    table = pm.read_profiles(people, schedule=pm.Schedule.from_bells(bells))
    two = pm.Program([pm.SubjectMatch()], [pm.Meetings(minutes=45)], size=2)
    formats = pm.match_formats(table, [two, two])
    assert formats.plans[0].timetable()["start"].tolist() == ["09:00"]
    assert formats.plans[1].matched == 0


@pytest.mark.parametrize(
    ("programs", "options", "says"),
    [
        ([], {}, "no format"),
        ([PAIR, "triad"], {}, "format 2: 'triad' is no program"),
        ([PAIR] * 5, {"any_order": True}, "there are 5 formats, and orders of up to 4"),
        ([PAIR], {"minutes_per_week": -3}, "minutes_per_week is -3"),
        ([PAIR], {"minutes_per_week": "hours"}, "no column 'hours'"),
    ],
)
def test_what_cannot_be_run_is_said(pool, programs, options, says):
    with pytest.raises(pm.ProgramError, match=says):
        pm.match_formats(pool, programs, **options)


def test_ids_that_hold_a_semicolon_are_booked_like_others():
    staff = pd.DataFrame({"id": ["T;1", "T;2", "a", "b"], "free": ["Mon 08:00-10:00"] * 4})
    staff["subjects"] = "art"
    pair = pm.Program(constraints=[pm.Meetings(minutes=30)], size=2)
    formats = pm.match_formats(staff, [pair, pair], minutes_per_week=60)
    formats.check()
    assert formats.budgets()["left"].tolist() == [0] * 4
    assert sorted(formats.timetable()["start"]) == ["08:00", "08:00", "08:30", "08:30"]


def test_a_folder_of_formats_keeps_none_of_an_earlier_run(pool, tmp_path):
    (tmp_path / "format-2").mkdir()
    (tmp_path / "format-2" / "notes.txt").write_text("mine")
    pm.match_formats(pool, [PAIR, TEAM, PAIR], minutes_per_week=200).save(tmp_path)
    assert (tmp_path / "format-2" / "plan.json").exists()
    assert (tmp_path / "format-3" / "plan.json").exists()
    pm.match_formats(pool, [PAIR], minutes_per_week=200).save(tmp_path)
    assert sorted(path.name for path in (tmp_path / "format-2").iterdir()) == ["notes.txt"]
    assert not (tmp_path / "format-3").exists()
    assert (tmp_path / "format-1" / "groups.csv").exists()


@pytest.mark.parametrize("verb", ["form_groups", "match"])
@pytest.mark.parametrize("options", [{}, {"joint_bound": True}, {"any_order": True}])
def test_ctrl_c_ends_all_formats(monkeypatch, pool, verb, options):
    solve, asked = getattr(running, verb), []

    def stop(*tables, **given):
        asked.append(verb)
        plan = solve(*tables, **given)
        return dataclasses.replace(
            plan, solution=dataclasses.replace(plan.solution, status=pm.Status.INTERRUPTED)
        )

    monkeypatch.setattr(running, verb, stop)
    programs = [TEAM if verb == "form_groups" else pm.Program([pm.SubjectMatch()])] * 3
    with pytest.raises(KeyboardInterrupt):
        pm.match_formats(pool, programs, **options)
    assert asked == [verb]


@pytest.mark.filterwarnings("ignore::pairmatch.PairmatchWarning")
def test_ctrl_c_on_the_command_line_writes_no_format(monkeypatch, pool, tmp_path):
    from typer.testing import CliRunner

    from pairmatch.cli.entry import app

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "end_if_stopped", stop)
    pool.to_csv(tmp_path / "pool.csv", index=False)
    command = ["formats", str(tmp_path / "pool.csv"), "--program", "triad", "--program", "triad"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "plan")])
    assert done.exit_code == 130
    assert not (tmp_path / "plan").exists()


def placed(formats):
    """Return what counts when orders are compared."""
    matched = sum(plan.matched for plan in formats.plans if plan is not None)
    return matched, sum(worth or 0.0 for worth in formats.worths)


def stop_at(monkeypatch, number):
    """Let Ctrl-C cut one of the calls of form_groups short, counted from 1."""
    asked = []

    def stop(*tables, **given):
        asked.append(given["options"])
        plan = pm.form_groups(*tables, **given)
        if len(asked) != number:
            return plan
        solution = dataclasses.replace(plan.solution, status=pm.Status.INTERRUPTED)
        return dataclasses.replace(plan, solution=solution)

    monkeypatch.setattr(running, "form_groups", stop)
    return asked


@pytest.mark.parametrize("joint_bound", [False, True])
def test_ctrl_c_between_orders_leaves_the_best_so_far(monkeypatch, pool, joint_bound):
    programs, given = [PAIR, TEAM, PAIR], {"any_order": True, "joint_bound": joint_bound}
    given["minutes_per_week"] = 75
    asked = stop_at(monkeypatch, 0)
    pm.match_formats(pool, programs, minutes_per_week=75)
    n_first = len(asked)
    asked = stop_at(monkeypatch, 0)
    whole = pm.match_formats(pool, programs, **given)
    assert whole.orders == tuple(itertools.permutations((1, 2, 3)))
    assert whole.status in (pm.Status.OPTIMAL, pm.Status.FEASIBLE)
    assert "6 of 6 tried" in whole.summary()
    n_tried, ranks, numbers = [], [], (n_first + 1, len(asked) - 1)
    stop_at(monkeypatch, n_first)
    with pytest.raises(KeyboardInterrupt):
        pm.match_formats(pool, programs, **given)
    for number in numbers:
        asked = stop_at(monkeypatch, number)
        formats = pm.match_formats(pool, programs, **given)
        assert len(asked) == number
        assert formats.status is pm.Status.INTERRUPTED
        assert formats.order in formats.orders
        assert formats.orders == whole.orders[: len(formats.orders)]
        assert (formats.bound is None) == (not joint_bound)
        assert f"{len(formats.orders)} of 6 tried" in formats.summary()
        assert "stopped by Ctrl-C" in formats.summary()
        formats.check()
        for plan in formats.plans:
            if plan is not None:
                pm.verify(plan)
        n_tried.append(len(formats.orders))
        ranks.append(placed(formats))
    assert n_tried == [1, 5]
    assert [*ranks, placed(whole)] == sorted([*ranks, placed(whole)])


def test_ctrl_c_while_the_joint_bound_is_proved_leaves_the_plans(monkeypatch, pool):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "groups_alone", stop)
    for any_order in (False, True):
        formats = pm.match_formats(pool, [TEAM, PAIR], joint_bound=True, any_order=any_order)
        assert formats.status is pm.Status.INTERRUPTED
        assert formats.bound is None
        assert formats.orders == ((1, 2),) * any_order
        assert all(plan is not None for plan in formats.plans)


@pytest.mark.parametrize(("seconds", "n_orders"), [(0.5, 1), (2.5, 1), (3.5, 2), (100.0, 2)])
def test_the_time_limit_ends_the_trying_of_orders(monkeypatch, pool, seconds, n_orders):
    clock = itertools.count()
    monkeypatch.setattr(running, "perf_counter", lambda: next(clock) * 1.5)
    asked = stop_at(monkeypatch, 0)
    options = pm.Options(time_limit=seconds)
    formats = pm.match_formats(pool, [TEAM, PAIR], any_order=True, options=options)
    assert len(formats.orders) == n_orders
    assert formats.stopped is (pm.Status.TIME_LIMIT if n_orders == 1 else None)
    if n_orders == 1:
        assert "stopped by the time limit" in formats.summary()
    assert [given.time_limit for given in asked[:2]] == [seconds, seconds]
    assert all(0 < given.time_limit < seconds for given in asked[2:])
    formats.check()


@pytest.mark.filterwarnings("ignore::pairmatch.PairmatchWarning")
def test_an_order_that_is_stopped_on_the_command_line_is_written_with_its_own_code(
    monkeypatch, pool, tmp_path
):
    from typer.testing import CliRunner

    from pairmatch.cli.entry import app

    stop_at(monkeypatch, 3)
    pool.to_csv(tmp_path / "pool.csv", index=False)
    command = ["formats", str(tmp_path / "pool.csv"), "-p", "triad", "-p", "triad"]
    done = CliRunner().invoke(app, [*command, "--any-order", "--out", str(tmp_path / "plan")])
    assert done.exit_code == 3, done.output
    assert "orders    1 of 2 tried, this is 1, 2; stopped by Ctrl-C" in done.output
    assert (tmp_path / "plan" / "formats.csv").exists()
