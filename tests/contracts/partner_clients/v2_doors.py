"""v2's further doors for evidence, as docs/partners/evidence-files.md and xapi.md describe them."""

import hashlib
import uuid
from datetime import datetime
from typing import Any

from report import Report
from v2_calls import Caller

COURSE = "https://lembaga.example/kursus/{}"
CMI5 = "https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd"
MOVE_ON = "https://w3id.org/xapi/cmi5/context/categories/moveon"


def doors(caller: Caller, redeemed: dict[str, Any], report: Report) -> None:
    """A purchase of its own is shown by a file and by a learning system's statements."""
    purchase, training = redeemed["purchase"], redeemed["training"]
    _file(caller, purchase, report)
    course = COURSE.format(training["code"])
    units = "".join(
        f'<au id="{course}/{number}" moveOn="Completed"><url>{course}/{number}</url></au>'
        for number in range(1, training["session_count"] + 1)
    )
    xml = f'<courseStructure xmlns="{CMI5}"><course id="{course}"/>{units}</courseStructure>'.encode()
    path = f"/xapi/courses?training={training['code']}"
    answer = caller.call("POST", path, xml, form="application/xml")
    is_so = answer.status == 200 and all(unit["is_evidence"] for unit in answer.json["units"])
    report.see("v2.register_course", "POST its cmi5.xml", is_so, answer)
    places = [f"{course}/{number}" for number in range(1, training["session_count"] + 1)]
    statements = [_said(caller, purchase, "http://adlnet.gov/expapi/verbs/completed", place) for place in places]
    statements.append(_said(caller, purchase, "https://w3id.org/xapi/adl/verbs/satisfied", course))
    answer = caller.call("POST", "/xapi/statements", statements)
    pieces = [line["pieces"] for line in answer.json.get("statements", [])]
    is_so = pieces == [["attendance"]] * len(places) + [["completion"]]
    report.see("v2.send_statements", "each unit completed, the course satisfied", is_so, answer)


def _file(caller: Caller, purchase: int, report: Report) -> None:
    head = b"purchase,piece,sequence,percent,happened_at,holds,revision,reason\n"
    rows = head + f"{purchase},progress,,40,,true,,\n".encode()
    file = rows + f"trailer,1,{purchase},40,{hashlib.sha256(rows).hexdigest()}\n".encode()
    answer = caller.call("POST", "/evidence-files", file, form="text/csv")
    report.see("v2.send_evidence_file", "POST a CSV", 200 <= answer.status < 300, answer)
    answer = caller.call("POST", "/evidence-files", file, form="text/csv")
    report.see("v2.send_evidence_file", "the same again", answer.json.get("repeated") is True, answer)
    answer = caller.call("POST", "/evidence-files", rows, form="text/csv")
    is_so = answer.status == 422 and answer.json.get("code") == "file_refused" and answer.json["errors"][0]["line"] > 0
    report.see("v2.send_evidence_file", "cut before its trailer", is_so, answer)


def _said(caller: Caller, purchase: int, verb: str, place: str) -> dict[str, Any]:
    completed = verb.endswith("completed")
    said: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "actor": {"account": {"homePage": caller.base, "name": str(purchase)}},
        "verb": {"id": verb},
        "object": {"id": place},
        "context": {"contextActivities": {"category": [{"id": MOVE_ON}]}} if completed else {},
        "timestamp": _now(caller),
    }
    return said | ({"result": {"completion": True, "duration": "PT45M"}} if completed else {})


def _now(caller: Caller) -> str:
    """The programme's instant, which is the sandbox's own."""
    return datetime.fromisoformat(caller.call("GET", "/me").json["at"]).isoformat()
