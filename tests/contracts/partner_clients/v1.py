"""v1, as docs/partners/v1.md describes it: six calls, four ways to sign a body, and each refusal."""

import hashlib
import hmac
import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from report import Report
from wire import Answer, Wire

PATH = "/api/v1/integration/"
STATUS, COMMIT, REDIRECT = "payment/redeem-code/status", "payment/redeem-code/commit", "oauth/url-generate"
TASK, TASK_STATUS, FEEDBACK = "tpm/submission", "tpm/submission/status", "tpm/feedback/submission"
STATUS_TYPES = {
    "redeem_code": str,
    "course_code": str,
    "invoice_code": str,
    "schedule_code": str,
    "status": int,
    "attendance_status": int,
    "redeem_at": str,
    "dp_platform": str,
    "schedule_start_end": str,
    "course_type": int,
    "course_type_label": str,
    "course_learning_method": str,
    "is_online_attendance": bool,
    "sequence": int,
}
# Made up, in the alphabet of codes.
NOBODYS = "22223333444455{:02}"
Values = dict[str, Any]


def as_raw(sent: str) -> str:
    return sent


def as_compact(sent: str) -> str:
    return json.dumps(json.loads(sent), separators=(",", ":"), ensure_ascii=False)


def as_go(sent: str) -> str:
    return as_compact(sent).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def as_php(sent: str) -> str:
    return as_compact(sent).replace("/", "\\/")


class Caller:
    """Signs with one key."""

    def __init__(self, base: str, client_code: str, key: str) -> None:
        self.wire, self.client_code, self.key = Wire(base), client_code, key

    def call(
        self,
        operation: str,
        fields: Values,
        *,
        form: Any = as_raw,
        stamp: int | None = None,
        is_forged: bool = False,
        name: str = "client_code",
        more: Values | None = None,
    ) -> Answer:
        """The body is sent with blanks, and signed in the form."""
        sent, moment = json.dumps(fields, ensure_ascii=False), str(int(time.time()) if stamp is None else stamp)
        text = f"{self.client_code}{moment}POST{PATH}{operation}{form(sent)}"
        signature = hmac.new(self.key.encode(), text.encode(), hashlib.sha1).hexdigest()
        if is_forged:
            signature = signature[:-1] + ("0" if signature[-1] != "0" else "1")
        headers = {"Content-Type": "application/json", name: self.client_code}
        headers |= {"timestamp": moment, "signature": signature} | (more or {})
        answer = self.wire.send("POST", PATH + operation, headers, sent.encode())
        envelope = answer.json
        assert set(envelope) == {"success", "message", "data"} and envelope["message"], answer
        assert envelope["success"] is (answer.status == 200) and isinstance(envelope["data"], dict), answer
        return answer


def is_refused(answer: Answer, status: int, *codes: str) -> bool:
    """Whether it is one of these refusals: the envelope without data, and the code in the header."""
    return answer.status == status and answer.headers.get("bekal-refusal") in codes and answer.json["data"] == {}


def speak_v1(base: str, access: Values, report: Report) -> None:
    """Everything the conformance page asks of v1; at the end the key is suspended (`sandbox-keys` lifts it)."""
    caller = Caller(base, access["client_code"], access["key"])
    codes = {purpose: line["redeem_code"] for purpose, line in access["codes"].items()}
    _redeem(caller, codes, report)
    _tasks(caller, codes["self_paced"], report)
    _attend(caller, codes, access["redirect_uri"], report)
    _refused_codes(caller, codes, report)
    _refused_calls(caller, codes["self_paced"], report)
    _misses(caller, codes["self_paced"], report)


def _redeem(caller: Caller, codes: Values, report: Report) -> None:
    code = codes["self_paced"]
    answer = caller.call(STATUS, {"redeem_code": code})
    data = answer.json["data"]
    is_whole = all(type(data.get(name)) is kind for name, kind in STATUS_TYPES.items())
    is_so = answer.status == 200 and is_whole and (data["status"], data["redeem_code"]) == (0, code)
    report.see("v1.status", STATUS, is_so, answer)
    answer = caller.call(
        TASK, {"redeem_code": code, "scope": "tpm", "sequence": 1, "url_file": "https://a.example/a.pdf"}
    )
    report.see("v1.submission", "before the code was taken", is_refused(answer, 409, "code_not_redeemed"), answer)
    stamp = int(time.time())
    first, again = (caller.call(COMMIT, {"redeem_code": code}, form=as_compact, stamp=stamp) for _ in range(2))
    report.see("v1.commit", COMMIT, first.status == 200 and first.json["data"]["status"] == 1, first)
    report.see("v1.form.compact", "sent with blanks, signed without", first.status == 200, first)
    is_same = (again.status, again.body) == (200, first.body) and again.headers.get("bekal-repeated") == "true"
    report.see("v1.replay", "the very same call again", is_same, again)
    answer = caller.call(STATUS, {"redeem_code": code, "sequence": 1}, name="Client_Code")
    is_taken = answer.status == 200 and answer.json["data"]["status"] == 1 and answer.json["data"]["redeem_at"]
    report.see("v1.form.raw", "signed as sent; Client_Code", bool(is_taken), answer)
    answer = caller.call(COMMIT, {"redeem_code": codes["webinar"]})
    report.see("v1.window", "the webinar that begins now", answer.status == 200, answer)


