from __future__ import annotations

import os
import subprocess
import sys

import pytest

FORM = """
import sys
import numpy as np
import pairmatch as pm
from pairmatch.datasets import staff
pool = staff(18, seed=4)
order = np.random.default_rng(int(sys.argv[1])).permutation(18)
for objective, size in (("worst_rotation", 3), ("worst_group", (2, 2))):
    program = pm.Program(
        criteria=[pm.SubjectMatch(), pm.GoalCoverage(weight=2)],
        constraints=[pm.Compose("commitment", "low", at_most=2)] if size == 3 else [],
        objective=objective,
        size=size,
    )
    plan = pm.form_groups(pool.iloc[order].reset_index(drop=True), program)
    print(plan.to_json().split('"inputs"')[0].split('"seed"')[1])
    print(plan.to_json().split('"status"')[1])
"""


def form(row_order, hash_seed, n_threads):
    """What another process writes about the groups of one pool."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), n_threads)
    done = subprocess.run(
        [sys.executable, "-c", FORM, row_order],
        capture_output=True,
        check=False,
        env=os.environ | counts | {"PYTHONHASHSEED": hash_seed},
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def first():
    return form("0", "0", "1")


@pytest.mark.parametrize(
    ("row_order", "hash_seed", "n_threads"), [("1", "4711", "1"), ("2", "1", "2")]
)
def test_groups_are_the_same_bytes_for_any_row_order_hash_seed_and_threads(
    first, row_order, hash_seed, n_threads
):
    assert b'"groups"' in first
    assert form(row_order, hash_seed, n_threads) == first
