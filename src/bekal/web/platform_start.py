"""Beli lewat platform: the participant hands the start of one purchase to the platform that sells the training."""

import segno
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.core.refusal import Refusal
from bekal.partners.platform_refusals import PlatformRefusal
from bekal.partners.purchase_intents import IntentWish, StartCode, open_intents, open_start_code, withdraw_intents
from bekal.purchases.redeem_codes import grouped
from bekal.web.buy import bought_of, card_or_404, price_seen, to_receipt
from bekal.web.reader import reader_of
from bekal.web.trainings import why_not


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def platform_start(request: HttpRequest, training_id: int) -> HttpResponse:
    """What the platform may do, then the start code. Sent twice it shows the same code; a withdrawn one is worth
    nothing."""
    reader, card = reader_of(request), card_or_404(training_id)
    bought = bought_of(reader, training_id)
    if bought is not None:
        return to_receipt(request, bought.pk, again=True)
    refusal = why_not(reader, card, bought=False)
    if refusal is None and card.platform_id is None:
        refusal = Refusal(PlatformRefusal.NOT_SOLD_BY_PLATFORM)
    if request.method == "POST" and reader.participation is not None:
        if request.POST.get("action") == "withdraw":
            withdraw_intents(wishes=[(reader.participation.pk, training_id)], at=reader.at)
            return redirect("web:platform_start", training_id)
        refusal = refusal or price_seen(request, card)
        if refusal is None:
            wish = IntentWish(reader.participation.pk, training_id, card.price_rupiah)
            (outcome,) = open_intents(wishes=[wish], at=reader.at)
            if isinstance(outcome, StartCode):
                return redirect("web:platform_start", training_id)
            refusal = outcome
    start = None
    if reader.participation is not None:
        start = open_start_code(participation_id=reader.participation.pk, training_id=training_id, at=reader.at)
    context = {
        "reader": reader,
        "card": card,
        "refusal": refusal,
        "start": start,
        "code": grouped(start.code) if start else "",
        "qr": _qr(start.code) if start else "",
    }
    return render(
        request, "web/platform_start.html", context, status=422 if refusal and request.method == "POST" else 200
    )


def _qr(code: str) -> str:
    """The code as a picture of its own markup: nothing of it is the reader's words."""
    drawn = segno.make(grouped(code), error="m", micro=False)
    return mark_safe(drawn.svg_inline(scale=5, border=4, dark="#000", light="#fff"))
