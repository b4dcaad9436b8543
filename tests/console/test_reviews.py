"""Moderation in the console, and the institution's own page of reviews."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from bekal.purchases.models import Review, ReviewDecision, ReviewFlag, ReviewReply
from bekal.purchases.review_queries import handle_of
from tests import factories
from tests.conftest import StoppedClock
from tests.purchases.reviewing import report, sums, written

HANDLE = re.compile(r"/institution/reviews/([^/\"]+)/")


@pytest.fixture
def office(client: Client, db: None, clock: StoppedClock) -> Client:
    clock.set(2020, 6, 10, 9, 0)
    client.force_login(factories.officer())
    return client


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return str(response.content.decode())


def reported(text_: str = "Kalimat kasar.") -> int:
    training = factories.training(title="Menjahit")
    _, purchase_id = written(training, 1, text_)
    staff = factories.institution_staff(training.institution)
    report(purchase_id, staff, institution_id=training.institution_id)
    return purchase_id


def test_the_queue_lists_what_waits_and_why(office: Client) -> None:
    assert "Tidak ada ulasan di sini" in text(office.get("/console/reviews/"))
    purchase_id = reported()
    page = text(office.get("/console/reviews/"))
    assert "Kalimat kasar." in page and "menghina atau mengancam" in page and f"/console/reviews/{purchase_id}/" in page
    assert "Kalimat kasar." not in text(office.get("/console/reviews/?reason=burst"))
    for query in ("?pile=hidden", "?pile=nonsense&reason=nonsense&page=999999999", "?pile=decided&page=-1"):
        text(office.get(f"/console/reviews/{query}"))


def test_a_decision_needs_a_reason_and_what_was_seen(office: Client) -> None:
    purchase_id = reported()
    page = text(office.get(f"/console/reviews/{purchase_id}/"))
    assert "Tidak sopan." in page
    path = f"/console/reviews/{purchase_id}/decide/"
    seen = {"decision": "hidden", "reason": "Ada hinaan.", "versions": "1", "flags": "1"}
    for wrong in ({"reason": " "}, {"decision": "gone"}, {"flags": "0"}, {"flags": "x"}, {"reason": "x" * 501}):
        text(office.post(path, seen | wrong), 422)
    assert not ReviewDecision.objects.exists()
    assert office.post(path, seen).status_code == 302
    review = Review.objects.get(pk=purchase_id)
    assert review.hidden_at is not None and sums(review.training) == (0, 0)
    assert "Ada hinaan." in text(office.get(f"/console/reviews/{purchase_id}/"))
    turned = text(office.post(path, seen | {"decision": "stands", "reason": "Tidak jadi."}), 422)
    assert "Hanya petugas lain" in turned
    office.force_login(factories.officer())
    assert office.post(path, seen | {"decision": "stands", "reason": "Kritik sah."}).status_code == 302
    assert sums(review.training) == (1, 1)
    for number in (purchase_id + 1000, 2**63):
        assert office.get(f"/console/reviews/{number}/").status_code == 404


def test_the_queue_takes_no_more_queries_for_more_reviews(office: Client, assert_queries: Callable[[int], Any]) -> None:
    for count in (1, 4):
        for _ in range(count):
            reported()
        office.get("/console/reviews/")
        with assert_queries(8):
            office.get("/console/reviews/")


@pytest.mark.django_db
def test_an_institution_replies_and_reports_without_knowing_who_wrote(client: Client, clock: StoppedClock) -> None:
    clock.set(2020, 6, 10, 9, 0)
    training = factories.training(title="Menjahit")
    (buyer,) = factories.accepted(full_name="Siti Rahayu")
    purchase_id = factories.reviewed(buyer, training)
    client.force_login(factories.institution_staff(training.institution))
    page = text(client.get("/institution/reviews/"))
    assert "S. R." in page and "Siti" not in page and "Rahayu" not in page
    (handle,) = set(HANDLE.findall(page))
    path = f"/institution/reviews/{handle}/"
    assert "S. R." in text(client.get(path))
    text(client.post(path, {"act": "reply", "text": " "}), 422)
    text(client.post(path, {"act": "report", "reason": "burst"}), 422)
    assert client.post(path, {"act": "reply", "text": "Terima kasih."}).status_code == 302
    assert client.post(path, {"act": "report", "reason": "untrue", "note": "Bukan di sini."}).status_code == 302
    assert ReviewReply.objects.get().text == "Terima kasih."
    assert ReviewFlag.objects.get().source == "institution"
    assert "Terima kasih." in text(client.get("/institution/reviews/?page=7"))
    elsewhere = factories.training()
    _, foreign_id = written(elsewhere)
    for wrong in (handle_of(foreign_id), str(purchase_id), "x"):
        assert client.get(f"/institution/reviews/{wrong}/").status_code == 404
        assert client.post(f"/institution/reviews/{wrong}/", {"act": "reply", "text": "x"}).status_code == 404
