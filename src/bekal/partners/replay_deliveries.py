"""`replay_deliveries`: send once more what was sent, or failed, to the same endpoint under the same number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.core.refusal import Refusal
from bekal.partners.models import WebhookDelivery
from bekal.partners.refusals import PartnerRefusal

REPLAY_LIMIT_COUNT = 50


@dataclass(frozen=True, slots=True)
class Replay:
    """The delivery of this number, if it is this partner's in this world."""

    partner_id: int
    is_sandbox: bool
    delivery_id: int


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """`repeated`: it was on its way already. A refusal changed nothing."""

    delivery_id: int | None
    refusal: Refusal | None = None
    repeated: bool = False


def replay_deliveries(*, replays: Sequence[Replay], now: datetime) -> tuple[ReplayOutcome, ...]:
    """Put deliveries on their way again, due at once with all their attempts; outcomes in the order of `replays`.

    Refused: one that is nobody's or another's (the same refusal), one of a closed endpoint, the fifty-first replay.
    """
    with transaction.atomic():
        numbers = [replay.delivery_id for replay in replays]
        rows = WebhookDelivery.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=numbers)
        found = {row.pk: row for row in rows.select_related("endpoint").order_by("pk")}
        outcomes, again = [], []
        for replay in replays:
            row = found.get(replay.delivery_id)
            owner = None if row is None else (row.endpoint.partner_id, row.endpoint.is_sandbox)
            if row is None or owner != (replay.partner_id, replay.is_sandbox):
                outcomes.append(ReplayOutcome(None, Refusal(PartnerRefusal.DELIVERY_UNKNOWN)))
            elif row.endpoint.closed_at is not None:
                outcomes.append(ReplayOutcome(None, Refusal(PartnerRefusal.ENDPOINT_CLOSED)))
            elif row.delivered_at is None and row.failed_at is None:
                outcomes.append(ReplayOutcome(row.pk, repeated=True))
            elif row.replay_count >= REPLAY_LIMIT_COUNT:
                values = {"limit_count": REPLAY_LIMIT_COUNT}
                outcomes.append(ReplayOutcome(None, Refusal(PartnerRefusal.REPLAYS_SPENT, values)))
            else:
                row.delivered_at = row.failed_at = row.claimed_at = None
                row.fault, row.attempt_count, row.due_at = "", 0, now
                row.replay_count += 1
                again.append(row)
                outcomes.append(ReplayOutcome(row.pk))
        changed = ["delivered_at", "failed_at", "claimed_at", "fault", "attempt_count", "due_at", "replay_count"]
        WebhookDelivery.objects.bulk_update(again, changed)
    return tuple(outcomes)
