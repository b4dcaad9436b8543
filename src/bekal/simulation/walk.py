"""`simulate`: a synthetic population walks through the year by the same verbs as real people do."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import connection, transaction
from django.db.models import F

from bekal.ledger.clock import JAKARTA, is_simulated, programme_day, programme_now, set_programme_clock
from bekal.participants.models import Participant
from bekal.simulation.catalogue import put_on_shelf
from bekal.simulation.cohorts import begin_cohort, take_up
from bekal.simulation.day import STEPS, Step
from bekal.simulation.model import MODEL
from bekal.simulation.models import Cohort
from bekal.simulation.payday import two_officers
from bekal.simulation.population import NIK_COUNT
from bekal.simulation.programme_day import OFFICE_STEPS, Office, OfficeStep, finish_the_day
from bekal.simulation.script import ScriptedPerson
from bekal.simulation.unpaid import unpaid
from bekal.simulation.year import LAST_DAY, WAVES, YEARS, payout_days

MAX_PARTICIPANTS = 1_000_000
LISTED_ON = date(2020, 4, 1)
END_OF_DAY = time(22)
# The partners reject the model's share of payouts: one in so many, on average.
REJECT_EVERY = round(1 / MODEL.payout_rejected_share)

Progress = Callable[[int, int], None]


class SimulationError(ValueError):
    """Arguments or a database that cannot be simulated; the sentence says why and how to mend it."""


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """What the people of one cohort have done by `until_at`, in counts; `refusals` by code: what was tried in vain;
    `unpaid` instalments that were due by then, by the reason why they are not paid."""

    participant_count: int
    accepted_count: int
    purchase_count: int
    completed_count: int
    reconciled_count: int
    settled_count: int
    settled_rupiah: int
    answered_count: int
    revoked_count: int
    ended_count: int
    refusals: dict[str, int]
    unpaid: dict[str, int]
    until_at: datetime
    scripted_participant_ids: tuple[int, ...]


def simulate(
    *,
    participant_count: int,
    year: int,
    seed: int,
    until: date | None = None,
    progress: Progress | None = None,
    scripted: Sequence[ScriptedPerson] = (),
    until_at: datetime | None = None,
    reject_every: int = REJECT_EVERY,
    training_count: int = 300,
) -> SimulationReport:
    """Add `participant_count` people and the `scripted` ones and walk them through the year, `until` included.

    The new people first live through the days up to the programme's clock, alone: what was there is left as it is.
    On later days everybody lives on, whoever was simulated before included, and the clock moves. Without `until`: to
    the end of the simulated year, 31 May of the next. Every day is one transaction; a walk that was stopped is taken
    up where it stopped by the same call, or by `walk_on`. The same seed on an empty database gives the same
    programme, apart from codes and encrypted bytes. `training_count` trainings are put on an empty shelf. `progress`
    is called with (days done, days). Raises SimulationError.
    """
    _check_arguments(participant_count, year, seed)
    clock_at = _clock()
    stopped = _stopped_cohort()
    if stopped is not None:
        if (stopped.participant_count, stopped.year, stopped.seed) != (participant_count, year, seed):
            raise SimulationError(
                f"An earlier walk, of {stopped.participant_count:,} people with seed {stopped.seed}, was stopped on "
                f"{programme_day(stopped.lived_until_at)}: finish it first with `manage simulate --resume`."
            )
        return _walk(stopped, stopped.until_at, progress)
    until_at = until_at or _until_at(until, clock_at)
    first_number = Participant.objects.order_by("-id").values_list("id", flat=True).first() or 0
    if first_number + participant_count + len(scripted) > NIK_COUNT:
        raise SimulationError(
            f"--participants: only {NIK_COUNT - first_number:,} more synthetic people have an identity number."
        )
    with transaction.atomic():
        if clock_at is None:
            set_programme_clock(at=_instant(LISTED_ON, time(8)))
        put_on_shelf(at=_instant(LISTED_ON, time(8)), training_count=training_count, seats_for=participant_count)
        cohort = begin_cohort(
            participant_count=participant_count,
            year=year,
            seed=seed,
            scripted=scripted,
            first_number=first_number,
            wave_count=sum(wave.opens_on <= programme_day(until_at) for wave in WAVES),
            reject_every=reject_every,
            begins_at=_instant(WAVES[0].opens_on, time(0)),
            until_at=until_at,
        )
    return _walk(cohort, until_at, progress, scripted)


def walk_on(*, until: date | None = None, progress: Progress | None = None) -> SimulationReport:
    """Take up a walk that was stopped; with `until`, let everybody simulated so far live on to the end of that day.

    Adds nobody. Returns the report of the newest cohort. Raises SimulationError where nobody was simulated, or where
    everybody has lived until then already.
    """
    clock_at = _clock()
    newest = Cohort.objects.order_by("-id").first()
    if newest is None:
        raise SimulationError("Nobody has been simulated here yet: give --participants.")
    stopped = _stopped_cohort()
    if until is None and stopped is None:
        raise SimulationError(
            f"No walk was stopped here; everybody has lived until {programme_day(newest.lived_until_at)}. "
            "To live on, give --until."
        )
    until_at = newest.until_at if until is None else _until_at(until, clock_at)
    if stopped is not None:
        until_at = max(until_at, stopped.until_at)
    if not Cohort.objects.filter(lived_until_at__lt=until_at).exists():
        raise SimulationError(
            f"--until is {until}: everybody has lived until {programme_day(newest.lived_until_at)} already; "
            "give a later day."
        )
    return _walk(newest, until_at, progress)


def _stopped_cohort() -> Cohort | None:
    return Cohort.objects.filter(lived_until_at__lt=F("until_at")).order_by("-id").first()


def _check_arguments(participant_count: int, year: int, seed: int) -> None:
    if year not in YEARS:
        years = ", ".join(map(str, YEARS))
        raise SimulationError(f"--year is {year}: only {years} can be simulated so far.")
    if not 1 <= participant_count <= MAX_PARTICIPANTS:
        raise SimulationError(
            f"--participants is {participant_count}: write a whole number from 1 to {MAX_PARTICIPANTS:,}."
        )
    if not 0 <= seed < 2**63:
        raise SimulationError(f"--seed is {seed}: write a whole number from 0 to 9223372036854775807.")


def _clock() -> datetime | None:
    """What the clock shows to the people who are there; None for an empty database."""
    if not Participant.objects.exists() and not is_simulated():
        return None
    if not is_simulated():
        raise SimulationError(
            "This database holds participants of a real programme (its clock was never set by a simulation): "
            "simulate in a database of its own."
        )
    return programme_now()


def _until_at(until: date | None, clock_at: datetime | None) -> datetime:
    first = WAVES[0].opens_on
    if until is None:
        until = LAST_DAY
    if not first <= until <= LAST_DAY:
        raise SimulationError(
            f"--until is {until}: write a day from {first}, when the first wave opens, to {LAST_DAY}."
        )
    end = _instant(until, END_OF_DAY)
    return end if clock_at is None or programme_day(clock_at) != until else min(end, clock_at)


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=JAKARTA)


def _walk(
    newest: Cohort, until_at: datetime, progress: Progress | None, scripted: Sequence[ScriptedPerson] = ()
) -> SimulationReport:
    """Every cohort lives from where it stands to `until_at`, day by day, a transaction each."""
    started_on = programme_day(programme_now())
    Cohort.objects.filter(until_at__lt=until_at).update(until_at=until_at)
    waiting = sorted(
        Cohort.objects.filter(lived_until_at__lt=until_at), key=lambda each: (each.lived_until_at, each.pk)
    )
    first, last = programme_day(waiting[0].lived_until_at), programme_day(until_at)
    office = Office([], two_officers(), payout_days())
    day_count = (last - first).days + 1
    for number in range(day_count):
        day = first + timedelta(days=number)
        while waiting and waiting[0].lived_until_at < min(_instant(day, END_OF_DAY), until_at):
            cohort = waiting.pop(0)
            office.livings.append(take_up(cohort, scripted if cohort.pk == newest.pk else ()))
        office.everybody = day > started_on
        with transaction.atomic():
            _live(office, day, until_at)
        if progress is not None:
            progress(number + 1, day_count)
    refusals: Counter[str] = sum((living.refusals for living in office.livings), Counter())
    return _report(newest, until_at, refusals)


def _live(office: Office, day: date, until_at: datetime) -> None:
    """One day of everybody: each hour's verbs in their order, and the clock after them."""
    end_at = min(_instant(day, END_OF_DAY), until_at)
    for at_time, step in DAY_STEPS:
        at = _instant(day, at_time)
        if at <= until_at:
            step(office, at)
    if end_at == until_at and office.everybody:
        finish_the_day(end_at)
    Cohort.objects.filter(pk__in=[living.cohort.pk for living in office.livings]).update(lived_until_at=end_at)
    if end_at > programme_now():
        set_programme_clock(at=end_at)


