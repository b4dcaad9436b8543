"""`submit_tasks`, `give_feedback`: practice tasks and skills tests, handed in and answered through the institution.

A task is pending from its submission until the institution's feedback, which passes or fails it; one that failed is
handed in again. Files are named by address and never fetched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from urllib.parse import urlsplit

from django.db import transaction

from bekal.accounts.privacy import decrypt, encrypt
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown
from bekal.partners.models import Task, TaskFeedback, TaskSubmission
from bekal.partners.refusals import CallRefusal
from bekal.purchases.evidence_intake import locked

# Addresses that a store of files has signed are long.
URL_LIMIT_COUNT = 2048
NOTES_LIMIT_COUNT = 2000
LAST_SEQUENCE = 999
ENDINGS = (".pdf", ".docx")


class TaskStatus(IntEnum):
    """The numbers of the contract, of a submission and of its feedback."""

    NOT_SENT = 0
    PENDING = 1
    SUCCESS = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class TaskName:
    """Which task of which purchase: `scope` is tpm or uk, `sequence` 1 to 10 or 999."""

    purchase_id: int
    scope: str
    sequence: int


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """What a participant hands in through the institution."""

    task: TaskName
    file_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewFeedback:
    """What the institution says of the newest submission; `file_url` may be empty."""

    task: TaskName
    notes: str = field(repr=False)
    file_url: str = field(repr=False)
    has_passed: bool = True


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """`submission_id` and `task_id` of what was recorded; a refusal changed nothing."""

    submission_id: int | None = None
    task_id: int | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task as it stands, for the participant's page; addresses and notes as they were sent."""

    scope: str
    sequence: int
    status: TaskStatus
    submitted_at: datetime
    file_url: str = field(repr=False)
    notes: str = field(repr=False)
    feedback_url: str = field(repr=False)


def submit_tasks(*, submissions: Sequence[NewSubmission], at: datetime) -> tuple[TaskOutcome, ...]:
    """Hand in tasks of redeemed purchases; outcomes in the order of `submissions`.

    Refused: an unknown scope or number, what is no address of a .pdf or .docx, a purchase that is not redeemed or
    has ended, a task that waits for feedback or has passed. Locks purchases in the order of their numbers.
    """
    with transaction.atomic():
        purchases = locked({new.task.purchase_id for new in submissions})
        outcomes = []
        for new in submissions:
            purchase = purchases.get(new.task.purchase_id)
            refusal = refusal_of_name(new.task) or _refusal_of_url(new.file_url, "url_file")
            if refusal is None and (purchase is None or purchase.redeemed_at is None):
                refusal = Refusal(CallRefusal.CODE_NOT_USED)
            if refusal is None and purchase is not None and purchase.ended_at is not None:
                refusal = Refusal(CallRefusal.CODE_CANCELLED)
            outcomes.append(TaskOutcome(refusal=refusal) if refusal else _submit(new, at))
    return tuple(outcomes)


def give_feedback(*, feedbacks: Sequence[NewFeedback], at: datetime) -> tuple[TaskOutcome, ...]:
    """Answer what was handed in, each submission once; outcomes in the order of `feedbacks`.

    Refused: an unknown scope or number, notes that are too long or unreadable, an address that is no file's, a task
    nothing was handed in for, a submission that was answered before. Locks purchases in the order of their numbers.
    """
    with transaction.atomic():
        locked({new.task.purchase_id for new in feedbacks})
        outcomes = []
        for new in feedbacks:
            refusal = refusal_of_name(new.task) or _refusal_of_notes(new.notes)
            if refusal is None and new.file_url:
                refusal = _refusal_of_url(new.file_url, "url_file")
            outcomes.append(TaskOutcome(refusal=refusal) if refusal else _answer(new, at))
    return tuple(outcomes)


def statuses_of(*, task: TaskName) -> tuple[TaskStatus, TaskStatus]:
    """How the newest submission of a task and its feedback stand."""
    newest = _newest(task)
    if newest is None:
        return TaskStatus.NOT_SENT, TaskStatus.NOT_SENT
    status = _status(newest)
    return status, TaskStatus.NOT_SENT if status is TaskStatus.PENDING else status


