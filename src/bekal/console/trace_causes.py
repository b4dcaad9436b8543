"""What caused one transfer: a purchase with its evidence, a payout with its run and files, a run over many people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _

from bekal.core.rules import RULES
from bekal.incentives.models import Payout, PayoutStatus
from bekal.ledger.clock import programme_day
from bekal.ledger.queries import TransferLine
from bekal.lifecycle.models import Clawback, MassRun, Repayment
from bekal.participants.models import Participation
from bekal.purchases.models import Evidence, Purchase
from bekal.ui.display import count, day, moment, rupiah


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what is on record; `address` leads to its page, which may know a past."""

    label: str
    value: str
    address: str = ""
    has_past: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened on the way, in order."""

    at: datetime
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """One section of a trace. `event_on`: the day that picks the value of rules which follow the event."""

    title: str
    facts: tuple[Fact, ...]
    steps: tuple[Step, ...] = ()
    event_on: date | None = None
    paid_kind: str = ""


def place_cause(place: Participation) -> Cause:
    """The participation whose money it is."""
    facts = [
        Fact(_("Wave"), str(place.wave.number)),
        Fact(_("Accepted"), moment(place.accepted_at)),
        Fact(_("Must buy by"), day(place.first_purchase_due_on)),
        Fact(_("Balance can be spent until"), day(place.balance_ends_on)),
        Fact(_("Can earn until"), day(RULES.scheme(place.accepted_on).earning_ends_on)),
    ]
    if place.opened_at:
        facts.append(Fact(_("Taken over from another system"), moment(place.opened_at)))
        facts.append(Fact(_("Opening balances"), rupiah(place.opened_rupiah)))
    for label, at in (
        (_("Place taken back"), place.revoked_at),
        (_("Balance ended"), place.balance_ended_at),
        (_("Clawed back"), place.clawed_back_at),
        (_("Closed"), place.closed_at),
    ):
        if at:
            facts.append(Fact(label, moment(at)))
    return Cause(_("The participation"), tuple(facts))


def mass_run_causes(transfer: TransferLine, subject_ids: Iterable[int], operations: Sequence[str]) -> tuple[Cause, ...]:
    """The run over many people, if one made this transfer: the same instant, and this subject in one of its chunks.
    People are accepted when their chunk is done, everything else bears the instant of the run."""
    when_done = Q(operation=MassRun.Operation.ACCEPT_WAVE, chunks__done_at=transfer.posted_at)
    runs = MassRun.objects.filter(
        Q(at=transfer.posted_at) | when_done,
        operation__in=operations,
        chunks__subject_ids__overlap=list(subject_ids),
        chunks__done_at__isnull=False,
    )
    found = runs.select_related("planned_by", "approved_by").order_by("pk").distinct()
    return tuple(_mass_run(run) for run in found)


def _mass_run(run: MassRun) -> Cause:
    facts = (
        Fact(_("Run"), str(run.pk), resolve_url("console:mass_run", run.pk)),
        Fact(_("What it did"), run.get_operation_display()),
        Fact(_("Over how many"), count(run.subject_count)),
        Fact(_("Total"), rupiah(run.total_rupiah)),
        Fact(_("SHA-256 of its list"), bytes(run.list_sha256).hex()),
    )
    steps = [Step(run.planned_at, _("planned"), run.planned_by.display_name if run.planned_by else "")]
    if run.approved_at and run.approved_by:
        steps.append(Step(run.approved_at, _("approved by a second person"), run.approved_by.display_name))
    if run.finished_at:
        steps.append(Step(run.finished_at, _("finished")))
    return Cause(_("Run over many people"), facts, tuple(steps))


def purchase_cause(purchase: Purchase) -> Cause:
    """A purchase with the training, its price, the institution, and the evidence of both sides."""
    training = purchase.training
    facts = [
        Fact(_("Training"), f"{training.title} ({training.code})"),
        Fact(
            _("Institution"),
            training.institution.name,
            resolve_url("console:institution_statement", training.institution_id),
            has_past=True,
        ),
        Fact(_("Price paid"), rupiah(purchase.price_rupiah)),
        Fact(_("Price on the training now"), rupiah(training.price_rupiah)),
        Fact(
            _("Purchase"),
            _("number %(number)s, the %(ordinal)s. of this person")
            % {"number": purchase.pk, "ordinal": purchase.ordinal},
        ),
    ]
    if purchase.ended_at:
        facts.append(Fact(_("Refunded"), rupiah(purchase.refunded_rupiah)))
        facts.append(Fact(_("Earned by the institution"), rupiah(purchase.price_rupiah - purchase.refunded_rupiah)))
    if purchase.settlement:
        settled = purchase.settlement
        facts.append(Fact(_("Settlement"), str(settled.pk)))
        facts.append(Fact(_("Purchases settled with it"), count(settled.purchase_count)))
        facts.append(Fact(_("Settled with it"), rupiah(settled.total_rupiah)))
    proven_at = purchase.reconciled_at or purchase.ended_at
    return Cause(
        _("The purchase"), tuple(facts), _purchase_steps(purchase), programme_day(proven_at) if proven_at else None
    )


def _purchase_steps(purchase: Purchase) -> tuple[Step, ...]:
    steps = [Step(purchase.bought_at, _("bought with a one-time code") if purchase.one_time_code_id else _("bought"))]
    named = [
        (purchase.redeemed_at, _("code redeemed")),
        (purchase.completed_at, _("completed")),
        (purchase.reconciled_at, _("evidence of both sides agrees")),
        (purchase.settlement.settled_at if purchase.settlement else None, _("settled to the institution")),
    ]
    steps += [Step(at, what) for at, what in named if at]
    if purchase.ended_at:
        steps.append(Step(purchase.ended_at, purchase.get_ending_display()))
    for piece in Evidence.objects.filter(purchase=purchase).order_by("recorded_at", "piece", "sequence"):
        what = piece.get_piece_display()
        if piece.piece == Evidence.Piece.ATTENDANCE:
            what = _("attendance, session %(number)s") % {"number": piece.sequence}
        steps.append(Step(piece.recorded_at, what, _("by: %(who)s") % {"who": piece.get_source_display()}))
    return tuple(sorted(steps, key=lambda step: step.at))


def payout_causes(payout: Payout) -> tuple[Cause, ...]:
    """An entitlement, its payout, and the run with its officers, files and what the partner said."""
    entitlement, run = payout.entitlement, payout.run
    assert entitlement is not None, "what pays an institution has no transfer of its own"
    earned = Cause(
        _("What was earned"),
        (
            Fact(_("Entitlement"), f"{entitlement.get_kind_display()} {entitlement.instalment}"),
            Fact(_("Amount"), rupiah(entitlement.amount_rupiah)),
            Fact(_("Earned"), moment(entitlement.entitled_at)),
            Fact(_("Scheduled for"), day(entitlement.scheduled_on)),
            Fact(_("Day of payment"), day(entitlement.payment_on)),
        ),
        event_on=entitlement.scheduled_on.replace(day=1),  # the calendar's rules are asked for with the month
        paid_kind=entitlement.kind,
    )
    paid = Cause(
        _("The payout"),
        (
            Fact(_("Reference"), payout.reference),
            Fact(_("Attempt"), str(payout.attempt)),
            Fact(_("Payout account"), f"{payout.get_partner_display()} {payout.masked_account}"),
            Fact(_("Payout run"), str(run.pk), resolve_url("console:run", run.pk)),
            Fact(_("SHA-256 of its list"), bytes(run.list_sha256).hex()),
        ),
        _payout_steps(payout),
    )
    return earned, paid


def _payout_steps(payout: Payout) -> tuple[Step, ...]:
    run = payout.run
    steps = [Step(run.planned_at, _("planned"), run.planned_by.display_name)]
    if run.approved_at and run.approved_by:
        steps.append(Step(run.approved_at, _("approved by a second person"), run.approved_by.display_name))
    for asked in payout.reversals.select_related("asked_by", "agreed_by", "dropped_by").order_by("pk"):
        steps.append(
            Step(asked.asked_at, _("asked to be taken back"), f"{asked.asked_by.display_name}: {asked.reason_code}")
        )
        if asked.agreed_at and asked.agreed_by:
            steps.append(Step(asked.agreed_at, _("agreed by a second person"), asked.agreed_by.display_name))
        if asked.dropped_at and asked.dropped_by:
            steps.append(Step(asked.dropped_at, _("the request was dropped"), asked.dropped_by.display_name))
    statuses = PayoutStatus.objects.select_related("file").filter(payout=payout).order_by("recorded_at", "pk")
    for status in statuses.defer("file__content_encrypted"):
        words = [status.reason_code]
        if status.file:
            words += [_("file %(name)s") % {"name": status.file.name}, f"SHA-256 {bytes(status.file.sha256).hex()}"]
        steps.append(Step(status.recorded_at, status.get_state_display(), " · ".join(filter(None, words))))
    return tuple(sorted(steps, key=lambda step: step.at))


def clawback_cause(clawback: Clawback) -> Cause:
    """Why money has to come back, who decided, who approved, by when."""
    facts = [
        Fact(_("Clawback"), str(clawback.pk), resolve_url("console:clawback", clawback.pk)),
        Fact(_("Cause"), clawback.get_cause_display()),
        Fact(_("Explanation"), clawback.explanation),
        Fact(_("Cash to be paid back"), rupiah(clawback.incentive_rupiah)),
        Fact(_("Training cost to be paid back"), rupiah(clawback.training_rupiah)),
    ]
    if clawback.due_on:
        facts.append(Fact(_("Due"), day(clawback.due_on)))
    steps = [Step(clawback.decided_at, _("decided"), clawback.decided_by.display_name)]
    if clawback.approved_at and clawback.approved_by:
        steps.append(Step(clawback.approved_at, _("approved by a second person"), clawback.approved_by.display_name))
    if clawback.withdrawal_asked_at and clawback.withdrawal_asked_by:
        detail = f"{clawback.withdrawal_asked_by.display_name}: {clawback.withdrawn_because}"
        steps.append(Step(clawback.withdrawal_asked_at, _("withdrawal asked for"), detail))
    if clawback.withdrawn_at and clawback.withdrawn_by:
        detail = f"{clawback.withdrawn_by.display_name}: {clawback.withdrawn_because}"
        steps.append(Step(clawback.withdrawn_at, _("withdrawn"), detail))
    on = programme_day(clawback.approved_at or clawback.decided_at)
    return Cause(_("The clawback"), tuple(facts), tuple(steps), on)


def repayment_cause(repayment: Repayment) -> Cause:
    """One receipt of the treasury."""
    facts = (
        Fact(_("Reference of the treasury's receipt"), repayment.reference),
        Fact(_("Received on"), day(repayment.received_on)),
        Fact(_("Cash paid back"), rupiah(repayment.incentive_rupiah)),
        Fact(_("Training cost paid back"), rupiah(repayment.training_rupiah)),
    )
    return Cause(
        _("The repayment"), facts, (Step(repayment.recorded_at, _("recorded"), repayment.recorded_by.display_name),)
    )
