"""`notify`: each person is told by the way that reaches them, in their language."""

import pytest
from django.utils.translation import gettext_lazy

from bekal.messaging.models import Channel
from bekal.messaging.queries import messages_to
from bekal.participants.mark_unreachable import Unreachable, mark_unreachable
from bekal.participants.models import ContactPoint
from bekal.participants.notify import Notice, channel_of, notify
from tests import factories

AT = factories.jakarta(2020, 4, 21)
# One that the pages' catalogue has.
SENTENCE = gettext_lazy("No messages")


@pytest.mark.django_db
def test_the_phone_comes_first_and_then_the_mail() -> None:
    by_phone, by_mail, by_nothing = factories.participants(3, email="a@contoh.id")
    lost = [Unreachable(by_mail, "phone"), Unreachable(by_nothing, "phone"), Unreachable(by_nothing, "email")]
    mark_unreachable(points=lost, at=AT)
    notices = [Notice(person, "test", "%(count)s pesan", {"count": 2}) for person in (by_phone, by_mail, by_nothing)]
    assert notify(notices=notices, at=AT) == 3
    found = [messages_to(holder_id=person)[0] for person in (by_phone, by_mail, by_nothing)]
    assert [line.channel for line in found] == [Channel.SMS, Channel.EMAIL, Channel.SMS]
    assert {line.body for line in found} == {"2 pesan"}


@pytest.mark.django_db
def test_each_reads_it_in_the_language_they_chose() -> None:
    indonesian, english = factories.accepted(2)
    readers = [factories.signed_in_participant(each) for each in (indonesian, english)]
    readers[1].language = "en"
    readers[1].save()
    people = [reader.participant.pk for reader in readers]
    notify(notices=[Notice(person, "test", SENTENCE) for person in people], at=AT)
    assert [messages_to(holder_id=person)[0].body for person in people] == ["Belum ada pesan", "No messages"]


def test_a_wish_is_followed_where_it_leads_somewhere() -> None:
    phone, mail = ContactPoint.Kind.PHONE, ContactPoint.Kind.EMAIL
    assert channel_of({phone, mail}) == Channel.SMS
    assert channel_of({phone, mail}, Channel.EMAIL) == Channel.EMAIL
    assert channel_of({phone}, Channel.WHATSAPP) == Channel.WHATSAPP
    assert channel_of({phone}, Channel.EMAIL) == Channel.SMS
    assert channel_of({mail}, Channel.WHATSAPP) == Channel.EMAIL
    assert channel_of(set()) is None
