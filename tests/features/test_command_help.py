"""What `kulanz … --help` prints is meant for people."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import gateway
from gateway.cli import main
from gateway.command_table import COMMANDS


def every(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, by the words one types."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            inner = command.get_command(context, word)
            yield from every(inner, f"{name} {word}")


@pytest.mark.parametrize(("name", "command"), list(every(main, "kulanz")))
def test_help_shows_no_marks_of_the_program_that_formats_it(name, command):
    """A backslash-b keeps an example on its own line and is not for reading."""
    shown = command.get_help(click.Context(command, info_name=name))
    assert "\\b" not in shown
    assert "\b" not in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_says_what_the_command_says_of_itself(name):
    """The list of `kulanz --help` is written without loading anything."""
    command = main.get_command(click.Context(main), name)
    assert command.name == name
    assert command.get_short_help_str(1000) == COMMANDS[name].about


def test_every_command_stands_in_the_table():
    """A command that is defined and cannot be called by anybody is told here."""
    tops = {id(main.get_command(click.Context(main), name)) for name in COMMANDS}
    below = {id(command) for _, command in every(main, "kulanz")}
    folder = Path(gateway.__file__).parent
    for path in sorted(folder.glob("*.py")):
        defined = vars(importlib.import_module(f"gateway.{path.stem}")).values() if "click" in path.read_text() else ()
        strays = [one.name for one in defined if isinstance(one, click.Command) and id(one) not in below | {id(main)}]
        assert not strays, f"{path.name}: {strays}"
    assert len(tops) == len(COMMANDS)


@pytest.mark.parametrize("words", [["--help"], ["calc", "--help"], ["calc", "reference"]])
def test_what_needs_no_server_loads_no_part_of_one(words):
    """Or `kulanz calc` would start as slowly as the product."""
    told = (
        "import sys; from gateway.cli import main; main(sys.argv[1:], standalone_mode=False); "
        "print(sorted({'flask', 'sqlalchemy', 'psycopg', 'alembic', 'redis'} & set(sys.modules)), file=sys.stderr)"
    )
    given = '{"kind": "rf", "base": "1234"}'
    done = subprocess.run([sys.executable, "-c", told, *words], input=given, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