def _of_every_cohort(step: Step) -> OfficeStep:
    def of_every_cohort(office: Office, at: datetime) -> None:
        for living in office.livings:
            step(living, at)

    return of_every_cohort


# Hours of the day in Jakarta; what a step puts on today's agenda a later one finds there.
DAY_STEPS: tuple[tuple[time, OfficeStep], ...] = tuple(
    sorted(
        [*((what.value, _of_every_cohort(step)) for what, step in STEPS.items()), *OFFICE_STEPS],
        key=lambda each: each[0],
    )
)

# Each sum is a join of its own over the places: what is summed beforehand and joined then PostgreSQL sums anew for each
# person, as long as it has not counted the tables.
REPORT_SQL = """
WITH place AS MATERIALIZED (
    SELECT participation.id, participation.revoked_at, participation.balance_ended_at
    FROM simulation_cohortmember member LEFT JOIN participants_participation participation USING (participant_id)
    WHERE member.cohort_id = %s
)
SELECT people.*, bought.*, paid.*, answered.*
FROM (SELECT count(*), count(id), count(revoked_at), count(balance_ended_at) FROM place) people,
     (SELECT count(*), count(completed_at), count(reconciled_at)
      FROM place JOIN purchases_purchase purchase ON purchase.participation_id = place.id) bought,
     (SELECT count(*), coalesce(sum(entitlement.amount_rupiah), 0)
      FROM place
      JOIN incentives_entitlement entitlement ON entitlement.participation_id = place.id
      JOIN incentives_payout payout ON payout.entitlement_id = entitlement.id
      JOIN incentives_payoutstatus status ON status.payout_id = payout.id AND status.state = 'settled') paid,
     (SELECT count(*) FROM place JOIN engagement_surveyresponse given ON given.participation_id = place.id) answered
"""


def _report(cohort: Cohort, until_at: datetime, refusals: Counter[str]) -> SimulationReport:
    with connection.cursor() as cursor:
        cursor.execute(REPORT_SQL, [cohort.pk])
        registered, accepted, revoked, ended, *sums = cursor.fetchone()
    purchases, completed, reconciled, settled, rupiah, answered = map(int, sums)
    scripted = cohort.members.filter(place__gte=cohort.participant_count).order_by("place")
    return SimulationReport(
        participant_count=registered,
        accepted_count=accepted,
        purchase_count=purchases,
        completed_count=completed,
        reconciled_count=reconciled,
        settled_count=settled,
        settled_rupiah=rupiah,
        answered_count=answered,
        revoked_count=revoked,
        ended_count=ended,
        refusals=dict(sorted(refusals.items())),
        unpaid=unpaid(cohort_id=cohort.pk, on=programme_day(until_at)),
        until_at=until_at,
        scripted_participant_ids=tuple(scripted.values_list("participant_id", flat=True)),
    )
