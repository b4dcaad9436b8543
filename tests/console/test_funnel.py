"""The funnel counts people once at each step, and each drop-off opens into exactly its people."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import translation

from bekal.console import people as people_module
from bekal.console.funnel import CHART_WIDTH, COUNTS, funnel_by_wave, funnel_counts, money_lines, steps_of
from bekal.console.people import STAGES, mask_name, people_at
from bekal.ledger.movements import Kind
from bekal.ledger.queries import transfers_of
from bekal.lifecycle.revoke import revoke
from bekal.participants.mark_unreachable import Unreachable, mark_unreachable
from bekal.participants.models import Participation
from bekal.participants.set_districts import NewDistrict, set_districts
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Purchase
from bekal.purchases.settle_institutions import settle_institutions
from tests import factories
from tests.incentives import journey

HOSTILE = ["", "0", "-1", "x", "1e9", "٣", "9" * 40, "\x00", "1;DROP TABLE", "%00", "None"]


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(factories.officer("petugas-corong"))
    return client


@pytest.fixture
def walked(db: None) -> dict[str, int]:
    """Five people of one wave, each a step further than the one before."""
    nobody, buyer, finisher, proven, paid = factories.accepted(5)
    training = factories.training()
    factories.bought(buyer, training)
    factories.completed(finisher, training)
    factories.reconciled(proven, training)
    journey.learned((paid,), factories.training(price_rupiah=250_000))
    journey.entitle(at=factories.RECONCILED_AT, participation_ids=[paid])
    journey.settled(journey.exported())
    factories.bought(paid, factories.training(price_rupiah=100_000), at=factories.jakarta(2020, 5, 2, 9))
    return {"nobody": nobody, "buyer": buyer, "finisher": finisher, "proven": proven, "paid": paid}


def counted(on: date) -> dict[str, int]:
    return funnel_counts(funnel_by_wave(on=on), wave_id=None)


def test_each_step_counts_its_people(walked: dict[str, int]) -> None:
    counts = counted(date(2020, 5, 15))
    steps = ("accepted", "bought", "completed", "proven", "paid", "bought_again")
    assert [counts[name] for name in steps] == [5, 4, 3, 2, 1, 1]
    assert (counts["finished_not_paid"], counts["revoked"]) == (2, 0)
    assert [step.lost for step in steps_of(counts)] == [0, 1, 1, 1, 1, 3]


def test_who_loses_the_place_within_seven_days(walked: dict[str, int]) -> None:
    due = Participation.objects.get(pk=walked["nobody"]).first_purchase_due_on
    at_risk = [counted(due + timedelta(days=n))["at_risk"] for n in (-8, -7, 0, 1)]
    assert at_risk == [0, 1, 1, 0]
    for number, days in zip(at_risk, (-8, -7, 0, 1), strict=True):
        behind = people_at("at_risk", wave_number=None, on=due + timedelta(days=days))
        assert [row.pk for row in behind] == [walked["nobody"]] * number


def test_each_drop_off_opens_into_the_people_it_counts(walked: dict[str, int]) -> None:
    before = {stage: {row.pk for row in people_at(stage, wave_number=None, on=date(2020, 5, 1))} for stage in STAGES}
    assert before == {
        "all": set(walked.values()),
        "not_bought": {walked["nobody"]},
        "not_completed": {walked["buyer"]},
        "not_proven": {walked["finisher"]},
        "not_paid": {walked["proven"]},
        "not_bought_again": {walked["buyer"], walked["finisher"], walked["proven"]},
        "at_risk": set(),
        "to_be_revoked": set(),
        "revoked": set(),
        "revoked_unbought": set(),
    }
    for step in steps_of(counted(date(2020, 5, 15))):
        if step.stage:
            assert len(before[step.stage]) == step.lost


def test_a_wave_without_people_and_an_unknown_wave(walked: dict[str, int], office: Client) -> None:
    empty = factories.wave(opens_on=date(2020, 6, 1), closes_on=date(2020, 6, 5))
    page = office.get(f"/console/?wave={empty.number}").content.decode()
    assert "Belum ada yang diterima" in page
    assert office.get("/console/?wave=4711").context["counts"]["accepted"] == 5


def test_the_money_of_all_kinds_is_what_the_treasury_committed(walked: dict[str, int], office: Client) -> None:
    lines, difference = money_lines()
    assert [line.kind for line in lines] == [kind for kind in Kind if kind != Kind.TREASURY]
    assert sum(line.rupiah for line in lines) == 5 * 3_550_000
    assert difference == 0
    page = office.get("/console/").content.decode()
    assert "Rp17.750.000" in page
    assert "Selisih buku besar Rp0" in page


def test_what_institutions_were_paid_is_part_of_what_is_out(walked: dict[str, int], office: Client) -> None:
    """Every kind is on the page: money that has gone on to an institution has not left the sum."""
    proven = Purchase.objects.filter(reconciled_at__isnull=False).order_by("pk").values_list("pk", flat=True)
    assert settle_institutions(purchase_ids=list(proven), at=factories.jakarta(2020, 6, 1)).total_rupiah > 0
    page = office.get("/console/")
    paid = next(line for line in page.context["money"] if line.kind == Kind.INSTITUTION_SETTLED)
    assert paid.rupiah > 0 and page.context["committed_rupiah"] == 5 * 3_550_000


def test_the_bars_stay_in_the_chart() -> None:
    steps = steps_of(dict.fromkeys(COUNTS, 0))
    assert [(step.width, step.share) for step in steps] == [(0, 0.0)] * 6
    assert max(step.width for step in steps_of(dict.fromkeys(COUNTS, 7))) == CHART_WIDTH


def test_the_pages_keep_their_number_of_queries(
    walked: dict[str, int], office: Client, assert_queries: Callable[[int], object]
) -> None:
    for path, number in (("/console/", 9), ("/console/people/", 7), (f"/console/people/{walked['paid']}/", 21)):
        office.get(path)
        with assert_queries(number):  # type: ignore[attr-defined]
            assert office.get(path).status_code == 200


def test_a_long_list_is_looked_through_part_by_part(
    walked: dict[str, int], office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "PAGE_SIZE", 2)
    seen, address = [], "/console/people/"
    while address:
        page = office.get(address).context
        seen += [row.pk for row, _name, _count in page["lines"]]
        following = page["further"].following
        address = following and "/console/people/" + following
    assert seen == sorted(walked.values())
    monkeypatch.setattr(people_module, "PART_COUNT", 1)
    monkeypatch.setattr(people_module, "PARTS_LIMIT", 1)
    page = office.get("/console/people/?stage=not_paid")
    assert page.context["lines"] == [] and page.context["further"].looked_until == walked["buyer"]
    assert f"sampai kepesertaan {walked['buyer']}" in page.content.decode()
    page = office.get("/console/people/" + page.context["further"].following)
    assert [row.pk for row, _name, _count in page.context["lines"]] == [walked["proven"]]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_address_makes_the_pages_fail(value: str, walked: dict[str, int], office: Client) -> None:
    for path, name in (("/console/", "wave"), ("/console/people/", "after"), ("/console/people/", "stage")):
        assert office.get(path, {name: value}).status_code == 200
    for name in ("as_of", "envelope", "wave"):
        assert office.get("/console/people/", {name: value}).status_code == 200
    assert office.get(f"/console/people/{walked['paid']}/", {"as_of": value}).status_code == 200


def test_a_person_as_of_a_past_day(walked: dict[str, int], office: Client) -> None:
    path = f"/console/people/{walked['paid']}/"
    now = office.get(path).context
    then = office.get(path, {"as_of": "2020-04-20"}).context
    assert len(then["transfers"]) == 3 < len(now["transfers"])
    assert then["difference"] == now["difference"] == 0
    wrong = office.get(path, {"as_of": "kemarin"}).content.decode()
    assert "“kemarin” bukan tanggal dan bukan waktu. Tulis seperti 2020-07-27 atau 2020-07-27 15:30." in wrong
    assert office.get("/console/people/999999999999999999999999/").status_code == 404


def listed(office: Client, stage: str, as_of: str) -> set[int]:
    context = office.get("/console/people/", {"stage": stage, "as_of": as_of}).context
    return {row.pk for row, _name, _count in context["lines"]}


def test_a_stage_is_that_of_the_instant(walked: dict[str, int], office: Client) -> None:
    """Each has taken the steps of a past day alone: bought on 21 April, completed two days later, and so on."""
    everybody, nobody = set(walked.values()), walked["nobody"]
    assert listed(office, "all", "2020-04-19") == set(), "not accepted yet"
    assert listed(office, "not_bought", "2020-04-20") == everybody
    assert listed(office, "not_completed", "2020-04-22") == everybody - {nobody}
    assert listed(office, "not_proven", "2020-04-23") >= {walked["finisher"], walked["proven"]}
    assert listed(office, "not_paid", "2020-04-25") == {walked["proven"], walked["paid"]}
    assert listed(office, "not_paid", "2020-04-27 15:30") == {walked["proven"]}
    assert listed(office, "not_bought_again", "2020-05-01") == everybody - {nobody}
    assert listed(office, "not_bought_again", "2020-05-02") == everybody - {nobody, walked["paid"]}
    assert listed(office, "at_risk", "2020-05-15") == {nobody} and listed(office, "at_risk", "2020-05-01") == set()
    then = office.get("/console/people/", {"as_of": "2020-04-20"})
    assert {count for _row, _name, count in then.context["lines"]} == {0}
    page = then.content.decode()
    assert "per 20 April 2020" in page and "hanya diketahui untuk keadaan sekarang" in page
    assert f'href="/console/people/{nobody}/?as_of=2020-04-20"' in page
    assert '<input type="hidden" name="as_of" value="2020-04-20">' in page, "another stage is of the same instant"
    assert "“kemarin” bukan tanggal" in office.get("/console/people/?as_of=kemarin").content.decode()


def test_a_place_is_lost_from_the_instant_on(walked: dict[str, int], office: Client) -> None:
    revoke(at=factories.jakarta(2020, 5, 21))
    assert listed(office, "to_be_revoked", "2020-05-20") == set(), "its last day"
    for as_of, stage, other in (
        ("2020-05-21 08:00", "to_be_revoked", "revoked"),
        ("2020-05-21 09:00", "revoked", "to_be_revoked"),
    ):
        assert listed(office, stage, as_of) == {walked["nobody"]} and listed(office, other, as_of) == set()
        is_lost = stage == "revoked"
        person = office.get(f"/console/people/{walked['nobody']}/", {"as_of": as_of}).content.decode()
        assert ("kepesertaan dicabut</span>" in person) == is_lost
        people = office.get("/console/people/", {"as_of": as_of}).content.decode()
        assert ("kepesertaan dicabut</span>" in people) == is_lost


def test_the_purchases_of_a_person_are_those_of_the_instant(walked: dict[str, int], office: Client) -> None:
    path = f"/console/people/{walked['paid']}/"
    seen = {}
    for as_of in ("2020-04-20", "2020-04-22", "2020-04-25", "2020-05-02"):
        lines = office.get(path, {"as_of": as_of}).context["purchases"]
        seen[as_of] = [(line.price_rupiah, line.reconciled_at is not None) for line, _ in lines]
    assert seen == {
        "2020-04-20": [],
        "2020-04-22": [(250_000, False)],
        "2020-04-25": [(250_000, True)],
        "2020-05-02": [(250_000, True), (100_000, False)],
    }
    now = office.get(path).content.decode()
    assert "Akhiri pembelian ini lebih awal" in now and "hanya diketahui" not in now
    then = office.get(path, {"as_of": "2020-04-22"}).content.decode()
    assert "Akhiri pembelian ini lebih awal" not in then, "nothing is done in the past"
    assert "hanya diketahui untuk keadaan sekarang" in then
    transfer = transfers_of(owner_id=walked["paid"])[0].id
    assert f'href="/console/ledger/people/{walked["paid"]}/{transfer}/?as_of=2020-04-22"' in then


def test_an_ending_is_that_of_the_instant(walked: dict[str, int], office: Client) -> None:
    purchase = Purchase.objects.get(participation=walked["buyer"])
    end_purchases(purchase_ids=[purchase.pk], at=factories.jakarta(2020, 5, 4))
    path = f"/console/people/{walked['buyer']}/"
    (((before, _),), ((after, _),)) = (
        office.get(path, {"as_of": f"2020-05-0{n}"}).context["purchases"] for n in (3, 4)
    )
    assert (before.ending, before.refunded_rupiah, before.ended_at, before.to_balance) == ("", 0, None, False)
    assert (after.ending, after.refunded_rupiah, after.to_balance) == ("refunded", 300_000, True)


def test_the_people_of_a_step_show_what_still_reaches_them(db: None, office: Client) -> None:
    (both,) = factories.accepted(email="siti@contoh.id", phone="081234567890")
    (none,) = factories.accepted(phone="081234567891")
    people = dict(Participation.objects.order_by("pk").values_list("pk", "participant_id"))
    at = factories.ACCEPTED_AT
    mark_unreachable(points=[Unreachable(people[none], "phone")], at=at)
    page = office.get("/console/people/").content.decode()
    assert "s•••@contoh.id" in page and "7890" in page and "7891" not in page
    assert page.count("tidak ada saluran") == 1
    mark_unreachable(points=[Unreachable(people[both], "phone")], at=at)
    page = office.get("/console/people/").content.decode()
    assert "s•••@contoh.id" in page and "7890" not in page


def test_a_person_shows_the_district_and_how_to_reach_them(db: None, office: Client) -> None:
    bogor = NewDistrict(id=45, name="Kota Bogor", province=32, accepted_count_by_year={})
    set_districts(districts=[bogor])
    (person,) = factories.accepted(district_id=45, email="siti@contoh.id")
    participant_id = Participation.objects.get(pk=person).participant_id
    mark_unreachable(points=[Unreachable(participant_id, "phone")], at=factories.ACCEPTED_AT)
    page = office.get(f"/console/people/{person}/").content.decode()
    assert "Kota Bogor, Jawa Barat" in page
    assert "s•••@contoh.id" in page and page.count("tidak terjangkau sejak") == 1


def test_people_are_masked_and_english_is_complete(walked: dict[str, int], office: Client) -> None:
    name = Participation.objects.select_related("participant").get(pk=walked["paid"]).participant.full_name
    page = office.get("/console/people/").content.decode()
    assert name not in page
    assert mask_name(name) in page
    with translation.override("en"):
        office.cookies["django_language"] = "en"
        assert "Everybody accepted" in office.get("/console/people/").content.decode()


@pytest.mark.parametrize(
    ("name", "shown"), [("Siti Rahayu", "Siti R•••"), ("Sukarno", "Sukarno"), ("Made Ayu Putri Dewi", "Made D•••")]
)
def test_a_masked_name(name: str, shown: str) -> None:
    assert mask_name(name) == shown
