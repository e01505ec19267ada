"""What `kulanz … --help` prints is meant for people."""

from collections.abc import Iterator

import click
import pytest

from gateway.cli import main


def every(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, by the words one types."""
    yield name, command
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from every(inner, f"{name} {word}")


@pytest.mark.parametrize(("name", "command"), list(every(main, "kulanz")))
def test_help_shows_no_marks_of_the_program_that_formats_it(name, command):
    """A backslash-b keeps an example on its own line and is not for reading."""
    shown = command.get_help(click.Context(command, info_name=name))
    assert "\\b" not in shown
    assert "\b" not in shown
