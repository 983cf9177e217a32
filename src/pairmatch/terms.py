"""Groups for a whole term: several rounds in which no two people meet twice."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from pairmatch.constraints import Forbid
from pairmatch.errors import Fault, InfeasibleError
from pairmatch.inputs import check_arguments, read_table
from pairmatch.plans.rounds import GroupingRounds
from pairmatch.seam.compositions import limits_of
from pairmatch.verbs import form_groups

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from pairmatch.options import Options
    from pairmatch.plans import Grouping
    from pairmatch.profiles import Profiles
    from pairmatch.programs import Program

    Table = Profiles | pd.DataFrame | str | PathLike[str]

__all__ = ["form_rounds"]


def form_rounds(
    teachers: Table, program: Program, *, options: Options | None = None
) -> GroupingRounds:
    """Form groups for several rounds, in which no two people share a group twice.

    Parameters
    ----------
    teachers : Profiles, DataFrame or path
        The pool.
    program : Program
        As for :func:`form_groups`, with the number of ``rounds``.
    options : Options, optional
        Seed; the time limit is for each round.

    Returns
    -------
    GroupingRounds
        One grouping a round. Each is as good as the search finds after the rounds before it; who
        cannot be placed in a round without meeting somebody again is left out of it, with a reason.

    Raises
    ------
    InfeasibleError
        If there are more rounds than anybody has partners for: with n people and groups of k,
        ``(n - 1) // (k - 1)``.
    ProfileError, ProgramError, CapabilityError
        As for :func:`form_groups`.

    Examples
    --------
    >>> import pandas as pd
    >>> import pairmatch as pm
    >>> pool = pd.DataFrame(
    ...     {"id": list("abcdefghi"), "subjects": ["art", "maths", "art; maths"] * 3}
    ... )
    >>> rounds = pm.form_rounds(pool, pm.Program(size=3, rounds=3))
    >>> len(rounds), rounds.complete
    (3, True)
    """
    program, options = check_arguments(program, options)
    table = read_table(teachers)
    smallest = limits_of(program)[0]
    n = len(table)
    most = (n - 1) // (smallest - 1)
    if program.rounds > most >= 1:
        what = (
            f"{program.rounds} rounds are impossible: in each, everybody meets {smallest - 1} "
            f"others at least, and there are {n - 1}; round {most + 1} is the first that cannot be."
        )
        remedy = f"Ask for at most {most} rounds."
        raise InfeasibleError("no two people may meet twice", [Fault(what, "", remedy)])
    plans: list[Grouping] = []
    met: list[Forbid] = []
    for number in range(1, program.rounds + 1):
        once = program.replace(constraints=[*program.constraints, *met], rounds=1)
        plan = form_groups(table, once, options=options)
        plans.append(plan)
        why = f"met in round {number}"
        for members in plan.group_ids:
            met += [Forbid(a, b, why=why) for a, b in combinations(members, 2)]
    return GroupingRounds(tuple(plans))
