"""`simulate`: a synthetic population walks through the year by the same verbs as real people do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
from django.db import transaction

from bekal.core.money import allocate
from bekal.ledger.clock import JAKARTA, is_simulated, programme_day, programme_now, set_programme_clock
from bekal.participants.models import Participant, Wave
from bekal.simulation.catalogue import put_on_shelf
from bekal.simulation.day import DAY_STEPS, World
from bekal.simulation.journeys import Journeys
from bekal.simulation.payday import two_officers
from bekal.simulation.population import NIK_COUNT, Population
from bekal.simulation.script import ScriptedPerson
from bekal.simulation.taste import Taste, offer_today
from bekal.simulation.year import WAVES, YEARS, PlannedWave, payout_days

MAX_PARTICIPANTS = 1_000_000
LISTED_ON = date(2020, 4, 1)
END_OF_DAY = time(22)
# The share of payouts the partners reject is one in so many.
REJECT_EVERY = 67

Progress = Callable[[int, int], None]


class SimulationError(ValueError):
    """Arguments or a database that cannot be simulated; the sentence says why and how to mend it."""


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """What the walk did, in counts; `refusals` by code, of what the simulated people tried in vain."""

    participant_count: int
    accepted_count: int
    purchase_count: int
    completed_count: int
    reconciled_count: int
    settled_count: int
    settled_rupiah: int
    revoked_count: int
    ended_count: int
    refusals: dict[str, int]
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
) -> SimulationReport:
    """Add `participant_count` people and the `scripted` ones and walk them through the year, `until` included.

    People who are there already are left alone. Up to the day their clock shows, programme-side verbs name the new
    people only; on later days, if `until` asks for any, they act on everybody, and the clock moves on. Without `until`:
    31 December, or the day the clock shows where people are there. Every day is a transaction of its own. The same seed
    on an empty database gives the same programme, apart from codes and encrypted bytes. `progress` is called with
    (days done, days). Raises SimulationError.
    """
    _check_arguments(participant_count, year, seed)
    clock_at = _clock_of_others()
    until_at = until_at or _until_at(year, until, clock_at)
    waves = [wave for wave in WAVES if wave.opens_on <= programme_day(until_at)]
    first_number = Participant.objects.order_by("-id").values_list("id", flat=True).first() or 0
    count = participant_count + len(scripted)
    if first_number + count > NIK_COUNT:
        raise SimulationError(
            f"--participants: only {NIK_COUNT - first_number:,} more synthetic people have an identity number."
        )
    random = np.random.default_rng([year, seed])
    people = Population(count=count, first_number=first_number, of_age_on=WAVES[0].opens_on, random=random)
    with transaction.atomic():
        if clock_at is None:
            set_programme_clock(at=_instant(LISTED_ON, time(8)))
        put_on_shelf(at=_instant(LISTED_ON, time(8)))
        officers = two_officers()
    offer = offer_today()
    world = World(
        people=people,
        offer=offer,
        taste=Taste(people.facts, offer, year, random),
        journeys=Journeys(random),
        officer_ids=officers,
        scripted={participant_count + place: person for place, person in enumerate(scripted)},
        payout_days=payout_days(year),
        reject_every=reject_every,
        others_until_on=None if clock_at is None else programme_day(clock_at),
    )
    _plan_waves(world, waves, participant_count)
    _walk(world, _days(waves[0].opens_on, programme_day(until_at)), until_at, clock_at, progress)
    return _report(world, until_at)


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


def _clock_of_others() -> datetime | None:
    """What the clock shows to the people who are there; None for an empty database."""
    if not Participant.objects.exists():
        return None
    if not is_simulated():
        raise SimulationError(
            "This database holds participants of a real programme (its clock was never set by a simulation): "
            "simulate in a database of its own."
        )
    return programme_now()


def _until_at(year: int, until: date | None, clock_at: datetime | None) -> datetime:
    first, last = WAVES[0].opens_on, date(year, 12, 31)
    if until is None:
        until = last if clock_at is None else min(last, max(first, programme_day(clock_at)))
    if not first <= until <= last:
        raise SimulationError(f"--until is {until}: write a day from {first}, when the first wave opens, to {last}.")
    end = _instant(until, END_OF_DAY)
    return end if clock_at is None or programme_day(clock_at) != until else min(end, clock_at)


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=JAKARTA)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _plan_waves(world: World, waves: Sequence[PlannedWave], participant_count: int) -> None:
    """Everybody gets a wave: the drawn people by the waves' shares, the scripted ones as their script says."""
    number = Wave.objects.order_by("-number").values_list("number", flat=True).first() or 0
    sizes = allocate(participant_count, [round(wave.share) for wave in waves])
    start = 0
    for place, (wave, size) in enumerate(zip(waves, sizes, strict=True), start=1):
        people = list(range(start, start + size))
        people += [index for index, script in world.scripted.items() if script.wave_opens_on == wave.opens_on]
        start += size
        if people:
            world.plan_wave(number + place, wave, people)


def _walk(
    world: World, days: Sequence[date], until_at: datetime, clock_at: datetime | None, progress: Progress | None
) -> None:
    for done, day in enumerate(days, start=1):
        world.begin(day)
        if world.has_work():
            with transaction.atomic():
                for at_time, step in DAY_STEPS:
                    at = _instant(day, at_time)
                    if at <= until_at:
                        step(world, at)
                if clock_at is None or until_at > clock_at:
                    _move_clock(min(_instant(day, END_OF_DAY), until_at), clock_at)
        if progress is not None:
            progress(done, len(days))
    if clock_at is None or until_at > clock_at:
        set_programme_clock(at=until_at)


def _move_clock(at: datetime, clock_at: datetime | None) -> None:
    """The clock never steps back for the people who were there before."""
    if clock_at is None or at > clock_at:
        set_programme_clock(at=at)


def _report(world: World, until_at: datetime) -> SimulationReport:
    done = world.done
    return SimulationReport(
        participant_count=len(world.people),
        accepted_count=done["accepted"],
        purchase_count=done["bought"],
        completed_count=done["completed"],
        reconciled_count=done["reconciled"],
        settled_count=done["settled"],
        settled_rupiah=done["settled_rupiah"],
        revoked_count=done["revoked"],
        ended_count=done["ended"],
        refusals=dict(sorted(world.refusals.items())),
        until_at=until_at,
        scripted_participant_ids=tuple(world.participant_ids[list(world.scripted)].tolist()),
    )
