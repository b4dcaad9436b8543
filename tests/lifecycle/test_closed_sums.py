"""The sums of closed links with what came after them are what every transfer added up says, as of any instant."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections

from bekal.ledger.clock import programme_day
from bekal.ledger.digests import close_digest
from bekal.ledger.models import DigestLink
from bekal.ledger.movements import Kind, Movement, Reason
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import every_holder, ledger_totals, transfers_of
from bekal.lifecycle.closed_sums import CLOSE_SQL, close_sums, movement_days, movements, totals_of
from bekal.lifecycle.models import ClosedSum
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from tests import factories
from tests.factories import jakarta
from tests.incentives import journey

NOW = jakarta(2020, 11, 19)
INSTANTS = [
    None,
    jakarta(2020, 4, 1),
    *(jakarta(2020, 4, 20, 9) + timedelta(microseconds=n) for n in (-1, 0, 1)),
    jakarta(2020, 4, 20, 23, 59) + timedelta(seconds=60) - datetime.resolution,
    jakarta(2020, 5, 21, 12),
    jakarta(2020, 5, 26, 12),
    NOW,
]
CLAWED = Posting(0, Movement.REVOKE_INCENTIVE, 1_000, "clawback:7:incentive")


def owners() -> set[int]:
    """Everybody who has a transfer."""
    return {each.owner_id for each in every_holder(kind=Kind.TREASURY)} | set(
        Participation.objects.order_by("pk").values_list("pk", flat=True)
    )


def link() -> None:
    """A link over what came since the last; its digests are not what this is about, and closing one takes a
    transaction of its own."""
    last = DigestLink.objects.order_by("-number").first()
    number, after_id = (last.number, last.until_id) if last else (0, 0)
    until_id = max(line.id for owner in owners() for line in transfers_of(owner_id=owner))
    if until_id > after_id:
        DigestLink.objects.create(
            number=number + 1,
            after_id=after_id,
            until_id=until_id,
            transfer_count=1,
            total_rupiah=1,
            bucket_digests=b"",
            previous_sha256=b"",
            sha256=b"",
            closed_at=NOW,
        )


def closed() -> int:
    link()
    return close_sums()


def some_money() -> None:
    """People of two waves, years and reasons; money of an owner that is no participation; a clawback's return."""
    journey.earners(2)
    journey.settled(journey.exported())
    factories.accepted(2)
    revoke(at=jakarta(2020, 5, 21, 12))
    post(postings=[Posting(10**9, Movement.OPEN_TRAINING, 5, "open:training")], at=jakarta(2020, 5, 21, 12))


def counted(as_of: datetime | None, year: int | None) -> dict[tuple[Reason, Kind, Kind, bool], list[int]]:
    """What moved, one transfer after the other."""
    years = dict(Participation.objects.order_by("pk").values_list("pk", "accepted_on__year"))
    found: dict[tuple[Reason, Kind, Kind, bool], list[int]] = {}
    for owner in owners():
        if year is not None and years.get(owner) != year:
            continue
        for line in transfers_of(owner_id=owner, as_of=as_of):
            is_clawback = line.reason == Reason.REVOCATION and line.idempotency_key.startswith("clawback:")
            sums = found.setdefault((line.reason, line.debit_kind, line.credit_kind, is_clawback), [0, 0])
            sums[0] += 1
            sums[1] += line.amount_rupiah
    return found


def assert_sums_are_the_transfers() -> None:
    for as_of in INSTANTS:
        assert totals_of(movements(as_of=as_of)) == ledger_totals(as_of=as_of)
        for year in (None, 2020, 2021, 2022):
            moved = movements(as_of=as_of, year=year)
            told = {(m.reason, m.debit_kind, m.credit_kind, m.is_clawback): [m.transfer_count, m.rupiah] for m in moved}
            assert told == counted(as_of, year), (as_of, year)


def test_at_every_stage_and_instant(db: None) -> None:
    some_money()
    (owner,) = factories.accepted(at=jakarta(2021, 3, 1))
    assert_sums_are_the_transfers()  # nothing is summed
    assert closed() == 1 and ClosedSum.objects.exists()
    assert_sums_are_the_transfers()  # everything is
    post(postings=[Posting(owner, CLAWED.movement, 1_000, CLAWED.idempotency_key)], at=jakarta(2021, 5, 1))
    # Brought in late, with an old instant: of a day that is summed already.
    post(postings=[Posting(owner, Movement.PURCHASE, 7, "purchase:1")], at=jakarta(2020, 4, 20, 9))
    assert_sums_are_the_transfers()  # some are not yet
    assert closed() == 1
    assert_sums_are_the_transfers()
    assert close_sums() == 0 and closed() == 0


def test_several_links_are_summed_at_once_each_by_itself(db: None) -> None:
    (owner,) = factories.accepted()
    for number in range(1, 4):
        bought = Posting(owner, Movement.PURCHASE, number, f"purchase:{number}")
        post(postings=[bought], at=NOW + timedelta(days=number))
        link()
    assert close_sums() == 3
    rows = ClosedSum.objects.filter(reason=Reason.PURCHASE).order_by("link_number")
    assert [(row.link_number, row.moved_rupiah) for row in rows] == [(1, 1), (2, 2), (3, 3)]
    assert_sums_are_the_transfers()


def test_the_days_of_a_movement(db: None) -> None:
    some_money()
    wanted: Counter[object] = Counter()
    for owner in owners():
        for line in transfers_of(owner_id=owner):
            if line.reason == Reason.ACCEPTANCE and line.credit_kind == Kind.TRAINING_BALANCE:
                wanted[programme_day(line.posted_at)] += line.amount_rupiah
    for _ in range(2):
        days = movement_days(Movement.COMMIT_TRAINING)
        assert {day.on: day.rupiah for day in days} == wanted
        assert [day.on for day in days] == sorted(wanted, reverse=True)
        assert movement_days(Movement.COMMIT_TRAINING, as_of=jakarta(2020, 4, 1)) == ()
        closed()


def test_what_was_summed_is_not_summed_again(db: None) -> None:
    """By the database itself, should somebody find a way around the look at what is open."""
    factories.accepted()
    closed()
    with pytest.raises(Exception, match="lifecycle_closedsum_once"), connection.cursor() as cursor:
        cursor.execute(CLOSE_SQL, {"first": 1, "starts": [0], "after_id": 0, "until_id": 10**15})


@pytest.mark.django_db(transaction=True)
def test_two_who_close_at_once_sum_once() -> None:
    factories.accepted(3)
    close_digest(at=NOW)
    barrier, done = threading.Barrier(2), []

    def close() -> None:
        barrier.wait()
        done.append(close_sums())
        connections.close_all()

    threads = [threading.Thread(target=close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 1]
    assert totals_of(movements()) == ledger_totals()


def test_a_question_is_two_statements(db: None, assert_queries: Callable[[int], AbstractContextManager[None]]) -> None:
    with assert_queries(2):
        movements(as_of=NOW, year=2020)
