"""`GET /purchases/{purchase}/certificate`: what the programme has issued for a purchase redeemed here."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.purchase_answer import own_purchase
from bekal.partners.scopes import Scope
from bekal.purchases.certificates import certificates_of_purchases


class CertificateAnswer(Output):
    """The programme's certificate. The paper with the name on it is its holder's alone; anybody can verify it by its
    address, which shows the name masked."""

    purchase: int = Field(examples=[4711])
    state: str = Field(json_schema_extra={"enum": ["none", "valid", "revoked"]})
    number: str | None = Field(examples=["7QKX-MB3H-2F9T-WNRC"])
    address: str | None = Field(
        description="Where anybody sees whether it is valid, and where its Open Badge status is.",
        json_schema_extra={"format": "uri"},
        examples=["https://bekal.example/sertifikat/7QKX-MB3H-2F9T-WNRC/"],
    )
    issued_at: datetime | None
    revoked_at: datetime | None


@endpoint(
    "GET",
    "/purchases/{int:purchase}/certificate",
    Declared(
        tag="evidence",
        summary=_("The certificate that was issued"),
        answer=CertificateAnswer,
        scope=Scope.PURCHASES,
        problems=("purchase_not_found",),
    ),
)
def certificate(request: PartnerRequest, purchase: int) -> CertificateAnswer:
    """`none` until the training is completed. Revoked where the evidence was taken back, or two officers decided."""
    own = own_purchase(request.call, purchase)
    line = certificates_of_purchases(purchase_ids=[own.purchase_id]).get(own.purchase_id)
    if line is None:
        return CertificateAnswer(
            purchase=own.purchase_id, state="none", number=None, address=None, issued_at=None, revoked_at=None
        )
    return CertificateAnswer(
        purchase=own.purchase_id,
        state="valid" if line.is_valid else "revoked",
        number=line.grouped,
        address=request.build_absolute_uri(f"/sertifikat/{line.grouped}/"),
        issued_at=line.issued_at,
        revoked_at=line.revoked_at,
    )
