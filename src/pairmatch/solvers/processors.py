"""Blocks of a large pool on all processors: Python threads, each with BLAS held to one thread.

Many small products are faster this way than one after another on all processors, and threads of
BLAS that spin on a busy machine cost the most of all.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from threadpoolctl import ThreadpoolController

__all__ = ["count_processors", "hold_blas", "map_blocks"]

_Block = TypeVar("_Block")
_Result = TypeVar("_Result")


@lru_cache(maxsize=1)
def _find_pools() -> ThreadpoolController:
    """Return the thread pools of the libraries loaded so far; to look for them takes a while."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def count_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def hold_blas() -> AbstractContextManager[object]:
    """Hold BLAS to one thread: others that wait for a busy processor make small products slow."""
    limited: AbstractContextManager[object] = _find_pools().limit(limits=1, user_api="blas")
    return limited


def map_blocks(
    look: Callable[[_Block], _Result], blocks: Sequence[_Block], n_threads: int | None = None
) -> list[_Result]:
    """Return ``[look(block) for block in blocks]``, computed side by side.

    Parameters
    ----------
    look : callable
        What is done with a block; most of its time must be spent in numpy.
    blocks : sequence
        The blocks.
    n_threads : int, optional
        Threads; default: the processors this process may use.

    Examples
    --------
    >>> map_blocks(len, ["ab", "c"])
    [2, 1]
    """
    n_threads = n_threads or count_processors()
    with hold_blas():
        if n_threads == 1 or len(blocks) <= 1:
            return [look(block) for block in blocks]
        with ThreadPoolExecutor(n_threads) as pool:
            contexts = [copy_context() for _ in blocks]
            return list(pool.map(lambda own, block: own.run(look, block), contexts, blocks))
