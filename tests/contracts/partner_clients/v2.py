"""v2, as docs/partners/v2.md and the OpenAPI document describe it."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import v2_journey as journey
from receiver import Receiver
from report import Report
from v2_calls import Caller, is_refused
from v2_doors import doors
from wire import Wire

Values = dict[str, Any]


def speak_v2(base: str, access: Values, report: Report) -> None:
    """Everything the conformance page asks of v2, in an order that leaves the newest key live."""
    caller, receiver = Caller(base, access["key_id"], access["secret"]), Receiver()
    who_am_i(caller, report)
    webhook = journey.open_webhook(caller, receiver, report)
    _trainings(caller, report)
    *codes, last = caller.codes("self_paced", 3)
    purchase, other = _redeem(caller, access, codes, report)
    refusals(caller, purchase, report)
    journey.evidence(caller, purchase, other, report)
    answer = caller.call("POST", "/redemptions", {"redeem_code": last})
    doors(caller, answer.json, report)
    answer = caller.call("GET", f"/purchases/{answer.json['purchase']}")
    report.see("v2.send_statements", "which completes it", answer.json.get("state") == "completed", answer)
    journey.cancellation(caller, other, report)
    told = {("ping", None), ("purchase.redeemed", purchase), ("purchase.completed", purchase)}
    journey.deliveries(caller, receiver, told, report)
    journey.money(caller, receiver, report)
    journey.close_webhook(caller, webhook, report)
    caller = journey.rotation(caller, "/purchases", ("/statement", "statement"), report)
    journey.rate_limit(caller, report)
    journey.conformance(caller, report)


def who_am_i(caller: Caller, report: Report) -> None:
    """Its own key, and calls that are nobody's."""
    answer = caller.call("GET", "/me")
    own = [line for line in answer.json.get("keys", []) if line["is_this_key"]]
    is_own = len(own) == 1 and own[0]["key_id"] == caller.key_id and answer.json["world"] == "sandbox"
    report.see("v2.me", "GET /me", answer.status == 200 and is_own, answer)
    report.see("v2.me", "every answer says what is left", "r=" in answer.headers.get("ratelimit", ""), answer.headers)
    answer = caller.call("GET", "/me", is_forged=True)
    report.see("v2.refusal.signature", "one character changed", is_refused(answer, 401, "signature_wrong"), answer)
    for seconds in (-600, 600):
        answer = caller.call("GET", "/me", seconds_off=seconds)
        tried = f"a timestamp {seconds} seconds off"
        report.see("v2.refusal.timestamp", tried, is_refused(answer, 401, "timestamp_expired"), answer)


def _trainings(caller: Caller, report: Report) -> None:
    path, found = "/trainings?limit=1", []
    while path:
        answer = caller.call("GET", path)
        found += answer.json["items"]
        cursor = answer.json["next"]
        linked = answer.headers.get("link", "")
        is_linked = cursor is None or (cursor in linked and 'rel="next"' in linked)
        report.see("v2.trainings", f"GET {path[:20]}", len(answer.json["items"]) == 1 and is_linked, answer)
        path = f"/trainings?limit=1&cursor={cursor}" if cursor else ""
    codes = [line["code"] for line in found]
    report.see("v2.paging", "page by page, each exactly once", len(codes) == len(set(codes)) > 1, codes)
    answer = caller.call("GET", "/trainings?cursor=x")
    report.see("v2.paging", "a cursor made up", is_refused(answer, 400, "cursor_invalid"), answer)
    dated = next(line for line in found if line["sessions"])
    answer = caller.call("GET", f"/trainings/{dated['code']}")
    report.see("v2.training", "GET /trainings/{training}", answer.json == dated, answer)
    answer = caller.call("GET", "/trainings/BUKAN-PUNYA-KAMI")
    report.see("v2.training", "another's or nobody's", is_refused(answer, 404, "training_not_found"), answer)
    last = dated["sessions"][-1]
    starts_at = datetime.fromisoformat(last["starts_at"]) + timedelta(minutes=5)
    moved = {"sequence": last["sequence"], "starts_at": starts_at.isoformat(), "place": "Balai Latihan Kerja"}
    path = f"/trainings/{dated['code']}/sessions"
    answer = caller.call("PATCH", path, {"sessions": [moved]})
    told = answer.json.get("training", {}).get("sessions", [{}])[-1]
    is_moved = answer.status == 200 and answer.json["changed_count"] == 1 and told["place"] == moved["place"]
    report.see("v2.set_sessions", "PATCH a session five minutes on", is_moved, answer)
    answer = caller.call("PATCH", path, {"sessions": [moved | {"starts_at": "besok"}]})
    report.see("v2.set_sessions", "a date that is none", is_refused(answer, 422, "values_invalid"), answer)


