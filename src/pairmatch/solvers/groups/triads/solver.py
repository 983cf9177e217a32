"""Groupings into triads, improved with the help of prices: rounded, then dealt anew in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.basis.kernels import N_PLAIN
from pairmatch.solvers.groups.basis.search import Plan, Search, descend
from pairmatch.solvers.groups.columns.branching import prove
from pairmatch.solvers.groups.columns.master import UNIT
from pairmatch.solvers.groups.columns.neighbourhoods import deal_parts_anew
from pairmatch.solvers.groups.triads.dealing import Board, deal_again, load_deal
from pairmatch.solvers.groups.triads.rounding import cheapest_triads, round_prices
from pairmatch.solvers.processors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.pools import TriadPrices
    from pairmatch.solvers.groups.columns.cases import Proof

__all__ = ["N_PROVED", "deal_parts", "prove_triads", "round_and_descend"]

_N_NEAR = 60  # cheap triads a person that parts are dealt from
_OPENED = (8, 12, 16, 12, 16)  # groups in one part, round after round
_N_BRIEF = 2  # of these rounds where a proof follows that picks triads itself
_ANEW = (12, 16)  # and in plans that the best is joined with
_N_MANY = 500  # people who may lie apart, so that plans are joined
_N_PAIRS = 2  # times that two further plans are joined with the best
_NOISE = 0.3  # of prices that are rounded anew, as a share of the mean loss
_N_NODES = 150
_BATCH = 1000
_N_CUT_ROUNDS = 12

N_PROVED = 330
"""People above whom nothing better than prices of people is tried."""


def round_and_descend(
    look: Search, plan: Plan, prices: TriadPrices, keep_on: Callable[[], bool]
) -> Plan:
    """Return the plan, or a better one that lies near the prices.

    Parameters
    ----------
    look : Search
        Values and randomness.
    plan : Plan
        A grouping of everybody into triads; left as it is.
    prices : TriadPrices
        Prices that no triad exceeds.
    keep_on : callable
        Asked between programs; False ends the work.
    """
    rounded = round_prices(look.values, prices.price, prices.unit, plan.worth, keep_on)
    if rounded is None:
        return plan
    trial = Plan([rounded], plan.bench, look.worth([rounded]))
    descend(look, trial, 15)
    return trial if trial.worth > plan.worth else plan


def deal_parts(look: Search, plan: Plan, prices: TriadPrices, keep_on: Callable[[], bool]) -> Plan:
    """Return the plan after parts of it were dealt anew.

    Parameters
    ----------
    look : Search
        Values and randomness.
    plan : Plan
        A grouping of everybody into triads without a forbidden pair; left as it is.
    prices : TriadPrices
        Prices that no triad exceeds.
    keep_on : callable
        Asked between parts; False ends the work.
    """
    values, dealt = look.values, plan.tables[0]
    n = values.n
    if n <= N_PLAIN or load_deal() is None:
        n_rounds = 12 if n <= N_PROVED else 40
        price = prices.rounded()
        dealt = deal_parts_anew(
            values, dealt, price, n_groups=24, n_rounds=n_rounds, rng=look.rng, keep_on=keep_on
        )
        return Plan([dealt], plan.bench, look.worth([dealt]))
    unit = prices.unit
    margin = max(1, (int(prices.price.sum()) - plan.worth * unit) * 6 // n)
    triads, short = cheapest_triads(values, prices.price, unit, _N_NEAR * n, margin)
    opened = _OPENED if n > N_PROVED else _OPENED[:_N_BRIEF]
    best = _deal(look, plan, prices, (triads, short), opened, keep_on)
    for _ in range(_N_PAIRS if n >= _N_MANY else 0):
        before = best.worth
        if before >= prices.bound or not keep_on():
            break
        starts = [_round_anew(look, best, prices, keep_on) for _ in range(2)]

        def improve(start: tuple[Search, Plan]) -> Plan:
            own, trial = start
            return _deal(own, trial, prices, (triads, short), _ANEW, keep_on)

        for other in map_blocks(improve, [start for start in starts if start is not None]):
            best = _join(look, best, other)
        if best.worth == before:
            break
    return best


def _deal(
    look: Search,
    plan: Plan,
    prices: TriadPrices,
    cheap: tuple[NDArray[np.int64], NDArray[np.int64]],
    opened: tuple[int, ...],
    keep_on: Callable[[], bool],
) -> Plan:
    """Return the plan after parts of so many groups were dealt anew, round after round."""
    n, best = look.values.n, plan
    triads, short = cheap
    for n_opened in opened:
        board = Board(triads, short, best.tables[0], _shortfall(look, prices, best.tables[0]))
        n_idle = n_done = 0
        while n_done < min(40 * n, 40_000) and n_idle < 4 * n and keep_on():
            gained = deal_again(board, _BATCH, n_opened, _N_NODES, look.rng)
            n_done += _BATCH
            n_idle = 0 if gained else n_idle + _BATCH
        trial = Plan([board.dealt], plan.bench, look.worth([board.dealt]))
        if trial.worth > best.worth:
            best = trial.copy()
            descend(look, trial, 10)
            best = trial if trial.worth > best.worth else best
    return best


def _round_anew(
    look: Search, plan: Plan, prices: TriadPrices, keep_on: Callable[[], bool]
) -> tuple[Search, Plan] | None:
    """Return another plan near the prices, and what to go on from it with."""
    own = Search.of(look.values, np.random.default_rng(look.rng.integers(2**62)), keep_on)
    n = look.values.n
    loss = max(0, int(prices.price.sum()) - plan.worth * prices.unit) // n
    price = prices.price + np.rint(_NOISE * loss * own.rng.random(n)).astype(np.int64)
    rounded = round_prices(look.values, price, prices.unit, plan.worth, keep_on)
    if rounded is None or look.values.n_forbidden(rounded).any():
        return None
    trial = Plan([rounded], plan.bench, own.worth([rounded]))
    descend(own, trial, 15)
    return own, trial


def _join(look: Search, plan: Plan, other: Plan) -> Plan:
    """Return the better of two plans in each part of the pool that both divide by themselves."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    first, second = plan.tables[0], other.tables[0]
    every = np.concatenate([first, second])
    ends = np.concatenate([every[:, :2], every[:, 1:]]).T
    n = look.values.n
    link = csr_array((np.ones(ends.shape[1]), tuple(ends)), shape=(n, n))
    n_parts, part = connected_components(link, directed=False)
    gained = np.zeros(n_parts, np.int64)
    np.add.at(gained, part[second[:, 0]], look.values.of_groups(second))
    np.subtract.at(gained, part[first[:, 0]], look.values.of_groups(first))
    better = gained > 0
    rows = [first[~better[part[first[:, 0]]]], second[better[part[second[:, 0]]]]]
    table = np.concatenate(rows)
    return Plan([table], plan.bench, look.worth([table]))


