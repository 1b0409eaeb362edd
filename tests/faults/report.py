"""Shows the figures of fault runs as tables: `python -m faults.report RESULTS`, or FIGURES (see `measured`)."""

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


def figures(results: Path) -> str:
    """What was measured, in Markdown; again the last time counts."""
    rows = {(line["row"], line["variant"]): line for line in lines_of(results) if "variant" in line}
    cells = [
        (
            *label,
            ", ".join(
                f"{name.replace('_', ' ')} {figure}" for name, figure in line.items() if name not in ("row", "variant")
            ),
        )
        for label, line in rows.items()
    ]
    return "\n".join(f"| {' | '.join(each)} |" for each in [("row", "variant", "figures"), ("---",) * 3, *cells])


def _shown(value: object) -> str:
    return "–" if value is None else str(value)


if __name__ == "__main__":
    given = Path(sys.argv[1])
    is_measured = any("variant" in line for line in lines_of(given))
    sys.stdout.write((figures if is_measured else table)(given) + "\n")
