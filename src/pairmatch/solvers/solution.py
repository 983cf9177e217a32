"""What a solver answers, and what its proof says: integers and indices."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from pairmatch.solvers.near_pairs import NearPairs

__all__ = [
    "PLACE",
    "AssignmentSolution",
    "Certificate",
    "CompanyPrices",
    "GroupPrices",
    "GroupingSolution",
    "Prices",
    "Status",
    "TermPrices",
    "end_if_stopped",
]


PLACE = 10**6
"""Unit of the prices of places: a person."""


class Status(Enum):
    """How a solve ended.

    Examples
    --------
    >>> import pairmatch as pm
    >>> pm.match_scores([[9, 8], [7, 1]]).status
    <Status.OPTIMAL: 'optimal'>
    """

    OPTIMAL = "optimal"  # the bound is proved and equals the objective
    FEASIBLE = "feasible"  # every rule holds; the bound is above the objective, or missing
    TIME_LIMIT = "time_limit"  # stopped by the clock: valid plan, true gap
    INTERRUPTED = "interrupted"  # stopped by Ctrl-C: valid plan, true gap


class _Ended(Protocol):
    @property
    def status(self) -> Status: ...


_Answer = TypeVar("_Answer", bound=_Ended)


def end_if_stopped(found: _Answer) -> _Answer:
    """Return a solution, or a plan, that more is built on.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C has cut it short. By itself the best so far is an answer; as one of many steps it
        would be taken for the best, and the next would begin as if nobody had asked to stop.
    """
    if found.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Dual prices, from which anyone can compute an upper bound.

    Parameters
    ----------
    column : ndarray of int64, shape (n_columns,)
        Price of a place with each column; negative only where ``at_least > 0``.
    quota : tuple of ndarray of int64, shapes (n_columns, n_classes)
        Price of a place within each quota, >= 0.
    bonus : int
        What every pair was given on top of its gain, so that coverage comes first; 0 for "total".
    coverage : Prices or None
        Prices of the same problem with every allowed pair worth 1 and no bonus: they bound how
        many rows anyone can match (a vertex cover of the allowed pairs, where there are no
        quotas and minimum loads).
    budget : tuple of ndarray of int64, shape (n_columns,)
        Price of each unit of each budget, >= 0; none where budgets cost nothing.
    row : ndarray of int64, shape (n_rows,), or None
        Price of a row, >= 0. With these, the first budget is kept exactly: each column is worth
        what the best rows that fit into it leave over their prices, and a place and a row cost
        what they cost.
    scale : int
        All prices but the bonus are in this fraction of a gain, >= 1.
    first : int
        What the first pair of every row was given on top, where rows may have several.
    time : ndarray of int64, shape (n_columns, n_slots), or None
        Price of the minute at which a slot begins, in the time of a column, >= 0. A pair pays for
        every such minute that its slots cover.
    tier : tuple of int
        What a pair of each tier was given on top of its gain, where tiers are streamed.
    cells : ndarray of int64, shape (n_cells, 3), or None
        Quota, column and class of places within quotas that have a price, where few of them do.
    cell : ndarray of int64, shape (n_cells,), or None
        Price of a place in each of these.
    """

    column: NDArray[np.int64]
    quota: tuple[NDArray[np.int64], ...] = ()
    bonus: int = 0
    coverage: Prices | None = None
    budget: tuple[NDArray[np.int64], ...] = ()
    row: NDArray[np.int64] | None = None
    scale: int = 1
    first: int = 0
    time: NDArray[np.int64] | None = None
    tier: tuple[int, ...] = ()
    cells: NDArray[np.int64] | None = None
    cell: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AssignmentSolution:
    """Pairs, and the prices that prove them best.

    Parameters
    ----------
    pairs : ndarray of int64, shape (n_pairs, 2)
        The pairs (row, column), sorted.
    prices : Prices or None
        Dual prices if the solver has any.
    status : Status
        How the solve ended.
    solver : str
        Which method was used, in a few words.
    steps : tuple of Prices
        Prices that prove the objectives that come before the total, where there are more than
        coverage: in the order of :func:`~pairmatch.solvers.certify.fair.certify_plan`. They
        belong to the answers that are as good in all steps before, so any sign is possible.
    price : int or None
        What was asked for beyond coverage costs this much of the total; None if it was nothing.
    slots : ndarray of int64, shape (n_pairs, per_week), or None
        Slots of each pair, ascending; -1 for pairs that take none. None where time is not asked
        for.
    near : NearPairs or None
        What the solver knows of pairs that are nearly as good, from which others may go on; no
        proof rests on it.
    """

    pairs: NDArray[np.int64]
    prices: Prices | None
    status: Status
    solver: str
    steps: tuple[Prices, ...] = ()
    price: int | None = None
    slots: NDArray[np.int64] | None = None
    near: NearPairs | None = None


