"""The books on a page: every kind with its sum, whose it is, as of any instant, and the last proof of it."""

import csv
from collections.abc import Callable
from io import StringIO

import pytest
from django.test import Client

from bekal.console import ledger as page
from bekal.console import tally
from bekal.console.as_of import AsOf
from bekal.console.tallies import COUNTS
from bekal.incentives.models import Payout
from bekal.ledger.clock import programme_day, programme_now
from bekal.ledger.models import ProofRequest
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.proof_results import answer_proof_requests, record_proof_result, take_proof_requests
from bekal.ledger.queries import (
    balances_after,
    balances_of,
    every_holder,
    holders,
    ledger_totals,
    statement_of,
    totals,
    transfers_of,
)
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.lifecycle.tallies import count_next
from bekal.proofs.exceptions import LABELS, OpenItem
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta
from tests.incentives import journey

EARLY = jakarta(2020, 4, 20, 23)
HOSTILE = ["", "0", "-1", "x", "1e9", "٣", "9" * 40, "\x00", "1;DROP TABLE", "%00", "None", "sent:", "1-", "a:b c"]


@pytest.fixture
def office(client: Client, db: None) -> Client:
    client.force_login(factories.officer("petugas-buku"))
    return client


@pytest.fixture
def auditor(db: None) -> Client:
    client = Client()
    client.force_login(factories.auditor())
    return client


@pytest.fixture
def people(db: None) -> dict[str, int]:
    """One who was paid and one who was only accepted; the books hold both."""
    (paid,) = journey.earners()
    journey.settled(journey.exported())
    (new,) = factories.accepted(at=jakarta(2020, 5, 2))
    return {"paid": paid, "new": new}


def proved(
    *,
    violations: tuple[str, ...] = (),
    rows: tuple[dict[str, object], ...] = (),
    kinds: dict[int, tuple[int, int]] | None = None,
) -> None:
    found = [{"name": name, "holds": "nothing is lost", "rows": list(rows)} for name in violations]
    at = programme_now()
    record_proof_result(
        as_of=None,
        proved_at=at,
        duration_ms=1,
        transfer_count=8,
        participation_count=2,
        check_count=30,
        violations=found,
        kinds=kinds or {},
        digest_sha256=None,
    )


def rows_of(response: object) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))


def test_totals_are_what_went_in_and_out_of_every_kind(people: dict[str, int]) -> None:
    for as_of in (None, EARLY, jakarta(2020, 4, 27, 12)):
        found = ledger_totals(as_of=as_of)
        assert {each.kind: each.rupiah for each in found.kinds} == totals(as_of=as_of)
        assert found.difference_rupiah == 0
        by_owner = balances_of(owner_ids=list(people.values()), as_of=as_of)
        for kind in Kind:
            assert totals(as_of=as_of).get(kind, 0) == sum(each.get(kind, 0) for each in by_owner.values())
        assert found.transfer_count == sum(len(transfers_of(owner_id=owner, as_of=as_of)) for owner in people.values())


def test_no_transfer_at_all_sums_to_nothing(db: None) -> None:
    assert (ledger_totals().kinds, ledger_totals().transfer_count, totals()) == ((), 0, {})


def test_the_holders_of_a_kind_add_up_to_it(people: dict[str, int]) -> None:
    for kind in Kind:
        found = holders(kind=kind, limit=10)
        assert sum(each.rupiah for each in found.holdings) == totals().get(kind, 0) and found.looked_until is None
        by_size = tuple(every_holder(kind=kind))
        assert sorted(by_size, key=lambda each: each.owner_id) == list(found.holdings)
        assert [abs(each.rupiah) for each in by_size] == sorted((abs(each.rupiah) for each in by_size), reverse=True)
    first = holders(kind=Kind.TRAINING_BALANCE, limit=1)
    assert [each.owner_id for each in first.holdings] == [people["paid"]] and first.looked_until == people["paid"]
    (second,) = holders(kind=Kind.TRAINING_BALANCE, limit=1, after_id=people["paid"]).holdings
    assert (second.owner_id, second.rupiah) == (people["new"], 1_000_000)


