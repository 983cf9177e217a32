"""The same times as before for pairs that stay, where the others leave room for that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.meetings.conflicts import assign_slots
from pairmatch.solvers.problem import AssignmentProblem, MatrixGains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.problem import Slots

__all__ = ["keep_slots", "restore_slots"]


def restore_slots(
    problem: AssignmentProblem, pairs: NDArray[np.int64], before: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return slots of pairs that met before, at the same times as far as they still can.

    Parameters
    ----------
    problem, pairs, before
        As for :func:`keep_slots`.

    Returns
    -------
    ndarray of int64, shape (n_pairs, per_week)
        -1 for pairs that have no time in common any more, and for all who share calendars where
        not all of them can meet.
    """
    if len(np.unique(pairs[:, 0])) < len(pairs):
        problem, pairs = _split_rows(problem, pairs)
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    rows, columns = pairs.T
    taken = np.full((len(pairs), slots.per_week), -1)
    n_common = np.count_nonzero(slots.row[rows] & slots.column[columns], axis=1)
    can = (n_common >= slots.per_week) | slots.open_row[rows] | slots.open_column[columns]
    found = assign_slots(problem, pairs[can])
    if found is not None:
        taken[can] = found
    else:
        part_of = _share_calendars(slots.twin, len(slots.column), pairs)
        for part in np.unique(part_of[can]).tolist():
            own = np.flatnonzero(can & (part_of == part))
            found = assign_slots(problem, pairs[own])
            can[own] = found is not None
            if found is not None:
                taken[own] = found
    taken[can] = keep_slots(problem, pairs[can], taken[can], before[can])
    return taken


def keep_slots(
    problem: AssignmentProblem,
    pairs: NDArray[np.int64],
    slots: NDArray[np.int64],
    before: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return slots of the same pairs that begin when they did before as often as possible.

    Parameters
    ----------
    problem : AssignmentProblem
        A problem with slots.
    pairs : ndarray of int64, shape (n_pairs, 2)
        The pairs.
    slots : ndarray of int64, shape (n_pairs, per_week)
        Slots that they could have.
    before : ndarray of int64, shape (n_pairs, per_week)
        At which minutes the meetings of a pair that stays began; -1 for none.

    Returns
    -------
    ndarray of int64, shape (n_pairs, per_week)

    Notes
    -----
    One small integer program for all who share calendars with a pair that has another time now,
    where they cannot simply all meet when they did.
    Which time is preferred counts only for pairs that are new.
    """
    if len(np.unique(pairs[:, 0])) < len(pairs):
        problem, pairs = _split_rows(problem, pairs)
    given = problem.slots
    assert given is not None  # noqa: S101 - whoever calls has looked
    slots = slots.copy()
    likes = given.row_likes.copy()
    stays = (before >= 0).any(axis=1)
    wished = (given.start[None, None, :] == before[stays][:, :, None]).any(axis=1)
    likes[pairs[stays, 0]] = wished
    wanted = replace(
        problem,
        slots=replace(given, row_likes=likes, column_likes=np.zeros_like(given.column_likes)),
    )

    def read_starts(taken: NDArray[np.int64], none: int) -> NDArray[np.int64]:
        starts = np.full(taken.shape, none, np.int64)
        starts[taken >= 0] = given.start[taken[taken >= 0]]  # of no slots at all, too
        return starts

    def count(some: NDArray[np.int64], taken: NDArray[np.int64]) -> int:
        starts = read_starts(taken, -2)
        return int((starts[:, :, None] == before[some][:, None, :]).any(axis=2).sum())

    part_of = _share_calendars(given.twin, len(given.column), pairs)
    # A slot at another minute than before is a reason to look again at all calendars it touches.
    starts = np.sort(read_starts(slots, -1), axis=1)
    moved = stays & (starts != np.sort(before, axis=1)).any(axis=1)
    for part in np.unique(part_of[moved]).tolist():
        own = np.flatnonzero(part_of == part)
        same = _take_same(given, pairs[own], before[own])
        found = assign_slots(wanted, pairs[own]) if same is None else same
        if found is not None and count(own, found) > count(own, slots[own]):
            slots[own] = found
    return slots


def _take_same(
    slots: Slots, pairs: NDArray[np.int64], before: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return the slots at which all of some pairs met before; None if not all can."""
    if not slots.n_slots or (before < 0).any():
        return None
    rows, columns = pairs.T
    free = slots.row[rows] & slots.column[columns]
    at = slots.start[None, None, :] == before[:, :, None]
    fits = at & free[:, None, :]
    if not fits.any(axis=2).all():
        return None
    taken = np.sort(fits.argmax(axis=2), axis=1)
    met: dict[int, list[int]] = {}
    for (i, j), own in zip(pairs.tolist(), taken.tolist(), strict=True):
        for slot in own:
            for person in {j, int(slots.twin[i])} - {-1}:
                others = met.setdefault(person, [])
                if any(slots.clash(slot, other) for other in others):
                    return None
                others.append(slot)
    return taken


def _split_rows(
    problem: AssignmentProblem, pairs: NDArray[np.int64]
) -> tuple[AssignmentProblem, NDArray[np.int64]]:
    """Return the same pairs with a row each; those of one row have one calendar, as one person.

    That person is a column more, which nobody can have.
    """
    slots = problem.slots
    assert slots is not None  # noqa: S101 - whoever calls has looked
    rows, n_columns = pairs[:, 0], problem.n_columns
    twin = slots.twin[rows]
    none = np.zeros(problem.n_rows, np.bool_)
    single = replace(
        slots,
        row=slots.row[rows],
        open_row=slots.open_row[rows],
        row_likes=slots.row_likes[rows],
        twin=np.where(twin >= 0, twin, n_columns + rows),
        column=np.concatenate([slots.column, slots.row]),
        open_column=np.concatenate([slots.open_column, none]),
        column_likes=np.concatenate([slots.column_likes, np.zeros_like(slots.row_likes)]),
    )
    shape = len(pairs), n_columns + problem.n_rows
    gains = MatrixGains(np.broadcast_to(np.int64(0), shape), np.broadcast_to(np.True_, shape))
    places = np.concatenate([problem.capacity, np.zeros(problem.n_rows, np.int64)])
    nobody = np.empty((0, 2), np.int64)
    split = AssignmentProblem(gains, places, np.zeros_like(places), pins=nobody, slots=single)
    return split, np.stack([np.arange(len(pairs)), pairs[:, 1]], axis=1)


def _share_calendars(
    twin: NDArray[np.int64], n_columns: int, pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for each pair a number that is the same for all who are linked by calendars."""
    part = np.arange(n_columns)
    linked = pairs[twin[pairs[:, 0]] >= 0]
    while True:
        before = part.copy()
        least = np.minimum(part[linked[:, 1]], part[twin[linked[:, 0]]])
        np.minimum.at(part, linked[:, 1], least)
        np.minimum.at(part, twin[linked[:, 0]], least)
        if (part == before).all():
            label: NDArray[np.int64] = part[pairs[:, 1]]
            return label
