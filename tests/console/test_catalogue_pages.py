"""The life of a training through the pages: sent, returned, approved, sold, moved, suspended, lifted."""

from typing import Any

import pytest
from django.test import Client

from bekal.catalogue.models import (
    CuratorInterest,
    Institution,
    Ownership,
    Platform,
    SessionChange,
    Submission,
    Training,
)
from bekal.messaging.models import OutboxMessage
from bekal.messaging.queries import messages_to
from bekal.participants.models import Participation
from tests import factories
from tests.conftest import StoppedClock
from tests.console.test_ledger import HOSTILE
from tests.factories.shelf import owned

TRAINING = {
    "title": "Menjahit",
    "description": "Dua sesi.",
    "category": "keterampilan",
    "price": "250000",
    "mode": "webinar",
    "session_count": "2",
    "as": "submission",
}


@pytest.fixture
def doors(clock: StoppedClock, db: None) -> tuple[Client, Client, Client, Institution]:
    """Two officers and an institution's desk."""
    clock.set(2020, 5, 4)
    factories.training()
    institution = factories.institution(name="Lembaga Jahit")
    clients = [Client() for _ in range(3)]
    clients[0].force_login(factories.officer("petugas-satu"))
    clients[1].force_login(factories.officer("petugas-dua"))
    clients[2].force_login(factories.institution_staff(institution, "desk"))
    return clients[0], clients[1], clients[2], institution


def said(client: Client, path: str, data: dict[str, Any]) -> str:
    response = client.post(path, data, follow=True)
    assert response.status_code in (200, 422), response.content.decode()[:2000]
    return response.content.decode()


def decide(client: Client, number: int, **data: Any) -> str:
    html = client.get(f"/console/catalogue/submissions/{number}/").content.decode()
    seen = html.partition('name="seen" value="')[2][:64]
    return said(client, f"/console/catalogue/submissions/{number}/decide/", {"seen": seen} | data)


ALL = ["skill", "content", "price", "proof", "teacher", "owners"]


def test_a_training_comes_to_sale_and_is_suspended(
    doors: tuple[Client, Client, Client, Institution], clock: StoppedClock
) -> None:
    first, second, desk, institution = doors
    assert "Diajukan" in said(desk, "/institution/trainings/new/", TRAINING)
    said(desk, "/institution/trainings/new/", TRAINING)
    sent = Submission.objects.get()
    clock.set(2020, 5, 14)
    queue = first.get("/console/catalogue/?late=1").content.decode()
    assert "Menjahit" in queue and "paling lambat 11 Mei 2020" in queue, "it waits longer than the rule allows"
    assert "Alasannya kosong" in decide(first, sent.pk, verdict="returned", met=ALL[:3])
    decide(first, sent.pk, verdict="returned", met=ALL[:3], reason="Tulis alat yang dipakai.")
    assert "Tulis alat yang dipakai." in desk.get("/institution/trainings/").content.decode()
    page = desk.get(f"/institution/submissions/{sent.pk}/").content.decode()
    assert "belum terpenuhi" in page and 'value="250000"' in page
    said(desk, f"/institution/submissions/{sent.pk}/", TRAINING | {"description": "Dua sesi, mesin disediakan."})
    assert "Disetujui" in decide(first, sent.pk, verdict="approved", met=ALL)
    training = Training.objects.get(title="Menjahit")
    assert "dijual" in said(desk, f"/institution/trainings/{training.pk}/offer/", {"offer": "1"})
    training.refresh_from_db()
    assert training.on_sale and training.institution == institution
    path = f"/console/catalogue/standing/training/{training.pk}/"
    assert "Rp250.000" in first.get(path).content.decode()
    assert "1 pelatihan tidak dijual" in said(first, f"{path}suspend/", {"reason": "Diperiksa."})
    number = training.suspensions.get().pk
    assert "petugas lain yang harus mencabutnya" in said(
        first, f"/console/catalogue/suspensions/{number}/lift/", {"reason": "Beres."}
    )
    assert "1 pelatihan dijual lagi" in said(
        second, f"/console/catalogue/suspensions/{number}/lift/", {"reason": "Beres."}
    )


def test_a_lower_price_holds_at_once_from_the_desk(doors: tuple[Client, Client, Client, Institution]) -> None:
    first, _, desk, institution = doors
    training = factories.training(institution=institution, title="Menjahit", mode="webinar", session_count=2)
    path = f"/institution/trainings/{training.pk}/"
    page = said(desk, path, TRAINING | {"description": "", "price": "200000"})
    assert "langsung berlaku" in page or "berlaku mulai sekarang" in page
    training.refresh_from_db()
    assert training.price_rupiah == 200_000
    for price in ("1e5", "-1", "1.000", "９", "9" * 40):
        assert desk.post(path, TRAINING | {"price": price}).status_code == 422
    assert first.get(f"/console/catalogue/standing/training/{training.pk}/").content.decode().count("Rp") >= 2


