"""The curation queue: what institutions have sent, how long it waits, the decision of one who is bound to nobody."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.catalogue.content import CONTENT, content_sha256
from bekal.catalogue.curate import REASON_LIMIT_COUNT, Criterion, NewDecision, curate
from bekal.catalogue.links import curator_binding, owners_in_common, shares
from bekal.catalogue.models import CurationDecision, Submission, Training
from bekal.catalogue.queries import due_on, queue, queue_line, queue_sums
from bekal.ledger.clock import programme_day, programme_now
from bekal.ui.display import mode_label, province, rupiah
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
MAX_ID = 2**63 - 1
TONES = {"submitted": "sun", "returned": "bad", "approved": "good"}
NAMES = {
    "title": gettext_lazy("Title"),
    "description": gettext_lazy("Description"),
    "category_id": gettext_lazy("Category"),
    "platform_id": gettext_lazy("Platform"),
    "price_rupiah": gettext_lazy("Price"),
    "mode": gettext_lazy("How it is taught"),
    "province": gettext_lazy("Province"),
    "hours": gettext_lazy("Hours"),
    "session_count": gettext_lazy("Sessions"),
    "seat_count": gettext_lazy("Seats"),
}


class DecisionForm(forms.Form):
    met = forms.MultipleChoiceField(
        label=gettext_lazy("What is met"),
        choices=Criterion.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=REASON_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Needed to return it: say what to mend. The institution reads it."),
    )


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def curation(request: HttpRequest) -> HttpResponse:
    """What waits, the longest first; what was returned, approved, withdrawn by its state."""
    at = programme_now()
    state = request.GET.get("state", Submission.State.SUBMITTED)
    state = state if state in ("all", *Submission.State.values) else Submission.State.SUBMITTED.value
    text = request.GET.get("q", "").replace("\0", "").strip()[:100]
    late = request.GET.get("late") == "1"
    rows = queue(state="" if state == "all" else state, at=at, text=text, only_overdue=late)
    page_text = request.GET.get("page", "1")
    number = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 7 else 1
    page = Paginator(rows, PAGE_SIZE).get_page(number)
    context = {
        "page_obj": page,
        "lines": [(queue_line(row, at), TONES.get(row.state, "")) for row in page.object_list],
        "sums": queue_sums(at=at),
        "state": state,
        "states": Submission.State.choices,
        "text": text,
        "late": late,
        "at": at,
    }
    return render(request, "console/curation.html", context)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def submission(request: HttpRequest, submission_id: int) -> HttpResponse:
    return _submission(request, _found(submission_id), DecisionForm())


@open_to(Role.OFFICER)
@require_POST
def decide_submission(request: HttpRequest, submission_id: int) -> HttpResponse:
    """Approve or return what was seen: its hash travels with the button."""
    row, form = _found(submission_id), DecisionForm(request.POST)
    if form.is_valid():
        decision = NewDecision(
            submission_id=row.pk,
            verdict=request.POST.get("verdict", "")[:20],
            reason=form.cleaned_data["reason"],
            met=form.cleaned_data["met"],
            content_sha256=_bytes(request.POST.get("seen", "")),
            curator_id=signed_in_id(request),
        )
        [outcome] = curate(decisions=[decision], at=programme_now())
        if outcome.refusal is None:
            if decision.verdict == CurationDecision.Verdict.APPROVED:
                messages.success(request, _("Approved. The institution can put it on sale."))
            else:
                messages.success(request, _("Returned. The institution reads the reason and can send it again."))
            return redirect("console:submission", row.pk)
        form.add_error(None, sentence(outcome.refusal))
    return _submission(request, _found(submission_id), form, status=422)


def _found(submission_id: int) -> Submission:
    rows = Submission.objects.select_related("institution", "platform", "category", "training", "written_by")
    row = rows.filter(pk=min(submission_id, MAX_ID)).first()
    if row is None:
        raise Http404
    return row


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text[:64])
    except ValueError:
        return b""


def _submission(request: HttpRequest, row: Submission, form: DecisionForm, *, status: int = 200) -> HttpResponse:
    at = programme_now()
    today = programme_day(at)
    binding = curator_binding(
        user_id=signed_in_id(request), institution_id=row.institution_id, platform_id=row.platform_id, at=at
    )
    waits = row.state == Submission.State.SUBMITTED and row.submitted_at is not None
    owned = shares(on=today, institution_id=row.institution_id)
    if row.platform_id is not None:
        owned += shares(on=today, platform_id=row.platform_id)
    decisions = row.decisions.select_related("curator").order_by("-pk")
    context = {
        "row": row,
        "line": queue_line(row, at),
        "tone": TONES.get(row.state, ""),
        "facts": content_lines(row, row.training),
        "owned": owned,
        "in_common": owners_in_common(institution_id=row.institution_id, platform_id=row.platform_id, on=today),
        "binding": binding,
        "decisions": [(decision, criteria(decision)) for decision in decisions],
        "due_on": due_on(row.submitted_at) if waits and row.submitted_at else None,
        "may_decide": waits and request.user.role == Role.OFFICER and not binding,  # type: ignore[union-attr]
        "seen": content_sha256(row).hex(),
        "form": form,
    }
    return render(request, "console/submission.html", context, status=status)


def content_lines(row: Submission, training: Training | None) -> list[dict[str, Any]]:
    """Each field as it would be, and as it is where the submission changes a training."""
    lines = []
    for name in CONTENT:
        before = None if training is None else getattr(training, name)
        changed = training is not None and before != getattr(row, name)
        lines.append(
            {
                "name": NAMES[name],
                "is_long": name == "description",
                "value": _shown(row, name),
                "changed": changed,
                "before": _shown(training, name) if changed and training is not None else "",
            }
        )
    return lines


def _shown(row: Submission | Training, name: str) -> str:
    value = getattr(row, name)
    if value is None or value == "":
        return _("no limit") if name == "seat_count" else "–"
    if name == "price_rupiah":
        return rupiah(value)
    if name == "mode":
        return mode_label(value)
    if name == "province":
        return province(value)
    if name in ("category_id", "platform_id"):
        return str(getattr(row, name.removesuffix("_id")))
    return str(value)


def criteria(decision: CurationDecision) -> list[tuple[str, bool]]:
    """The checklist as that decision left it."""
    return [(str(criterion.label), criterion.value in decision.met) for criterion in Criterion]
