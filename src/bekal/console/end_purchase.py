"""End a purchase that will not be proven any more: first what each side gets and where it goes, then do it."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.people import mask_name
from bekal.ledger.clock import programme_now
from bekal.participants.models import Participation
from bekal.purchases.end_purchases import EndOutcome, end_purchases, ending_preview
from bekal.purchases.queries import PurchaseLine, purchase
from bekal.ui.refusals import sentence

MAX_ID = 2**63 - 1


@open_to(Role.OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def end_purchase(request: HttpRequest, purchase_id: int) -> HttpResponse:
    """The check page; posted, it ends the purchase, if it still ends as it was shown."""
    line = purchase(purchase_id=min(purchase_id, MAX_ID))
    if line is None:
        raise Http404
    at = programme_now()
    if request.method != "POST":
        (preview,) = ending_preview(purchase_ids=[line.purchase_id], at=at)
        return _check_page(request, line, preview)
    with transaction.atomic():
        (outcome,) = end_purchases(purchase_ids=[line.purchase_id], at=at)
        # An institution may have recorded a session, or the balance have ended, since the officer looked.
        has_changed = outcome.refusal is None and request.POST.get("seen") != _seen(outcome)
        transaction.set_rollback(has_changed)
    if has_changed:
        return _check_page(request, line, outcome, has_changed=True)
    if outcome.refusal is not None:
        messages.error(request, sentence(outcome.refusal))
    elif outcome.repeated:
        messages.info(request, _("This purchase had ended before; nothing has changed."))
    else:
        messages.success(request, _("The purchase has ended."))
    return redirect("console:person", participation_id=line.participation_id)


def _seen(outcome: EndOutcome) -> str:
    """What the officer agrees to: the two amounts and where the refund goes."""
    return f"{outcome.earned_rupiah}-{outcome.refunded_rupiah}-{int(outcome.to_balance)}"


def _check_page(
    request: HttpRequest, line: PurchaseLine, outcome: EndOutcome, *, has_changed: bool = False
) -> HttpResponse:
    place = Participation.objects.select_related("participant").get(pk=line.participation_id)
    context = {
        "line": line,
        "outcome": outcome,
        "refusal": sentence(outcome.refusal) if outcome.refusal else "",
        "seen": _seen(outcome),
        "has_changed": has_changed,
        "name": mask_name(place.participant.full_name),
    }
    return render(request, "console/end_purchase.html", context, status=422 if has_changed else 200)
