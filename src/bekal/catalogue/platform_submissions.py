"""`submit_for_platform`: a platform offers trainings of institutions it sells for, through the same curation queue."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from bekal.catalogue.content import Content
from bekal.catalogue.models import CurationDecision, Platform, Submission, Training
from bekal.catalogue.refusals import ShelfRefusal
from bekal.catalogue.submit_trainings import OPEN, NewSubmission, SubmitOutcome, lock_submissions, submit_trainings
from bekal.core.refusal import Refusal
from bekal.core.text import shown


@dataclass(frozen=True, slots=True)
class PlatformSubmission:
    """One training of the institution with this code; its platform is the one that submits, whatever `content` says."""

    institution: str
    content: Content
    code: str = ""
    is_draft: bool = False


@dataclass(frozen=True, slots=True)
class SubmissionLine:
    """What became of one submission; `reason` are the curator's words where there were any."""

    submission_id: int
    institution_code: str
    code: str
    state: str
    price_rupiah: int
    submitted_at: datetime | None
    decided_at: datetime | None
    reason: str


def submit_for_platform(
    *, platform_id: int, submissions: Sequence[PlatformSubmission], at: datetime
) -> tuple[SubmitOutcome, ...]:
    """Put each into the curation queue as `submit_trainings` does; outcomes in the order given, each refused by itself.

    A platform sells for an institution that has a training on it: the institution named the platform first, at its own
    desk. Refused besides: an institution it does not sell for, and the code of a training (or of one that waits) that
    is not sold on this platform. Links of ownership are not touched.
    """
    with transaction.atomic():
        lock_submissions()
        platform = Platform.objects.get(pk=platform_id)
        wanted = [shown(each.institution) for each in submissions]
        sold = Training.objects.filter(platform=platform, institution__code__in=wanted)
        institutions = dict(sold.order_by("pk").values_list("institution__code", "institution_id"))
        foreign = _foreign_codes(platform, [each.code.strip() for each in submissions])
        outcomes: dict[int, SubmitOutcome] = {}
        passed: dict[int, NewSubmission] = {}
        for number, each in enumerate(submissions):
            institution_id = institutions.get(each.institution)
            if institution_id is None:
                refusal = Refusal(ShelfRefusal.SUBJECT_UNKNOWN, {"value": shown(each.institution)})
                outcomes[number] = SubmitOutcome(each.code, refusal=refusal)
            elif each.code.strip() in foreign:
                refusal = Refusal(ShelfRefusal.CODE_TAKEN, {"value": shown(each.code)})
                outcomes[number] = SubmitOutcome(each.code, refusal=refusal)
            else:
                passed[number] = NewSubmission(
                    institution_id=institution_id,
                    content=replace(each.content, platform=platform.code),
                    code=each.code,
                    is_draft=each.is_draft,
                )
        outcomes |= dict(zip(passed, submit_trainings(submissions=list(passed.values()), at=at), strict=True))
    return tuple(outcomes[number] for number in range(len(submissions)))


def submissions_of_platform(*, platform_id: int, after_id: int = 0, limit: int) -> tuple[SubmissionLine, ...]:
    """What systems have submitted for this platform, by their numbers, after one: nobody's work at a desk."""
    own = Submission.objects.filter(platform=platform_id, written_by=None, pk__gt=after_id)
    rows = list(own.select_related("institution").order_by("pk")[:limit])
    decisions: dict[int, CurationDecision] = {}
    for decision in CurationDecision.objects.filter(submission__in=rows).order_by("pk"):
        decisions[decision.submission_id] = decision
    lines = []
    for row in rows:
        last = decisions.get(row.pk)
        line = SubmissionLine(
            submission_id=row.pk,
            institution_code=row.institution.code,
            code=row.code,
            state=row.state,
            price_rupiah=row.price_rupiah,
            submitted_at=row.submitted_at,
            decided_at=last.decided_at if last else None,
            reason=last.reason if last else "",
        )
        lines.append(line)
    return tuple(lines)


def _foreign_codes(platform: Platform, codes: Sequence[str]) -> frozenset[str]:
    """Those of these codes under which something is offered, or waits, that is not this platform's."""
    asked = [code for code in codes if code and "\0" not in code]
    trainings = Training.objects.filter(code__in=asked).exclude(platform=platform)
    waiting = Submission.objects.filter(code__in=asked, state__in=OPEN).exclude(platform=platform)
    return frozenset([*trainings.values_list("code", flat=True), *waiting.values_list("code", flat=True)])
