"""Reviews as participants meet them: reading, rewording, reporting, and being told why one is hidden."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bekal.purchases.models import Review, ReviewFlag
from bekal.purchases.reply_to_reviews import NewReply, reply_to_reviews
from bekal.purchases.review_queries import handle_of
from tests import factories
from tests.conftest import StoppedClock
from tests.purchases.reviewing import HIDDEN, WRITTEN_AT, decide, edit, written
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]


@pytest.fixture(autouse=True)
def soon_after(clock: StoppedClock) -> None:
    at = WRITTEN_AT + timedelta(days=5)
    clock.set(at.year, at.month, at.day, 9, 0)


def test_reviews_are_ordered_filtered_and_say_when_they_were_edited(sign_in: SignIn) -> None:
    training = factories.training(price_rupiah=1_000)
    buyer, edited_id = written(training, 5, "Awalnya.")
    edit(buyer, edited_id, 4, "Lalu begini.")
    _, low_id = written(training, 1, "Buruk sekali.", at=WRITTEN_AT + timedelta(hours=1))
    _, bare_id = written(training, 5, "Hanya bintang.")
    Review.objects.filter(pk=bare_id).update(text="")
    staff = factories.institution_staff(training.institution)
    reply_to_reviews(replies=[NewReply(training.institution_id, low_id, staff.pk, "Kami perbaiki.")], at=WRITTEN_AT)
    visitor = sign_in(factories.accepted()[0])
    page = text_of(visitor.open("training", training.pk))
    assert page.index("Buruk sekali.") < page.index("Lalu begini.") and "Awalnya." not in page
    assert "diubah" in page and "Kami perbaiki." in page and "antara" in page and "3 ulasan" in page
    page = text_of(visitor.open("training", training.pk, query="?order=highest&words=1"))
    assert page.index("Lalu begini.") < page.index("Buruk sekali.")
    Review.objects.all().update(text="")
    page = text_of(visitor.open("training", training.pk, query="?order=nonsense&words=1&page=99"))
    assert "Tidak ada ulasan di sini" in page


def test_an_author_rewords_the_review_while_it_is_open(sign_in: SignIn, clock: StoppedClock) -> None:
    training = factories.training()
    buyer, purchase_id = written(training, 5, "Bagus.")
    visitor = sign_in(buyer)
    assert "Ubah ulasanku" in text_of(visitor.open("purchase", purchase_id))
    assert "Bagus." in visitor.open("edit_review", purchase_id)
    page = text_of(visitor.send("edit_review", purchase_id, rating="3", text="Biasa saja."))
    assert "Biasa saja." in page and "Insentifmu tidak terpengaruh." in page
    assert "paling banyak 2000" in text_of(
        visitor.send("edit_review", purchase_id, rating="3", text="x" * 2001, expect=422)
    )
    for wrong in ("0", "6", "x", ""):
        visitor.send("edit_review", purchase_id, rating=wrong, text="Biasa.", expect=422)
    late = WRITTEN_AT + timedelta(days=15)
    clock.set(late.year, late.month, late.day, 9, 0)
    assert "dapat diubah sampai" in text_of(visitor.open("edit_review", purchase_id))
    assert "Ubah ulasanku" not in text_of(visitor.open("purchase", purchase_id))
    visitor.send("edit_review", purchase_id, rating="1", text="Terlambat.", expect=422)
    stranger = sign_in(factories.accepted()[0])
    for name in ("edit_review", "appeal_review"):
        stranger.send(name, purchase_id, expect=404, note="x")
        stranger.send(name, 2**63, expect=404, note="x")


def test_a_hidden_review_says_why_and_can_be_appealed_against(sign_in: SignIn) -> None:
    training = factories.training()
    buyer, purchase_id = written(training, 1, "Hinaan.")
    decide(purchase_id, HIDDEN, factories.officer(), "Ada kata kasar.")
    visitor = sign_in(buyer)
    page = text_of(visitor.open("purchase", purchase_id))
    assert "Petugas menyembunyikan ulasan ini." in page and "Ada kata kasar." in page
    assert "Teksnya kosong." in text_of(visitor.send("appeal_review", purchase_id, note=" "))
    assert "Bandingmu terkirim." in text_of(visitor.send("appeal_review", purchase_id, note="Itu pengalaman saya."))
    assert "Kamu sudah mengajukan banding." in text_of(visitor.send("appeal_review", purchase_id, note="Lagi."))
    assert "Hinaan." not in visitor.open("training", training.pk)


def test_a_review_is_reported_once_and_its_page_names_nobody(sign_in: SignIn) -> None:
    training = factories.training()
    _, purchase_id = written(training, 1, "Iklan!")
    reader, own_id = written(training, 4, "Punya saya.")
    visitor = sign_in(reader)
    page = visitor.open("training", training.pk)
    links = re.findall(r"/pelatihan/\d+/ulasan/([^/]+)/lapor/", page)
    assert len(links) == 2 and not any(str(purchase_id) == link for link in links)
    handle = handle_of(purchase_id)
    assert "Iklan!" in visitor.open("report_review", training.pk, handle)
    assert "Pilih alasannya." in text_of(visitor.send("report_review", training.pk, handle, expect=422))
    for _ in range(2):
        said = text_of(visitor.send("report_review", training.pk, handle, reason="advertising", note="Ada tautan."))
        assert "Petugas akan memeriksa ulasan ini." in said
    assert ReviewFlag.objects.count() == 1
    own = visitor.send("report_review", training.pk, handle_of(own_id), reason="insult", expect=422)
    assert "Ini ulasanmu sendiri." in text_of(own)
    for wrong in ("x", "A" * 300):
        visitor.open("report_review", training.pk, wrong, expect=404)
    visitor.open("report_review", factories.training().pk, handle, expect=404)


def test_the_page_of_a_reviewed_purchase_takes_a_fixed_number_of_queries(
    sign_in: SignIn, assert_queries: Callable[[int], Any]
) -> None:
    buyer, purchase_id = written(factories.training(), 5, "Bagus.")
    visitor = sign_in(buyer)
    visitor.open("purchase", purchase_id)
    with assert_queries(15):
        visitor.open("purchase", purchase_id)
