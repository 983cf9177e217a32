"""Flows of least cost, their prices, and the face of all optima."""

import pickle
from itertools import product

import numpy as np
import pytest

from pairmatch.solvers.assignment.held.network import (
    Network,
    NoFlowError,
    RangeError,
    _solve,
    find_cheapest_flow,
    find_cost_limit,
    find_loose_arcs,
    find_potentials,
    narrow_to_face,
)
from pairmatch.solvers.assignment.held.ties import draw_weight_block, draw_weights


def draw_network(seed):
    """Six nodes, some arcs with lower bounds, and a flow that keeps them by construction."""
    rng = np.random.default_rng(seed)
    tail = rng.integers(0, 5, 7)
    head = (tail + 1 + rng.integers(0, 5, 7)) % 6
    flow, slack = rng.integers(0, 2, 7), rng.integers(0, 2, 7)
    lower = np.maximum(flow - rng.integers(0, 2, 7), 0)
    supply = np.zeros(6, np.int64)
    np.add.at(supply, tail, flow)
    np.subtract.at(supply, head, flow)
    network = Network(supply=supply, tail=tail, head=head, lower=lower, upper=flow + slack)
    return network, rng.integers(-5, 6, 7)


def list_flows(network):
    ranges = [range(a, b + 1) for a, b in zip(network.lower, network.upper, strict=True)]
    for flow in product(*ranges):
        balance = network.supply.copy()
        np.subtract.at(balance, network.tail, flow)
        np.add.at(balance, network.head, flow)
        if not balance.any():
            yield flow


def test_flow_is_cheapest_priced_and_its_face_is_all_cheapest_flows():
    for seed in range(150):
        network, cost = draw_network(seed)
        flows = {flow: int(np.dot(flow, cost)) for flow in list_flows(network)}
        flow = find_cheapest_flow(network, cost)
        least = min(flows.values())
        assert flows[tuple(flow)] == least
        potential = find_potentials(network, cost, flow, root=5)
        assert potential[5] == 0
        reduced = cost + potential[network.tail] - potential[network.head]
        assert (reduced[flow < network.upper] >= 0).all()
        assert (reduced[flow > network.lower] <= 0).all()
        face = narrow_to_face(network, cost, flow, potential)
        assert set(list_flows(face)) == {f for f, total in flows.items() if total == least}


def test_arcs_that_differ_between_flows_are_loose():
    for seed in range(150):
        network, cost = draw_network(seed)
        flow = find_cheapest_flow(network, cost)
        loose = find_loose_arcs(network, flow)
        others = np.array(list(list_flows(network)))
        differs = (others != flow).any(axis=0)
        assert (loose | ~differs).all()


def test_dear_flow_has_no_potentials():
    network = Network(
        supply=np.array([1, 0, -1]),
        tail=np.array([0, 0, 1]),
        head=np.array([2, 1, 2]),
        lower=np.zeros(3, np.int64),
        upper=np.ones(3, np.int64),
    )
    with pytest.raises(ArithmeticError, match="not one of least cost"):
        find_potentials(network, np.array([5, 1, 1]), np.array([1, 0, 0]), root=2)


@pytest.mark.parametrize("lower", [0, 1])
def test_bounds_that_no_flow_keeps_are_refused(lower):
    network = Network(
        supply=np.array([1, -1]),
        tail=np.array([1]),
        head=np.array([0]),
        lower=np.array([lower]),
        upper=np.array([1]),
    )
    with pytest.raises(NoFlowError):
        find_cheapest_flow(network, np.array([1]))


def test_costs_beyond_64_bits_are_refused_and_say_how_far_one_may_go():
    network, cost = draw_network(1)
    limit = find_cost_limit(6)
    with pytest.raises(RangeError, match=f"up to {limit}") as caught:
        find_cheapest_flow(network, np.where(cost > 0, 2**60, cost))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


def test_costs_within_the_limit_are_solved_exactly():
    for seed in range(40):
        network, cost = draw_network(seed)
        large = cost * (find_cost_limit(6) // 10)
        flow = find_cheapest_flow(network, large)
        assert np.dot(flow, cost) == min(np.dot(other, cost) for other in list_flows(network))
        find_potentials(network, large, flow, root=5)


def test_tie_weights_depend_on_the_pair_alone_and_fill_their_bits():
    rows, columns = np.arange(300), np.arange(200)
    for turn, bits in enumerate((16, 40)):
        block = draw_weight_block(rows, columns, turn)
        assert block.min() >= 0
        assert block.max() < 2**bits
        assert abs(block.mean() / 2 ** (bits - 1) - 1) < 0.02
        part = draw_weight_block(rows[7:9], columns[5:8], turn)
        np.testing.assert_array_equal(part, block[7:9, 5:8])
        pair = draw_weights(np.array([7, 299]), np.array([5, 0]), turn)
        assert pair.tolist() == [block[7, 5], block[299, 0]]


def _draw_chain(n):
    """Return a network in which each node is dearer than the one before, and costs in units."""
    i = np.arange(n)
    tail = np.concatenate([i, i[:-1], i[1:]])
    head = n + np.concatenate([i, i[1:], i[:-1]])
    lower = np.zeros(len(tail), np.int64)
    supply = np.concatenate([np.ones(n, np.int64), np.full(n, -1)])
    cost = np.concatenate([np.full(n, 1), np.zeros(n - 1, np.int64), np.full(n - 1, 2)])
    return Network(supply, tail, head, lower, lower + 1), cost


def _is_cheapest(network, cost, flow):
    """Say by whole numbers of any size whether potentials prove a flow cheapest."""
    potential = find_potentials(network, cost, flow, network.n_nodes - 1).tolist()
    reduced = [
        int(c) + potential[i] - potential[j]
        for c, i, j in zip(cost, network.tail, network.head, strict=True)
    ]
    below, above = flow < network.upper, flow > network.lower
    return all(
        (r >= 0 or not b) and (r <= 0 or not a)
        for r, b, a in zip(reduced, below, above, strict=True)
    )


@pytest.mark.parametrize("n", [2, 5, 40, 200])
def test_costs_up_to_the_limit_are_exact_where_prices_add_up(n):
    network, cost = _draw_chain(n)
    largest = find_cost_limit(network.n_nodes)
    cost *= largest // 2
    flow = find_cheapest_flow(network, cost)
    assert _is_cheapest(network, cost, flow)


@pytest.mark.parametrize("seed", range(20))
def test_costs_up_to_the_limit_are_exact_where_many_arcs_are_nearly_alike(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 30))
    tail, head = np.divmod(np.arange(n * n), n)
    lower = np.zeros(n * n, np.int64)
    supply = np.concatenate([np.ones(n, np.int64), np.full(n, -1)])
    network = Network(supply, tail, n + head, lower, lower + 1)
    largest = find_cost_limit(2 * n)
    cost = rng.choice([0, 1, largest // 2, largest - 1, largest], n * n)
    cost = np.where(rng.random(n * n) < 0.4, rng.integers(0, largest + 1, n * n), cost)
    assert _is_cheapest(network, cost, find_cheapest_flow(network, cost))
    assert _is_cheapest(network, -cost, find_cheapest_flow(network, -cost))
    cost[:2] = 0, largest + 1
    with pytest.raises(RangeError, match=f"up to {largest}") as caught:
        find_cheapest_flow(network, cost)
    assert caught.value.largest == largest + 1


def test_the_flow_solver_alone_would_refuse_costs_within_the_limit():
    network, cost = _draw_chain(200)
    cost *= find_cost_limit(network.n_nodes) // 2
    assert _solve(network, cost, np.arange(len(cost))) is None
