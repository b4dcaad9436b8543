"""`POST /purchases/{purchase}/certificate`: the institution says that it has given a certificate of its own."""

from typing import Annotated

from django.utils.translation import gettext_lazy as _
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.evidence_lines import Revision, problem_of
from bekal.api.v2.inputs import Input, Instant
from bekal.api.v2.purchase_answer import own_purchase
from bekal.core.evidence import Piece, Source
from bekal.partners.scopes import Scope
from bekal.purchases.models import Evidence
from bekal.purchases.record_evidence import Message, Speaker, record_evidence


def _https(value: str) -> str:
    if not value.startswith("https://") or not value.isascii() or not value.isprintable() or " " in value:
        raise PydanticCustomError("not_an_address", "not an address")
    return value


class OwnCertificateBody(Input):
    """The number on the institution's own certificate, and where it can be verified."""

    number: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,79}$", examples=["LPK-2020/0017"])]
    address: (
        Annotated[str, Field(max_length=200, examples=["https://lembaga.example/s/17"]), AfterValidator(_https)] | None
    ) = None
    given: bool = Field(True, description="false: it was taken back, or said by mistake.")
    happened_at: Instant | None = None
    revision: Revision = 1


class OwnCertificateAnswer(Output):
    """`repeated`: the same was said before."""

    purchase: int
    repeated: bool


@endpoint(
    "POST",
    "/purchases/{int:purchase}/certificate",
    Declared(
        tag="evidence",
        summary=_("State the institution's own certificate"),
        answer=OwnCertificateAnswer,
        scope=Scope.EVIDENCE,
        problems=("purchase_not_found", "purchase_ended", "happened_in_future", "happened_before_purchase"),
    ),
)
def state_own_certificate(request: PartnerRequest, purchase: int, body: OwnCertificateBody) -> OwnCertificateAnswer:
    """A piece of evidence like the others: it is kept as it was said, and corrected by a higher `revision`. Write a
    number and an address that name nobody."""
    call = request.call
    own = own_purchase(call, purchase)
    message = Message(
        speaker=Speaker(Source.INSTITUTION, call.institution),
        purchase_id=own.purchase_id,
        piece=Piece.CERTIFICATE,
        holds=body.given,
        reason=" ".join(filter(None, [body.number, body.address])),
        happened_at=body.happened_at,
        revision=body.revision,
        door=Evidence.Door.V2,
    )
    (outcome,) = record_evidence(messages=[message], at=call.at)
    if outcome.refusal is not None:
        raise problem_of(request.call, own.purchase_id, outcome.refusal)
    return OwnCertificateAnswer(purchase=own.purchase_id, repeated=outcome.repeated)
