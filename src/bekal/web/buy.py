"""Beli: look at what it costs, receive a code, type it. The receipt is the purchase's own page.

The price the reader saw and the end of the code's life travel in the session from the check page to the code page.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from bekal.accounts.access import open_to
from bekal.accounts.models import Role, User
from bekal.accounts.note_devices import see_device
from bekal.catalogue.search import TrainingCard, training_cards
from bekal.core.refusal import Refusal
from bekal.messaging.channels import carriers
from bekal.messaging.models import Channel
from bekal.messaging.refusals import CodeRefusal
from bekal.participants.notify import CONTACT_OF
from bekal.participants.queries import contact_points_of
from bekal.purchases.buy import Order, buy
from bekal.purchases.models import Purchase
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.request_purchase import Intent, request_purchases
from bekal.ui.refusals import sentence
from bekal.web.forms import CodeForm, posted
from bekal.web.reader import Reader, reader_of
from bekal.web.trainings import why_not

SESSION_KEY = "buying"
# After these the code on the reader's phone is worth nothing: the way on is a new one.
NEEDS_NEW_CODE = {
    CodeRefusal.CODE_NOT_ISSUED,
    CodeRefusal.CODE_EXPIRED,
    CodeRefusal.CODE_USED,
    CodeRefusal.CODE_BLOCKED,
}
# What the reader can mend or wait for; every other refusal leads to another training.
TRY_AGAIN = {*PurchaseRefusal, *CodeRefusal} - {PurchaseRefusal.SOLD_OUT}


@dataclass(frozen=True, slots=True)
class Pending:
    """A code is on its way: for which training, at which price, until when."""

    training_id: int
    price_rupiah: int
    expires_at: datetime

    def to_session(self, request: HttpRequest) -> None:
        request.session[SESSION_KEY] = [self.training_id, self.price_rupiah, self.expires_at.isoformat()]

    @classmethod
    def from_session(cls, request: HttpRequest, training_id: int) -> "Pending | None":
        stored = request.session.get(SESSION_KEY)
        if not stored or stored[0] != training_id:
            return None
        return cls(stored[0], stored[1], datetime.fromisoformat(stored[2]))


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def check(request: HttpRequest, training_id: int) -> HttpResponse:
    """The page to look at before the code: balance before and after, what lapses, what cannot be undone."""
    reader, card = reader_of(request), card_or_404(training_id)
    bought = bought_of(reader, training_id)
    if bought is not None:
        return to_receipt(request, bought.pk, again=True)
    refusal = why_not(reader, card, bought=False)
    if request.method == "POST" and refusal is None and reader.participation is not None:
        refusal = price_seen(request, card)
        if refusal is None:
            intent = Intent(reader.participation.pk, training_id, _channel(request))
            (answer,) = request_purchases(intents=[intent], at=reader.at)
            if not isinstance(answer, Refusal):
                Pending(training_id, card.price_rupiah, answer.expires_at).to_session(request)
                return redirect("web:buy_code", training_id)
            refusal = answer
    context = {
        "reader": reader,
        "card": card,
        "refusal": refusal,
        "may_try": refusal is None or refusal.code in TRY_AGAIN,
        "left_rupiah": reader.balance_rupiah - card.price_rupiah,
        "channels": _channels(reader) if refusal is None or refusal.code in TRY_AGAIN else (),
    }
    return render(request, "web/buy.html", context, status=422 if refusal and request.method == "POST" else 200)


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("code")
def enter_code(request: HttpRequest, training_id: int) -> HttpResponse:
    """The page for the six digits. Sent twice, or again after going back, it ends at the same receipt."""
    reader, card = reader_of(request), card_or_404(training_id)
    bought = bought_of(reader, training_id)
    if bought is not None:
        return to_receipt(request, bought.pk, again=True)
    pending = Pending.from_session(request, training_id)
    if pending is None or reader.participation is None:
        return redirect("web:buy", training_id)
    form = CodeForm(posted(request))
    refusal: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        order = Order(reader.participation.pk, training_id, pending.price_rupiah, form.cleaned_data["code"])
        (outcome,) = buy(orders=[order], at=reader.at)
        if outcome.purchase_id is not None:
            request.session.pop(SESSION_KEY, None)
            response = to_receipt(request, outcome.purchase_id, again=outcome.repeated)
            if isinstance(request.user, User) and not outcome.repeated:
                see_device(request, response, request.user, at=reader.at, is_purchase=True)
            return response
        refusal = outcome.refusal
        if refusal is not None:
            form.add_error("code", sentence(refusal))
    context = {
        "reader": reader,
        "card": card,
        "pending": pending,
        "form": form,
        "expired": reader.at > pending.expires_at,
        "needs_new_code": refusal is not None and refusal.code in NEEDS_NEW_CODE,
        "price_changed": refusal is not None and refusal.code not in set(CodeRefusal),
        "contacts": contact_points_of(participant_id=reader.participation.participant_id),
        "left_rupiah": reader.balance_rupiah - pending.price_rupiah,
    }
    return render(request, "web/buy_code.html", context, status=422 if form.errors else 200)


def card_or_404(training_id: int) -> TrainingCard:
    card = training_cards(training_ids=[training_id]).get(training_id)
    if card is None:
        raise Http404
    return card


def _channels(reader: Reader) -> list[tuple[Channel, str]]:
    """The ways in which a code can come to the reader, with where it goes; the first is chosen where nobody asks."""
    if reader.participant is None:
        return []
    lines = contact_points_of(participant_id=reader.participant.pk)
    masked = {line.kind: line.masked for line in lines if line.unreachable_since_at is None}
    able = carriers(settings.CARRIER_ADDRESSES, demo=settings.DEMO)
    # Where no channel has a carrier yet, the messages wait for one: the usual two are offered.
    offered = [channel for channel in CONTACT_OF if channel in able] or [Channel.SMS, Channel.EMAIL]
    return [(channel, masked[CONTACT_OF[channel]]) for channel in offered if CONTACT_OF[channel] in masked]


def _channel(request: HttpRequest) -> Channel | None:
    """The way the reader chose; None where it is none of ours."""
    wanted = request.POST.get("channel", "")
    return Channel(wanted) if wanted in Channel.values else None


def bought_of(reader: Reader, training_id: int) -> Purchase | None:
    if reader.participation is None:
        return None
    return Purchase.objects.filter(participation=reader.participation, training_id=training_id).first()


def price_seen(request: HttpRequest, card: TrainingCard) -> Refusal | None:
    """The form carries the price that was on the page: nobody agrees to a price they did not see."""
    seen = request.POST.get("price_rupiah", "")
    if seen == str(card.price_rupiah):
        return None
    seen_rupiah = int(seen) if seen.isascii() and seen.isdigit() and len(seen) <= 12 else 0
    return Refusal(PurchaseRefusal.PRICE_CHANGED, {"price_rupiah": card.price_rupiah, "seen_rupiah": seen_rupiah})


def to_receipt(request: HttpRequest, purchase_id: int, *, again: bool) -> HttpResponse:
    if again:
        messages.info(request, gettext("You have bought this training already. It was paid once."))
    else:
        messages.success(request, gettext("Bought. Keep the redeem code below."))
    return redirect("web:purchase", purchase_id)
