from __future__ import annotations

import itertools

import numpy as np
import pytest


def _list_plans(problem):
    """Yield the pairs of every plan in which no row has more columns than it should."""
    _, allowed = problem.gains.block(slice(0, problem.n_rows), slice(0, problem.n_columns))
    choices = []
    for i, row in enumerate(allowed):
        options = np.flatnonzero(row).tolist()
        most = min(int(problem.demand[i]), len(options))
        choices.append([c for k in range(most + 1) for c in itertools.combinations(options, k)])
    for choice in itertools.product(*choices):
        yield [(i, j) for i, own in enumerate(choice) for j in own]


@pytest.fixture(scope="session")
def list_plans():
    return _list_plans
