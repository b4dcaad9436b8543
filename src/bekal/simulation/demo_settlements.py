"""What the demo shows of payments to institutions: a run that was paid, but for what a bank rejected, and a list that
waits for a second officer and then for the demo's bank."""

from datetime import datetime, timedelta
from itertools import cycle

from bekal.catalogue.models import Institution
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.models import InstitutionAccount, Payout
from bekal.incentives.plan_settlement_run import plan_settlement_run
from bekal.incentives.set_institution_account import agree_to_institution_account, enter_institution_account
from bekal.incentives.settle_payouts import settle_payouts
from bekal.ledger.clock import programme_day
from bekal.participants.models import PaymentPartner
from bekal.purchases.settle_institutions import order_settlements, settleable_ids
from bekal.simulation.payment_partners import answer_to

# Institutions were paid six weeks ago, and are to be paid what was due two weeks ago; what is due since waits to be
# ordered.
PAID_BEFORE, ORDERED_BEFORE = timedelta(days=42), timedelta(days=14)
FIRST_ACCOUNT_NUMBER = 7_100_000_000
# Of this many payments to institutions the bank rejects one: a closed account, another name, a blocked account.
REJECT_EVERY, REASONS = 5, ("AC04", "BE01", "AC06")


def make_demo_settlements(*, officer_ids: tuple[int, int], at: datetime) -> None:
    """By the verbs. Every institution but one has an account (those that sign in have); where nothing was due there is
    no run."""
    last_id = Institution.objects.filter(staff=None).order_by("-pk").values_list("pk", flat=True)[:1]
    institution_ids = Institution.objects.exclude(pk__in=last_id).order_by("pk").values_list("pk", flat=True)
    for institution_id in list(institution_ids):
        _give_account(institution_id, officer_ids, at - PAID_BEFORE)
    paid_at, ordered_at = at - PAID_BEFORE, at - ORDERED_BEFORE
    order_settlements(purchase_ids=settleable_ids(at=paid_at), at=paid_at)
    _pay(officer_ids, paid_at)
    order_settlements(purchase_ids=settleable_ids(at=ordered_at), at=ordered_at)
    plan_settlement_run(planned_for=programme_day(at), officer_id=officer_ids[0], at=at)


def _give_account(institution_id: int, officer_ids: tuple[int, int], at: datetime) -> None:
    entered = enter_institution_account(
        institution_id=institution_id,
        partner=PaymentPartner.BNI,
        number=f"{FIRST_ACCOUNT_NUMBER + institution_id:010d}",
        holder_name=Institution.objects.get(pk=institution_id).name[:150],
        officer_id=officer_ids[0],
        at=at,
    )
    if entered.refusal is not None:
        raise RuntimeError(f"the account of institution {institution_id} was refused: {entered.refusal}")
    row = InstitutionAccount.objects.get(pk=entered.account_id or 0)
    agree_to_institution_account(
        institution_id=institution_id, account_hash=bytes(row.account_hash), officer_id=officer_ids[1], at=at
    )


def _pay(officer_ids: tuple[int, int], at: datetime) -> None:
    """There was no bank beside the demo then: an officer handed the file over, and read in what came back."""
    planned = plan_settlement_run(planned_for=programme_day(at), officer_id=officer_ids[0], at=at)
    if planned.run_id is None or planned.list_sha256 is None:
        return
    approve_payout_run(run_id=planned.run_id, officer_id=officer_ids[1], list_sha256=planned.list_sha256, at=at)
    references = Payout.objects.filter(run_id=planned.run_id).order_by("reference").values_list("reference", flat=True)
    rejected = dict(zip(references[REJECT_EVERY - 1 :: REJECT_EVERY], cycle(REASONS), strict=False))
    for file in export_payout_run(run_id=planned.run_id, at=at, proof_limit=None).files:
        answered_at = at + timedelta(hours=6)
        name, content = answer_to(file.name, file.content, rejected, at=answered_at, day=programme_day(at))
        settled = settle_payouts(partner=file.partner, name=name, content=content, at=answered_at)
        if settled.refusal is not None:
            raise RuntimeError(f"an answer to run {planned.run_id} was refused: {settled.refusal}")
