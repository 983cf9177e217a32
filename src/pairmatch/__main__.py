"""``python -m pairmatch``."""

from pairmatch.cli import main

main()
