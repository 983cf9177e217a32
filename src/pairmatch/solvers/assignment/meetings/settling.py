"""Which of all best plans is taken, and at which slots, once prices are known for every pair."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.flow import even_loads, improve_flow, settle_ties
from pairmatch.solvers.assignment.held.network import find_cheapest_flow
from pairmatch.solvers.assignment.held.remainder import Edges
from pairmatch.solvers.assignment.meetings.network import draw_slots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.meetings.classes import SlotClasses
    from pairmatch.solvers.assignment.meetings.prices import SlotPrices
    from pairmatch.solvers.assignment.meetings.rounds import MeetingRounds
    from pairmatch.solvers.problem import Slots

__all__ = ["best_slots", "settle_meetings"]


def settle_meetings(
    rounds: MeetingRounds, prices: SlotPrices
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of one best plan and the class of each, -1 for pairs without a slot.

    Of the plans that prices prove best: one that seats most rows, of these one with most
    preferred slots, then of the most even loads, then the one that
    :mod:`~pairmatch.solvers.assignment.held.ties` picks.

    Parameters
    ----------
    rounds : MeetingRounds
        The problem and its classes.
    prices : SlotPrices
        Prices under which no pair is worth more than they leave its row.

    Notes
    -----
    Best plans consist of pairs and classes that leave their row exactly what the prices do, fill
    every place and class that has a price and seat every row that has a profit.
    """
    problem, classes = rounds.problem, rounds.classes
    edges = _collect_tight(rounds)
    everywhere = np.ones(problem.n_columns, np.bool_)
    drawing = draw_slots(problem, classes, edges, everywhere)
    layout = drawing.layout
    network = layout.network
    row, column = edges.row[drawing.pair], edges.column[drawing.pair]
    value = edges.gain[drawing.pair] + rounds.bonus - prices.column[column]
    timed = drawing.label >= 0
    point = classes.point[column[timed], drawing.label[timed]]
    value[timed] -= prices.time[column[timed], point]
    profit = prices.profit.copy()
    pinned = np.flatnonzero(rounds.pinned)
    profit[pinned] = np.iinfo(np.int64).min
    np.maximum.at(profit, row[rounds.pinned[row]], value[rounds.pinned[row]])
    lower, upper = network.lower.copy(), network.upper.copy()
    upper[layout.pair_arcs] = value >= profit[row]
    limits, loads, idle = layout.limit_arcs, layout.load_arcs, layout.idle_arcs
    own = layout.limit_of
    of_class = prices.time[own[:, 1], classes.point[own[:, 1], own[:, 2]]]
    lower[limits] = of_class > 0
    lower[loads] = np.where(prices.column > 0, upper[loads], lower[loads])
    upper[loads] = np.where(prices.column < 0, lower[loads], upper[loads])
    upper[idle] = np.where(profit > 0, 0, upper[idle])
    network = replace(network, lower=lower, upper=upper)
    flow = find_cheapest_flow(network, np.zeros(len(lower), np.int64))
    network, flow = improve_flow(network, flow, layout.spend(on_idle=1), layout)
    arc_edges = edges.take(drawing.pair)
    likes, _ = best_slots(rounds.slots, classes, row, column, drawing.label)
    if likes.any():
        network, flow = improve_flow(network, flow, layout.spend(on_pairs=-likes), layout)
    network, flow = even_loads(network, flow, layout, np.zeros(problem.n_columns, np.int64))
    flow = settle_ties(network, flow, layout, arc_edges)
    used = np.flatnonzero(flow[layout.pair_arcs] > 0)
    return np.stack([row[used], column[used]], axis=1), drawing.label[used]


def _collect_tight(rounds: MeetingRounds) -> Edges:
    """Return the pairs that can be in a best plan, as the last sweep found them."""
    pins = rounds.problem.pins
    row = np.concatenate([pins[:, 0], rounds.tight[0]])
    column = np.concatenate([pins[:, 1], rounds.tight[1]])
    order = np.lexsort((column, row))
    gain, _ = rounds.problem.gains.pairs(row[order], column[order])
    return Edges(row[order], column[order], gain)


def best_slots(
    slots: Slots,
    classes: SlotClasses,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    labels: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how much pairs like the best slot of a class, and which it is: -1 for no class.

    The most preferred common slot, of equally preferred ones the earliest.
    """
    likes = np.zeros(len(rows), np.int64)
    chosen = np.full(len(rows), -1)
    step = max(1, 2**22 // max(1, slots.n_slots))
    for begin in range(0, len(rows), step):
        part = slice(begin, begin + step)
        i, j, label = rows[part], columns[part], labels[part]
        if not slots.n_slots:
            continue
        joint = slots.row[i] & slots.column[j] & (classes.of[j] == label[:, None])
        joint &= (label >= 0)[:, None]
        liked = slots.row_likes[i].astype(np.int64) + slots.column_likes[j]
        liked = np.where(joint, liked, -1)
        best = liked.argmax(axis=1)
        found = liked[np.arange(len(i)), best]
        likes[part] = np.maximum(found, 0)
        chosen[part] = np.where(found >= 0, best, -1)
    return likes, chosen
