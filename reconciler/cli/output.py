"""Plans on stdout, in each format."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Final

from reconciler.cli.console import look, say
from reconciler.model.plan import Plan

DATA_FORMATS: Final = ("text", "json", "yaml")
FORMATS: Final = (*DATA_FORMATS, "script")


def show_plans(plans: Sequence[Plan], form: str, *, verbose: bool, heading: str = "Plan") -> None:
    match form:
        case "json":
            from reconciler.rendering.plan_json import plan_json

            say(plan_json(plans))
        case "yaml":
            from reconciler.rendering.plan_json import plan_document

            show_data(plan_document(plans), form)
        case _:
            from reconciler.rendering.text import plan_text

            say(plan_text(plans, verbose=verbose, heading=heading, **look(sys.stdout)))


def show_data(data: object, form: str) -> None:
    if form == "yaml":
        import yaml

        say(yaml.safe_dump(data, sort_keys=False, allow_unicode=False).rstrip("\n"))
    else:
        say(json.dumps(data, indent=2, ensure_ascii=True))
