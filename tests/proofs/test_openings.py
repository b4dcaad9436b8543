"""An envelope that was taken over from another system is proven like one that was committed here."""

from datetime import timedelta

import pytest
from django.db import connections, transaction

from bekal.ledger.movements import Movement
from bekal.ledger.post import PastPosting, post_history
from bekal.participants.models import Participation
from bekal.proofs.check import prove_ledger
from tests import factories

OPENED_AT = factories.ACCEPTED_AT + timedelta(days=60)
EVERYWHERE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
INSERT = (
    "INSERT INTO ledger_transfer"
    " (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at) VALUES "
)
ENTITLEMENT = (
    "INSERT INTO incentives_entitlement"
    " (participation_id, kind, instalment, amount_rupiah, scheduled_on, payment_on, entitled_at)"
    " SELECT %(opened)s, 'incentive', n, 600000, '2020-07-25', '2020-07-27', %(later)s FROM generate_series"
)
# Each damage and the invariant that must name it; `opened` was taken over, `accepted` has the envelope of acceptance.
DAMAGES = {
    "an opening that was lost": ("DELETE FROM ledger_transfer WHERE owner_id = %(opened)s AND credit_kind = 5", "I3"),
    "all openings lost": ("DELETE FROM ledger_transfer WHERE owner_id = %(opened)s", "I3"),
    "an opening of another amount": (
        "UPDATE ledger_transfer SET amount_rupiah = 1200001 WHERE owner_id = %(opened)s AND credit_kind = 5",
        "I3",
    ),
    "opened twice": (INSERT + "(%(opened)s, 1, 5, 9, 600000, 'open:again', %(later)s)", "I3"),
    "committed, too": (INSERT + "(%(opened)s, 1, 5, 1, 600000, 'commit:incentive', %(later)s)", "I3"),
    "opened at another instant": (
        "UPDATE ledger_transfer SET posted_at = posted_at + interval '1 day' WHERE owner_id = %(opened)s",
        "I3",
    ),
    "opened for somebody who was accepted here": (
        INSERT + "(%(accepted)s, 1, 5, 9, 600000, 'open:incentive', %(later)s)",
        "I3",
    ),
    "an instalment that was paid before": (ENTITLEMENT + "(2, 3) n", "I4"),
    "an instalment left out": (ENTITLEMENT + "(4, 4) n", "I4"),
    "more instalments than were taken over": (ENTITLEMENT + "(3, 5) n", "I4"),
}


@pytest.fixture
def people(transactional_db: None) -> dict[str, object]:
    """One accepted here, one taken over with Rp300,000, two of four instalments and one survey left."""
    (accepted,) = factories.accepted()
    wave = Participation.objects.get(pk=accepted).wave
    terms = Participation.objects.values("accepted_at", "accepted_on", "first_purchase_due_on", "balance_ends_on").get()
    (person,) = factories.participants()
    opened = Participation.objects.create(
        participant_id=person,
        wave=wave,
        opened_at=OPENED_AT,
        opened_rupiah=1_550_000,
        bought_before=True,
        incentives_paid_before_count=2,
        surveys_paid_before_count=2,
        **terms,
    ).pk
    amounts = ((Movement.OPEN_TRAINING, 300_000), (Movement.OPEN_INCENTIVE, 1_200_000), (Movement.OPEN_SURVEY, 50_000))
    post_history(postings=[PastPosting(opened, what, rupiah, f"open:{what}", OPENED_AT) for what, rupiah in amounts])
    return {"opened": opened, "accepted": accepted, "later": OPENED_AT + timedelta(days=1)}


@EVERYWHERE
def test_an_opening_is_proved_now_and_for_days_before_and_after_it(people: dict[str, object]) -> None:
    proof = prove_ledger(connections["proof"])
    assert (proof.violations, proof.total_in_rupiah) == ((), 3_550_000 + 1_550_000)
    for as_of in (OPENED_AT - timedelta(days=1), OPENED_AT, OPENED_AT + timedelta(days=1)):
        assert prove_ledger(connections["proof"], as_of=as_of).violations == ()


@EVERYWHERE
@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_found(damage: str, people: dict[str, object]) -> None:
    statement, invariant = DAMAGES[damage]
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_transfer DISABLE TRIGGER ledger_transfer_append_only")
        cursor.execute(statement, people)
        assert cursor.rowcount >= 1
        broken = {violation.invariant.name for violation in prove_ledger(connections["owner"]).violations}
        transaction.set_rollback(True, using="owner")
    assert invariant in broken
