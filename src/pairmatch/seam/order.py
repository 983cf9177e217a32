"""The order in which people are solved: that of a seeded hash of their ids."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["find_hashed_places", "hashed_order"]


def hashed_order(ids: Sequence[Any], seed: int) -> NDArray[np.int64]:
    """Return the rows in the order of a seeded hash of their ids.

    Whoever solves in this order cannot be influenced by the order of the sheet, and nobody is
    better off for a name early in the alphabet.
    """
    salted = hashlib.blake2b(key=str(seed).encode()[:64], digest_size=8)
    digests = []
    for key in ids:
        hashed = salted.copy()
        hashed.update(repr(key).encode())
        digests.append(hashed.digest())
    return np.argsort(np.frombuffer(b"".join(digests), dtype="<u8"), kind="stable")


def find_hashed_places(ids: Sequence[Any], keys: Sequence[Any], seed: int) -> list[int]:
    """Return where ids belong among others that are in the order of :func:`hashed_order`.

    Each id on the way is hashed once, however many look for their place.
    """
    salted = hashlib.blake2b(key=str(seed).encode()[:64], digest_size=8)

    @cache
    def hash_id(some: Any) -> int:
        own = salted.copy()
        own.update(repr(some).encode())
        return int.from_bytes(own.digest(), "little")

    return [bisect_right(ids, hash_id(key), key=hash_id) for key in keys]
