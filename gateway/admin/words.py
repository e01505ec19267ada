"""Codes in the words of the desk, German and English."""

from gateway.admin import claim_words

OUTCOMES = {
    "allow": ("alle Zahlungsarten", "every method"),
    "review": ("mit Vorsicht", "with care"),
    "decline": ("nur sichere Zahlungsarten", "safe methods only"),
}
ANSWERS = {
    "confirmed": ("bestätigt", "confirmed"),
    "deposit": ("mit Anzahlung", "with a deposit"),
    "choose_another": ("andere Zahlungsart verlangt", "another method asked for"),
}
STATES = {
    "PLACED": ("bestellt", "placed"),
    "SHIPPED": ("versandt", "shipped"),
    "DELIVERED": ("zugestellt", "delivered"),
    "CANCELLED": ("storniert", "cancelled"),
}
LETTER_STATES = {
    "DRAFTED": ("wartet", "waits"),
    "PARKED": ("angehalten", "parked"),
    "QUEUED": ("unterwegs", "on its way"),
    "PRINTING": ("wartet auf Papier", "waits for paper"),
    "SENT": ("versandt", "sent"),
    "BOUNCED": ("kam zurück", "came back"),
    "WITHDRAWN": ("zurückgenommen", "taken back"),
}
LETTER_KINDS = {
    "reminder": ("Zahlungserinnerung", "payment reminder"),
    "dunning": ("Mahnung", "dunning letter"),
    "final": ("letzte Mahnung", "final notice"),
    "plan": ("Ratenplan", "instalment plan"),
    "plan_lapsed": ("Ratenplan beendet", "plan ended"),
    "deferral": ("Stundung", "deferral"),
    "receipt": ("Zahlungsbestätigung", "receipt"),
    "payment_not_found": ("Zahlung nicht gefunden", "payment not found"),
    "objection_received": ("Einwand erhalten", "objection received"),
    "objection_answer": ("Antwort auf Einwand", "answer to objection"),
    "reversal": ("Rücknahme", "reversal"),
    "call": ("Anruf", "call"),
    "callback": ("Rückruf an den Shop", "callback to the shop"),
}
CHANNELS = {
    "email": ("E-Mail", "e-mail"),
    "post": ("Post", "post"),
    "callback": ("Shop", "shop"),
    "call": ("Anruf", "call"),
}
RETURN_REASONS = {
    "address-unknown": ("Adresse unbekannt", "address unknown"),
    "moved": ("verzogen", "moved"),
    "refused": ("Annahme verweigert", "refused"),
    "damaged": ("beschädigt", "damaged"),
    "other": ("anderer Grund", "other reason"),
}
EVENTS = {
    "paid": ("Zahlung", "paid"),
    "shipped": ("versandt", "shipped"),
    "delivered": ("zugestellt", "delivered"),
    "cancelled": ("storniert", "cancelled"),
    "returned": ("Ware zurück", "goods came back"),
    "refunded": ("erstattet", "refunded"),
    "withdrawn": ("widerrufen", "withdrawn"),
    "changed": ("geändert", "changed"),
}
LISTED = {"block": ("gesperrt", "blocked"), "allow": ("vertraut", "trusted")}
LIST_KINDS = {
    "email": ("E-Mail-Adresse", "e-mail address"),
    "phone": ("Telefonnummer", "phone number"),
    "address": ("Postanschrift", "postal address"),
    "domain": ("Mail-Domain", "mail domain"),
    "ip": ("IP-Adresse", "IP address"),
    "device": ("Gerät", "device"),
    "handle": ("Zahlungsmittel", "means of payment"),
    "order": ("eine Bestellung", "one order"),
}
STAGES = {
    "draft": ("Entwurf", "draft"),
    "shadow": ("im Schatten", "in the shadow"),
    "share": ("für einen Teil", "for a share"),
    "live": ("entscheidet jetzt", "decides now"),
}
BACKTEST_STATES = {
    "waiting": ("wartet", "waiting"),
    "running": ("läuft", "running"),
    "done": ("fertig", "done"),
    "failed": ("gescheitert", "failed"),
}
SEGMENTS = {
    "buyer": ("Kunde", "buyer"),
    "amount": ("Bestellwert", "order total"),
    "country": ("Lieferland", "delivery country"),
    "b2b": ("Art", "type"),
    "known": ("bekannt", "known"),
    "new": ("neu", "new"),
    "nameless": ("ohne Namen", "nameless"),
    "company": ("Firma", "company"),
    "consumer": ("Privat", "consumer"),
    "unknown": ("unbekannt", "unknown"),
    "other": ("andere", "others"),
}
POLICIES = {
    "checkout": ("Zahlungsarten und Regeln", "Methods and rules"),
    "economics": ("Marge und Kosten", "Margin and costs"),
    "privacy": ("Auskunft an Käufer", "Answers to buyers"),
}
DUNNING = {
    "": ("–", "–"),
    "reminder": ("Zahlungserinnerung", "reminder"),
    "dunning": ("Mahnung", "dunning letter"),
    "final": ("letzte Mahnung", "last letter"),
    "call": ("Anruf", "phone call"),
    "callback": ("Rückruf an den Shop", "callback to the shop"),
    "email": ("E-Mail", "e-mail"),
    "post": ("Post", "post"),
    "friendly": ("freundlich", "friendly"),
    "neutral": ("sachlich", "neutral"),
    "firm": ("bestimmt", "firm"),
    "instalments": ("Raten anbieten", "offer instalments"),
    "deferral": ("Aufschub anbieten", "offer a deferral"),
    "debtor-any": ("alle", "everybody"),
    "debtor-consumer": ("Verbraucher", "consumers"),
    "debtor-business": ("Firmen", "companies"),
    "buyers-new": ("neue Kunden", "new buyers"),
    "buyers-regular": ("bekannte Kunden", "regular buyers"),
}
CALL_OUTCOMES = {
    "reached": ("erreicht", "reached"),
    "promised": ("Zahlung versprochen", "promised to pay"),
    "objected": ("bestreitet die Forderung", "disputes the claim"),
    "not_reached": ("nicht erreicht", "not reached"),
    "wrong_number": ("falsche Nummer", "wrong number"),
    "refused": ("will nicht zahlen", "refuses to pay"),
}
NOTICES = {
    "claim-limited": (
        "Eine Forderung ist verjährt oder kurz davor; es wird nicht mehr gemahnt",
        "A claim is barred by time or about to be; nothing is sent any more",
    ),
    "claim-undeliverable": (
        "Alle Schreiben zu einer Forderung kamen zurück; bitte Anschrift prüfen",
        "Every letter about a claim came back; please check the address",
    ),
    "outbox-parked": ("Eine Nachricht ging nicht hinaus", "A message could not be sent"),
    "order-differs-from-decision": (
        "Eine Bestellung weicht von ihrer Entscheidung ab",
        "An order differs from its decision",
    ),
    "rights-due": ("Eine Anfrage eines Käufers ist bald fällig", "A request of a buyer is due soon"),
    "rights-overdue": ("Eine Anfrage eines Käufers ist überfällig", "A request of a buyer is overdue"),
    "buyer-corrected": (
        "Daten eines Käufers wurden berichtigt; bitte auch im Shop",
        "Data of a buyer was corrected; please correct it in the shop too",
    ),
    "card-testing-started": (
        "Karten werden getestet: ungewöhnlich viele Ablehnungen",
        "Card testing: unusually many declines",
    ),
    "card-testing-ended": ("Das Testen von Karten hat aufgehört", "Card testing has ended"),
    "law-table-ends": (
        "Eine Tabelle des Rechts endet bald; neue Werte mit `kulanz law import`",
        "A table of the law ends soon; new values by `kulanz law import`",
    ),
    "debit-returned": (
        "Eine Lastschrift kam zurück; bitte ansehen, bevor weiter gemahnt wird",
        "A direct debit came back; please look before dunning goes on",
    ),
    "debit-returned-death": (
        "Eine Lastschrift kam zurück, weil der Käufer verstorben ist; nichts geht mehr hinaus",
        "A direct debit came back because the buyer has died; nothing is sent any more",
    ),
    "debit-returned-our-fault": (
        "Eine Lastschrift kam durch einen Fehler beim Einzug zurück; dem Käufer wird nichts berechnet",
        "A direct debit came back for a mistake in collecting it; the buyer is charged nothing",
    ),
    "payment-told-twice": (
        "Shop und Zahlungsanbieter melden verschiedene Zahlungen; bis jemand hinsieht, zählt die größere Summe",
        "Shop and payment provider tell different payments; the larger sum counts until somebody looked",
    ),
    "payment-unbooked": (
        "Geld kam über einen Zahlungslink und ließ sich nicht buchen",
        "Money came by a pay link and could not be booked",
    ),
    "provider-refund-owed": (
        "Beim Zahlungsanbieter wurde erstattet, was danach wieder geschuldet wäre; bitte entscheiden",
        "The provider gave back what would be owed again because of it; please decide",
    ),
    "inbox-parked": ("Eine Nachricht wurde nicht verstanden", "A message could not be understood"),
    "provider-request": (
        "Ein Zahlungsanbieter hat eine Anfrage nicht ausgeführt, oder es ist nicht sicher",
        "A payment provider did not carry out a request, or that is not certain",
    ),
    "chargeback-due": ("Eine Rückbuchung muss bald beantwortet werden", "A chargeback must be answered soon"),
    "chargeback-expired": (
        "Die Frist einer Rückbuchung ist verstrichen",
        "The deadline of a chargeback has passed",
    ),
}
ROLES = {
    "owner": ("Inhaber", "Owner"),
    "admin": ("Admin", "Admin"),
    "clerk": ("Sachbearbeitung", "Clerk"),
    "reader": ("Lesen", "Reader"),
}
CORRECTED = {
    "first_name": ("Vorname", "first name"),
    "last_name": ("Nachname", "last name"),
    "company": ("Firma", "company"),
    "vat_id": ("USt-IdNr.", "VAT id"),
    "phone": ("Telefon", "phone"),
    **{
        f"{part}_{name}": (f"{german}: {feld}", f"{english}: {english_name}")
        for part, (german, english) in {
            "billing": ("Rechnungsadresse", "billing address"),
            "delivery": ("Lieferadresse", "delivery address"),
        }.items()
        for name, (feld, english_name) in {
            "line1": ("Straße", "street"),
            "line2": ("Zusatz", "addition"),
            "postcode": ("PLZ", "postcode"),
            "city": ("Ort", "city"),
            "country": ("Land", "country"),
        }.items()
    },
}
RIGHTS = {
    "review": ("Prüfung durch einen Menschen", "review by a person"),
    "correction": ("Berichtigung", "correction"),
    "objection": ("Widerspruch", "objection"),
    "access": ("Auskunft", "copy of data"),
    "erasure": ("Löschung", "erasure"),
}
RIGHTS_ACTS = {
    "asked": ("erbeten", "asked for"),
    "answered": ("beantwortet", "answered"),
    "withdrawn": ("erledigt durch Löschung", "ended by erasure"),
}
RIGHTS_OUTCOMES = {
    "upheld": ("bleibt bestehen", "stands"),
    "granted": ("gewährt", "granted"),
    "corrected": ("berichtigt", "corrected"),
    "noted": ("gilt", "in force"),
    "ended": ("zurückgenommen", "taken back"),
    "sent": ("gesendet", "sent"),
    "erased": ("gelöscht", "erased"),
    "refused": ("abgelehnt", "refused"),
}
PROOFS = {
    "postcode": ("Link und Postleitzahl", "link and postcode"),
    "email": ("Link und E-Mail-Adresse", "link and e-mail address"),
    "merchant": ("durch den Händler", "by the merchant"),
}
ACTIONS = {
    "user.invited": ("Benutzer eingeladen", "user invited"),
    "user.invited-again": ("neuer Link für Benutzer", "new link for user"),
    "user.password-set": ("Passwort gesetzt", "password set"),
    "user.role-set": ("Rolle geändert", "role changed"),
    "user.disabled": ("Benutzer abgeschaltet", "user disabled"),
    "user.locked": ("Konto gesperrt nach Fehlversuchen", "account locked after failures"),
    "user.logged-in": ("angemeldet", "signed in"),
    "user.sessions-ended": ("abgemeldet, alle Geräte", "signed out, every device"),
    "list.added": ("Listeneintrag angelegt", "list entry added"),
    "list.removed": ("Listeneintrag entfernt", "list entry removed"),
    "policy.saved": ("Richtlinie gespeichert", "policy saved"),
    "policy.activated": ("Richtlinie aktiviert", "policy activated"),
    "policy.staged": ("Richtlinie auf andere Stufe gesetzt", "policy moved to another stage"),
    "policy.rolled-back": ("Richtlinie zurückgenommen", "policy rolled back"),
    "policy.backtested": ("Rückrechnung einer Richtlinie", "policy backtested"),
    "dunning-policy.saved": ("Mahnrichtlinie gespeichert", "dunning policy saved"),
    "dunning-policy.activated": ("Mahnrichtlinie aktiviert", "dunning policy made live"),
    "dunning-policy.rolled-back": ("Mahnrichtlinie zurückgenommen", "dunning policy rolled back"),
    "call.ended": ("Anruf festgehalten", "call written down"),
    "call.dropped": ("Anruf verworfen", "call dropped"),
    "key.created": ("Schlüssel erzeugt", "key created"),
    "key.revoked": ("Schlüssel widerrufen", "key revoked"),
    "shop.created": ("Shop angelegt", "shop created"),
    "shop.closed": ("Shop geschlossen", "shop closed"),
    "shop.key-rotated": ("Signaturschlüssel gewechselt", "signing key changed"),
    "shop.key-retired": ("Signaturschlüssel ausgemustert", "signing key retired"),
    "connection.created": ("Anbindung angelegt", "connection created"),
    "connection.closed": ("Anbindung geschlossen", "connection closed"),
    "callback.created": ("Rückruf angelegt", "callback registered"),
    "callback.secret-rotated": ("Geheimnis des Rückrufs gewechselt", "callback secret changed"),
    "callback.disabled": ("Rückruf abgeschaltet", "callback disabled"),
    "buyer.erased": ("Käufer gelöscht", "buyer erased"),
    "buyer.corrected": ("Käufer berichtigt", "buyer corrected"),
    "buyer.objected": ("Käufer widerspricht der Bewertung", "buyer objects to being assessed"),
    "buyer.objection-ended": ("Käufer nimmt Widerspruch zurück", "buyer takes his objection back"),
    "buyer.copied": ("Daten eines Käufers kopiert", "data of a buyer copied"),
    **{
        f"rights.{kind}.{act}": (f"{german}: {wie}", f"{english}: {how}")
        for kind, (german, english) in RIGHTS.items()
        for act, (wie, how) in RIGHTS_ACTS.items()
    },
    "message.replayed": ("Nachricht erneut gesendet", "message sent again"),
    "message.cancelled": ("Nachricht verworfen", "message cancelled"),
    "connection.changed": ("Verbindung geändert", "Connection changed"),
    "provider_request.replayed": ("Anbieter noch einmal gefragt", "Provider asked again"),
    "provider_request.settled": (
        "Anfrage an Anbieter als ausgeführt vermerkt",
        "Request to a provider noted as carried out",
    ),
    "provider_request.cancelled": ("Anfrage an Anbieter verworfen", "Request to a provider dropped"),
    "shield.lifted": ("Kartenschutz aufgehoben", "card-testing shield lifted"),
    "claim.pay": ("Zahlung zu einer Forderung", "payment for a claim"),
    "claim.hold": ("Forderung angehalten", "claim held"),
    "claim.hold_lifted": ("Halt einer Forderung beendet", "hold of a claim lifted"),
    "claim.credit": ("Gutschrift zu einer Forderung", "claim credited"),
    "claim.due_date": ("Fälligkeit einer Forderung geändert", "due date of a claim changed"),
    "claim.note": ("Notiz zu einer Forderung", "note on a claim"),
    "claim.payment_reversed": ("Zahlung zu einer Forderung zurückgenommen", "payment of a claim taken back"),
    "claim.write_off": ("Forderung ausgebucht", "claim written off"),
    "claim.write_off_reversed": ("Ausbuchung zurückgenommen", "write-off reversed"),
    "notice.read": ("Hinweis gesehen", "notice seen"),
}
ERRORS = {
    **claim_words.ERRORS,
    "role-missing": "Ihre Rolle schließt das nicht ein. Fragen Sie einen Inhaber Ihres Händlerkontos.",
    "page-unknown": "Diese Seite gibt es in der Verwaltung nicht.",
    "form-expired": "Das Formular ist abgelaufen oder kam nicht von unserer Seite. Öffnen Sie die Seite neu.",
    "decision-unknown": "Diese Entscheidung gibt es hier nicht.",
    "order-unknown": "Diese Bestellung gibt es hier nicht.",
    "entry-unknown": "Diesen Eintrag gibt es in den Listen nicht (mehr).",
    "policy-unknown": "Diese Fassung der Richtlinie gibt es nicht.",
    "shop-unknown": "Diesen Shop gibt es nicht.",
    "shop-closed": "Dieser Shop ist geschlossen.",
    "user-unknown": "Diesen Benutzer gibt es nicht.",
    "content-erased": "Der Inhalt dieser Nachricht wurde gelöscht; es gibt nichts mehr zu senden.",
    "last-owner": "Ein Händler behält mindestens einen Inhaber, der sich anmelden kann.",
    "email-taken": "Jemand mit dieser E-Mail-Adresse arbeitet hier schon.",
    "invite-expired": "Dieser Link wurde benutzt, ist abgelaufen oder war nie gültig. Bitten Sie um einen neuen.",
    "too-many-requests": "Zu viele Anfragen. Versuchen Sie es später noch einmal.",
    "unavailable": "Ein Teil des Dienstes ist gerade nicht verfügbar. Es wurde nichts geändert.",
    "request-unknown": "Diese Anfrage gibt es hier nicht.",
    "already-asked": "Dasselbe wurde schon erbeten und ist noch nicht beantwortet.",
    "still-blocked": "Ein Eintrag der Sperrliste geht jeder Zusage vor. Nehmen Sie ihn zuerst von der Liste.",
    "nothing-to-grant": "Diese Entscheidung nennt weder eine Bestellung noch ein Postfach, dem etwas zugesagt werden könnte.",
    "erasure-refused": "Dieser Käufer kann noch nicht gelöscht werden.",
    "buyer-erased": "Dieser Käufer wurde gelöscht.",
    "buyer-unknown": "Diesen Käufer gibt es nicht.",
    "refused": "Das geht im jetzigen Zustand nicht; vielleicht hat schon jemand geantwortet.",
    "call-task-unknown": "Diesen Anruf gibt es hier nicht.",
    "call-done": "Dieser Anruf ist schon erledigt.",
    "nothing-to-roll-back-to": "Keine frühere Fassung war je gültig.",
    "not-found": "Das gibt es hier nicht (mehr).",
}
CATEGORIES = {
    "not_ordered": ("Nicht bestellt", "Not ordered"),
    "not_received": ("Nicht erhalten", "Not received"),
    "returned": ("Zurückgeschickt", "Sent back"),
    "defective": ("Mangelhaft oder falsch", "Defective or wrong"),
    "wrong_amount": ("Falscher Betrag", "Wrong amount"),
    "already_paid": ("Schon bezahlt", "Already paid"),
    "not_my_debt": ("Nicht meine Schuld, Identitätsmissbrauch", "Not my debt, identity misuse"),
    "too_young": ("Minderjährig oder betreut", "Under age or under guardianship"),
    "other": ("Anderes", "Something else"),
}
RETURNS = {
    "withdrawal": ("Widerruf", "withdrawal"),
    "return": ("Retoure", "return"),
    "warranty": ("Gewährleistung", "warranty"),
    "complaint": ("Reklamation", "complaint"),
    "ANNOUNCED": ("angekündigt", "announced"),
    "RECEIVED": ("eingegangen", "received"),
    "SETTLED": ("erledigt", "settled"),
    "REFUSED": ("abgelehnt", "refused"),
    "CANCELLED": ("zurückgenommen", "cancelled"),
    "EXPIRED": ("nie eingegangen", "never came"),
    "receive": ("Ware ist da", "Goods are there"),
    "settle": ("Geld ist zurückgezahlt", "Money is paid back"),
    "accept": ("Anerkennen", "Accept"),
    "refuse": ("Ablehnen", "Refuse"),
    "cancel": ("Zurücknehmen", "Cancel"),
    "expire": ("Ware kam nicht", "Goods did not come"),
}
OBJECTION_STATES = {
    "OPEN": ("offen", "open"),
    "ACCEPTED": ("anerkannt", "accepted"),
    "REJECTED": ("zurückgewiesen", "rejected"),
    "WITHDRAWN": ("zurückgenommen", "withdrawn"),
}
FINDINGS = {
    "": ("–", "–"),
    "justified": ("berechtigt", "justified"),
    "partly": ("teilweise berechtigt", "partly justified"),
    "pretext": ("vorgeschoben", "a pretext"),
    "unclear": ("unklar", "unclear"),
}
PLAN_STATES = {
    "RUNNING": ("läuft", "running"),
    "WARNED": ("Rate fehlt, angekündigt", "instalment missing, notice sent"),
    "LAPSED": ("hinfällig", "lapsed"),
    "FULFILLED": ("erfüllt", "fulfilled"),
    "ENDED": ("beendet", "ended"),
}