def _no_pairs() -> NDArray[np.int64]:
    return np.empty((0, 2), np.int64)


def _no_numbers() -> NDArray[np.int64]:
    """Return no numbers."""
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class GroupPrices:
    """Dual prices of one case, from which anyone can compute an upper bound on groupings.

    A case is the groupings that keep the pairs ``together`` and the pairs ``apart``. In each of
    them every group G is worth at most the prices of its members plus, for each set S of people
    with divisor d and price p, ``p * (|G & S| // d)``; and disjoint groups together cannot have
    more than ``|S| // d`` of these.

    Parameters
    ----------
    person : ndarray of int64, shape (n,)
        Prices of people, in scaled gains times ``unit``; any sign.
    unit : int
        Factor of all prices, so that fractions of a gain can be written.
    sets : ndarray of bool, shape (n_sets, n)
        Sets of people.
    divisor : ndarray of int64, shape (n_sets,)
        Divisors, >= 1.
    set_price : ndarray of int64, shape (n_sets,)
        Prices of the sets, >= 0.
    together, apart : ndarray of int64, shape (n_pairs, 2)
        The decisions that make the case; none of them if it is the only one.
    """

    person: NDArray[np.int64]
    unit: int
    sets: NDArray[np.bool_]
    divisor: NDArray[np.int64]
    set_price: NDArray[np.int64]
    together: NDArray[np.int64] = field(default_factory=_no_pairs)
    apart: NDArray[np.int64] = field(default_factory=_no_pairs)


@dataclass(frozen=True, slots=True, eq=False)
class CompanyPrices:
    """Dual prices of groups after changes, from which anyone can compute an upper bound on them.

    Parameters
    ----------
    person : ndarray of int64, shape (n,)
        Prices of people, in scaled gains times ``unit``; any sign.
    charge : int
        What is paid for each person who keeps the old group, >= 0, in the same unit.
    unit : int, default: 1
        Factor of all prices, so that fractions of a gain can be written.
    shared : bool, default: False
        Whether prices share what each pair gives between its two people, in gains, with the charge
        in scaled gains; for pools in which not all groups can be looked at.
    sets : ndarray of bool, shape (n_sets, n)
        Sets of people; a group pays for those that it has members of, as in :class:`GroupPrices`.
    divisor : ndarray of int64, shape (n_sets,)
        Divisors, >= 1.
    set_price : ndarray of int64, shape (n_sets,)
        Prices of the sets, >= 0, in the same unit as those of people.
    """

    person: NDArray[np.int64]
    charge: int
    unit: int = 1
    shared: bool = False
    sets: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), np.bool_))
    divisor: NDArray[np.int64] = field(default_factory=_no_numbers)
    set_price: NDArray[np.int64] = field(default_factory=_no_numbers)


@dataclass(frozen=True, slots=True, eq=False)
class TermPrices:
    """Dual prices of several rounds, from which anyone can compute an upper bound on them.

    A group pays for its members and for each pair that it brings together.

    Parameters
    ----------
    person : ndarray of int64, shape (n,)
        Price of a person in one round, in scaled gains times ``unit``; any sign.
    pair : ndarray of int64, shape (n, n), symmetric
        Price of one meeting of two people, >= 0.
    unit : int
        Factor of all prices, so that fractions of a gain can be written.
    """

    person: NDArray[np.int64]
    pair: NDArray[np.int64]
    unit: int


