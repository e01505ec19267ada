"""The pages speak German completely, and what is compiled is what is written."""

import gettext

from gateway.translations import catalogue


def test_every_sentence_of_the_pages_has_its_german():
    """`python -m gateway.translations` collects, merges and compiles; what it names needs a translation."""
    stored = {message.id: message.string for message in catalogue.stored() if message.id}
    said = {message.id for message in catalogue.said() if message.id}
    assert said == stored.keys(), "run python -m gateway.translations"
    assert not [sentence for sentence, german in stored.items() if not german]


def test_the_compiled_catalogue_says_what_the_written_one_says():
    """Nobody has edited one and forgotten the other."""
    with catalogue.MO.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in catalogue.stored():
        if message.id:
            assert compiled.gettext(message.id) == message.string, "run python -m gateway.translations"


def test_translations_keep_the_places_for_values():
    """A sentence that names an amount in English names it in German."""
    for message in catalogue.stored():
        assert not list(message.check()), message.id
