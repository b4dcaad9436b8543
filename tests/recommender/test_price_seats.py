"""Seat prices spread lists over free seats, follow what is really sold, and are never seen or paid."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from bekal.catalogue.models import Training
from bekal.config.worker import Worker
from bekal.ledger.models import Transfer
from bekal.ledger.queries import remaining
from bekal.participants.models import Participation
from bekal.recommender.buyers import buyers
from bekal.recommender.model_store import serving_model as loaded
from bekal.recommender.models import SeatPrice
from bekal.recommender.price_seats import PricedSeats, RepricedSeats, price_seats, reprice_seats
from bekal.recommender.serve import recommend_for
from bekal.recommender.shelf import shelf_today
from bekal.recommender.switch_personalisation import switch_personalisation
from bekal.recommender.value import values_of
from tests import factories
from tests.conftest import StoppedClock
from tests.factories.serving import serving_model
from tests.recommender import world

AT = world.AT
SOURCE = Path(__file__).resolve().parents[2] / "src" / "bekal"
HOUR = timedelta(hours=1)


@pytest.fixture
def learned(db: None, tmp_path: Path) -> None:
    world.stock(listed_at=factories.jakarta(2020, 4, 1))
    world.learn_from_others(tmp_path, count=600)
    serving_model(at=AT)


@pytest.fixture
def crowd(learned: None) -> tuple[int, ...]:
    """150 people; two seats in each of the trainings that nearly everybody likes best, ten in some others."""
    people = world.participants(150)
    firsts = Counter(one.items[0].training_id for one in recommend_for(participation_ids=people, at=AT))
    Training.objects.filter(pk__in=list(firsts)).update(seat_count=2)
    others = Training.objects.exclude(pk__in=list(firsts)).order_by("pk").values_list("pk", flat=True)[:20]
    Training.objects.filter(pk__in=list(others)).update(seat_count=10)
    return people


def prices() -> dict[int, tuple[float, int, bool, datetime]]:
    rows = SeatPrice.objects.order_by("pk").values_list("pk", "price", "seats_left", "is_nightly", "priced_at")
    return {training_id: tuple(rest) for training_id, *rest in rows}


def turned_away(people: tuple[int, ...]) -> int:
    """Who finds the first training of their list full, when people come in some order and each takes it."""
    left = {t.pk: t.seats_left for t in Training.objects.order_by("pk")}
    count = 0
    lists = recommend_for(participation_ids=people, at=AT, with_plans=False)
    for one in random.Random(1).sample(lists, len(lists)):
        first = one.items[0].training_id
        if left[first] == 0:
            count += 1
        elif left[first] is not None:
            left[first] -= 1
    return count


def test_lists_send_people_where_seats_are(crowd: tuple[int, ...]) -> None:
    before = turned_away(crowd)
    told: list[int] = []
    priced = price_seats(at=AT, chunk_count=64, progress=told.append)
    limited = Training.objects.exclude(seat_count=None)
    assert priced is not None and priced.people_count == 150 and told == [64, 64, 22]
    assert priced.training_count == limited.count() == SeatPrice.objects.count()
    assert 0 < priced.priced_count < priced.training_count and priced.misfit < 0.05
    assert set(prices()) == set(limited.values_list("pk", flat=True)), "only what has a limit has a price"
    assert all(price >= 0 and (left, nightly, at) == (left, True, AT) for price, left, nightly, at in prices().values())
    assert before > 60 and turned_away(crowd) < before / 4


def test_the_price_is_one_of_values_without_the_price(crowd: tuple[int, ...]) -> None:
    """So a second run, in other chunks, finds the same to the bit; and demand at the prices is about the seats."""
    price_seats(at=AT)
    once = prices()
    assert price_seats(at=AT, chunk_count=7) is not None and prices() == once
    model = loaded()
    assert model is not None
    shelf = shelf_today(model, AT)
    values = values_of(model, shelf, buyers(crowd, AT.date()))
    best = values.value.argmax(axis=1)
    for training_id, (price, left, _, _) in once.items():
        wanted = int((best == np.searchsorted(shelf.ids, training_id)).sum())
        assert wanted <= left + 2 and (price == 0 or wanted >= left - 2)


def test_without_a_model_nothing_is_priced(db: None) -> None:
    with pytest.raises(CommandError, match="No model serves yet"):
        call_command("price-seats", verbosity=0)
    assert price_seats(at=AT) is None and reprice_seats(at=AT) == RepricedSeats(0, 0)
    with pytest.raises(ValueError, match="chunk_count is 0"):
        price_seats(at=AT, chunk_count=0)


def test_the_commands_say_what_they_did(crowd: tuple[int, ...]) -> None:
    out = StringIO()
    call_command("price-seats", verbosity=0, stdout=out)
    call_command("price-seats", "--hourly", verbosity=0, stdout=out)
    first, second = out.getvalue().splitlines()
    assert re.fullmatch(r"\d+ of \d+ trainings with a limit of seats have a price, from 150 people \(.*%.*\)\.", first)
    assert second == "0 of 0 prices of seats moved."
    with pytest.raises(CommandError, match="--chunk is 0"):
        call_command("price-seats", chunk=0)


@pytest.mark.usefixtures("learned")
def test_where_nothing_has_a_limit_nothing_has_a_price() -> None:
    world.participants(5)
    Training.objects.filter(code="t-01").update(seat_count=1)
    price_seats(at=AT)
    assert SeatPrice.objects.count() == 1
    Training.objects.filter(code="t-01").update(seat_count=None)
    assert price_seats(at=AT) == PricedSeats(0, 0, 0, 0.0) and SeatPrice.objects.count() == 0


def test_who_has_switched_lists_off_does_not_price_seats(crowd: tuple[int, ...]) -> None:
    person = Participation.objects.get(pk=crowd[0]).participant_id
    switch_personalisation(participant_ids=[person], is_on=False, at=AT)
    priced = price_seats(at=AT)
    assert priced is not None and priced.people_count == 149


def test_what_is_full_keeps_its_price_and_what_is_taken_off_loses_it(crowd: tuple[int, ...]) -> None:
    price_seats(at=AT)
    dearest, second = sorted(prices(), key=lambda number: -prices()[number][0])[:2]
    was = prices()[dearest][0]
    Training.objects.filter(pk=dearest).update(bought_count=2)
    Training.objects.filter(pk=second).update(on_sale=False)
    price_seats(at=AT + HOUR)
    assert prices()[dearest] == (was, 0, True, AT + HOUR) and second not in prices()
    reprice_seats(at=AT + 2 * HOUR)
    assert prices()[dearest][0] == was


def sold(training_id: int, count: int) -> None:
    Training.objects.filter(pk=training_id).update(bought_count=count)


def test_every_hour_prices_follow_real_sales(crowd: tuple[int, ...]) -> None:
    Training.objects.exclude(seat_count=None).update(seat_count=7)
    price_seats(at=AT)
    night = prices()
    fast, slow = sorted(night, key=lambda number: -night[number][0])[:2]
    assert reprice_seats(at=AT) == RepricedSeats(0, 0), "no time has passed"
    sold(fast, 5)
    moved = reprice_seats(at=AT + HOUR)
    assert moved == RepricedSeats(len(night), 1), "what sold nothing in an hour waits for more hours"
    now = prices()
    assert now[fast][0] > night[fast][0] and now[fast][1:] == (2, False, AT + HOUR)
    assert {n: row for n, row in now.items() if n != fast} == {n: row for n, row in night.items() if n != fast}
    assert reprice_seats(at=AT + HOUR).changed_count == 0 and prices() == now, "once more at the same instant"
    reprice_seats(at=AT + timedelta(days=4))
    assert prices()[slow][0] < night[slow][0], "four quiet days do"
    assert all(price >= 0 for price, *_ in prices().values())
    price_seats(at=AT + timedelta(days=4))
    assert all(nightly for _, _, nightly, _ in prices().values())


def test_seats_last_until_the_first_session(crowd: tuple[int, ...]) -> None:
    """A seat that nobody takes on the day before is cheaper than one that has a month."""
    Training.objects.exclude(seat_count=None).update(seat_count=7)
    price_seats(at=AT)
    night = prices()
    soon, late = sorted(night, key=lambda number: -night[number][0])[:2]
    Training.objects.get(pk=soon).sessions.create(sequence=1, starts_at=AT + 8 * HOUR)
    reprice_seats(at=AT + 3 * HOUR)
    assert prices()[soon][0] < night[soon][0] and prices()[late] == night[late]


def test_a_seat_price_is_no_part_of_what_is_paid(crowd: tuple[int, ...]) -> None:
    price_seats(at=AT)
    dearest = max(prices(), key=lambda number: prices()[number][0])
    SeatPrice.objects.filter(pk=dearest).update(price=250_000.0)
    training = Training.objects.get(pk=dearest)
    before = remaining(owner_ids=crowd[:1])[crowd[0]]
    latest = Transfer.objects.order_by("-id").values_list("id", flat=True)[0]
    factories.bought(crowd[0], training, at=AT)
    paid = list(Transfer.objects.filter(id__gt=latest).order_by("id").values_list("amount_rupiah", flat=True))
    assert paid == [training.price_rupiah]
    assert before - remaining(owner_ids=crowd[:1])[crowd[0]] == training.price_rupiah


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix in {".py", ".html", ".txt", ".js", ".svg", ".po"}:
            yield path.relative_to(SOURCE).as_posix(), path.read_text()


def test_no_page_file_or_payment_knows_seat_prices() -> None:
    """They are named where lists are made, and where prepared ones are told from stale ones; nothing shows them."""
    naming = re.compile(r"seat_?price", re.IGNORECASE)
    assert {path.split("/")[0] for path, text in sources() if naming.search(text)} == {"core", "recommender"}
    shown = ("serve.py", "made.py", "spending.py", "reasons.py", "log_exposure.py")
    assert [name for name in shown if re.search(r"\bseat_price\b", (SOURCE / "recommender" / name).read_text())] == []


@pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
def test_the_worker_prices_seats_before_the_lists_and_moves_prices_every_hour(
    crowd: tuple[int, ...], clock: StoppedClock
) -> None:
    said: list[str] = []
    worker = Worker(say=said.append)
    while worker.round():
        pass
    kinds = [line.split(":")[0] for line in said]
    assert kinds.count("seats") == 1 and kinds.index("seats") < kinds.index("lists")
    night = prices()
    dearest = max(night, key=lambda number: night[number][0])
    sold(dearest, 1)
    clock.forward(minutes=59)
    worker.round()
    assert prices() == night
    clock.forward(minutes=1)
    worker.round()
    assert prices()[dearest][0] > night[dearest][0] and prices()[dearest][2:] == (False, clock.at)
