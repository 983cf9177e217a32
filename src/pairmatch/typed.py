"""How our frozen values print and how they check what they were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from math import isfinite
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from pairmatch.errors import Fault, ProgramError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FrozenMap", "check_all", "is_count", "is_number", "is_whole", "typed_repr"]


class FrozenMap(Mapping[Any, Any]):
    """A mapping that can be hashed, pickled and compared, and prints like the dict it came from.

    Examples
    --------
    >>> FrozenMap({"M-07": 2})
    {'M-07': 2}
    >>> FrozenMap({"a": 1}) == {"a": 1}
    True
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[Any, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: object) -> Any:
        return self._items[key]

    def __iter__(self) -> Any:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


def typed_repr(value: Any, positional: Sequence[str] = ()) -> str:
    """Return ``Name(field=value, ...)`` with the fields that differ from their defaults.

    Parameters
    ----------
    value : dataclass instance
        What to print.
    positional : sequence of str, optional
        Leading fields that are shown without their name.
    """
    shown = []
    for field in fields(value):
        content = getattr(value, field.name)
        if field.name in positional:
            shown.append(_plain(content))
        elif field.default is MISSING or content != field.default:
            shown.append(f"{field.name}={_plain(content)}")
    return f"{type(value).__name__}({', '.join(shown)})"


def _plain(content: Any) -> str:
    if callable(content) and hasattr(content, "__name__"):
        return str(content.__name__)
    if is_whole(content):
        return repr(int(content))
    if isinstance(content, tuple):
        return f"[{', '.join(_plain(part) for part in content)}]"
    return repr(content)


def is_number(content: Any) -> bool:
    """Whether this is an int or float, not a bool, and finite."""
    return not isinstance(content, bool) and isinstance(content, Real) and isfinite(content)


def is_whole(content: Any) -> bool:
    """Whether this is a whole number, of numpy's too, and not a bool."""
    return not isinstance(content, bool) and isinstance(content, Integral)


def is_count(content: Any, least: int = 0) -> bool:
    """Whether this is a whole number of at least ``least``, not a bool."""
    return is_whole(content) and bool(content >= least)


def check_all(name: str, *checks: tuple[bool, str, str]) -> None:
    """Raise one ``ProgramError`` with every check that does not hold.

    Parameters
    ----------
    name : str
        The value that is being made, as typed: ``"Load"``.
    *checks : tuple of (bool, str, str)
        What must hold, what is wrong if it does not, and the remedy.
    """
    faults = [Fault(what, "", remedy) for holds, what, remedy in checks if not holds]
    if faults:
        raise ProgramError(f"{name} cannot be made", faults)
