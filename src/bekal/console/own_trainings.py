"""The institution's desk for its trainings: what is on sale, what waits or came back and why, and sending more."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.accounts.provinces import PROVINCES
from bekal.catalogue.content import DESCRIPTION_LIMIT_COUNT, LIMITS, TITLE_LIMIT_COUNT, Content
from bekal.catalogue.models import Category, Platform, Submission, Training
from bekal.catalogue.offer_trainings import offer_trainings, take_off_sale
from bekal.catalogue.prices import price_history
from bekal.catalogue.queries import due_on, suspension_of, suspensions
from bekal.catalogue.submit_trainings import OPEN, NewSubmission, submit_trainings, withdraw_submissions
from bekal.console.curation import TONES, criteria
from bekal.console.institution import own_institution
from bekal.core.money import MoneyError, parse_rupiah
from bekal.ledger.clock import programme_now
from bekal.ui.display import mode_label
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
MAX_ID = 2**63 - 1


class TrainingForm(forms.Form):
    title = forms.CharField(label=gettext_lazy("Title"), max_length=TITLE_LIMIT_COUNT)
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=DESCRIPTION_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    category = forms.ChoiceField(label=gettext_lazy("Category"))
    platform = forms.ChoiceField(label=gettext_lazy("Platform"), required=False)
    price = forms.CharField(
        label=gettext_lazy("Price in rupiah"),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text=gettext_lazy("Digits only, for example 300000. 0 is free."),
    )
    mode = forms.ChoiceField(label=gettext_lazy("How it is taught"))
    province = forms.ChoiceField(
        label=gettext_lazy("Province"), required=False, help_text=gettext_lazy("Only of a training on site.")
    )
    hours = forms.IntegerField(label=gettext_lazy("Hours"), required=False, localize=False)
    session_count = forms.IntegerField(label=gettext_lazy("Sessions"), initial=1, localize=False)
    seat_count = forms.IntegerField(
        label=gettext_lazy("Seats"), required=False, localize=False, help_text=gettext_lazy("Empty: no limit.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = "name_id" if get_language() == "id" else "name_en"
        fields: dict[str, Any] = self.fields
        fields["category"].choices = [("", "–"), *Category.objects.order_by(named).values_list("slug", named)]
        fields["platform"].choices = [("", "–"), *Platform.objects.order_by("name").values_list("code", "name")]
        fields["mode"].choices = [(mode.value, mode_label(mode)) for mode in Training.Mode]
        fields["province"].choices = [("", "–"), *((str(number), name) for number, name in PROVINCES.items())]
        for name, (lowest, highest) in LIMITS.items():
            fields[name].widget.attrs |= {"min": lowest, "max": highest}

    def clean_price(self) -> int:
        try:
            return parse_rupiah(self.cleaned_data["price"])
        except MoneyError:
            text = _("“%(value)s” is not an amount. Write whole rupiah, digits only, for example 300000.")
            raise forms.ValidationError(text % {"value": self.cleaned_data["price"][:40]}) from None

    def content(self) -> Content:
        given = self.cleaned_data
        return Content(
            title=given["title"],
            description=given["description"],
            category=given["category"],
            platform=given["platform"] or None,
            price_rupiah=given["price"],
            mode=given["mode"],
            province=int(given["province"]) if given["province"] else None,
            hours=given["hours"],
            session_count=given["session_count"],
            seat_count=given["seat_count"],
        )


@open_to(Role.INSTITUTION)
@require_safe
def own_trainings(request: HttpRequest) -> HttpResponse:
    """Submissions that wait or came back first, then everything of this institution."""
    institution, at = own_institution(request), programme_now()
    page_text = request.GET.get("page", "1")
    number = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 7 else 1
    rows = (
        Training.objects.filter(institution=institution).select_related("platform").order_by("-on_sale", "title", "pk")
    )
    page = Paginator(rows, PAGE_SIZE).get_page(number)
    waiting = Submission.objects.filter(institution=institution, state__in=OPEN).order_by("-pk")
    approved = Submission.objects.filter(training__in=page.object_list, state=Submission.State.APPROVED)
    context = {
        "institution": institution,
        "page_obj": page,
        "approved_ids": set(approved.order_by("pk").values_list("training_id", flat=True)),
        "waiting": [
            {
                "row": row,
                "tone": TONES.get(row.state, ""),
                "due_on": due_on(row.submitted_at) if row.state == "submitted" and row.submitted_at else None,
                "last": row.decisions.order_by("-pk").first() if row.state == "returned" else None,
            }
            for row in waiting[:PAGE_SIZE]
        ],
        "suspended": suspensions(at=at, kind="institution", subject_id=institution.pk),
    }
    return render(request, "console/own_trainings.html", context)


@open_to(Role.INSTITUTION)
def new_training(request: HttpRequest) -> HttpResponse:
    return _form_page(request, TrainingForm(request.POST or None), code="")


@open_to(Role.INSTITUTION)
def own_submission(request: HttpRequest, submission_id: int) -> HttpResponse:
    """A submission with what was decided of it; while it is open it can be written anew."""
    rows = Submission.objects.select_related("category", "platform", "training")
    row = rows.filter(pk=min(submission_id, MAX_ID), institution=own_institution(request)).first()
    if row is None:
        raise Http404
    form = TrainingForm(request.POST) if request.method == "POST" else TrainingForm(initial=_initial(row))
    return _form_page(request, form, code=row.code, submission=row)


@open_to(Role.INSTITUTION)
def own_training(request: HttpRequest, training_id: int) -> HttpResponse:
    """A training of one's own: its prices, and a change of it."""
    rows = Training.objects.select_related("category", "platform")
    row = rows.filter(pk=min(training_id, MAX_ID), institution=own_institution(request)).first()
    if row is None:
        raise Http404
    form = TrainingForm(request.POST) if request.method == "POST" else TrainingForm(initial=_initial(row))
    return _form_page(request, form, code=row.code, training=row)


