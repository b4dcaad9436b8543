"""`notify`: tell people something, each by the way that reaches them, in their language."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.functional import Promise

from bekal.messaging.models import Channel
from bekal.messaging.write_messages import Message, write_messages
from bekal.participants.models import ContactPoint, Participant
from bekal.participants.queries import contact_kinds

# In the order in which they are tried where nobody asked for another.
CONTACT_OF = {
    Channel.SMS: ContactPoint.Kind.PHONE,
    Channel.EMAIL: ContactPoint.Kind.EMAIL,
    Channel.WHATSAPP: ContactPoint.Kind.PHONE,
}


@dataclass(frozen=True, slots=True)
class Notice:
    """`sentence` is a lazy translation (`gettext_lazy`), read in the reader's language, with `%(name)s` places for
    `values`; `template`, up to 40 characters, names the kind of message."""

    participant_id: int
    template: str
    sentence: Promise
    values: Mapping[str, Any] = field(default_factory=dict)


def channel_of(kinds: Collection[ContactPoint.Kind], wanted: Channel | None = None) -> Channel | None:
    """The channel that leads to somebody with these contact points: the one wanted where it does, else the first that
    does; None where none does."""
    if wanted is not None and CONTACT_OF[wanted] in kinds:
        return wanted
    return next((channel for channel, kind in CONTACT_OF.items() if kind in kinds), None)


def notify(*, notices: Sequence[Notice], at: datetime) -> int:
    """Write each notice to the outbox in its reader's language, by phone where that works, else by e-mail.

    Who cannot be reached still reads it on the dashboard: it is written for the phone and fails there with its reason.
    Returns how many were written. A message holds no link to sign in.
    """
    people = {notice.participant_id for notice in notices}
    contacts = contact_kinds(participant_ids=people)
    languages = dict(
        Participant.objects.filter(pk__in=people, user__isnull=False).order_by("pk").values_list("pk", "user__language")
    )
    messages = []
    for notice in notices:
        language = languages.get(notice.participant_id, "id")
        with translation.override(language):
            body = str(notice.sentence) % notice.values
        channel = channel_of(contacts.get(notice.participant_id, frozenset())) or Channel.SMS
        messages.append(Message(notice.participant_id, channel, notice.template, body, language))
    return write_messages(messages=messages, at=at)
