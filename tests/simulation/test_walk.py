"""A simulated population lives through the year by the verbs: repeatable, whole, and without harm to who was there."""

import contextlib
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from bekal.accounts.privacy import decrypt
from bekal.incentives.models import (
    Entitlement,
    Payout,
    PayoutException,
    PayoutFile,
    PayoutRun,
    PayoutSending,
    PayoutStatus,
)
from bekal.ledger.clock import JAKARTA, programme_now
from bekal.ledger.movements import Kind
from bekal.ledger.queries import totals
from bekal.messaging.models import OneTimeCode
from bekal.participants.models import NikDirectory, Participation, Wave
from bekal.proofs.check import prove_ledger
from bekal.purchases.models import Purchase
from bekal.simulation.bank.orders import read_orders
from bekal.simulation.digest import digest
from bekal.simulation.models import Cohort
from bekal.simulation.walk import SimulationError, SimulationReport, simulate, walk_on
from tests import factories
from tests.factories.unchanged import nothing_changes


def assert_proven(*, as_of: datetime | None = None) -> None:
    proof = prove_ledger(connection, as_of=as_of)
    assert proof.transfer_count > 0 and proof.violations == ()


class Undone(Exception):
    """Rolls a walk back."""


def walked_and_undone(seed: int) -> tuple[SimulationReport, dict[str, tuple[int, int]]]:
    try:
        with transaction.atomic():
            report = simulate(participant_count=40, year=2020, seed=seed, until=date(2020, 6, 10), reject_every=5)
            found = digest()
            raise Undone
    except Undone:
        return report, found


@pytest.mark.django_db
def test_the_same_seed_on_an_empty_database_gives_the_same_programme() -> None:
    one, same, other = (walked_and_undone(seed) for seed in (7, 7, 8))
    assert one == same
    assert set(one[1]) >= {"participant", "purchase", "evidence", "review", "payout", "transfer", "message"}
    assert all(one[1][what] != other[1][what] for what in ("participant", "purchase", "transfer"))
    assert one[1]["training"][0] == 300 and one[0].settled_count > 0


@pytest.mark.django_db
def test_a_whole_year_ends_in_order_and_every_past_day_can_be_proven() -> None:
    steps: list[tuple[int, int]] = []
    report = simulate(
        participant_count=60,
        year=2020,
        seed=1,
        reject_every=6,
        progress=lambda done, days: steps.append((done, days)),
    )
    assert set(report.refusals) <= {"sold_out"}, "nothing simulated people ask for is refused but the last place"
    assert report.participant_count == report.accepted_count == 60
    assert report.until_at == programme_now() == datetime(2021, 5, 31, 22, tzinfo=JAKARTA)
    assert steps[-1] == (416, 416) and [done for done, _ in steps] == list(range(1, 417))
    assert Wave.objects.count() == 11
    assert_money_and_people(report)
    assert_payouts(report)
    assert_failures_were_made_good(report)
    assert_proven()
    for as_of in (
        (2020, 4, 16, 14),
        (2020, 6, 1, 0),
        (2020, 9, 25, 10),
        (2020, 11, 5, 12),
        (2020, 12, 16, 6),
        (2021, 1, 4, 12),
    ):
        assert_proven(as_of=datetime(*as_of, tzinfo=JAKARTA))


def assert_money_and_people(report: SimulationReport) -> None:
    participations = Participation.objects.all()
    revoked = participations.filter(revoked_at__isnull=False)
    assert revoked.count() == report.revoked_count > 0
    assert not Purchase.objects.filter(participation__in=revoked).exists()
    assert (
        participations.filter(balance_ended_at__isnull=False).count() == report.ended_count == 60 - report.revoked_count
    )
    purchases = Purchase.objects.all()
    assert purchases.count() == report.purchase_count > 60
    assert purchases.filter(completed_at__isnull=False).count() == report.completed_count
    assert purchases.filter(reconciled_at__isnull=False).count() == report.reconciled_count < report.completed_count
    assert report.completed_count < report.purchase_count
    assert (
        OneTimeCode.objects.filter(used_at__isnull=False, subject__startswith="buy:").count() == report.purchase_count
    )
    assert NikDirectory.objects.count() == 60


def assert_payouts(report: SimulationReport) -> None:
    settled = PayoutStatus.objects.filter(state="settled")
    assert settled.count() == report.settled_count > 60
    assert report.settled_rupiah == sum(
        Payout.objects.filter(statuses__state="settled").values_list("amount_rupiah", flat=True)
    )
    assert report.answered_count == Entitlement.objects.filter(kind="survey").count() > 30
    rejected = Payout.objects.filter(statuses__state="rejected")
    assert rejected.exists() and Payout.objects.filter(attempt=2, statuses__state="settled").exists()
    for run in PayoutRun.objects.order_by("id"):
        assert run.approved_by_id != run.planned_by_id and run.exported_at is not None


