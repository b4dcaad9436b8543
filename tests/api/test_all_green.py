"""Every check of the conformance page can be shown by a system that does what the page says to try."""

import json
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from django.test import Client, override_settings

from bekal.core.xapi import Verb
from bekal.ledger.clock import machine_now
from bekal.partners.conformance import CheckState, conformance_of
from bekal.partners.deliver_webhooks import deliver_webhooks
from bekal.partners.models import Partner
from bekal.partners.sandbox_keys import SandboxAccess
from tests.api.test_conformance import COMMIT, STATUS, code_for, v1, v2
from tests.api.test_conformance import access as access
from tests.api.test_conformance import partner as partner
from tests.api.v2.calling import Caller, answer, problem
from tests.api.v2.test_xapi import BASE, course_xml, said
from tests.partners.receiver import receiving

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_institutions_system_can_show_everything(partner: Partner, access: SandboxAccess) -> None:
    """Every check of the page can become green by what the page says to try."""
    _show_v1(access)
    _show_webhooks(v2(access))
    _show_v2(access)
    _show_misses(access)
    seen = conformance_of(partner)
    assert [(each.check.code, each.failure) for each in seen.results if each.state is not CheckState.GREEN] == []
    assert seen.is_all_green


def _show_v1(access: SandboxAccess) -> None:
    webinar, self_paced = code_for(access, "webinar"), code_for(access, "self_paced")
    on_site = code_for(access, "on_site")
    for code in (webinar, on_site):
        v1(access, STATUS, {"redeem_code": code})
        v1(access, COMMIT, {"redeem_code": code})
    v1(access, COMMIT, {}, sent=f'{{"redeem_code": "{self_paced}"}}', signed=f'{{"redeem_code":"{self_paced}"}}')
    v1(access, STATUS, {"redeem_code": webinar})  # the very same call
    asked = {"redeem_code": webinar, "sequence": 1, "redirect_uri": access.redirect_uri, "email": "a@peserta.example"}
    url = json.loads(v1(access, "oauth/url-generate", asked).content)["data"]["url"]
    assert Client().post(urlsplit(url).path).status_code in (200, 302)
    v1(access, STATUS, {"redeem_code": webinar, "sequence": 1})
    v1(access, "oauth/url-generate", asked | {"redeem_code": on_site})
    task = {"redeem_code": self_paced, "scope": "tpm", "sequence": 1}
    file_url = "https://lembaga.example/tugas.pdf?a=1&b=2"
    sent = json.dumps(task | {"url_file": file_url}, separators=(",", ":"))
    v1(access, "tpm/submission", {}, sent=sent, signed=sent.replace("&", "\\u0026"))
    v1(access, "tpm/submission/status", task)
    sent = json.dumps(task | {"notes": "1/1", "url_file": ""}, separators=(",", ":"))
    v1(access, "tpm/feedback/submission", {}, sent=sent, signed=sent.replace("/", "\\/"))
    v1(access, STATUS, {"redeem_code": "AAAABBBBCCCCDDDD"})
    v1(access, STATUS, {"redeem_code": code_for(access, "elsewhere")})
    for purpose in ("ended", "cancelled", "used", "later"):
        v1(access, COMMIT, {"redeem_code": code_for(access, purpose)})
    v1(access, STATUS, {"redeem_code": webinar}, signature="0" * 40)
    v1(access, STATUS, {"redeem_code": webinar}, seconds=-1000)


