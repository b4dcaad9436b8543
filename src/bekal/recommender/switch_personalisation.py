"""`switch_personalisation`: a participant's switch for lists made from who they are; on until they switch it off."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from bekal.participants.models import Participant, Participation
from bekal.recommender.models import Personalisation, PreparedList


@dataclass(frozen=True, slots=True)
class SwitchOutcome:
    """How one participant's switch stands now. `changed` is False where it stood so before: a second click."""

    participant_id: int
    is_on: bool
    changed: bool


@transaction.atomic
def switch_personalisation(*, participant_ids: Collection[int], is_on: bool, at: datetime) -> tuple[SwitchOutcome, ...]:
    """Set the switch of each participant, in the order asked; a row is written only where it stood otherwise. Switched
    off, the lists that the night has made of them are deleted.

    ValueError for a participant there is not; then nothing was switched."""
    locked = Participant.objects.select_for_update().filter(pk__in=participant_ids).order_by("pk")
    found = set(locked.values_list("pk", flat=True))
    missing = [number for number in participant_ids if number not in found]
    if missing:
        raise ValueError(f"there is no participant {missing[0]}: nothing was switched")
    stood = personalisation_of(participant_ids)
    Personalisation.objects.bulk_create(
        Personalisation(participant_id=number, is_enabled=is_on, switched_at=at)
        for number in sorted(found)
        if stood[number] != is_on
    )
    if not is_on:
        theirs = Participation.objects.filter(participant_id__in=found)
        PreparedList.objects.filter(pk__in=list(theirs.values_list("pk", flat=True))).delete()
    return tuple(SwitchOutcome(number, is_on, stood[number] != is_on) for number in participant_ids)


def personalisation_of(participant_ids: Collection[int]) -> dict[int, bool]:
    """Whether lists may be made from who each participant is; on where nobody has switched. One query."""
    newest = (
        Personalisation.objects.filter(participant_id__in=participant_ids)
        .order_by("participant_id", "-id")
        .distinct("participant_id")
    )
    return dict.fromkeys(participant_ids, True) | dict(newest.values_list("participant_id", "is_enabled"))
