"""Tiers of many pairs are read off kinds of people, and are those of the pairs one by one."""

from __future__ import annotations

import numpy as np
import pytest

import pairmatch as pm
from pairmatch.seam import tiers as seam_tiers

LEVELS = {
    "two in common, then one": [[pm.SameSchool(), pm.SubjectMatch()], [pm.SubjectMatch()]],
    "times": [[pm.CommonTime(minutes=45)], [pm.SameSchool()]],
    "more than something in common": [[pm.ExperienceGap(at_least=3, ideal=8, at_most=20)]],
}


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_kinds_of_people_give_the_tiers_of_all_pairs(levels, monkeypatch):
    district = pm.datasets.district(60, 50, seed=4)
    rule = pm.Tiers(levels)
    scored = pm.score(district.mentees, district.mentors, pm.Program(criteria=[pm.SubjectMatch()]))
    assert seam_tiers._MANY >= 60 * 50
    one_by_one = seam_tiers.tiers_of(scored, [rule], most=2**24)
    monkeypatch.setattr(seam_tiers, "_MANY", 0)
    by_kinds = seam_tiers.tiers_of(scored, [rule], most=2**24)
    np.testing.assert_array_equal(by_kinds, one_by_one)
    assert by_kinds.dtype == one_by_one.dtype
    assert len(np.unique(by_kinds)) > 1
    i, j = 7, 11
    assert by_kinds[i, j] == rule.tier_of(scored.coached, i, scored.coach, j)
