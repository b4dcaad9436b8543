"""`record_evidence_of_partner`: what systems of institutions and platforms say of purchases, through every door."""

from collections.abc import Sequence
from datetime import datetime

from bekal.core.evidence import Source
from bekal.core.refusal import Refusal
from bekal.partners.platform_sales import sold_ids
from bekal.purchases.record_evidence import EvidenceOutcome, Message, record_evidence
from bekal.purchases.refusals import PurchaseRefusal


def record_evidence_of_partner(*, messages: Sequence[Message], at: datetime) -> tuple[EvidenceOutcome, ...]:
    """`record_evidence`, and a platform speaks of purchases that it sold and of no others: of everybody else's it was
    handed nothing, and they are as good as none. Outcomes in the order of `messages`."""
    asked: dict[int, set[int]] = {}
    for message in messages:
        if message.speaker.source is Source.PLATFORM:
            asked.setdefault(message.speaker.id, set()).add(message.purchase_id)
    sold = {number: sold_ids(platform_id=number, purchase_ids=purchases) for number, purchases in asked.items()}
    own = [
        number
        for number, message in enumerate(messages)
        if message.speaker.source is not Source.PLATFORM or message.purchase_id in sold[message.speaker.id]
    ]
    said = dict(zip(own, record_evidence(messages=[messages[number] for number in own], at=at), strict=True))
    unknown = Refusal(PurchaseRefusal.UNKNOWN_PURCHASE)
    return tuple(
        said.get(number) or EvidenceOutcome(message.purchase_id, unknown) for number, message in enumerate(messages)
    )
