"""Text that a spreadsheet would run: marked when written, unmarked when read."""

from __future__ import annotations

import re
from typing import TypeVar

__all__ = ["guard_formula", "unguard_formula"]

T = TypeVar("T")

# What Excel, LibreOffice and Google Sheets take for the beginning of a formula, full-width forms
# included. A number and a lone dash are no formulas.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_HARMLESS = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?|--?", re.ASCII)


def guard_formula(value: T) -> T | str:
    """Return text with an apostrophe in front if it would be a formula; all else unchanged.

    Examples
    --------
    >>> guard_formula("=1+1"), guard_formula("-3,5"), guard_formula("T-1"), guard_formula(-3)
    ("'=1+1", '-3,5', 'T-1', -3)
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _HARMLESS.fullmatch(value):
        return f"'{value}"
    return value


def unguard_formula(text: str) -> str:
    """Return what `guard_formula` was given.

    Examples
    --------
    >>> unguard_formula("'=1+1"), unguard_formula("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
