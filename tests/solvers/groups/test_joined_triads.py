from __future__ import annotations

import numpy as np

from pairmatch.solvers.groups.basis.search import Plan, Search
from pairmatch.solvers.groups.basis.values import GroupValues
from pairmatch.solvers.groups.triads.solver import _join
from pairmatch.solvers.problem import GroupingProblem


def test_two_plans_are_joined_by_the_better_one_in_each_part_that_both_divide():
    gain = np.random.default_rng(3).integers(0, 100, (36, 36))
    np.fill_diagonal(gain, 0)
    problem = GroupingProblem(gain, ~np.eye(36, dtype=bool), 3, 3, 3)
    values = GroupValues.of(problem, 2)
    look = Search.of(values, np.random.default_rng(0), lambda: True)
    parts = np.arange(36).reshape(4, 9)
    rng = np.random.default_rng(2)
    plans, worth = [], []
    for _ in range(2):
        tables = [rng.permutation(part).reshape(3, 3) for part in parts]
        worth.append([int(values.of_groups(table).sum()) for table in tables])
        table = np.concatenate(tables)
        plans.append(Plan([table], np.empty(0, np.int64), look.worth([table])))
    assert len(set(np.argmax(worth, axis=0).tolist())) == 2  # neither is better everywhere
    joined = _join(look, *plans)
    assert joined.worth == int(np.max(worth, axis=0).sum()) == look.worth(joined.tables)
    assert sorted(joined.tables[0].ravel().tolist()) == list(range(36))
    assert _join(look, joined, plans[0]).worth == joined.worth
