"""Criteria, rules, objectives and questions together, as nobody wrote them down one by one."""

import io
import pickle

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm

SUBJECTS, SKILLS = ["maths", "science", "art"], ["feedback", "pacing", "tech"]
FREE = ["Mon 08:00-09:00", "Mon 08:30-09:30", "Tue 10:00-11:30", "Wed 07:15-08:00"]
TEACHING = ["Mon 10:00-11:00", "Tue 08:00-09:00", "Mon 08:00-09:00"]


def make_people(rng, prefix, n, others=()):
    """Return a sheet in which every cell but the id may be blank."""
    ids = [f"{prefix}{k}" for k in range(n)]

    def maybe(text, blank=0.15):
        return "" if rng.random() < blank else text

    def some(entries):
        k = int(rng.integers(1, 3))
        return "; ".join(sorted(rng.choice(entries, size=k, replace=False).tolist()))

    rows = []
    for key in ids:
        known = [other for other in (*ids, *others) if other != key] or ["X-1"]
        rows.append(
            {
                "id": key,
                "school": maybe(str(rng.choice(["North", "South"]))),
                "subjects": maybe(some(SUBJECTS)),
                "grades": maybe(some(["K", "1", "5"])),
                "years": maybe(str(rng.integers(0, 30))),
                "strengths": maybe(some(SKILLS)),
                "goals": maybe(some(SKILLS)),
                "free": maybe(some(FREE), 0.1),
                "teaching": maybe(some(TEACHING), 0.1),
                "busy": maybe(str(rng.choice(FREE)), 0.8),
                "modality": maybe(str(rng.choice(["virtual", "in_person", "either"]))),
                "max_mentees": maybe(str(rng.integers(0, 4))),
                "minutes_per_week": maybe(str(rng.choice([30, 60, 120])), 0.4),
                "evaluator": maybe(str(rng.choice(known)), 0.8),
                "wishes": maybe(str(rng.choice(known)), 0.6),
                "vetoes": maybe(str(rng.choice(known)), 0.8),
                "role": maybe(str(rng.choice(["facilitator", "mentor", "mentee"]))),
            }
        )
    return pd.DataFrame(rows)


def draw_history(rng, mentees, mentors):
    rows = {(cycle, str(rng.choice(mentees)), str(rng.choice(mentors))) for cycle in (1, 1, 2)}
    frame = pd.DataFrame(sorted(rows), columns=["cycle", "mentee", "mentor"])
    return pm.read_history(frame[frame["mentee"] != frame["mentor"]])


def draw_criterion(rng, history):
    missing = str(rng.choice(["neutral", "zero", "exclude"], p=[0.7, 0.2, 0.1]))
    same = {"weight": int(rng.integers(1, 4)), "missing": missing}
    kinds = [
        lambda: pm.SubjectMatch(**same),
        lambda: pm.GradeMatch(**same),
        lambda: pm.GoalCoverage(**same),
        lambda: pm.ExperienceGap(at_least=0, ideal=5, at_most=25, **same),
        lambda: pm.CommonTime(minutes=30, **same),
        lambda: pm.SameSchool(**same),
        lambda: pm.Similarity("subjects", mode="complement", **same),
        lambda: pm.Closeness("years", within=10, **same),
        lambda: pm.ModalityMatch(**same),
        lambda: pm.Wishes(**same),
        lambda: pm.Novelty(history, **same),
        lambda: pm.Continuity(history, **same),
    ]
    return kinds[rng.integers(len(kinds))]()


def draw_rule(rng, history, mentees, mentors, *, of_groups):
    unknown = str(rng.choice(["forbid", "allow"]))
    one, other = str(rng.choice(mentees)), str(rng.choice(mentors))
    of_both = [
        lambda: pm.Forbid(one, other, why="asked not to"),
        lambda: pm.Pin(one, other),
        lambda: pm.Require(draw_criterion(rng, history), unknown=unknown),
        lambda: pm.MinScore(float(rng.choice([0.2, 0.4]))),
        lambda: pm.EvaluatorPairs(allowed=True),
        pm.Vetoes,
        lambda: pm.NotAgain(history),
        lambda: pm.Different(str(rng.choice(["school", "subjects"]))),
        lambda: pm.Spread("years", at_most=15),
        lambda: pm.Meetings(minutes=int(rng.choice([30, 45])), unknown=unknown),
        lambda: pm.Meetings(minutes=30, within="Mon 08:00-12:00", prefer="Mon 08:00-09:00"),
    ]
    of_pairs = [
        lambda: pm.Load(at_most=["max_mentees", 1, 3][rng.integers(3)]),
        lambda: pm.Load(at_most=2, at_least=int(rng.integers(0, 2))),
        lambda: pm.Demand(int(rng.integers(1, 3))),
        lambda: pm.Quota("school", at_most=1),
        lambda: pm.Quota("subjects", at_most=1),
        lambda: pm.Minutes(each=[30, None][rng.integers(2)], default=60),
        lambda: pm.CarryOver(history),
        lambda: pm.Tiers([pm.SameSchool(), pm.GradeMatch()]),
        lambda: pm.Observation(minutes=30, both_ways=bool(rng.integers(2)), weeks=3),
        lambda: pm.Observation(minutes=30, conferences=True, cover_cost=1.0),
        lambda: pm.Meetings(minutes=30, per_week=2),
        lambda: pm.Meetings(minutes=30, travel=10),
    ]
    of_wholes = [
        lambda: pm.Compose("role", "facilitator", at_least=1),
        lambda: pm.Compose("role", "mentor", at_most=1),
        lambda: pm.Alike("subjects", at_most=2),
        lambda: pm.Balance("years", within=5),
        lambda: pm.NotAlone("school"),
        lambda: pm.GiveAndReceive(unknown=unknown),
        pm.TakeTurns,
    ]
    mixed_up = rng.random() < 0.04
    rules = of_both + (of_wholes if of_groups != mixed_up else of_pairs)
    return rules[rng.integers(len(rules))]()


