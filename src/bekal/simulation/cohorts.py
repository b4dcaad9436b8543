"""A cohort is begun, and taken up again from what its people have done: the rest of their year follows from it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Max

from bekal.accounts.privacy import decrypt
from bekal.core.money import allocate
from bekal.ledger.clock import programme_day
from bekal.ledger.queries import remaining
from bekal.participants.models import DistrictYear, Participation, Wave
from bekal.purchases.models import Purchase
from bekal.simulation.agenda import NEVER, Agenda, What
from bekal.simulation.behaviour import Behaviour
from bekal.simulation.choice import Choice, offer_today, price_level
from bekal.simulation.day import LivedWave, Living
from bekal.simulation.draws import Draws
from bekal.simulation.failures import FAILURES
from bekal.simulation.life import Life
from bekal.simulation.model import MODEL
from bekal.simulation.models import Cohort, CohortMember
from bekal.simulation.population import Districts, Population
from bekal.simulation.script import SILENT, ScriptedPerson
from bekal.simulation.year import WAVES

# When each was accepted, first completed, first paid and last rejected, by place; days as ordinals in Jakarta.
STANDING_SQL = """
SELECT member.place, participation.id,
       (SELECT min((purchase.completed_at AT TIME ZONE 'Asia/Jakarta')::date)
        FROM purchases_purchase purchase WHERE purchase.participation_id = participation.id),
       EXISTS (SELECT 1 FROM incentives_entitlement earned
               WHERE earned.participation_id = participation.id AND earned.kind = 'incentive')
FROM simulation_cohortmember member
JOIN participants_participation participation USING (participant_id)
WHERE member.cohort_id = %s ORDER BY member.place
"""
PAID_SQL = """
SELECT member.place, entitlement.instalment, status.state, status.reason_code, run.id,
       (status.recorded_at AT TIME ZONE 'Asia/Jakarta')::date,
       NOT EXISTS (SELECT 1 FROM incentives_entitlement later
                   WHERE later.participation_id = entitlement.participation_id AND later.kind = entitlement.kind
                     AND later.instalment > entitlement.instalment)
FROM simulation_cohortmember member
JOIN participants_participation participation USING (participant_id)
JOIN incentives_entitlement entitlement
  ON entitlement.participation_id = participation.id
JOIN incentives_payout payout ON payout.entitlement_id = entitlement.id
JOIN incentives_payoutstatus status ON status.payout_id = payout.id AND status.state NOT IN ('sent', 'accepted')
JOIN incentives_payoutrun run ON run.id = payout.run_id
WHERE member.cohort_id = %s AND (entitlement.kind = 'incentive' OR status.state = 'rejected')
ORDER BY run.id, entitlement.id
"""


def begin_cohort(
    *,
    participant_count: int,
    year: int,
    seed: int,
    scripted: Sequence[ScriptedPerson],
    first_number: int,
    wave_count: int,
    reject_every: int,
    begins_at: datetime,
    until_at: datetime,
) -> Cohort:
    """Write down who will come; they come on the days of their waves, the first `wave_count` of the year."""
    first_wave = (Wave.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    return Cohort.objects.create(
        participant_count=participant_count,
        scripted_count=len(scripted),
        year=year,
        seed=seed,
        first_number=first_number,
        first_wave_number=first_wave,
        wave_count=wave_count,
        reject_every=reject_every,
        lived_until_at=begins_at,
        until_at=until_at,
    )


def take_up(cohort: Cohort, scripted: Sequence[ScriptedPerson] = ()) -> Living:
    """The cohort as it stands, with everything still to come in its agenda. `scripted` are given on its first walk;
    who was scripted does nothing more on a later one."""
    count = cohort.participant_count + cohort.scripted_count
    draws = Draws(cohort.seed, count)
    people = Population(
        draws=draws, first_number=cohort.first_number, of_age_on=WAVES[0].opens_on, districts=_districts(cohort.year)
    )
    offer = offer_today()
    behaviour = Behaviour(MODEL, draws, people.facts)
    silent = (SILENT,) * (cohort.scripted_count - len(scripted))
    life = Life(
        people=people,
        behaviour=behaviour,
        choice=Choice(MODEL, draws, people.facts, offer, cohort.year),
        offer=offer,
        draws=draws,
        scripted=dict(enumerate((*scripted, *silent), start=cohort.participant_count)),
        agenda=Agenda(cohort.lived_until_at),
        price_level=price_level(MODEL, offer.price_rupiah),
    )
    living = Living(cohort, life, _waves(cohort, life))
    for number, wave in enumerate(living.waves):
        for what, day in ((What.REGISTER, wave.planned.opens_on), (What.ACCEPT, wave.planned.closes_on)):
            life.agenda.put(what, np.array([day.toordinal()]), np.array([number]))
    if CohortMember.objects.filter(cohort=cohort).exists():
        _remember(living)
    return living


def _districts(year: int) -> Districts | None:
    """The districts with their weights of that year, where an office has imported them."""
    rows = DistrictYear.objects.filter(year=year, accepted_count__gt=0).order_by("district_id")
    facts = np.array(rows.values_list("district_id", "district__province", "accepted_count"), dtype=np.int64)
    return Districts(*facts.T) if len(facts) else None


def _waves(cohort: Cohort, life: Life) -> tuple[LivedWave, ...]:
    """Everybody gets a wave: the drawn people by the waves' shares, the scripted ones as their script says."""
    planned = WAVES[: cohort.wave_count]
    sizes = allocate(cohort.participant_count, [wave.share for wave in planned])
    waves, start = [], 0
    for number, (wave, size) in enumerate(zip(planned, sizes, strict=True), start=cohort.first_wave_number):
        people = list(range(start, start + size))
        people += [place for place, script in life.scripted.items() if script.wave_opens_on == wave.opens_on]
        start += size
        if people:
            waves.append(LivedWave(number, wave, np.array(people, dtype=np.int64)))
    return tuple(waves)


