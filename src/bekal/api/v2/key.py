"""`DELETE /keys/{key_id}`: revoke one of the partner's own keys, never the last."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from bekal.api.v2.answers import Output
from bekal.api.v2.endpoint import ANYBODY, Declared, PartnerRequest, endpoint
from bekal.api.v2.problems import Problem
from bekal.core.text import shown
from bekal.partners.keys import revoke_keys
from bekal.partners.models import Partner, PartnerKey
from bekal.partners.scopes import Scope


class RevokedKeyAnswer(Output):
    """A key that opens nothing any more."""

    key_id: str
    revoked_at: datetime


@endpoint(
    "DELETE",
    "/keys/{key_id}",
    Declared(
        tag="keys",
        summary=_("Revoke a key"),
        answer=RevokedKeyAnswer,
        scope=Scope.KEYS,
        kind=ANYBODY,
        keeps=False,
        problems=("key_not_found", "last_key"),
        about_keys=True,
    ),
)
def revoke_key(request: PartnerRequest, key_id: str) -> RevokedKeyAnswer:
    """For good. The last key of a world is not revoked here, because nothing could be called any more; an officer can.
    A key that was revoked before stays as it was."""
    call = request.call
    # Whoever revokes for this partner meanwhile waits here: two keys never take each other away.
    Partner.objects.select_for_update(no_key=True).get(pk=call.partner_id)
    own = PartnerKey.objects.filter(
        partner=call.partner_id, is_sandbox=call.is_sandbox, generation=PartnerKey.Generation.V2
    )
    key = own.filter(client_code=key_id[:60]).first() if "\0" not in key_id else None
    if key is None:
        raise Problem("key_not_found", {"key_id": shown(key_id)})
    if key.revoked_at is None and not own.filter(revoked_at=None).exclude(pk=key.pk).exists():
        raise Problem("last_key")
    revoke_keys(key_ids=[key.pk], at=call.at)
    key.refresh_from_db(fields=["revoked_at"])
    assert key.revoked_at is not None
    return RevokedKeyAnswer(key_id=key.client_code, revoked_at=key.revoked_at)
