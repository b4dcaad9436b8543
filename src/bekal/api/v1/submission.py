"""`tpm/submission`: a practice task or skills test is handed in, as the address of a file."""

from collections.abc import Mapping
from typing import Any

from bekal.api.v1.body import number_of, text_of
from bekal.api.v1.door import Call, v1_door
from bekal.core.refusal import Refusal
from bekal.partners.handed_codes import handed_code, refusal_of_cancelled
from bekal.partners.tasks import NewSubmission, TaskName, TaskStatus, submit_tasks


@v1_door("tpm/submission")
def submission(call: Call) -> Mapping[str, Any] | Refusal:
    """Pending until the institution's feedback; after one that failed it may be handed in again."""
    redeem_code, file_url = text_of(call.fields, "redeem_code"), text_of(call.fields, "url_file")
    scope, sequence = text_of(call.fields, "scope"), number_of(call.fields, "sequence")
    handed = handed_code(redeem_code=redeem_code, institution_id=call.world.institution_id)
    if isinstance(handed, Refusal):
        return handed
    refusal = refusal_of_cancelled(handed)
    if refusal is not None:
        return refusal
    new = NewSubmission(TaskName(handed.purchase_id, scope, sequence), file_url)
    (outcome,) = submit_tasks(submissions=[new], at=call.at)
    if outcome.refusal is not None:
        return outcome.refusal
    return {
        "id": outcome.submission_id,
        "task_id": outcome.task_id,
        "redeem_code": redeem_code,
        "scope": scope,
        "sequence": sequence,
        "status": TaskStatus.PENDING,
        "url_file": file_url,
    }