def _tasks(caller: Caller, code: str, report: Report) -> None:
    task = {"redeem_code": code, "scope": "tpm", "sequence": 1}
    file = "https://lembaga.example/tugas/1.pdf?a=1&b=<2>"
    answer = caller.call(TASK_STATUS, task)
    is_so = answer.json["data"] == {"assignment": {"status": 0}, "feedback": {"status": 0}}
    report.see("v1.submission_status", "nothing sent yet", is_so, answer)
    answer = caller.call(FEEDBACK, task | {"notes": "", "url_file": ""})
    report.see("v1.feedback", "for nothing", is_refused(answer, 409, "task_not_sent"), answer)
    answer = caller.call(TASK, task | {"url_file": file}, form=as_go)
    data = answer.json["data"]
    is_so = answer.status == 200 and data["status"] == 1 and data["url_file"] == file and data["id"] and data["task_id"]
    report.see("v1.submission", TASK, bool(is_so), answer)
    report.see("v1.form.go", "& < > signed as Go writes them", answer.status == 200, answer)
    answer = caller.call(TASK, task | {"url_file": "https://lembaga.example/tugas/2.docx"})
    report.see("v1.submission", "a second one before the feedback", is_refused(answer, 409, "task_pending"), answer)
    answer = caller.call(TASK, task | {"sequence": 2, "url_file": "https://lembaga.example/tugas/1.exe"})
    report.see("v1.submission", "neither .pdf nor .docx", is_refused(answer, 422, "url_file_malformed"), answer)
    answer = caller.call(TASK_STATUS, task | {"sequence": 11})
    report.see("v1.submission_status", "sequence 11", is_refused(answer, 422, "task_sequence_unknown"), answer)
    answer = caller.call(FEEDBACK, task | {"notes": "Rapi: 9/10", "url_file": ""}, form=as_php)
    data = answer.json["data"]
    is_so = answer.status == 200 and (data["status"], data["notes"], data["url_file"]) == (2, "Rapi: 9/10", "")
    report.see("v1.feedback", FEEDBACK, is_so, answer)
    report.see("v1.form.php", "/ signed as PHP writes it", answer.status == 200, answer)
    answer = caller.call(TASK_STATUS, task | {"redeem_code": code.lower()})
    is_so = answer.json["data"] == {"assignment": {"status": 2}, "feedback": {"status": 2}}
    report.see("v1.submission_status", TASK_STATUS, is_so, answer)


def _attend(caller: Caller, codes: Values, redirect_uri: str, report: Report) -> None:
    """The participant's browser is played here: it opens the address, and confirms."""
    session = {"redeem_code": codes["webinar"], "sequence": 1}
    asked = session | {"redirect_uri": redirect_uri, "email": "peserta@contoh.example"}
    answer = caller.call(STATUS, session)
    is_open = answer.json["data"]["attendance_status"] == 0 and answer.json["data"]["is_online_attendance"] is True
    report.see("v1.attendance", "not proven before", is_open, answer)
    answer = caller.call(REDIRECT, asked)
    data = answer.json["data"]
    is_so = answer.status == 200 and data["course"] == {"type": 2, "learning_method": "online"} and data["state"]
    report.see("v1.url_generate", REDIRECT, bool(is_so), answer)
    page = Wire(data["url"]).send("GET", urlsplit(data["url"]).path, {})
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body.decode())
    report.see("v1.attendance", "the participant's page opens", page.status == 200 and token is not None, page)
    headers = {"Cookie": page.headers["set-cookie"].partition(";")[0], "Referer": data["url"]}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    form = f"csrfmiddlewaretoken={quote(token.group(1) if token else '')}".encode()
    back = Wire(data["url"]).send("POST", urlsplit(data["url"]).path, headers, form)
    location = back.headers.get("location", "")
    came_back = location.startswith(redirect_uri) and parse_qs(urlsplit(location).query).get("state") == [data["state"]]
    report.see("v1.attendance", "confirmed, and sent back with state", back.status in (302, 303) and came_back, back)
    answer = caller.call(STATUS, session | {"redeem_code": codes["webinar"].lower()})
    report.see("v1.attendance", "attendance_status 1", answer.json["data"].get("attendance_status") == 1, answer)
    answer = caller.call(REDIRECT, asked | {"redirect_uri": redirect_uri + "/"})
    is_so = is_refused(answer, 422, "redirect_uri_not_registered")
    report.see("v1.url_generate", "another redirect_uri", is_so, answer)
    answer = caller.call(REDIRECT, asked | {"sequence": 31})
    report.see("v1.url_generate", "no such session", is_refused(answer, 422, "sequence_out_of_range"), answer)
    caller.call(COMMIT, {"redeem_code": codes["on_site"]})
    answer = caller.call(REDIRECT, asked | {"redeem_code": codes["on_site"]})
    report.see("v1.refusal.course_type", "on site", is_refused(answer, 422, "course_type_mismatch"), answer)


