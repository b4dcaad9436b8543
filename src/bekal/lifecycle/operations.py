"""What a mass run can do: for each operation whom it would touch now and with which amount, and the verb for a chunk.

A listing is a SELECT, so that planning for a million people never leaves the database. It asks what the verb asks; the
verb asks again under its own locks, and its answer is what counts (tests compare the two).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from bekal.core.entitlement import InstalmentKind
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.incentives.entitle import EARNERS_SQL, entitle, owed_rupiah
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array, int_array
from bekal.lifecycle.close_year import close_year, closing_listing
from bekal.lifecycle.end_balances import end_balances, ending_listing
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.preview import NOBODY, Listing
from bekal.lifecycle.refusals import MassRefusal
from bekal.lifecycle.revoke import revoke, revoking_listing
from bekal.participants.accept import accept
from bekal.participants.models import Participation, Wave
from bekal.participants.refusals import ParticipantRefusal
from bekal.purchases.settle_institutions import order_settlements, settling_listing

# The programme began in 2020.
FIRST_YEAR = 2020
Parameters = Mapping[str, Any]
Kinds = MassRun.Operation


@dataclass(frozen=True, slots=True)
class Done:
    """What a verb did for a chunk: how many subjects, and whole rupiah."""

    subject_count: int
    rupiah: int


class Subject(StrEnum):
    """What the numbers on a list are numbers of."""

    PARTICIPANT = "participant"
    PARTICIPATION = "participation"
    PURCHASE = "purchase"


class RulesChanged(Exception):
    """The rules of the day give another envelope than those of the plan: it has to be planned anew."""


def _as_planned(planned_at: datetime, at: datetime) -> datetime:
    return planned_at


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a mass run can do; `keeps` names the parameters that the run keeps for its verb. `instant` is what the
    verb is given of the run's own instant and of when the chunk is worked."""

    subject: Subject
    needs_approval: bool
    listing: Callable[[datetime, Parameters], Listing | Refusal]
    work: Callable[[Sequence[int], datetime, Parameters], Done]
    keeps: tuple[str, ...] = ()
    instant: Callable[[datetime, datetime], datetime] = _as_planned


# REVOKE


def _revocable(at: datetime, parameters: Parameters) -> Listing:
    return revoking_listing(at=at)


def _revoke(ids: Sequence[int], at: datetime, parameters: Parameters) -> Done:
    revoked = revoke(at=at, participation_ids=ids)
    return Done(revoked.participation_count, revoked.returned_rupiah)


# END_BALANCES


def _ending(at: datetime, parameters: Parameters) -> Listing:
    return ending_listing(at=at)


def _end_balances(ids: Sequence[int], at: datetime, parameters: Parameters) -> Done:
    ended = end_balances(at=at, participation_ids=ids)
    return Done(ended.participation_count, ended.returned_rupiah)


# ACCEPT_WAVE

# In the order given, or of registration, as many as the wave still has places for; age as `age_years` counts it.
ACCEPTABLE_SQL = """
SELECT participant.id AS subject_id, %(envelope_rupiah)s::bigint AS amount_rupiah
FROM participants_participant participant
LEFT JOIN unnest(%(participant_ids)s::bigint[]) WITH ORDINALITY AS given(id, place) ON given.id = participant.id
WHERE (%(participant_ids)s::bigint[] IS NULL OR given.id IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM participants_participation earlier WHERE earlier.participant_id = participant.id)
  AND (%(minimum_age)s::int IS NULL OR extract(year FROM age(%(day)s, participant.born_on)) >= %(minimum_age)s)
  AND (%(maximum_age)s::int IS NULL OR extract(year FROM age(%(day)s, participant.born_on)) <= %(maximum_age)s)
ORDER BY given.place, participant.id
LIMIT %(places_count)s
"""


def _acceptable(at: datetime, parameters: Parameters) -> Listing | Refusal:
    if not isinstance(parameters.get("wave_id"), int):
        return Refusal(MassRefusal.WAVE_MISSING)
    wave = Wave.objects.filter(pk=parameters["wave_id"]).first()
    if wave is None:
        return Refusal(ParticipantRefusal.UNKNOWN_WAVE)
    scheme = RULES.scheme(programme_day(at))
    if scheme.accepted_on < wave.opens_on:
        return Refusal(ParticipantRefusal.WAVE_NOT_OPEN_YET, {"opens_on": wave.opens_on})
    places_count = wave.quota_count - Participation.objects.filter(wave=wave).count()
    if places_count <= 0:
        return Refusal(ParticipantRefusal.WAVE_FULL, {"quota_count": wave.quota_count})
    named = parameters.get("participant_ids")
    values = {
        "envelope_rupiah": scheme.envelope_rupiah,
        "participant_ids": None if named is None else id_array(dict.fromkeys(named)),
        "day": scheme.accepted_on,
        "minimum_age": scheme.minimum_age_years,
        "maximum_age": scheme.maximum_age_years,
        "places_count": places_count,
    }
    return Listing(ACCEPTABLE_SQL, values)