def draw(seed, *, of_groups):
    """Return tables and the parts of a program."""
    rng = np.random.default_rng(seed)
    if of_groups:
        tables = (make_people(rng, "P", int(rng.integers(1, 9))),)
    else:
        mentors = make_people(rng, "M", int(rng.integers(1, 5)))
        mentees = make_people(rng, "T", int(rng.integers(1, 7)), mentors["id"])
        if rng.random() < 0.15:
            mentees.loc[0, "id"] = mentors["id"][0]
        tables = (mentees, mentors)
    coached, coach = tables[0]["id"].tolist(), tables[-1]["id"].tolist()
    history = draw_history(rng, coached, coach)
    criteria = [draw_criterion(rng, history) for _ in range(rng.integers(1, 4))]
    rules = [
        draw_rule(rng, history, coached, coach, of_groups=of_groups)
        for _ in range(rng.integers(1, 5))
    ]
    parts = {"objective": str(rng.choice(["coverage", "total", "worst_off", "leximin"]))}
    if of_groups:
        parts = {
            "objective": str(rng.choice(["total", "worst_rotation"])),
            "size": [2, 3, 4, (2, 3), (3, 5)][rng.integers(5)],
            "leftovers": str(rng.choice(["grow", "shrink", "spread", "leave_out"])),
        }
    return rng, tables, criteria, rules, parts


def ask(verb, *arguments, **named):
    """Return an answer, or None where it is refused with a word on what to do about it."""
    try:
        return verb(*arguments, **named)
    except pm.PairmatchError as error:
        assert_says_what_to_do(error)
        return None


def assert_says_what_to_do(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(copy), str(copy)) == (type(error), str(error))
    sentences = error.faults or (pm.Fault(error.headline),)
    for fault in sentences:
        told = fault.remedy or any(mark in fault.what for mark in (";", "Did you mean", ". "))
        assert told, f"{type(error).__name__} without a remedy: {error}"


def assert_refuses(plan):
    with pytest.raises(pm.CertificateError):
        pm.verify(plan)


def test_an_error_without_a_remedy_is_noticed():
    with pytest.raises(AssertionError):
        assert_says_what_to_do(pm.CapabilityError("no"))
    with pytest.raises(pytest.fail.Exception):
        assert_refuses(pm.match_scores([[1]]))


def assert_order_of_rows_changes_nothing(plan, run, tables, rng):
    again = run(*[frame.iloc[rng.permutation(len(frame))] for frame in tables])
    assert again.to_frame().equals(plan.to_frame())
    times = ask(plan.timetable)
    assert times is None or times.equals(ask(again.timetable))


def assert_answers(plan):
    """Ask everything that a plan can be asked without further words."""
    assert plan.gap is None or plan.gap >= 0
    plan.summary(), plan.to_json(), plan._repr_html_(), plan.unmatched
    ask(plan.audit)
    for person in plan.unmatched["id"]:
        assert str(plan.why_unmatched(person)).startswith(str(person))
    text = ask(plan.program.to_toml)
    assert text is None or pm.Program.from_toml(io.StringIO(text)) == plan.program
    copy = pickle.loads(pickle.dumps(plan))  # noqa: S301
    assert copy.to_frame().equals(plan.to_frame())
    pm.verify(copy)


