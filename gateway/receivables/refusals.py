"""Why a claim refuses what was asked of it (pure); each changes nothing."""

from gateway.core.errors import NotFound, Refused


class ClaimClosed(Refused):
    """The claim is settled, written off or sold."""


class NotJustified(Refused):
    """A fee or lump sum needs a debtor in default who still owes something on that day."""


class LumpSumRefused(Refused):
    """The lump sum is for businesses only, once per claim."""


class AlreadyBooked(Refused):
    """Something else was already booked for this cause."""


class CreditTooHigh(Refused):
    """More would be credited than there is to credit."""


class RefundTooHigh(Refused):
    """The debtor's credit is lower than that."""


class PaymentUnknown(NotFound):
    """There is no such payment on this claim."""


class BookingUnknown(NotFound):
    """There is no such entry on this claim that could be reversed."""


class HoldUnknown(NotFound):
    """There is no such hold running on this claim."""
