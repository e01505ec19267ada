"""The pages speak German completely, those of debtors French and Italian too, and what is compiled is what is written."""

import gettext

import pytest

from gateway.translations import catalogue

ALL = pytest.mark.parametrize("language", catalogue.SOURCES)


@ALL
def test_every_sentence_of_the_pages_has_its_translation(language):
    """`python -m gateway.translations` collects, merges and compiles; what it names needs a translation."""
    stored = {message.id: message.string for message in catalogue.stored(language) if message.id}
    said = {message.id for message in catalogue.said(language) if message.id}
    assert said == stored.keys(), "run python -m gateway.translations"
    assert not [sentence for sentence, translated in stored.items() if not translated]


@ALL
def test_the_compiled_catalogue_says_what_the_written_one_says(language):
    """Nobody has edited one and forgotten the other."""
    with catalogue.place(language)[1].open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in catalogue.stored(language):
        if message.id:
            assert compiled.gettext(message.id) == message.string, "run python -m gateway.translations"


@ALL
def test_translations_keep_the_places_for_values(language):
    """A sentence that names an amount in English names it in every language."""
    for message in catalogue.stored(language):
        assert not list(message.check()), message.id
