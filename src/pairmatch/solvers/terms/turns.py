"""Who stays out of a round trades places with whoever stayed out least often, seat for seat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.terms.schedules import count_meetings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pairmatch.solvers.groups.basis.values import GroupValues

__all__ = ["share_turns"]

_N_TRIED = 400  # seats that one person may try in one round


def share_turns(
    values: GroupValues,
    rounds: NDArray[np.int64],
    at_most: int,
    before: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return rounds with as many places in which people stay out more evenly.

    Parameters
    ----------
    values : GroupValues
        Values and rules of one round.
    rounds : ndarray of int64, shape (n_rounds, n)
        Rounds without a broken rule, -1 for people who are left out; not changed.
    at_most : int
        How often two people may meet.
    before : ndarray of int64, shape (n,)
        How often each person was left out before the term.

    Notes
    -----
    Every trade lowers the sum over people of squared turns, so that there are few of them.
    """
    rounds = rounds.copy()
    met = count_meetings(rounds)
    missed = before + (rounds < 0).sum(axis=0)
    waiting = [
        (int(at), int(person)) for at, person in np.argwhere(rounds < 0) if missed[person] > 1
    ]
    waiting.sort(key=lambda seat: (-missed[seat[1]], seat))
    for at, person in waiting:
        row = rounds[at]
        seated = np.flatnonzero((row >= 0) & (missed <= missed[person] - 2))
        order = seated[np.argsort(missed[seated], kind="stable")][:_N_TRIED]
        other = _find_seat(values, row, met, at_most, person, order, missed)
        if other < 0:
            continue
        rest = np.flatnonzero((row == row[other]) & (np.arange(row.size) != other))
        for who, change in ((other, -1), (person, 1)):
            met[who, rest] += change
            met[rest, who] += change
        row[person], row[other] = row[other], -1
        missed[person] -= 1
        missed[other] += 1
    _swap_whole_terms(values, rounds, before)
    return rounds


def _swap_whole_terms(
    values: GroupValues, rounds: NDArray[np.int64], before: NDArray[np.int64]
) -> None:
    """Let two people trade places in all rounds, in place, where turns before were uneven.

    Meetings stay as many as they were.
    """
    if (before == before[0]).all():
        return
    for person in np.argsort(-before, kind="stable").tolist():
        out = (rounds < 0).sum(axis=0)
        better = (before < before[person]) & (out < out[person])
        for other in np.argsort(before + out, kind="stable").tolist():
            if not better[other]:
                continue
            two = [person, other]
            rounds[:, two] = rounds[:, two[::-1]]
            if _all_legal(values, rounds, two):
                break
            rounds[:, two] = rounds[:, two[::-1]]


def _all_legal(values: GroupValues, rounds: NDArray[np.int64], people: list[int]) -> bool:
    """Return whether all groups that some people are in are legal."""
    return not any(
        values.n_forbidden(np.flatnonzero(row == row[person])[None, :])[0]
        for row in rounds
        for person in people
        if row[person] >= 0
    )


def _find_seat(
    values: GroupValues,
    row: NDArray[np.int64],
    met: NDArray[np.int64],
    at_most: int,
    person: int,
    order: NDArray[np.int64],
    missed: NDArray[np.int64],
) -> int:
    """Return whose seat a person can take, -1 if none: who stayed out least, then the best."""
    best: tuple[int, int] | None = None
    found = -1
    for other in order.tolist():
        if best is not None and missed[other] > best[0]:
            break
        rest = np.flatnonzero((row == row[other]) & (np.arange(row.size) != other))
        if (met[person, rest] >= at_most).any():
            continue
        group = np.append(rest, person)[None, :]
        if values.n_forbidden(group)[0]:
            continue
        rank = int(missed[other]), -int(values.of_groups(group)[0])
        if best is None or rank < best:
            best, found = rank, other
    return found
