"""The configuration of a JSON-over-HTTPS bureau: where it is, what it is sent, how its answer is read (pure).

A document that passes here cannot fail at a checkout but by what the bureau answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from gateway.core.errors import Invalid
from gateway.core.faults import pointers
from gateway.core.fields import Strict
from gateway.risk.bureau import BEST, PERSONAL, PROOFS, WORST

SENT = (*PERSONAL, "reference", "amount_minor", "currency", "proof_kind", "proof_text_version", "proof_at")
"""What a request may be made of. E-mail, phone, basket and history are not among it: a bureau needs none of them."""
AUTH = ("none", "bearer", "basic", "header", "hmac", "mtls")
MAX_MAPPED = 60
_POINTER = validate.Regexp(r"^(/([^~/\x00-\x1f]|~[01]){1,60}){1,8}\Z", error="must be a JSON pointer like /person/name")
_HEADER = validate.Regexp(r"^[A-Za-z][A-Za-z0-9-]{0,60}\Z", error="must be the name of a header")
_VALUE = validate.Regexp(r"^[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?\Z", error="must be printable ASCII")
_NUMBER = validate.Range(min=-1_000_000, max=1_000_000)
_RESERVED = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"})


class AuthSchema(Strict):
    """How the bureau knows us; the secret is stored apart from this document, sealed."""

    kind = fields.String(required=True, validate=validate.OneOf(AUTH))
    user = fields.String(validate=_VALUE)
    header = fields.String(validate=_HEADER)
    timestamp_header = fields.String(validate=_HEADER)
    key_id = fields.String(validate=_VALUE)
    key_id_header = fields.String(validate=_HEADER)

    @validates_schema
    def complete(self, data: dict[str, Any], **_: Any) -> None:
        needed = {"basic": {"user"}, "header": {"header"}}.get(data["kind"], set())
        allowed = needed | (
            {"header", "timestamp_header", "key_id", "key_id_header"} if data["kind"] == "hmac" else set()
        )
        if lacking := needed - data.keys():
            raise ValidationError(f"goes with the kind {data['kind']}", min(lacking))
        if unused := data.keys() - allowed - {"kind"}:
            raise ValidationError(f"means nothing with the kind {data['kind']}", min(unused))
        if ("key_id" in data) != ("key_id_header" in data):
            raise ValidationError("key_id and key_id_header go together", "key_id")


class HitSchema(Strict):
    """Where the answer says whether the bureau knows the person, and with which words."""

    at = fields.String(required=True, validate=_POINTER)
    values = fields.List(fields.Raw(), required=True, validate=validate.Length(min=1, max=20))

    @validates_schema
    def plain(self, data: dict[str, Any], **_: Any) -> None:
        if not all(isinstance(value, str | int) for value in data["values"]):
            raise ValidationError("texts, whole numbers, true or false", "values")


class BandSchema(Strict):
    """Raw scores from `from` to below the next band's `from`, and what they mean on our scale."""

    from_ = fields.Float(required=True, data_key="from", validate=_NUMBER)
    score = fields.Integer(required=True, strict=True, validate=validate.Range(min=WORST, max=BEST))


class ScoreSchema(Strict):
    """Where the score stands and how it comes onto our scale of 0 (worst) to 1000 (best): by scale, bands or words."""

    at = fields.String(required=True, validate=_POINTER)
    low = fields.Float(validate=_NUMBER)
    high = fields.Float(validate=_NUMBER)
    direction = fields.String(validate=validate.OneOf(["higher_is_better", "lower_is_better"]))
    bands = fields.List(fields.Nested(BandSchema), validate=validate.Length(min=2, max=50))
    values = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=60)),
        values=fields.Integer(strict=True, validate=validate.Range(min=WORST, max=BEST)),
        validate=validate.Length(min=1, max=50),
    )

    @validates_schema
    def one_way(self, data: dict[str, Any], **_: Any) -> None:
        scaled = data.keys() & {"direction"}
        if len(scaled) + len(data.keys() & {"bands", "values"}) != 1:
            raise ValidationError("give direction with low and high, or bands, or values; one of them", "direction")
        if not scaled and not data.get("bands") and data.keys() & {"low", "high"}:
            raise ValidationError("mean nothing with values", "low")
        if not data.get("values") and not (data.keys() >= {"low", "high"} and data["low"] < data["high"]):
            raise ValidationError("the lowest and the highest raw score, in this order", "low")
        starts = [band["from_"] for band in data.get("bands", ())]
        if starts and (starts[0] != data["low"] or any(one >= two for one, two in pairwise(starts))):
            raise ValidationError("begin at low and rise from band to band", "bands")
        if starts and starts[-1] > data["high"]:
            raise ValidationError("the last one begins above high", "bands")


