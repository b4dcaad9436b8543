"""`tpm/submission/status`: how what was handed in for a task stands, and its feedback."""

from collections.abc import Mapping
from typing import Any

from bekal.api.v1.body import number_of, text_of
from bekal.api.v1.door import Call, v1_door
from bekal.core.refusal import Refusal
from bekal.partners.handed_codes import handed_code, refusal_of_cancelled
from bekal.partners.tasks import TaskName, refusal_of_name, statuses_of


@v1_door("tpm/submission/status")
def submission_status(call: Call) -> Mapping[str, Any] | Refusal:
    """0 not sent, 1 pending, 2 success, 3 failed."""
    redeem_code = text_of(call.fields, "redeem_code")
    scope, sequence = text_of(call.fields, "scope"), number_of(call.fields, "sequence")
    handed = handed_code(redeem_code=redeem_code, institution_id=call.world.institution_id)
    if isinstance(handed, Refusal):
        return handed
    task = TaskName(handed.purchase_id, scope, sequence)
    refusal = refusal_of_cancelled(handed) or refusal_of_name(task)
    if refusal is not None:
        return refusal
    handed_in, answered = statuses_of(task=task)
    return {"assignment": {"status": handed_in}, "feedback": {"status": answered}}
