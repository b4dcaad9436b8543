"""What a programme must carry of payments that waited: each step of each hold, answered and open."""

from datetime import timedelta

from bekal.holds.appeal_holds import Appeal, appeal_holds
from bekal.holds.decide_holds import confirm_holds, lift_holds, propose_holds, take_holds
from bekal.holds.models import Hold
from bekal.purchases.models import Purchase
from tests import factories
from tests.factories import jakarta
from tests.factories.holding import held, held_institution

AT = jakarta(2020, 12, 31)


def hold() -> None:
    """Confirmed and appealed against again; lifted, and found again otherwise; an institution's, proposed twice."""
    purchase = Purchase.objects.filter(training__code="sengketa").order_by("id")[0]
    first, second = factories.officer().pk, factories.officer().pk
    confirmed = held(purchase.participation_id, at=AT)
    take_holds(hold_ids=[confirmed], officer_id=first, at=AT)
    _appeal(confirmed, purchase.participation_id, "Bukan saya;\n\nHP bersama keluarga.")
    propose_holds(hold_ids=[confirmed], officer_id=first, reason="200 akun, satu HP", at=AT + timedelta(hours=2))
    confirm_holds(hold_ids=[confirmed], officer_id=second, at=AT + timedelta(hours=3))
    _appeal(confirmed, purchase.participation_id, "Sekali lagi: =1+1")
    bought = {
        "subject": Hold.Subject.PURCHASE,
        "reason": Hold.Reason.TIMING,
        "purchase_id": purchase.pk,
        "institution_id": purchase.training.institution_id,
    }
    lifted = held(purchase.participation_id, at=AT, **bought)
    lift_holds(hold_ids=[lifted], officer_id=first, reason="Belajar malam hari", at=AT + timedelta(hours=1))
    held(purchase.participation_id, at=AT + timedelta(hours=2), found="otherwise", **bought)
    proposed = held_institution(purchase.training.institution_id, at=AT, figures={"month": "2020-11", "count": 7})
    for officer_id, hours in ((first, 1), (second, 2)):
        at = AT + timedelta(hours=hours)
        propose_holds(hold_ids=[proposed], officer_id=officer_id, reason=f"Naik {hours} kali", at=at)


def _appeal(hold_id: int, participation_id: int, text: str) -> None:
    appeal = Appeal(hold_id, text, participation_id=participation_id)
    (outcome,) = appeal_holds(appeals=[appeal], at=AT + timedelta(hours=4))
    assert outcome.refusal is None, outcome
