"""`request_purchases`: the participant wants a training; a one-time code goes to their phone, else by e-mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.core.money import format_rupiah
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.messaging.issue_codes import CodeRequest, IssuedCode, issue_codes
from bekal.messaging.models import Channel
from bekal.participants.notify import channel_of
from bekal.participants.queries import contact_kinds
from bekal.purchases import standing
from bekal.purchases.refusals import PurchaseRefusal


@dataclass(frozen=True, slots=True)
class Intent:
    """Who would like to buy what, at its price of now; `channel`: how the code shall come (None: SMS, else e-mail)."""

    participation_id: int
    training_id: int
    channel: Channel | None = None


def request_purchases(*, intents: Sequence[Intent], at: datetime) -> tuple[IssuedCode | Refusal, ...]:
    """Send a code bound to the training and its price to everyone who may buy; outcomes in the order of `intents`.

    Nothing is reserved: `buy` decides again, under lock.
    """
    on = programme_day(at)
    with transaction.atomic():
        buyers = standing.buyers({intent.participation_id for intent in intents}, lock=False)
        trainings = standing.offers({intent.training_id for intent in intents}, lock=False)
        contacts = contact_kinds(participant_ids={buyer.participant_id for buyer in buyers.values()})
        prepared: list[CodeRequest | Refusal] = []
        for intent in intents:
            buyer, training = buyers.get(intent.participation_id), trainings.get(intent.training_id)
            refusal = standing.refusal_of(buyer, training, on)
            if refusal is not None or buyer is None or training is None:
                assert refusal is not None, "an unknown buyer or training is always refused"
                prepared.append(refusal)
                continue
            channel = channel_of(contacts.get(buyer.participant_id, frozenset()), intent.channel)
            if channel is None:
                prepared.append(Refusal(PurchaseRefusal.UNREACHABLE))
                continue
            prepared.append(
                CodeRequest(
                    holder_id=buyer.participant_id,
                    subject=standing.code_subject(training.training_id, training.price_rupiah),
                    channel=channel,
                    purpose_line=f"{training.title}, {format_rupiah(training.price_rupiah)}",
                )
            )
        issued = iter(issue_codes(requests=[each for each in prepared if isinstance(each, CodeRequest)], at=at))
        return tuple(next(issued) if isinstance(each, CodeRequest) else each for each in prepared)
