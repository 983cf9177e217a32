"""How many rounds there can be at most, and why: counting, and the few exceptions to counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["most_full_rounds"]


def most_full_rounds(
    problem: GroupingProblem, n_placed: int, at_most: int = 1
) -> tuple[int | None, str]:
    """Return how many rounds can place that many people, and why there cannot be more.

    Parameters
    ----------
    problem : GroupingProblem
        Sizes and allowed pairs of every round.
    n_placed : int
        People in groups in each of the rounds counted.
    at_most : int, default: 1
        How often two people may meet.

    Returns
    -------
    most : int or None
        An upper bound, which need not be reached; None where nothing bounds it.
    why : str
        The proof, as a clause.

    Notes
    -----
    Counting of partners, of pairs, and of the groups that the members of a group come from. That
    36 people in sixes have no more than 3 rounds is Tarry's proof that there are no two orthogonal
    Latin squares of order 6 (1900); that 12 in threes have no fifth round is by enumeration.
    """
    k = problem.smallest
    if n_placed < k:
        return None, "nobody is placed"
    allowed = problem.allowed & ~np.eye(problem.n, dtype=bool)
    partners = allowed.sum(axis=1)
    able = partners >= k - 1
    n_able = int(able.sum())
    turns = np.sort(at_most * partners[able] // (k - 1))
    found = []
    if n_placed == n_able:
        person = int(partners[able].min())
        what = f"everybody meets {k - 1} others at least in each round, "
        what += f"and somebody has only {person}" if person < problem.n - 1 else f"of {person}"
        found.append((int(turns[0]), what))
    else:
        most = int(turns.sum()) // n_placed
        while most and int(np.minimum(turns, most).sum()) < most * n_placed:
            most -= 1
        what = f"a round has {n_placed} seats and {n_able} people have partners for "
        what += f"{int(np.minimum(turns, most + 1).sum())} seats in {most + 1} rounds"
        found.append((most, what))
    n_groups = n_placed // k
    size, n_larger = divmod(n_placed, n_groups)
    n_pairs = n_larger * (size + 1) * size // 2 + (n_groups - n_larger) * size * (size - 1) // 2
    there = int(allowed[np.ix_(able, able)].sum()) // 2
    what = f"each round brings {n_pairs} pairs together, and there are {there}"
    found.append((at_most * there // n_pairs, what))
    if at_most == 1:
        largest = size + (n_larger > 0)
        if largest > n_groups + n_able - n_placed:
            what = f"some group has {largest} members at least, who come from as many groups of "
            what += f"the round before, and there are {n_groups}"
            found.append((1, what))
        if problem.largest == k and n_placed == problem.n:
            known = _EXCEPTIONS.get((problem.n, k))
            if known is not None:
                found.append(known)
    return min(found, key=lambda pair: pair[0])


_EXCEPTIONS = {
    (12, 3): (4, "12 people in threes have no fifth round, by enumeration"),
    (36, 6): (3, "36 people in sixes would need two orthogonal Latin squares of order 6"),
}
