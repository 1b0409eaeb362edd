"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _all(*options: Decorator) -> Decorator:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def folder(ctx: click.Context, param: click.Parameter, value: str) -> Path:
    path = Path(value)
    if not path.is_dir():
        raise click.BadParameter(f"there is no folder {value}")
    return path.resolve()


def _variables(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"{value!r} is not NAME=VALUE")
        found[name] = text
    return found


def _root(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    path = Path(value)
    if not path.is_absolute():
        raise click.BadParameter(f"{value} is not absolute")
    if not (path / "etc").is_dir():
        raise click.BadParameter(f"{value} holds no etc/, so it is no root file system")
    return str(path.resolve())


documents = _all(
    click.option(
        "-f", "--file", type=click.Path(path_type=Path), help="The document, instead of reconcile.yaml here or above."
    ),
    click.option("-C", "--directory", default=".", callback=folder, help="Work as if started in this folder."),
    click.option(
        "-e",
        "--extra",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_variables,
        help="Set a variable; above all documents.",
    ),
)
selection_of_one = _all(
    click.option("--user", metavar="NAME", help="Whose user layer; without it, the caller's (under sudo, yours)."),
    click.option(
        "--root", metavar="DIR", callback=_root, help="A root file system in DIR instead of the running machine."
    ),
)
selection = _all(
    click.option("-l", "--limit", metavar="NAME|GROUP|GLOB", help="Which workstations; without it, this one."),
    click.option("--all", "everything", is_flag=True, help="All workstations."),
    selection_of_one,
)
connections = _all(
    click.option(
        "--timeout",
        type=click.IntRange(min=1),
        default=30,
        show_default=True,
        metavar="SECONDS",
        help="How long another machine may say nothing.",
    ),
    click.option(
        "--sudo-password-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Where sudo's password stands, for runs with nobody to ask.",
    ),
)
confirm = click.option(
    "--confirm-within",
    type=click.IntRange(min=0, max=3600),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="After what may cut access to another machine: lead it back there unless it is reached anew so soon. 0: never.",
)
prune = click.option(
    "--prune", is_flag=True, help="Also lead back what earlier runs wrote and nobody declares any more."
)
verbose = click.option("-v", "--verbose", is_flag=True, help="Show everything, also what is in sync.")