def test_an_expired_accreditation_stops_sales(doors: tuple[Client, Client, Client, Institution]) -> None:
    first, _, _desk, institution = doors
    training = factories.training(institution=institution)
    path = f"/console/catalogue/standing/institution/{institution.pk}/"
    decision = {"state": "accredited", "number": "B-7", "until_on": "2020-05-01", "reason": "Surat lama."}
    assert "berkurang 1" in said(first, f"{path}accredit/", decision)
    assert "Nomornya kosong" in said(first, f"{path}accredit/", decision | {"number": ""})
    training.refresh_from_db()
    assert not training.on_sale
    assert "Lembaga Jahit" in first.get("/console/catalogue/accreditation/?only=closed").content.decode()


def test_owners_are_disclosed_to_participants(doors: tuple[Client, Client, Client, Institution]) -> None:
    first, second, _, institution = doors
    platform = Platform.objects.create(code="karsa", name="Karsa Belajar")
    training = factories.training(institution=institution, platform=platform)
    share = {"owner_name": "PT Induk", "owner_kind": "company", "share_percent": "60", "since_on": "2019-01-01"}
    for kind, name in (("institution", "lembaga jahit"), ("platform", "Karsa Belajar")):
        page = said(first, "/console/catalogue/owners/record/", share | {"subject_kind": kind, "subject": name})
        assert "Kepemilikan tercatat" in page
    assert "Karsa Belajar" in page and "PT Induk" in page
    reader = Client()
    (participation,) = factories.accepted()
    reader.force_login(factories.signed_in_participant(participation))
    told = "Platform ini milik pemilik yang sama dengan lembaganya: PT Induk."
    assert told in reader.get(f"/pelatihan/{training.pk}/").content.decode()
    bound = {"officer": "petugas-dua", "subject_kind": "owner_", "subject": "PT Induk", "explanation": "Paman."}
    assert "Dinyatakan" in said(first, "/console/catalogue/interests/declare/", bound)
    number = CuratorInterest.objects.get().pk
    assert "oleh petugas lain" in said(second, f"/console/catalogue/interests/{number}/end/", {})
    last = Ownership.objects.get(platform=platform).pk
    said(first, f"/console/catalogue/owners/{last}/end/", {"until_on": "2020-05-03"})
    assert told not in reader.get(f"/pelatihan/{training.pk}/").content.decode()


def test_buyers_are_told_when_a_session_moves(doors: tuple[Client, Client, Client, Institution]) -> None:
    _, _, desk, institution = doors
    training = factories.training(institution=institution, session_count=2)
    (buyer,) = factories.accepted()
    factories.bought(buyer, training)
    path = f"/institution/trainings/{training.pk}/sessions/"
    session = {"sequence": "1", "on": "2020-05-11", "starts": "09:00", "ends": "11:00", "place": "Zoom"}
    assert "Pembeli yang diberi tahu: 0." in said(desk, path, session)
    assert "Alasannya kosong" in said(desk, path, session | {"on": "2020-05-12"})
    before = OutboxMessage.objects.count()
    moved = session | {"on": "2020-05-12", "reason": "Pengajar sakit."}
    assert "Pembeli yang diberi tahu: 1." in said(desk, path, moved)
    said(desk, path, moved)
    assert OutboxMessage.objects.count() == before + 1, "twice is once"
    person = Participation.objects.get(pk=buyer).participant_id
    assert "12-05-2020 09.00 WIB. Alasan: Pengajar sakit." in messages_to(holder_id=person)[0].body
    assert "harus berurutan" in said(desk, path, session | {"sequence": "2", "on": "2020-05-10"})
    assert "sudah lewat" in said(desk, path, session | {"sequence": "2", "on": "2020-05-01"})
    said(desk, path, moved | {"on": "", "reason": "Batal."})
    assert not training.sessions.exists() and SessionChange.objects.count() == 3


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_an_error(doors: tuple[Client, Client, Client, Institution], text: str) -> None:
    first, _, desk, institution = doors
    for path in ("/console/catalogue/", "/console/catalogue/accreditation/", "/console/catalogue/suspensions/"):
        for name in ("q", "state", "page", "only", "late", "all"):
            assert first.get(path, {name: text}).status_code == 200
    training = factories.training(institution=institution)
    for path in ("new/", f"{training.pk}/", f"{training.pk}/sessions/", f"{training.pk}/offer/"):
        data = dict.fromkeys((*TRAINING, "hours", "seat_count", "province", "sequence", "on", "reason"), text)
        assert desk.post(f"/institution/trainings/{path}", data).status_code in (302, 422)
    accredits = f"standing/institution/{institution.pk}/accredit/"
    for path in ("owners/record/", "interests/declare/", "owners/1/end/", accredits):
        names = ("owner_name", "subject", "subject_kind", "state", "reason", "until_on", "officer")
        data = dict.fromkeys(names, text)
        assert first.post(f"/console/catalogue/{path}", data).status_code in (302, 422)
    assert not owned("PT Lain", institution=institution).until_on