@pytest.mark.filterwarnings("ignore::pairmatch.PairmatchWarning")
@pytest.mark.parametrize("seed", range(70))
def test_any_program_of_pairs_gives_a_plan_that_verifies_or_a_word_on_what_to_do(seed):
    rng, tables, criteria, rules, parts = draw(seed, of_groups=False)
    program = ask(pm.Program, criteria, rules, **parts)
    plan = None if program is None else ask(pm.match, *tables, program)
    if plan is None:
        return
    pm.verify(plan)
    assert_order_of_rows_changes_nothing(
        plan, lambda *frames: pm.match(*frames, program), tables, rng
    )
    assert_answers(plan)
    ask(plan.place_values), ask(plan.price_of_time), ask(plan.time_pressure)
    pairs = list(zip(plan.to_frame()["mentee"], plan.to_frame()["mentor"], strict=True))
    same = plan.replace(pairs=pairs)
    pm.verify(same)
    assert same.objective == plan.objective
    scores = plan.scored.to_frame()
    for mentee in scores.index:
        for mentor in scores.columns[scores.loc[mentee].isna()]:
            kept = [pair for pair in pairs if mentee not in pair]
            assert_refuses(plan.replace(pairs=[*kept, (mentee, mentor)]))
    mentee, mentor = str(rng.choice(scores.index)), str(rng.choice(scores.columns))
    ask(plan.explain, mentee, mentor), ask(plan.why_not, mentee, mentor)
    for follow in (
        ask(pm.rematch, plan, pm.Changes(leave=[mentee])),
        ask(pm.rematch, plan, pm.Changes(leave=[mentor]), at_most_changes=2),
        ask(pm.what_if, plan, places={mentor: 1}),
        ask(pm.what_if, plan, drop=rules[0]),
    ):
        if follow is not None:
            pm.verify(follow.plan)


@pytest.mark.filterwarnings("ignore::pairmatch.PairmatchWarning")
@pytest.mark.parametrize("seed", range(50))
def test_any_program_of_groups_gives_a_plan_that_verifies_or_a_word_on_what_to_do(seed):
    rng, tables, criteria, rules, parts = draw(1000 + seed, of_groups=True)
    program = ask(pm.Program, criteria, rules, **parts)
    plan = None if program is None else ask(pm.form_groups, *tables, program)
    if plan is None:
        return
    pm.verify(plan)
    assert_order_of_rows_changes_nothing(
        plan, lambda frame: pm.form_groups(frame, program), tables, rng
    )
    assert_answers(plan)
    same = plan.replace(groups=plan.to_frame())
    pm.verify(same)
    assert same.objective == pytest.approx(plan.objective)
    assert len(plan.rotations()) == plan.matched
    if len(plan.groups) > 1:
        assert_refuses(plan.replace(groups=[[person] for person in plan.group_ids[0]]))


def test_minutes_without_a_number_keep_those_of_the_meetings_when_time_is_priced():
    mentees = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": "art", "free": "Mon 08:00-08:45"})
    mentors = mentees.assign(id=["M-1", "M-2"], minutes_per_week=[45, 40])
    program = pm.Program(
        [pm.SubjectMatch()], [pm.Load(at_most=2), pm.Meetings(minutes=45), pm.Minutes()]
    )
    plan = pm.match(mentees, mentors, program)
    assert plan.matched == 1
    price = plan.price_of_time()
    assert (price.matched, price.total) == (0, 0)


def test_a_quota_on_a_column_that_nobody_filled_in_limits_nothing():
    mentees = pd.DataFrame({"id": ["T-1", "T-2"], "school": ["", ""], "years": [1, 2]})
    mentors = pd.DataFrame({"id": ["M-1"], "years": [9]})
    rules = [pm.Load(at_most=2), pm.Quota("school", at_most=1)]
    assert pm.match(mentees, mentors, pm.Program([pm.ExperienceGap()], rules)).matched == 2


def test_rules_about_two_people_hold_after_a_rematch():
    mentees = pd.DataFrame({"id": ["T-1", "T-2"], "school": ["N", "S"], "years": [1, 5]})
    mentors = pd.DataFrame(
        {"id": ["M-1", "M-2", "M-3"], "school": list("SNS"), "years": [9, 20, 6]}
    )
    rules = [pm.Different("school"), pm.Spread("years", at_most=15)]
    plan = pm.match(mentees, mentors, pm.Program([pm.ExperienceGap(at_least=1)], rules))
    again = pm.rematch(plan, pm.Changes(leave=["M-1"]))
    pm.verify(again.plan)
    assert sorted(again.plan.to_frame()["mentor"]) == ["M-2", "M-3"]


def test_folders_given_for_tables_are_said_once_each(tmp_path):
    (tmp_path / "mentees").mkdir()
    (tmp_path / "mentors").mkdir()
    with pytest.raises(pm.ProfileError, match="neither table") as told:
        pm.match(tmp_path / "mentees", tmp_path / "mentors")
    assert str(told.value).count("is a folder") == len(told.value.faults) == 2


def test_missing_files_are_said_in_whole_sentences(tmp_path):
    with pytest.raises(pm.ProfileError, match="neither table") as told:
        pm.match(tmp_path / "mentees.csv", tmp_path / "mentors.csv")
    assert ".." not in str(told.value)
    (tmp_path / "mentes.csv").write_text("id\nT-1\n")
    with pytest.raises(pm.ProfileError) as told:
        pm.match(tmp_path / "mentees.csv", tmp_path / "mentors.csv")
    assert [str(fault)[-1] for fault in told.value.faults] == ["?", "?"]
