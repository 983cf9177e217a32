"""Several cycles ahead: a new mentor every time, for as long as that is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pairmatch.constraints import Forbid, Load, NotAgain
from pairmatch.errors import CapabilityError, ProgramError
from pairmatch.inputs import check_arguments, read_tables
from pairmatch.scoring import History
from pairmatch.seam import MOST_HELD, loads_of
from pairmatch.solvers.changes.lasting import count_lasting, find_lasting
from pairmatch.solvers.solution import end_if_stopped
from pairmatch.typed import is_count
from pairmatch.verbs import match, score

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from pairmatch.options import Options
    from pairmatch.plans import Matching
    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program

    Table = Profiles | pd.DataFrame | str | PathLike[str]

__all__ = ["Cycles", "match_cycles"]

_PLAIN = ("Forbid", "Require", "MinScore", "EvaluatorPairs", "Vetoes", "NotAgain")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Cycles:
    """Plans for several cycles in which no pair comes again.

    Parameters
    ----------
    plans : tuple of Matching
        One a cycle.
    history : History
        What there was before, and the plans.
    possible : int
        For how many of the cycles everybody can have a new mentor, proved by a maximum flow.
    exact : bool
        Whether ``possible`` is exact. Rules beyond places and single pairs (quotas, minutes,
        minimum loads, pins, tiers) can only make it smaller; with these it is an upper bound.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> mentees = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": ["art", "music"]})
    >>> mentors = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["art", "music"]})
    >>> ahead = pm.match_cycles(mentees, mentors, cycles=2)
    >>> [plan.to_frame()["mentor"].tolist() for plan in ahead.plans]
    [['M-1', 'M-2'], ['M-2', 'M-1']]
    """

    plans: tuple[Matching, ...]
    history: History
    possible: int
    exact: bool

    @property
    def first_impossible(self) -> int | None:
        """The first cycle (1, 2, ...) in which somebody must go without or meet again, or None.

        None if there is none among the cycles that were asked for.
        """
        return None if self.possible >= len(self.plans) else self.possible + 1

    def to_frame(self) -> pd.DataFrame:
        """Return one row a cycle: ``cycle, matched, unmatched, objective, gap``."""
        import pandas as pd

        first = self.history.next_cycle - len(self.plans)
        rows = [
            (first + k, plan.matched, len(plan.unmatched_ids), plan.objective, plan.gap)
            for k, plan in enumerate(self.plans)
        ]
        return pd.DataFrame(rows, columns=["cycle", "matched", "unmatched", "objective", "gap"])

    def __repr__(self) -> str:
        kind = "" if self.exact else "at most "
        return f"Cycles({len(self.plans)} plans; everybody new in {kind}{self.possible} of them)"


def match_cycles(
    mentees: Table,
    mentors: Table,
    program: Program | None = None,
    *,
    cycles: int = 10,
    history: History | None = None,
    options: Options | None = None,
) -> Cycles:
    """Match for several cycles ahead; no pair comes again.

    Each cycle gets the best plan that leaves enough pairs for the cycles after it. The best plan
    of one cycle may use up what a later one needs; then that cycle keeps to pairs which are known
    to last.

    Parameters
    ----------
    mentees, mentors : Profiles, DataFrame or path
        Who is coached, and who coaches, in all cycles.
    program : Program, optional
        As for ``match``.
    cycles : int, default: 10
        How many, >= 1.
    history : History, optional
        What there was before.
    options : Options, optional
        As for ``match``.

    Returns
    -------
    Cycles
        Its ``possible`` and ``first_impossible`` are proved, not found by trying.

    Raises
    ------
    ProgramError
        If ``cycles`` is no whole number >= 1.
    CapabilityError
        If there are more than 4,194,304 pairs.
    KeyboardInterrupt
        On Ctrl-C, which ends all cycles.

    Notes
    -----
    Whether c cycles are possible is one maximum flow in which each mentee takes c different
    mentors: see :func:`~pairmatch.solvers.changes.lasting.find_lasting`.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> mentees = pd.DataFrame({"id": ["T-1", "T-2"], "subjects": ["art", "music"]})
    >>> mentors = pd.DataFrame({"id": ["M-1", "M-2"], "subjects": ["art", "music"]})
    >>> ahead = pm.match_cycles(mentees, mentors, cycles=3)
    >>> ahead
    Cycles(3 plans; everybody new in 2 of them)
    >>> ahead.first_impossible
    3
    """
    program, options = check_arguments(program, options)
    if not is_count(cycles, 1):
        raise ProgramError(f"cycles is {cycles!r}; give a whole number >= 1")
    past = History() if history is None else history
    coached, coach = read_tables(mentees, mentors)
    if len(coached) * len(coach) > MOST_HELD:
        raise CapabilityError(
            f"match_cycles() looks at all pairs at once, at most {MOST_HELD:,} of them; "
            "plan cycle by cycle with match() and NotAgain(history), or school by school"
        )
    rules = tuple(program.constraints)
    scored = score(coached, coach, program.replace(constraints=(*rules, NotAgain(past))))
    allowed = scored.allowed()
    capacity, at_least = loads_of(coach, len(coached), rules)
    plain = all(type(rule).__name__ in (*_PLAIN, "Load") for rule in rules)
    possible = count_lasting(allowed, capacity, cycles)
    plans = []
    for cycle in range(cycles):
        fresh = program.replace(constraints=(*rules, NotAgain(past)))
        plan = end_if_stopped(match(coached, coach, fresh, options=options))
        later = possible - cycle - 1
        if later > 0:
            after = _without(allowed, plan, coached, coach)
            if find_lasting(after, capacity, later) is None:
                kept = find_lasting(allowed, capacity, later + 1)
                if kept is not None:
                    steer = _keep_to(kept, allowed, capacity, later, coached, coach)
                    steered = fresh.replace(constraints=(*fresh.constraints, *steer))
                    plan = end_if_stopped(match(coached, coach, steered, options=options))
        allowed = _without(allowed, plan, coached, coach)
        past = past.add(plan)
        plans.append(plan)
    return Cycles(tuple(plans), past, possible, plain and not at_least.any())


def _without(
    allowed: NDArray[np.bool_], plan: Matching, coached: Profiles, coach: Profiles
) -> NDArray[np.bool_]:
    """Return the pairs that are left after a plan, which has its tables in another order."""
    left = allowed.copy()
    frame = plan.to_frame()
    for mentee, mentor in zip(frame["mentee"], frame["mentor"], strict=True):
        left[coached.index_of(mentee), coach.index_of(mentor)] = False
    return left


def _keep_to(
    kept: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    capacity: NDArray[np.int64],
    later: int,
    coached: Profiles,
    coach: Profiles,
) -> list[Any]:
    """Return constraints that keep a cycle to pairs which last, and leave no mentor behind."""
    why = "kept for a later cycle"
    rows, columns = np.nonzero(allowed & ~kept)
    steer: list[Any] = [
        Forbid(coached.ids[i], coach.ids[j], why=why)
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    least = np.maximum(0, kept.sum(axis=0) - later * capacity)
    due: dict[str | int, int] = {
        coach.ids[j]: int(least[j]) for j in np.flatnonzero(least).tolist()
    }
    if due:
        most: dict[str | int, int] = {coach.ids[j]: int(n) for j, n in enumerate(capacity.tolist())}
        steer.append(Load(at_most=most, at_least=due))
    return steer
