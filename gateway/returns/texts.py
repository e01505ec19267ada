"""What a buyer reads who has withdrawn: a confirmation with content, date and time (§ 356a BGB; pure)."""

from collections.abc import Mapping
from dataclasses import dataclass

_TEXTS: Mapping[str, tuple[str, str]] = {
    "de": (
        "Eingang Ihres Widerrufs zur Bestellung {reference}",
        (
            "Guten Tag,\n\nIhr Widerruf zur Bestellung {reference} ist am {at} (Weltzeit, UTC) bei uns eingegangen.\n\n"
            "Ihre Erklärung:\n{words}\n\nWir haben noch nicht geprüft, ob er fristgerecht ist.\n"
        ),
    ),
    "en": (
        "We received your withdrawal from order {reference}",
        (
            "Hello,\n\nwe received your withdrawal from order {reference} on {at} (universal time, UTC).\n\n"
            "What you declared:\n{words}\n\nWe have not yet checked whether it came in time.\n"
        ),
    ),
    "fr": (
        "Réception de votre rétractation, commande {reference}",
        (
            "Bonjour,\n\nnous avons reçu votre rétractation de la commande {reference} le {at} (temps universel, UTC).\n\n"
            "Votre déclaration :\n{words}\n\nNous n'avons pas encore vérifié si le délai est respecté.\n"
        ),
    ),
    "it": (
        "Ricezione del Suo recesso dall'ordine {reference}",
        (
            "Buongiorno,\n\nabbiamo ricevuto il Suo recesso dall'ordine {reference} il {at} (tempo universale, UTC).\n\n"
            "La Sua dichiarazione:\n{words}\n\nNon abbiamo ancora verificato se è nei termini.\n"
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Subject and text."""

    subject: str
    body: str


def confirmation(language: str, reference: str, at: str, words: str) -> Confirmation:
    """In the buyer's language; English where it is none of ours."""
    subject, body = _TEXTS.get(language, _TEXTS["en"])
    return Confirmation(
        subject.format(reference=reference), body.format(reference=reference, at=at, words=words or "–")
    )
