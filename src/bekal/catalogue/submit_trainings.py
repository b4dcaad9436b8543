"""`submit_trainings`: an institution (at its desk, or by its or a platform's system) offers a training or a change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from bekal.catalogue.content import (
    Content,
    changes,
    columns_of,
    derived_code,
    refusal_of_code,
    refusal_of_what_is_sold,
)
from bekal.catalogue.models import Institution, Submission, Training, TrainingPrice
from bekal.catalogue.on_sale import lock_shelf
from bekal.catalogue.prices import write_prices
from bekal.catalogue.refusals import ShelfRefusal
from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.ledger.clock import programme_day

OPEN = (Submission.State.DRAFT, Submission.State.SUBMITTED, Submission.State.RETURNED)
MAX_BIGINT = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubmission:
    """A training as `institution_id` would teach it. `code` names it for ever ("": made from institution and title);
    the code of a training that is there makes it a change of that one. `by_id` is the person at the desk, None: a
    system. A draft waits for nobody."""

    institution_id: int
    content: Content
    code: str = ""
    is_draft: bool = False
    by_id: int | None = None


@dataclass(frozen=True, slots=True)
class SubmitOutcome:
    """`state` is the submission's (`Submission.State`), or "lowered": the price fell at once, or "unchanged": it is
    offered so already. `repeated`: it was sent so before. A refusal changed nothing."""

    code: str = ""
    submission_id: int | None = None
    training_id: int | None = None
    state: str = ""
    refusal: Refusal | None = None
    repeated: bool = False


def submit_trainings(*, submissions: Sequence[NewSubmission], at: datetime) -> tuple[SubmitOutcome, ...]:
    """Put each into the curation queue; outcomes in the order given, one transaction, each refused by itself.

    What is written anew replaces the open submission of the same code, so that the same call again changes nothing. An
    approved training stays as it is until a curator has decided on its change; only a lower price, and nothing else,
    holds at once, because nobody has to be protected from it. Refused: an unknown institution, fields out of range, a
    code of another institution's training, fewer seats than are sold, fewer sessions than have a date.
    """
    programme_day(at)  # refuses a naive instant
    with transaction.atomic():
        lock_submissions()
        return tuple(_submit(new, at) for new in submissions)


@transaction.atomic
def withdraw_submissions(
    *, submission_ids: Sequence[int], institution_id: int, at: datetime
) -> tuple[SubmitOutcome, ...]:
    """Take submissions of this institution that nobody has approved out of the queue; outcomes in the order given."""
    programme_day(at)
    lock_submissions()
    return tuple(_withdraw(number, institution_id, at) for number in submission_ids)


def lock_submissions() -> None:
    """One call after the other, so that no code is submitted twice at once; no row is locked that a purchase or a
    settlement would wait for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('catalogue submissions'))")


def _submit(new: NewSubmission, at: datetime) -> SubmitOutcome:
    institution = Institution.objects.filter(pk=min(new.institution_id, MAX_BIGINT)).first()
    if institution is None:
        unknown = Refusal(ShelfRefusal.SUBJECT_UNKNOWN, {"value": shown(str(new.institution_id))})
        return SubmitOutcome(new.code, refusal=unknown)
    values = columns_of(new.content)
    if isinstance(values, Refusal):
        return SubmitOutcome(new.code, refusal=values)
    code = new.code.strip() or derived_code(institution.code, values["title"])
    refusal = refusal_of_code(code)
    if refusal is not None:
        return SubmitOutcome(code, refusal=refusal)
    training = Training.objects.filter(code=code).first()
    waiting = Submission.objects.select_for_update(no_key=True).filter(code=code, state__in=OPEN).first()
    if any(row is not None and row.institution_id != institution.pk for row in (training, waiting)):
        return SubmitOutcome(code, refusal=Refusal(ShelfRefusal.CODE_TAKEN, {"value": code}))
    if training is not None:
        refusal = refusal_of_what_is_sold(training, values)
        if refusal is not None:
            return SubmitOutcome(code, refusal=refusal)
    if waiting is not None:
        return _rewrite(waiting, new, values, at)
    if training is not None and not new.is_draft:
        done = _without_curation(training, new, values, at)
        if done is not None:
            return done
    return _write(Submission(institution=institution, training=training, code=code, created_at=at), new, values, at)


def _without_curation(
    training: Training, new: NewSubmission, values: dict[str, Any], at: datetime
) -> SubmitOutcome | None:
    """What needs nobody's decision: nothing that differs, or a lower price alone, of a training that was approved."""
    differing = changes(training, values)
    is_known = training.is_offered or _is_approved(training)
    if not differing and is_known:
        return SubmitOutcome(training.code, None, training.pk, "unchanged", repeated=True)
    if differing != ["price_rupiah"] or values["price_rupiah"] >= training.price_rupiah or not is_known:
        return None
    lock_shelf()
    row = Training.objects.select_for_update(no_key=True).get(pk=training.pk)
    if changes(row, values) != ["price_rupiah"] or values["price_rupiah"] >= row.price_rupiah:
        return None  # somebody else changed it meanwhile: a curator looks
    row.price_rupiah = values["price_rupiah"]
    row.save(update_fields=["price_rupiah"])
    write_prices([row], source=TrainingPrice.Source.LOWERED, at=at, by_id=new.by_id)
    return SubmitOutcome(training.code, None, training.pk, "lowered")


def _is_approved(training: Training) -> bool:
    return training.submissions.filter(state=Submission.State.APPROVED).exists()


def _rewrite(waiting: Submission, new: NewSubmission, values: dict[str, Any], at: datetime) -> SubmitOutcome:
    state = Submission.State.DRAFT if new.is_draft else Submission.State.SUBMITTED
    if waiting.state == state and not changes(waiting, values):
        return SubmitOutcome(waiting.code, waiting.pk, waiting.training_id, waiting.state, repeated=True)
    return _write(waiting, new, values, at)


def _write(row: Submission, new: NewSubmission, values: dict[str, Any], at: datetime) -> SubmitOutcome:
    for name, value in values.items():
        setattr(row, name, value)
    row.state = Submission.State.DRAFT if new.is_draft else Submission.State.SUBMITTED
    row.written_by_id = new.by_id
    if not new.is_draft:
        row.submitted_at = at
    row.save()
    return SubmitOutcome(row.code, row.pk, row.training_id, row.state)


def _withdraw(submission_id: int, institution_id: int, at: datetime) -> SubmitOutcome:
    rows = Submission.objects.select_for_update(no_key=True)
    row = rows.filter(pk=min(submission_id, MAX_BIGINT), institution_id=institution_id).first()
    if row is None:
        return SubmitOutcome(refusal=Refusal(ShelfRefusal.SUBMISSION_UNKNOWN))
    if row.state == Submission.State.WITHDRAWN:
        return SubmitOutcome(row.code, row.pk, row.training_id, row.state, repeated=True)
    if row.state not in OPEN:
        return SubmitOutcome(row.code, row.pk, row.training_id, row.state, Refusal(ShelfRefusal.NOT_WAITING))
    row.state, row.ended_at = Submission.State.WITHDRAWN, at
    row.save(update_fields=["state", "ended_at"])
    return SubmitOutcome(row.code, row.pk, row.training_id, row.state)
