"""`reply_to_reviews`: one reply of the institution, every wording of it kept."""

from datetime import timedelta

import pytest

from bekal.core.refusal import Refusal
from bekal.purchases.models import ReviewReply
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.reply_to_reviews import NewReply, reply_to_reviews
from bekal.purchases.review_lock import ReviewOutcome
from bekal.purchases.review_queries import handle_of, purchase_id_of, reviews_of, reviews_of_institution, visible_review
from tests import factories
from tests.factories.unchanged import nothing_changes
from tests.purchases.reviewing import HIDDEN, WRITTEN_AT, decide, written

LATER = WRITTEN_AT + timedelta(days=1)


@pytest.mark.django_db
def test_a_reply_stands_below_the_review_and_its_wordings_stay() -> None:
    training = factories.training()
    _, purchase_id = written(training, 2)
    staff = factories.institution_staff(training.institution)

    def reply(text: str, institution_id: int = training.institution_id) -> ReviewOutcome:
        given = NewReply(institution_id, purchase_id, staff.pk, text)
        (outcome,) = reply_to_reviews(replies=[given], at=LATER)
        return outcome

    elsewhere = factories.training().institution_id
    assert reply(" Terima kasih, 081234567890. ") == ReviewOutcome(purchase_id, None)
    with nothing_changes():
        assert reply("Terima kasih, 081234567890.") == ReviewOutcome(purchase_id, None, repeated=True)
        for text, code in (
            ("", PurchaseRefusal.NOTE_EMPTY),
            ("x" * 1001, PurchaseRefusal.NOTE_TOO_LONG),
            ("x\0", PurchaseRefusal.NOTE_UNREADABLE),
        ):
            refusal = reply(text).refusal
            assert refusal is not None and refusal.code == code
        assert reply("Halo.", institution_id=elsewhere).refusal == Refusal(PurchaseRefusal.UNKNOWN_REVIEW)
    assert reply("Terima kasih, kami perbaiki.").refusal is None
    (line,) = reviews_of(training_id=training.pk)
    assert line.reply is not None and (line.reply.text, line.reply.edited_at) == ("Terima kasih, kami perbaiki.", LATER)
    assert list(ReviewReply.objects.order_by("number").values_list("text", flat=True)) == [
        "Terima kasih, •••.",
        "Terima kasih, kami perbaiki.",
    ]
    decide(purchase_id, HIDDEN, factories.officer())
    assert reply("Lagi.").refusal == Refusal(PurchaseRefusal.UNKNOWN_REVIEW)


@pytest.mark.django_db
def test_an_institution_sees_its_reviews_and_not_whose_they_are() -> None:
    training = factories.training()
    _, purchase_id = written(training, 2, "Biasa.")
    written(factories.training(), 5)
    (line,) = reviews_of_institution(institution_id=training.institution_id, limit=10)
    assert (line.rating, line.text, len(line.initials)) == (2, "Biasa.", 5)
    assert str(purchase_id) not in line.handle and purchase_id_of(line.handle) == purchase_id
    assert handle_of(purchase_id) != line.handle
    assert visible_review(handle=line.handle, institution_id=training.institution_id) is not None
    assert visible_review(handle=line.handle, institution_id=factories.institution().pk) is None
    for wrong in ("", "x", "é", "=" * 50, "A" * 500, line.handle[:-4]):
        assert purchase_id_of(wrong) is None and visible_review(handle=wrong) is None
