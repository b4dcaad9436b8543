"""Reports, decisions and appeals: an officer hides a review or lets it stand; nothing hides by itself."""

from datetime import timedelta

import pytest

from bekal.accounts.models import User
from bekal.core.refusal import Refusal
from bekal.purchases.decide_reviews import NewDecision, decide_reviews
from bekal.purchases.models import Evidence, Review, ReviewDecision, ReviewFlag
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.report_reviews import ReviewAppeal, appeal_reviews
from bekal.purchases.review_lock import ReviewOutcome
from bekal.purchases.review_queries import Pile, own_review, pile_of, rating_histogram, reviews_of, waiting_by_reason
from tests import factories
from tests.factories.unchanged import nothing_changes
from tests.purchases.reviewing import HIDDEN, STANDS, WRITTEN_AT, decide, edit, report, sums, written


def appeal(buyer: int, purchase_id: int, note: str = "Saya hanya menulis pengalaman.") -> ReviewOutcome:
    user = User.objects.filter(participant__participation=buyer).first() or factories.signed_in_participant(buyer)
    given = ReviewAppeal(buyer, purchase_id, user.pk, note)
    (outcome,) = appeal_reviews(appeals=[given], at=WRITTEN_AT + timedelta(days=4))
    return outcome


@pytest.mark.django_db
def test_a_report_puts_a_review_in_the_queue_and_hides_nothing() -> None:
    training = factories.training()
    _, purchase_id = written(training, 1)
    reader, _ = written(training, 5)
    user = factories.signed_in_participant(reader)
    assert report(purchase_id, user, participation_id=reader) == ReviewOutcome(purchase_id, None)
    with nothing_changes():
        assert report(purchase_id, user, participation_id=reader) == ReviewOutcome(purchase_id, None, repeated=True)
    staff = factories.institution_staff(training.institution)
    assert report(purchase_id, staff, "untrue", institution_id=training.institution_id).refusal is None
    assert [review.pk for review in pile_of(Pile.WAITING)] == [purchase_id]
    assert waiting_by_reason() == {"insult": 1, "untrue": 1}
    assert len(reviews_of(training_id=training.pk)) == 2 and sums(training) == (2, 6)
    flag = ReviewFlag.objects.order_by("number").first()
    assert flag is not None and (flag.source, flag.note, flag.raised_by) == ("participant", "Tidak sopan.", user)


@pytest.mark.django_db
def test_who_may_report_what() -> None:
    training, elsewhere = factories.training(), factories.training()
    buyer, purchase_id = written(training, 1)
    user, staff = factories.signed_in_participant(buyer), factories.institution_staff(elsewhere.institution)
    unknown = Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    with nothing_changes():
        assert report(purchase_id, user, participation_id=buyer).refusal == Refusal(PurchaseRefusal.OWN_REVIEW)
        assert report(purchase_id, staff, institution_id=elsewhere.institution_id).refusal == unknown
        assert report(2**70, user, participation_id=buyer).refusal == unknown
        for reason in ("burst", "appeal", "", "x\0"):
            outcome = report(purchase_id, staff, reason, institution_id=training.institution_id)
            assert outcome.refusal == Refusal(PurchaseRefusal.UNKNOWN_REASON)


@pytest.mark.django_db
def test_a_hidden_review_leaves_the_list_and_the_mean_and_stays_evidence() -> None:
    training = factories.training()
    buyer, purchase_id = written(training, 1, "Hinaan.")
    written(training, 5)
    officer, other = factories.officer(), factories.officer()
    assert decide(purchase_id, HIDDEN, officer) == ReviewOutcome(purchase_id, None)
    assert [line.rating for line in reviews_of(training_id=training.pk)] == [5]
    assert (sums(training), rating_histogram(training.pk)) == ((1, 5), (0, 0, 0, 0, 1))
    assert Evidence.objects.filter(purchase_id=purchase_id, source="participant").count() == 2
    own = own_review(participation_id=buyer, purchase_id=purchase_id)
    assert own is not None and (own.hidden_because, own.may_appeal) == ("Ada hinaan.", True)
    with nothing_changes():
        assert decide(purchase_id, HIDDEN, officer) == ReviewOutcome(purchase_id, None, repeated=True)
        assert decide(purchase_id, STANDS, officer).refusal == Refusal(PurchaseRefusal.ANOTHER_OFFICER)
    assert decide(purchase_id, STANDS, other, "Kritik yang sah.").refusal is None
    assert (sums(training), len(reviews_of(training_id=training.pk))) == ((2, 6), 2)
    assert list(ReviewDecision.objects.order_by("number").values_list("number", "decision", "decided_by")) == [
        (1, "hidden", officer.pk),
        (2, "stands", other.pk),
    ]


@pytest.mark.django_db
def test_an_appeal_is_answered_by_another_officer_once() -> None:
    buyer, purchase_id = written(factories.training(), 1)
    officer, other = factories.officer(), factories.officer()
    not_hidden = Refusal(PurchaseRefusal.REVIEW_NOT_HIDDEN)
    assert appeal(buyer, purchase_id).refusal == not_hidden
    decide(purchase_id, HIDDEN, officer)
    assert appeal(buyer, purchase_id, " ").refusal == Refusal(PurchaseRefusal.NOTE_EMPTY)
    assert appeal(factories.accepted()[0], purchase_id).refusal == Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    assert appeal(buyer, purchase_id).refusal is None
    assert Review.objects.get().waiting_since_at == WRITTEN_AT + timedelta(days=4)
    assert appeal(buyer, purchase_id).refusal == Refusal(PurchaseRefusal.ALREADY_APPEALED)
    assert decide(purchase_id, HIDDEN, officer, "Tetap.").refusal == Refusal(PurchaseRefusal.ANOTHER_OFFICER)
    assert decide(purchase_id, HIDDEN, other, "Tetap hinaan.").refusal is None
    assert appeal(buyer, purchase_id).refusal == Refusal(PurchaseRefusal.ALREADY_APPEALED)
    assert decide(purchase_id, STANDS, officer, "Setelah dibaca lagi.").refusal is None
    decide(purchase_id, HIDDEN, other, "Ada hinaan lain.")
    assert appeal(buyer, purchase_id).refusal is None


@pytest.mark.django_db
def test_nobody_decides_about_what_they_have_not_read() -> None:
    training = factories.training()
    buyer, purchase_id = written(training, 1)
    officer = factories.officer()
    seen = NewDecision(purchase_id, HIDDEN, officer.pk, 1, 0, "Hinaan.")
    changed = Refusal(PurchaseRefusal.REVIEW_CHANGED)
    edit(buyer, purchase_id, 2, "Lebih sopan.")
    with nothing_changes():
        assert decide_reviews(decisions=[seen], at=WRITTEN_AT)[0].refusal == changed
        assert decide(purchase_id, HIDDEN, officer, " ").refusal == Refusal(PurchaseRefusal.NOTE_EMPTY)
    nowhere = NewDecision(2**70, HIDDEN, officer.pk, 1, 0, "Hinaan.")
    assert decide_reviews(decisions=[nowhere], at=WRITTEN_AT)[0].refusal == Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    twice = [NewDecision(purchase_id, each, officer.pk, 2, 0, "Alasan.") for each in (HIDDEN, STANDS)]
    assert [each.refusal for each in decide_reviews(decisions=twice, at=WRITTEN_AT)] == [None, changed]
    assert sums(training) == (0, 0)
