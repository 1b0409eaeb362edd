"""A plan as a picture for documentation: the coloured text in the frame of a terminal, the same bytes each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.model.plan import Plan
from reconciler.rendering.text import plan_text
from reconciler.rendering.visible import cell_width

_COLUMNS: Final = 88
_UNIQUE_ID: Final = "reconcile"
"""In place of rich's, which depends on its version: names of styles inside the picture."""

# rich's own frame, without the fonts that it fetches from a server.
_FRAME: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: Fira Code, Cascadia Mono, DejaVu Sans Mono, Menlo, Consolas, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def plan_svg(plans: Sequence[Plan], title: str, *, verbose: bool = False) -> str:
    """An SVG document that fetches nothing from elsewhere."""
    # rich takes longer to import than most commands take to run.
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    plain = plan_text(plans, width=_COLUMNS, verbose=verbose)
    columns = max(_COLUMNS, *(cell_width(line) for line in plain.split("\n")))
    console = Console(width=columns, record=True, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(plan_text(plans, width=_COLUMNS, colour=True, verbose=verbose)))
    return console.export_svg(title=title, code_format=_FRAME, unique_id=_UNIQUE_ID)
