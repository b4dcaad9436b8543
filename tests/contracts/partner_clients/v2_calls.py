"""v2's calls: how they are signed, and how what is refused looks."""

import hashlib
import hmac
import json
import time
import uuid
from typing import Any

from wire import Answer, Wire

PATH = "/api/v2"


class Caller:
    """Signs with one key; `languages` as a browser would say them."""

    def __init__(self, base: str, key_id: str, secret: str) -> None:
        self.wire, self.base, self.key_id, self.secret = Wire(base), base, key_id, secret

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        seconds_off: int = 0,
        is_forged: bool = False,
        languages: str = "id",
        form: str = "application/json",
    ) -> Answer:
        """`key` is the Idempotency-Key; a writing call without one makes its own. Bytes are sent as they are."""
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        target, stamp = PATH + path, str(int(time.time()) + seconds_off)
        idempotency_key = "" if method == "GET" else key or str(uuid.uuid4())
        lines = ["v1", self.key_id, stamp, method, target, idempotency_key, hashlib.sha256(sent).hexdigest()]
        signature = hmac.new(self.secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        if is_forged:
            signature = signature[:-1] + ("0" if signature[-1] != "0" else "1")
        headers = {"Bekal-Key": self.key_id, "Bekal-Timestamp": stamp, "Bekal-Signature": "v1=" + signature}
        headers |= {"Accept-Language": languages}
        if sent:
            headers["Content-Type"] = form
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        return self.wire.send(method, target, headers, sent)

    def pages(self, path: str) -> tuple[list[Any], list[Answer]]:
        """Every item of a list, two at a time, and the answers."""
        items, answers, address = [], [], f"{path}?limit=2"
        while address:
            answers.append(self.call("GET", address))
            items += answers[-1].json.get("items", [])
            cursor = answers[-1].json.get("next")
            address = f"{path}?limit=2&cursor={cursor}" if cursor else ""
        return items, answers

    def codes(self, purpose: str, count: int) -> list[str]:
        """Unused redeem codes of test people."""
        answer = self.call("POST", "/sandbox/codes", {"purpose": purpose, "count": count})
        assert answer.status == 201, answer
        return [line["redeem_code"] for line in answer.json["codes"]]


def is_refused(answer: Answer, status: int, code: str) -> bool:
    """Whether it is that problem, in the form that every problem has."""
    problem = answer.json
    return (
        answer.status == status
        and answer.headers.get("content-type", "").startswith("application/problem+json")
        and problem.get("code") == code
        and problem.get("status") == status
        and problem.get("type", "").endswith(f"/api/v2/problems/{code}")
        and bool(problem.get("title") and problem.get("detail"))
    )
