"""Reconciliation on the console: every figure opens into its people; the auditor reads it, an institution does not."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bekal.purchases.models import EvidenceCase, ReconciliationStanding
from bekal.purchases.reconcile_changed import reconcile_changed
from tests import factories
from tests.conftest import StoppedClock
from tests.incentives.test_finished_unpaid import population

AT = factories.RECONCILED_AT


@pytest.fixture
def people(clock: StoppedClock, db: None) -> dict[str, int]:
    clock.set(2020, 4, 25)
    return population()


def signed_in() -> Client:
    client = Client()
    client.force_login(factories.officer())
    return client


def page(client: Client, name: str, query: str = "") -> str:
    response = client.get(reverse(f"console:{name}") + query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_overview_opens_into_its_people(people: dict[str, int]) -> None:
    client = signed_in()
    shown = page(client, "reconciliation")
    assert "7 orang telah menyelesaikan pelatihan" in shown and "1 orang lagi" in shown
    assert "?reason=held&amp;side=programme" in shown and "?reason=rating&amp;side=participant" in shown
    assert '<th scope="row">25 April 2020' in shown
    for name, number in (("reconciliation_people", 7), ("reconciliation_waiting", 5)):
        assert page(client, name).count(reverse("console:people")) - 1 == number, name
    assert page(client, "reconciliation_people", "?reason=held&side=programme&age=1").count("/console/people/") == 2
    assert page(client, "reconciliation_people", "?one_sided=1").count(f"/console/people/{people['early']}/") == 1


def test_names_are_masked_and_files_have_none(people: dict[str, int]) -> None:
    client = signed_in()
    shown = page(client, "reconciliation_people") + page(client, "reconciliation_waiting")
    assert "Siti R•••" in shown and "Rahayu" not in shown
    for name in ("reconciliation", "reconciliation_people", "reconciliation_waiting"):
        response = client.get(reverse(f"console:{name}"), {"form": "csv"})
        text = b"".join(response).decode()  # type: ignore[call-overload]
        assert "Siti" not in text and text.count("\r\n") >= 5, name
        assert b"".join(client.get(reverse(f"console:{name}"), {"form": "xlsx"}))[:2] == b"PK"  # type: ignore[call-overload]


def test_the_number_of_statements_is_pinned(people: dict[str, int], assert_queries: Callable[..., Any]) -> None:
    """However many wait: each page asks its own questions once."""
    client = signed_in()
    for name, count in (("reconciliation", 9), ("reconciliation_people", 5), ("reconciliation_waiting", 4)):
        with assert_queries(count):
            page(client, name)


def test_what_is_overdue_is_marked_and_nonsense_is_no_choice(people: dict[str, int], clock: StoppedClock) -> None:
    client = signed_in()
    clock.set(2020, 6, 1)
    assert "lewat tenggat" in page(client, "reconciliation_waiting", "?overdue=1&side=institution")
    for query in ("?reason=x&side=y&institution=-1&age=99&after=1_2&overdue=2", "?age=%00&after=é_9"):
        assert page(client, "reconciliation_waiting", query).count("/console/people/") - 1 == 5
    assert "Tidak ada orang" in page(client, "reconciliation_people", "?after=999999999999999999")
    assert "Tidak ada yang menunggu di sini" in page(
        client, "reconciliation_waiting", "?institution=999999999999999999"
    )


def test_the_list_goes_on_where_a_page_ends(clock: StoppedClock, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.set(2020, 4, 25)
    monkeypatch.setattr("bekal.console.reconciliation.PAGE_SIZE", 2)
    training = factories.training()
    for person in factories.accepted(3):
        factories.redeemed(person, training)
    reconcile_changed(at=AT)
    client = signed_in()
    first = page(client, "reconciliation_waiting", "?side=institution")
    last = ReconciliationStanding.objects.order_by("due_on", "pk")[1]
    query = f"?side=institution&amp;after={last.due_on}_{last.pk}"
    assert query in first
    assert page(client, "reconciliation_waiting", query.replace("&amp;", "&")).count("/console/people/") - 1 == 1


def test_two_days_are_drawn_as_lines(people: dict[str, int], clock: StoppedClock) -> None:
    reconcile_changed(at=AT + timedelta(days=1))
    clock.set(2020, 4, 26)
    shown = page(signed_in(), "reconciliation")
    assert shown.count('class="line"') == 4 and "26 April 2020" in shown


def test_an_empty_programme_says_so(clock: StoppedClock, db: None) -> None:
    shown = page(signed_in(), "reconciliation")
    assert "Tidak ada yang kurang" in shown and "Belum ada hari yang dihitung" in shown


def test_the_auditor_reads_and_an_institution_does_not(people: dict[str, int]) -> None:
    auditor, desk = Client(), Client()
    auditor.force_login(factories.auditor())
    desk.force_login(factories.institution_staff(factories.institution()))
    for name in ("reconciliation", "reconciliation_people", "reconciliation_waiting", "evidence_cases"):
        page(auditor, name)
        assert desk.get(reverse(f"console:{name}")).status_code == 403
    assert "Putuskan semuanya" not in page(auditor, "evidence_cases")
    case_id = EvidenceCase.objects.get().pk
    assert auditor.post(reverse("console:take_case", args=[case_id])).status_code == 403


def test_a_case_goes_from_the_list_to_the_second_officer(people: dict[str, int]) -> None:
    first, second = signed_in(), signed_in()
    case = EvidenceCase.objects.get()
    assert case.due_on == date(2020, 5, 2)
    shown = page(first, "evidence_cases", "?kind=disagreement")
    assert "Siti R•••" in shown and "2 Mei 2020" in shown
    address = reverse("console:evidence_case", args=[case.pk])
    assert "Anda kini menangani" in first.post(address + "take/", follow=True).content.decode()
    assert "peserta" in first.get(address).content.decode()
    wish = {"case": case.pk, "verdict": "proven", "reason": "Daftar hadir."}
    assert (
        "Katakan pihak mana"
        in first.post(reverse("console:preview_case_ruling"), {"case": case.pk}, follow=True).content.decode()
    )
    preview = first.post(reverse("console:preview_case_ruling"), wish).content.decode()
    seen = preview.split('name="seen" value="')[1][:64]
    propose = reverse("console:propose_case_ruling")
    assert "bukan yang Anda lihat" in first.post(propose, {**wish, "seen": "zz"}, follow=True).content.decode()
    proposed = first.post(propose, {**wish, "seen": seen}, follow=True)
    assert "Petugas lain harus menguatkannya" in proposed.content.decode()
    ruling = proposed.redirect_chain[-1][0]
    assert "petugas lain yang harus" in first.post(ruling + "confirm/", {"seen": seen}, follow=True).content.decode()
    assert "1 kasus diputuskan" in second.post(ruling + "confirm/", {"seen": seen}, follow=True).content.decode()
    assert (
        "sudah dikuatkan atau dibatalkan"
        in second.post(ruling + "confirm/", {"seen": seen}, follow=True).content.decode()
    )
    assert "Tidak ada kasus terbuka" in page(first, "evidence_cases")
    assert "diputuskan oleh program" in second.get(address).content.decode()
    for name in ("evidence_case", "case_ruling"):
        assert first.get(reverse(f"console:{name}", args=[2**70])).status_code == 404
