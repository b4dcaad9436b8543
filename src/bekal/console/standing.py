"""Who may teach and sell: every institution and platform; each one's (and each training's) accreditation, owners,
suspensions and prices, and what an officer decides there."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.catalogue.accredit import NUMBER_LIMIT_COUNT, NewAccreditation, accredit
from bekal.catalogue.links import owners_in_common, shares
from bekal.catalogue.models import REASON_LIMIT_COUNT, Accredited, Institution, Platform, Training
from bekal.catalogue.prices import price_history
from bekal.catalogue.queries import KINDS, suspensions
from bekal.catalogue.suspend import NewLift, NewSuspension, lift_suspensions, suspend
from bekal.ledger.clock import programme_day, programme_now
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
MAX_ID = 2**63 - 1
HOLDERS = {"institution": Institution, "platform": Platform}


class AccreditForm(forms.Form):
    state = forms.ChoiceField(label=gettext_lazy("State"), choices=Accredited.State.choices)
    number = forms.CharField(label=gettext_lazy("Number of the letter"), required=False, max_length=NUMBER_LIMIT_COUNT)
    from_on = forms.DateField(
        label=gettext_lazy("First day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=gettext_lazy("Empty: always."),
    )
    until_on = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=gettext_lazy("Empty: no end is known."),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=REASON_LIMIT_COUNT)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=REASON_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("At most 300 characters. The institution and those who bought read it."),
    )


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def holders(request: HttpRequest) -> HttpResponse:
    """Every platform and institution, with what stands against its sales."""
    today = programme_day(programme_now())
    text = request.GET.get("q", "").replace("\0", "").strip()[:100]
    only = request.GET.get("only", "")
    page_text = request.GET.get("page", "1")
    number = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 7 else 1
    page = Paginator(_holders(Institution, text, only, today), PAGE_SIZE).get_page(number)
    context = {
        "page_obj": page,
        "institutions": [_line(row, today) for row in page.object_list],
        "platforms": [_line(row, today) for row in _holders(Platform, text, only, today)],
        "text": text,
        "only": only,
    }
    return render(request, "console/holders.html", context)


def _holders(model: Any, text: str, only: str, today: date) -> Any:
    rows = model.objects.annotate(
        training_count=Count("trainings", distinct=True),
        on_sale_count=Count("trainings", filter=Q(trainings__on_sale=True), distinct=True),
        suspended_count=Count("suspensions", filter=Q(suspensions__lifted_at=None), distinct=True),
    )
    if text:
        rows = rows.filter(name__icontains=text)
    if only == "closed":
        rows = rows.filter(
            ~Q(accreditation=Accredited.State.ACCREDITED)
            | Q(accredited_until_on__lt=today)
            | Q(accredited_from_on__gt=today)
            | Q(suspended_count__gt=0)
        )
    return rows.order_by("name", "pk")


def _line(row: Any, today: date) -> dict[str, Any]:
    return {"row": row, "expired": row.accredited_until_on is not None and row.accredited_until_on < today}


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def standing(request: HttpRequest, kind: str, number: int) -> HttpResponse:
    """One institution, platform or training."""
    return _standing(request, kind, _subject(kind, number))


@open_to(Role.OFFICER)
@require_POST
def accredit_holder(request: HttpRequest, kind: str, number: int) -> HttpResponse:
    """Decide about the accreditation; sales open or close at once."""
    subject, form = _subject(kind, number), AccreditForm(request.POST)
    if kind not in HOLDERS:
        raise Http404
    if form.is_valid():
        named: dict[str, Any] = {f"{kind}_id": subject.pk}
        new = NewAccreditation(**named, **form.cleaned_data, by_id=signed_in_id(request))
        [outcome] = accredit(accreditations=[new], at=programme_now())
        if outcome.refusal is None:
            said = _("Decided. Trainings on sale: %(opened)s more, %(closed)s fewer.")
            messages.success(request, said % {"opened": outcome.opened_count, "closed": outcome.closed_count})
            return redirect("console:standing", kind, subject.pk)
        form.add_error(None, sentence(outcome.refusal))
    return _standing(request, kind, subject, accredit_form=form)


@open_to(Role.OFFICER)
@require_POST
def suspend_subject(request: HttpRequest, kind: str, number: int) -> HttpResponse:
    """Stop sales and settlement at once."""
    subject, form = _subject(kind, number), ReasonForm(request.POST)
    if form.is_valid():
        named: dict[str, Any] = {f"{kind}_id": subject.pk}
        new = NewSuspension(**named, reason=form.cleaned_data["reason"], by_id=signed_in_id(request))
        [outcome] = suspend(suspensions=[new], at=programme_now())
        if outcome.refusal is None:
            said = _("Suspended. %(count)s trainings are off sale, nothing is settled. Another officer can lift it.")
            messages.success(request, said % {"count": outcome.closed_count})
            return redirect("console:standing", kind, subject.pk)
        form.add_error("reason", sentence(outcome.refusal))
    return _standing(request, kind, subject, suspend_form=form)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def suspension_list(request: HttpRequest) -> HttpResponse:
    """What is suspended, since when, and who has to see to it."""
    lines = suspensions(at=programme_now(), only_open=request.GET.get("all") != "1")
    context = {"lines": lines, "all": request.GET.get("all") == "1", "user_id": signed_in_id(request)}
    return render(request, "console/suspensions.html", context)


@open_to(Role.OFFICER)
@require_POST
def lift_suspension(request: HttpRequest, suspension_id: int) -> HttpResponse:
    """Let it go on: another officer than the one who suspended, with a reason."""
    lift = NewLift(min(suspension_id, MAX_ID), request.POST.get("reason", "")[:1000], signed_in_id(request))
    [outcome] = lift_suspensions(lifts=[lift], at=programme_now())
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    else:
        said = _("Lifted. %(count)s trainings are on sale again.")
        messages.success(request, said % {"count": outcome.opened_count})
    return redirect("console:suspensions")


def _subject(kind: str, number: int) -> Any:
    model = KINDS.get(kind)
    if model is None:
        raise Http404
    rows: Any = model.objects
    if kind == "training":
        rows = rows.select_related("institution", "platform", "category")
    subject = rows.filter(pk=min(number, MAX_ID)).first()
    if subject is None:
        raise Http404
    return subject


def _standing(
    request: HttpRequest,
    kind: str,
    subject: Any,
    *,
    accredit_form: AccreditForm | None = None,
    suspend_form: ReasonForm | None = None,
) -> HttpResponse:
    at = programme_now()
    today = programme_day(at)
    context: dict[str, Any] = {"kind": kind, "subject": subject, "title": str(subject)}
    found = suspensions(at=at, only_open=False, kind=kind, subject_id=subject.pk)
    context |= {"suspensions": found, "is_open": any(line.lifted_at is None for line in found)}
    if isinstance(subject, Training):
        context |= _of_training(subject, today)
    else:
        initial = {
            "state": subject.accreditation,
            "number": subject.accreditation_number,
            "from_on": subject.accredited_from_on,
            "until_on": subject.accredited_until_on,
        }
        named: dict[str, Any] = {f"{kind}_id": subject.pk}
        context |= {
            "line": _line(subject, today),
            "decisions": subject.accreditations.select_related("decided_by").order_by("-pk")[:PAGE_SIZE],
            "shares": shares(**named),
            "trainings": subject.trainings.order_by("-on_sale", "title", "pk")[:PAGE_SIZE],
            "accredit_form": accredit_form or AccreditForm(initial=initial),
        }
    context |= {"suspend_form": suspend_form or ReasonForm(), "is_officer": request.user.role == Role.OFFICER}  # type: ignore[union-attr]
    return render(request, "console/standing.html", context, status=422 if accredit_form or suspend_form else 200)


def _of_training(training: Training, today: date) -> dict[str, Any]:
    return {
        "prices": price_history(training_id=training.pk),
        "in_common": owners_in_common(
            institution_id=training.institution_id, platform_id=training.platform_id, on=today
        ),
        "offers": training.offer_changes.select_related("changed_by").order_by("-pk")[:PAGE_SIZE],
        "moves": training.session_changes.select_related("changed_by").order_by("-pk")[:PAGE_SIZE],
        "submissions": training.submissions.order_by("-pk")[:PAGE_SIZE],
    }
