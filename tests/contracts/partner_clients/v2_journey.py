"""v2's journey after the first code: evidence, cancellation, webhooks, money, keys, limits."""

import threading
import time
from typing import Any

from receiver import Receiver
from report import Report
from v2_calls import Caller, is_refused

Values = dict[str, Any]
SUMS = ("escrow_rupiah", "owed_rupiah", "paid_rupiah", "refunded_rupiah")


def evidence(caller: Caller, purchase: int, owing: int, report: Report) -> None:
    """Proves one purchase; the other still owes."""
    lines = [{"purchase": purchase, "sequence": 1}, {"purchase": 999_999_999, "sequence": 1}]
    answer = caller.call("POST", "/attendance", {"lines": lines})
    outcomes = [line["outcome"] for line in answer.json.get("lines", [])]
    is_so = (answer.status, outcomes) == (200, ["recorded", "refused"])
    is_so = is_so and answer.json["lines"][1]["problem"]["code"] == "purchase_not_found"
    report.see("v2.record_attendance", "one line of ours, one that is not", is_so, answer)
    answer = caller.call("POST", "/attendance", {"lines": lines[:1]})
    report.see("v2.record_attendance", "said again", answer.json.get("repeated_count") == 1, answer)
    answer = caller.call("POST", "/progress", {"lines": [{"purchase": purchase, "percent": 60, "revision": 1}]})
    report.see("v2.record_progress", "POST /progress", answer.json.get("recorded_count") == 1, answer)
    partial = {"purchase": owing, "percent": 40, "completed": False, "reason": "Listrik padam pada hari kedua."}
    answer = caller.call("POST", "/completions", {"lines": [{"purchase": purchase}, partial]})
    report.see("v2.record_completion", "one whole, one partial", answer.json.get("recorded_count") == 2, answer)
    states = [caller.call("GET", f"/purchases/{number}").json["state"] for number in (purchase, owing)]
    report.see("v2.record_completion", "only the whole one completes", states == ["completed", "redeemed"], states)
    path = f"/purchases/{purchase}/certificate"
    answer = caller.call("POST", path, {"number": "LU/2020/17", "address": "https://lembaga.example/sertifikat/17"})
    report.see("v2.state_own_certificate", "POST the institution's own", answer.status == 200, answer)
    answer = caller.call("GET", path)
    report.see("v2.certificate", "GET the programme's", answer.json.get("purchase") == purchase, answer)
    answer = caller.call("GET", "/evidence/owed")
    owed = {line["purchase"]: line["pieces"] for line in answer.json.get("items", [])}
    is_so = bool(owed.get(owing)) and {"piece", "sequence", "since_on", "due_on"} <= set(owed[owing][0])
    report.see("v2.evidence_owed", "the other owes, piece by piece", is_so, answer)


def cancellation(caller: Caller, purchase: int, report: Report) -> None:
    """Nothing was attended: all of it goes back."""
    path = f"/purchases/{purchase}/cancellation"
    preview = caller.call("GET", path)
    is_so = preview.status == 200 and preview.json["ending"] == "refunded" and preview.json["earned_rupiah"] == 0
    report.see("v2.preview_cancellation", "GET", is_so, preview)
    done = caller.call("POST", path, {"reason": "Pengajar sakit."})
    is_so = done.status == 200 and done.json["refunded_rupiah"] == preview.json["refunded_rupiah"] > 0
    report.see("v2.cancel_purchase", "POST", is_so, done)
    answer = caller.call("GET", f"/purchases/{purchase}")
    report.see("v2.cancel_purchase", "and it has ended", answer.json.get("state") == "ended", answer)