def test_what_moved_adds_up_to_what_a_kind_holds(people: dict[str, int], auditor: Client) -> None:
    for kind in Kind:
        context = auditor.get(f"/console/ledger/kinds/{kind.value}/").context
        assert context["total"].rupiah == totals().get(kind, 0)
        for move in context["moves"]:
            address = f"/console/ledger/movements/{move.reason.value}-{move.debit_kind.value}-{move.credit_kind.value}/"
            days = auditor.get(address).context
            assert days["rupiah"] == move.into_rupiah + move.out_rupiah
            assert days["transfer_count"] == move.transfer_count


def test_a_statement_has_both_purses_after_each_line(people: dict[str, int]) -> None:
    lines = statement_of(owner_id=people["paid"])
    for number, line in enumerate(lines, start=1):
        after = balances_after(each.transfer for each in lines[:number])
        assert line.training_rupiah == after.get(Kind.TRAINING_BALANCE, 0)
        assert line.received_rupiah == after.get(Kind.PAYOUT_SETTLED, 0)
    last = balances_of(owner_ids=[people["paid"]])[people["paid"]]
    assert balances_after(line.transfer for line in lines) == last


def test_the_page_sums_to_zero_now_and_then(people: dict[str, int], auditor: Client) -> None:
    now = auditor.get("/console/ledger/")
    assert now.context["books"].difference_rupiah == 0
    assert [row.kind for row in now.context["books"].rows] == list(Kind)
    assert "Jumlahnya Rp0" in now.content.decode() and "Harus Rp0" not in now.content.decode()
    then = auditor.get("/console/ledger/", {"as_of": "2020-04-20"}).context["books"]
    assert then.transfer_count == 3 < now.context["books"].transfer_count


def test_a_rupiah_is_followed_from_the_total_to_the_rule_and_its_source(
    people: dict[str, int], auditor: Client
) -> None:
    last = transfers_of(owner_id=people["paid"])[-1].id
    html = auditor.get("/console/ledger/").content.decode()
    for address in (
        f"/console/ledger/kinds/{Kind.PAYOUT_SETTLED.value}/",
        f"/console/ledger/people/{people['paid']}/",
        f"/console/ledger/people/{people['paid']}/{last}/",
    ):
        assert f'href="{address}"' in html
        html = auditor.get(address).content.decode()
    assert "Rp600.000" in html and "Insentif, setiap angsuran" in html and "amounts.yaml" in html


def test_a_rupiah_is_followed_from_the_movement_and_its_day(people: dict[str, int], auditor: Client) -> None:
    last = transfers_of(owner_id=people["paid"])[-1]
    html = auditor.get(f"/console/ledger/kinds/{Kind.PAYOUT_SETTLED.value}/").content.decode()
    for address in (
        "/console/ledger/movements/5-7-8/",
        f"/console/ledger/movements/5-7-8/?day={programme_day(last.posted_at).isoformat()}",
        f"/console/ledger/people/{people['paid']}/{last.id}/",
    ):
        assert f'href="{address.removeprefix("/console/ledger/movements/5-7-8/") or address}"' in html
        html = auditor.get(address).content.decode()
    assert "Rp600.000" in html and "Insentif, setiap angsuran" in html and "amounts.yaml" in html


@pytest.mark.parametrize("value", HOSTILE)
def test_no_address_makes_the_pages_fail(value: str, people: dict[str, int], auditor: Client) -> None:
    paths = ("/console/ledger/", "/console/ledger/kinds/2/", f"/console/ledger/people/{people['paid']}/")
    for path in paths:
        for name in ("as_of", "after", "form", "q", "anew", "year"):
            assert auditor.get(path, {name: value}).status_code in (200, 302)
    assert auditor.get("/console/ledger/kinds/99999999999999999999/").status_code == 404
    assert auditor.get("/console/ledger/people/99999999999999999999/").status_code == 404


