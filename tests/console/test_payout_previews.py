"""The list before it is planned, and what is left of a run, through the pages."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from bekal.incentives.models import PayoutRun
from bekal.incentives.plan_follow_up import Place
from bekal.incentives.plan_payout_run import LeftOutReason
from bekal.incentives.preview_payout_run import Change
from tests import factories
from tests.conftest import StoppedClock
from tests.incentives import journey

PREVIEW, PEOPLE = "/console/payout-runs/preview/", "/console/payout-runs/preview/people/"
DAY = "planned_for=2020-04-27"


@pytest.fixture
def office(db: None, clock: StoppedClock) -> Client:
    clock.set(2020, 4, 27, 8, 0)
    client = Client()
    client.force_login(factories.officer("petugas-satu"))
    return client


def test_the_list_is_looked_at_and_then_planned(office: Client) -> None:
    journey.earners(2)
    journey.earners(with_accounts=False)
    assert f'href="{PREVIEW}"' in office.get("/console/payout-runs/").content.decode()
    page = office.get(f"{PREVIEW}?{DAY}").content.decode()
    assert "Rp1.200.000" in page and "Belum ada rekening" in page and "Belum ada pencairan sebelum ini." in page
    assert not PayoutRun.objects.exists()
    on_list = office.get(f"{PEOPLE}?{DAY}")
    assert len(on_list.context["people"]) == 2
    left_out = office.get(f"{PEOPLE}?{DAY}&left_out=no_account")
    assert len(left_out.context["people"]) == 1 and "Belum ada rekening" in left_out.content.decode()
    assert office.post("/console/payout-runs/plan/", {"planned_for": "2020-04-27"}).status_code == 302
    assert PayoutRun.objects.get().payout_count == 2
    after = office.get(f"{PREVIEW}?{DAY}").content.decode()
    assert "Tidak ada yang bisa dibayar" in after and "Pembayaran terakhir masih berjalan" in after
    gone = office.get(f"{PEOPLE}?{DAY}&change=under_way")
    assert len(gone.context["people"]) == 2


def test_it_is_shown_for_today_and_for_nobody(office: Client) -> None:
    response = office.get(PREVIEW)
    assert response.status_code == 200
    page = response.content.decode()
    assert 'value="2020-04-27"' in page and "Tidak ada yang bisa dibayar" in page
    assert "tidak ada yang tertinggal" in page


@pytest.mark.parametrize("day", ["", "besok", "2020-02-30", "9999-12-31", "0001-01-01", "2020-04-27\x00", "2021-01-01"])
def test_a_day_that_cannot_be_planned_is_named(day: str, office: Client) -> None:
    response = office.get(PREVIEW, {"planned_for": day})
    if day == "0001-01-01":
        assert response.status_code == 422
    assert response.status_code == 422 and "id_planned_for" in response.content.decode()
    assert office.get(PEOPLE, {"planned_for": day}).status_code in (200, 404)


@pytest.mark.parametrize("query", ["", f"{DAY}&change=x&left_out=\x00&after=x", f"{DAY}&after=999999999999999999"])
def test_a_group_that_is_none_is_no_fault(query: str, office: Client) -> None:
    assert office.get(f"{PEOPLE}?{query}").status_code in (200, 404)


def test_every_group_has_its_words_in_both_languages(office: Client) -> None:
    journey.earners()
    run = journey.exported()
    for language in ("id", "en"):
        office.cookies["django_language"] = language
        for what in (*Change, *LeftOutReason):
            assert office.get(f"{PEOPLE}?{DAY}&change={what}").status_code == 200
        for place in (*Place, *LeftOutReason):
            assert office.get(f"/console/payout-runs/{run.run_id}/rest/?place={place}").status_code == 200


def test_people_come_page_by_page(office: Client) -> None:
    journey.earners(51)
    first = office.get(f"{PEOPLE}?{DAY}")
    assert len(first.context["people"]) == 50
    following = first.context["further"].following
    second = office.get(f"{PEOPLE}{following}")
    assert len(second.context["people"]) == 1 and second.context["further"].first


def test_the_rest_of_a_run_is_planned_in_one_step(office: Client) -> None:
    journey.earners(3)
    run = journey.exported()
    one, _, _ = journey.references(run.run_id)
    journey.settled(run, {one: "AC04"})
    path = f"/console/payout-runs/{run.run_id}/"
    assert f'href="{path}rest/"' in office.get(path).content.decode()
    page = office.get(f"{path}rest/").content.decode()
    assert "Jatuh tempo lagi: ada pada daftar pencairan lanjutan" in page and "Dibayar oleh pencairan ini" in page
    assert "Rencanakan pencairan lanjutan" in page
    assert len(office.get(f"{path}rest/?place=due").context["people"]) == 1
    planned = office.post(f"{path}rest/plan/", follow=True)
    said = planned.content.decode()
    assert f"membayar sisa pencairan {run.run_id}" in said and "Rp600.000" in said
    follow_up = PayoutRun.objects.latest("pk")
    assert follow_up.follows_id == run.run_id and follow_up.payout_count == 1
    assert f"sisanya dibayar oleh pencairan {follow_up.pk}" in office.get(path).content.decode()
    again = office.post(f"{path}rest/plan/", follow=True).content.decode()
    assert "Tidak ada dari pencairan ini yang jatuh tempo lagi" in again
    assert PayoutRun.objects.count() == 2


def test_the_rest_of_a_run_that_does_not_exist(office: Client) -> None:
    for number in (4711, 2**63, 10**40):
        assert office.get(f"/console/payout-runs/{number}/rest/").status_code == 404
        assert office.post(f"/console/payout-runs/{number}/rest/plan/").status_code == 404


def test_an_auditor_looks_and_plans_nothing(db: None, client: Client) -> None:
    journey.earners()
    run = journey.exported()
    client.force_login(factories.auditor())
    for path in (PREVIEW, f"{PEOPLE}?{DAY}", f"/console/payout-runs/{run.run_id}/rest/"):
        html = client.get(path).content.decode()
        assert 'method="post" action="/console' not in html
    assert client.post(f"/console/payout-runs/{run.run_id}/rest/plan/").status_code == 403


def test_the_pages_take_so_many_statements(
    office: Client, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    journey.earners(3)
    run = journey.exported()
    office.get(PREVIEW)
    with assert_queries(6):
        office.get(f"{PREVIEW}?{DAY}")
    with assert_queries(6):
        office.get(f"{PEOPLE}?{DAY}&change=under_way")
    with assert_queries(8):
        office.get(f"/console/payout-runs/{run.run_id}/rest/?place=under_way")
