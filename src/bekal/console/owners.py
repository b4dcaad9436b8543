"""Who owns whom, disclosed: platforms that sell what belongs to their own owner; shares; curators' interests."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role, User
from bekal.catalogue.interests import NewInterest, declare_interests, end_interests
from bekal.catalogue.links import platforms_of_the_same_hands, shares
from bekal.catalogue.models import REASON_LIMIT_COUNT, CuratorInterest, Institution, Owner, Platform
from bekal.catalogue.own import NAME_LIMIT_COUNT, NewEnd, NewOwnership, end_ownerships, record_ownerships
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day, programme_now
from bekal.ui.refusals import sentence

KINDS = [
    ("institution", gettext_lazy("Institution")),
    ("platform", gettext_lazy("Platform")),
    ("owner_", gettext_lazy("Owner")),
]
MODELS: dict[str, Any] = {"institution": Institution, "platform": Platform, "owner_": Owner}


class OfSubjectForm(forms.Form):
    """Whom it is about, by kind and name."""

    subject_kind = forms.ChoiceField(label=gettext_lazy("Of"), choices=KINDS)
    subject = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=NAME_LIMIT_COUNT,
        help_text=gettext_lazy("As it stands in the catalogue."),
    )

    def found_id(self) -> int | None:
        """The number of the one of that name; an error at the field where there is none."""
        rows = MODELS[self.cleaned_data["subject_kind"]].objects.filter(name__iexact=self.cleaned_data["subject"])
        found = rows.order_by("pk").values_list("pk", flat=True).first()
        if found is None:
            self.add_error(
                "subject", _("Nobody in the catalogue has this name. Copy it from the list of accreditation.")
            )
        return found


class OwnershipForm(OfSubjectForm):
    owner_name = forms.CharField(label=gettext_lazy("Owner"), max_length=NAME_LIMIT_COUNT)
    owner_kind = forms.ChoiceField(label=gettext_lazy("Kind of owner"), choices=Owner.Kind.choices)
    share_percent = forms.DecimalField(
        label=gettext_lazy("Share in percent"), min_value=Decimal("0.01"), max_value=100, decimal_places=2
    )
    since_on = forms.DateField(
        label=gettext_lazy("Since"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )


class InterestForm(OfSubjectForm):
    officer = forms.CharField(label=gettext_lazy("Officer's user name"), max_length=150)
    explanation = forms.CharField(label=gettext_lazy("In which way"), max_length=REASON_LIMIT_COUNT)


class EndForm(forms.Form):
    until_on = forms.DateField()


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def owners(request: HttpRequest) -> HttpResponse:
    return _owners(request)


def _owners(
    request: HttpRequest, *, ownership: OwnershipForm | None = None, interest: InterestForm | None = None
) -> HttpResponse:
    today = programme_day(programme_now())
    interests = CuratorInterest.objects.filter(ended_at=None).order_by("user__login_name", "pk")
    is_officer = request.user.role == Role.OFFICER  # type: ignore[union-attr]
    mine = {"officer": request.user.login_name} if is_officer else {}  # type: ignore[union-attr]
    context = {
        "same": platforms_of_the_same_hands(on=today),
        "shares": shares(),
        "interests": interests.select_related("user", "institution", "platform", "shareholder"),
        "ownership_form": ownership or OwnershipForm(auto_id="share_%s"),
        "interest_form": interest or InterestForm(initial=mine, auto_id="interest_%s"),
        "is_officer": is_officer,
        "user_id": signed_in_id(request),
    }
    return render(request, "console/owners.html", context, status=422 if ownership or interest else 200)


def _named(form: OfSubjectForm, number: int, held: str) -> dict[str, int]:
    kind = form.cleaned_data["subject_kind"]
    return {held if kind == "owner_" else f"{kind}_id": number}


@open_to(Role.OFFICER)
@require_POST
def record_ownership(request: HttpRequest) -> HttpResponse:
    form = OwnershipForm(request.POST, auto_id="share_%s")
    if form.is_valid():
        number = form.found_id()
        if number is not None:
            names = ("owner_name", "owner_kind", "share_percent", "since_on")
            given: dict[str, Any] = {name: form.cleaned_data[name] for name in names}
            given |= _named(form, number, "held_owner_id")
            new = NewOwnership(**given, by_id=signed_in_id(request))
            [outcome] = record_ownerships(ownerships=[new], at=programme_now())
            if outcome.refusal is None:
                return _done(request, _("The share is recorded. The pages of the trainings say it from now on."))
            form.add_error(None, sentence(outcome.refusal))
    return _owners(request, ownership=form)


@open_to(Role.OFFICER)
@require_POST
def end_ownership(request: HttpRequest, ownership_id: int) -> HttpResponse:
    form = EndForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The last day is missing or is no day. Write it like 2020-11-19."))
        return redirect("console:owners")
    end = NewEnd(ownership_id, form.cleaned_data["until_on"], signed_in_id(request))
    [outcome] = end_ownerships(ends=[end], at=programme_now())
    return _done(request, _("The last day of the share is recorded."), outcome.refusal)


@open_to(Role.OFFICER)
@require_POST
def declare_interest(request: HttpRequest) -> HttpResponse:
    """Of oneself or of another: from now on that officer decides nothing of theirs."""
    form = InterestForm(request.POST, auto_id="interest_%s")
    if form.is_valid():
        number = form.found_id()
        officer = User.objects.filter(login_name=form.cleaned_data["officer"], role=Role.OFFICER).first()
        if officer is None:
            form.add_error("officer", _("No officer has this user name."))
        elif number is not None:
            new = NewInterest(
                user_id=officer.pk,
                **_named(form, number, "shareholder_id"),
                explanation=form.cleaned_data["explanation"],
                by_id=signed_in_id(request),
            )
            [outcome] = declare_interests(interests=[new], at=programme_now())
            if outcome.refusal is None:
                return _done(request, _("Declared. This officer decides nothing of theirs any more."))
            form.add_error(None, sentence(outcome.refusal))
    return _owners(request, interest=form)


@open_to(Role.OFFICER)
@require_POST
def end_interest(request: HttpRequest, interest_id: int) -> HttpResponse:
    [outcome] = end_interests(interest_ids=[interest_id], by_id=signed_in_id(request), at=programme_now())
    return _done(request, _("The interest is over."), outcome.refusal)


def _done(request: HttpRequest, said: str, refusal: Refusal | None = None) -> HttpResponse:
    if refusal is None:
        messages.success(request, said)
    else:
        messages.error(request, sentence(refusal))
    return redirect("console:owners")
