"""`POST /keys`: a second key, so that the first can be rotated."""

import json
from typing import Annotated, Any

from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.api.v2.faults import fault, invalid
from bekal.api.v2.inputs import Input
from bekal.api.v2.problems import refused
from bekal.partners.keys import KeyOrder, issue_keys
from bekal.partners.models import PartnerKey
from bekal.partners.scopes import Scope

ScopeName = Annotated[str, Field(max_length=40, examples=["redeem"])]


class KeyBody(Input):
    """What the new key may do: some of what this key may."""

    scopes: Annotated[list[ScopeName], Field(max_length=20)] | None = Field(
        None, description="Left out, or null: what this key may.", examples=[["redeem", "evidence", "keys"]]
    )


class NewKeyAnswer(Output):
    """The new key. `secret` is shown once: the same Idempotency-Key again shows null."""

    key_id: str = Field(examples=["lembaga-7-k3v9q2mw"])
    secret: str | None = Field(examples=["5f0c…"])
    scopes: list[str]


@endpoint(
    "POST",
    "/keys",
    Declared(
        tag="keys",
        summary=_("Issue a second key"),
        answer=NewKeyAnswer,
        status=201,
        scope=Scope.KEYS,
        kind=ANYBODY,
        keeps=False,
        problems=("two_keys_live", "partner_not_tied"),
        about_keys=True,
    ),
)
def issue_key(request: PartnerRequest, body: KeyBody) -> NewKeyAnswer:
    """For the world of this key. Two keys are valid at once: take the new one into use, then revoke the old one. Keep
    the secret when you see it: nobody can show it again, and a retry is not shown it either. If it was lost, revoke the
    new key and issue another."""
    call = request.call
    wanted = sorted(call.scopes) if body.scopes is None else list(dict.fromkeys(body.scopes))
    faults = [
        fault("scope_not_held", pointer=f"/scopes/{place}", value=name)
        for place, name in enumerate(wanted)
        if name not in call.scopes
    ]
    if faults:
        raise invalid(faults)
    order = KeyOrder(call.partner_id, PartnerKey.Generation.V2, call.is_sandbox, tuple(wanted))
    (outcome,) = issue_keys(orders=[order], at=call.at)
    if outcome.refusal is not None:
        raise refused(outcome.refusal)
    shown: dict[str, Any] = {"key_id": outcome.client_code, "secret": None, "scopes": wanted}
    request.remembered = json.dumps(shown)
    return NewKeyAnswer(**{**shown, "secret": outcome.secret})
