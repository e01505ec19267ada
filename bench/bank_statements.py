"""A synthetic account: open invoices of invented people, a camt.053 statement of what they transfer, and who paid what.

Nothing here is anybody's data; names are put together so that namesakes are about as frequent as among real customers. How people deviate from what they were asked to write, and how often, is assumed: the table
KINDS says it. The generator knows nothing of how matching reads; references and names are spoiled as people and banks
spoil them, not as a matcher would like it.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from xml.sax.saxutils import escape

GIVEN = """Anna Maria Sophie Laura Lena Julia Sarah Lisa Katharina Christina Sandra Nicole Stefanie Melanie Petra Sabine Monika Karin
Ursula Renate Helga Ingrid Gisela Brigitte Erika Heike Anja Kerstin Silke Birgit Martina Claudia Andrea Susanne Angelika Emma
Mia Hannah Emilia Lina Clara Johanna Charlotte Greta Ida Frieda Mathilda Zeynep Ayse Fatma Elif Olga Natalia Agnieszka Jörg
Jürgen Günther Björn Sören Käthe Dörte Rüdiger Thomas Michael Andreas Stefan Christian Peter Markus Frank Martin Alexander
Daniel Matthias Wolfgang Klaus Werner Hans Dieter Uwe Bernd Ralf Holger Torsten Sven Jens Kai Oliver Dirk Jan Tobias Sebastian
Florian Felix Lukas Leon Paul Jonas Elias Noah Ben Finn Luis Maximilian Moritz Anton Emil Oskar Jakob David Mehmet Mustafa Ali
Ivan Sergej Piotr Marek Barbara Gabriele Ulrike Cornelia Simone Manuela Tanja Daniela Katrin Anke Bettina Christine Dagmar Doris Elke Elisabeth
Elfriede Eva Franziska Gerda Hannelore Hildegard Ilse Irene Jana Jessica Jutta Karla Lieselotte Luise Magdalena Margarete
Marianne Marie Marion Miriam Nadine Nina Paula Pia Ramona Regina Rita Rosemarie Ruth Sonja Susann Svenja Tatjana Theresa Ute
Vanessa Vera Veronika Yvonne Achim Albert Alfred Armin Arne Axel Benjamin Bernhard Boris Carsten Claus Dennis Detlef
Dietmar Dominik Eberhard Eckhard Edgar Egon Erich Ernst Erwin Eugen Fabian Ferdinand Friedrich Fritz Georg Gerd Gerhard Gregor
Guido Gustav Hannes Hartmut Heiko Heinz Helmut Henning Herbert Hermann Hubert Ingo Joachim Johannes Josef Karl Karsten
Konrad Kurt Lars Lothar Ludger Lutz Manfred Marco Mario Marius Maik Nico Niklas Norbert Olaf Otto Patrick Philipp Rainer
Reinhard Richard Robert Roland Rolf Roman Rudolf Siegfried Simon Steffen Theo Thorsten Till Tim Tom Udo Ulrich Victor
Volker Walter Wilhelm Willi Yannick Omar Hassan Yusuf Dmitri Andrej Jakub Tomasz Luca Giovanni Antonio""".split()  # noqa: SIM905
COMMON = """Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf
Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Schmitz Krause Meier Lehmann Schmid
Schulze Maier Köhler Herrmann König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel
Friedrich Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon Ludwig Böhm Winter Kraus
Martin Schumacher Krämer Vogt Stein Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas Schreiber Graf Schulte Dietrich Ziegler
Kuhn Kühn Pohl Engel Horn Busch Bergmann Thomas Voigt Sauer Arnold Wolff Pfeiffer Yilmaz Kaya Demir Nowak Kowalski
Petrov""".split()  # noqa: SIM905
FRONT = """Alt Bach Berg Birken Blum Brand Buch Burg Dorn Eber Eichen Erlen Fels Feld Frei Garten Gold Grün Hagen Hasel Hell Hinter Hohen
Holz Jung Kalt Kirch Kron Land Linden Löwen Mitter Neu Nieder Ober Oster Reichen Rosen Roth Sand Schön Silber Sonnen Stein
Adler Ahorn Anger Bau Bieder Bir Bock Breit Bruck Dach Dahl Deich Diet Eck Ehren Ell Engel Eschen Fal Feder Finken Flach Forst Fried
Fuhr Gais Geier Glas Grab Greif Haber Hals Harten Hecht Heide Herzen Hirsch Hoch Hof Horn Hummel Igel Kamm Kapp Kessel Klee Knob
Krahn Kreuz Kupfer Lauben Lauter Lichten Lohn Mai Mühl Nagel Nuss Ochsen Pfaffen Quell Raben Rauh Reb Ries Sattel Schall Schilf See Speck
Strauch Thal Unter Vorder Wald Weiden Wester Wiesen Winkel Wolfs Ziegel""".split()  # noqa: SIM905
BACK = """auer bacher bauer becker berger brecht brink burger dorfer egger felder fellner gruber hammer hauser heimer hofer holzer huber
hubner kamp kötter lacher leitner linger maier mann meier meister moser müller reuter ritter rieder schläger schmied stätter
steiner stetter thaler wanger weber weger wieser ziegler""".split()  # noqa: SIM905
TRADES = "Autohaus Bäckerei Elektro Malerbetrieb Gartenbau Metallbau Physiotherapie Zahnarztpraxis Steuerkanzlei Hotel".split()  # noqa: SIM905
KINDS = {
    # how the payer names what he pays, in per mille of entries that pay something
    "printed": 340,  # as the invoice prints it, with words around
    "structured": 70,  # creditor reference in its own field (QR code)
    "structured_in_text": 40,  # the same, typed with blanks
    "end_to_end": 25,  # as end-to-end id of a business's software
    "bare": 105,  # without separators, lower case, or the digits only
    "broken": 50,  # a blank or a line end inside
    "order": 80,  # the order's number instead
    "short": 45,  # only the last digits
    "zeros": 30,  # zeros left out or one too many
    "slip": 35,  # one digit wrong, doubled, dropped or swapped
    "ocr": 15,  # letters for digits, from a scanned invoice
    "year": 10,  # year shortened
    "both": 45,  # invoice and order
    "several": 45,  # several invoices, each written out
    "list": 10,  # several, the later ones cut short
    "bundle": 10,  # names one and pays all that is open
    "nothing": 25,  # no number at all
    "noisy": 20,  # customer number, phone, dates, amounts around it
}
AMOUNTS = {"exact": 945, "discount": 15, "rounded": 10, "part": 12, "more": 8, "cents": 10}
PAYERS = {"self": 880, "partner": 45, "joint": 25, "named": 18, "stranger": 32}
STRANGE = {"debit": 30, "payout": 10, "paid_already": 12, "not_ours": 8, "other_matter": 6}
"""Entries that pay nothing open, in per mille of all."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody invented. Companies have no given name."""

    number: str
    given: str
    last: str
    iban: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.last}".strip()


