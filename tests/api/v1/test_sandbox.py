"""A stranger's first minutes: the keys of `manage sandbox-keys`, and v1 over a socket in the sandbox with them."""

import json
import os
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from bekal.partners.misses import MISS_LIMIT_COUNT
from bekal.partners.models import CallCounter, Partner, PartnerCall, PartnerKey
from bekal.purchases.models import Purchase
from tests.api.server import Client, Server, serving
from tests.databases import TestDatabase

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])
STATUS, COMMIT, SUBMISSION = "payment/redeem-code/status", "payment/redeem-code/commit", "tpm/submission"


@pytest.fixture
def sandbox_server(sandbox: TestDatabase, tmp_path: Path) -> Iterator[Server]:
    with serving(dict(os.environ) | {"BEKAL_STATIC_ROOT": str(tmp_path / "static")}) as running:
        yield running


def printed() -> dict[str, Any]:
    out = StringIO()
    call_command("sandbox-keys", "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


def test_status_commit_and_the_same_again_in_the_sandbox(sandbox_server: Server) -> None:
    said = printed()
    client, code = Client(sandbox_server, said["client_code"], said["key"]), said["redeem_code"]
    assert client.call(STATUS, {"redeem_code": code}).data["status"] == 0
    raw = client.request(COMMIT, json.dumps({"redeem_code": code}).encode())
    first, again = sandbox_server.send(raw), sandbox_server.send(raw)
    assert first.data["status"] == 1
    assert (again.status, again.body, again.headers["bekal-repeated"]) == (200, first.body, "true")
    assert "bekal-repeated" not in first.headers
    # A path that begins with two slashes is the same address, and the contract's path is what was signed.
    doubled = client.call(STATUS, {"redeem_code": code, "sequence": 1}, path=f"//api/v1/integration/{STATUS}")
    assert doubled.data["status"] == 1
    task = {"redeem_code": code, "scope": "tpm", "sequence": 1, "url_file": "https://lembaga.id/1.pdf"}
    assert client.call(SUBMISSION, task).data["status"] == 1
    for purpose, refusal in (
        ("used", "code_already_used"),
        ("cancelled", "transaction_cancelled"),
        ("ended", "code_cancelled"),
        ("later", "outside_redemption_window"),
        ("elsewhere", "code_of_another_institution"),
    ):
        assert client.call(COMMIT, {"redeem_code": said["codes"][purpose]["redeem_code"]}).refusal == refusal, purpose
    # Nothing of it stands in the programme's books but the key, its miss and its counters.
    assert not Purchase.objects.exists() and not PartnerCall.objects.exists()
    key = PartnerKey.objects.get(client_code=said["client_code"])
    assert (key.miss_count, Partner.objects.filter(pk=key.partner_id, institution=None).exists()) == (1, True)
    counted = dict(
        CallCounter.objects.filter(operation=COMMIT).order_by("outcome").values_list("outcome", "call_count")
    )
    assert (counted["answered"], counted["repeated"], counted["code_already_used"]) == (1, 1, 1)


def test_the_budget_is_not_overrun_by_many_at_once_in_the_sandbox_either(sandbox_server: Server) -> None:
    said = printed()
    client = Client(sandbox_server, said["client_code"], said["key"])
    refusals: list[str] = []

    def guess(first: int) -> None:
        for number in range(first, first + 10):
            refusals.append(
                client.call(STATUS, {"redeem_code": f"{number:016d}".replace("0", "A").replace("1", "B")}).refusal
            )

    threads = [threading.Thread(target=guess, args=[first]) for first in range(200, 280, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(refusals)) == ["code_not_found", "too_many_misses"]
    assert refusals.count("code_not_found") == MISS_LIMIT_COUNT
    assert client.call(STATUS, {"redeem_code": said["redeem_code"]}).refusal == "too_many_misses"
