"""The command line: the same words as the library, exit codes, and no traceback for a mistake."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; importing is part of it, so that Ctrl-C is never a traceback."""
    try:
        from pairmatch.cli.entry import run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(130)
