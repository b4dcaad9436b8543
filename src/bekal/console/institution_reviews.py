"""What participants say of an institution's trainings: it replies or reports, and is told initials, not purchases."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.catalogue.models import Institution
from bekal.console.institution import own_institution
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_now
from bekal.purchases.reply_to_reviews import TEXT_LIMIT_COUNT, NewReply, reply_to_reviews
from bekal.purchases.report_reviews import REPORTED, ReviewReport, report_reviews
from bekal.purchases.review_lock import NOTE_LIMIT_COUNT
from bekal.purchases.review_queries import (
    institution_review_count,
    purchase_id_of,
    reviews_of_institution,
    visible_review,
)
from bekal.ui.refusals import sentence

PAGE_SIZE = 20
_TOO_LONG = gettext_lazy("The text has %(show_value)s characters; at most %(limit_value)s fit. Shorten it.")


class ReplyForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Your reply"),
        help_text=gettext_lazy(
            "At most 1,000 characters. Everybody who reads the review reads it. No names or numbers."
        ),
        max_length=TEXT_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": gettext_lazy("Write at least one sentence."), "max_length": _TOO_LONG},
    )


class InstitutionReportForm(forms.Form):
    reason = forms.ChoiceField(
        label=gettext_lazy("What is wrong with it?"),
        choices=[("", gettext_lazy("Choose a reason")), *((each.value, each.label) for each in REPORTED)],
        error_messages={"required": gettext_lazy("Choose a reason.")},
    )
    note = forms.CharField(
        label=gettext_lazy("In your words (optional)"),
        required=False,
        max_length=NOTE_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"max_length": _TOO_LONG},
    )


@open_to(Role.INSTITUTION)
@require_safe
def own_reviews(request: HttpRequest) -> HttpResponse:
    institution = own_institution(request)
    asked = request.GET.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 6 else 1
    count = institution_review_count(institution_id=institution.pk)
    page = Paginator(range(count), PAGE_SIZE).get_page(number)
    offset = (page.number - 1) * PAGE_SIZE
    lines = reviews_of_institution(institution_id=institution.pk, limit=PAGE_SIZE, offset=offset)
    return render(request, "console/own_reviews.html", {"institution": institution, "page_obj": page, "reviews": lines})


@open_to(Role.INSTITUTION)
@require_http_methods(["GET", "HEAD", "POST"])
def own_review(request: HttpRequest, handle: str) -> HttpResponse:
    """One review with the two forms; posted with a reply or with a report."""
    institution = own_institution(request)
    line, purchase_id = visible_review(handle=handle, institution_id=institution.pk), purchase_id_of(handle)
    if line is None or purchase_id is None:
        raise Http404
    reports = request.method == "POST" and request.POST.get("act") == "report"
    replies = request.method == "POST" and not reports
    reply = ReplyForm(request.POST if replies else None, initial={"text": line.reply.text if line.reply else ""})
    report = InstitutionReportForm(request.POST if reports else None)
    form: forms.Form = report if reports else reply
    if request.method == "POST" and form.is_valid():
        refusal, said = _act(request, institution, purchase_id, form)
        if refusal is None:
            messages.success(request, said)
            return redirect("console:own_reviews")
        form.add_error(None, sentence(refusal))
    context = {"institution": institution, "review": line, "form": form, "reply": reply, "report": report}
    return render(request, "console/own_review.html", context, status=422 if form.errors else 200)


def _act(
    request: HttpRequest, institution: Institution, purchase_id: int, form: forms.Form
) -> tuple[Refusal | None, str]:
    user_id, at = signed_in_id(request), programme_now()
    if isinstance(form, ReplyForm):
        reply = NewReply(institution.pk, purchase_id, user_id, form.cleaned_data["text"])
        (outcome,) = reply_to_reviews(replies=[reply], at=at)
        return outcome.refusal, _("The reply is saved and shown below the review.")
    given = ReviewReport(
        purchase_id,
        form.cleaned_data["reason"],
        user_id,
        institution_id=institution.pk,
        note=form.cleaned_data["note"],
    )
    (outcome,) = report_reviews(reports=[given], at=at)
    return outcome.refusal, _("The report is sent. An officer looks at this review.")
