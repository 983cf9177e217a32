"""Blocks of pairs after changes are those of tables that are read and bound anew."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pairmatch as pm
from pairmatch.cycles.blocks import Blocks
from pairmatch.cycles.patchwork import patch_scores
from pairmatch.cycles.renewal import renew
from pairmatch.datasets import district

RULES = (
    [],
    [pm.MinScore(0.4)],
    [pm.Require(pm.CommonTime(), unknown="allow"), pm.Forbid("T-0001", "M-0002")],
)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_every_block_after_changes_is_that_of_a_plan_bound_anew(rules, seed):
    rng = np.random.default_rng(seed)
    pool = district(74, 36, seed=seed)
    ids = {"T-0001": pool.mentees["id"][0], "M-0002": pool.mentors["id"][1]}
    rules = [
        pm.Forbid(ids[rule.mentee], ids[rule.mentor]) if isinstance(rule, pm.Forbid) else rule
        for rule in rules
    ]
    vetoes = pool.mentees.assign(vetoes=pool.mentors["id"].iloc[rng.integers(0, 36, 74)].tolist())
    plan = pm.match(vetoes[:70], pool.mentors[:33], pm.Program(constraints=rules))
    stays = vetoes[3:5].assign(years="9")
    changes = pm.Changes(
        leave=[vetoes["id"][2], pool.mentors["id"][7]],
        mentees=pd.concat([vetoes[70:], stays]),
        mentors=pool.mentors[33:],
    ).read()
    patch = patch_scores(plan, changes)
    whole = renew(plan, *changes.apply(plan)).scored
    assert patch.rows.ids == whole.coached.ids
    assert patch.columns.ids == whole.coach.ids
    units, allowed = whole.evaluate()
    assert not allowed.all()
    n, m = units.shape
    some = rng.permutation(n)[:20], rng.permutation(m)[:6]
    none = np.empty(0, np.int64)
    for rows in (slice(0, n), some[0], some[0][:2], none):
        for columns in (slice(0, m), some[1], none):
            found = patch.evaluate(rows, columns)
            np.testing.assert_array_equal(found[0], units[rows][:, columns])
            np.testing.assert_array_equal(found[1], allowed[rows][:, columns])
    gain, may = patch.pairs(*patch.running_pairs.T)
    at = tuple(patch.running_pairs.T)
    np.testing.assert_array_equal(gain, np.where(allowed, units, 0)[at])
    np.testing.assert_array_equal(may, allowed[at])


def test_a_block_that_is_too_large_to_be_looked_at_at_once_is_looked_at_in_parts(monkeypatch):
    pool = district(40, 20, seed=1)
    scored = pm.match(pool.mentees, pool.mentors).scored
    blocks = Blocks.make(scored, np.arange(40)[::-1], np.arange(20))
    whole = blocks.evaluate(slice(0, 40), slice(0, 20))
    np.testing.assert_array_equal(whole[0], scored.units()[::-1])
    monkeypatch.setattr("pairmatch.cycles.blocks._MOST", 50)
    for mine, theirs in zip(blocks.evaluate(slice(0, 40), slice(0, 20)), whole, strict=True):
        np.testing.assert_array_equal(mine, theirs)
