"""A platform's v2, as docs/partners/v2.md, v2-platforms.md and the OpenAPI document describe it."""

import uuid
from typing import Any

import v2_journey as journey
from receiver import Receiver
from report import Report
from v2 import refusals, who_am_i
from v2_calls import Caller, is_refused
from v2_doors import doors

Values = dict[str, Any]


def speak_selling(base: str, access: Values, report: Report) -> None:
    """Everything the conformance page asks of a platform, in an order that leaves the newest key live."""
    caller, receiver = Caller(base, access["key_id"], access["secret"]), Receiver()
    who_am_i(caller, report)
    webhook = journey.open_webhook(caller, receiver, report)
    catalogue(caller, access, report)
    first = sale(caller, access["start_code"], report)
    start_codes_refused(caller, access["start_codes"], report)
    given = caller.call("POST", "/sandbox/start-codes", {"count": 2}).json["start_codes"]
    second, third = [sold(caller, line["start_code"]) for line in given]
    sales(caller, {first["purchase"], second["purchase"], third["purchase"]}, report)
    refusals(caller, first["purchase"], report)
    evidence(caller, first, report)
    taught = caller.call("POST", "/sandbox/redemptions", {"purchase": second["purchase"]}).json
    doors(caller, taught, report)
    refund(caller, third["purchase"], report)
    proven(caller, first["purchase"], report)
    told = {("ping", None), ("purchase.bought", first["purchase"]), ("purchase.refunded", third["purchase"])}
    journey.deliveries(caller, receiver, told, report)
    journey.close_webhook(caller, webhook, report)
    caller = journey.rotation(caller, "/platform/purchases", ("/platform/submissions", "catalogue"), report)
    journey.rate_limit(caller, report)
    journey.conformance(caller, report)


def digits(caller: Caller, start_code: str) -> str:
    """Asks for the one-time code and reads it, as the participant would on their phone."""
    answer = caller.call("POST", "/platform/one-time-codes", {"start_code": start_code})
    assert answer.status == 202, answer
    return str(caller.call("GET", f"/sandbox/one-time-codes?start_code={start_code}").json["one_time_code"])


def sold(caller: Caller, start_code: str) -> Values:
    """The sale of a start code."""
    answer = caller.call(
        "POST", "/platform/purchases", {"start_code": start_code, "one_time_code": digits(caller, start_code)}
    )
    assert answer.status == 201, answer
    return dict(answer.json)


def catalogue(caller: Caller, access: Values, report: Report) -> None:
    """A new training, one for an institution that is nobody's; then what a curator made of them."""
    line = {"institution": access["institution"], "category": access["category"], "price_rupiah": 250_000}
    lines = [line | {"title": "Menjahit dasar"}, line | {"title": "Merangkai bunga", "draft": True}]
    answer = caller.call("POST", "/platform/trainings", {"lines": [*lines, lines[0] | {"institution": "BUKAN-MITRA"}]})
    outcomes = [each["outcome"] for each in answer.json.get("lines", [])]
    is_so = outcomes == ["submitted", "draft", "refused"]
    report.see("v2.offer_for_institutions", "POST a new one and a draft", is_so, answer)
    refused = answer.json["lines"][2]["problem"] or {}
    report.see("v2.refusal.training", "for nobody's institution", refused.get("code") == "training_refused", answer)
    answer = caller.call("POST", "/platform/trainings", {"lines": lines})
    is_so = [each["repeated"] for each in answer.json["lines"]] == [True, True]
    report.see("v2.offer_for_institutions", "the same again", is_so, answer)
    items, _ = caller.pages("/platform/submissions")
    states = {each["state"] for each in items}
    report.see("v2.platform_submissions", "GET, page by page", {"submitted", "draft"} <= states, items)


def sale(caller: Caller, start_code: str, report: Report) -> Values:
    """From the start code to the receipt, with a wrong digit and a retry on the way."""
    answer = caller.call("POST", "/platform/checks", {"start_code": start_code.lower()})
    is_so = answer.status == 200 and answer.json["is_covered"] and answer.json["missing_rupiah"] == 0
    report.see("v2.check_purchase", "POST in small letters", is_so, answer)
    report.see("v2.check_purchase", "the balance is not told", "balance" not in answer.body.decode(), answer)
    answer = caller.call("POST", "/platform/one-time-codes", {"start_code": start_code})
    is_so = answer.status == 202 and set(answer.json) == {"expires_at"}
    report.see("v2.send_one_time_code", "POST, and nothing is told", is_so, answer)
    received = caller.call("GET", f"/sandbox/one-time-codes?start_code={start_code}").json["one_time_code"]
    wrong = received[:-1] + str((int(received[-1]) + 1) % 10)
    body, key = {"start_code": start_code, "one_time_code": wrong}, str(uuid.uuid4())
    told = [caller.call("POST", "/platform/purchases", body, key=key) for _ in range(2)]
    lefts = [each.json.get("tries_left_count") for each in told]
    is_so = is_refused(told[0], 422, "one_time_code_refused") and lefts[0] == lefts[1] is not None
    report.see("v2.refusal.one_time_code", "one digit changed; a retry costs nothing more", is_so, told)
    body, key = body | {"one_time_code": received}, str(uuid.uuid4())
    answer = caller.call("POST", "/platform/purchases", body, key=key)
    is_so = (answer.status, answer.json.get("state")) == (201, "bought")
    report.see("v2.sell_training", "POST the digits", is_so, answer)
    again = caller.call("POST", "/platform/purchases", body, key=key)
    is_so = (again.status, again.json) == (201, answer.json) and again.headers.get("idempotency-replayed") == "true"
    report.see("v2.replay", "the same call again", is_so, again)
    reused = caller.call("POST", "/platform/purchases", body | {"one_time_code": wrong}, key=key)
    is_so = is_refused(reused, 422, "idempotency_key_reused")
    is_so = is_so and reused.json.get("differing") == ["/body/one_time_code"]
    report.see("v2.key_reused", "the same key, other digits", is_so, reused)
    return dict(answer.json)


