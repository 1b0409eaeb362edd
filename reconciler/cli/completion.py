"""`reconcile completion SHELL`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def command(shell: str) -> int:
    """Print shell completion.

    \b
    bash:  reconcile completion bash > ~/.local/share/bash-completion/completions/reconcile
    zsh:   reconcile completion zsh > "${fpath[1]}/_reconcile"
    fish:  reconcile completion fish > ~/.config/fish/completions/reconcile.fish
    """
    from reconciler.cli.main import command as root

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(root, {}, "reconcile", "_RECONCILE_COMPLETE").source())
    return 0
