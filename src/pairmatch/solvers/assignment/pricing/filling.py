"""Minimum loads in a plan that a search left behind: met by moving few rows, or proved too high."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pairmatch.solvers.assignment.held.conflict import LoadConflict
from pairmatch.solvers.assignment.held.watch import OutOfTime
from pairmatch.solvers.assignment.pricing.guesses import hand_out_blindly
from pairmatch.solvers.assignment.pricing.start import take_gains
from pairmatch.solvers.assignment.pricing.sweep import Stopped
from pairmatch.solvers.processors import hold_blas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pairmatch.solvers.problem import AssignmentProblem, Gains

__all__ = ["LoadsUnmetError", "meet_all_loads", "meet_loads"]

_AT_ONCE = 64  # columns looked at in one go
_SOME = 256  # columns and rows that are looked at apart from the others
_TURNS = 5  # turns in which columns look at some of the rows only
_TRIALS = 1000  # columns that are left out of a conflict by way of trial
_NEVER = np.iinfo(np.int64).min


class LoadsUnmetError(ArithmeticError):
    """No plan gives these columns their minimum loads.

    Parameters
    ----------
    columns, rows : ndarray of int64
        The columns, and all rows that any of them may have.
    missing : ndarray of int64, shape (n_columns,)
        Rows that each column of the pool still lacks at best.
    is_thin : bool
        Whether it is known that without any one of the columns the others get what they ask for.
    """

    def __init__(
        self,
        columns: NDArray[np.int64],
        rows: NDArray[np.int64],
        missing: NDArray[np.int64],
        *,
        is_thin: bool = False,
    ) -> None:
        self.columns, self.rows, self.missing, self.is_thin = columns, rows, missing, is_thin
        super().__init__(columns, rows, missing)


def meet_loads(
    gains: Gains,
    least: NDArray[np.int64],
    pairs: NDArray[np.int64],
    check: Callable[[], None] = lambda: None,
    *,
    is_final: bool = True,
    hurried: bool = False,
) -> NDArray[np.int64]:
    """Return a plan in which every column has its minimum load.

    Parameters
    ----------
    gains : Gains
        What each pair is worth.
    least : ndarray of int64, shape (n_columns,)
        Fewest rows of each column.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Pairs so far: each row once.
    check : callable, optional
        Called again and again; it may raise OutOfTime or Stopped.
    is_final : bool, default: True
        Whether a conflict is to be one of few columns.
    hurried : bool, default: False
        Whether any rows will do, whatever they gain.

    Returns
    -------
    ndarray of int64, shape (at least n_pairs, 2)

    Raises
    ------
    LoadsUnmetError
        If no plan meets the minimum loads, with few columns that cannot all have theirs.

    Notes
    -----
    First columns take the row that gains most by it, of some that sit nowhere or where somebody can
    be spared. What is missing then comes along shortest alternating paths from all such columns at
    once, layer by layer, each pair looked at no more than once a layering: J. E. Hopcroft, R. M.
    Karp, "An n^5/2 algorithm for maximum matchings in bipartite graphs", SIAM J. Comput. 2 (1973),
    225-231, https://doi.org/10.1137/0202019. Memory: O(n_rows + n_columns + blocks).
    """
    seats = _Seats(gains, least, pairs, check)
    try:
        if hurried:
            hand_out_blindly(gains, least, (seats.mate, seats.own, seats.load), check)
        seats.fill()
    except LoadsUnmetError as error:
        raise (seats.narrow(error) if is_final else error) from None
    rows = np.flatnonzero(seats.mate >= 0)
    return np.column_stack([rows, seats.mate[rows]])


def meet_all_loads(
    problem: AssignmentProblem,
    least: NDArray[np.int64],
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], Gains]],
    check: Callable[[], None],
    *,
    is_final: bool = True,
    hurried: bool = False,
) -> list[NDArray[np.int64]]:
    """Return pairs of each part of a pool that meet all minimum loads, and no others.

    Parameters
    ----------
    problem : AssignmentProblem
        The problem.
    least : ndarray of int64, shape (n_columns,)
        Rows that each column must get besides those pinned to it.
    parts : sequence of (ndarray, ndarray, Gains)
        Open rows, columns with places and gains of each part.
    check : callable
        Called again and again; it may raise.
    is_final : bool, default: True
        Whether a conflict is to be one of few columns.
    hurried : bool, default: False
        Whether any rows will do, whatever they gain.

    Raises
    ------
    LoadConflict
        If the minimum loads cannot all be met.
    """
    served = np.zeros(problem.n_columns, np.bool_)
    conflicts: list[LoadConflict] = []
    missing, seated = least.copy(), []

    def name(columns: NDArray[np.int64], rows: NDArray[np.int64], *, is_thin: bool) -> LoadConflict:
        pinned = problem.pins[np.isin(problem.pins[:, 1], columns), 0]
        reachable = problem.at_least.copy()
        rows = np.union1d(rows, pinned)
        return LoadConflict(columns, rows, reachable, len(columns) == 1, is_thin=is_thin)

    for rows, columns, gains in parts:
        served[columns] = True
        missing[columns] = 0
        try:
            with hold_blas():
                nobody = np.empty((0, 2), np.int64)
                some = meet_loads(
                    gains, least[columns], nobody, check, is_final=is_final, hurried=hurried
                )
                seated.append(some)
        except LoadsUnmetError as error:
            missing[columns] = error.missing
            some = np.sort(columns[error.columns])
            conflicts.append(name(some, rows[error.rows], is_thin=error.is_thin))
    # A column that no open row shares a key with is in conflict alone.
    alone = np.flatnonzero(~served & (least > 0))[:1]
    if len(alone):
        conflicts.append(name(alone, alone[:0], is_thin=True))
    if conflicts:
        found = min(conflicts, key=lambda conflict: len(conflict.columns))
        found.reachable -= missing
        raise found
    return seated


class _Seats:
    """Who sits where."""

    def __init__(
        self,
        gains: Gains,
        least: NDArray[np.int64],
        pairs: NDArray[np.int64],
        check: Callable[[], None],
    ) -> None:
        self.gains, self.least, self.check = gains, least, check
        n, m = gains.shape
        self.mate, self.own = np.full(n, -1), np.zeros(n, np.int64)
        self.mate[pairs[:, 0]] = pairs[:, 1]
        self.own[pairs[:, 0]] = gains.pairs(pairs[:, 0], pairs[:, 1])[0]
        self.load = np.bincount(pairs[:, 1], minlength=m)
        self.n_vain = np.zeros(m, np.int64)  # looks of each column that found nobody

    def fill(self) -> None:
        """Meet all minimum loads."""
        for turn in range(_TURNS):
            if not self.hand_out(turn):
                break
        while self.lengthen():
            pass

    def list_spared(self) -> NDArray[np.int64]:
        """Return the rows that sit nowhere, or with a column that has more than its minimum."""
        return np.flatnonzero((self.mate < 0) | (self.load > self.least)[self.mate])

    def can_go(self, row: int) -> bool:
        """Say whether a row can be spared as things are now."""
        seat = self.mate[row]
        return bool(seat < 0 or self.load[seat] > self.least[seat])

    def move(self, row: int, column: int, gain: int) -> None:
        """Seat a row with another column."""
        if self.mate[row] >= 0:
            self.load[self.mate[row]] -= 1
        self.mate[row], self.own[row] = column, gain
        self.load[column] += 1

    def hand_out(self, turn: int) -> bool:
        """Let columns below their minimum look at some rows each; return whether that helped."""
        short, spared = np.flatnonzero(self.load < self.least), self.list_spared()
        if not len(short) or not len(spared):
            return False
        spared = np.roll(spared, turn * len(spared) // _TURNS)
        n_blocks = -(-len(short) // _SOME)
        helped = False
        for k in range(n_blocks):
            self.check()
            columns = short[k * _SOME : (k + 1) * _SOME]
            left = k * len(spared) // n_blocks
            rows = spared[left : left + 2 * _SOME]
            gain, allowed = take_gains(self.gains, rows, columns).block(
                slice(0, len(rows)), slice(0, len(columns))
            )
            value = np.where(allowed, gain - self.own[rows][:, None], _NEVER).T.copy()
            for at, column in enumerate(columns.tolist()):
                while self.load[column] < self.least[column]:
                    best = int(value[at].argmax())
                    if value[at, best] == _NEVER:
                        break
                    value[:, best] = _NEVER
                    if self.can_go(int(rows[best])):
                        self.move(int(rows[best]), column, int(gain[best, at]))
                        helped = True
        return helped

    def lengthen(self) -> bool:
        """Bring rows to columns below their minimum along shortest paths; return False if all are.

        Raises LoadsUnmetError where nothing leads there.
        """
        n, m = self.gains.shape
        short = np.flatnonzero(self.load < self.least)
        if not len(short):
            return False
        self.wanted_by = np.full(n, -1)  # the column that a row would move to
        self.passed_on = np.full(m, -1)  # the row that a column would lose
        self.worth = np.zeros(n, np.int64)  # gain of a row with the column that wants it
        is_reached = np.zeros(m, np.bool_)
        is_reached[short] = True
        is_spared = np.zeros(n, np.bool_)
        is_spared[self.list_spared()] = True
        frontier = short[np.argsort(self.n_vain[short], kind="stable")]
        while len(frontier):
            for start in range(0, len(frontier), _AT_ONCE):
                columns = frontier[start : start + _AT_ONCE]
                rows = self.look(columns)
                ends = rows[is_spared[rows]]
                if len(ends):
                    best = np.argsort(self.own[ends] - self.worth[ends], kind="stable")
                    self.follow(ends[best])
                    return True
                self.n_vain[columns] += 1
            rows = np.flatnonzero((self.wanted_by >= 0) & (self.mate >= 0))
            rows = rows[~is_reached[self.mate[rows]]]
            frontier, first = np.unique(self.mate[rows], return_index=True)
            self.passed_on[frontier] = rows[first]
            is_reached[frontier] = True
        missing = np.maximum(self.least - self.load, 0)
        raise LoadsUnmetError(
            np.flatnonzero(is_reached), np.flatnonzero(self.wanted_by >= 0), missing
        )

    def narrow(self, error: LoadsUnmetError) -> LoadsUnmetError:
        """Return the conflict with fewer columns, of these seats, which it changes.

        Columns that have too little are taken back in as long as all get what they ask for. The
        first that does not, with those that could pass a row on to it, is in conflict; where it
        lacks one row, none of them could be spared.
        """
        missing = error.missing
        asked, waiting = self.least, np.flatnonzero(self.load < self.least)
        waiting = waiting[np.argsort(asked[waiting], kind="stable")]
        try:
            self.least = asked.copy()
            self.drop(waiting)
            n_more = len(waiting)
            while True:
                some, before = waiting[:n_more], self.save()
                self.least[some] = asked[some]
                try:
                    self.fill()
                except LoadsUnmetError as found:
                    error = found
                    if n_more == 1:
                        break
                    self.restore(before)
                    n_more = -(-n_more // 2)
                else:
                    waiting = waiting[n_more:]
                    n_more = min(n_more, len(waiting))
            error, is_thin = self.thin_out(error, int(waiting[0]))
        except (OutOfTime, Stopped):
            is_thin = False
        return LoadsUnmetError(error.columns, error.rows, missing, is_thin=is_thin)

    def thin_out(self, error: LoadsUnmetError, last: int) -> tuple[LoadsUnmetError, bool]:
        """Leave out columns without which the last still lacks rows; say whether all are known."""
        needed = {last}
        for _ in range(_TRIALS):
            lacks = int(self.least[last] - self.load[last])
            columns = error.columns
            if lacks == 1:
                return error, True
            # Columns that could hand over all that is lacking are needed.
            rows = np.flatnonzero(np.isin(self.mate, columns))
            allowed = self.gains.pairs(rows, np.full(len(rows), last))[1]
            direct = np.bincount(self.mate[rows[allowed]], minlength=len(self.load))
            unknown = columns[direct[columns] < lacks]
            unknown = unknown[~np.isin(unknown, sorted(needed))]
            if not len(unknown):
                return error, True
            before, some = self.save(), unknown[:1]
            self.drop(some)
            try:
                self.fill()
            except LoadsUnmetError as found:
                error = found
            else:
                needed.add(int(some[0]))
                self.restore(before)
        return error, False

    def drop(self, columns: NDArray[np.int64]) -> None:
        """Let columns ask for nobody, and their rows go."""
        self.least[columns] = 0
        self.mate[np.isin(self.mate, columns)] = -1
        self.load[columns] = 0

    def save(self) -> tuple[NDArray[np.int64], ...]:
        """Return what :meth:`restore` needs."""
        return self.least.copy(), self.mate.copy(), self.own.copy(), self.load.copy()

    def restore(self, state: tuple[NDArray[np.int64], ...]) -> None:
        """Seat everybody as they were."""
        self.least, self.mate, self.own, self.load = state

    def look(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows that only these columns can have by now, and note which wants which."""
        self.check()
        rows = np.flatnonzero(self.wanted_by < 0)
        part = take_gains(self.gains, rows, columns)
        gain, allowed = part.block(slice(0, len(rows)), slice(0, len(columns)))
        some = np.flatnonzero(allowed.any(axis=1))
        # A different column first for each row, so that paths part.
        turn = (np.arange(len(columns)) - rows[some, None]) % len(columns)
        best = np.where(allowed[some], turn, len(columns)).argmin(axis=1)
        self.wanted_by[rows[some]] = columns[best]
        self.worth[rows[some]] = gain[some, best]
        return rows[some]

    def follow(self, ends: NDArray[np.int64]) -> None:
        """Move rows along paths that share no row, as far as columns still want them."""
        used = np.zeros(len(self.mate), np.bool_)
        for end in ends.tolist():
            if not self.can_go(end):
                continue
            path = [end]
            while (row := int(self.passed_on[self.wanted_by[path[-1]]])) >= 0:
                path.append(row)
            source = int(self.wanted_by[path[-1]])
            if used[path].any() or self.load[source] >= self.least[source]:
                continue
            used[path] = True
            for row in path:
                self.move(row, int(self.wanted_by[row]), int(self.worth[row]))
