from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import pairmatch as pm
from pairmatch.datasets import staff


@pytest.fixture(scope="module")
def program():
    return pm.Program.preset("triad").replace(objective="worst_group")


@pytest.fixture(scope="module")
def teams(program):
    return pm.form_groups(staff(12, seed=3), program)


@pytest.fixture(scope="module")
def scores():
    return np.random.default_rng(1).integers(0, 100, (18, 18)).astype(float)


def test_no_grouping_has_a_higher_lowest_group(teams):
    by_total = pm.form_groups(
        staff(12, seed=3), pm.Program.preset("triad").replace(objective="total")
    )
    assert teams.lowest == teams.lowest_bound == min(teams.group_values) >= by_total.lowest
    assert teams.price == pytest.approx(by_total.objective - teams.objective)
    assert teams.gap == 0.0
    assert by_total.price is None
    assert by_total.lowest_bound is None
    assert pm.verify(teams) == teams.certificate


def test_summary_says_how_low_and_what_it_costs(teams):
    text = teams.summary()
    assert f"proved optimal of plans with no group below {teams.lowest:.6g} (objective:" in text
    assert "no plan has a higher lowest one" in text
    assert "price     worst_group costs" in text


def test_record_keeps_the_lowest_group_in_the_units_of_the_total(teams):
    certificate = json.loads(teams.to_json())["certificate"]
    lowest = Fraction(certificate["lowest"]) / Fraction(certificate["units_per_score"])
    assert float(lowest) == pytest.approx(teams.lowest)


def test_groups_edited_by_hand_keep_the_bound_on_the_lowest(scores):
    plan = pm.group_scores(scores, objective="worst_group")
    by_total = pm.group_scores(scores)
    edited = plan.replace(groups=by_total.group_ids)
    assert edited.lowest == by_total.lowest < plan.lowest
    assert edited.lowest_bound == plan.lowest_bound
    assert edited.gap > 0
    assert f"no plan has one above {plan.lowest_bound:.6g}" in edited.summary()
    larger = plan.replace(groups=[range(5), range(5, 10), range(10, 15)])
    assert larger.gap is None or larger.gap > 0


def test_lowest_group_stated_too_high_is_refused(teams):
    certificate = replace(teams.certificate, lowest=teams.certificate.lowest + 1)
    with pytest.raises(pm.CertificateError, match="is not what a check finds"):
        pm.verify(replace(teams, certificate=certificate))


def test_time_limit_leaves_a_plan_that_says_what_is_proved(scores):
    plan = pm.group_scores(scores, objective="worst_group", options=pm.Options(time_limit=0.05))
    assert plan.matched == 18
    assert plan.lowest_bound >= plan.lowest
    assert plan.bound >= plan.objective
    pm.verify(plan)


def test_program_files_and_the_command_line_know_the_objective(program, tmp_path):
    assert 'objective = "worst_group"' in program.to_toml()
    (tmp_path / "plan.toml").write_text(program.to_toml(), encoding="utf-8")
    assert pm.Program.from_toml(tmp_path / "plan.toml") == program
    staff(9, seed=1).to_csv(tmp_path / "staff.csv", index=False)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pairmatch", "groups", tmp_path / "staff.csv"]
    command += ["--program", tmp_path / "plan.toml", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no plan has a higher lowest one" in (out / "summary.txt").read_text(encoding="utf-8")


def test_pairs_are_told_where_the_objective_belongs():
    with pytest.raises(pm.CapabilityError, match="form_groups"):
        pm.match_scores([[1.0]], objective="worst_group")
    with pytest.raises(pm.CapabilityError, match="worst_group, or match"):
        pm.group_scores(np.ones((6, 6)), objective="worst_off")
