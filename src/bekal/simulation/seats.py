"""Which synthetic trainings have limited seats, and which have dates."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

import numpy as np

from bekal.catalogue.import_trainings import NewTraining
from bekal.catalogue.schedule_sessions import NewSession
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.simulation import listings

SEATS_SEED, DATES_SEED = 2021, 2022
# Of the webinars and the trainings on site: how many have limited seats. Calibrated so that about 5 % of all trainings
# sell out in a year in which everybody comes who was expected; what is not limited never runs out.
SEATED_SHARE = 0.30
# About 2 million purchases of 700,000 people. Seats of a training: a draw between these parts of the buyers it could
# expect if all trainings were alike, in steps of 5, and never so few that a room stands empty.
PURCHASES_A_PERSON = 2.9
FEWEST_PART, MOST_PART = 0.3, 1.3
STEP_SEATS, MINIMUM_SEATS = 5, 15
# Of the webinars and the trainings on site: how many have dates, between these days after they are listed.
DATED_SHARE = 0.05
FIRST_DAY, LAST_DAY = 20, 320
SATURDAY, TUESDAY, MONDAY = 5, 1, 0


def with_seats(trainings: Sequence[NewTraining], seats_for: int) -> list[NewTraining]:
    """The trainings with the seats that some of them have where `seats_for` people are expected."""
    draws = np.random.default_rng(SEATS_SEED).random((len(trainings), 2)).tolist()
    buyers = seats_for * PURCHASES_A_PERSON / len(trainings)
    share_of = dict(zip(*listings.provinces(), strict=True))
    seated = []
    for training, (is_limited, part) in zip(trainings, draws, strict=True):
        if training.mode == "self_paced" or is_limited >= SEATED_SHARE:
            seated.append(training)
            continue
        local = 1.0 if training.province is None else share_of[training.province] / 100
        wanted = buyers * local * (FEWEST_PART + (MOST_PART - FEWEST_PART) * part)
        seat_count = max(MINIMUM_SEATS, round(wanted / STEP_SEATS) * STEP_SEATS)
        seated.append(replace(training, seat_count=seat_count, given=training.given | {"seat_count"}))
    return seated


def dated_sessions(trainings: Sequence[NewTraining], *, at: datetime) -> list[NewSession]:
    """The dates of those that have any. Webinars take place once a week, on Tuesday evenings or, where that is too
    short or the title says so, on Saturday mornings; trainings on site on days in a row, from a Monday on."""
    draws = np.random.default_rng(DATES_SEED).random((len(trainings), 2)).tolist()
    sessions: list[NewSession] = []
    for training, (is_dated, later) in zip(trainings, draws, strict=True):
        if training.mode != "self_paced" and is_dated < DATED_SHARE:
            earliest_on = programme_day(at) + timedelta(days=FIRST_DAY + int(later * (LAST_DAY - FIRST_DAY)))
            sessions.extend(_sessions(training, datetime.combine(earliest_on, time(), tzinfo=JAKARTA)))
    return sessions


def _sessions(training: NewTraining, earliest_at: datetime) -> list[NewSession]:
    count = training.session_count or 1
    duration = timedelta(hours=(training.hours or count) // count)
    in_person = training.mode == "on_site"
    evening = not in_person and "Akhir Pekan" not in training.title
    evening = evening and (duration <= timedelta(hours=2) or "Malam" in training.title)
    weekday = MONDAY if in_person else TUESDAY if evening else SATURDAY
    first_at = earliest_at + timedelta(days=(weekday - earliest_at.weekday()) % 7, hours=18 if evening else 9)
    starts = [first_at + timedelta(days=number * (1 if in_person else 7)) for number in range(count)]
    place = f"Ruang praktik {training.institution}" if in_person else "Daring; lembaga mengirim tautannya"
    return [
        NewSession(training_code=training.code, sequence=number, starts_at=start, ends_at=start + duration, place=place)
        for number, start in enumerate(starts, start=1)
    ]