def tasks_of(*, purchase_id: int) -> tuple[TaskLine, ...]:
    """Every task of a purchase with its newest submission, practice tasks first."""
    rows = TaskSubmission.objects.filter(task__purchase=purchase_id).select_related("task", "feedback")
    newest = rows.order_by("task__scope", "task__sequence", "-id").distinct("task__scope", "task__sequence")
    lines = []
    for row in newest:
        answer: TaskFeedback | None = getattr(row, "feedback", None)
        lines.append(
            TaskLine(
                scope=row.task.scope,
                sequence=row.task.sequence,
                status=_status(row),
                submitted_at=row.submitted_at,
                file_url=decrypt(bytes(row.file_url_encrypted)),
                notes=decrypt(bytes(answer.notes_encrypted)) if answer else "",
                feedback_url=decrypt(bytes(answer.file_url_encrypted)) if answer else "",
            )
        )
    return tuple(lines)


def refusal_of_name(task: TaskName) -> Refusal | None:
    """Whether there can be a task of this name."""
    if task.scope not in Task.Scope.values:
        return Refusal(CallRefusal.TASK_SCOPE_UNKNOWN, {"value": shown(task.scope)})
    if not 1 <= task.sequence <= 10 and task.sequence != LAST_SEQUENCE:
        return Refusal(CallRefusal.TASK_SEQUENCE_UNKNOWN, {"sequence": task.sequence})
    return None


def _newest(name: TaskName) -> TaskSubmission | None:
    rows = TaskSubmission.objects.select_related("task", "feedback").order_by("-id")
    return rows.filter(task__purchase=name.purchase_id, task__scope=name.scope, task__sequence=name.sequence).first()


def _status(submission: TaskSubmission) -> TaskStatus:
    answer: TaskFeedback | None = getattr(submission, "feedback", None)
    if answer is None:
        return TaskStatus.PENDING
    return TaskStatus.SUCCESS if answer.has_passed else TaskStatus.FAILED


def _submit(new: NewSubmission, at: datetime) -> TaskOutcome:
    newest = _newest(new.task)
    status = TaskStatus.NOT_SENT if newest is None else _status(newest)
    if status is TaskStatus.PENDING:
        return TaskOutcome(refusal=Refusal(CallRefusal.TASK_PENDING))
    if status is TaskStatus.SUCCESS:
        return TaskOutcome(refusal=Refusal(CallRefusal.TASK_PASSED))
    name = new.task
    task, _ = Task.objects.get_or_create(purchase_id=name.purchase_id, scope=name.scope, sequence=name.sequence)
    made = TaskSubmission.objects.create(task=task, file_url_encrypted=encrypt(new.file_url), submitted_at=at)
    return TaskOutcome(made.pk, task.pk)


def _answer(new: NewFeedback, at: datetime) -> TaskOutcome:
    newest = _newest(new.task)
    if newest is None:
        return TaskOutcome(refusal=Refusal(CallRefusal.TASK_NOT_SENT))
    if _status(newest) is not TaskStatus.PENDING:
        return TaskOutcome(refusal=Refusal(CallRefusal.TASK_ANSWERED))
    TaskFeedback.objects.create(
        submission=newest,
        has_passed=new.has_passed,
        notes_encrypted=encrypt(new.notes),
        file_url_encrypted=encrypt(new.file_url),
        given_at=at,
    )
    return TaskOutcome(newest.pk, newest.task_id)


def _refusal_of_url(url: str, name: str) -> Refusal | None:
    """A web address of a .pdf or .docx, whatever query follows its path; nothing that a page must not link to."""
    is_plain = is_readable(url) and not any(character.isspace() for character in url) and "\\" not in url
    if is_plain and len(url) <= URL_LIMIT_COUNT:
        try:
            parts = urlsplit(url)
            is_file = parts.path.lower().endswith(ENDINGS) and parts.port != 0
        except ValueError:
            is_file = False
        else:
            is_file = is_file and parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
        if is_file:
            return None
    return Refusal(CallRefusal.FILE_URL_MALFORMED, {"field": name})


def _refusal_of_notes(notes: str) -> Refusal | None:
    if len(notes) > NOTES_LIMIT_COUNT:
        values = {"length_count": len(notes), "limit_count": NOTES_LIMIT_COUNT}
        return Refusal(CallRefusal.NOTES_TOO_LONG, values)
    return None if is_readable(notes, multiline=True) else Refusal(CallRefusal.NOTES_UNREADABLE)