def assert_failures_were_made_good(report: SimulationReport) -> None:
    """Every rupiah is settled or named, whatever the partners did."""
    assert set(report.unpaid) <= {"no account", "rejected AM14", "rejected AC04", "rejected BE01"}
    assert totals()[Kind.PAYOUT_IN_TRANSIT] == 0
    late = PayoutSending.objects.filter(file__partner="gopay", file__run__planned_for=date(2020, 8, 25))
    assert [(row.outcome, row.noted_at.date()) for row in late.order_by("id")] == [
        ("not_there", date(2020, 8, 25)),
        ("taken", date(2020, 8, 26)),
    ]
    settled = PayoutStatus.objects.filter(state="settled", payout__run__planned_for=date(2020, 8, 25))
    days = {
        (partner, recorded_at.date())
        for partner, recorded_at in settled.order_by("id").values_list("payout__partner", "recorded_at")
    }
    first, next_ = date(2020, 8, 25), date(2020, 8, 26)
    assert days == {("bni", first), ("ovo", first), ("gopay", next_), ("linkaja", next_)}
    exceptions = PayoutException.objects.order_by("id").values_list("kind", "partner", "resolution")
    assert list(exceptions) == [
        ("file_unreadable", "linkaja", "cleared"),
        ("file_unreadable", "bni", "answered"),
    ], "a day's statement that comes whole answers for the one that was cut; of a CSV nobody knows the day"
    forms = PayoutFile.objects.filter(partner="bni", stored_at__year=2021).values_list("direction", "form")
    assert set(forms) == {("out", "pain.001"), ("back", "pain.002"), ("back", "camt.053")}
    # Who was rejected was paid to another account than that.
    numbers = {
        order.reference: order.number
        for file in PayoutFile.objects.filter(direction="out").order_by("id")
        for order in read_orders(file.name, decrypt(bytes(file.content_encrypted)).encode()).orders
    }
    again = Payout.objects.filter(attempt__gt=1, statuses__state="settled")
    assert again.exists()
    for payout in again.order_by("id"):
        earlier = Payout.objects.filter(entitlement_id=payout.entitlement_id, attempt__lt=payout.attempt)
        assert numbers[payout.reference] not in {numbers[each.reference] for each in earlier.order_by("id")}


@pytest.mark.django_db
def test_new_people_are_added_to_who_is_there_without_touching_them() -> None:
    until = date(2020, 8, 26)
    first = simulate(participant_count=30, year=2020, seed=1, until=until, reject_every=2)
    before = digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM participants_participation")
        (last_id,) = cursor.fetchone()
    unpaid = Payout.objects.filter(entitlement__participation_id__lte=last_id).count()
    waiting = Payout.objects.filter(statuses__state="rejected", attempt=1)
    assert waiting.exists(), "somebody is about to give another account"
    second = simulate(participant_count=30, year=2020, seed=1, until=until, reject_every=2)
    assert second.until_at == first.until_at and programme_now() == first.until_at, "the clock stays where it is"
    assert Payout.objects.filter(entitlement__participation_id__lte=last_id).count() == unpaid
    assert Wave.objects.count() == 2 * 5 and NikDirectory.objects.count() == 60
    after = digest()
    assert all(after[what][0] == 2 * before[what][0] for what in ("participant", "participation", "contact"))
    assert_proven()
    third = simulate(participant_count=2, year=2020, seed=3, until=date(2020, 12, 20))
    assert programme_now() == third.until_at == datetime(2020, 12, 20, 22, tzinfo=JAKARTA)
    ended = Participation.objects.filter(revoked_at__isnull=True, balance_ended_at__isnull=True)
    assert not ended.exists(), "once the clock moves on, the programme's own work is done for everybody"
    assert digest()["purchase"][0] > after["purchase"][0] + third.purchase_count, "and everybody lives on"
    assert_proven()


LONG_WALK = {"participant_count": 60, "year": 2020, "seed": 5, "reject_every": 4, "until": date(2021, 3, 10)}


class Stopped(Exception):
    """Stops a walk between two days, as a killed process would."""


