"""The compiled kernels, all of them, ready before they are called.

To load them takes about a second in every process, and to compile them, once on a machine, ten to
twenty. Nobody with a time limit waits for that.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Thread
from typing import Any

from pairmatch.solvers.assignment.pricing.augment_paths import load_kernels
from pairmatch.solvers.assignment.pricing.scan import load_scan

__all__ = ["are_loaded_within", "load_compiled"]


@lru_cache(maxsize=1)
def load_compiled() -> bool:
    """Load every kernel, or compile and keep it; return whether there are any."""
    scan: Any = load_scan()
    kernels: Any = load_kernels()
    if scan is None or kernels is None:
        return False
    from numba import types

    whole, octets = types.int64, types.uint64
    line, floats = whole[::1], types.float64[::1]
    tile, bits = types.float32[:, ::1], octets[:, ::1]
    values, positions = types.float64[:, ::1], types.int32[:, ::1]
    best = (line, floats, values, positions, line)
    scan[0].compile(
        (tile, whole, types.boolean, bits, bits, line, floats, line, types.float64, *best)
    )
    scan[1].compile(best)
    columns, seats = types.int32[::1], (line,) * 5
    rows = (line, columns, *(line,) * 7)
    kernels[0].compile((*rows, *seats))
    kernels[1].compile((line, whole, whole, *rows, *seats, *(line,) * 5))
    kernels[2].compile((line, whole, whole, line, columns, *(line,) * 7, *seats, *(line,) * 6))
    kernels[3].compile((line, columns, line, line, columns, line))
    return True


def are_loaded_within(seconds: float) -> bool:
    """Return whether the kernels are loaded, or can be before so many seconds are over.

    If they cannot, they are still loaded: the next run in this process has them.
    """
    loader = Thread(target=load_compiled, name="pairmatch-compiler", daemon=True)
    loader.start()
    loader.join(seconds)
    return not loader.is_alive()
