"""Linear assignment problems with known optima, from J. E. Beasley's OR-Library."""

import numpy as np
import pytest

from pairmatch.solvers.assignment import solve_assignment
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains

DENSE = {"assign100": 305, "assign200": 475, "assign300": 626, "assign400": 804}
SPARSE = {"assignp800": 2239, "assignp1500": 5839}


def read(path):
    """Costs and which pairs exist, from a full matrix or from lines ``i j cost``."""
    numbers = np.array(path.read_text().split(), dtype=np.int64)
    n, rest = int(numbers[0]), numbers[1:]
    if len(rest) == n * n:
        return rest.reshape(n, n), np.ones((n, n), np.bool_)
    i, j, cost = rest.reshape(-1, 3).T
    costs, exists = np.zeros((n, n), np.int64), np.zeros((n, n), np.bool_)
    costs[i - 1, j - 1] = cost
    exists[i - 1, j - 1] = True
    return costs, exists


def solve(path, method):
    costs, exists = read(path)
    n = len(costs)
    problem = AssignmentProblem(
        gains=MatrixGains(-costs, exists),
        capacity=np.ones(n, np.int64),
        at_least=np.zeros(n, np.int64),
    )
    solution = solve_assignment(problem, method=method)
    certificate = certify_assignment(problem, solution)
    assert certificate.proved
    assert certificate.matched == n
    return -certificate.objective, solution


@pytest.mark.parametrize(("name", "optimum"), DENSE.items())
def test_published_dense_optimum_is_reached_and_proved(shared_data, name, optimum):
    path = shared_data / "orlib" / f"{name}.txt"
    cost, dense = solve(path, "dense")
    assert cost == optimum
    assert dense.pairs.tolist() == solve(path, "flow")[1].pairs.tolist()


@pytest.mark.parametrize(("name", "optimum"), SPARSE.items())
def test_published_sparse_optimum_is_reached_and_proved(shared_data, name, optimum):
    assert solve(shared_data / "orlib" / f"{name}.txt", "auto")[0] == optimum
