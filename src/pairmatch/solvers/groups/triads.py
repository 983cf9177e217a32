"""Groupings into triads, improved with the help of prices: rounded, then dealt anew in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.groups.branching import prove
from pairmatch.solvers.groups.dealing import Board, deal_again, load_deal
from pairmatch.solvers.groups.master import UNIT
from pairmatch.solvers.groups.neighbourhoods import deal_parts_anew
from pairmatch.solvers.groups.rounding import cheapest_triads, round_prices
from pairmatch.solvers.groups.search import Plan, descend

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pairmatch.solvers.groups.branching import Proof
    from pairmatch.solvers.groups.pools import TriadPrices
    from pairmatch.solvers.groups.search import Search

__all__ = ["deal_parts", "price_unit", "prove_triads", "round_and_descend"]

_N_NEAR = 60  # cheap triads a person that parts are dealt from
_OPENED = (8, 12, 16, 12, 16)  # groups in one part, round after round
_N_NODES = 150
_BATCH = 1000
_N_CASES = 600  # cases of a proof of the optimum


def price_unit(largest: int, n: int) -> int:
    """Return the fraction of a scaled gain in which prices are written: 1/1024 if sums allow."""
    return 1024 if 1024 * 64 * largest * (n + 8) < 2**61 else 1


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
    if load_deal() is None:
        n_rounds = 12 if n <= 330 else 40
        price = prices.rounded()
        dealt = deal_parts_anew(
            values, dealt, price, n_groups=24, n_rounds=n_rounds, rng=look.rng, keep_on=keep_on
        )
        return Plan([dealt], plan.bench, look.worth([dealt]))
    unit = prices.unit
    margin = max(1, (int(prices.price.sum()) - plan.worth * unit) * 6 // n)
    triads, short = cheapest_triads(values, prices.price, unit, _N_NEAR * n, margin)
    best = plan
    for n_opened in _OPENED:
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


def prove_triads(
    look: Search,
    proof: Proof,
    prices: TriadPrices,
    *,
    in_whole: bool,
    keep_on: Callable[[], bool],
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
    in_whole : bool
        Whether to go on until the optimum is proved, as far as the work limit allows.
    keep_on : callable
        Asked between steps; False ends the work.
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
        n_cut_rounds=15 if in_whole else 3,
        n_cases=_N_CASES if in_whole else 0,
        rng=look.rng,
        improve=improve,
        keep_on=keep_on,
    )


def _shortfall(look: Search, prices: TriadPrices, triads: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return by how much triads fall short of their prices."""
    short: NDArray[np.int64] = prices.price[triads].sum(axis=1)
    short -= look.values.of_groups(triads) * prices.unit
    return short