@dataclass(frozen=True, slots=True)
class Invoice:
    """What he owes, with everything printed on it."""

    id: str
    customer: Customer
    number: str
    order: str
    creditor_reference: str
    amount_minor: int
    due_date: date
    knows_iban: bool
    open: bool = True


@dataclass(frozen=True, slots=True)
class Transfer:
    """One line of the statement, with the truth about it."""

    kind: str
    amount_minor: int
    payer: str
    iban: str
    lines: tuple[str, ...]
    structured: str = ""
    end_to_end: str = ""
    credit: bool = True
    pays: tuple[tuple[str, int], ...] = ()
    """Invoice and amount; empty when it pays none of them."""


@dataclass
class Account:
    """The whole of it."""

    invoices: list[Invoice] = field(default_factory=list)
    """Open ones only; what was paid before is not the matcher's to know."""
    transfers: list[Transfer] = field(default_factory=list)

    def camt(self) -> bytes:
        return _camt(self.transfers)


def generate(seed: int, entries: int, open_items: int) -> Account:
    """The same account for the same arguments."""
    return _Maker(random.Random(seed), entries, open_items).make()


class _Maker:
    def __init__(self, chance: random.Random, entries: int, open_items: int) -> None:
        self.chance, self.entries, self.open_items = chance, entries, open_items
        self.invoices: list[Invoice] = []
        self.unpaid: dict[str, list[Invoice]] = {}
        self.customers: list[Customer] = []

    def make(self) -> Account:
        self._issue()
        still_open = [invoice for invoice in self.invoices if invoice.open]
        account = Account(invoices=list(still_open))
        self.chance.shuffle(still_open)
        queue, gone = iter(still_open), set()
        for _ in range(self.entries):
            if (strange := self._pick({**STRANGE, "": 1000 - sum(STRANGE.values())})) != "":
                account.transfers.append(getattr(self, f"_{strange}")())
                continue
            invoice = next(one for one in queue if one.id not in gone)
            transfer = self._pay(invoice)
            gone.update(id_ for id_, _ in transfer.pays)
            for id_, _ in transfer.pays:
                self.unpaid[invoice.customer.number] = [
                    each for each in self.unpaid[invoice.customer.number] if each.id != id_
                ]
            account.transfers.append(transfer)
        return account

    # what is owed

    def _issue(self) -> None:
        numbers = list(range(1, self.open_items * 3 + 1))
        is_open = [True] * self.open_items + [False] * (self.open_items * 2)
        self.chance.shuffle(is_open)
        orders = self.chance.sample(range(1_000_000, 9_999_999), len(numbers))
        due = date(2026, 3, 1)
        for number, opened, order in zip(numbers, is_open, orders, strict=True):
            customer = self._customer()
            invoice = Invoice(
                id=f"inv{number}",
                customer=customer,
                number=f"RE-2026-{number:06}",
                order=f"B{order}",
                creditor_reference=_creditor_reference(f"{2026}{number:08}"),
                amount_minor=self._basket(),
                due_date=due + timedelta(days=number * 90 // len(numbers)),
                knows_iban=self.chance.random() < 0.2,
                open=opened,
            )
            self.invoices.append(invoice)
            if opened:
                self.unpaid.setdefault(customer.number, []).append(invoice)

    def _customer(self) -> Customer:
        if self.customers and self.chance.random() < 0.35:
            return self.customers[int(self.chance.random() ** 2 * len(self.customers))]
        last = self._last_name()
        if self.chance.random() < 0.1:
            trade = self.chance.choice(TRADES)
            form = self.chance.choice(("GmbH", "GmbH & Co. KG", "e.K.", "UG (haftungsbeschränkt)"))
            new = Customer(f"{20000 + len(self.customers)}", "", f"{trade} {last} {form}", _iban(self.chance))
        else:
            new = Customer(f"{20000 + len(self.customers)}", self.chance.choice(GIVEN), last, _iban(self.chance))
        self.customers.append(new)
        return new

    def _last_name(self) -> str:
        if self.chance.random() < 0.2:  # the hundred commonest bear about a seventh of all
            return COMMON[int(self.chance.random() ** 1.6 * len(COMMON))]
        made = self.chance.choice(FRONT) + self.chance.choice(BACK)
        return f"{made}-{self.chance.choice(COMMON)}" if self.chance.random() < 0.03 else made

    def _basket(self) -> int:
        """One to four goods from a catalogue of round prices, often with postage: amounts repeat."""
        prices = (
            995,
            1295,
            1499,
            1799,
            1990,
            1999,
            2495,
            2499,
            2900,
            2999,
            3450,
            3995,
            4990,
            5900,
            7990,
            8995,
            11900,
            14900,
        )
        total = sum(
            self.chance.choice(prices) * self.chance.choice((1, 1, 1, 2))
            for _ in range(self.chance.choice((1, 1, 2, 3, 4)))
        )
        return total + self.chance.choice((0, 0, 390, 490, 495, 590))

    # who pays, how much, and what he writes

    def _pay(self, invoice: Invoice) -> Transfer:
        kind, payer, deviation = self._pick(KINDS), self._pick(PAYERS), self._pick(AMOUNTS)
        paid = [invoice]
        others = [one for one in self.unpaid[invoice.customer.number] if one.id != invoice.id]
        if kind in ("several", "list", "bundle"):
            paid += others if kind == "bundle" else others[: self.chance.choice((1, 1, 2, 3))]
            deviation = "exact"
            if len(paid) == 1:
                kind = "printed"
        total = sum(one.amount_minor for one in paid)
        amount = self._amount(total, deviation)
        name, iban, extra = self._payer(invoice.customer, payer)
        transfer = self._write(kind, paid)
        text = " ".join(part for part in (transfer.get("text", ""), extra) if part)
        rest, pays = amount, []
        for one in sorted(paid, key=lambda each: (each.due_date, each.id)):
            pays.append((one.id, min(rest, one.amount_minor)))
            rest -= pays[-1][1]
        return Transfer(
            kind=f"{kind}/{deviation}/{payer}",
            amount_minor=amount,
            payer=name,
            iban=iban,
            lines=self._lines(text, broken=kind == "broken"),
            structured=transfer.get("structured", ""),
            end_to_end=transfer.get("end_to_end", ""),
            pays=tuple(pays),
        )

    def _amount(self, total: int, deviation: str) -> int:
        if deviation == "discount":
            return total - total * self.chance.choice((2, 3)) // 100
        if deviation == "rounded":
            return max(100, round(total, -2))
        if deviation == "part":
            return max(100, total * self.chance.choice((25, 40, 50, 50, 60)) // 100)
        if deviation == "more":
            return total + self.chance.choice((250, 500, 1000, 1250))
        if deviation == "cents":
            return max(1, total + self.chance.choice((-1, 1, -10, 10, -9, 9)))
        return total

    def _payer(self, customer: Customer, payer: str) -> tuple[str, str, str]:
        """Name as the bank prints it, account, and what the payer adds to the text."""
        if payer == "self" or not customer.given:
            return self._printed(customer.given, customer.last), customer.iban, ""
        other, account = self.chance.choice(GIVEN), _iban(self.chance)
        if payer == "partner":
            return self._printed(other, customer.last), account, ""
        if payer == "joint":
            word = self.chance.choice(("und", "u.", "oder", "+"))
            return self._spoiled(f"{other} {word} {customer.given} {customer.last}"), customer.iban, ""
        stranger = self._printed(other, self._last_name())
        if self.chance.random() < 0.3:
            stranger = self._spoiled(f"{self.chance.choice(TRADES)} {self._last_name()} GmbH")
        return stranger, account, self._spoiled(f"für {customer.name}") if payer == "named" else ""

    def _printed(self, given: str, last: str) -> str:
        if given and self.chance.random() < 0.15:
            return self._spoiled(f"{last}, {given}")
        if given and self.chance.random() < 0.05:
            return self._spoiled(f"{given[0]}. {last}")
        title = (
            self.chance.choice(("Dr. ", "Herr ", "Frau ", "Prof. Dr. "))
            if given and self.chance.random() < 0.06
            else ""
        )
        return self._spoiled(f"{title}{given} {last}".strip())

    def _spoiled(self, text: str) -> str:
        """What banks do to umlauts, case and length."""
        style = self.chance.random()
        if style < 0.35:
            for umlaut, pair in (
                ("ä", "ae"),
                ("ö", "oe"),
                ("ü", "ue"),
                ("ß", "ss"),
                ("Ä", "Ae"),
                ("Ö", "Oe"),
                ("Ü", "Ue"),
            ):
                text = text.replace(umlaut, pair)
        elif style < 0.5:
            text = text.translate(str.maketrans("äöüÄÖÜ", "aouAOU")).replace("ß", "ss")
        if self.chance.random() < 0.3:
            text = text.upper()
        return text[: self.chance.choice((27, 35, 70, 70, 70))].strip()

    def _write(self, kind: str, paid: list[Invoice]) -> dict[str, str]:
        invoice, say = paid[0], self.chance.choice
        number = invoice.number
        digits = number.replace("-", "")[2:]
        word = say(("Rechnung", "Rg.Nr.", "RE", "Rechnungsnummer:", "Invoice", "Rechn.-Nr.", "zu Rechnung", ""))
        tail = say(
            ("", "", "", "Danke", "vielen Dank", f"vom {invoice.due_date:%d.%m.%Y}", "MfG", "Bestellung im Shop")
        )
        if kind in ("structured", "structured_in_text"):
            blanks = " ".join(
                invoice.creditor_reference[at : at + 4] for at in range(0, len(invoice.creditor_reference), 4)
            )
            return (
                {"structured": invoice.creditor_reference}
                if kind == "structured"
                else {"text": f"{say(('Ref', ''))} {blanks}"}
            )
        if kind == "end_to_end":
            return {
                "end_to_end": number,
                "text": say(("Warenlieferung", f"{invoice.customer.number} {number}", "siehe Avis")),
            }
        written = {
            "bare": lambda: say(
                (digits, digits, number.replace("-", ""), number.lower().replace("-", ""), number.replace("-", " "))
            ),
            "order": lambda: f"{say(('Bestellung', 'Auftrag', 'Bestell-Nr', 'Order', ''))} {invoice.order}",
            "short": lambda: f"{word or 'Rechnung'} {say((number[8:], number[8:].lstrip('0')))}",
            "zeros": lambda: say(
                (f"RE-2026-{int(number[8:])}", f"RE-2026-0{number[8:]}", f"RE2026-{int(number[8:]):05}")
            ),
            "slip": lambda: self._slip(say((number, digits, invoice.order, number.replace("-", "")))),
            "ocr": lambda: self._ocr(number),
            "year": lambda: say((f"RE 26/{number[8:]}", f"26-{number[8:]}", f"RE26{number[8:]}")),
            "both": lambda: say(
                (f"{number}, {invoice.order}", f"{invoice.order} / {number}", f"{invoice.order} {digits}")
            ),
            "several": lambda: say((", ", " + ", " und ", "; ", " ")).join(one.number for one in paid),
            "list": lambda: number + "".join(f"{say((', ', ' und ', '/'))}{one.number[8:]}" for one in paid[1:]),
            "nothing": lambda: say(
                (
                    "Ihre Lieferung",
                    "Danke",
                    "Onlinebestellung",
                    "Schuhe",
                    "Einkauf",
                    f"Lieferung vom {invoice.due_date:%d.%m.%y}",
                )
            ),
            "noisy": lambda: (
                f"Kd-Nr. {invoice.customer.number} {number} v. {invoice.due_date:%d.%m.%Y} "
                f"EUR {invoice.amount_minor // 100},{invoice.amount_minor % 100:02} Tel 0171{self.chance.randrange(10**6, 10**7)}"
            ),
        }.get(kind, lambda: number)()
        if kind in ("nothing", "order", "short"):
            return {"text": written}
        return {"text": f"{word} {written} {tail}".strip()}

    def _slip(self, text: str) -> str:
        at = self.chance.choice([place for place, letter in enumerate(text) if letter.isdigit()])
        how = self.chance.random()
        if how < 0.4:
            wrong = self.chance.choice([digit for digit in "0123456789" if digit != text[at]])
            return text[:at] + wrong + text[at + 1 :]
        if how < 0.65 and at + 1 < len(text):
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        return text[:at] + text[at + 1 :] if how < 0.85 else text[:at] + text[at] + text[at:]

    def _ocr(self, text: str) -> str:
        alike = {"0": "O", "1": "Il", "5": "S", "8": "B", "6": "G", "2": "Z"}
        return text[:3] + "".join(
            self.chance.choice(alike[letter]) if letter in alike and self.chance.random() < 0.35 else letter
            for letter in text[3:]
        )

    def _lines(self, text: str, *, broken: bool) -> tuple[str, ...]:
        text = " ".join(text.split())
        if broken:
            at = self.chance.randrange(len(text) // 3, len(text)) if len(text) > 3 else 1
            where = [place for place, letter in enumerate(text) if letter.isdigit()] or [at]
            at = self.chance.choice(where)
            return (text[:at], text[at:]) if self.chance.random() < 0.5 else (f"{text[:at]} {text[at:]}",)
        if len(text) > 27 and self.chance.random() < 0.15:
            return tuple(text[at : at + 27] for at in range(0, len(text), 27))
        return (text[:140],)

    # what pays nothing

    def _debit(self) -> Transfer:
        return Transfer(
            "debit", self._basket(), "Lieferant AG", _iban(self.chance), ("RE-2026-000001 Einkauf",), credit=False
        )

    def _payout(self) -> Transfer:
        text = f"PP.{self.chance.randrange(1000, 9999)}.PP AUSZAHLUNG {self.chance.randrange(10**12, 10**13)}"
        return Transfer(
            "payout", self.chance.randrange(10_000, 900_000), "Zahlungsdienst S.A.", _iban(self.chance), (text,)
        )

    def _paid_already(self) -> Transfer:
        invoice = self.chance.choice([one for one in self.chance.choices(self.invoices, k=30) if not one.open])
        customer = invoice.customer
        return Transfer(
            "paid_already",
            invoice.amount_minor,
            self._printed(customer.given, customer.last),
            customer.iban,
            (f"Rechnung {invoice.number}",),
        )

    def _not_ours(self) -> Transfer:
        text = f"{self.chance.choice(('RE', 'R', 'INV', ''))}{self.chance.choice(('-', ''))}2025-{self.chance.randrange(1, 10**6):06}"
        return Transfer(
            "not_ours",
            self._basket(),
            self._printed(self.chance.choice(GIVEN), self._last_name()),
            _iban(self.chance),
            (text,),
        )

    def _other_matter(self) -> Transfer:
        customer = self.chance.choice(self.customers)
        return Transfer(
            "other_matter",
            self._basket() + self.chance.choice((0, 1, 5)),
            self._printed(customer.given, customer.last),
            customer.iban,
            (self.chance.choice(("Flohmarkt", "Rückzahlung Auslage", "Standmiete")),),
        )

    def _pick(self, weights: dict[str, int]) -> str:
        return self.chance.choices(list(weights), list(weights.values()))[0]


def _creditor_reference(body: str) -> str:
    """ISO 11649: RF, two check digits, body."""
    number = int("".join(str(int(letter, 36)) for letter in body + "RF00"))
    return f"RF{98 - number % 97:02}{body}"


def _iban(chance: random.Random) -> str:
    body = f"{chance.randrange(10**8):08}{chance.randrange(10**10):010}"
    return f"DE{98 - int(body + '131400') % 97:02}{body}"


_ENTRY = """<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>\
<ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{number}</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn>\
<Prtry><Cd>NTRF+166+00000</Cd><Issr>DK</Issr></Prtry></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>\
<AmtDtls><TxAmt><Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls><RltdPties><Dbtr><Pty><Nm>{debtor}</Nm></Pty></Dbtr><DbtrAcct><Id><IBAN>{debtor_iban}</IBAN></Id></DbtrAcct>\
<Cdtr><Pty><Nm>{creditor}</Nm></Pty></Cdtr><CdtrAcct><Id><IBAN>{creditor_iban}</IBAN></Id></CdtrAcct></RltdPties>\
<RltdAgts><DbtrAgt><FinInstnId><BICFI>MARKDEF1100</BICFI></FinInstnId></DbtrAgt></RltdAgts><RmtInf>{remittance}</RmtInf></TxDtls></NtryDtls>\
<AddtlNtryInf>Gutschrift</AddtlNtryInf></Ntry>\n"""
_OWN = ("Synthetischer Laden GmbH", "DE02300606010002474689")


def _camt(transfers: list[Transfer]) -> bytes:
    entries = "".join(_entry(number, transfer) for number, transfer in enumerate(transfers, 1))
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
        "<BkToCstmrStmt><GrpHdr><MsgId>SYNTHETIC</MsgId><CreDtTm>2026-06-01T08:00:00+02:00</CreDtTm></GrpHdr><Stmt><Id>SYNTHETIC-1</Id>"
        f"<ElctrncSeqNb>1</ElctrncSeqNb><Acct><Id><IBAN>{_OWN[1]}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
    )
    return f"{head}{entries}</Stmt></BkToCstmrStmt></Document>".encode()


def _entry(number: int, transfer: Transfer) -> str:
    other, own = (transfer.payer, transfer.iban), _OWN
    debtor, creditor = (other, own) if transfer.credit else (own, other)
    free = "".join(f"<Ustrd>{escape(line)}</Ustrd>" for line in transfer.lines if line)
    structured = (
        f"<Strd><CdtrRefInf><Ref>{transfer.structured}</Ref></CdtrRefInf></Strd>" if transfer.structured else ""
    )
    return _ENTRY.format(
        amount=f"{transfer.amount_minor // 100}.{transfer.amount_minor % 100:02}",
        sign="CRDT" if transfer.credit else "DBIT",
        family="RCDT" if transfer.credit else "ICDT",
        day="2026-06-01",
        number=f"SYN{number:012}",
        end_to_end=transfer.end_to_end or "NOTPROVIDED",
        debtor=escape(debtor[0]),
        debtor_iban=debtor[1],
        creditor=escape(creditor[0]),
        creditor_iban=creditor[1],
        remittance=free + structured,
    )