def _show_v2(access: SandboxAccess) -> None:
    client = v2(access)
    codes = answer(client.post("/sandbox/codes", {"purpose": "self_paced", "count": 2}), 201)["codes"]
    first, second = (
        answer(client.post("/redemptions", {"redeem_code": line["redeem_code"]}), 201)["purchase"] for line in codes
    )
    problem(client.post("/redemptions", {"redeem_code": code_for(access, "used")}), 409, "code_already_used")
    elsewhere = {"redeem_code": code_for(access, "elsewhere")}
    assert client.post("/redemptions", elsewhere).status_code == 403
    assert client.post("/redemptions", {"redeem_code": "AAAABBBBCCCCDDDD"}).status_code == 404
    lines = {"lines": [{"purchase": first, "sequence": 1}]}
    client.post("/attendance", lines, idempotency_key="hadir")
    client.post("/attendance", lines, idempotency_key="hadir")
    _show_doors(client, second, codes[0]["training"])
    other = {"lines": [{"purchase": second, "sequence": 1}]}
    problem(client.post("/attendance", other, idempotency_key="hadir"), 422, "idempotency_key_reused")
    wrong = {"lines": [{"purchase": first, "sequence": "satu"}]}
    problem(client.post("/attendance", wrong), 422, "values_invalid")
    answer(client.post("/progress", {"lines": [{"purchase": first, "percent": 50}]}))
    answer(client.post("/completions", {"lines": [{"purchase": first}]}))
    assert client.post(f"/purchases/{first}/certificate", {"number": "LPK-1"}).status_code < 300
    for path in (
        f"/purchases/{first}/certificate",
        f"/purchases/{second}",
        f"/purchases/{second}/cancellation",
        "/trainings",
        f"/trainings/{codes[0]['training']}",
        "/evidence/owed",
        "/statement",
    ):
        assert client.get(path).status_code == 200, path
    page = answer(client.get("/purchases", "limit=1"))
    assert client.get("/purchases", f"limit=1&cursor={page['next']}").status_code == 200
    assert client.post(f"/purchases/{second}/cancellation", {"reason": "Kelas dibatalkan."}).status_code < 300
    dated = {"sessions": [{"sequence": 1, "starts_at": "2030-01-01T09:00:00+07:00"}]}
    assert client.call("PATCH", f"/trainings/{codes[0]['training']}/sessions", body=dated).status_code == 200
    client.get("/me", changed={"Bekal-Signature": "v1=" + "0" * 64})
    client.get("/me", timestamp=int(machine_now().timestamp()) - 1000)
    fresh = answer(client.post("/keys", {}), 201)
    younger = Caller(fresh["key_id"], fresh["secret"])
    answer(younger.get("/me"))
    while client.get("/me").status_code == 200:
        pass
    assert younger.call("DELETE", f"/keys/{client.key_id}").status_code < 300


def _show_doors(client: Caller, purchase: int, training: str) -> None:
    rows = f"purchase,piece,sequence,percent,happened_at,holds,revision,reason\n{purchase},progress,,40,,true,,\n"
    file = f"{rows}trailer,1,{purchase},40,{sha256(rows.encode()).hexdigest()}\n".encode()
    assert client.call("POST", "/evidence-files", raw=file, **{"Content-Type": "text/csv"}).status_code < 300
    xml, form = course_xml("Completed"), {"Content-Type": "application/xml"}
    assert client.call("POST", "/xapi/courses", query=f"training={training}", raw=xml, **form).status_code < 300
    statement = said(purchase, Verb.LAUNCHED, f"{BASE}/1", timestamp=answer(client.get("/me"))["at"])
    assert answer(client.post("/xapi/statements", [statement]))["statements"][0]["outcome"] == "noted"


def _show_webhooks(client: Caller) -> None:
    with receiving() as receiver, override_settings(DEMO=True):
        webhook = answer(client.post("/webhooks", {"url": receiver.url}), 201)["webhook"]
        assert client.post(f"/webhooks/{webhook}/pings").status_code < 300
        deliver_webhooks(now=machine_now())
        (delivery,) = answer(client.get("/webhooks/deliveries"))["items"]
        assert client.post(f"/webhooks/deliveries/{delivery['delivery']}/replays").status_code < 300
        assert client.post(f"/webhooks/{webhook}/secrets").status_code == 201
        deliver_webhooks(now=machine_now())
        assert len(receiver.got) == 2
    assert client.get("/webhooks").status_code == 200
    assert client.call("DELETE", f"/webhooks/{webhook}").status_code < 300


def _show_misses(access: SandboxAccess) -> None:
    """As the last: it suspends the key of v1."""
    for number in range(25):
        v1(access, STATUS, {"redeem_code": f"AAAABBBBCCCC{number:04d}".translate(str.maketrans("01", "XY"))})
