from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairmatch.errors import CertificateError
from pairmatch.solvers.certify.groups import certify_grouping
from pairmatch.solvers.groups import solve_grouping
from pairmatch.solvers.problem import GroupingProblem
from pairmatch.solvers.solution import Status

BOTH = pytest.mark.parametrize("objective", ["total", "worst_rotation"])


def best_matching(problem, n_placed):
    networkx = pytest.importorskip("networkx")
    graph = networkx.Graph()
    for a in range(problem.n):
        for b in range(a):
            if problem.allowed[a, b]:
                given = [int(problem.gain[a, b]), int(problem.gain[b, a])]
                worth = 2 * min(given) if problem.objective == "worst_rotation" else sum(given)
                graph.add_edge(a, b, weight=worth)
    pairs = networkx.max_weight_matching(graph, maxcardinality=True)
    assert 2 * len(pairs) == n_placed
    return sum(graph[a][b]["weight"] for a, b in pairs)


@BOTH
@pytest.mark.parametrize("forbidden", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(5))
def test_pairs_are_a_maximum_weight_matching_with_proof(seed, forbidden, objective, pool):
    problem = pool(30, seed, size=(2, 2), objective=objective, forbidden=forbidden)
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    assert certificate.objective == solution.scale * best_matching(problem, 30)
    assert certificate.proved
    assert solution.status is Status.OPTIMAL


def test_near_threes_need_odd_sets_for_their_proof():
    place = np.concatenate([np.arange(3) + 1000 * part for part in range(6)])
    gain = 10_000 - np.abs(place[:, None] - place[None, :])  # six threes: each is half a pair short
    problem = GroupingProblem(gain, ~np.eye(18, dtype=bool), 2, 2, 2)
    solution = solve_grouping(problem)
    assert certify_grouping(problem, solution).proved
    assert solution.cases[0].set_price.any()
    cheaper = replace(solution.cases[0], set_price=solution.cases[0].set_price // 2)
    with pytest.raises(CertificateError, match="is not proved"):
        certify_grouping(problem, replace(solution, cases=(cheaper,)))


def test_of_an_odd_pool_the_one_who_is_missed_least_stays_out(pool):
    problem = pool(21, 3, size=(2, 2))
    solution = solve_grouping(problem)
    certificate = certify_grouping(problem, solution)
    best = max(best_matching(problem.take(np.delete(np.arange(21), out)), 20) for out in range(21))
    assert (solution.group_of == -1).sum() == 1
    assert certificate.objective == certificate.bound == solution.scale * best


def test_worst_rotation_prefers_pairs_in_which_both_give(pool):
    gain = np.zeros((16, 16), np.int64)
    for a in range(0, 16, 4):  # one gives all, or both give some
        gain[a + 1, a] = gain[a + 3, a + 2] = 100
        gain[a, a + 2] = gain[a + 2, a] = gain[a + 1, a + 3] = gain[a + 3, a + 1] = 40
    problem = GroupingProblem(gain, ~np.eye(16, dtype=bool), 2, 2, 2)
    by_total = solve_grouping(problem).group_of
    by_worst = solve_grouping(replace(problem, objective="worst_rotation")).group_of
    assert by_total[0] == by_total[1]
    assert by_worst[0] == by_worst[2]