def _accepted_at(planned_at: datetime, at: datetime) -> datetime:
    """Whoever is accepted late gets the rules, and the days to do something, of the day on which it is done: a list
    that waited for its worker takes none away. Raises RulesChanged where that is another envelope than was shown."""
    at = max(planned_at, at)
    planned, now = (RULES.scheme(programme_day(each)) for each in (planned_at, at))
    if planned.envelope_rupiah != now.envelope_rupiah:
        raise RulesChanged
    return at


def _accept(ids: Sequence[int], at: datetime, parameters: Parameters) -> Done:
    outcomes = accept(wave_id=parameters["wave_id"], participant_ids=ids, at=at)
    accepted_count = sum(outcome.refusal is None for outcome in outcomes)
    return Done(accepted_count, accepted_count * RULES.scheme(programme_day(at)).envelope_rupiah)


# ENTITLE

ENTITLING_SQL = f"""
WITH owed AS (
    SELECT * FROM unnest(%(accepted_on)s::date[], %(reconciled_on)s::date[], %(paid_before_counts)s::smallint[],
                         %(amounts)s::bigint[])
        AS o(accepted_on, reconciled_on, paid_before_count, amount_rupiah)
)
SELECT participation_id AS subject_id, amount_rupiah
FROM ({EARNERS_SQL}) earner JOIN owed USING (accepted_on, reconciled_on, paid_before_count)
WHERE amount_rupiah > 0
"""
ENTITLED_SQL = """
SELECT count(DISTINCT participation_id), coalesce(sum(amount_rupiah), 0)::bigint FROM incentives_entitlement
WHERE participation_id = ANY(%(ids)s::bigint[]) AND kind = %(kind)s AND entitled_at = %(at)s
"""


def _entitling(at: datetime, parameters: Parameters) -> Listing:
    values: dict[str, Any] = {"at": at, "kind": InstalmentKind.INCENTIVE.value}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT accepted_on, reconciled_on, paid_before_count FROM ({EARNERS_SQL}) e", values)
        days = cursor.fetchall()
    if not days:  # a finished run over a million people is looked at once, not twice
        return NOBODY
    return Listing(
        ENTITLING_SQL,
        values
        | {
            "accepted_on": [accepted_on for accepted_on, _, _ in days],
            "reconciled_on": [reconciled_on for _, reconciled_on, _ in days],
            "paid_before_counts": [paid_before_count for _, _, paid_before_count in days],
            "amounts": [
                owed_rupiah(accepted_on=accepted_on, reconciled_on=reconciled_on, paid_before_count=paid_before_count)
                for accepted_on, reconciled_on, paid_before_count in days
            ],
        },
    )


def _entitle(ids: Sequence[int], at: datetime, parameters: Parameters) -> Done:
    entitle(at=at, participation_ids=ids)
    with connection.cursor() as cursor:
        cursor.execute(ENTITLED_SQL, {"ids": int_array(ids), "kind": InstalmentKind.INCENTIVE.value, "at": at})
        return Done(*cursor.fetchone())


# SETTLE_INSTITUTIONS


def _settleable(at: datetime, parameters: Parameters) -> Listing:
    return Listing(*settling_listing(at=at))


def _settle(ids: Sequence[int], at: datetime, parameters: Parameters) -> Done:
    settled = order_settlements(purchase_ids=ids, at=at)
    return Done(settled.purchase_count, settled.total_rupiah)


# CLOSE_YEAR


def _closable(at: datetime, parameters: Parameters) -> Listing | Refusal:
    year = parameters.get("year")
    if not isinstance(year, int) or not FIRST_YEAR <= year <= programme_day(at).year:
        return Refusal(MassRefusal.YEAR_UNKNOWN, {"first_year": FIRST_YEAR, "last_year": programme_day(at).year})
    return Listing(*closing_listing(year=year, at=at))


def _close(ids: Sequence[int], at: datetime, parameters: Parameters) -> Done:
    closed = close_year(participation_ids=ids, at=at)
    return Done(closed.participation_count, closed.returned_rupiah)


OPERATIONS: Mapping[str, Operation] = {
    Kinds.ACCEPT_WAVE: Operation(Subject.PARTICIPANT, False, _acceptable, _accept, ("wave_id",), _accepted_at),
    Kinds.ENTITLE: Operation(Subject.PARTICIPATION, False, _entitling, _entitle),
    Kinds.REVOKE: Operation(Subject.PARTICIPATION, True, _revocable, _revoke),
    Kinds.END_BALANCES: Operation(Subject.PARTICIPATION, True, _ending, _end_balances),
    Kinds.SETTLE_INSTITUTIONS: Operation(Subject.PURCHASE, True, _settleable, _settle),
    Kinds.CLOSE_YEAR: Operation(Subject.PARTICIPATION, True, _closable, _close, keeps=("year",)),
}
AUTOMATIC = tuple(name for name, operation in OPERATIONS.items() if not operation.needs_approval)
