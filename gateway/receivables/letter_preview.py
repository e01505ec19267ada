"""What a letter says, to be read by the merchant: as it was sent where it was an e-mail, else as it would leave now."""

from sqlalchemy.orm import Session

from gateway.core import documents
from gateway.core.channels import Mail
from gateway.core.documents import Owner
from gateway.law.tables import Tables
from gateway.receivables import letter_facts
from gateway.receivables.keys import Keys
from gateway.receivables.letter_mail import text_of
from gateway.receivables.letter_models import Letter
from gateway.receivables.letter_text import compose
from gateway.shops.buyers import BuyerErased


def preview(session: Session, keys: Keys, letter: Letter, public_url: str, tables: Tables) -> str:
    """Plain text; "" of a buyer who is erased or while no sender is told."""
    try:
        if letter.mail_id is not None:
            owner = Owner(letter.buyer_id, keys.of(session, letter.buyer_id))
            return Mail.decode(documents.load(session, owner, letter.mail_id)).body
        gathered = letter_facts.gather(session, keys, letter, public_url, tables)
    except BuyerErased:
        return ""
    return text_of(compose(gathered.model)) if gathered else ""