def test_a_wrong_instant_is_said_at_its_field_and_makes_no_file(people: dict[str, int], auditor: Client) -> None:
    for path in ("/console/ledger/", "/console/ledger/kinds/2/", f"/console/ledger/people/{people['paid']}/"):
        html = auditor.get(path, {"as_of": "kemarin"}).content.decode()
        assert 'aria-invalid="true" aria-describedby="as_of-error"' in html and "“kemarin” bukan tanggal" in html
        response = auditor.get(path, {"as_of": "kemarin", "form": "csv"})
        assert (response.status_code, response["Location"]) == (302, f"{path}?as_of=kemarin")


def test_everything_can_be_found_by_what_an_auditor_has_in_hand(people: dict[str, int], auditor: Client) -> None:
    paid = people["paid"]
    payout = Payout.objects.get(entitlement__participation_id=paid)
    keys = {line.idempotency_key: line.id for line in transfers_of(owner_id=paid)}
    bought = next(key for key in keys if key.startswith("purchase:"))
    sent = f"/console/ledger/people/{paid}/{keys[f'sent:{payout.reference}']}/"
    for wanted, address in {
        str(paid): f"/console/ledger/people/{paid}/",
        f"{paid}-{keys[bought]}": f"/console/ledger/people/{paid}/{keys[bought]}/",
        f" {paid} {bought} ": f"/console/ledger/people/{paid}/{keys[bought]}/",
        payout.reference: sent,
        f"sent:{payout.reference}": sent,
        f"settled:{payout.reference}": f"/console/ledger/people/{paid}/{keys[f'settled:{payout.reference}']}/",
    }.items():
        response = auditor.get("/console/ledger/", {"q": wanted})
        assert (response.status_code, response["Location"]) == (302, address), wanted
    for wanted in ("999999", f"rejected:{payout.reference}", f"{paid}-1{keys[bought]}", f"{paid} purchase:0", "<b>"):
        response = auditor.get("/console/ledger/", {"q": wanted})
        assert response.status_code == 200 and "Tidak ada “" in response.content.decode()


def test_the_files_hold_what_the_pages_show(people: dict[str, int], auditor: Client) -> None:
    header, *rows = rows_of(auditor.get("/console/ledger/?form=csv"))
    assert header[:4] == ["Jenis", "Masuk", "Keluar", "Isi"]
    assert sum(int(row[3]) for row in rows) == 0 and len(rows) == len(Kind)
    _, *rows = rows_of(auditor.get("/console/ledger/kinds/2/?form=csv&as_of=2020-04-20"))
    assert rows == [[str(people["paid"]), "1000000", f"/console/ledger/people/{people['paid']}/?as_of=2020-04-20"]]
    _, *rows = rows_of(auditor.get(f"/console/ledger/people/{people['paid']}/?form=csv"))
    lines = statement_of(owner_id=people["paid"])
    assert [row[0] for row in rows] == [str(line.transfer.id) for line in lines]
    amounts = [(each.transfer.amount_rupiah, each.training_rupiah, each.received_rupiah) for each in lines]
    assert [row[5:8] for row in rows] == [[str(amount) for amount in each] for each in amounts]
    assert [row[8] for row in rows] == [each.transfer.idempotency_key for each in lines]
    for path in ("/console/ledger/", "/console/ledger/kinds/2/", f"/console/ledger/people/{people['paid']}/"):
        response = auditor.get(path, {"form": "xlsx"})
        assert response["Content-Disposition"].endswith('.xlsx"') and b"".join(response.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]


