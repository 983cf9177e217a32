"""In which line of a TOML file each key stands: ``tomllib`` does not say."""

from __future__ import annotations

import tomllib
from typing import Any

__all__ = ["find_lines"]

Path = tuple[str | int, ...]

_BLANK = " \t\r\n"


def find_lines(text: str) -> dict[Path, int]:
    r"""Return the line, counted from 1, of every key, table and element of a TOML text.

    Parameters
    ----------
    text : str
        A text that ``tomllib`` has read without an error.

    Returns
    -------
    dict
        From paths such as ``("criteria", 0, "weight")`` to lines.

    Examples
    --------
    >>> lines = find_lines('size = 3\n[[criteria]]\nkind = "StyleFit"\n')
    >>> lines["size",], lines["criteria", 0], lines["criteria", 0, "kind"]
    (1, 2, 3)
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    """Walks once over the text; knows only as much of the grammar as positions need."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.line = 1
        self.lines: dict[Path, int] = {}
        self.n_tables: dict[Path, int] = {}

    def peek(self, n: int = 1) -> str:
        return self.text[self.at : self.at + n]

    def step(self, n: int = 1) -> None:
        self.line += self.text.count("\n", self.at, self.at + n)
        self.at += n

    def skip(self, blank: str = _BLANK) -> None:
        """Pass over white space and comments."""
        while self.at < len(self.text):
            if self.peek() == "#":
                end = self.text.find("\n", self.at)
                self.step((len(self.text) if end < 0 else end) - self.at)
            elif self.peek() in blank:
                self.step()
            else:
                return

    def document(self) -> None:
        here: Path = ()
        self.skip()
        while self.at < len(self.text):
            line = self.line
            if self.peek(2) == "[[":
                self.step(2)
                stem = self.known(self.key())
                self.step(2)
                number = self.n_tables.get(stem, 0)
                self.n_tables[stem] = number + 1
                here = (*stem, number)
                self.note(here, line)
            elif self.peek() == "[":
                self.step()
                here = self.known(self.key())
                self.step()
                self.note(here, line)
            else:
                self.entry(here)
            self.skip()

    def known(self, parts: Path) -> Path:
        """Return the path that a header names: of an array of tables, its last table."""
        path: Path = ()
        for part in parts[:-1]:
            path = (*path, part)
            if path in self.n_tables:
                path = (*path, self.n_tables[path] - 1)
        return (*path, parts[-1])

    def note(self, path: Path, line: int) -> None:
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], line)

    def entry(self, here: Path) -> None:
        line = self.line
        path = (*here, *self.key())
        self.note(path, line)
        self.step()  # the equals sign
        self.value(path)

    def key(self) -> Path:
        """Read a dotted key and stop before what follows it."""
        parts: list[str | int] = []
        while True:
            self.skip(" \t")
            start = self.at
            if self.peek() in "\"'":
                self.string()
                quoted: Any = tomllib.loads(f"key = {self.text[start : self.at]}")
                parts.append(quoted["key"])
            else:
                while self.peek() not in " \t.=]":
                    self.step()
                parts.append(self.text[start : self.at])
            self.skip(" \t")
            if self.peek() != ".":
                return tuple(parts)
            self.step()

    def value(self, path: Path) -> None:
        self.skip(" \t")
        if self.peek() in "\"'":
            self.string()
        elif self.peek() == "[":
            self.step()
            self.skip()
            number = 0
            while self.peek() != "]":
                self.note((*path, number), self.line)
                self.value((*path, number))
                number += 1
                self.comma()
            self.step()
        elif self.peek() == "{":
            self.step()
            self.skip()
            while self.peek() != "}":
                self.entry(path)
                self.comma()
            self.step()
        else:
            while self.at < len(self.text) and self.peek() not in ",]}#\n":
                self.step()

    def comma(self) -> None:
        self.skip()
        if self.peek() == ",":
            self.step()
            self.skip()

    def string(self) -> None:
        quote = self.peek()
        end = quote * 3 if self.peek(3) == quote * 3 else quote
        self.step(len(end))
        while self.peek(len(end)) != end:
            self.step(2 if quote == '"' and self.peek() == "\\" else 1)
        self.step(len(end))
        while len(end) == 3 and self.peek() == quote:  # up to two quotes may close the content
            self.step()
