"""What the codes of a selection mean in plain words, German and English: for the merchant, and one sentence for the buyer (pure)."""

from gateway.checkout.texts import LANGUAGES

REASONS: dict[str, tuple[str, str]] = {
    "safe_method": (
        "Sichere Zahlungsart; keine Auskunft wird eingeholt.",
        "A safe method; no bureau is asked about it.",
    ),
    "kind_not_asked": (
        "Für diese Zahlungsart holt Ihre Richtlinie keine Auskunft ein.",
        "Your policy asks no bureau about this method.",
    ),
    "amount_not_asked": (
        "Bestellwert unter der Grenze, ab der eine Auskunft eingeholt wird.",
        "Order below the amount from which a bureau is asked.",
    ),
    "not_sampled": (
        "Nicht in der Stichprobe, zu der eine Auskunft eingeholt wird.",
        "Not in the sample about which a bureau is asked.",
    ),
    "score_good": ("Die Auskunft spricht nicht dagegen.", "The bureau's answer does not speak against it."),
    "score_middling": (
        "Auskunfts-Score unter Ihrer Grenze für eine Anzahlung.",
        "Bureau score below your limit for a deposit.",
    ),
    "score_low": (
        "Auskunfts-Score unter Ihrer Grenze für diese Zahlungsart.",
        "Bureau score below your limit for this method.",
    ),
    "timeout": ("Die Auskunftei hat nicht rechtzeitig geantwortet.", "The bureau did not answer in time."),
    "error": ("Die Auskunftei war nicht zu erreichen.", "The bureau could not be reached."),
    "garbage": ("Die Antwort der Auskunftei war nicht lesbar.", "The bureau's answer could not be read."),
    "rate_limited": ("Die Auskunftei nimmt gerade keine Anfragen an.", "The bureau takes no requests for now."),
    "no_hit": ("Der Auskunftei ist diese Person nicht bekannt.", "The bureau does not know this person."),
    "wrong_person": ("Die Auskunft betraf eine andere Person.", "The answer was about another person."),
    "no_consent": (
        "Kein Nachweis über Hinweis oder Einwilligung; es wurde nichts angefragt.",
        "No proof of notice or consent; nothing was asked.",
    ),
    "budget": ("Das Monatsbudget für Auskünfte ist aufgebraucht.", "The month's budget for bureaus is spent."),
    "circuit_open": (
        "Die Auskunftei ist gestört; sie wird für kurze Zeit nicht gefragt.",
        "The bureau is out of order; it is left alone for a short while.",
    ),
    "deposit_of_menu": ("Anzahlung wie im Menü angeboten.", "Deposit as the menu offered it."),
    "no_deposit": (
        "Eine Anzahlung ist bei dieser Zahlungsart nicht möglich.",
        "A deposit is not possible with this method.",
    ),
    "last_resort": ("Damit der Käufer überhaupt zahlen kann.", "So that the buyer can pay at all."),
    "last_resort_unsafe": (
        "Damit der Käufer überhaupt zahlen kann; bitte vor Versand prüfen.",
        "So that the buyer can pay at all; please review before shipping.",
    ),
}
NOTICES: dict[str, tuple[str, str]] = {
    "confirmed": ("", ""),
    "deposit": (
        "Für diese Zahlungsart bitten wir um eine Anzahlung.",
        "For this payment method we ask for a deposit.",
    ),
    "choose_another": (
        (
            "Diese Zahlungsart steht für diese Bestellung nicht zur Verfügung. Bitte wählen Sie eine andere; den Grund "
            "nennt Ihnen der Shop auf Nachfrage, und eine Person sieht sich die Entscheidung auf Wunsch an."
        ),
        (
            "This payment method is not available for this order. Please choose another; the shop tells you the reason "
            "when you ask, and a person looks at the decision if you wish."
        ),
    ),
}
"""For the buyer; they tell nothing about him."""


def reason(code: str, language: str) -> str:
    """A reason code in words."""
    return REASONS[code][LANGUAGES.index(language)]


def notice(answer: str, language: str) -> str:
    """What the buyer may read."""
    return NOTICES[answer][LANGUAGES.index(language)]
