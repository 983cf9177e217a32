import itertools

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.datasets import district


def test_a_history_survives_its_own_table():
    history = pm.History(
        pairs=[(1, "T-1", "M-1"), (2, "T-2", "M-1")],
        groups=[(2, ("a", "b", "c")), (2, ("d", "e", "f"))],
        left_out=[(1, "T-2"), (2, "g")],
    )
    assert pm.read_history(history.to_frame()) == history
    assert hash(pm.read_history(history.to_frame())) == hash(history)
    only_pairs = pm.History(pairs=history.pairs, left_out=[(1, "T-2")])
    assert list(only_pairs.to_frame().columns) == ["cycle", "mentee", "mentor"]
    assert pm.read_history(only_pairs.to_frame()) == only_pairs
    only_groups = pm.History(groups=history.groups, left_out=[(2, "g")])
    assert list(only_groups.to_frame().columns) == ["cycle", "group", "id"]
    assert pm.read_history(only_groups.to_frame()) == only_groups


def test_a_history_is_read_from_a_file_with_the_manners_of_spreadsheets(tmp_path):
    file = tmp_path / "history.csv"
    file.write_bytes("\ufeffCycle;Mentee;Mentor\r\n2024;T-1;M-1\r\n2025;T-1;\r\n".encode())
    history = pm.read_history(file)
    assert history.pairs == ((2024, "T-1", "M-1"),)
    assert history.left_out == ((2025, "T-1"),)
    assert history.next_cycle == 2026
    assert history.age("M-1", "T-1") == 2


def test_every_fault_of_a_history_is_told_by_row_and_column():
    rows = pd.DataFrame(
        {"cycle": ["2024-25", "1", ""], "mentee": ["a", "", "b"], "mentor": ["x", "y", "z"]}
    )
    with pytest.raises(pm.ProfileError) as caught:
        pm.read_history(rows)
    text = str(caught.value)
    assert "row 0, column cycle: '2024-25' is no whole number" in text
    assert "row 1, column mentee: the mentee is blank" in text
    assert "row 2, column cycle: the cycle is blank" in text
    with pytest.raises(pm.ProfileError, match="did you mean 'mentor'"):
        pm.read_history(pd.DataFrame({"cycle": [1], "mentee": ["a"], "mentors": ["b"]}))
    with pytest.raises(pm.ProfileError, match="expected the columns cycle, mentee and mentor"):
        pm.read_history(pd.DataFrame({"cycle": [1], "who": ["a"]}))
    with pytest.raises(pm.ProfileError, match="expected the path"):
        pm.read_history(7)


def test_nobody_is_paired_again_until_the_wait_is_over():
    scores = [[9, 1], [1, 9]]
    history = pm.History()
    seen = []
    for _ in range(4):
        plan = pm.match_scores(scores, [pm.NotAgain(history, within=1)])
        seen.append([mentor for _, mentor in plan.solution.pairs.tolist()])
        pm.verify(plan)
        history = history.add(plan)
    straight = pm.match_scores(scores)
    assert [len(row) for row in seen] == [2, 2, 2, 2]
    first = pm.History().add(straight)
    assert pm.match_scores(scores, [pm.NotAgain(first)]).objective == 2
    later = pm.History(pairs=first.pairs, last_cycle=2)
    assert pm.match_scores(scores, [pm.NotAgain(later, within=1)]).objective == 18
    assert pm.match_scores(scores, [pm.NotAgain(later, within=2)]).objective == 2


def test_the_reason_says_how_long_ago_two_were_together():
    table = pd.DataFrame({"id": ["T"], "subjects": ["art"]})
    other = pd.DataFrame({"id": ["M"], "subjects": ["art"]})
    history = pm.History(pairs=[(1, "M", "T")], last_cycle=3)
    plan = pm.match(table, other, pm.Program(constraints=[pm.NotAgain(history)]))
    assert "together 3 cycles ago" in str(plan.why_unmatched("T"))
    spoiled = plan.replace(pairs=[("T", "M")])
    with pytest.raises(pm.CertificateError, match="together 3 cycles ago"):
        pm.verify(spoiled)


def test_triads_are_remembered_person_by_person():
    people = [f"P-{k}" for k in range(9)]
    table = pd.DataFrame({"id": people, "subjects": "art"})
    program = pm.Program(criteria=[pm.SubjectMatch()], size=3)
    history = pm.History()
    for _ in range(4):  # nine people have four parallel classes of triads: an affine plane
        plan = pm.form_groups(table, program.replace(constraints=[pm.NotAgain(history)]))
        pm.verify(plan)
        for members in plan.group_ids:
            for a, b in itertools.combinations(members, 2):
                assert history.age(a, b) is None
        history = history.add(plan)
        if plan.matched < 9:
            break
    assert len(history.cycles) >= 2


