"""Who waits for a payment reads why and until when, objects, and reads what came of it; nobody else does."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bekal.holds.decide_holds import confirm_holds, lift_holds, propose_holds
from bekal.holds.models import Hold, HoldEvent
from tests import factories
from tests.factories.holding import held, held_institution
from tests.incentives import journey
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
AT = journey.PLANNED_AT


@pytest.fixture
def waiting(db: None) -> tuple[int, int]:
    """A participation that has earned its instalments, and the hold on them."""
    (person,) = journey.earners()
    return person, held(person, at=AT)


def test_home_and_incentives_say_that_it_waits_until_when_and_not_why_it_was_noticed(
    waiting: tuple[int, int], sign_in: SignIn
) -> None:
    visitor = sign_in(waiting[0])
    for page in (text_of(visitor.open("home")), text_of(visitor.open("incentives"))):
        assert "Petugas perlu memastikan bahwa akun ini milikmu" in page
        assert "11 Mei 2020" in page
        assert "200" not in page and "cincin" not in page.lower() and "ring of" not in page
    assert "menunggu pemeriksaan" in page


def test_an_objection_is_sent_once(waiting: tuple[int, int], sign_in: SignIn) -> None:
    person, hold_id = waiting
    visitor = sign_in(person)
    assert "Tulis mengapa menurutmu" in text_of(visitor.send("hold", hold_id, text=" ", expect=422))
    page = text_of(visitor.send("hold", hold_id, text="HP itu milik kakak saya. <b>"))
    assert "Keberatanmu sudah diterima" in page and "HP itu milik kakak saya. <b>" in page
    assert "sedang diperiksa" in text_of(visitor.send("hold", hold_id, text="Lagi.", expect=422))
    assert HoldEvent.objects.filter(kind="appealed").count() == 1


def test_what_was_decided_is_told_and_what_officers_say_is_not(waiting: tuple[int, int], sign_in: SignIn) -> None:
    person, hold_id = waiting
    visitor, (one, other) = sign_in(person), journey.officers()
    propose_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Rahasia kantor.", at=AT)
    assert "Rahasia" not in visitor.open("hold", hold_id)
    confirm_holds(hold_ids=[hold_id], officer_id=other.pk, at=AT)
    assert "tetap menahannya" in text_of(visitor.open("home"))
    lift_holds(hold_ids=[hold_id], officer_id=one.pk, reason="Rahasia kantor.", at=AT + timedelta(days=1))
    page = text_of(visitor.open("hold", hold_id))
    assert "Pembayaran tidak ditahan lagi" in page and "Rahasia" not in page
    assert "Satu pembayaran ditahan" not in text_of(visitor.open("home"))


def test_what_is_late_is_called_late(waiting: tuple[int, int], sign_in: SignIn) -> None:
    Hold.objects.filter(pk=waiting[1]).update(due_on=AT.date() - timedelta(days=1))
    visitor = sign_in(waiting[0])
    assert "terlambat" in text_of(visitor.open("home"))
    assert "daftar keterlambatan" in text_of(visitor.open("hold", waiting[1]))


def test_a_hold_is_its_owners_alone(waiting: tuple[int, int], sign_in: SignIn) -> None:
    (stranger,) = factories.accepted()
    visitor = sign_in(stranger)
    foreign = held_institution(factories.institution().pk)
    for number in (waiting[1], foreign, 2**63, 2**70):
        visitor.open("hold", number, expect=404)
        visitor.send("hold", number, text="Bukan milik saya.", expect=404)
    assert not HoldEvent.objects.filter(kind="appealed").exists()