def open_webhook(caller: Caller, receiver: Receiver, report: Report) -> int:
    """The webhook's number."""
    answer = caller.call("POST", "/webhooks", {"url": receiver.url})
    is_so = answer.status == 201 and answer.json["secret"].startswith("whsec_")
    report.see("v2.open_webhook", "POST /webhooks", is_so, answer)
    receiver.secret, number = answer.json["secret"], int(answer.json["webhook"])
    refused = caller.call("POST", "/webhooks", {"url": "http://lembaga.example.com/bekal"})
    report.see("v2.open_webhook", "http over the net", refused.status == 422, refused)
    answer = caller.call("GET", "/webhooks")
    is_so = [line["webhook"] for line in answer.json["items"]] == [number] and "secret" not in answer.json["items"][0]
    report.see("v2.webhooks", "GET /webhooks, without secrets", is_so, answer)
    answer = caller.call("POST", f"/webhooks/{number}/pings")
    report.see("v2.ping_webhook", "POST a ping", answer.status == 202 and answer.json["delivery_count"] == 1, answer)
    answer = caller.call("POST", f"/webhooks/{number}/secrets")
    is_so = answer.status == 201 and answer.json["secret"] not in (None, receiver.secret)
    report.see("v2.change_webhook_secret", "POST for a new secret, the old one signs on for a day", is_so, answer)
    return number


def deliveries(caller: Caller, receiver: Receiver, wanted: set[tuple[str, Any]], report: Report) -> None:
    """What happened (event and purchase) has been told, each once unless it is asked for again."""

    def told() -> set[tuple[str, Any]]:
        return {(event["type"], event["data"].get("purchase")) for event in receiver.events}

    is_told = receiver.wait(lambda events: wanted <= told())
    report.see("v2.webhook_delivered", "received, and rightly signed", is_told and not receiver.refused_count, told())
    ping = next((event["id"] for event in receiver.events if event["type"] == "ping"), "")
    # That they have arrived here is noted there a moment later.
    found, until = _delivered(caller), time.monotonic() + 30
    while len(found) < len(wanted) and time.monotonic() < until:
        time.sleep(0.2)
        found = _delivered(caller)
    named = {line["message_id"]: line for line in found}
    is_so = ping in named and all(line["state"] == "delivered" for line in found) and len(named) == len(found) > 2
    report.see("v2.webhook_deliveries", "GET /webhooks/deliveries", is_so, found)
    answer = caller.call("POST", f"/webhooks/deliveries/{named[ping]['delivery']}/replays")
    report.see("v2.replay_delivery", "POST a replay", answer.status == 202, answer)
    is_again = receiver.wait(lambda events: [event["id"] for event in events].count(ping) == 2)
    report.see("v2.replay_delivery", "it came again under the same webhook-id", is_again, receiver.events)


def _delivered(caller: Caller) -> list[Values]:
    """What was delivered, page by page."""
    found, path = [], "/webhooks/deliveries?state=delivered&limit=2"
    while path:
        answer = caller.call("GET", path)
        found += answer.json.get("items", [])
        path = f"/webhooks/deliveries?limit=2&cursor={answer.json['next']}" if answer.json.get("next") else ""
    return found


def money(caller: Caller, receiver: Receiver, report: Report) -> None:
    """The sandbox's clock moves until the institution is paid."""
    moved = [caller.call("POST", "/sandbox/clock", {"to": "days", "days": days}) for days in (2, 30)]
    report.see("v2.statement", "POST /sandbox/clock", all(answer.status == 200 for answer in moved), moved[-1])
    settled = sum(answer.json["settled_rupiah"] for answer in moved)
    whole = caller.call("GET", "/statement")
    sums = whole.json["totals"]
    report.see("v2.statement", "price = escrow + owed + paid + refunded", is_balanced(sums), whole)
    report.see("v2.statement", "paid is what was settled", sums["paid_rupiah"] == settled > 0, (settled, sums))
    lines, path = [], "/statement?limit=2"
    while path:
        page = caller.call("GET", path)
        lines += page.json["items"]
        path = f"/statement?limit=2&cursor={page.json['next']}" if page.json["next"] else ""
    added = {name: sum(line[name] for line in lines) + whole.json["not_redeemed"][name] for name in SUMS}
    is_so = all(sums[name] == added[name] for name in SUMS) and all(is_balanced(line) for line in lines)
    report.see("v2.statement", "totals = lines + not_redeemed, page by page", is_so, (added, sums))
    is_told = receiver.wait(lambda events: any(event["type"] == "settlement.paid" for event in events))
    report.see("v2.webhook_delivered", "settlement.paid", is_told, [event["type"] for event in receiver.events])


