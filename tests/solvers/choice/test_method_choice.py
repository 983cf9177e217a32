import numpy as np
import pytest

from pairmatch.errors import CapabilityError, ProgramError
from pairmatch.solvers.assignment.choice import METHODS, choose_method, solve_assignment
from pairmatch.solvers.assignment.estimate import estimate_effort, refuse_oversize
from pairmatch.solvers.certify import certify_assignment
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains, Quotas


def pose(gain, places=1, *, allowed=None, **rules):
    gain = np.asarray(gain, np.int64)
    allowed = np.ones(gain.shape, bool) if allowed is None else allowed
    m = gain.shape[1]
    return AssignmentProblem(
        gains=MatrixGains(np.where(allowed, gain, 0), allowed),
        capacity=np.full(m, places, np.int64),
        at_least=np.zeros(m, np.int64),
        **rules,
    )


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("objective", ["coverage", "total"])
def test_all_methods_return_the_same_plan(seed, objective):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 30, 2)
    gain = rng.integers(-3, int(rng.choice([2, 10, 1000])), (n, m))
    allowed = rng.random((n, m)) < rng.choice([0.3, 0.8, 1.0])
    places = int(rng.integers(1, 4))
    problem = pose(gain, places, allowed=allowed, objective=objective)
    methods = [name for name in METHODS if name != "integer" and (name != "dense" or places == 1)]
    plans = [solve_assignment(problem, method=name) for name in methods]
    for plan in plans:
        assert certify_assignment(problem, plan).proved
        assert plan.pairs.tolist() == plans[0].pairs.tolist()


def test_quotas_that_do_not_bind_are_priced_at_nothing():
    quota = Quotas(np.array([0, 0, 1]), 3)
    problem = pose([[3, 1], [2, 2], [1, 5]], 2, quotas=(quota,))
    solution = solve_assignment(problem, method="pricing")
    assert certify_assignment(problem, solution).proved
    assert not solution.prices.quota[0].any()


def test_methods_that_cannot_take_a_problem_are_refused_with_alternatives():
    crossing = (Quotas(np.array([0, 0, 1, 1]), 1), Quotas(np.array([0, 1, 0, 1]), 1))
    problem = pose(np.ones((4, 2)), 2, quotas=crossing)
    assert choose_method(problem) == "integer"
    for method in ("dense", "flow", "pricing"):
        with pytest.raises(ProgramError, match='"auto"'):
            choose_method(problem, method)
    for unknown in ("simplex", "flo"):  # near to none, near to one: all are named
        with pytest.raises(ProgramError, match="auto, dense, flow, pricing, integer"):
            choose_method(problem, unknown)


def test_method_follows_size_and_structure(monkeypatch):
    small = pose(np.ones((20, 20)))
    assert choose_method(small) == "dense"
    assert choose_method(pose(np.ones((20, 20)), 2)) == "flow"
    monkeypatch.setattr("pairmatch.solvers.assignment.choice._DENSE_MOST", 100)
    monkeypatch.setattr("pairmatch.solvers.assignment.choice._DENSE_MOST_PLAIN", 100)
    monkeypatch.setattr("pairmatch.solvers.assignment.choice._FLOW_MOST", 100)
    assert choose_method(small) == "pricing"
    assert choose_method(pose(np.ones((20, 20)), 2)) == "pricing"


def test_estimate_grows_with_the_pool_and_oversize_is_refused_with_advice(monkeypatch):
    small, large = (estimate_effort(pose(np.ones((n, n)))) for n in (20, 200))
    assert small.megabytes < large.megabytes
    assert small.seconds < large.seconds
    problem = pose(np.ones((50, 50)))
    refuse_oversize(problem)
    monkeypatch.setattr("pairmatch.solvers.assignment.estimate._count_memory", lambda: 10**6)
    with pytest.raises(CapabilityError, match=r"this machine has 1 MB; use method .pricing."):
        refuse_oversize(problem)
    limited = pose(np.ones((50, 50)), 3, quotas=(Quotas(np.zeros(50, np.int64), 1),))
    with pytest.raises(CapabilityError, match=r"method .flow.*use method .pricing."):
        refuse_oversize(limited, "flow")
