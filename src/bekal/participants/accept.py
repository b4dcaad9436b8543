"""`accept`: people get their place in a wave, and the whole envelope is committed to each in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction

from bekal.core.entitlement import refusal_to_accept
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES, Scheme
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, id_array, new_ids
from bekal.ledger.movements import Movement
from bekal.ledger.post import post_commitments
from bekal.participants.models import Participation, Wave
from bekal.participants.refusals import ParticipantRefusal

LOCK_SQL = """
SELECT id, born_on FROM participants_participant WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
EARLIER_SQL = """
SELECT participant_id, accepted_on FROM participants_participation WHERE participant_id = ANY(%s::bigint[])
"""
_PARTICIPATION = (
    "id",
    "participant_id",
    "wave_id",
    "accepted_at",
    "accepted_on",
    "first_purchase_due_on",
    "balance_ends_on",
)


@dataclass(frozen=True, slots=True)
class AcceptOutcome:
    """Of `participation_id` and `refusal` one is None."""

    participant_id: int
    participation_id: int | None
    refusal: Refusal | None


def accept(*, wave_id: int, participant_ids: Sequence[int], at: datetime) -> tuple[AcceptOutcome, ...]:
    """Accept people into a wave, in the order given, until its places are taken; outcomes in the same order.

    The rules of the day of `at` decide the age and are kept with the person: the first-purchase deadline and the end of
    the balance as dates, the amounts as three postings (training balance, incentives, surveys) from the treasury.
    Once in a life: who has a participation is refused. Locks the wave, then the people in the order of their numbers.
    """
    scheme = RULES.scheme(programme_day(at))
    with transaction.atomic():
        wave = Wave.objects.select_for_update(no_key=True).filter(pk=wave_id).first()
        refusal = _refusal_of_wave(wave, scheme.accepted_on)
        if wave is None or refusal is not None:
            return tuple(AcceptOutcome(participant_id, None, refusal) for participant_id in participant_ids)
        born_on, accepted_on = _lock_people(participant_ids)
        places_count = wave.quota_count - Participation.objects.filter(wave=wave).count()
        refusals: list[Refusal | None] = []
        for participant_id in participant_ids:
            refusal = _refusal(participant_id, born_on, accepted_on, scheme)
            if refusal is None and places_count == 0:
                refusal = Refusal(ParticipantRefusal.WAVE_FULL, {"quota_count": wave.quota_count})
            if refusal is None:
                places_count -= 1
                accepted_on[participant_id] = scheme.accepted_on
            refusals.append(refusal)
        chosen = [person for person, refusal in zip(participant_ids, refusals, strict=True) if refusal is None]
        ids = _write(wave, chosen, scheme, at)
    return tuple(
        AcceptOutcome(person, None if refusal else ids[person], refusal)
        for person, refusal in zip(participant_ids, refusals, strict=True)
    )


def _lock_people(participant_ids: Sequence[int]) -> tuple[dict[int, date], dict[int, date]]:
    """Lock the people there are in the order of their numbers; when each was born, and when accepted, if so."""
    ids = id_array(participant_ids)
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [ids])
        born_on = dict(cursor.fetchall())
        cursor.execute(EARLIER_SQL, [ids])
        return born_on, dict(cursor.fetchall())


def _refusal_of_wave(wave: Wave | None, today: date) -> Refusal | None:
    if wave is None:
        return Refusal(ParticipantRefusal.UNKNOWN_WAVE)
    if today < wave.opens_on:
        return Refusal(ParticipantRefusal.WAVE_NOT_OPEN_YET, {"opens_on": wave.opens_on})
    return None


def _refusal(
    participant_id: int, born_on: Mapping[int, date], accepted_on: Mapping[int, date], scheme: Scheme
) -> Refusal | None:
    if participant_id not in born_on:
        return Refusal(ParticipantRefusal.UNKNOWN_PARTICIPANT)
    if participant_id in accepted_on:
        return Refusal(ParticipantRefusal.ALREADY_ACCEPTED, {"accepted_on": accepted_on[participant_id]})
    return refusal_to_accept(born_on=born_on[participant_id], scheme=scheme)


def _write(wave: Wave, participant_ids: Sequence[int], scheme: Scheme, at: datetime) -> dict[int, int]:
    """Insert the participations and commit the envelope of each; returns the participation of each participant."""
    if not participant_ids:
        return {}
    ids = dict(zip(participant_ids, new_ids(Participation, len(participant_ids)), strict=True))
    same = (wave.pk, at, scheme.accepted_on, scheme.first_purchase_due_on, scheme.balance_ends_on)
    copy_rows(Participation, _PARTICIPATION, ((number, person, *same) for person, number in ids.items()))
    envelope = (
        (Movement.COMMIT_TRAINING, scheme.training_balance_rupiah, "commit:training"),
        (Movement.COMMIT_INCENTIVE, scheme.incentives_rupiah, "commit:incentive"),
        (Movement.COMMIT_SURVEY, scheme.surveys_rupiah, "commit:survey"),
    )
    commitments = [commitment for commitment in envelope if commitment[1] > 0]
    posted = post_commitments(owner_ids=ids.values(), commitments=commitments, at=at)
    if posted.repeated_count:
        raise RuntimeError(f"{posted.repeated_count} commitments of new participations had been posted before")
    return ids
