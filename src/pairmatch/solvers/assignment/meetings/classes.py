"""Slots of one column that exclude each other, as classes of which it can use one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Slots

__all__ = ["SlotClasses", "find_classes", "window_sums"]


@dataclass(frozen=True, slots=True, eq=False)
class SlotClasses:
    """Classes of slots, for each column its own.

    Parameters
    ----------
    of : ndarray of int32, shape (n_columns, n_slots)
        Class of each slot that a column can take, ``0 .. n_classes - 1``; -1 for other slots.
        All slots of a class overlap each other.
    point : ndarray of int32, shape (n_columns, n_classes)
        The last slot of each class: when it begins, no slot of the class has ended.
    plain : ndarray of bool, shape (n_columns,)
        Whether slots of different classes never overlap, so that one of each class is all that
        has to be asked for.
    """

    of: NDArray[np.int32]
    point: NDArray[np.int32]
    plain: NDArray[np.bool_]

    @property
    def n_classes(self) -> int:
        """Largest number of classes of a column."""
        return int(self.point.shape[1])


def find_classes(slots: Slots) -> SlotClasses:
    """Return the classes of every column, from left to right.

    A class begins at the first slot that the last one leaves, and takes every slot that begins
    before the first one ends: a slot of a class and a slot of the next overlap or do not, but one
    meeting never needs two classes.

    Parameters
    ----------
    slots : Slots
        The slots.

    Returns
    -------
    SlotClasses
        O(n_columns * n_slots) time.
    """
    n_columns = len(slots.column)
    never = np.iinfo(np.int64).min // 2
    first = np.full(n_columns, never)  # when the present class began
    ended = np.full(n_columns, never)  # when the last slot of the class before ends
    last = np.full(n_columns, never)  # when the last slot of the present class begins
    label = np.full(n_columns, -1, np.int32)
    of = np.full((n_columns, slots.n_slots), -1, np.int32)
    plain = np.ones(n_columns, np.bool_)
    usable = slots.column & slots.row.any(axis=0)
    for number, start in enumerate(slots.start.tolist()):
        mine = usable[:, number]
        opens = mine & (start >= first + slots.minutes)
        ended[opens] = last[opens] + slots.minutes
        first[opens] = start
        label[opens] += 1
        plain &= ~mine | (start >= ended)
        last[mine] = start
        of[mine, number] = label[mine]
    n_classes = int(label.max(initial=-1)) + 1
    point = np.zeros((n_columns, max(1, n_classes)), np.int32)
    column, slot = np.nonzero(of >= 0)
    point[column, of[column, slot]] = slot  # in the order of the slots, so the last one stays
    return SlotClasses(of, point, plain)


def window_sums(slots: Slots, price: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what each slot costs each column, from prices of the minutes at which slots begin.

    Parameters
    ----------
    slots : Slots
        The slots.
    price : ndarray of int64, shape (n_columns, n_slots)
        Prices of minutes.
    """
    sums = np.zeros((len(price), slots.n_slots + 1), np.int64)
    np.cumsum(price, axis=1, out=sums[:, 1:])
    first = np.searchsorted(slots.start, slots.start, "left")
    after = np.searchsorted(slots.start, slots.start + slots.minutes, "left")
    cost: NDArray[np.int64] = sums[:, after] - sums[:, first]
    return cost