def test_a_violation_is_red_and_says_that_payouts_are_blocked(
    people: dict[str, int], auditor: Client, clock: StoppedClock
) -> None:
    assert "Belum ada pembuktian" in auditor.get("/console/ledger/").content.decode()
    unproved = "Buku besar belum dibuktikan dalam 48 jam terakhir. Pencairan diblokir"
    assert unproved in auditor.get("/console/ledger/").content.decode()
    proved(violations=("I5",))
    html = auditor.get("/console/ledger/").content.decode()
    assert unproved not in html
    assert "Pencairan diblokir sampai pembuktian tidak menemukan satu pun." in html
    assert "I5: nothing is lost" in html and '<div class="note bad">' in html
    proved()
    html = auditor.get("/console/ledger/").content.decode()
    assert "diblokir" not in html and "tanpa pelanggaran" in html
    clock.forward(hours=48)
    assert "diblokir" not in auditor.get("/console/ledger/").content.decode()
    clock.forward(seconds=1)
    assert unproved in auditor.get("/console/ledger/").content.decode()


def test_an_officer_asks_for_a_proof_once_and_an_auditor_only_sees_it(
    people: dict[str, int], office: Client, auditor: Client
) -> None:
    assert "Buktikan sekarang" in office.get("/console/ledger/").content.decode()
    assert "Buktikan sekarang" not in auditor.get("/console/ledger/").content.decode()
    assert auditor.post("/console/ledger/prove/").status_code == 403
    for _ in range(2):
        assert office.post("/console/ledger/prove/").status_code == 302
    assert ProofRequest.objects.count() == 1
    html = auditor.get("/console/ledger/").content.decode()
    assert "menunggu proses latar" in html and 'name="look-again"' in html
    taken_ids = take_proof_requests(at=programme_now())
    assert "menunggu proses latar" in office.get("/console/ledger/").content.decode(), "until it is answered"
    answer_proof_requests(ids=taken_ids, at=programme_now())
    assert "menunggu proses latar" not in office.get("/console/ledger/").content.decode()


def test_a_large_ledger_has_its_open_items_counted_in_the_background(
    people: dict[str, int], auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "COUNTED_AT_ONCE", -1)
    at_once = auditor.get("/console/ledger/")
    assert at_once.context["books"].difference_rupiah == 0 and at_once.context["open_items"] == []
    assert 'name="look-again"' in at_once.content.decode()
    assert count_next(COUNTS, at=programme_now()) == "open_items"
    counted = auditor.get("/console/ledger/")
    assert len(counted.context["open_items"]) > 0 and 'name="look-again"' not in counted.content.decode()
    assert "Hitung ulang" in counted.content.decode()


