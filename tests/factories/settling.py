"""Institutions with a bank account on which two officers have agreed, and settlements on their way to it."""

from datetime import datetime
from itertools import count

from bekal.catalogue.models import Institution
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.export_payout_run import Exported, export_payout_run
from bekal.incentives.partners.rails import Rail
from bekal.incentives.plan_settlement_run import plan_settlement_run
from bekal.incentives.set_institution_account import agree_to_institution_account, enter_institution_account
from bekal.ledger.clock import programme_day
from bekal.purchases.settle_institutions import order_settlements
from tests import factories
from tests.factories import jakarta

# Proven on 25 April 2020, so what is learned by then is due from 2 May on; the 4th is a working day.
ORDERED_AT, PLANNED_AT, EXPORTED_AT, ANSWERED_AT = (jakarta(2020, 5, 4, hour) for hour in (8, 9, 10, 15))
_number = count(8_800_000_001)


def account(institution: Institution, number: str = "", *, at: datetime = factories.REGISTERED_AT) -> str:
    """A bank account of this institution, agreed on; its number."""
    number = number or f"{next(_number):010d}"
    entered = enter_institution_account(
        institution_id=institution.pk,
        partner="bni",
        number=number,
        holder_name=institution.name,
        officer_id=factories.officer().pk,
        at=at,
    )
    assert entered.refusal is None, entered
    row = institution.bank_accounts.get(pk=entered.account_id)
    agreed = agree_to_institution_account(
        institution_id=institution.pk,
        account_hash=bytes(row.account_hash),
        officer_id=factories.officer().pk,
        at=at,
    )
    assert agreed.refusal is None, agreed
    return number


def ordered(*institutions: Institution, each: int = 1, price_rupiah: int = 300_000) -> list[int]:
    """Purchases at each of them, proven and ordered to be paid: by their numbers."""
    ids = []
    for institution in institutions:
        for person in factories.accepted(each, with_accounts=False):
            training = factories.training(institution=institution, price_rupiah=price_rupiah)
            ids.append(factories.reconciled(person, training))
    assert order_settlements(purchase_ids=ids, at=ORDERED_AT).purchase_count == len(ids)
    return ids


def approved(*, at: datetime = PLANNED_AT) -> int:
    """A settlement run that a second officer has approved, by its number."""
    run = plan_settlement_run(planned_for=programme_day(at), officer_id=factories.officer().pk, at=at)
    assert run.run_id is not None and run.list_sha256 is not None, run
    agreed = approve_payout_run(
        run_id=run.run_id, officer_id=factories.officer().pk, list_sha256=run.list_sha256, at=at
    )
    assert agreed.refusal is None, agreed
    return run.run_id


def exported(*, at: datetime = PLANNED_AT, rails: dict[str, Rail] | None = None) -> Exported:
    """A settlement run whose files are made an hour later."""
    done = export_payout_run(run_id=approved(at=at), at=at.replace(hour=at.hour + 1), proof_limit=None, rails=rails)
    assert done.refusal is None, done
    return done
