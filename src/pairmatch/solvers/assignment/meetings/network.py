"""Pairs and slots drawn as a network.

::

    row --pair in a class of slots--> [class of a column] --> column --load--> sink
    row --idle-----------------------------------------------------------------> sink

Only columns that are asked for get nodes for their classes; pairs that take no slot, and all pairs
of other columns, lead to the column itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.layout import Layout
from pairmatch.solvers.assignment.held.network import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.assignment.held.remainder import Edges
    from pairmatch.solvers.assignment.meetings.classes import SlotClasses
    from pairmatch.solvers.problem import AssignmentProblem, Slots

__all__ = ["SlotArcs", "draw_slots", "list_classes"]

_AT_ONCE = 2**23


@dataclass(frozen=True, slots=True, eq=False)
class SlotArcs:
    """A network of pairs and classes of slots.

    Parameters
    ----------
    layout : Layout
        The network; its pair arcs are those below, its limits the classes of columns.
    pair : ndarray of int64, shape (n_arcs,)
        The edge behind each pair arc.
    label : ndarray of int64, shape (n_arcs,)
        The class of the column behind it; -1 where the arc leads to the column itself.
    """

    layout: Layout
    pair: NDArray[np.int64]
    label: NDArray[np.int64]


def list_classes(
    slots: Slots, classes: SlotClasses, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the classes in which pairs have a common slot: positions of pairs, and classes.

    Pairs that take no slot have none.
    """
    pairs, labels = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    step = max(1, _AT_ONCE // max(1, slots.n_slots))
    for begin in range(0, len(rows), step):
        i, j = rows[begin : begin + step], columns[begin : begin + step]
        joint = slots.row[i] & (classes.of[j] >= 0)
        joint &= ~(slots.open_row[i] | slots.open_column[j])[:, None]
        pair, slot = np.nonzero(joint)
        label = classes.of[j[pair], slot].astype(np.int64)
        once = np.ones(len(pair), np.bool_)  # classes come in the order of their slots
        once[1:] = (pair[1:] != pair[:-1]) | (label[1:] != label[:-1])
        pair, label = pair[once], label[once]
        pairs.append(pair + begin)
        labels.append(label)
    return np.concatenate(pairs), np.concatenate(labels)


def draw_slots(
    problem: AssignmentProblem, classes: SlotClasses, edges: Edges, expanded: NDArray[np.bool_]
) -> SlotArcs:
    """Return the network of some pairs, with nodes for the classes of some columns.

    Pinned rows may not stay idle; their only edges must be their pins.
    """
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    n_rows, n_columns = problem.n_rows, problem.n_columns
    asks = expanded[edges.column] & ~slots.open_row[edges.row] & ~slots.open_column[edges.column]
    direct, timed = np.flatnonzero(~asks), np.flatnonzero(asks)
    which, label = list_classes(slots, classes, edges.row[timed], edges.column[timed])
    pair = np.concatenate([direct, timed[which]])
    label = np.concatenate([np.full(len(direct), -1), label])
    order = np.lexsort((label, pair))
    pair, label = pair[order], label[order]
    sink = n_rows + n_columns
    head = n_rows + edges.column[pair]
    key = edges.column[pair] * classes.n_classes + label
    used, which = np.unique(key[label >= 0], return_inverse=True)
    node = sink + 1 + np.arange(len(used))
    head[label >= 0] = node[which]
    column, of = np.divmod(used, classes.n_classes)
    n_pairs, n_limits = len(pair), len(used)
    n_arcs = n_pairs + n_limits + n_columns + n_rows
    lower, upper = np.zeros(n_arcs, np.int64), np.ones(n_arcs, np.int64)
    loads = slice(n_pairs + n_limits, n_pairs + n_limits + n_columns)
    lower[loads], upper[loads] = problem.at_least, problem.capacity
    upper[loads.stop + problem.pins[:, 0]] = 0
    supply = np.zeros(sink + 1 + n_limits, np.int64)
    supply[:n_rows] = 1
    supply[sink] = -n_rows
    to_sink = np.full(n_columns + n_rows, sink)
    network = Network(
        supply=supply,
        tail=np.concatenate(
            [edges.row[pair], node, n_rows + np.arange(n_columns), np.arange(n_rows)]
        ),
        head=np.concatenate([head, n_rows + column, to_sink]),
        lower=lower,
        upper=upper,
    )
    limit_of = np.stack([np.zeros(n_limits, np.int64), column, of], axis=1)
    layout = Layout(network, n_pairs, n_limits, n_columns, n_rows, limit_of)
    return SlotArcs(layout, pair, label)