def is_balanced(sums: Values) -> bool:
    """Whether the price is where it is said to be."""
    return bool(sums["price_rupiah"] == sum(sums[name] for name in SUMS))


def close_webhook(caller: Caller, webhook: int, report: Report) -> None:
    answer = caller.call("DELETE", f"/webhooks/{webhook}")
    report.see("v2.close_webhook", "DELETE", answer.status == 200 and bool(answer.json["closed_at"]), answer)
    answer = caller.call("POST", f"/webhooks/{webhook}/pings")
    report.see("v2.close_webhook", "closed for good", is_refused(answer, 409, "endpoint_closed"), answer)


def rotation(caller: Caller, readable: str, other: tuple[str, str], report: Report) -> Caller:
    """A key that may do less, then one to go on with; the old one is revoked by the new. `readable` is an address of
    the scope `purchases`, `other` one of another scope, with its name."""
    forbidden, scope = other
    answer = caller.call("POST", "/keys", {"scopes": ["purchases", "keys"]})
    lesser = Caller(caller.base, answer.json["key_id"], answer.json["secret"])
    report.see("v2.issue_key", "with two scopes", answer.status == 201, answer)
    answer = lesser.call("GET", f"{readable}?limit=1")
    report.see("v2.rotation", "the second key is answered while the first is live", answer.status == 200, answer)
    answer = lesser.call("GET", forbidden)
    is_so = is_refused(answer, 403, "scope_missing") and answer.json.get("scope") == scope
    report.see("v2.issue_key", "and does no more", is_so, answer)
    answer = caller.call("POST", "/keys", {})
    report.see("v2.issue_key", "a third", is_refused(answer, 409, "two_keys_live"), answer)
    answer = lesser.call("DELETE", f"/keys/{lesser.key_id}")
    report.see("v2.revoke_key", "its own", answer.status == 200, answer)
    answer = caller.call("POST", "/keys", {}, key="rotation-1")
    newer = Caller(caller.base, answer.json["key_id"], answer.json["secret"])
    again = caller.call("POST", "/keys", {}, key="rotation-1")
    is_so = again.json.get("key_id") == newer.key_id and again.json["secret"] is None
    report.see("v2.issue_key", "a retry is not told the secret", is_so, again)
    answer = newer.call("DELETE", f"/keys/{caller.key_id}")
    report.see("v2.revoke_key", "the old one, by the new", answer.status == 200, answer)
    answer = caller.call("GET", "/me")
    report.see("v2.revoke_key", "which is not answered any more", is_refused(answer, 401, "key_revoked"), answer)
    answer = newer.call("DELETE", f"/keys/{newer.key_id}")
    report.see("v2.revoke_key", "the last", is_refused(answer, 409, "last_key"), answer)
    return newer


def rate_limit(caller: Caller, report: Report) -> None:
    """As fast as it can until it is told to wait; then it waits, and is answered."""
    refused, begun = [], time.monotonic()
    callers = [Caller(caller.base, caller.key_id, caller.secret) for _ in range(6)]

    def hurry(own: Caller) -> None:
        while not refused and time.monotonic() - begun < 60:
            answer = own.call("GET", "/me")
            if answer.status != 200:
                refused.append(answer)

    threads = [threading.Thread(target=hurry, args=[each]) for each in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer = refused[0] if refused else caller.call("GET", "/me")
    seconds = answer.headers.get("retry-after", "")
    is_so = is_refused(answer, 429, "rate_limited") and seconds.isdigit()
    report.see("v2.rate_limit", "told to wait", is_so, answer)
    if seconds.isdigit():
        time.sleep(int(seconds))
    answer = caller.call("GET", "/me")
    report.see("v2.rate_limit", "and answered after Retry-After", answer.status == 200, answer)


def conformance(caller: Caller, report: Report) -> None:
    """What the programme has seen of this system."""
    answer = caller.call("GET", "/sandbox/conformance", languages="en")
    for line in answer.json.get("checks", []):
        if line["code"].startswith("v2."):
            report.see(line["code"], "green on the conformance page", line["state"] == "green", line)
