"""One transfer, traced: where it went, what caused it, which rule was in force, and the source of that rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.console.as_of import as_of
from bekal.console.people import mask_name
from bekal.console.trace_causes import (
    Cause,
    clawback_cause,
    mass_run_causes,
    payout_causes,
    place_cause,
    purchase_cause,
    repayment_cause,
)
from bekal.console.trace_rules import RuleInForce, parameters, rules_in_force
from bekal.incentives.models import Payout
from bekal.ledger.clock import programme_day
from bekal.ledger.movements import Reason
from bekal.ledger.queries import TransferLine, digest_over, transfer_of
from bekal.lifecycle.models import Clawback, MassRun, Repayment
from bekal.participants.models import Participation
from bekal.purchases.models import Purchase

MAX_ID = 2**63 - 1
_ONCE = gettext_lazy("“%(start)s”: happens once to a participation; the second word names the purse.")
_TRAINING = gettext_lazy("“%(start)s”, then the number of the training: once for each training of a participation.")
_PAYOUT = gettext_lazy("“%(start)s”, then the reference of the payout, which no other payout has.")
_NUMBERED = gettext_lazy("“%(start)s”, then its number and the purse: once for each decision or receipt.")
# What stands before the colon of a key.
KEYS: Mapping[str, Promise] = {
    "commit": _ONCE,
    "open": _ONCE,
    "revoke": _ONCE,
    "end": _ONCE,
    "close": _ONCE,
    "purchase": _TRAINING,
    "completion": _TRAINING,
    "refund": _TRAINING,
    "institution": _TRAINING,
    "sent": _PAYOUT,
    "settled": _PAYOUT,
    "rejected": _PAYOUT,
    "returned": _PAYOUT,
    "reversed": _PAYOUT,
    "clawback": _NUMBERED,
    "withdrawal": _NUMBERED,
    "repayment": _NUMBERED,
}


# What the participation itself explains; everything else has a purchase, a payout or a decision behind it.
_BY_PLACE = frozenset(
    {Reason.ACCEPTANCE, Reason.OPENING, Reason.REVOCATION, Reason.END_OF_BALANCE, Reason.YEAR_CLOSING}
)


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything behind one transfer. `is_explained`: what it is for is on record."""

    key_words: str
    is_explained: bool
    causes: tuple[Cause, ...]
    rules: tuple[RuleInForce, ...]


def trace_of(place: Participation, transfer: TransferLine) -> Trace:
    """What caused the transfer, and the rules of the day of acceptance or of the event. Every reason has its own."""
    causes = CAUSES[transfer.reason](place, transfer)
    paid_kind = next((cause.paid_kind for cause in causes if cause.paid_kind), "")
    event_on = next((cause.event_on for cause in causes if cause.event_on), programme_day(transfer.posted_at))
    names = parameters(transfer, paid_kind)
    rules = rules_in_force(names, accepted_on=place.accepted_on, event_on=event_on)
    is_explained = bool(causes) or transfer.reason in _BY_PLACE
    return Trace(key_words(transfer.idempotency_key), is_explained, (*causes, place_cause(place)), rules)


def key_words(key: str) -> str:
    """How the key says what the transfer is for; the same again under it posts nothing."""
    start, colon, _rest = key.partition(":")
    words = KEYS.get(start) if colon else None
    return (
        _("A key of its own, made outside this programme's verbs.") if words is None else str(words) % {"start": start}
    )


def _of_place(*operations: str) -> Callable[[Participation, TransferLine], tuple[Cause, ...]]:
    def causes(place: Participation, transfer: TransferLine) -> tuple[Cause, ...]:
        return mass_run_causes(transfer, [place.pk], operations)

    return causes


def _of_acceptance(place: Participation, transfer: TransferLine) -> tuple[Cause, ...]:
    # A wave is accepted by the numbers of people, who have no participation before it.
    return mass_run_causes(transfer, [place.participant_id], [MassRun.Operation.ACCEPT_WAVE])


def _of_purchase(place: Participation, transfer: TransferLine) -> tuple[Cause, ...]:
    number = transfer.idempotency_key.split(":")[1]
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return ()
    rows = Purchase.objects.select_related("training__institution", "settlement")
    purchase = rows.filter(participation=place, training_id=int(number)).first()
    if purchase is None:
        return ()
    operations = (MassRun.Operation.SETTLE_INSTITUTIONS, MassRun.Operation.CLOSE_YEAR)
    runs = mass_run_causes(transfer, [purchase.pk], operations[:1]) + mass_run_causes(
        transfer, [place.pk], operations[1:]
    )
    return (purchase_cause(purchase), *runs)