def start_codes_refused(caller: Caller, given: Values, report: Report) -> None:
    """Withdrawn, another platform's, made up: one answer. A balance that is too small: why, and not how small."""
    codes = {"withdrawn": given["withdrawn"]["start_code"], "elsewhere": given["elsewhere"]["start_code"]}
    details = set()
    for what, code in (codes | {"made up": "ABCD-EFGH-JKMN-PQRS"}).items():
        answer = caller.call("POST", "/platform/checks", {"start_code": code})
        details.add(answer.json.get("detail"))
        report.see("v2.refusal.start_code", what, is_refused(answer, 404, "start_code_not_found"), answer)
    report.see("v2.refusal.start_code", "nobody learns which", len(details) == 1, details)
    short = given["not_covered"]["start_code"]
    answer = caller.call("POST", "/platform/checks", {"start_code": short})
    is_so = answer.json.get("is_covered") is False and answer.json["missing_rupiah"] > 0 and bool(answer.json["says"])
    report.see("v2.refusal.not_covered", "the check says what is missing", is_so, answer)
    answer = caller.call("POST", "/platform/one-time-codes", {"start_code": short})
    is_so = is_refused(answer, 409, "purchase_refused") and answer.json.get("reason") == "above_balance"
    report.see("v2.refusal.not_covered", "no digits are sent", is_so, answer)


def sales(caller: Caller, numbers: set[int], report: Report) -> None:
    """All that was sold, page by page; one by its number; nobody else's."""
    items, answers = caller.pages("/platform/purchases")
    found = [line["purchase"] for line in items]
    report.see("v2.platform_sales", "GET /platform/purchases", set(found) == numbers, items)
    is_so = len(found) == len(set(found)) and len(answers) > 1 and 'rel="next"' in answers[0].headers.get("link", "")
    report.see("v2.paging", "page by page, each exactly once", is_so, found)
    answer = caller.call("GET", f"/platform/purchases/{found[0]}")
    report.see("v2.platform_sale", "GET one", answer.json == items[0], answer)
    answer = caller.call("GET", "/platform/purchases/999999999")
    report.see("v2.refusal.sale_not_found", "not sold here", is_refused(answer, 404, "sale_not_found"), answer)


def evidence(caller: Caller, first: Values, report: Report) -> None:
    """Of a sale whose code the institution has redeemed, and not before."""
    purchase = first["purchase"]
    lines = {"lines": [{"purchase": purchase, "sequence": 1}]}
    answer = caller.call("POST", "/attendance", lines)
    refused = answer.json["lines"][0]["problem"] or {}
    report.see("v2.refusal.not_redeemed", "POST /attendance", refused.get("code") == "not_redeemed", answer)
    answer = caller.call("POST", "/sandbox/redemptions", {"purchase": purchase})
    assert (answer.status, answer.json["state"]) == (200, "redeemed"), answer
    answer = caller.call("POST", "/attendance", lines)
    report.see("v2.record_attendance", "once it is redeemed", answer.json.get("recorded_count") == 1, answer)
    answer = caller.call("POST", "/progress", {"lines": [{"purchase": purchase, "percent": 100}]})
    report.see("v2.record_progress", "POST /progress", answer.json.get("recorded_count") == 1, answer)
    answer = caller.call("POST", "/completions", {"lines": [{"purchase": purchase}]})
    report.see("v2.record_completion", "POST /completions", answer.json.get("recorded_count") == 1, answer)


def refund(caller: Caller, purchase: int, report: Report) -> None:
    """Nothing was attended: all of it goes back to the training balance."""
    preview = caller.call("GET", f"/platform/purchases/{purchase}/cancellation-preview")
    is_so = preview.status == 200 and preview.json["ending"] == "refunded" and preview.json["refunded_rupiah"] > 0
    report.see("v2.preview_sale_cancellation", "GET", is_so, preview)
    done = caller.call("POST", f"/platform/purchases/{purchase}/cancellation", {"reason": "Peserta batal."})
    is_so = done.status == 200 and done.json["refunded_rupiah"] == preview.json["refunded_rupiah"]
    is_so = is_so and done.json["refunded_to"] == "training_balance"
    report.see("v2.cancel_sale", "POST", is_so, done)
    answer = caller.call("GET", f"/platform/purchases/{purchase}")
    report.see("v2.cancel_sale", "and it has ended", answer.json.get("state") == "ended", answer)


def proven(caller: Caller, purchase: int, report: Report) -> None:
    """The institution completes it and the clock moves: what is proven is not cancelled."""
    answer = caller.call("POST", "/sandbox/completions", {"purchase": purchase})
    assert (answer.status, answer.json["state"]) == (200, "completed"), answer
    caller.call("POST", "/sandbox/clock", {"to": "days", "days": 2})
    answer = caller.call("GET", f"/platform/purchases/{purchase}")
    report.see("v2.refusal.already_proven", "two days later", answer.json.get("state") == "proven", answer)
    answer = caller.call("POST", f"/platform/purchases/{purchase}/cancellation", {"reason": "Peserta batal."})
    report.see("v2.refusal.already_proven", "POST a cancellation", is_refused(answer, 409, "already_proven"), answer)
