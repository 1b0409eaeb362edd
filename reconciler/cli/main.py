"""The `reconcile` command: finds the subcommand, and turns every error into a message and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click

from reconciler import __version__
from reconciler.model.errors import ReconcileError
from reconciler.model.states import Exit

COMMANDS: Final = {
    "plan": "Show what would change, and change nothing.",
    "apply": "Make it so: plan, ask, write.",
    "verify": "Exit 0 when the machine is as declared, 2 when it is not.",
    "history": "Show what runs have done on a machine.",
    "undo": "Lead back what a run did, or one address.",
    "uninstall": "Lead back everything, and forget it.",
    "init": "Describe this machine as it is, and change nothing.",
    "lint": "Check all documents without looking at any machine.",
    "explain": "Say what an address is to be, and who says so.",
    "facts": "Show what is known of this machine.",
    "trust": "Show the SSH host keys of a machine, and add them once you agree.",
    "schema": "Print the JSON Schema of documents, for editors.",
    "demo": "Plan, apply and verify a scratch machine, to see how it works.",
    "completion": "Print shell completion for bash, zsh or fish.",
}


class LazyGroup(click.Group):
    """Imports a command's file when it is used: start-up stays lean."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"reconciler.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from reconciler.model.spelling import nearest

            guess = nearest(args[0], COMMANDS)
            hint = f" Did you mean {guess}?" if guess else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reconcile")
def command() -> None:
    """Declarative desired state for a workstation's three layers: user, distro and Windows host.

    \b
    reconcile init      describe this machine in a reconcile.yaml
    reconcile plan      show what would change
    reconcile apply     make it so
    reconcile verify    is it so?
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # else it is ignored, as by nohup
            signal.signal(number, signal.default_int_handler)  # as Ctrl-C: what was opened is closed
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; the exit code. The one place that catches what commands raise."""
    try:
        code = command.main(
            args=list(arguments) if arguments is not None else None, prog_name="reconcile", standalone_mode=False
        )
        sys.stdout.flush()
        return int(code or 0)
    except ReconcileError as error:
        from reconciler.cli.console import report

        report(error)
        return error.exit_code
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except BrokenPipeError:
        # Whoever read our output went away: that is no error, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except (RecursionError, MemoryError) as error:
        click.echo(f"error: what is asked for is too large or too deep ({type(error).__name__})", err=True)
        return Exit.ERROR
    except OSError as error:
        click.echo(f"error: {error.strerror or error}: {error.filename or ''}".rstrip(": "), err=True)
        return Exit.ERROR