def test_novelty_comes_back_by_half_each_cycle():
    history = pm.History(pairs=[(1, "T-1", "M-1"), (3, "T-1", "M-2")], groups=[(2, ("T-1", "M-3"))])
    mentees = pd.DataFrame({"id": ["T-1", "T-2"]})
    mentors = pd.DataFrame({"id": ["M-1", "M-2", "M-3", "M-4"]})
    program = pm.Program(criteria=[pm.Novelty(history)])
    found = pm.score(mentees, mentors, program).to_frame()
    assert found.loc["T-1"].tolist() == [0.75, 0.0, 0.5, 1.0]
    assert found.loc["T-2"].tolist() == [1.0] * 4
    never = pm.score(mentees, mentors, pm.Program(criteria=[pm.Novelty(history, decay=1)]))
    assert never.to_frame().loc["T-1"].tolist() == [0.0, 0.0, 0.0, 1.0]
    plan = pm.match(mentees, mentors, program)
    pm.verify(plan)
    assert plan.explain("T-1", "M-1")["mentee_value"][0] == "together 3 cycles ago"


def test_continuity_holds_for_the_second_year_and_is_unknown_after():
    history = pm.History(pairs=[(1, "T-1", "M-1"), (2, "T-1", "M-1"), (2, "T-2", "M-2")])
    mentees = pd.DataFrame({"id": ["T-1", "T-2", "T-3"]})
    mentors = pd.DataFrame({"id": ["M-1", "M-2"]})
    program = pm.Program(criteria=[pm.Continuity(history, missing="zero")])
    scored = pm.score(mentees, mentors, program)
    assert scored.to_frame().to_numpy().tolist() == [[0, 0], [0, 1], [0, 0]]
    assert scored.evidence().to_numpy().tolist() == [[0, 0], [1, 1], [0, 0]]
    longer = pm.Program(criteria=[pm.Continuity(history, cycles=None, missing="zero")])
    assert pm.score(mentees, mentors, longer).to_frame().loc["T-1"].tolist() == [1, 0]


def test_continuity_as_a_rule_keeps_each_mentor_who_is_still_there():
    history = pm.History(pairs=[(1, "T-1", "M-1"), (1, "T-2", "M-9")])
    mentees = pd.DataFrame({"id": ["T-1", "T-2", "T-3"], "years": [1, 1, 1]})
    mentors = pd.DataFrame({"id": ["M-1", "M-2", "M-3"], "years": [20, 9, 9]})
    rule = pm.Require(pm.Continuity(history), unknown="allow")
    plan = pm.match(mentees, mentors, pm.Program(constraints=[rule]))
    pairs = dict(plan.to_frame()[["mentee", "mentor"]].to_numpy().tolist())
    assert plan.matched == 3
    assert pairs["T-1"] == "M-1"
    pm.verify(plan)


def test_blocks_of_history_criteria_say_what_the_cells_say():
    pool = district(40, 30, seed=2)
    mentees, mentors = pm.read_profiles(pool.mentees), pm.read_profiles(pool.mentors)
    drawn = np.random.default_rng(5).integers([1, 0, 0], [4, 40, 30], (90, 3)).tolist()
    pairs = [(cycle, mentees.ids[i], mentors.ids[j]) for cycle, i, j in drawn]
    history = pm.History(pairs=pairs)
    for criterion in (pm.Novelty(history, decay=0.7), pm.Continuity(history, cycles=3)):
        term = criterion.bind(mentees, mentors, 123_457)
        block = term.block(slice(0, 40), slice(0, 30))
        for i in range(40):
            for j in range(30):
                value = criterion.pair_units(mentees, i, mentors, j, 123_457)
                assert block[i, j] == (value or 0)
                assert term.known_at(np.array([i]), np.array([j]))[0] == (value is not None)


def test_who_waited_longest_is_served_first_and_coverage_never_suffers():
    rng = np.random.default_rng(11)
    for _ in range(25):
        scores = rng.integers(0, 20, (5, 3)).astype(float)
        scores[rng.random((5, 3)) < 0.3] = np.nan
        waits = rng.integers(0, 3, 5)
        history = pm.History(
            left_out=[(10 - k, str(i)) for i, n in enumerate(waits) for k in range(n)],
            last_cycle=10,
        )
        plan = pm.match_scores(scores, [pm.CarryOver(history)])
        free = pm.match_scores(scores)

        every = itertools.product(*[[-1, *np.flatnonzero(~np.isnan(r))] for r in scores])
        best = max(
            _rank([(i, j) for i, j in enumerate(choice) if j >= 0], waits, scores)
            for choice in every
            if len({j for j in choice if j >= 0}) == sum(j >= 0 for j in choice)
        )
        assert _rank(_pairs(plan), waits, scores) == best
        assert plan.matched == free.matched
        assert plan.gap == 0.0
        pm.verify(plan)


