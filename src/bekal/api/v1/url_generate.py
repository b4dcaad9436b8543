"""`oauth/url-generate`: where to send the participant, who confirms one session on our page and comes back."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from bekal.api.v1.body import number_of, text_of
from bekal.api.v1.door import Call, v1_door
from bekal.api.v1.training_words import KINDS
from bekal.core.refusal import Refusal
from bekal.partners.attendance_requests import ask_for_attendance
from bekal.partners.handed_codes import handed_code, refusal_of_cancelled, refusal_of_sequence
from bekal.partners.refusals import CallRefusal


@v1_door("oauth/url-generate")
def url_generate(call: Call) -> Mapping[str, Any] | Refusal:
    """`email` has to be there and is never compared: nobody learns by it whose address it is."""
    redeem_code, sequence = text_of(call.fields, "redeem_code"), number_of(call.fields, "sequence")
    redirect_uri = text_of(call.fields, "redirect_uri")
    text_of(call.fields, "email")
    handed = handed_code(redeem_code=redeem_code, institution_id=call.world.institution_id)
    if isinstance(handed, Refusal):
        return handed
    refusal = refusal_of_cancelled(handed)
    kind, label, learning_method, is_online_attendance = KINDS[handed.mode]
    if refusal is None and handed.redeemed_at is None:
        refusal = Refusal(CallRefusal.CODE_NOT_USED)
    if refusal is None and not is_online_attendance:
        refusal = Refusal(CallRefusal.TYPE_MISMATCH, {"type_text": label})
    if refusal is None:
        refusal = refusal_of_sequence(handed, sequence)
    if refusal is None and redirect_uri not in call.redirect_uris:
        refusal = Refusal(CallRefusal.REDIRECT_NOT_REGISTERED)
    if refusal is not None:
        return refusal
    state = ask_for_attendance(
        key_id=call.caller.key_id,
        purchase_id=handed.purchase_id,
        sequence=sequence,
        redirect_uri=redirect_uri,
        at=call.at,
    )
    return {
        "url": call.absolute(reverse("web:attendance", args=[state])),
        "state": state,
        "course": {"type": kind, "learning_method": learning_method},
    }
