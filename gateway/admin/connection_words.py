"""What the pages of connections say of a provider's settings, and why something did not get through, in both languages."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.core.pages import language
from gateway.payments.providers import Setting

Pair = tuple[str, str]
"""German and English."""

WHERE: Mapping[tuple[str, str], Pair] = MappingProxyType(
    {
        ("stripe", "webhook_secret"): (
            "Geheimnis des Webhook-Endpunkts (whsec_…): bei Stripe unter Entwickler, Webhooks, Endpunkt, Signatur-Geheimnis.",
            "Signing secret of the webhook endpoint (whsec_…): at Stripe under Developers, Webhooks, the endpoint, signing secret.",
        ),
        ("stripe", "api_key"): (
            "Schlüssel (rk_… oder sk_…) für Zahlungslinks, Erstattungen und Antworten: unter Entwickler, API-Schlüssel.",
            "Key (rk_… or sk_…) for pay links, refunds and answers: under Developers, API keys.",
        ),
        ("adyen", "hmac_key"): (
            "HMAC-Schlüssel des Standard-Webhooks (hexadezimal): in den Einstellungen des Webhooks unter Sicherheit.",
            "HMAC key of the standard webhook (hexadecimal): in the webhook's settings under Security.",
        ),
        ("adyen", "merchant_account"): (
            "Code des Händlerkontos, wie er oben in Adyens Oberfläche steht.",
            "Code of the merchant account, as it stands at the top of Adyen's pages.",
        ),
        ("adyen", "basic_auth"): (
            "benutzer:passwort, wie beim Webhook eingetragen; empfohlen.",
            "user:password as entered at the webhook; advised.",
        ),
        ("adyen", "capture"): (
            "manual, wenn Sie Zahlungen gesondert einziehen; sonst immediate oder leer.",
            "manual where you capture payments separately; otherwise immediate or empty.",
        ),
        ("adyen", "api_key"): (
            "API-Schlüssel mit den Rollen Checkout und Disputes.",
            "API key with the roles Checkout and Disputes.",
        ),
        ("adyen", "live_prefix"): (
            "Vorsilbe Ihrer Live-Adressen, wie Adyen sie bei den API-Adressen zeigt.",
            "Prefix of your live addresses, as Adyen shows it beside the API addresses.",
        ),
        ("paypal", "webhook_id"): (
            "Kennung des Webhooks: auf den Entwicklerseiten von PayPal bei Ihrer App.",
            "Id of the webhook: on PayPal's developer pages at your app.",
        ),
        ("paypal", "client_id"): (
            "Client-ID der App, auf denselben Seiten.",
            "Client id of the app, on the same pages.",
        ),
        ("paypal", "client_secret"): (
            "Geheimnis der App, auf denselben Seiten.",
            "Secret of the app, on the same pages.",
        ),
        ("mollie", "api_key"): (
            "API-Schlüssel (live_… oder test_…): bei Mollie unter Entwickler, API-Schlüssel.",
            "API key (live_… or test_…): at Mollie under Developers, API keys.",
        ),
        ("mollie", "signing_secret"): (
            "Geheimnis eines Next-gen-Webhooks, falls Sie einen haben.",
            "Secret of a next-gen webhook, where you have one.",
        ),
        ("mollie", "webhook_url"): (
            "Die Adresse dieser Anbindung, damit Zahlungen, die wir beginnen, sie nennen können.",
            "The address of this connection, so that payments begun by us can name it.",
        ),
        ("gocardless", "webhook_secret"): (
            "Geheimnis des Webhook-Endpunkts: bei GoCardless unter Entwickler, Webhooks.",
            "Secret of the webhook endpoint: at GoCardless under Developers, Webhooks.",
        ),
        ("gocardless", "access_token"): (
            "Zugangsschlüssel (live_… oder sandbox_…): unter Entwickler, Access Tokens.",
            "Access token (live_… or sandbox_…): under Developers, Access tokens.",
        ),
        ("klarna", "signing_keys"): (
            "Signaturschlüssel als kennung:geheimnis, so wie Klarna sie bei der Anlage einmal zeigt.",
            "Signing keys as id:secret, as Klarna shows them once when they are made.",
        ),
        ("klarna", "api_key"): (
            "API-Schlüssel für Reklamationen, wie er hinter „Basic“ steht.",
            "API key for disputes, as it stands behind “Basic”.",
        ),
        ("unzer", "private_key"): (
            "Privater Schlüssel (p-priv-… oder s-priv-…): in Unzers Zugangsdaten.",
            "Private key (p-priv-… or s-priv-…): in Unzer's credentials.",
        ),
        ("unzer", "public_key"): (
            "Öffentlicher Schlüssel (p-pub-… oder s-pub-…): in Unzers Zugangsdaten.",
            "Public key (p-pub-… or s-pub-…): in Unzer's credentials.",
        ),
    }
)

WHY: Mapping[str, Pair] = MappingProxyType(
    {
        "answer-lost": (
            "Die Antwort ging verloren: vielleicht ist es geschehen, vielleicht nicht. Bitte beim Anbieter nachsehen.",
            "The answer was lost: it may have happened or not. Please look at the provider.",
        ),
        "cancelled": ("Jemand hat entschieden, es nicht mehr zu senden.", "Somebody decided not to send it any more."),
        "settled": ("Jemand hat nachgesehen: Es war geschehen.", "Somebody looked: it had happened."),
        "wrong-mode": (
            "Testmeldung an einen echten Shop oder umgekehrt.",
            "A test message came to a live shop, or the other way round.",
        ),
        "wrong-account": (
            "Die Meldung gehört zu einem anderen Konto des Anbieters.",
            "The message belongs to another account of the provider.",
        ),
        "unreadable": (
            "Die Meldung hat nicht die Form dieses Anbieters.",
            "The message is not in the form of this provider.",
        ),
        "provider-away": ("Der Anbieter war nicht zu erreichen.", "The provider could not be reached."),
        "provider-busy": ("Der Anbieter wollte weniger Anfragen.", "The provider wanted fewer requests."),
        "provider-unclear": (
            "Die Antwort des Anbieters war nicht zu lesen.",
            "The provider's answer could not be read.",
        ),
        "provider-refused": ("Der Anbieter hat abgelehnt.", "The provider refused."),
        "setting-missing": (
            "Der Anbindung fehlt eine Angabe; ergänzen Sie sie unter Anbindungen.",
            "The connection lacks a setting; add it under Connections.",
        ),
        "not-offered": ("Dieser Anbieter bietet das nicht an.", "This provider does not offer that."),
        "connection-closed": ("Die Anbindung ist geschlossen.", "The connection is closed."),
        "connection-unknown": ("Die Anbindung ist geschlossen.", "The connection is closed."),
        "currency-contradicts": (
            "Die Währung passt nicht zu dem, was vorher gemeldet wurde.",
            "The currency contradicts what was told before.",
        ),
        "timeout": ("Die Gegenstelle antwortete nicht rechtzeitig.", "The other side did not answer in time."),
    }
)

ASKED: Mapping[str, Pair] = MappingProxyType(
    {
        "refund": ("Erstattung", "Refund"),
        "charge": ("Abbuchung", "Charge"),
        "evidence": ("Antwort auf eine Reklamation", "Answer to a dispute"),
        "accept_dispute": ("Reklamation anerkennen", "Give up a dispute"),
    }
)


def _told(pair: Pair) -> str:
    return pair[0] if language() == "de" else pair[1]


def where(provider: str, setting: Setting) -> str:
    """What a setting is and where to find it; of a provider of somebody else in that one's own words."""
    pair = WHERE.get((provider, setting.name))
    return _told(pair) if pair else setting.words


def why(code: str | None) -> str:
    """A reason in words; nothing where there are none for it."""
    if code and code.startswith("http-"):
        status = code.removeprefix("http-")
        return _told((f"Die Gegenstelle antwortete mit {status}.", f"The other side answered {status}."))
    pair = WHY.get(code or "")
    return _told(pair) if pair else ""


def asked(kind: str) -> str:
    """What a provider was asked for."""
    return _told(ASKED[kind])