def _refused_codes(caller: Caller, codes: Values, report: Report) -> None:
    for check, operation, code, status, word in (
        ("v1.refusal.code_not_found", STATUS, NOBODYS.format(0).replace("0", "9"), 404, "code_not_found"),
        ("v1.refusal.other_institution", STATUS, codes["elsewhere"], 403, "code_of_another_institution"),
        ("v1.refusal.code_cancelled", COMMIT, codes["ended"], 410, "code_cancelled"),
        ("v1.refusal.transaction_cancelled", COMMIT, codes["cancelled"], 410, "transaction_cancelled"),
        ("v1.refusal.code_used", COMMIT, codes["used"], 409, "code_already_used"),
        ("v1.refusal.outside_window", COMMIT, codes["later"], 409, "outside_redemption_window"),
    ):
        answer = caller.call(operation, {"redeem_code": code})
        report.see(check, operation, is_refused(answer, status, word), answer)


def _refused_calls(caller: Caller, code: str, report: Report) -> None:
    asked, now = {"redeem_code": code}, int(time.time())
    answer = caller.call(STATUS, asked, is_forged=True)
    report.see("v1.refusal.signature", "one character changed", is_refused(answer, 401, "signature_wrong"), answer)
    for seconds in (-600, 600):
        answer = caller.call(STATUS, asked, stamp=now + seconds)
        tried = f"a timestamp {seconds} seconds off"
        report.see("v1.refusal.timestamp", tried, is_refused(answer, 401, "timestamp_expired"), answer)
    answer = caller.call(STATUS, asked, stamp=now * 1000)
    report.see("v1.refusal.timestamp", "milliseconds", is_refused(answer, 401, "timestamp_malformed"), answer)
    answer = caller.call(STATUS, asked, more={"client-code": caller.client_code})
    report.see("v1.refusal.signature", "client-code, too", is_refused(answer, 401, "header_repeated"), answer)
    answer = caller.call(STATUS, asked, name="client-code")
    report.see("v1.refusal.signature", "client-code alone", is_refused(answer, 401, "header_missing"), answer)
    for fields, status, word in (
        ({}, 422, "field_missing"),
        ({"redeem_code": 7}, 422, "field_not_text"),
        (asked | {"sequence": "1"}, 422, "field_not_number"),
    ):
        answer = caller.call(STATUS, fields)
        report.see("v1.status", f"{fields and list(fields.values())[-1]!r}", is_refused(answer, status, word), answer)
    answer = caller.call("peserta/cari", {"nik": "1"})
    report.see("v1.status", "none of the six", is_refused(answer, 404, "endpoint_unknown"), answer)


def _misses(caller: Caller, code: str, report: Report) -> None:
    """Two were missed above; the twentieth suspends the key."""
    words = []
    for number in range(25):
        answer = caller.call(STATUS, {"redeem_code": NOBODYS.format(number + 22)})
        words.append(answer.headers.get("bekal-refusal", ""))
        if words[-1] != "code_not_found":
            break
    is_so = 17 <= words.count("code_not_found") <= 18 and words[-1] in ("too_many_misses", "client_suspended")
    report.see("v1.refusal.suspended", "twenty misses", is_so, words)
    answer = caller.call(STATUS, {"redeem_code": code, "sequence": 1})
    is_shut = is_refused(answer, 429, "too_many_misses") or is_refused(answer, 403, "client_suspended")
    report.see("v1.refusal.suspended", "and nothing is answered after them", is_shut, answer)
