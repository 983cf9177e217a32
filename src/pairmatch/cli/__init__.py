"""The command line: the same words as the library, exit codes, and no traceback for a mistake."""

from __future__ import annotations

import os
import sys
import threading

__all__ = ["main"]


def main() -> None:
    """Run the command line; importing is part of it, so that Ctrl-C is never a traceback.

    Compiled code that was stopped by Ctrl-C or a time limit may still be at work in a thread. The
    process ends without it: some of it aborts, with a code of its own, when Python winds up.
    """
    try:
        from pairmatch.cli.entry import run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        _end(130)
    except SystemExit as end:
        _end(end.code)


def _end(code: object) -> None:
    """End the process, at once where something is still at work."""
    if not any(thread.daemon for thread in threading.enumerate()):
        sys.exit(code)  # type: ignore[arg-type]
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
