"""A letter as e-mail: HTML and plain text of the same words, with the PDF beside them (pure)."""

from functools import cache
from pathlib import Path
from textwrap import fill

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from gateway.core.channels import Attachment, Mail
from gateway.receivables.letter_model import LetterModel
from gateway.receivables.letter_page import Block, Grid, Page, Payment, Row, Section, Table
from gateway.receivables.letter_pdf import document_of
from gateway.receivables.letter_text import compose
from gateway.receivables.letter_words import Words

_FOLDER = Path(__file__).parent / "templates"
_WIDTH = 76


def mail_of(model: LetterModel, pdf: bytes, page: Page | None = None) -> Mail:
    """What the debtor gets: from the merchant by name, answers go to him."""
    said = page or compose(model)
    return Mail(
        to=model.recipient.email,
        subject=" ".join(said.title.split()),
        body=text_of(said, _attached(model)),
        html=html_of(said, _attached(model)),
        sender_name=model.sender.legal_name,
        reply_to=model.sender.email,
        attachments=(Attachment(f"{model.number}.pdf", "application/pdf", pdf),),
    )


def html_of(page: Page, attached: str = "") -> str:
    """Every word escaped, every style at its element: mail programs keep nothing else."""
    document = document_of(page)
    return _template().render(
        page=page,
        blocks=document["blocks"],
        statement=document["statement"],
        attached=attached,
        contact="",
    )


def text_of(page: Page, attached: str = "") -> str:
    """For those who read no HTML."""
    parts = [page.greeting, page.opening]
    for block in page.blocks:
        parts += _block(block)
    for claim in page.statement:
        parts += _block(claim)
    parts += [f"{page.closing}\n{page.signature}"]
    ends = [attached, *(f"{row.label}: {row.value}" for row in page.info), *page.footer]
    parts.append("-- \n" + "\n".join(part for part in ends if part))
    return "\n\n".join(_wrapped(part) for part in parts) + "\n"


def _attached(model: LetterModel) -> str:
    return Words(model.language, model.recipient.country).say("attached")


def _block(block: Block) -> list[str]:
    heading = [f"{block.heading.upper()}"] if block.heading else []
    match block:
        case Table():
            lines = [_line(row) for row in block.rows]
            return _joined(heading, lines, block.notes)
        case Grid():
            lines = ["  ".join(values) for values in block.lines]
            return _joined(heading, [*lines, _line(block.total)], block.notes)
        case Payment():
            return _joined(heading, [_line(row) for row in block.rows], ())
        case Section():
            return [*heading, *block.paragraphs]


def _joined(heading: list[str], lines: list[str], notes: tuple[str, ...]) -> list[str]:
    return ["\n".join([*heading, *lines]), *notes]


def _line(row: Row) -> str:
    return f"{row.label}: {row.value}" if row.value else row.label


def _wrapped(part: str) -> str:
    if "\n" in part:
        return part
    return fill(part, _WIDTH, break_long_words=False, break_on_hyphens=False)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("receivables/letter.html")
