"""Sums of whole numbers that are exact however large they become."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["add_up", "find_magnitude", "multiply"]


def find_magnitude(values: NDArray[np.int64]) -> int:
    """Return the largest magnitude."""
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))


def add_up(values: NDArray[np.int64]) -> int:
    """Return the sum, however large."""
    if len(values) * find_magnitude(values) < 2**63:
        return int(values.sum())
    return sum(values.tolist())


def multiply(counts: NDArray[np.int64], prices: NDArray[np.int64]) -> int:
    """Return the sum of products, however large."""
    if len(counts) * find_magnitude(counts) * find_magnitude(prices) < 2**63:
        return int(counts @ prices)
    return sum(n * p for n, p in zip(counts.tolist(), prices.tolist(), strict=True))
