"""Reviews from the participant's side: reword one's own, appeal where it was hidden, report somebody else's."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.core.text import tidy
from bekal.ledger.copy_rows import MAX_BIGINT
from bekal.purchases.edit_reviews import ReviewEdit, edit_reviews
from bekal.purchases.models import ReviewFlag
from bekal.purchases.report_reviews import REPORTED, ReviewAppeal, ReviewReport, appeal_reviews, report_reviews
from bekal.purchases.review_lock import NOTE_LIMIT_COUNT
from bekal.purchases.review_queries import OwnReview, can_be_edited, own_review, purchase_id_of, visible_review
from bekal.ui.refusals import sentence
from bekal.web.forms import ReviewForm, posted
from bekal.web.reader import Reader, reader_of


class ReportForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("What is wrong with it?"),
        choices=[("", _("Choose a reason")), *((each.value, each.label) for each in REPORTED)],
        error_messages={"required": _("Choose a reason."), "invalid_choice": _("Choose one from the list.")},
    )
    note = forms.CharField(
        label=_("In your words (optional)"),
        required=False,
        max_length=NOTE_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={
            "max_length": _("The text has %(show_value)s characters; at most %(limit_value)s fit. Shorten it.")
        },
    )


def _own(request: HttpRequest, purchase_id: int) -> tuple[Reader, OwnReview]:
    reader = reader_of(request)
    if reader.participation is None or purchase_id > MAX_BIGINT:
        raise Http404
    review = own_review(participation_id=reader.participation.pk, purchase_id=purchase_id)
    if review is None:
        raise Http404
    return reader, review


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def edit(request: HttpRequest, purchase_id: int) -> HttpResponse:
    """The form with the review as it stands; posted, its next version."""
    reader, review = _own(request, purchase_id)
    form = ReviewForm(posted(request), initial={"rating": review.rating, "text": review.text})
    if request.method == "POST" and form.is_valid() and reader.participation is not None:
        rating, text = form.cleaned_data["rating"], form.cleaned_data["text"]
        (outcome,) = edit_reviews(edits=[ReviewEdit(reader.participation.pk, purchase_id, rating, text)], at=reader.at)
        if outcome.refusal is None:
            messages.success(request, gettext("Your review is changed. Your incentive is not affected."))
            return redirect("web:purchase", purchase_id)
        form.add_error(None, sentence(outcome.refusal))
    context = {"reader": reader, "review": review, "form": form, "purchase_id": purchase_id}
    context["is_open"] = can_be_edited(review, reader.at)
    return render(request, "web/review_edit.html", context, status=422 if form.errors else 200)


@open_to(Role.PARTICIPANT)
@require_POST
def appeal(request: HttpRequest, purchase_id: int) -> HttpResponse:
    reader, _review = _own(request, purchase_id)
    assert reader.participation is not None, "who has a review has a place"
    note = request.POST.get("note", "")[: NOTE_LIMIT_COUNT * 4]
    given = ReviewAppeal(reader.participation.pk, purchase_id, signed_in_id(request), note)
    (outcome,) = appeal_reviews(appeals=[given], at=reader.at)
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    else:
        messages.success(request, gettext("Your appeal is sent. Another officer reads it and decides."))
    return redirect("web:purchase", purchase_id)


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def report(request: HttpRequest, training_id: int, handle: str) -> HttpResponse:
    """The review and what can be wrong with it; posted, an officer looks at it."""
    reader = reader_of(request)
    line, number = visible_review(handle=handle), purchase_id_of(handle)
    if line is None or number is None or line.training_id != training_id or reader.participation is None:
        raise Http404
    form = ReportForm(posted(request))
    if request.method == "POST" and form.is_valid():
        given = ReviewReport(
            number,
            ReviewFlag.Reason(form.cleaned_data["reason"]),
            signed_in_id(request),
            participation_id=reader.participation.pk,
            note=tidy(form.cleaned_data["note"]),
        )
        (outcome,) = report_reviews(reports=[given], at=reader.at)
        if outcome.refusal is None:
            messages.success(request, gettext("Thank you. An officer looks at this review."))
            return redirect("web:training", training_id)
        form.add_error(None, sentence(outcome.refusal))
    context = {"reader": reader, "review": line, "form": form, "training_id": training_id}
    return render(request, "web/review_report.html", context, status=422 if form.errors else 200)
