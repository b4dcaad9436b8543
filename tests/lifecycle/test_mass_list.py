"""A list is compared with its seal before it is approved and while it is worked."""

from typing import Any

import pytest
from django.db import connection

from bekal.lifecycle import mass_list
from bekal.lifecycle import mass_runs as module
from bekal.lifecycle.mass_runs import Worked, approve_mass_run, work
from bekal.lifecycle.models import MassChunk
from bekal.lifecycle.refusals import MassRefusal
from tests import factories
from tests.lifecycle.revoking import AT, ENVELOPE_RUPIAH, LATER, approved, planned, revoked_ids

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_COUNT", 3)


@pytest.mark.parametrize(
    "change",
    [
        {"subject_ids": [10**9 + 1, 10**9 + 2, 10**9 + 3]},
        {"amounts_rupiah": [ENVELOPE_RUPIAH, ENVELOPE_RUPIAH - 1, ENVELOPE_RUPIAH + 1]},
        {"number": 9},
        {"total_rupiah": 1},
    ],
)
def test_a_list_that_was_changed_is_neither_approved_nor_worked(change: dict[str, Any]) -> None:
    factories.accepted(4)
    run = planned()
    chunk = MassChunk.objects.filter(run_id=run.run_id, number=1)
    before = chunk.values(*change).get()
    chunk_id = chunk.values_list("pk", flat=True).get()
    changed = MassChunk.objects.filter(pk=chunk_id)
    changed.update(**change)
    officer_id = factories.officer().pk
    values = {"run_id": run.run_id or 0, "officer_id": officer_id, "list_sha256": run.list_sha256 or b"", "at": AT}
    refusal = approve_mass_run(**values)
    assert refusal is not None and refusal.code is MassRefusal.LIST_CHANGED
    changed.update(**before)
    assert approve_mass_run(**values) is None
    changed.update(**change)
    assert work(at=LATER) == Worked(0, 0, 0, failed_chunk_count=1)
    assert MassChunk.objects.get(failed_at=LATER).failure == "ListChanged"
    assert not revoked_ids()
    changed.update(**before)
    assert work(at=LATER).subject_count == 4


def test_a_worker_makes_each_list_anew_once_and_compares_every_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.accepted(12)
    run_id = approved(planned())
    made: list[int] = []
    parts = mass_list._sealed_parts

    def counted(number: int) -> dict[int, bytes] | None:
        made.append(number)
        return parts(number)

    monkeypatch.setattr(mass_list, "_sealed_parts", counted)
    sealed = mass_list.SealedLists()
    assert work(at=LATER, chunk_limit=1, sealed=sealed).chunk_count == 1
    assert work(at=LATER, chunk_limit=1, sealed=sealed).chunk_count == 1
    assert made == [run_id], "not again with every call"
    assert work(at=LATER, chunk_limit=1).chunk_count == 1 and made == [run_id] * 2, "another worker looks for itself"


@pytest.mark.parametrize(
    "change",
    [
        {"subject_ids": [10**9 + 1, 10**9 + 2]},
        {"amounts_rupiah": [ENVELOPE_RUPIAH - 1, ENVELOPE_RUPIAH + 1]},
        {"number": 9},
        {"total_rupiah": 1},
        {"subject_count": 9},
    ],
)
def test_what_changes_while_a_worker_is_at_it_is_noticed(change: dict[str, Any]) -> None:
    """Also where count, sum and hash of the run are changed to fit: the worker remembers what it saw first."""
    factories.accepted(5)
    run_id = approved(planned())
    sealed = mass_list.SealedLists()
    assert work(at=LATER, chunk_limit=1, sealed=sealed).chunk_count == 1
    MassChunk.objects.filter(run_id=run_id, number=2).update(**change)
    assert work(at=LATER, sealed=sealed) == Worked(0, 0, 0, failed_chunk_count=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE lifecycle_massrun SET (subject_count, total_rupiah, list_sha256, approved_sha256) ="
            " (SELECT subject_count, total_rupiah, list_sha256, list_sha256 FROM"
            f" (SELECT {mass_list.SEAL_SQL} FROM lifecycle_masschunk WHERE run_id = %(id)s) now) WHERE id = %(id)s",
            {"id": run_id},
        )
    assert work(at=LATER, sealed=sealed) == Worked(0, 0, 0, failed_chunk_count=1)
    assert MassChunk.objects.get(done_at=None).failure == "ListChanged"


def test_few_lists_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mass_list, "_sealed_parts", lambda number: {1: bytes(32)})
    sealed = mass_list.SealedLists()
    for number in range(mass_list.REMEMBERED_COUNT * 2):
        assert sealed.fits(run_id=number, list_sha256=b"x", number=1, part_sha256=bytes(32))
    assert len(sealed._known) == mass_list.REMEMBERED_COUNT