@pytest.mark.django_db
@pytest.mark.parametrize("stops", [(20, 75, 180), (137, 325, 326)])
def test_a_walk_that_was_stopped_goes_on_as_if_it_never_was(stops: tuple[int, ...]) -> None:
    whole = digest_of_a_walk_that_was_not()
    lived = 0
    for stop in (*stops, None):
        with contextlib.suppress(Stopped):
            simulate(**LONG_WALK, progress=stopping_after(None if stop is None else stop - lived))  # type: ignore[arg-type]
        lived = stop or 0
    cohort = Cohort.objects.get()
    assert cohort.lived_until_at == cohort.until_at
    assert digest() == whole
    assert_proven()


@cache
def digest_of_a_walk_that_was_not() -> dict[str, tuple[int, int]]:
    with contextlib.suppress(Undone), transaction.atomic():
        simulate(**LONG_WALK)  # type: ignore[arg-type]
        whole = digest()
        raise Undone
    return whole


def stopping_after(days: int | None) -> Callable[[int, int], None]:
    def progress(done: int, _: int) -> None:
        if done == days:
            raise Stopped

    return progress


@pytest.mark.django_db
def test_a_stopped_walk_is_finished_before_another_begins_and_everybody_can_live_on() -> None:
    with pytest.raises(Stopped):
        simulate(participant_count=20, year=2020, seed=5, until=date(2020, 5, 20), progress=stopping_after(9))
    with nothing_changes(), pytest.raises(SimulationError, match="of 20 people with seed 5, was stopped on 2020-04-19"):
        simulate(participant_count=21, year=2020, seed=5)
    assert walk_on().until_at == datetime(2020, 5, 20, 22, tzinfo=JAKARTA)
    with nothing_changes(), pytest.raises(SimulationError, match="everybody has lived until 2020-05-20"):
        walk_on()
    assert walk_on(until=date(2020, 6, 1)).until_at == programme_now() == datetime(2020, 6, 1, 22, tzinfo=JAKARTA)
    for past in (date(2020, 4, 11), date(2020, 5, 20), date(2020, 6, 1)):
        with nothing_changes(), pytest.raises(SimulationError, match=f"--until is {past}: .* until 2020-06-01 already"):
            walk_on(until=past)
    assert_proven()


@pytest.mark.django_db
def test_living_on_needs_somebody() -> None:
    with nothing_changes(), pytest.raises(SimulationError, match="Nobody has been simulated here yet"):
        walk_on()


@pytest.mark.django_db
def test_a_real_programme_is_never_simulated_upon() -> None:
    factories.accepted()
    with nothing_changes(), pytest.raises(SimulationError, match="real programme"):
        simulate(participant_count=1, year=2020, seed=1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--participants", "0"], "--participants is 0: write a whole number from 1 to 1,000,000"),
        (["--participants", "1000001"], "--participants is 1000001"),
        (["--participants", "1", "--year", "2021"], "--year is 2021: only 2020"),
        (["--participants", "1", "--seed", "-1"], "--seed is -1"),
        (["--participants", "1", "--until", "2021-06-01"], "--until is 2021-06-01: write a day from 2020-04-11"),
        (["--participants", "1", "--until", "2020-04-10"], "to 2021-05-31"),
        (["--participants", "1", "--resume"], "either --participants N to add people, or --resume"),
        ([], "either --participants N to add people, or --resume"),
        (["--participants", "1", "--trainings", "299"], "--trainings is 299: write a whole number from 300 to 3000"),
        (["--participants", "1", "--until", "31-12-2020"], "YYYY-MM-DD"),
        (["--participants", "x"], "invalid int value"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(arguments: list[str], words: str) -> None:
    with nothing_changes(), pytest.raises(CommandError, match=words):
        call_command("simulate", *arguments)


@pytest.mark.django_db
def test_the_command_reports_and_shows_progress_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    out = StringIO()
    call_command("simulate", "--participants", "5", "--until", "2020-04-12", "--progress", stdout=out)
    assert "5 people registered, 0 accepted" in out.getvalue(), "the first wave is still open"
    assert "2020-04-12 22:00" in out.getvalue()
    assert "simulating" in capsys.readouterr().err
    call_command("simulate", "--participants", "1", "--until", "2020-04-12", stdout=out)
    assert "simulating" not in capsys.readouterr().err


@pytest.mark.django_db
def test_a_day_is_a_handful_of_statements_however_many_people(assert_queries: Callable[..., object]) -> None:
    from django.test.utils import CaptureQueriesContext

    counts = []
    for people in (20, 60):
        with CaptureQueriesContext(connection) as captured:
            simulate(participant_count=people, year=2020, seed=1, until=date(2020, 4, 17))
        counts.append(len(captured))
    assert counts[1] < 1.5 * counts[0]
