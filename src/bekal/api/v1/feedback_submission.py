"""`tpm/feedback/submission`: what the institution says of a task that was handed in."""

from collections.abc import Mapping
from typing import Any

from bekal.api.v1.body import number_of, text_of
from bekal.api.v1.door import Call, v1_door
from bekal.core.refusal import Refusal
from bekal.partners.handed_codes import handed_code, refusal_of_cancelled
from bekal.partners.refusals import CallRefusal
from bekal.partners.tasks import NewFeedback, TaskName, TaskStatus, give_feedback


@v1_door("tpm/feedback/submission")
def feedback_submission(call: Call) -> Mapping[str, Any] | Refusal:
    """Passes the task; with `status` 3, which existing clients do not send, it failed and is handed in again."""
    redeem_code, notes = text_of(call.fields, "redeem_code"), text_of(call.fields, "notes", may_be_empty=True)
    scope, sequence = text_of(call.fields, "scope"), number_of(call.fields, "sequence")
    file_url = text_of(call.fields, "url_file", may_be_empty=True) if call.fields.get("url_file") is not None else ""
    status = number_of(call.fields, "status", default=TaskStatus.SUCCESS.value)
    handed = handed_code(redeem_code=redeem_code, institution_id=call.world.institution_id)
    if isinstance(handed, Refusal):
        return handed
    refusal = refusal_of_cancelled(handed)
    if refusal is None and status not in (TaskStatus.SUCCESS, TaskStatus.FAILED):
        refusal = Refusal(CallRefusal.FEEDBACK_STATUS_UNKNOWN)
    if refusal is not None:
        return refusal
    task = TaskName(handed.purchase_id, scope, sequence)
    new = NewFeedback(task, notes, file_url, has_passed=status == TaskStatus.SUCCESS)
    (outcome,) = give_feedback(feedbacks=[new], at=call.at)
    if outcome.refusal is not None:
        return outcome.refusal
    return {
        "id": outcome.submission_id,
        "redeem_code": redeem_code,
        "scope": scope,
        "sequence": sequence,
        "status": status,
        "url_file": file_url,
        "notes": notes,
    }
