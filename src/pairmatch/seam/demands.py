"""How many mentors each mentee should have, as integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Demand
from pairmatch.errors import CapabilityError, Fault, ProgramError
from pairmatch.seam.amounts import read_amounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program
    from pairmatch.scoring.own import Labels

__all__ = ["check_demand", "check_tables", "demand_of"]

_MOST_WITH_MINUTES = 2**18  # pairs


def demand_of(
    coached: Profiles | Labels, n_mentors: int, constraints: Sequence[Any]
) -> NDArray[np.int64]:
    """Return how many mentors each mentee should have; the least of several ``Demand``.

    Parameters
    ----------
    coached : Profiles or Labels
        The mentees.
    n_mentors : int
        Number of mentors: nobody can have more.
    constraints : sequence
        Constraints of every kind; only ``Demand`` are read.

    Raises
    ------
    ProgramError
        If a ``Demand`` names a column or people that are not there, or a cell is no whole number
        above 0; everything that is wrong at once.
    """
    wanted = [rule for rule in constraints if isinstance(rule, Demand)]
    demand = np.full(len(coached), 2**31 if wanted else 1, np.int64)
    out_of_range = "no number of mentors", "Give a whole number >= 1, or leave the cell blank."
    faults: list[Fault] = []
    for rule in wanted:
        amounts, wrong = read_amounts(
            coached, "mentee", rule, rule.each, blank=rule.default, least=1, wrong=out_of_range
        )
        demand = np.minimum(demand, amounts)
        faults += wrong
    if faults:
        raise ProgramError("a demand cannot be used", faults)
    return np.minimum(demand, max(1, n_mentors))


def check_tables(coached: Profiles, coach: Profiles, program: Program, most: int) -> None:
    """Raise what :func:`check_demand` would raise, before anything is scored.

    Parameters
    ----------
    coached, coach : Profiles
        The two tables.
    program : Program
        Constraints and objective.
    most : int
        Pairs up to which they are all held at once.
    """
    rules = program.constraints
    if not any(isinstance(rule, Demand) for rule in rules):
        return
    demand = demand_of(coached, len(coach), rules)
    fair = program.objective in ("worst_off", "leximin")
    fair |= any(type(rule).__name__ in ("Tiers", "CarryOver") for rule in rules)
    check_demand(len(coached) * len(coach), demand, rules, fair=fair, given=False, most=most)


def check_demand(
    n_pairs: int,
    demand: NDArray[np.int64],
    constraints: Sequence[Any],
    *,
    fair: bool,
    given: bool,
    most: int,
) -> None:
    """Raise unless what else is asked for goes together with several mentors for one mentee.

    Parameters
    ----------
    n_pairs : int
        Pairs of the two tables.
    demand : ndarray of int64, shape (n_mentees,)
        Mentors that each mentee should have.
    constraints : sequence
        All constraints.
    fair : bool
        Whether a fair objective or tiers are asked for.
    given : bool
        Whether the scores are the user's own.
    most : int
        Pairs up to which they are all held at once.

    Raises
    ------
    CapabilityError
        If it does not.
    """
    if demand.max(initial=1) <= 1:
        return
    if fair:
        raise CapabilityError(
            "several mentors for one mentee go with objective 'coverage' or 'total' without tiers; "
            "use one of these, or drop Demand"
        )
    timed = any(type(rule).__name__ == "Meetings" for rule in constraints)
    _check_minutes(n_pairs, constraints, timed=timed)
    if n_pairs > most and given:
        raise CapabilityError(
            "several mentors for one mentee by given scores are found among all pairs at once, at "
            f"most {most:,} of them, and here are {n_pairs:,}; drop Demand, or match schools or "
            "regions one by one with match_many()"
        )
    loads = [rule for rule in constraints if type(rule).__name__ == "Load"]
    if n_pairs > most and timed and any(rule.at_least != 0 for rule in loads):
        raise CapabilityError(
            "several mentors for one mentee with Meetings and minimum loads are found among all "
            f"pairs at once, at most {most:,} of them, and here are {n_pairs:,}; drop at_least "
            "from Load, drop Meetings or Demand, or match schools or regions one by one with "
            "match_many()"
        )


def _check_minutes(n_pairs: int, constraints: Sequence[Any], *, timed: bool) -> None:
    """Raise unless ``Minutes`` go together with several mentors for one mentee here."""
    if not any(type(rule).__name__ == "Minutes" for rule in constraints):
        return
    if timed:
        raise CapabilityError(
            "several mentors for one mentee, Minutes and Meetings cannot all be honoured together; "
            "give the mentors places with Load instead of Minutes, or drop Demand or Meetings"
        )
    if n_pairs > _MOST_WITH_MINUTES:
        raise CapabilityError(
            "several mentors for one mentee within Minutes are found among at most "
            f"{_MOST_WITH_MINUTES:,} pairs, and here are {n_pairs:,}; give the mentors places with "
            "Load instead of Minutes, drop Demand, or match schools or regions one by one with "
            "match_many()"
        )