def _rank(pairs, waits, scores):
    served = [sum(waits[i] == level for i, _ in pairs) for level in (2, 1)]
    return len(pairs), *served, sum(scores[i, j] for i, j in pairs)


def _pairs(plan):
    frame = plan.to_frame()
    return list(zip(frame["mentee"].astype(int), frame["mentor"].astype(int), strict=True))


def test_being_left_out_goes_round():
    scores = [[9.0], [8.0], [7.0]]
    history = pm.History()
    served = []
    for _ in range(6):
        plan = pm.match_scores(scores, [pm.CarryOver(history)])
        served.append(int(plan.to_frame()["mentee"][0]))
        history = history.add(plan)
    assert served == [0, 1, 2, 0, 1, 2]
    assert sorted(history.waiting.values()) == [1, 2]


def test_one_program_has_one_order_of_tiers():
    history = pm.History(left_out=[(1, "T")])
    table = pd.DataFrame({"id": ["T"], "school": ["x"]})
    rules = [pm.CarryOver(history), pm.Tiers([pm.SameSchool()])]
    with pytest.raises(pm.ProgramError, match="one Tiers or CarryOver"):
        pm.match(table, table.assign(id=["M"]), pm.Program(constraints=rules))
    with pytest.raises(pm.CapabilityError, match="use match"):
        pm.form_groups(table, pm.Program(size=2, constraints=rules[:1]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: pm.NotAgain("history.csv"),
        lambda: pm.NotAgain(pm.History(), within=0),
        lambda: pm.CarryOver(None),
        lambda: pm.Novelty("history.csv"),
        lambda: pm.Novelty(pm.History(), decay=1.5),
        lambda: pm.Continuity(pm.History(), cycles=1),
        lambda: pm.History().add(pm.match_scores([[1]]), cycle=-1),
    ],
)
def test_wrong_parameters_are_refused(make):
    with pytest.raises(pm.ProgramError):
        make()


def test_groups_of_several_rounds_are_not_taken_for_one_group(tmp_path):
    table = pd.DataFrame({"id": list("abcdef"), "years": [1, 2, 3, 5, 8, 13]})
    program = pm.Program(criteria=[pm.Closeness("years", within=20)], size=2, rounds=2)
    rounds = pm.form_rounds(table, program)
    rounds.save(tmp_path / "autumn")
    met = {frozenset(ids) for plan in rounds.rounds for ids in plan.group_ids}
    frame = rounds.to_frame().assign(cycle=1)
    for history in (pm.History().add(rounds), pm.read_history(frame)):
        assert {frozenset(people) for _, people in history.groups} == met
        assert history.cycles == (1,)
    text = '[[constraints]]\nkind = "NotAgain"\nhistory = "autumn"\n'
    (tmp_path / "program.toml").write_text(text)
    rule = pm.Program.from_toml(tmp_path / "program.toml").constraints[0]
    assert {frozenset(people) for _, people in rule.history.groups} == met


@pytest.mark.parametrize("changed", ["M-0", "M-1", "M-2", "M-3"])
def test_who_was_together_stays_apart_when_the_row_of_a_mentor_changes(changed):
    mentees = pd.DataFrame({"id": ["T-0", "T-1", "T-2"], "years": [1, 2, 3]})
    mentors = pd.DataFrame({"id": ["M-0", "M-1", "M-2"], "years": [7, 8, 9]})
    met = [("T-0", "M-1"), ("T-1", "M-2"), ("T-2", "M-0")]
    history = pm.History(pairs=[(1, *pair) for pair in met])
    program = pm.Program([pm.Closeness("years", within=20)], [pm.NotAgain(history)])
    plan = pm.match(mentees, mentors, program)
    row = pd.DataFrame({"id": [changed], "years": [9]})
    after = pm.rematch(plan, pm.Changes(mentors=row), at_most_changes=0)
    assert after.moved.empty  # nobody had to move
    anew = pm.rematch(plan, pm.Changes(mentors=row))
    pairs = anew.plan.to_frame()[["mentee", "mentor"]].itertuples(index=False, name=None)
    assert not set(pairs) & set(met)
    assert after.verify().proved
    assert anew.verify().proved