def _remember(living: Living) -> None:
    """Fill the columns from the books and put down again what follows from them."""
    life, cohort = living.life, living.cohort
    members = np.array(
        CohortMember.objects.filter(cohort=cohort).order_by("place").values_list("place", "participant_id")
    )
    life.participant_ids[members[:, 0]] = members[:, 1]
    with connection.cursor() as cursor:
        cursor.execute(STANDING_SQL, [cohort.pk])
        standing = cursor.fetchall()
    if not standing:
        return
    places = np.array([row[0] for row in standing])
    life.participation_ids[places] = [row[1] for row in standing]
    life.first_completed_on[places] = [NEVER if row[2] is None else row[2].toordinal() for row in standing]
    life.entitled[places] = [row[3] for row in standing]
    balances = remaining(owner_ids=life.participation_ids[places].tolist())
    life.balance_rupiah[places] = [balances[row[1]] for row in standing]
    _remember_acceptances(life)
    _remember_purchases(life)
    _remember_payouts(life, cohort)


def _remember_acceptances(life: Life) -> None:
    place_of = {number: place for place, number in enumerate(life.participation_ids.tolist()) if number}
    groups: dict[tuple[Any, ...], list[int]] = {}
    rows = Participation.objects.filter(pk__in=list(place_of)).order_by("pk")
    for number, *days in rows.values_list("pk", "accepted_on", "first_purchase_due_on", "balance_ends_on"):
        groups.setdefault(tuple(days), []).append(place_of[number])
    for (accepted_on, due_on, ends_on), people in groups.items():
        places = np.sort(np.array(people, dtype=np.int64))
        life.plan_acceptance(places, accepted_on=accepted_on, due_on=due_on, ends_on=ends_on)


def _remember_purchases(life: Life) -> None:
    place_of = {number: place for place, number in enumerate(life.participation_ids.tolist()) if number}
    training_of = {number: place for place, number in enumerate(life.offer.ids.tolist())}
    rows = Purchase.objects.filter(participation_id__in=list(place_of)).order_by("bought_at", "pk")
    columns = ("participation_id", "ordinal", "training_id", "pk", "bought_at", "redeemed_at", "redeem_code_encrypted")
    found = [row for row in rows.values_list(*columns) if row[2] in training_of]
    if not found:
        return
    places = life.bought.add(
        person=np.array([place_of[row[0]] for row in found]),
        ordinal=np.array([row[1] for row in found]),
        training=np.array([training_of[row[2]] for row in found]),
        purchase_id=np.array([row[3] for row in found]),
        bought_on=np.array([programme_day(row[4]).toordinal() for row in found]),
    )
    for place, row in zip(places.tolist(), found, strict=True):
        if row[5] is None and row[6] is not None:
            life.redeem_codes[place] = decrypt(bytes(row[6]))
    person, ordinal = life.bought.person[: life.bought.count], life.bought.ordinal[: life.bought.count]
    life.taken[person, ordinal - 1] = life.bought.training[: life.bought.count]
    np.maximum.at(life.taken_count, person, ordinal)
    life.plan_purchases(places)


def _remember_payouts(life: Life, cohort: Cohort) -> None:
    with connection.cursor() as cursor:
        cursor.execute(PAID_SQL, [cohort.pk])
        rows = cursor.fetchall()
    rejected: dict[tuple[int, int], dict[int, int]] = {}
    by_day: dict[tuple[int, int], list[int]] = {}
    for place, instalment, state, reason, run_id, day, is_last in rows:
        if state == "rejected":
            of_day = rejected.setdefault((day.toordinal(), run_id), {})
            of_day.setdefault(place, FAILURES.place_of(reason))
            continue
        for survey in (1 if instalment == 1 else 0, 2 if instalment == 2 else 0, 3 if is_last else 0):
            if survey:
                by_day.setdefault((day.toordinal(), survey), []).append(place)
    for (day, _), reasons in sorted(rejected.items()):
        places, why = (np.array(list(each), dtype=np.int64) for each in (reasons, reasons.values()))
        life.plan_new_accounts(places, day, why)
    nobody = np.empty(0, dtype=np.int64)
    for (day, what), people in sorted(by_day.items()):
        places = np.array(people, dtype=np.int64)
        if what == 1:
            life.note_paid(places, day)
        else:
            life.plan_survey_after_pay(places if what == 2 else nobody, places if what == 3 else nobody, day)
