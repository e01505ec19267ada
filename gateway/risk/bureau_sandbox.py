"""The adapter `sandbox`: the scripted bureau on this machine that `kulanz run` starts, asked over real HTTP.

Its address is the operator's (KULANZ_SANDBOX_URL), never a merchant's, and always a loopback one.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gateway.core.egress import Guard, SafePool
from gateway.core.errors import Invalid
from gateway.risk.bureau import Answer, Configured, Inquiry, Place, Terms
from gateway.risk.bureau_document import Compiled, compile_document
from gateway.risk.bureau_json import exchange, is_loopback

PATH = "/bureau"
_DOCUMENT: Mapping[str, Any] = {
    "auth": {"kind": "none"},
    "request": {
        "/person/first_name": "first_name",
        "/person/last_name": "last_name",
        "/person/company": "company",
        "/person/birth_date": "birth_date",
        "/address/line1": "line1",
        "/address/postcode": "postcode",
        "/address/city": "city",
        "/address/country": "country",
        "/reference": "reference",
        "/proof/kind": "proof_kind",
        "/proof/text_version": "proof_text_version",
        "/proof/at": "proof_at",
    },
    "response": {
        "hit": {"at": "/found", "values": [True]},
        "score": {"at": "/score", "low": 0, "high": 1000, "direction": "higher_is_better"},
        "identity": {"/person/last_name": "last_name", "/address/postcode": "postcode"},
        "reference": "/reference",
    },
}


class SandboxBureau:
    """Real HTTP over loopback by the same mapping, time-outs and checks as any other bureau."""

    def terms(self, body: Mapping[str, Any], secret: bytes, place: Place) -> Terms:
        """Raises Invalid when there is no sandbox here, or something was to be configured."""
        if body or secret:
            raise Invalid.at("/", "the sandbox takes neither configuration nor secret")
        _mapping(place)
        return Terms(stays_here=True)

    def ask(self, configured: Configured, inquiry: Inquiry, deadline_s: float) -> Answer:
        return exchange(_mapping(configured.place), b"", inquiry, _pool(), deadline_s)


adapter = SandboxBureau()


@lru_cache(maxsize=1)
def _pool() -> SafePool:
    return SafePool(Guard(allow_private=True))


def _mapping(place: Place) -> Compiled:
    if not is_loopback(place.sandbox_url):
        raise Invalid.at("/adapter", "no sandbox runs here: KULANZ_SANDBOX_URL names none on this machine")
    return compile_document({**_DOCUMENT, "url": f"{place.sandbox_url}{PATH}"})
