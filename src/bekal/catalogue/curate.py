"""`curate`: one officer, bound to nobody concerned, approves a submission or returns it with reasons."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import Role, User
from bekal.catalogue.content import content_of, content_sha256, refusal_of_what_is_sold
from bekal.catalogue.links import curator_binding
from bekal.catalogue.models import CurationDecision, Submission, Training, TrainingPrice
from bekal.catalogue.on_sale import keep_sales, lock_shelf
from bekal.catalogue.prices import write_prices
from bekal.catalogue.reasons import refusal_of_reason
from bekal.catalogue.refusals import ShelfRefusal
from bekal.core.refusal import Refusal
from bekal.core.text import shown, tidy
from bekal.ledger.clock import programme_day

MAX_BIGINT = 2**63 - 1
REASON_LIMIT_COUNT = 1_000


class Criterion(models.TextChoices):
    """What a curator looks at; a training is approved where all of them are met."""

    SKILL = "skill", _("It teaches a skill for work or business, and says which.")
    CONTENT = "content", _("Title, description, sessions and hours fit each other.")
    PRICE = "price", _("The price is what trainings like it cost, also outside the programme.")
    PROOF = "proof", _("Attendance and completion can be proven.")
    TEACHER = "teacher", _("The institution may teach it: its accreditation covers the field.")
    OWNERS = "owners", _("The owners of institution and platform are known and disclosed.")


@dataclass(frozen=True, slots=True)
class NewDecision:
    """What `curator_id` decides of the submission that hashes to `content_sha256`: a verdict
    (`CurationDecision.Verdict`), the reason (needed to return it), and the criteria that are met, by name."""

    submission_id: int
    verdict: str
    reason: str
    met: Collection[str]
    content_sha256: bytes
    curator_id: int


@dataclass(frozen=True, slots=True)
class CurateOutcome:
    """The decision and the training that came of it, or a refusal; `repeated`: this curator decided so before."""

    decision_id: int | None = None
    training_id: int | None = None
    refusal: Refusal | None = None
    repeated: bool = False


@transaction.atomic
def curate(*, decisions: Sequence[NewDecision], at: datetime) -> tuple[CurateOutcome, ...]:
    """Decide; outcomes in the order given, each by itself. A new training is approved but not on sale: its institution
    puts it there (`offer_trainings`). A change holds at once, and its price goes into the history.

    Refused: somebody who is no officer, or is bound to the institution or the platform, directly or through owners; a
    submission that does not wait, or is not the one that was seen; an approval with a criterion that is not met; a
    return without reason; fewer seats than were sold meanwhile. Lock order: shelf, submission, training.
    """
    programme_day(at)  # refuses a naive instant
    lock_shelf()
    return tuple(_curate(decision, at) for decision in decisions)


def _curate(new: NewDecision, at: datetime) -> CurateOutcome:
    row = (
        Submission.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk=min(new.submission_id, MAX_BIGINT))
        .select_related("institution")
        .first()
    )
    if row is None:
        return CurateOutcome(refusal=Refusal(ShelfRefusal.SUBMISSION_UNKNOWN))
    met = [criterion.value for criterion in Criterion if criterion.value in new.met]
    refusal = _refusal(new, row, met, at)
    if row.state != Submission.State.SUBMITTED:
        return _repeated(new, row) or CurateOutcome(refusal=refusal or Refusal(ShelfRefusal.NOT_WAITING))
    if refusal is not None:
        return CurateOutcome(refusal=refusal)
    if content_sha256(row) != new.content_sha256:
        return CurateOutcome(refusal=Refusal(ShelfRefusal.SUBMISSION_CHANGED))
    approves = new.verdict == CurationDecision.Verdict.APPROVED
    if approves:
        refusal = _approve(row, new.curator_id, at)
        if refusal is not None:
            return CurateOutcome(refusal=refusal)
    made = CurationDecision.objects.create(
        submission=row,
        verdict=new.verdict,
        reason=tidy(new.reason),
        met=met,
        content_sha256=new.content_sha256,
        curator_id=new.curator_id,
        decided_at=at,
    )
    row.state = Submission.State.APPROVED if approves else Submission.State.RETURNED
    row.ended_at = at if approves else None
    row.save(update_fields=["state", "ended_at", "training"])
    return CurateOutcome(made.pk, row.training_id)


def _refusal(new: NewDecision, row: Submission, met: Sequence[str], at: datetime) -> Refusal | None:
    if not User.objects.filter(pk=new.curator_id, role=Role.OFFICER).exists():
        return Refusal(ShelfRefusal.NOT_AN_OFFICER)
    via = curator_binding(user_id=new.curator_id, institution_id=row.institution_id, platform_id=row.platform_id, at=at)
    if via:
        return Refusal(ShelfRefusal.OWN_INTEREST, {"via": via})
    if new.verdict not in CurationDecision.Verdict.values:
        return Refusal(ShelfRefusal.VERDICT_UNKNOWN, {"value": shown(new.verdict)})
    reason = tidy(new.reason)
    if reason or new.verdict == CurationDecision.Verdict.RETURNED:
        refusal = refusal_of_reason(reason, limit_count=REASON_LIMIT_COUNT, multiline=True)
        if refusal is not None:
            return refusal
    if new.verdict == CurationDecision.Verdict.APPROVED and len(met) < len(Criterion):
        return Refusal(ShelfRefusal.CRITERIA_MISSING, {"met_count": len(met), "all_count": len(Criterion)})
    return None


def _repeated(new: NewDecision, row: Submission) -> CurateOutcome | None:
    """A second click: the last decision is this curator's, of the same content, with the same verdict."""
    last = row.decisions.order_by("-pk").first()
    same = last is not None and (last.curator_id, last.verdict) == (new.curator_id, new.verdict)
    if last is None or not same or bytes(last.content_sha256) != new.content_sha256:
        return None
    return CurateOutcome(last.pk, row.training_id, repeated=True)


def _approve(row: Submission, curator_id: int, at: datetime) -> Refusal | None:
    """Make the training, or change it; the submission names it."""
    values = content_of(row)
    training = Training.objects.select_for_update(no_key=True).filter(code=row.code).first()
    source = TrainingPrice.Source.CURATION
    if training is None:
        home = {"code": row.code, "institution_id": row.institution_id, "listed_at": at}
        row.training = Training.objects.create(**home, **values, is_offered=False, on_sale=False)
        write_prices([row.training], source=source, at=at, by_id=curator_id, is_new=True)
        return None
    if training.institution_id != row.institution_id:
        return Refusal(ShelfRefusal.CODE_TAKEN, {"value": row.code})
    refusal = refusal_of_what_is_sold(training, values)
    if refusal is not None:
        return refusal
    is_repriced = training.price_rupiah != values["price_rupiah"]
    for name, value in values.items():
        setattr(training, name, value)
    training.save(update_fields=list(values))
    if is_repriced:
        write_prices([training], source=source, at=at, by_id=curator_id)
    keep_sales(on=programme_day(at), training_ids=[training.pk])
    row.training = training
    return None
