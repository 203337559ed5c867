"""Tables in documentation that a program writes, each between two markers."""

import sys
from pathlib import Path


def write(path: Path, text: str, *, begin: str, end: str) -> None:
    """Replace what stands between the markers; ends the program where they are missing."""
    before, found_begin, rest = path.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        sys.exit(f"{path} lacks the markers {begin} and {end}, between which the tables belong.")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")
