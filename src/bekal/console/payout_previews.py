"""A payout run before it is planned, and the rest of one that was: the list as it would be, with its people."""

from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from bekal.accounts.access import open_to, signed_in_id
from bekal.accounts.models import Role
from bekal.console.further import Further, further
from bekal.console.payout_runs import MAX_ID, PlanForm, run_or_404, say_planned
from bekal.console.people import mask_name
from bekal.incentives.house_rails import house_rails
from bekal.incentives.plan_follow_up import Place, plan_follow_up, rest_of, rest_people
from bekal.incentives.plan_payout_run import LeftOutReason
from bekal.incentives.preview_payout_run import (
    ENTERS,
    LEAVES,
    Change,
    Preview,
    PreviewPerson,
    preview_payout_run,
    preview_people,
)
from bekal.ledger.clock import programme_day, programme_now
from bekal.ui.refusals import sentence

PAGE_SIZE = 50
REASONS: dict[str, Promise] = {
    LeftOutReason.NO_ACCOUNT: gettext_lazy("No payout account yet"),
    LeftOutReason.ACCOUNT_NOT_VERIFIED: gettext_lazy("The payout account is not verified"),
    LeftOutReason.ACCOUNT_CHANGED: gettext_lazy("The payout account was changed less than 72 hours ago"),
    LeftOutReason.ACCOUNT_FAILED: gettext_lazy("The bank or wallet says that it cannot pay to the account"),
    LeftOutReason.ACCOUNT_NOT_CHECKED: gettext_lazy(
        "The bank or wallet has not yet said whether it can pay to the account"
    ),
    LeftOutReason.REVOKED: gettext_lazy("The place was revoked before it was earned"),
    LeftOutReason.CLAWED_BACK: gettext_lazy("The money was clawed back"),
    LeftOutReason.HELD: gettext_lazy("An alarm holds it until an officer has decided"),
    LeftOutReason.IN_QUESTION: gettext_lazy("The partner has said two contrary things of the last attempt"),
    LeftOutReason.OVER_LIMIT: gettext_lazy("Larger than the partner takes in one payment"),
    # Of institutions alone: nobody is ever found there, but whoever types the address gets an answer.
    LeftOutReason.STOPPED: gettext_lazy("the institution is stopped"),
    LeftOutReason.SUSPENDED: gettext_lazy("the institution or a training of it is suspended"),
}
CHANGES: dict[str, Promise] = {
    Change.FIRST: gettext_lazy("Entitled for the first time"),
    Change.FREED: gettext_lazy("Was left out of the last run and can be paid now"),
    Change.NEXT: gettext_lazy("The day of a further instalment has come"),
    Change.STAYS: gettext_lazy("On both"),
    Change.UNDER_WAY: gettext_lazy("The last payment is still under way, or on another list"),
    Change.PAID: gettext_lazy("Paid; the next instalment is due later"),
    Change.PAID_ALL: gettext_lazy("Paid, and nothing more is owed"),
    **REASONS,
}
PLACES: dict[str, Promise] = {
    Place.DUE: gettext_lazy("Due again: on the list of the follow-up run"),
    Place.PAID: gettext_lazy("Paid by this run"),
    Place.UNDER_WAY: gettext_lazy("Still on this run's list or with its partner"),
    Place.OTHER_RUN: gettext_lazy("On the list of another run"),
    Place.PAID_SINCE: gettext_lazy("Paid by another run since"),
    **REASONS,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of groups: its words, its address among the people, how many and how much."""

    words: Promise
    query: str
    payout_count: int
    total_rupiah: int


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def preview(request: HttpRequest) -> HttpResponse:
    """The list of a day as it would be now; looking at it writes nothing."""
    at = programme_now()
    form = PlanForm(request.GET) if "planned_for" in request.GET else PlanForm({"planned_for": programme_day(at)})
    seen: Preview | None = None
    if form.is_valid():
        seen = preview_payout_run(planned_for=form.cleaned_data["planned_for"], at=at, rails=house_rails())
        if seen.refusal is not None:
            form.add_error("planned_for", sentence(seen.refusal))
            seen = None
    context = {"form": form, "preview": seen, **(_tables(seen) if seen else {})}
    return render(request, "console/run_preview.html", context, status=200 if seen else 422)


def _tables(seen: Preview) -> dict[str, object]:
    day = seen.planned_for.isoformat()

    def changed(what: str) -> Row:
        return Row(CHANGES[what], f"?planned_for={day}&change={what}", seen.changes.get(what, 0), 0)

    return {
        "left_out": [
            Row(
                REASONS[share.what], f"?planned_for={day}&left_out={share.what}", share.payout_count, share.total_rupiah
            )
            for share in seen.left_out
        ],
        "enters": [changed(what) for what in ENTERS if what in seen.changes],
        "stays": changed(Change.STAYS),
        "leaves": [changed(what) for what in LEAVES if what in seen.changes],
    }


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """The people of one group of that list, fifty at a time."""
    form = PlanForm(request.GET)
    if not form.is_valid():
        raise Http404
    change, left_out = _change(request.GET.get("change", "")), _reason(request.GET.get("left_out", ""))
    planned_for: date = form.cleaned_data["planned_for"]
    after_id = _after(request)
    found = preview_people(
        planned_for=planned_for,
        at=programme_now(),
        rails=house_rails(),
        change=change,
        left_out=left_out,
        after_id=after_id,
        limit=PAGE_SIZE + 1,
    )
    title = CHANGES[change] if change else REASONS[left_out] if left_out else _("On the list")
    context = {"title": title, "planned_for": planned_for, **_page(request, found, after_id)}
    return render(request, "console/run_preview_people.html", context)


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def follow_up(request: HttpRequest, run_id: int) -> HttpResponse:
    """What is left of a run: where each of its instalments is."""
    run_id, at = min(run_id, MAX_ID), programme_now()
    rest = rest_of(run_id=run_id, at=at, rails=house_rails())
    if rest is None:
        raise Http404
    place = _place(request.GET.get("place", ""))
    rows = [
        Row(PLACES[share.what], f"?place={share.what}#people", share.payout_count, share.total_rupiah)
        for share in sorted(rest.places, key=lambda share: list(PLACES).index(share.what))
    ]
    context: dict[str, object] = {"rest": rest, "rows": rows}
    if rest.refusal is not None:
        context["problem"] = sentence(rest.refusal)
    if place is not None:
        after_id = _after(request)
        found = rest_people(
            run_id=run_id, at=at, place=place, rails=house_rails(), after_id=after_id, limit=PAGE_SIZE + 1
        )
        context |= {"title": PLACES[place], **_page(request, found, after_id)}
    return render(request, "console/run_follow_up.html", context)


@open_to(Role.OFFICER)
@require_POST
def plan_rest(request: HttpRequest, run_id: int) -> HttpResponse:
    """One step: a run of exactly what of this one is due again."""
    payout_run = run_or_404(run_id)
    planned = plan_follow_up(
        run_id=payout_run.pk, officer_id=signed_in_id(request), at=programme_now(), rails=house_rails()
    )
    say_planned(request, planned)
    if planned.refusal is not None:
        messages.error(request, sentence(planned.refusal))
        return redirect("console:follow_up_run", run_id=payout_run.pk)
    return redirect("console:run", run_id=planned.run_id)


def _page(request: HttpRequest, found: tuple[PreviewPerson, ...], after_id: int) -> dict[str, object]:
    shown = found[:PAGE_SIZE]
    last_id = shown[-1].participation_id if len(found) > PAGE_SIZE else None
    pages: Further = further(request, after_id, last_id, is_full=True)
    return {"people": [(one, mask_name(one.full_name)) for one in shown], "further": pages}


def _after(request: HttpRequest) -> int:
    text = request.GET.get("after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _reason(text: str) -> LeftOutReason | None:
    return LeftOutReason(text) if text in set(LeftOutReason) else None


def _change(text: str) -> Change | LeftOutReason | None:
    return Change(text) if text in set(Change) else _reason(text)


def _place(text: str) -> Place | LeftOutReason | None:
    return Place(text) if text in set(Place) else _reason(text)
