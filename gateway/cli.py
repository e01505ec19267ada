"""The command `kulanz`: every act of an operator, and one order decided for anybody."""

import sys
from functools import cached_property
from typing import Any

import click

from gateway import __version__
from gateway.command_table import COMMANDS, resolve
from gateway.core.errors import GatewayError

OPERATOR, COMPLAINT = "gateway.operating:Operator", "gateway.operating:complaint"


class Later:
    """The operator's services for a command; what they need is loaded when the command first asks for any."""

    def __init__(self, context: click.Context) -> None:
        self._context = context

    @cached_property
    def _operator(self) -> Any:
        return resolve(OPERATOR)(self._context)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operator, name)


class Commands(click.Group):
    """The table of commands as a group."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's method
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's method
        found: click.Command | None = resolve(COMMANDS[cmd_name].place) if cmd_name in COMMANDS else None
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table alone: help loads no command."""
        limit = formatter.width - 6 - max(len(name) for name in COMMANDS)
        rows = [
            (name, click.Command(name, help=COMMANDS[name].about).get_short_help_str(limit))
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Kulanz: which payment methods are safe to show, and what happens afterwards."""
    if context.obj is None:
        context.obj = Later(context)


def run() -> None:
    """Entry point: what an operator can mend becomes one line and exit status 2."""
    try:
        main(standalone_mode=True)
    except GatewayError as error:
        click.echo(f"{error.code}: {error.detail or error.title}", err=True)
        for fault in error.facts.get("errors", []):
            click.echo("  " + ": ".join(filter(None, (fault["path"], fault["message"]))), err=True)
        sys.exit(2)
    except Exception as error:
        if (told := resolve(COMPLAINT)(error)) is None:
            raise
        click.echo(told, err=True)
        sys.exit(2)
