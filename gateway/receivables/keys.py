"""The buyer's key that seals what is told of a claim: history, purposes of payments, a newer address."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.bulk import among
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.shops import buyers
from gateway.shops.buyers import BuyerErased
from gateway.shops.models import Buyer


@dataclass(frozen=True, slots=True)
class Keys:
    """Gives buyers' keys, held until the transaction ends: no erasure passes meanwhile."""

    keyring: Keyring

    def of(self, session: Session, buyer_id: UUID) -> bytes:
        """Raises BuyerErased: nothing can be added to his claims any more."""
        key = buyers.find_key(session, self.keyring, buyer_id, hold=True)
        if key is None:
            raise BuyerErased
        return key

    def many(self, session: Session, buyer_ids: Collection[UUID]) -> dict[UUID, bytes]:
        """Keys of many buyers in one read; who is erased is missing."""
        mine = Buyer.merchant_id == merchant_of(session), among(Buyer.id, buyer_ids), Buyer.wrapped_key.is_not(None)
        wanted = select(Buyer.id, Buyer.wrapped_key).where(*mine).order_by(Buyer.id)
        rows = session.execute(wanted.with_for_update(read=True, key_share=True))
        return {id_: self.keyring.unwrap(wrapped, buyers.context_of(id_)) for id_, wrapped in rows if wrapped}