def _of_payout(place: Participation, transfer: TransferLine) -> tuple[Cause, ...]:
    rows = Payout.objects.select_related("entitlement", "run__planned_by", "run__approved_by")
    reference = transfer.idempotency_key.partition(":")[2]
    payout = rows.filter(reference=reference, entitlement__participation=place).first()
    return () if payout is None else payout_causes(payout)


def _of_revocation(place: Participation, transfer: TransferLine) -> tuple[Cause, ...]:
    """A place is taken back for not buying in time, or because it was never due: then by a clawback."""
    runs = mass_run_causes(transfer, [place.pk], [MassRun.Operation.REVOKE, MassRun.Operation.CLOSE_YEAR])
    if place.clawed_back_at is None:
        return runs
    clawback = _clawbacks().filter(participation=place, approved_at=transfer.posted_at).first()
    return runs if clawback is None else (clawback_cause(clawback), *runs)


def _of_clawback(place: Participation, transfer: TransferLine) -> tuple[Cause, ...]:
    number = _middle_number(transfer.idempotency_key)
    clawback = None if number is None else _clawbacks().filter(participation=place, pk=number).first()
    return () if clawback is None else (clawback_cause(clawback),)


def _of_repayment(place: Participation, transfer: TransferLine) -> tuple[Cause, ...]:
    number = _middle_number(transfer.idempotency_key)
    rows = Repayment.objects.select_related("recorded_by").filter(clawback__participation=place, pk=number or 0)
    repayment = rows.first()
    if repayment is None:
        return ()
    clawback = _clawbacks().get(pk=repayment.clawback_id)
    return repayment_cause(repayment), clawback_cause(clawback)


def _clawbacks() -> QuerySet[Clawback]:
    return Clawback.objects.select_related("decided_by", "approved_by", "withdrawal_asked_by", "withdrawn_by").order_by(
        "pk"
    )


def _middle_number(key: str) -> int | None:
    text = key.split(":")[1] if key.count(":") == 2 else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


CAUSES: Mapping[Reason, Callable[[Participation, TransferLine], tuple[Cause, ...]]] = {
    Reason.ACCEPTANCE: _of_acceptance,
    Reason.OPENING: _of_place(),
    Reason.PURCHASE: _of_purchase,
    Reason.COMPLETION: _of_purchase,
    Reason.REFUND: _of_purchase,
    Reason.SETTLEMENT: _of_purchase,
    Reason.SETTLEMENT_RETURNED: _of_purchase,
    Reason.PAYOUT_SENT: _of_payout,
    Reason.PAYOUT_SETTLED: _of_payout,
    Reason.PAYOUT_REJECTED: _of_payout,
    Reason.PAYOUT_RETURNED: _of_payout,
    Reason.PAYOUT_REVERSED: _of_payout,
    Reason.REVOCATION: _of_revocation,
    Reason.END_OF_BALANCE: _of_place(MassRun.Operation.END_BALANCES, MassRun.Operation.CLOSE_YEAR),
    Reason.YEAR_CLOSING: _of_place(MassRun.Operation.CLOSE_YEAR),
    Reason.CLAWBACK: _of_clawback,
    Reason.CLAWBACK_WITHDRAWN: _of_clawback,
    Reason.REPAYMENT: _of_repayment,
}


@open_to(Role.OFFICER, Role.AUDITOR)
@require_safe
def transfer(request: HttpRequest, participation_id: int, transfer_id: int) -> HttpResponseBase:
    """The page of one transfer: a stranger can check each word of it against its source. Its links go on as of the
    instant that was asked for."""
    rows = Participation.objects.select_related("participant", "wave")
    place = get_object_or_404(rows, pk=min(participation_id, MAX_ID))
    found = transfer_of(owner_id=place.pk, transfer_id=min(transfer_id, MAX_ID))
    if found is None:
        raise Http404
    context = {
        "asked": as_of(request),
        "place": place,
        "name": mask_name(place.participant.full_name),
        "transfer": found,
        "trace": trace_of(place, found),
        "digest": digest_over(found.id),
    }
    return render(request, "console/transfer.html", context)