def test_a_page_of_holders_leads_to_the_next(
    people: dict[str, int], auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE_SIZE", 1)
    first = auditor.get("/console/ledger/kinds/2/?as_of=2020-05-03")
    following = first.context["further"].following
    assert (first.context["further"].first, following) == ("", f"?as_of=2020-05-03&after={people['paid']}")
    second = auditor.get("/console/ledger/kinds/2/" + following)
    assert [line["owner_id"] for line in second.context["lines"]] == [people["new"]]
    further = second.context["further"]
    assert (further.first, further.following, further.looked_until) == ("?as_of=2020-05-03", "", None)


def test_every_open_item_leads_on(people: dict[str, int], auditor: Client) -> None:
    items = auditor.get("/console/ledger/").context["open_items"]
    assert items
    for _item, address in items:
        assert auditor.get(address).status_code == 200


@pytest.mark.parametrize("kind", LABELS)
def test_every_kind_of_open_item_has_a_page_behind_it(kind: str, auditor: Client) -> None:
    """None leads back to where it stands, and all to the same instant where the page knows a past."""
    explains = Kind.ESCROW if kind.startswith("escrow") else Kind.INCENTIVE_COMMITTED if "due" in kind else None
    explains = Kind.INCENTIVE_COMMITTED if kind.startswith("payout_") and "reversal" not in kind else explains
    item = OpenItem(kind, "officer", "", 1, 1, EARLY, 0, explains)
    now, then = (page._behind(item, asked) for asked in (AsOf(None, ""), AsOf(EARLY, "2020-04-20")))
    assert (now == "/console/ledger/#proof") == (kind == "proof_waiting")
    assert auditor.get(now).status_code == auditor.get(then).status_code == 200
    if "asked" in auditor.get(then).context:
        assert auditor.get(then).context["asked"].text == "2020-04-20"
    else:
        assert now == then


def test_what_should_have_ended_opens_into_whom_it_counts(auditor: Client) -> None:
    """As of an instant, too: a place without a purchase in time, and a balance past its last day."""
    idle, buyer, other = factories.accepted(3)
    for person in (buyer, other):
        factories.bought(person, factories.training(price_rupiah=300_000))
    revoke(at=jakarta(2020, 6, 1))
    end_balances(at=jakarta(2020, 12, 20))
    for as_of, kind, owners in (
        ("2020-05-25", "place_to_be_revoked", {idle}),
        ("2020-12-18", "balance_to_be_ended", {buyer, other}),
    ):
        items = auditor.get("/console/ledger/", {"as_of": as_of}).context["open_items"]
        ((item, address),) = [(item, address) for item, address in items if item.kind == kind]
        assert f"as_of={as_of}" in address
        lines = auditor.get(address).context["lines"]
        assert {getattr(line[0], "participation_id", None) or line[0].pk for line in lines} == owners
        assert item.count == len(owners)
        if kind == "balance_to_be_ended":
            assert sum(line[0].left_rupiah for line in lines) == item.rupiah
    assert not [item for item, _ in auditor.get("/console/ledger/").context["open_items"] if "ended" in item.kind]


def test_a_kind_of_a_year_is_that_of_its_people(
    people: dict[str, int], auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = factories.accepted(2, at=jakarta(2021, 3, 1))
    path = "/console/ledger/kinds/2/"
    monkeypatch.setattr(page, "PAGE_SIZE", 1)
    for year, owners in (("2020", list(people.values())), ("2021", list(later))):
        found = auditor.get(path, {"year": year})
        seen, address = [], f"{path}?year={year}"
        while address:
            context = auditor.get(address).context
            seen += [line["owner_id"] for line in context["lines"]]
            address = context["further"].following and path + context["further"].following
        assert seen == owners
        balances = balances_of(owner_ids=owners)
        held = sum(each[Kind.TRAINING_BALANCE] for each in balances.values())
        assert found.context["total"].rupiah == held
        assert f'href="/console/ledger/movements/1-1-2/?year={year}"' in found.content.decode()
        rows = rows_of(auditor.get(path, {"year": year, "form": "csv"}))[1:]
        assert sorted(int(row[0]) for row in rows) == owners and sum(int(row[1]) for row in rows) == held
    assert auditor.get(path, {"year": "1999"}).context["total"].rupiah == totals()[Kind.TRAINING_BALANCE]
    assert auditor.get(path, {"year": "2021", "after": str(later[1])}).context["lines"] == []


def test_an_amount_whose_owner_is_no_participation_is_shown_all_the_same(auditor: Client) -> None:
    post(postings=[Posting(77, Movement.OPEN_TRAINING, 5, "open:training")], at=jakarta(2020, 5, 1))
    html = auditor.get("/console/ledger/kinds/2/").content.decode()
    assert "77" in html and "/console/ledger/people/77/" not in html


def test_the_pages_keep_their_number_of_queries(
    people: dict[str, int], auditor: Client, assert_queries: Callable[[int], object]
) -> None:
    paid = people["paid"]
    line = transfers_of(owner_id=paid)[-1].id
    proved()
    for path, number in (
        ("/console/ledger/", 14),
        ("/console/ledger/kinds/2/", 8),
        ("/console/ledger/kinds/2/?year=2020", 11),
        ("/console/ledger/movements/1-1-2/", 5),
        ("/console/ledger/movements/1-1-2/?year=2020", 6),
        ("/console/ledger/movements/1-1-2/?day=2020-04-20", 4),
        (f"/console/ledger/people/{paid}/", 5),
        (f"/console/ledger/people/{paid}/{line}/", 8),
    ):
        auditor.get(path)
        with assert_queries(number):  # type: ignore[attr-defined]
            assert auditor.get(path).status_code == 200
