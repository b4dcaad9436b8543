"""What officers and institutions see of the catalogue's life: the queue, who may teach and sell, what is suspended."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, F, Q, QuerySet

from bekal.catalogue.models import Institution, Platform, Submission, Suspension, Training
from bekal.core.rules import RULES
from bekal.ledger.clock import JAKARTA, programme_day

_RULE = "curation_days"
KINDS: dict[str, type[Institution] | type[Platform] | type[Training]] = {
    "institution": Institution,
    "platform": Platform,
    "training": Training,
}


def due_on(submitted_at: datetime) -> date:
    """The last day on which a submission of that instant is decided in time."""
    on = programme_day(submitted_at)
    return on + timedelta(days=RULES.value(_RULE, on))


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One submission; `age_days` since it was sent, `due_on` None and no age where it was not sent or is decided."""

    submission_id: int
    code: str
    title: str
    institution_name: str
    platform_name: str
    state: str
    state_label: str
    price_rupiah: int
    is_change: bool
    submitted_at: datetime | None
    age_days: int | None
    due_on: date | None
    is_overdue: bool


def queue(
    *, state: str, at: datetime, text: str = "", only_overdue: bool = False, institution_id: int | None = None
) -> QuerySet[Submission]:
    """The submissions in a state ("": in any), the longest waiting first; `text` is a part of the title or the name of
    the institution."""
    rows = Submission.objects.select_related("institution", "platform").defer("description")
    if state:
        rows = rows.filter(state=state)
    if institution_id is not None:
        rows = rows.filter(institution_id=institution_id)
    if text:
        rows = rows.filter(Q(title__icontains=text) | Q(institution__name__icontains=text) | Q(code=text))
    if only_overdue:
        rows = rows.filter(state=Submission.State.SUBMITTED, submitted_at__lt=overdue_before(at))
    return rows.order_by(F("submitted_at").asc(nulls_last=True), "pk")


def overdue_before(at: datetime) -> datetime:
    """What was sent before this instant and waits is overdue at `at`, by the rule of that day."""
    on = programme_day(at)
    return datetime.combine(on - timedelta(days=RULES.value(_RULE, on)), time.min, tzinfo=JAKARTA)


def queue_line(row: Submission, at: datetime) -> QueueLine:
    """The row as a line; `at` is what its age is counted to."""
    waits = row.state == Submission.State.SUBMITTED and row.submitted_at is not None
    due = due_on(row.submitted_at) if waits and row.submitted_at else None
    today = programme_day(at)
    age = (today - programme_day(row.submitted_at)).days if waits and row.submitted_at else None
    return QueueLine(
        row.pk,
        row.code,
        row.title,
        row.institution.name,
        row.platform.name if row.platform else "",
        row.state,
        row.get_state_display(),
        row.price_rupiah,
        row.training_id is not None,
        row.submitted_at,
        age,
        due,
        due is not None and today > due,
    )


@dataclass(frozen=True, slots=True)
class QueueSums:
    """How many wait for a curator, and how many of them are overdue."""

    waiting_count: int
    overdue_count: int


def queue_sums(*, at: datetime) -> QueueSums:
    """One query."""
    late = Q(submitted_at__lt=overdue_before(at))
    sums = Submission.objects.filter(state=Submission.State.SUBMITTED).aggregate(
        all=Count("pk"), late=Count("pk", filter=late)
    )
    return QueueSums(sums["all"], sums["late"])


@dataclass(frozen=True, slots=True)
class SuspensionLine:
    """One suspension with what it is of, who has to see to it (`owner_name`), and for how many days it has stood."""

    suspension_id: int
    kind: str
    subject_id: int
    subject_name: str
    reason: str
    owner_id: int
    owner_name: str
    suspended_at: datetime
    age_days: int
    lifted_at: datetime | None
    lifted_by_name: str
    lift_reason: str


def suspensions(
    *, at: datetime, only_open: bool = True, kind: str = "", subject_id: int | None = None
) -> list[SuspensionLine]:
    """Suspensions, the oldest open ones first. One query."""
    rows = Suspension.objects.select_related("institution", "platform", "training", "suspended_by", "lifted_by")
    if only_open:
        rows = rows.filter(lifted_at=None)
    if kind and subject_id is not None:
        rows = rows.filter(**{f"{kind}_id": subject_id})
    return [_suspension(row, at) for row in rows.order_by(F("lifted_at").desc(nulls_first=True), "suspended_at", "pk")]


def _suspension(row: Suspension, at: datetime) -> SuspensionLine:
    found = next((kind, subject) for kind in KINDS if (subject := getattr(row, kind)) is not None)
    kind, subject = found
    return SuspensionLine(
        row.pk,
        kind,
        subject.pk,
        str(subject),
        row.reason,
        row.suspended_by_id,
        row.suspended_by.display_name,
        row.suspended_at,
        (programme_day(row.lifted_at or at) - programme_day(row.suspended_at)).days,
        row.lifted_at,
        row.lifted_by.display_name if row.lifted_by else "",
        row.lift_reason,
    )


def suspension_of(training_id: int) -> Suspension | None:
    """The open suspension that stops this training: its own, its platform's or its institution's; the
    oldest. One query."""
    training = Training.objects.filter(pk=training_id).values("pk", "platform_id", "institution_id")
    return (
        Suspension.objects.filter(lifted_at=None)
        .filter(
            Q(training_id=training_id)
            | Q(platform_id__in=training.values("platform_id"))
            | Q(institution_id__in=training.values("institution_id"))
        )
        .order_by("suspended_at", "pk")
        .first()
    )
