"""Practice tasks and skills tests through v1: handed in, answered, handed in again."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bekal.partners.models import TaskFeedback, TaskSubmission
from bekal.purchases.models import Purchase
from tests import factories
from tests.api.v1.calls import Told, call
from tests.api.v1.conftest import Registered, registered

pytestmark = pytest.mark.django_db
SUBMISSION, STATUS, FEEDBACK = "tpm/submission", "tpm/submission/status", "tpm/feedback/submission"
FILE = "https://berkas.contoh.id/budi/tugas.pdf"


@pytest.fixture
def who() -> Registered:
    return registered()


def begun(who: Registered) -> tuple[int, str]:
    purchase_id, redeem_code = who.bought()
    assert call(who, "payment/redeem-code/commit", {"redeem_code": redeem_code}).status == 200
    return purchase_id, redeem_code


def hand_in(who: Registered, redeem_code: str, **changes: Any) -> Told:
    fields = {"redeem_code": redeem_code, "scope": "tpm", "sequence": 1, "url_file": FILE}
    return call(who, SUBMISSION, fields | changes)


def answer(who: Registered, redeem_code: str, **changes: Any) -> Told:
    fields = {"redeem_code": redeem_code, "scope": "tpm", "sequence": 1, "notes": "Bagus.", "url_file": ""}
    return call(who, FEEDBACK, fields | changes)


def statuses(who: Registered, redeem_code: str, **changes: Any) -> tuple[int, int]:
    fields = {"redeem_code": redeem_code, "scope": "tpm", "sequence": 1}
    data = call(who, STATUS, fields | changes).data
    return data["assignment"]["status"], data["feedback"]["status"]


def test_a_task_from_nothing_to_its_second_feedback(who: Registered) -> None:
    purchase_id, redeem_code = begun(who)
    assert statuses(who, redeem_code) == (0, 0)
    assert answer(who, redeem_code).refusal == "task_not_sent"
    first = hand_in(who, redeem_code)
    assert first.data == {
        "id": TaskSubmission.objects.get().pk,
        "task_id": TaskSubmission.objects.get().task_id,
        "redeem_code": redeem_code,
        "scope": "tpm",
        "sequence": 1,
        "status": 1,
        "url_file": FILE,
    }
    assert statuses(who, redeem_code) == (1, 0)
    assert hand_in(who, redeem_code).refusal == "task_pending"
    assert answer(who, redeem_code, status=3, notes="Ulangi bab 2.\nTerima kasih.").data["status"] == 3
    assert statuses(who, redeem_code) == (3, 3)
    assert answer(who, redeem_code).refusal == "task_answered"
    again = hand_in(who, redeem_code, url_file="https://berkas.contoh.id/lagi.DOCX?v=2")
    assert again.data["task_id"] == first.data["task_id"] and again.data["id"] != first.data["id"]
    assert statuses(who, redeem_code) == (1, 0)
    told = answer(who, redeem_code, url_file="https://lembaga.id/nilai.pdf")
    assert told.data == {
        "id": again.data["id"],
        "redeem_code": redeem_code,
        "scope": "tpm",
        "sequence": 1,
        "status": 2,
        "url_file": "https://lembaga.id/nilai.pdf",
        "notes": "Bagus.",
    }
    assert statuses(who, redeem_code) == (2, 2)
    assert hand_in(who, redeem_code).refusal == "task_passed"
    assert statuses(who, redeem_code, sequence=2) == statuses(who, redeem_code, scope="uk") == (0, 0)
    client = Client()
    client.force_login(factories.signed_in_participant(Purchase.objects.get(pk=purchase_id).participation_id))
    shown = client.get(reverse("web:purchase", args=[purchase_id])).content.decode()
    assert "Tugas praktik 1" in shown and "Bagus." in shown


def test_names_of_files_are_not_readable_at_rest(who: Registered) -> None:
    _, redeem_code = begun(who)
    hand_in(who, redeem_code)
    answer(who, redeem_code)
    assert b"budi" not in bytes(TaskSubmission.objects.get().file_url_encrypted)
    assert b"Bagus" not in bytes(TaskFeedback.objects.get().notes_encrypted)


@pytest.mark.parametrize(
    "url_file",
    [
        "ftp://contoh.id/a.pdf",
        "https://contoh.id/a.exe",
        "https://contoh.id/a.pdf.exe",
        "https://contoh.id/?a.pdf",
        "https://contoh.id/#a.pdf",
        "https://a@contoh.id/a.pdf",
        "https:///a.pdf",
        "https://[x/a.pdf",
        "https://contoh.id:99999/a.pdf",
        "https://contoh.id/ a.pdf",
        "https://contoh.id/\x00.pdf",
        "https://contoh.id/\ud800.pdf",
        "https://contoh.id\\a.pdf",
        "javascript:a.pdf",
        "a.pdf",
        f"https://contoh.id/{'a' * 2048}.pdf",
    ],
)
def test_a_file_is_a_web_address_of_a_pdf_or_docx(who: Registered, url_file: str) -> None:
    _, redeem_code = begun(who)
    assert hand_in(who, redeem_code, url_file=url_file).refusal == "url_file_malformed"
    assert not TaskSubmission.objects.exists()
    hand_in(who, redeem_code)
    assert answer(who, redeem_code, url_file=url_file).refusal == "url_file_malformed"


@pytest.mark.parametrize(
    "url_file", ["http://contoh.id/a.pdf", "https://contoh.id/é/a.PDF", f"https://contoh.id/a.docx?s={'a' * 1500}"]
)
def test_files_lie_where_institutions_keep_them(who: Registered, url_file: str) -> None:
    _, redeem_code = begun(who)
    assert hand_in(who, redeem_code, url_file=url_file).data["url_file"] == url_file
    assert answer(who, redeem_code, url_file=url_file).data["url_file"] == url_file


def test_what_feedback_cannot_say(who: Registered) -> None:
    _, redeem_code = begun(who)
    hand_in(who, redeem_code)
    assert answer(who, redeem_code, notes="a" * 2001).refusal == "notes_too_long"
    assert answer(who, redeem_code, notes="\x00").refusal == "notes_unreadable"
    assert answer(who, redeem_code, notes=None).refusal == "field_missing"
    assert answer(who, redeem_code, status=1).refusal == "feedback_status_unknown"
    assert answer(who, redeem_code, notes="", url_file=None, status=None).data["status"] == 2


@pytest.mark.parametrize(("scope", "sequence"), [("tpm", 10), ("uk", 999), ("uk", 1)])
def test_scopes_and_numbers_of_the_contract(who: Registered, scope: str, sequence: int) -> None:
    _, redeem_code = begun(who)
    assert hand_in(who, redeem_code, scope=scope, sequence=sequence).data["sequence"] == sequence


@pytest.mark.parametrize(("scope", "sequence"), [("tpm", 0), ("tpm", 11), ("uk", 998), ("uk", 1000)])
def test_other_numbers_are_none(who: Registered, scope: str, sequence: int) -> None:
    _, redeem_code = begun(who)
    assert hand_in(who, redeem_code, scope=scope, sequence=sequence).refusal == "task_sequence_unknown"