def _redeem(caller: Caller, access: Values, unused: list[str], report: Report) -> tuple[int, int]:
    """The numbers of both purchases."""
    code, other = unused
    key = str(uuid.uuid4())
    answer = caller.call("POST", "/redemptions", {"redeem_code": code}, key=key)
    is_redeemed = answer.status == 201 and answer.json["state"] == "redeemed"
    report.see("v2.redeem_code", "POST /redemptions", is_redeemed, answer)
    number = answer.json["purchase"]
    again = caller.call("POST", "/redemptions", {"redeem_code": code}, key=key)
    is_same = (again.status, again.json) == (201, answer.json) and again.headers.get("idempotency-replayed") == "true"
    report.see("v2.replay", "the same call again", is_same, again)
    answer = caller.call("POST", "/redemptions", {"redeem_code": other}, key=key)
    is_named = answer.json.get("differing") == ["/body/redeem_code"]
    is_so = is_refused(answer, 422, "idempotency_key_reused") and is_named
    report.see("v2.key_reused", "the same key, another code", is_so, answer)
    answer = caller.call("POST", "/redemptions", {"redeem_code": other})
    report.see("v2.redeem_code", "which had done nothing", answer.status == 201, answer)
    second = answer.json["purchase"]
    codes = {purpose: line["redeem_code"] for purpose, line in access["codes"].items()}
    for check, refused_code, status, word in (
        ("v2.refusal.code_not_found", "NOTACODEATALL234", 404, "code_not_found"),
        ("v2.refusal.code_used", codes["used"], 409, "code_already_used"),
        ("v2.refusal.other_institution", codes["elsewhere"], 403, "code_of_another_institution"),
    ):
        answer = caller.call("POST", "/redemptions", {"redeem_code": refused_code})
        report.see(check, "POST /redemptions", is_refused(answer, status, word), answer)
    answer = caller.call("GET", "/purchases?limit=1")
    is_page = answer.status == 200 and len(answer.json["items"]) == 1 and answer.json["next"]
    report.see("v2.purchases", "GET /purchases?limit=1", bool(is_page), answer)
    answer = caller.call("GET", f"/purchases/{number}")
    report.see("v2.purchase", "GET /purchases/{purchase}", answer.json.get("purchase") == number, answer)
    answer = caller.call("GET", "/purchases/999999999")
    report.see("v2.purchase", "not redeemed here", is_refused(answer, 404, "purchase_not_found"), answer)
    return int(number), int(second)


def refusals(caller: Caller, purchase: int, report: Report) -> None:
    """Wrong values, in both languages, with pages that explain them."""
    body = {"lines": [{"purchase": purchase, "sequence": "1"}]}
    told = {words: caller.call("POST", "/attendance", body, languages=words) for words in ("id", "en")}
    for words, answer in told.items():
        pointers = [error.get("pointer") for error in answer.json.get("errors", [])]
        is_so = is_refused(answer, 422, "values_invalid") and pointers == ["/lines/0/sequence"]
        is_so = is_so and answer.headers.get("content-language") == words
        report.see("v2.refusal.values", f"a sequence that is a text ({words})", is_so, answer)
    is_other = told["id"].json.get("title") != told["en"].json.get("title")
    report.see("v2.refusal.values", "each in its own words", is_other, told)
    address = told["en"].json.get("type", "")
    page = Wire(address).send("GET", "/" + address.partition("://")[2].partition("/")[2], {})
    text = page.body.decode()
    has_both = all(answer.json.get("title", "-") in text for answer in told.values())
    report.see("v2.refusal.values", "its page, in both languages", page.status == 200 and has_both, page)
    answer = caller.call("POST", "/attendance", {"lines": [], "nama": "Siti"})
    report.see("v2.refusal.values", "a name nobody knows", is_refused(answer, 422, "values_invalid"), answer)
    answer = caller.call("PUT", "/me", {})
    report.see("v2.refusal.values", "another method", is_refused(answer, 405, "method_not_allowed"), answer)
    answer = caller.call("GET", "/orang?nik=1")
    report.see("v2.refusal.values", "no such address", is_refused(answer, 404, "address_unknown"), answer)
