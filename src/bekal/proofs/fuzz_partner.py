"""The second generation of the partner API: cases of schemathesis from the document, and our own corpus, signed."""

import json
import random
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.http import HttpResponse
from django.test import Client

from bekal.core import partner_signature_v2
from bekal.ledger.clock import machine_now
from bekal.proofs.fuzz_corpus import ANY, BODIES, HEADER_VALUES, bent_bytes, bent_json
from bekal.proofs.fuzz_documents import bent_xml
from bekal.proofs.fuzz_rounds import Place
from bekal.proofs.fuzz_tables import bent_table
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.fuzz_world import Books
from bekal.proofs.partner_calls import V2, Operation, PartnerSystem, client, document, operations

PROBLEM = "application/problem+json"
SIGNED = ("bekal-key", "bekal-timestamp", "bekal-signature", "idempotency-key")
SANDBOX_SHARE = 0.25
PARAMETERS = ("limit", "cursor", "training", "since", "until", "state", "month", "from", "to", "x", "limit", "")
# Not Host: an answer to another's address is not the door's.
HEADERS = (
    *("Content-Type", "Accept", "Accept-Language", "Idempotency-Key", "Bekal-Timestamp", "Content-Encoding"),
    *("Bekal-Key", "Bekal-Signature", "Transfer-Encoding", "X-Forwarded-For", "Origin", "Expect"),
)
FILES = (bent_table, bent_xml)


def v2_places(watch: Watch, books: Books) -> list[Place]:
    """Each operation of the second generation. In the sandbox those that both books have get a quarter."""
    places = []
    for visit in visits(watch, books):
        is_whole = not books.name or visit.operation.path.startswith("/sandbox/")
        places.append(Place(visit.place, visit.try_some, 1.0 if is_whole else SANDBOX_SHARE))
    return places


def visits(watch: Watch, books: Books) -> Iterator["Visit"]:
    """Each operation of the document as it is served."""
    import schemathesis

    found = document()
    schema: Any = schemathesis.openapi.from_dict(json.loads(json.dumps(found)))
    described = {(each.method.upper(), each.path): each for each in (r.ok() for r in schema.get_all_operations())}
    for operation in operations(found):
        path, method = V2 + operation.path, operation.method
        statuses = {int(status) for status in found["paths"][path][method.lower()]["responses"]}
        yield Visit(watch, books, operation, described[method, path], statuses)


