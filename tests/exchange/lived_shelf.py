"""What a programme must carry of its catalogue's life: offers and what curators decided, suspensions and their ends."""

from datetime import timedelta

from bekal.catalogue.content import Content, content_sha256
from bekal.catalogue.curate import Criterion, NewDecision, curate
from bekal.catalogue.models import Submission, Training
from bekal.catalogue.offer_trainings import offer_trainings, take_off_sale
from bekal.catalogue.submit_trainings import NewSubmission, submit_trainings, withdraw_submissions
from bekal.catalogue.suspend import NewLift, NewSuspension, lift_suspensions, suspend
from bekal.participants.models import Participation
from bekal.partners.register import suspend_partner
from bekal.purchases.move_sessions import SessionMove, move_sessions
from bekal.recommender.switch_personalisation import switch_personalisation
from tests import factories
from tests.factories import jakarta
from tests.factories.partners import live_partner, sandbox_partner

AT = jakarta(2020, 12, 30)
ALL = tuple(each.value for each in Criterion)


def curate_and_suspend(training: Training) -> None:
    """An institution without a training sends, is answered, sends again and is approved; another change waits."""
    institution = factories.institution(name="Lembaga Baru")
    number = submitted(institution.pk, "Membatik", code="batik", description="Canting\n\n- malam")
    decided(number, "returned", reason="Tulis keahliannya;\nlalu kirim lagi.", met=("price", "proof"))
    submitted(institution.pk, "Membatik tulis", code="batik", seat_count=20)
    decided(number, "approved")
    submitted(institution.pk, "Membatik tulis halus", code="batik")
    waiting = submitted(institution.pk, "Mewarnai", code="warna", is_draft=True)
    withdraw_submissions(submission_ids=[waiting], institution_id=institution.pk, at=AT + timedelta(hours=5))
    submitted(institution.pk, "Mewarnai", code="warna", is_draft=True)
    _suspend(training, institution.pk)
    _change(training, institution.pk)


def _change(training: Training, institution_id: int) -> None:
    """Put on sale, a session dated, moved and called off; partners with and without an owner; a switch, off and on."""
    batik = Training.objects.get(code="batik")
    by_id = factories.institution_staff(batik.institution).pk
    offer_trainings(institution_id=institution_id, training_ids=[batik.pk], by_id=by_id, at=AT)
    take_off_sale(institution_id=institution_id, training_ids=[batik.pk], by_id=by_id, at=AT)
    for days in (5, 6, None):
        starts_at = None if days is None else AT + timedelta(days=days)
        move = SessionMove(
            institution_id=institution_id, training_id=batik.pk, sequence=1, starts_at=starts_at, reason="Hujan, banjir"
        )
        (moved,) = move_sessions(moves=[move], at=AT + timedelta(hours=8))
        assert moved.refusal is None, moved
    partner = live_partner(training.institution, at=AT)
    suspend_partner(partner_id=partner.pk, reason="Kunci bocor", at=AT + timedelta(hours=1))
    sandbox_partner("baru", at=AT)
    people = [Participation.objects.order_by("id")[0].participant_id]
    for is_on in (False, True, False):
        switch_personalisation(participant_ids=people, is_on=is_on, at=AT)


def submitted(institution_id: int, title: str, *, code: str, is_draft: bool = False, **more: object) -> int:
    """The number of what was sent."""
    what = Content(title=title, category="keterampilan", price_rupiah=150_000, **more)  # type: ignore[arg-type]
    new = NewSubmission(institution_id=institution_id, content=what, code=code, is_draft=is_draft)
    (outcome,) = submit_trainings(submissions=[new], at=AT)
    assert outcome.submission_id is not None, outcome
    return outcome.submission_id


def decided(submission_id: int, verdict: str, *, reason: str = "", met: tuple[str, ...] = ALL) -> None:
    """By a curator of their own."""
    seen = content_sha256(Submission.objects.get(pk=submission_id))
    new = NewDecision(submission_id, verdict, reason, met, seen, factories.officer().pk)
    (outcome,) = curate(decisions=[new], at=AT + timedelta(hours=1))
    assert outcome.refusal is None, outcome


def _suspend(training: Training, institution_id: int) -> None:
    """A platform and lifted again, an institution, and a training that stays off sale."""
    platform = Training.objects.exclude(platform=None).get().platform_id
    first, second = factories.officer().pk, factories.officer().pk
    new = [
        NewSuspension(platform_id=platform, reason="Diperiksa, dua hari", by_id=first),
        NewSuspension(institution_id=institution_id, reason="Izin belum ada", by_id=first),
        NewSuspension(training_id=training.pk, reason="Isi berubah", by_id=second),
    ]
    outcomes = suspend(suspensions=new, at=AT + timedelta(hours=6))
    assert not [each for each in outcomes if each.refusal]
    assert outcomes[0].suspension_id is not None
    lift = NewLift(outcomes[0].suspension_id, "Sudah jelas", second)
    (lifted,) = lift_suspensions(lifts=[lift], at=AT + timedelta(hours=7))
    assert lifted.refusal is None
