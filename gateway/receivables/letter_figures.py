"""The figures of a letter in words: one claim line by line, several at a glance, and the default with its ground."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from gateway.receivables.figures import CostKind, DefaultGround, InterestSpan, LetterFigures
from gateway.receivables.letter_model import ClaimLine, Kind, LetterModel
from gateway.receivables.letter_page import Grid, Row, Table
from gateway.receivables.letter_words import Words

MOST_GOODS = 4
"""Named one by one; the rest is counted."""
GOODS_LENGTH = 60


def table(line: ClaimLine, model: LetterModel, words: Words, *, alone: bool) -> Table:
    """A claim from what was owed to what is open."""
    figures = line.figures
    heading = "rows.heading_settled" if model.kind is Kind.RECEIPT else "rows.heading"
    rows = (
        *_origin(line, words),
        *([] if alone or not figures.payment_reference else [_reference(figures, words)]),
        *_movements(figures, words),
        *_costs(figures, words),
        *_interest(figures, words),
        Row(words.say("rows.total"), words.money(figures.total_minor, figures.currency), strong=True),
    )
    number = figures.invoice_number or figures.order_number
    thing = "invoice" if figures.invoice_number else "order"
    title = words.say(heading) if alone else words.say(f"named.{thing}", **{thing: number})
    return Table(title, rows, _notes(figures, model, words))


def grid(model: LetterModel, words: Words, names: list[str]) -> Grid:
    """All claims at a glance; what each consists of stands in the statement."""
    lines = tuple(
        (
            name,
            words.short_day(line.figures.due_date),
            words.money(line.figures.total_minor, model.currency),
        )
        for name, line in zip(names, model.claims, strict=True)
    )
    total = Row(words.say("rows.total_all"), words.money(model.total_minor, model.currency), strong=True)
    columns = tuple(words.say(f"columns.{name}") for name in ("what", "due", "open"))
    heading = "rows.heading_settled" if model.kind is Kind.RECEIPT else "rows.heading"
    return Grid(words.say(heading), columns, lines, total, (words.say("statement.see"),))


def default_of(line: ClaimLine, model: LetterModel, words: Words, name: str) -> str:
    """Since when he is in default and why; "" while he is in none."""
    default = line.figures.default
    if default is None:
        return ""
    key = f"ground.{default.ground}"
    if default.ground is DefaultGround.INVOICE_30_DAYS and not default.agreed_in:
        key += "_business"
    ground = words.say(key, agreed_in=default.agreed_in)
    alone = len(model.claims) == 1
    return words.say(
        "default.since" if alone else "default.since_for", what=name, since=words.day(default.since), ground=ground
    )


def goods_in_words(goods: tuple[str, ...], words: Words) -> str:
    """`2 × Coffee mill, Filter paper and 3 more items`."""
    named = ", ".join(_cut(one) for one in goods[:MOST_GOODS])
    rest = len(goods) - MOST_GOODS
    return f"{named} {words.say('rows.more_goods', count=rest)}" if rest > 0 else named


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= GOODS_LENGTH else plain[: GOODS_LENGTH - 1].rstrip() + "…"


def _origin(line: ClaimLine, words: Words) -> list[Row]:
    figures = line.figures
    pairs = [
        ("rows.invoice", _dated(figures.invoice_number, figures.invoice_date, words)),
        ("rows.order", _dated(figures.order_number, figures.order_date, words)),
        ("rows.goods", goods_in_words(line.goods, words)),
        ("rows.delivered", words.short_day(figures.delivery_date) if figures.delivery_date else ""),
        ("rows.due", words.short_day(figures.due_date)),
    ]
    return [Row(words.say(key), told, fact=True) for key, told in pairs if told]


def _dated(number: str, day: date | None, words: Words) -> str:
    return words.say("rows.dated", number=number, date=words.short_day(day)) if number and day else number


def _reference(figures: LetterFigures, words: Words) -> Row:
    return Row(words.say("pay.reference"), figures.payment_reference, fact=True)


def _movements(figures: LetterFigures, words: Words) -> list[Row]:
    def less(minor: int) -> str:
        return words.money(-minor, figures.currency)

    rows = [Row(words.say("rows.principal"), words.money(figures.principal_minor, figures.currency))]
    for name, bookings in (("rows.payment", figures.payments), ("rows.credit", figures.credits)):
        rows += [Row(words.say(name, date=words.short_day(one.on)), less(one.amount_minor)) for one in bookings]
    if figures.waived_minor:
        rows.append(Row(words.say("rows.waived"), less(figures.waived_minor)))
    if figures.not_demanded_minor:
        rows.append(Row(words.say("rows.not_demanded"), less(figures.not_demanded_minor)))
    return rows


def _costs(figures: LetterFigures, words: Words) -> list[Row]:
    rows = list[Row]()
    for cost in figures.costs:
        if cost.kind is CostKind.LUMP_SUM:
            law = words.law("lump_sum")
            label = words.say("rows.lump_sum" if law else "rows.lump_sum_plain", law=law)
        else:
            label = words.say("rows.cost", cause=cost.cause, date=words.short_day(cost.incurred_on))
        rows.append(Row(label, words.money(cost.amount_minor, figures.currency)))
    return rows


def _interest(figures: LetterFigures, words: Words) -> list[Row]:
    """One span with its amount; of several the sum, since only that is rounded."""
    if figures.interest_minor is None or not figures.interest:
        return []
    spans = [
        words.say(
            "rows.interest",
            rate=words.rate(span.rate_percent),
            base=words.money(span.base_minor, figures.currency),
            **{"from": words.short_day(span.from_date), "to": words.short_day(span.to_date)},
        )
        for span in _joined(figures.interest)
    ]
    accrued = words.money(figures.accrued_minor, figures.currency)
    if len(spans) == 1:
        return [Row(spans[0], accrued)]
    return [*(Row(one, "") for one in spans), Row(words.say("rows.interest_sum"), accrued)]


def _joined(spans: Sequence[InterestSpan]) -> list[InterestSpan]:
    """Spans that follow each other on one base at one rate are one: when it was booked is no matter of the debtor's."""
    found = list[InterestSpan]()
    for span in spans:
        last = found[-1] if found else None
        if (
            last
            and (last.base_minor, last.rate_percent) == (span.base_minor, span.rate_percent)
            and _follows(last, span)
        ):
            found[-1] = replace(last, to_date=span.to_date, amount=last.amount + span.amount)
        else:
            found.append(span)
    return found


def _follows(last: InterestSpan, span: InterestSpan) -> bool:
    return last.to_date + timedelta(days=1) == span.from_date


def _notes(figures: LetterFigures, model: LetterModel, words: Words) -> tuple[str, ...]:
    notes = list[str]()
    if figures.interest_minor is None and figures.default:
        notes.append(words.say("rows.interest_reserved", since=words.day(figures.default.since)))
    law = words.law("interest_consumer" if model.recipient.consumer else "interest_business")
    if figures.interest and figures.interest_minor is not None and law:
        notes.append(words.say("rows.interest_law", law=law) + ".")
    return tuple(notes)
