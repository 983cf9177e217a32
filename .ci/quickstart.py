"""Print the n-th ``sh`` block under "Quickstart" of README.md, which is one command line.

python3 .ci/quickstart.py 1
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def quickstart_blocks(text: str) -> list[str]:
    """Return the ``sh`` blocks between the heading "## Quickstart" and the next one like it."""
    section = re.search(r"^## Quickstart[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if section is None:
        raise SystemExit('README.md has no heading "## Quickstart"')
    blocks = re.findall(r"^```sh\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)
    for number, block in enumerate(blocks, start=1):
        if len(block.strip().splitlines()) != 1:
            raise SystemExit(f"block {number} under Quickstart is not one command line")
    if len(blocks) < 2:
        raise SystemExit(
            f"{len(blocks)} sh blocks under Quickstart; expected the job and the tests"
        )
    return [block.strip() for block in blocks]


if __name__ == "__main__":
    blocks = quickstart_blocks(README.read_text(encoding="utf-8"))
    sys.stdout.write(blocks[int(sys.argv[1]) - 1] + "\n")
