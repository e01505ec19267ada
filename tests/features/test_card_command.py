"""The score card's document is printed from the card itself."""

from pathlib import Path

from click.testing import CliRunner

from gateway.commands_card import card


def test_the_document_says_what_the_card_says():
    """docs/scorecard.md is the output of `kulanz card`, point by point."""
    printed = CliRunner().invoke(card, []).output
    assert printed == (Path(__file__).resolve().parents[2] / "docs/scorecard.md").read_text()
