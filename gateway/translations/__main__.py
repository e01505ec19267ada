"""Bring the catalogue up to date; says which sentences have no German yet."""

import sys

from gateway.translations.catalogue import update

if __name__ == "__main__":
    missing = update()
    for sentence in missing:
        sys.stdout.write(f"no German for: {sentence}\n")
    sys.exit(1 if missing else 0)