def prove_triads(
    look: Search,
    proof: Proof,
    prices: TriadPrices,
    *,
    n_cases: int,
    keep_on: Callable[[], bool],
    seconds_left: Callable[[], float],
) -> None:
    """Lower the bound of triads of everybody with sets, and by cases if asked.

    Parameters
    ----------
    look : Search
        Values and randomness.
    proof : Proof
        The grouping to start from; receives better ones, and the cases.
    prices : TriadPrices
        Prices that no triad exceeds.
    n_cases : int
        Cases to look into, at most, until the optimum is proved.
    keep_on : callable
        Asked between steps; False ends the work.
    seconds_left : callable
        How long one step may take; infinite without a time limit.
    """
    values = look.values
    nobody = np.empty(0, np.int64)

    def improve(triads: NDArray[np.int64]) -> NDArray[np.int64]:
        trial = Plan([triads.copy()], nobody, look.worth([triads]))
        descend(look, trial, 15)
        return trial.tables[0]

    margin = max(1, (prices.bound - proof.worth) * 6 * prices.unit // values.n)
    columns, _ = cheapest_triads(values, prices.price, prices.unit, 10 * values.n, margin)
    prove(
        values,
        proof,
        columns,
        prices.price * (UNIT // prices.unit),
        n_cut_rounds=_N_CUT_ROUNDS,
        n_cases=n_cases,
        rng=look.rng,
        improve=improve,
        keep_on=keep_on,
        seconds_left=seconds_left,
    )


def _shortfall(look: Search, prices: TriadPrices, triads: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return by how much triads fall short of their prices."""
    short: NDArray[np.int64] = prices.price[triads].sum(axis=1)
    short -= look.values.of_groups(triads) * prices.unit
    return short