def _initial(row: Submission | Training) -> dict[str, Any]:
    return {
        "title": row.title,
        "description": row.description,
        "category": row.category.slug,
        "platform": row.platform.code if row.platform else "",
        "price": str(row.price_rupiah),
        "mode": row.mode,
        "province": str(row.province or ""),
        "hours": row.hours,
        "session_count": row.session_count,
        "seat_count": row.seat_count,
    }


def _form_page(
    request: HttpRequest,
    form: TrainingForm,
    *,
    code: str,
    submission: Submission | None = None,
    training: Training | None = None,
) -> HttpResponse:
    is_open = submission is None or submission.state in OPEN
    if request.method == "POST" and is_open and form.is_valid():
        done = _send(request, form, code)
        if done is not None:
            return done
    decisions = submission.decisions.order_by("-pk") if submission else []
    context = {
        "form": form,
        "submission": submission,
        "training": training,
        "tone": TONES.get(submission.state, "") if submission else "",
        "is_open": is_open,
        "decisions": [(decision, criteria(decision)) for decision in decisions],
        "prices": price_history(training_id=training.pk) if training else (),
        "suspension": suspension_of(training.pk) if training and training.is_suspended else None,
    }
    return render(request, "console/own_training.html", context, status=422 if form.errors else 200)


def _send(request: HttpRequest, form: TrainingForm, code: str) -> HttpResponse | None:
    is_draft = request.POST.get("as") == "draft"
    new = NewSubmission(
        institution_id=own_institution(request).pk,
        content=form.content(),
        code=code,
        is_draft=is_draft,
        by_id=signed_in_id(request),
    )
    [outcome] = submit_trainings(submissions=[new], at=programme_now())
    if outcome.refusal is not None:
        form.add_error(None, sentence(outcome.refusal))
        return None
    said = {
        "draft": _("Kept as a draft. Nobody decides on it before you send it."),
        "lowered": _("The lower price holds from now on."),
        "unchanged": _("Nothing differs from what is offered, so there is nothing to decide."),
    }
    messages.success(request, said.get(outcome.state, _("Sent. The programme office decides on it.")))
    return redirect("console:own_trainings")


@open_to(Role.INSTITUTION)
@require_POST
def withdraw_submission(request: HttpRequest, submission_id: int) -> HttpResponse:
    [outcome] = withdraw_submissions(
        submission_ids=[submission_id], institution_id=own_institution(request).pk, at=programme_now()
    )
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    else:
        messages.success(request, _("Withdrawn. Nobody decides on it any more."))
    return redirect("console:own_trainings")


@open_to(Role.INSTITUTION)
@require_POST
def offer_training(request: HttpRequest, training_id: int) -> HttpResponse:
    """Put it on sale, or take it off."""
    offers = request.POST.get("offer") == "1"
    change = offer_trainings if offers else take_off_sale
    [outcome] = change(
        institution_id=own_institution(request).pk,
        training_ids=[min(training_id, MAX_ID)],
        by_id=signed_in_id(request),
        at=programme_now(),
    )
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    elif offers and not outcome.is_on_sale:
        messages.warning(request, _("Offered, but not on sale: it is suspended, or an accreditation is missing."))
    else:
        messages.success(request, _("It is on sale.") if offers else _("It is off sale. Who has bought it keeps it."))
    return redirect("console:own_trainings")
