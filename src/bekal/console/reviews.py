"""Moderation: the reviews that wait for an officer, why, what was decided, and the decision itself."""

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
from bekal.ledger.clock import programme_now
from bekal.ledger.copy_rows import MAX_BIGINT
from bekal.purchases.decide_reviews import NewDecision, decide_reviews
from bekal.purchases.models import Review, ReviewDecision, ReviewFlag
from bekal.purchases.review_lock import NOTE_LIMIT_COUNT
from bekal.purchases.review_queries import Case, Pile, cases_of, pile_of, waiting_by_reason
from bekal.ui.refusals import sentence

PAGE_SIZE = 20
PILE_NAMES = {
    Pile.WAITING: gettext_lazy("Waiting"),
    Pile.HIDDEN: gettext_lazy("Hidden"),
    Pile.DECIDED: gettext_lazy("Decided"),
}
_JOINED = ("purchase__participation__participant", "training__institution")


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=[
            (ReviewDecision.Decision.STANDS.value, gettext_lazy("It stands")),
            (ReviewDecision.Decision.HIDDEN.value, gettext_lazy("Hide it")),
        ],
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose one of the two."),
            "invalid_choice": gettext_lazy("Choose one of the two."),
        },
    )
    reason = forms.CharField(
        label=gettext_lazy("Why?"),
        help_text=gettext_lazy("At most 500 characters. The author reads it."),
        max_length=NOTE_LIMIT_COUNT,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={
            "required": gettext_lazy("Write at least one sentence."),
            "max_length": gettext_lazy(
                "The text has %(show_value)s characters; at most %(limit_value)s fit. Shorten it."
            ),
        },
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else -1


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """One pile of reviews, those that wait longest first."""
    asked, reason = request.GET.get("pile", ""), request.GET.get("reason", "")
    pile = Pile(asked) if asked in set(Pile) else Pile.WAITING
    chosen = reason if reason in ReviewFlag.Reason.values else None
    rows = pile_of(pile, reason=chosen).select_related(*_JOINED)
    page = Paginator(rows, PAGE_SIZE).get_page(max(_number(request.GET.get("page", "1")), 1))
    waiting = waiting_by_reason()
    context = {
        "page_obj": page,
        "cases": cases_of(list(page.object_list)),
        "pile": pile,
        "piles": PILE_NAMES,
        "reason": chosen,
        "reasons": [(each, each.label, waiting.get(each.value, 0)) for each in ReviewFlag.Reason],
    }
    return render(request, "console/reviews.html", context)


def _case(purchase_id: int) -> Case:
    found = Review.objects.filter(pk=min(purchase_id, MAX_BIGINT)).select_related(*_JOINED).first()
    if found is None:
        raise Http404
    (case,) = cases_of([found], whole=True)
    return case


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def review(request: HttpRequest, purchase_id: int) -> HttpResponse:
    """Everything that was said about one review, and the decision form."""
    return render(request, "console/review.html", {"case": _case(purchase_id), "form": DecisionForm()})


@open_to(Role.OFFICER)
@require_POST
def decide(request: HttpRequest, purchase_id: int) -> HttpResponse:
    case, form = _case(purchase_id), DecisionForm(request.POST)
    if form.is_valid():
        new = NewDecision(
            case.review.pk,
            ReviewDecision.Decision(form.cleaned_data["decision"]),
            signed_in_id(request),
            seen_version_count=_number(request.POST.get("versions", "")),
            seen_flag_count=_number(request.POST.get("flags", "")),
            reason=form.cleaned_data["reason"],
        )
        (outcome,) = decide_reviews(decisions=[new], at=programme_now())
        if outcome.refusal is None:
            messages.success(request, _("The decision is kept. The author reads the reason."))
            return redirect("console:reviews")
        form.add_error(None, sentence(outcome.refusal))
    return render(request, "console/review.html", {"case": case, "form": form}, status=422)
