"""How many groups, and how large: the sizes that a pool is cut into."""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pairmatch.solvers.problem import GroupingProblem

__all__ = ["choose_sizes", "scale_of", "usual_sizes"]


def choose_sizes(
    n_people: int, smallest: int, largest: int, target: int, most_groups: int | None = None
) -> tuple[int, ...]:
    """Return the sizes of the groups, largest first.

    The number of groups is the one nearest to ``n_people / target`` (the larger one of two that
    are equally near), the sizes are as even as possible. A size of 3 whose leftovers make groups
    grow is ``smallest=3, largest=5, target=3``: threes and as few fours as possible. Where no
    number of groups takes everybody, as many people as possible are placed, and where the pool is
    smaller than the smallest group, nobody.

    Parameters
    ----------
    n_people : int
        People in the pool, >= 0.
    smallest, largest : int
        Allowed group sizes, ``2 <= smallest <= largest``.
    target : int
        Preferred size, within the two.
    most_groups : int, optional
        Largest number of groups.

    Returns
    -------
    tuple of int
        Sizes, not increasing; their sum is at most ``n_people``.

    Examples
    --------
    >>> choose_sizes(7, 3, 5, 3), choose_sizes(5, 3, 5, 3), choose_sizes(2, 3, 5, 3)
    ((4, 3), (5,), ())
    >>> choose_sizes(23, 4, 6, 5)
    (5, 5, 5, 4, 4)
    >>> choose_sizes(7, 3, 3, 3)  # one person has to stay out
    (3, 3)
    >>> choose_sizes(12, 3, 5, 3, most_groups=3)
    (4, 4, 4)
    """
    n_most = n_people // smallest if most_groups is None else min(n_people // smallest, most_groups)
    counts = range(-(-n_people // largest), n_most + 1)
    if not counts or not n_most:
        return (largest,) * n_most
    n_groups = min(counts, key=lambda q: (abs(q * target - n_people), -q))
    size, n_larger = divmod(n_people, n_groups)
    return (size + 1,) * n_larger + (size,) * (n_groups - n_larger)


def usual_sizes(problem: GroupingProblem, n_people: int | None = None) -> tuple[int, ...]:
    """Return the sizes that a problem asks for if the rules do not stand in the way.

    Parameters
    ----------
    problem : GroupingProblem
        Limits of sizes, and rules that may limit the number of groups.
    n_people : int, optional
        How many people are placed; by default as many as possible.
    """
    n = problem.n if n_people is None else n_people
    cap = None if problem.rules is None else problem.rules.most_groups()
    return choose_sizes(n, problem.smallest, problem.largest, problem.target, cap)


def scale_of(sizes: Iterable[int]) -> int:
    """Return the factor that makes the value of every group of these sizes an integer.

    Parameters
    ----------
    sizes : iterable of int
        Group sizes, >= 2.

    Returns
    -------
    int
        Least common multiple of ``size - 1``; 1 without any size.

    Examples
    --------
    >>> scale_of([3, 4]), scale_of([])
    (6, 1)
    """
    return lcm(*{size - 1 for size in sizes})
