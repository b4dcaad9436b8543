"""Builders of the states a payout run goes through; every step is its verb."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial

from bekal.accounts.models import User
from bekal.catalogue.models import Training
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.entitle import entitle
from bekal.incentives.export_payout_run import Exported, export_payout_run
from bekal.incentives.models import PayoutRun
from bekal.incentives.plan_payout_run import PlannedRun, plan_payout_run
from bekal.incentives.reverse_payouts import ReverseOutcome, ask_to_reverse_payouts, reverse_payouts
from bekal.incentives.settle_payouts import Settled, settle_payouts
from bekal.purchases.reconcile import reconcile
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.write_review import NewReview, write_review
from tests import factories
from tests.factories import RECONCILED_AT, jakarta
from tests.incentives.partner import answers

# The 25th of April 2020 is a Saturday: everyone reconciled on it is paid on Monday.
FIRST_PAY_ON = date(2020, 4, 27)
PLANNED_AT, APPROVED_AT, EXPORTED_AT, SETTLED_AT = (jakarta(2020, 4, 27, hour) for hour in (8, 9, 10, 15))
INSTALMENT_RUPIAH = 600_000
# Where the proof of the ledger is not what is tried.
export = partial(export_payout_run, proof_limit=None)


def learned(participation_ids: tuple[int, ...], training: Training | None = None) -> None:
    """Each has bought, redeemed, completed, reviewed and been reconciled by RECONCILED_AT."""
    training = training or factories.training()
    bought = factories.bought_all(participation_ids, training)
    redemptions = [Redemption(training.institution_id, one.redeem_code or "") for one in bought]
    redeemed = redeem(redemptions=redemptions, at=factories.REDEEMED_AT)
    purchase_ids = [one.purchase_id for one in redeemed if one.purchase_id is not None]
    factories.complete(*purchase_ids)
    write_review(
        reviews=[
            NewReview(person, purchase, 5, "Jelas.")
            for person, purchase in zip(participation_ids, purchase_ids, strict=True)
        ],
        at=factories.REVIEWED_AT,
    )
    assert len(reconcile(at=RECONCILED_AT).purchase_ids) == len(participation_ids)


def earners(number: int = 1, *, with_accounts: bool = True) -> tuple[int, ...]:
    """Participations that have earned their instalments, with verified accounts."""
    ids = factories.accepted(number, with_accounts=with_accounts)
    learned(ids)
    assert entitle(at=RECONCILED_AT + timedelta(hours=1)).participation_count == number
    return ids


def officers() -> tuple[User, User]:
    """The one who plans, the one who approves."""
    return factories.officer(), factories.officer()


def planned(*, planned_for: date = FIRST_PAY_ON, officer: User | None = None, at: datetime = PLANNED_AT) -> PlannedRun:
    """A run that is not empty."""
    run = plan_payout_run(planned_for=planned_for, officer_id=(officer or factories.officer()).pk, at=at)
    assert run.refusal is None, run
    return run


def approved(*, planned_for: date = FIRST_PAY_ON, at: datetime = PLANNED_AT) -> int:
    """A run approved by a second officer, by its number."""
    run = planned(planned_for=planned_for, at=at)
    assert run.run_id is not None and run.list_sha256 is not None
    outcome = approve_payout_run(
        run_id=run.run_id,
        officer_id=factories.officer().pk,
        list_sha256=run.list_sha256,
        at=at + (APPROVED_AT - PLANNED_AT),
    )
    assert outcome.refusal is None, outcome
    return run.run_id


def exported(*, planned_for: date = FIRST_PAY_ON, at: datetime = PLANNED_AT) -> Exported:
    """An exported run with its files."""
    done = export(run_id=approved(planned_for=planned_for, at=at), at=at + (EXPORTED_AT - PLANNED_AT))
    assert done.refusal is None, done
    return done


def settled(
    run: Exported, rejected: Mapping[str, str] | None = None, *, at: datetime = SETTLED_AT
) -> tuple[Settled, ...]:
    """Every partner answers its file."""
    outcomes = tuple(
        settle_payouts(
            partner=file.partner,
            name=f"jawab-{file.name}",
            content=answers(file.content, rejected),
            at=at,
        )
        for file in run.files
    )
    for outcome in outcomes:
        assert outcome.refusal is None, outcome
    return outcomes


def taken_back(*references_: str, reason_code: str = "DUPL", at: datetime = SETTLED_AT) -> tuple[ReverseOutcome, ...]:
    """One officer asks for these payments back, another agrees."""
    asked = ask_to_reverse_payouts(
        references=references_, reason_code=reason_code, officer_id=factories.officer().pk, at=at
    )
    assert all(each.refusal is None for each in asked), asked
    return reverse_payouts(references=references_, reason_code=reason_code, officer_id=factories.officer().pk, at=at)


def references(run_id: int) -> list[str]:
    """The run's references in their order."""
    rows = PayoutRun.objects.get(pk=run_id).payouts.order_by("reference")
    return list(rows.values_list("reference", flat=True))
