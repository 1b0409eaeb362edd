"""Shows the figures of fault runs as a table: `python -m faults.report RESULTS`."""

from __future__ import annotations

import sys
from pathlib import Path

from faults.campaign import KINDS, lines_of

COLUMNS = ("row", "shell", "identity", "K", "runs", *KINDS, "seconds")


def table(results: Path) -> str:
    """In Markdown; of a row that was run more than once the last time counts."""
    rows = {}
    for line in lines_of(results):
        if "runs" in line:
            rows[line["row"], line["shell"], line["identity"]] = line
    shown = [[_shown(line.get(column)) for column in COLUMNS] for line in rows.values()]
    heads = [column.replace("_", " ") for column in COLUMNS]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *shown])


def _shown(value: object) -> str:
    return "–" if value is None else str(value)


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1])) + "\n")