@dataclass(frozen=True, slots=True, eq=False)
class GroupingSolution:
    """Groups, and an upper bound on what any grouping can reach.

    Parameters
    ----------
    group_of : ndarray of int64, shape (n,)
        Group of each person, ``0 .. n_groups - 1``; -1 for a person left out.
    bound : int or None
        Upper bound on the scaled objective of every grouping into groups of these sizes.
    scale : int
        Objective and bound are in gains times this integer, so that all means stay integers.
    bound_method : str
        How the bound was obtained, in a few words.
    prices : ndarray of int64, shape (n,), or None
        Prices of people behind the bound, in scaled gains.
    status : Status
        How the solve ended.
    solver : str
        Which method was used, in a few words.
    cases : tuple of GroupPrices
        Prices for cases that together cover every grouping, where the bound rests on more than
        ``prices``; the bound is the largest one of a case.
    places : ndarray of int64, shape (n,), or None
        Prices >= 0 of the places of people, in millionths of a person: those of the members of a
        group add up to its size at least, so that all of them bound how many can be placed.
    lowest_bound : Fraction or None
        Under "worst_group": no grouping of these sizes has a higher lowest mean, in gains.
    floor_prices : GroupPrices or None
        Behind ``lowest_bound``, prices of places in millionths of a person: those of every group
        with a higher mean add up to its size at least, and all of them to fewer people than are
        placed. None where the bound of the total says as much, or parts or a search do.
    floor_parts : ndarray of int64, shape (n,), or None
        Behind ``lowest_bound``, parts of the pool: triads with a higher mean that cross parts
        cannot be chosen so that a multiple of three of each is left.
    price : int or None
        Under "worst_group": what the lowest group costs of the scaled total; else None.
    """

    group_of: NDArray[np.int64]
    bound: int | None
    scale: int
    bound_method: str
    status: Status
    solver: str
    prices: NDArray[np.int64] | None = field(default=None)
    cases: tuple[GroupPrices, ...] = field(default=())
    places: NDArray[np.int64] | None = None
    lowest_bound: Fraction | None = None
    floor_prices: GroupPrices | None = None
    floor_parts: NDArray[np.int64] | None = None
    price: int | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an independent check found, in exact integers.

    Parameters
    ----------
    objective : int
        Sum of gains of the answer (times ``scale``).
    bound : int or None
        Upper bound on the objective of every answer that matches as many; None if not proved.
    matched : int
        Number of people matched or placed.
    matched_bound : int or None
        Upper bound on how many anyone can match; None if not proved.
    scale : int, default: 1
        Factor in ``objective`` and ``bound``.
    seats : int or None, default: None
        Number of pairs, where people may be in several of them.
    seats_bound : int or None, default: None
        Upper bound on the number of pairs of every answer that matches as many people.
    cost : int or None, default: None
        What the pairs cost together, where they cost anything.
    cost_bound : int or None, default: None
        Lower bound on what every answer costs that is as good otherwise.
    lowest : Fraction or None, default: None
        Under "worst_group" the lowest mean of a group, in gains; ``bound`` then holds for every
        answer in which no group is below it.
    lowest_bound : Fraction or None, default: None
        Upper bound on the lowest mean of every answer with groups of the same sizes.
    levels : int or None, default: None
        Under "leximin", where the proof does not reach all gains: how many of the lowest different
        gains of pairs that are not pinned are proved. Of all answers that match as many, none that
        is as good below has fewer pairs on any of these levels. 0: only that none has a higher
        lowest gain.

    Examples
    --------
    >>> import pairmatch as pm
    >>> certificate = pm.match_scores([[9, 8], [7, 1]]).certificate
    >>> certificate.objective, certificate.bound, certificate.gap, certificate.proved
    (15, 15, 0.0, True)
    """

    objective: int
    bound: int | None
    matched: int
    matched_bound: int | None
    scale: int = 1
    seats: int | None = None
    seats_bound: int | None = None
    cost: int | None = None
    cost_bound: int | None = None
    lowest: Fraction | None = None
    lowest_bound: Fraction | None = None
    levels: int | None = None

    @property
    def gap(self) -> float | None:
        """(bound - objective) / |bound|; exactly 0.0 if and only if proved; None without a bound.

        None as well where only the number of people matched, or the cost, is not proved. Under
        "worst_group" the larger one of this and the same for the lowest group.

        Examples
        --------
        >>> Certificate(objective=90, bound=100, matched=3, matched_bound=3).gap
        0.1
        >>> Certificate(objective=0, bound=0, matched=0, matched_bound=0).gap
        0.0
        """
        if self.bound is None:
            return None
        gap = (self.bound - self.objective) / max(1, abs(self.bound))
        if self.lowest is not None and self.lowest_bound is not None:
            short = self.lowest_bound - self.lowest
            gap = max(gap, float(short / (abs(self.lowest_bound) or 1)))
        return gap if gap > 0 or self.proved else None

    @property
    def proved(self) -> bool:
        """Whether no answer can be better."""
        return (
            self.bound == self.objective
            and self.matched_bound in (None, self.matched)
            and self.seats_bound in (None, self.seats)
            and self.cost_bound in (None, self.cost)
            and self.lowest_bound == self.lowest
        )
