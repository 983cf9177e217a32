"""Finite rings in which many elements differ by units: fields, and products of fields."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["field_tables", "prime_powers", "ring_tables"]


def prime_powers(n: int) -> list[tuple[int, int]]:
    """Return the primes of n with their exponents, in increasing order.

    Examples
    --------
    >>> prime_powers(360)
    [(2, 3), (3, 2), (5, 1)]
    """
    found = []
    prime = 2
    while prime * prime <= n:
        exponent = 0
        while n % prime == 0:
            n //= prime
            exponent += 1
        if exponent:
            found.append((prime, exponent))
        prime += 1
    return [*found, (n, 1)] if n > 1 else found


def field_tables(prime: int, exponent: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the tables of addition and multiplication of the field of ``prime ** exponent``.

    Elements are polynomials over the integers modulo the prime, read as numbers with the
    coefficients as digits; 0 and 1 are what they are called.

    Notes
    -----
    O(q^2 m) for q elements and exponent m; the modulus is the first monic polynomial of degree m
    that gives no zero divisors.
    """
    q = prime**exponent
    digits = np.array(list(product(range(prime), repeat=exponent)))[:, ::-1]
    power = prime ** np.arange(exponent)
    plus = ((digits[:, None, :] + digits[None, :, :]) % prime) @ power
    for low in range(q):
        times = _multiply(digits, digits[low], prime) @ power
        if (np.sort(times[1:, 1:], axis=1) == np.arange(1, q)).all():
            return plus, times
    msg = f"{prime} is no prime"
    raise ValueError(msg)


def _multiply(digits: NDArray[np.int64], low: NDArray[np.int64], prime: int) -> NDArray[np.int64]:
    """Return products of all polynomials modulo x^m + low."""
    exponent = digits.shape[1]
    q = len(digits)
    result = np.zeros((q, q, exponent), np.int64)
    shifted = digits.copy()
    for at in range(exponent):
        result += digits[:, at, None, None] * shifted[None, :, :]
        carry = shifted[:, -1:]
        shifted = np.concatenate([np.zeros((q, 1), np.int64), shifted[:, :-1]], axis=1)
        shifted = (shifted - carry * low) % prime
    return result % prime


def ring_tables(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return sums, products and elements that differ by units, of a ring with n elements.

    The ring is the product of the fields of the prime powers of n; as many elements differ by
    units as the smallest of these fields has.

    Returns
    -------
    plus, times : ndarray of int64, shape (n, n)
    apart : ndarray of int64, shape (smallest prime power,)

    Notes
    -----
    MacNeish (1922), doi:10.2307/1967920.
    """
    plus = times = np.zeros((1, 1), np.int64)
    fields = [prime**exponent for prime, exponent in prime_powers(n)]
    apart = np.zeros(min(fields), np.int64)
    for prime, exponent in prime_powers(n):
        q = prime**exponent
        more, again = field_tables(prime, exponent)
        plus = _join(plus, more, q)
        times = _join(times, again, q)
        apart = apart * q + np.arange(apart.size)
    return plus, times, apart


def _join(one: NDArray[np.int64], other: NDArray[np.int64], q: int) -> NDArray[np.int64]:
    """Return the table of pairs (a, b), read as a * q + b."""
    table: NDArray[np.int64] = np.kron(one, np.ones((q, q), np.int64)) * q
    table += np.tile(other, one.shape)
    return table
