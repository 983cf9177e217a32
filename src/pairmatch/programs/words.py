"""The words that a program may use, and what the parameters of its values mean."""

from __future__ import annotations

import re
from functools import cache
from inspect import cleandoc
from typing import Literal

__all__ = ["Leftovers", "Objective", "describe_fields", "first_sentence"]

Objective = Literal[
    "coverage", "total", "worst_off", "leximin", "stable", "worst_rotation", "worst_group"
]
Leftovers = Literal["grow", "shrink", "spread", "leave_out"]


@cache
def describe_fields(kind: type) -> dict[str, str]:
    """Return what each parameter of a class is for, as its docstring says.

    Parameters
    ----------
    kind : type
        A class with a numpydoc docstring.

    Examples
    --------
    >>> from pairmatch import MinScore
    >>> describe_fields(MinScore)["at_least"]
    'Smallest allowed score, in [0, 1] for profiles and in their own units for own scores.'
    """
    found: dict[str, str] = {}
    names: list[str] = []
    for line in _section(cleandoc(kind.__doc__ or "")):
        head = re.match(r"(\w[\w, ]*?) : ", line)
        if head:
            names = [name.strip() for name in head[1].split(",")]
            found |= dict.fromkeys(names, "")
        elif line.strip():
            for name in names:
                found[name] = f"{found[name]} {line.strip()}".strip()
    return {name: text.replace("``", "") for name, text in found.items()}


def first_sentence(text: str) -> str:
    """Return a text up to its first full stop, colon or semicolon that ends a clause.

    Examples
    --------
    >>> first_sentence("Places of each mentor: one number for all. More.")
    'Places of each mentor'
    """
    return re.split(r"(?<=\w)[.:;](?: |$)", text, maxsplit=1)[0]


def _section(doc: str) -> list[str]:
    """Return the lines below "Parameters", up to the next heading."""
    lines = doc.splitlines()
    rules = [n for n, line in enumerate(lines) if line and not line.strip("-")]
    for n, rule in enumerate(rules):
        if lines[rule - 1] == "Parameters":
            end = rules[n + 1] - 1 if n + 1 < len(rules) else len(lines)
            return lines[rule + 1 : end]
    return []
