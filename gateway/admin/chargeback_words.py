"""Words of chargebacks at the desk, in German and English."""

STATES = {
    "INQUIRY": ("Nachfrage", "inquiry"),
    "NEEDS_RESPONSE": ("Antwort nötig", "needs an answer"),
    "PREPARED": ("vorbereitet", "prepared"),
    "SENDING": ("wird übermittelt", "being handed in"),
    "SUBMITTED": ("eingereicht", "handed in"),
    "ACCEPTING": ("wird anerkannt", "being given up"),
    "ACCEPTED": ("anerkannt", "given up"),
    "WON": ("gewonnen", "won"),
    "LOST": ("verloren", "lost"),
    "EXPIRED": ("Frist verstrichen", "deadline passed"),
}
EVENTS = {
    "opened": ("gemeldet", "heard of"),
    "told": ("der Anbieter meldet Neues", "the provider told news"),
    "file_added": ("Beleg hochgeladen", "file uploaded"),
    "prepared": ("Stellungnahme geschrieben", "statement written"),
    "sending": ("Übermittlung begonnen", "handing in begun"),
    "sent": ("vom Anbieter angenommen", "taken by the provider"),
    "handed_in": ("selbst eingereicht", "handed in by hand"),
    "given_up": ("Anerkennung begonnen", "giving up begun"),
    "conceded": ("anerkannt", "given up"),
    "trouble": ("vom Anbieter nicht ausgeführt", "not carried out by the provider"),
    "expired": ("Frist verstrichen", "deadline passed"),
    "claim_decided": ("über die Forderung entschieden", "decided about the claim"),
}
GROUNDS = {
    "nobody is known who would owe it": ("niemand ist bekannt, der es schuldet", ""),
    "the buyer may not have been the one who ordered": ("der Käufer war womöglich nicht der Besteller", ""),
    "delivery is proven": ("die Zustellung ist belegt", ""),
    "delivery is not proven": ("die Zustellung ist nicht belegt", ""),
    "the fault may be ours; somebody has to look": ("der Fehler kann bei uns liegen; bitte ansehen", ""),
    "the goods were delivered": ("die Ware wurde zugestellt", ""),
    "the goods were not delivered": ("die Ware wurde nicht zugestellt", ""),
    "the buyer was erased": ("der Käufer wurde gelöscht", ""),
}