class Visit:
    """Cases of one operation."""

    def __init__(self, watch: Watch, books: Books, operation: Operation, described: Any, statuses: set[int]) -> None:
        self.watch, self.books, self.operation, self.described = watch, books, operation, described
        self.statuses, self.rng = statuses, random.Random(0)
        self.place = f"{books.name}v2 {operation.name}"
        self.system = books.systems.get(operation.who, books.systems["institution"])

    def try_some(self, numbers: range, rng: random.Random) -> None:
        """A third by schemathesis, right and wrong; a third of what it made, bent; the rest the example, bent."""
        self.rng = rng
        made = len(numbers) // 3
        self.generated(made)
        for _ in range(len(numbers) - 2 * made):
            self.bent()

    def bent(self) -> None:
        """One case of our own corpus: of the example that the document gives, about what exists."""
        rng = self.rng
        path = re.sub(r"\{(\w+)\}", lambda found: self._argument(found[1]), self.operation.path)
        query = ""
        if rng.random() < (0.2 if self.operation.writes else 0.7):
            pairs = [(rng.choice(PARAMETERS), rng.choice(ANY)[:3_000]) for _ in range(rng.randrange(1, 4))]
            query = "&".join(f"{escaped(name)}={escaped(value)}" for name, value in pairs)
        body = b""
        if isinstance(self.operation.example, str):
            body = rng.choice(FILES)(self.operation.example.encode(), rng)[1]
        elif self.operation.example is not None:
            body = bent_json(self._about(self.operation.example), rng)
        elif rng.random() < 0.1:
            body = rng.choice(list(BODIES.values()))
        headers = {"Content-Type": self.operation.media_type} if self.operation.media_type and body else {}
        if rng.random() < 0.25:
            headers[rng.choice(HEADERS)] = rng.choice(HEADER_VALUES)
        self._send(path, query, body, headers, method=rng.choice(METHODS) if rng.random() < 0.03 else None)

    def generated(self, count: int) -> None:
        """Cases of schemathesis, half of them right by the document; each one once more with one thing of it bent."""
        from hypothesis import HealthCheck, Phase, given, seed, settings
        from schemathesis import GenerationMode

        for mode, wanted in ((GenerationMode.POSITIVE, count // 2), (GenerationMode.NEGATIVE, count - count // 2)):
            if wanted:
                settled = settings(
                    max_examples=wanted,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                given_cases = given(self.described.as_strategy(generation_mode=mode))(self._take)
                seed(self.rng.randrange(2**32))(settled(given_cases))()

    def _take(self, case: Any) -> None:
        rng = self.rng
        path = re.sub(r"\{(\w+)\}", lambda found: self._step(case.path_parameters.get(found[1])), self.operation.path)
        query = {name: _text(value) for name, value in (case.query or {}).items()}
        body = case.body
        if type(body).__name__ == "NotSet":
            sent, body = b"", None
        elif isinstance(body, bytes):
            sent, body = body, None
        else:
            body = self._about(body) if rng.random() < 0.5 else body
            sent = json.dumps(body, default=str).encode("utf-8", "surrogatepass")
        headers = {
            name: sendable(_text(value))
            for name, value in (case.headers or {}).items()
            if re.fullmatch(r"[A-Za-z0-9-]{1,60}", name) and (name.lower() not in SIGNED or rng.random() < 0.05)
        }
        if case.media_type:
            headers.setdefault("Content-Type", case.media_type)
        self._send(path, _query_of(query), sent, headers)
        if sent and rng.random() < 0.8:
            sent = bent_bytes(sent, rng) if body is None else bent_json(body, rng)
        else:
            query[rng.choice((*query, *PARAMETERS))] = rng.choice(ANY)[:3_000]
        self._send(path, _query_of(query), sent, headers)

    def _send(
        self, path: str, query: str, body: bytes, headers: Mapping[str, str], *, method: str | None = None
    ) -> None:
        asked = method or self.operation.method
        said = f"{asked} {path}?{query} {dict(headers)} {body[:150]!r}"

        def send() -> str | None:
            response = signed_call(self.system, asked, V2 + path, query=query, body=body, headers=headers)
            self.watch.answers[str(response.status_code)] += 1
            return self._wrong(response, is_theirs=method is None and path.count("/") == self.operation.path.count("/"))

        self.watch.case(self.place, said, send, undo=self.books.undo)

    def _wrong(self, response: HttpResponse, *, is_theirs: bool) -> str | None:
        status, content = response.status_code, response.content
        told = f"{status} {content[:200].decode(errors='replace')}"
        if status >= 500 and not (status == 503 and is_theirs and status in self.statuses):
            return f"a fault of ours: {told}"
        if b"Traceback (most" in content:
            return f"shows what is inside: {told}"
        if 300 <= status < 400:
            return f"leads elsewhere: {status} {response.headers.get('Location', '')}"
        if status >= 400 and response.headers.get("Content-Type") != PROBLEM:
            return f"refuses without a problem: {told}"
        if not is_theirs:
            return None
        if status not in self.statuses:
            return f"answers {status}, which the document does not name: {told}"
        return conforms(self.described, response)

    def _argument(self, name: str) -> str:
        """Of an address: half the time what exists."""
        return self._known(name) if self.rng.random() < 0.5 else escaped(self.rng.choice(ANY)[:300] or "x")

    def _step(self, value: Any) -> str:
        return str(self.rng.choice(self.books.purchase_ids)) if self.rng.random() < 0.4 else escaped(_text(value), "%")

    def _known(self, name: str) -> str:
        if name == "training":
            return quote(self.books.training_code, safe="")
        return str(self.rng.choice(self.books.purchase_ids)) if name == "purchase" else "1"

    def _about(self, value: Any) -> Any:
        """The same body about a purchase and a code that exist."""
        known: dict[str, Any] = {
            "purchase": self.rng.choice(self.books.purchase_ids),
            "redeem_code": self.rng.choice(self.books.redeem_codes),
            "training": self.books.training_code,
        }
        if isinstance(value, dict):
            return {
                name: known[name] if name in known and not isinstance(part, dict | list) else self._about(part)
                for name, part in value.items()
            }
        return [self._about(part) for part in value] if isinstance(value, list) else value


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "X" * 3_000)


def signed_call(
    system: PartnerSystem, method: str, path: str, *, query: str, body: bytes, headers: Mapping[str, str]
) -> HttpResponse:
    """A call of v2 whose target is signed and sent as it stands; `headers` replace what would be sent."""
    target, stamp = path + (f"?{query}" if query else ""), str(int(machine_now().timestamp()))
    wanted = {name.lower(): value for name, value in headers.items()}
    key = "" if method == "GET" else wanted.get("idempotency-key", str(uuid4()))
    text = partner_signature_v2.string_to_sign(
        key_id=system.key_id,
        timestamp=wanted.get("bekal-timestamp", stamp),
        method=method,
        target=target,
        idempotency_key=key,
        body=body,
    )
    sent = {
        "bekal-key": system.key_id,
        "bekal-timestamp": stamp,
        "bekal-signature": f"v1={partner_signature_v2.signature(system.secret, text)}",
        **({"idempotency-key": key} if key else {}),
        **wanted,
    }
    content_type = sent.pop("content-type", "application/json" if body else "")
    answer: Any = fresh_client().generic(method, target, body, content_type, headers=sent, RAW_URI=target)
    return answer


def fresh_client() -> Client:
    """A client without cookies; all share one chain of middleware, which takes longer to build than a call."""
    made = client()
    made.handler = _shared().handler
    return made


@cache
def _shared() -> Client:
    return client()


def conforms(described: Any, response: HttpResponse) -> str | None:
    """What the document says against this answer."""
    import requests
    from schemathesis import Response

    headers = {name.lower(): [value] for name, value in response.headers.items()}
    request = requests.Request("GET", "http://localhost/").prepare()
    read = Response(response.status_code, headers, response.content, request, 0.0, False)
    try:
        described.validate_response(read)
    except Exception as error:  # a group of whatever kinds of failure there are
        told = " ".join(" ".join(str(part).split()) for part in getattr(error, "exceptions", (error,)))
        return f"is not as the document says: {told[:300]}"
    return None


def escaped(text: str, more: str = "") -> str:
    """A text within an address; half characters as their bytes."""
    return quote(text.encode("utf-8", "surrogatepass"), safe=more)


def sendable(text: str) -> str:
    """A text as a header can carry it: bytes of UTF-8, no line end."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1").replace("\r", "").replace("\n", "")


def _query_of(pairs: Mapping[str, str]) -> str:
    return "&".join(f"{escaped(name)}={escaped(value)}" for name, value in pairs.items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
