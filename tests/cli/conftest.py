from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def _run(*arguments, cwd=None):
    """Run the command line inside this process: what it prints, and how it ends."""
    from pairmatch.cli import console, entry

    kept = sys.argv, sys.stdout, sys.stderr, Path.cwd()
    streams = [TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    code = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        patch.setattr(console.out, "_width", 200)
        patch.setattr(console.err, "_width", 200)
        try:
            sys.argv = ["pairmatch", *map(str, arguments)]
            sys.stdout, sys.stderr = streams
            os.chdir(cwd or kept[3])
            entry.run()
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.argv, sys.stdout, sys.stderr = kept[:3]
            os.chdir(kept[3])
    printed = [stream.buffer.getvalue().decode("utf-8") for stream in streams]
    return Done(code, *printed)


@pytest.fixture(scope="session")
def run():
    return _run
