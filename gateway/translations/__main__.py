"""Bring the catalogues up to date; says which sentences have no translation yet."""

import sys

from gateway.translations.catalogue import SOURCES, update

if __name__ == "__main__":
    missing = [(language, sentence) for language in SOURCES for sentence in update(language)]
    for language, sentence in missing:
        sys.stdout.write(f"no {language}: {sentence}\n")
    sys.exit(1 if missing else 0)
