"""`payment/redeem-code/status`: how a code that was handed over stands, and whether a session of it was attended."""

from collections.abc import Mapping
from typing import Any

from bekal.api.v1.body import number_of, text_of
from bekal.api.v1.door import Call, v1_door
from bekal.api.v1.training_words import KINDS, instant, invoice_code, schedule_code, start_end
from bekal.core.refusal import Refusal
from bekal.partners.handed_codes import handed_code, refusal_of_cancelled, refusal_of_sequence, session_of_code

# `status`: not redeemed yet, redeemed. `attendance_status`: not proven yet, verified.
NOT_REDEEMED, REDEEMED = 0, 1
NOT_VERIFIED, VERIFIED = 0, 1


@v1_door("payment/redeem-code/status")
def redeem_code_status(call: Call) -> Mapping[str, Any] | Refusal:
    """`sequence` may be left out: then it is the first session."""
    redeem_code, sequence = text_of(call.fields, "redeem_code"), number_of(call.fields, "sequence", default=1)
    handed = handed_code(redeem_code=redeem_code, institution_id=call.world.institution_id)
    if isinstance(handed, Refusal):
        return handed
    refusal = refusal_of_cancelled(handed) or refusal_of_sequence(handed, sequence)
    if refusal is not None:
        return refusal
    session = session_of_code(handed, sequence=sequence)
    kind, label, learning_method, is_online_attendance = KINDS[handed.mode]
    return {
        "redeem_code": redeem_code,
        "course_code": handed.training_code,
        "invoice_code": invoice_code(handed),
        "schedule_code": schedule_code(handed, sequence),
        "status": NOT_REDEEMED if handed.redeemed_at is None else REDEEMED,
        "attendance_status": VERIFIED if session.is_attended else NOT_VERIFIED,
        "redeem_at": instant(handed.redeemed_at),
        "dp_platform": handed.platform_code,
        "schedule_start_end": start_end(session),
        "course_type": kind,
        "course_type_label": label,
        "course_learning_method": learning_method,
        "is_online_attendance": is_online_attendance,
        "sequence": sequence,
    }
