"""Sessions get their dates whole or not at all, twice without a change, and never out of order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from bekal.catalogue.faults import FaultyRows
from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Session, Training
from bekal.catalogue.schedule_sessions import NewSession, ScheduledSessions, _faults_of_order, schedule_sessions
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

AT = jakarta(2020, 11, 19)
FIRST = NewSession(training_code="kopi", sequence=1, starts_at=jakarta(2020, 11, 25, 19), place="Zoom")
SECOND = replace(FIRST, sequence=2, starts_at=jakarta(2020, 12, 2, 19), ends_at=jakarta(2020, 12, 2, 21))


@pytest.fixture
def kopi(db: None) -> Training:
    return factories.training(code="kopi", session_count=3)


def faults_of(*sessions: NewSession) -> list[tuple[int, str, str]]:
    with nothing_changes(), pytest.raises(FaultyRows) as caught:
        schedule_sessions(sessions=sessions, at=AT)
    return [(fault.place, fault.column, fault.mend) for fault in caught.value.faults]


def test_sessions_are_added_then_left_then_changed(kopi: Training) -> None:
    assert schedule_sessions(sessions=[FIRST, SECOND], at=AT) == ScheduledSessions(2, 0, 0)
    with nothing_changes():
        assert schedule_sessions(sessions=[SECOND, FIRST], at=AT) == ScheduledSessions(0, 0, 2)
    moved = replace(SECOND, starts_at=jakarta(2020, 12, 3, 19), ends_at=None)
    assert schedule_sessions(sessions=[FIRST, moved], at=AT) == ScheduledSessions(0, 1, 1)
    rows = Session.objects.order_by("sequence").values_list("training_id", "sequence", "starts_at", "ends_at", "place")
    assert list(rows) == [
        (kopi.pk, 1, FIRST.starts_at, None, "Zoom"),
        (kopi.pk, 2, jakarta(2020, 12, 3, 19), None, "Zoom"),
    ]


def test_a_dry_run_counts_and_keeps_nothing(kopi: Training) -> None:
    with nothing_changes():
        assert schedule_sessions(sessions=[FIRST], at=AT, dry_run=True) == ScheduledSessions(1, 0, 0)


def test_every_faulty_row_is_named_with_its_mend(kopi: Training) -> None:
    faults = faults_of(
        FIRST,
        replace(FIRST, training_code="teh"),
        replace(FIRST, sequence=4),
        replace(SECOND, ends_at=SECOND.starts_at),
    )
    assert [(place, column) for place, column, _ in faults] == [(1, "training"), (2, "sequence"), (3, "ends_at")]
    assert "import the trainings first" in faults[0][2] and "sessions 1 to 3" in faults[1][2]


def test_a_later_session_does_not_start_before_an_earlier_one(kopi: Training) -> None:
    early = replace(SECOND, sequence=2, starts_at=FIRST.starts_at - timedelta(minutes=1), ends_at=None)
    ((place, column, mend),) = faults_of(FIRST, early)
    assert (place, column) == (1, "starts_at") and "session 2 of kopi would start before session 1" in mend
    schedule_sessions(sessions=[FIRST, SECOND], at=AT)
    ((place, _, _),) = faults_of(replace(FIRST, starts_at=SECOND.starts_at + timedelta(days=1)))
    assert place == 0
    both = [replace(each, starts_at=each.starts_at + timedelta(days=30), ends_at=None) for each in (FIRST, SECOND)]
    assert schedule_sessions(sessions=both, at=AT).changed_count == 2


def test_a_call_that_contradicts_itself_is_a_programming_error(kopi: Training) -> None:
    with pytest.raises(ValueError, match="twice"):
        schedule_sessions(sessions=[FIRST, replace(FIRST, place="Rumah")], at=AT)
    with pytest.raises(ValueError, match="time zone"):
        schedule_sessions(sessions=[replace(FIRST, starts_at=FIRST.starts_at.replace(tzinfo=None))], at=AT)


@given(st.permutations(range(3)), st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_rows_in_any_order_are_refused_exactly_where_their_dates_are_not_in_order(
    order: list[int], days: list[int]
) -> None:
    sessions = [replace(FIRST, sequence=n + 1, starts_at=AT + timedelta(days=days[n])) for n in order]
    assert bool(_faults_of_order(sessions, ())) == (days != sorted(days))


def test_the_database_itself_keeps_sequence_and_end(kopi: Training) -> None:
    for fields, name in (
        ({"sequence": 0}, "catalogue_session_sequence_from_1"),
        ({"ends_at": AT}, "catalogue_session_ends_after_start"),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Session.objects.create(**{"training": kopi, "sequence": 1, "starts_at": AT} | fields)
    Session.objects.create(training=kopi, sequence=1, starts_at=AT)
    with pytest.raises(IntegrityError, match="catalogue_session_once_per_sequence"), transaction.atomic():
        Session.objects.create(training=kopi, sequence=1, starts_at=AT)


def new(kopi: Training, **fields: object) -> NewTraining:
    named: dict[str, object] = {
        "code": "kopi",
        "title": kopi.title,
        "institution": kopi.institution.name,
        "category": kopi.category.name_id,
        "price_rupiah": kopi.price_rupiah,
        "given": frozenset(fields),
    }
    return NewTraining(**named | fields)  # type: ignore[arg-type]


def test_seats_never_fall_below_what_is_sold(kopi: Training) -> None:
    for person in factories.accepted(2):
        factories.bought(person, kopi)
    with nothing_changes(), pytest.raises(FaultyRows) as caught:
        import_trainings(trainings=[new(kopi, seat_count=1)], at=AT)
    (fault,) = caught.value.faults
    assert (fault.place, fault.column, fault.value) == (0, "seat_count", "1")
    assert "2 seats of kopi are sold: write 2 or more" in fault.mend
    assert import_trainings(trainings=[new(kopi, seat_count=2)], at=AT).changed_count == 1
    with pytest.raises(IntegrityError, match="catalogue_training_sold_within_seats"), transaction.atomic():
        Training.objects.filter(pk=kopi.pk).update(bought_count=3)
    assert import_trainings(trainings=[new(kopi)], at=AT).unchanged_count == 1
    assert import_trainings(trainings=[new(kopi, seat_count=None)], at=AT).changed_count == 1
    kopi.refresh_from_db()
    assert kopi.seat_count is None


def test_a_session_with_a_date_is_not_taken_away(kopi: Training) -> None:
    schedule_sessions(sessions=[FIRST, SECOND], at=AT)
    with nothing_changes(), pytest.raises(FaultyRows, match="session 2 of kopi has a date: write 2 or more"):
        import_trainings(trainings=[new(kopi, session_count=1)], at=AT)
    assert import_trainings(trainings=[new(kopi, session_count=2)], at=AT).changed_count == 1
