from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pairmatch.solvers.problem import GroupingProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _partitions(people: tuple[int, ...], sizes: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    if not sizes:
        yield []
        return
    first, others = people[0], people[1:]
    if len(people) > sum(sizes):
        yield from _partitions(others, sizes)
    for size in sorted(set(sizes)):
        left = list(sizes)
        left.remove(size)
        for rest in combinations(others, size - 1):
            remaining = tuple(p for p in others if p not in rest)
            for groups in _partitions(remaining, tuple(left)):
                yield [(first, *rest), *groups]


def _worth(problem: GroupingProblem, groups: list[tuple[int, ...]], scale: int) -> int:
    total = 0
    for group in groups:
        k = len(group)
        rotations = [sum(int(problem.gain[b, a]) for b in group if b != a) for a in group]
        if problem.objective == "worst_rotation":
            total += k * min(rotations) * scale // (k - 1)
        else:
            total += sum(rotations) * scale // (k - 1)
    return total


@pytest.fixture(scope="session")
def best_by_enumeration() -> Callable[[GroupingProblem, tuple[int, ...], int], int | None]:
    """The best scaled value over every grouping into groups of the given sizes."""

    def best(problem: GroupingProblem, sizes: tuple[int, ...], scale: int) -> int | None:
        values = [
            _worth(problem, groups, scale)
            for groups in _partitions(tuple(range(problem.n)), sizes)
            if all(problem.allowed[pair] for group in groups for pair in combinations(group, 2))
        ]
        return max(values, default=None)

    return best


@pytest.fixture(scope="session")
def pool() -> Callable[..., GroupingProblem]:
    """A pool with random gains: pool(n, seed, size=3, objective="total", forbidden=0.0)."""

    def make(
        n: int,
        seed: int = 0,
        *,
        size: int | tuple[int, int] = 3,
        objective: str = "total",
        forbidden: float = 0.0,
        low: int = 0,
        high: int = 1000,
    ) -> GroupingProblem:
        rng = np.random.default_rng(seed)
        gain = rng.integers(low, high + 1, size=(n, n))
        cut = np.triu(rng.random((n, n)) < forbidden, 1)
        allowed = ~(cut | cut.T | np.eye(n, dtype=bool))
        if isinstance(size, tuple):
            limits = (*size, (size[0] + size[1] + 1) // 2)
        else:
            limits = (size, 2 * size - 1, size)
        return GroupingProblem(gain, allowed, *limits, objective)  # type: ignore[arg-type]

    return make
