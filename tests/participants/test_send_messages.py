"""`send_messages`: what waits goes to the carriers once, and what they say is noted."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from bekal.messaging.channels import Carrier, Delivery, Letter, Verdict
from bekal.messaging.issue_codes import CodeRequest, issue_codes
from bekal.messaging.models import Channel, OutboxMessage
from bekal.participants.models import ContactPoint
from bekal.participants.notify import Notice, notify
from bekal.participants.send_messages import WAITS, send_messages
from tests import factories

AT = factories.jakarta(2020, 4, 21)


class Said:
    """A carrier that keeps what it was given and says what it is told to say."""

    def __init__(self, verdict: Verdict = Verdict.TAKEN) -> None:
        self.verdict, self.letters = verdict, list[Letter]()

    def deliver(self, letter: Letter) -> Delivery:
        self.letters.append(letter)
        return Delivery(self.verdict, "C1" if self.verdict is Verdict.TAKEN else "")


def all_by(carrier: Carrier) -> Mapping[Channel, Carrier]:
    return dict.fromkeys(Channel, carrier)


def told(count: int = 1, **fields: Any) -> tuple[int, ...]:
    people = factories.participants(count, **fields)
    notify(notices=[Notice(person, "test", "Halo") for person in people], at=AT)
    return people


@pytest.mark.django_db
def test_what_waits_is_sent_once_to_the_address_that_works() -> None:
    told()
    carrier = Said()
    assert send_messages(carriers=all_by(carrier), at=AT).counts == {"taken": 1}
    assert send_messages(carriers=all_by(carrier), at=AT + timedelta(hours=1)).counts == {}
    (letter,) = carrier.letters
    row = OutboxMessage.objects.get()
    assert letter.reference == f"bekal-{row.pk}" and letter.text == "Halo" and letter.address.isascii()
    assert (row.sent_at, row.carrier_reference, row.attempt_count, row.claimed_at) == (AT, "C1", 1, None)


@pytest.mark.django_db
def test_a_channel_without_a_carrier_waits() -> None:
    told()
    carrier = Said()
    assert send_messages(carriers={Channel.EMAIL: carrier}, at=AT).counts == {}
    assert OutboxMessage.objects.get().attempt_count == 0


@pytest.mark.django_db
def test_a_fault_that_passes_is_tried_again_later_and_not_for_ever() -> None:
    told()
    carrier, at = Said(Verdict.LATER), AT
    for wait in WAITS:
        assert send_messages(carriers=all_by(carrier), at=at).counts == {"later": 1}
        assert send_messages(carriers=all_by(carrier), at=at + wait - timedelta(seconds=1)).counts == {}
        at += wait
    assert send_messages(carriers=all_by(carrier), at=at).counts == {"gave_up": 1}
    assert (OutboxMessage.objects.get().failure, len(carrier.letters)) == ("gave_up", len(WAITS) + 1)
    assert not ContactPoint.objects.filter(unreachable_since_at__isnull=False).exists()


@pytest.mark.django_db
def test_an_address_refused_is_marked_and_the_message_goes_the_other_way() -> None:
    (person,) = told(email="siti@contoh.id")
    refusing, taking = Said(Verdict.ADDRESS_REFUSED), Said()
    carriers = {Channel.SMS: refusing, Channel.EMAIL: taking}
    assert send_messages(carriers=carriers, at=AT).counts == {"address_refused": 1}
    point = ContactPoint.objects.get(participant=person, kind="phone")
    assert point.unreachable_since_at == AT
    assert send_messages(carriers=carriers, at=AT).counts == {"taken": 1}
    assert taking.letters[0].address == "siti@contoh.id" and taking.letters[0].text == "Halo"
    assert send_messages(carriers=carriers, at=AT).counts == {}


@pytest.mark.django_db
def test_a_phone_without_whatsapp_gets_an_sms_and_is_still_reachable() -> None:
    (person,) = factories.participants()
    issue_codes(requests=[CodeRequest(person, "buy:1:0", Channel.WHATSAPP, "Barista")], at=AT)
    carriers = {Channel.WHATSAPP: Said(Verdict.ADDRESS_REFUSED), Channel.SMS: Said()}
    assert send_messages(carriers=carriers, at=AT).counts == {"address_refused": 1}
    assert send_messages(carriers=carriers, at=AT).counts == {"taken": 1}
    assert not ContactPoint.objects.filter(unreachable_since_at__isnull=False).exists()


@pytest.mark.django_db
def test_who_has_no_address_is_a_failure_with_a_reason() -> None:
    (person,) = told()
    ContactPoint.objects.filter(participant=person).update(unreachable_since_at=AT)
    assert send_messages(carriers=all_by(Said()), at=AT).counts == {"no_address": 1}


@pytest.mark.django_db
def test_a_code_that_is_worth_nothing_any_more_is_not_sent() -> None:
    (person,) = factories.participants()
    issue_codes(requests=[CodeRequest(person, "buy:1:0", Channel.SMS, "Barista")], at=AT)
    carrier = Said()
    assert send_messages(carriers=all_by(carrier), at=AT + timedelta(minutes=10)).counts == {"expired": 1}
    assert carrier.letters == []


@pytest.mark.django_db(transaction=True)
def test_the_claim_of_a_sender_that_died_is_taken_over_under_the_same_reference() -> None:
    told()

    class Dying(Said):
        def deliver(self, letter: Letter) -> Delivery:
            super().deliver(letter)
            raise KeyboardInterrupt

    dying, living = Dying(), Said()
    with pytest.raises(KeyboardInterrupt):
        send_messages(carriers=all_by(dying), at=AT)
    assert send_messages(carriers=all_by(living), at=AT + timedelta(minutes=4)).counts == {}, "somebody may be at it"
    assert send_messages(carriers=all_by(living), at=AT + timedelta(minutes=5)).counts == {"taken": 1}
    assert dying.letters == living.letters


@pytest.mark.django_db(transaction=True)
def test_no_carrier_is_asked_inside_a_transaction() -> None:
    told()
    carrier = Said()
    with pytest.raises(RuntimeError), transaction.atomic():
        send_messages(carriers=all_by(carrier), at=AT)
    assert carrier.letters == []


@pytest.mark.django_db(transaction=True)
def test_two_senders_share_what_waits(race: Callable[..., list[Any]]) -> None:
    told(6)
    carriers = [Said(), Said()]
    race(*(lambda carrier=carrier: send_messages(carriers=all_by(carrier), at=AT, limit=3) for carrier in carriers))
    send_messages(carriers=all_by(carriers[0]), at=AT)
    references = [letter.reference for carrier in carriers for letter in carrier.letters]
    assert len(references) == len(set(references)) == 6


@pytest.mark.django_db
def test_a_batch_costs_the_same_number_of_statements_however_many_wait(
    assert_queries: Callable[..., AbstractContextManager[None]],
) -> None:
    told(9)
    with assert_queries(5):
        send_messages(carriers=all_by(Said()), at=AT)