class ResponseSchema(Strict):
    """How an answer is read. What must be there and is not makes it garbage."""

    score = fields.Nested(ScoreSchema, required=True)
    hit = fields.Nested(HitSchema)
    no_hit_status = fields.List(
        fields.Integer(strict=True, validate=validate.OneOf([204, 404, 410, 422])), load_default=list
    )
    identity = fields.Dict(
        keys=fields.String(validate=_POINTER),
        values=fields.String(validate=validate.OneOf(PERSONAL)),
        required=True,
        validate=validate.Length(min=1, max=len(PERSONAL)),
    )
    reference = fields.String(validate=_POINTER)


class BureauSchema(Strict):
    """The document of the adapter `json`."""

    url = fields.String(required=True, validate=validate.Length(min=1, max=2000))
    auth = fields.Nested(AuthSchema, required=True)
    headers = fields.Dict(
        keys=fields.String(validate=_HEADER),
        values=fields.String(validate=_VALUE),
        load_default=dict,
        validate=validate.Length(max=10),
    )
    request = fields.Dict(
        keys=fields.String(validate=_POINTER),
        values=fields.String(validate=validate.OneOf(SENT)),
        required=True,
        validate=validate.Length(min=1, max=MAX_MAPPED),
    )
    constants = fields.Dict(
        keys=fields.String(validate=_POINTER), values=fields.Raw(), load_default=dict, validate=validate.Length(max=30)
    )
    required = fields.List(
        fields.String(validate=validate.OneOf(PERSONAL)), load_default=["last_name", "line1", "postcode"]
    )
    proof = fields.String(load_default="notice", validate=validate.OneOf(PROOFS))
    countries = fields.List(fields.String(validate=validate.Regexp(r"^[A-Z]{2}\Z")), validate=validate.Length(min=1))
    response = fields.Nested(ResponseSchema, required=True)

    @validates_schema
    def coherent(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse headers that are ours, constants that are no plain values, and places within places."""
        if ours := [name for name in data["headers"] if name.lower() in _RESERVED]:
            raise ValidationError({ours[0]: ["is set by the gateway"]}, "headers")
        for place, value in data["constants"].items():
            if not isinstance(value, str | int | float | None) or len(str(value)) > 200:
                raise ValidationError({place: ["a text, a number, true, false or null"]}, "constants")
        places = [*data["request"], *data["constants"]]
        for place in places:
            if places.count(place) > 1 or any(other.startswith(f"{place}/") for other in places):
                raise ValidationError({place: ["another value stands in the same place"]}, "request")
        unsent = set(data["required"]) - set(data["request"].values())
        if unsent:
            raise ValidationError(f"not part of the request: {', '.join(sorted(unsent))}", "required")
        if unknown := set(data["response"]["identity"].values()) - set(data["request"].values()):
            raise ValidationError(f"not part of the request: {', '.join(sorted(unknown))}", "response")


@dataclass(frozen=True, slots=True)
class Scale:
    """From a raw score to ours."""

    at: str
    low: float = 0.0
    high: float = 0.0
    direction: str = ""
    bands: tuple[tuple[float, int], ...] = ()
    values: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, raw: Any) -> int | None:
        """Our score, or None for what is no raw score of this bureau."""
        if self.values:
            return self.values.get(raw) if isinstance(raw, str) else None
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not self.low <= raw <= self.high:
            return None
        if self.bands:
            return [score for start, score in self.bands if start <= raw][-1]
        share = (raw - self.low) / (self.high - self.low)
        return round(BEST * (share if self.direction == "higher_is_better" else 1 - share))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled document."""

    url: str
    auth: Mapping[str, str]
    headers: Mapping[str, str]
    request: Mapping[str, str]
    constants: Mapping[str, Any]
    required: frozenset[str]
    proof: str
    countries: frozenset[str] | None
    scale: Scale
    hit: Mapping[str, Any] | None
    no_hit_status: frozenset[int]
    identity: Mapping[str, str]
    reference: str


_SCHEMA = BureauSchema()


def compile_document(body: Mapping[str, Any]) -> Compiled:
    """The mapping of a document. Raises Invalid with the path of every fault."""
    try:
        data = _SCHEMA.load(body)
    except ValidationError as error:
        raise Invalid(errors=pointers(error.messages)) from error
    read, countries = data["response"], data.get("countries")
    return Compiled(
        url=data["url"],
        auth=data["auth"],
        headers=data["headers"],
        request=data["request"],
        constants=data["constants"],
        required=frozenset(data["required"]),
        proof=data["proof"],
        countries=None if countries is None else frozenset(countries),
        scale=_scale(read["score"]),
        hit=read.get("hit"),
        no_hit_status=frozenset(read["no_hit_status"]),
        identity=read["identity"],
        reference=read.get("reference", ""),
    )


def _scale(data: dict[str, Any]) -> Scale:
    bands = tuple((band["from_"], band["score"]) for band in data.get("bands", ()))
    return Scale(
        at=data["at"],
        low=data.get("low", 0.0),
        high=data.get("high", 0.0),
        direction=data.get("direction", ""),
        bands=bands,
        values=data.get("values", {}),
    )
