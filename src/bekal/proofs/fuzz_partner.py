"""Both generations of the partner API: cases of schemathesis from the document, and our own corpus; each one signed."""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, get_resolver

from bekal.core import partner_signature, partner_signature_v2
from bekal.ledger.clock import machine_now
from bekal.proofs.fuzz_corpus import ANY, BODIES, HEADER_VALUES, TEXTS, bent_json
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.fuzz_world import FuzzWorld
from bekal.proofs.partner_calls import V1, V2, Operation, PartnerSystem, client, document, operations

PROBLEM = "application/problem+json"
SIGNED = ("bekal-key", "bekal-timestamp", "bekal-signature", "idempotency-key")
AT_ONCE = 500
PARAMETERS = ("limit", "cursor", "training", "since", "until", "state", "month", "from", "to", "x", "limit", "")
# Not Host: an answer to another's address is not the door's.
HEADERS = (
    *("Content-Type", "Accept", "Accept-Language", "Idempotency-Key", "Bekal-Timestamp", "Content-Encoding"),
    *("Bekal-Key", "Bekal-Signature", "Transfer-Encoding", "X-Forwarded-For", "Origin", "Expect"),
)
V1_FIELDS: Mapping[str, Any] = {
    "redeem_code": "AAAA-BBBB-CCCC-DDDD",
    "sequence": 1,
    "redirect_uri": "https://lembaga.example/kembali",
    "email": "siti@contoh.id",
    "scope": "tpm",
    "url_file": "https://lembaga.example/tugas.pdf",
    "notes": "Baik",
    "state": "x",
}


def fuzz_v2(watch: Watch, world: FuzzWorld, *, cases: int, rng: random.Random) -> None:
    """So many cases of each operation: two thirds by schemathesis, right and wrong, one third bent from the example."""
    for visit in visits(watch, world, rng):
        own = max(1, cases // 3)
        for _ in range(own):
            visit.bent()
        visit.generated(cases - own)


def visits(watch: Watch, world: FuzzWorld, rng: random.Random) -> Iterator["Visit"]:
    """Each operation of the document as it is served."""
    import schemathesis

    found = document()
    schema: Any = schemathesis.openapi.from_dict(json.loads(json.dumps(found)))
    described = {(each.method.upper(), each.path): each for each in (r.ok() for r in schema.get_all_operations())}
    for operation in operations(found):
        path, method = V2 + operation.path, operation.method
        statuses = {int(status) for status in found["paths"][path][method.lower()]["responses"]}
        yield Visit(watch, world, operation, described[method, path], statuses, rng)


class Visit:
    """Cases of one operation."""

    def __init__(
        self,
        watch: Watch,
        world: FuzzWorld,
        operation: Operation,
        described: Any,
        statuses: set[int],
        rng: random.Random,
    ) -> None:
        self.watch, self.world, self.operation, self.described = watch, world, operation, described
        self.statuses, self.rng = statuses, rng
        self.place = f"v2 {operation.name}"
        self.system = world.systems.get(operation.who, world.systems["institution"])

    def bent(self) -> None:
        """One case of our own corpus: of the example that the document gives, about what exists."""
        rng = self.rng
        path = re.sub(r"\{(\w+)\}", lambda found: self._argument(found[1]), self.operation.path)
        query = ""
        if rng.random() < (0.2 if self.operation.writes else 0.7):
            pairs = [(rng.choice(PARAMETERS), rng.choice(ANY)[:3_000]) for _ in range(rng.randrange(1, 4))]
            query = "&".join(f"{escaped(name)}={escaped(value)}" for name, value in pairs)
        body = b""
        if self.operation.example is not None:
            body = bent_json(self._about(self.operation.example), rng)
        elif rng.random() < 0.1:
            body = rng.choice(list(BODIES.values()))
        headers: dict[str, str] = {}
        if rng.random() < 0.25:
            headers[rng.choice(HEADERS)] = rng.choice(HEADER_VALUES)
        self._send(path, query, body, headers, method=rng.choice(METHODS) if rng.random() < 0.03 else None)

    def generated(self, count: int) -> None:
        """Cases of schemathesis, half of them right by the document. A few at once, so that a long run stays small."""
        from hypothesis import HealthCheck, Phase, given, seed, settings
        from schemathesis import GenerationMode

        settled = settings(
            max_examples=AT_ONCE,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        modes, done, idle = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE), 0, 0
        while done < count and idle < 2 * len(modes):
            mode = modes[(done // AT_ONCE + idle) % 2] if count > AT_ONCE else modes[int(done >= count // 2)]
            wanted = min(AT_ONCE, count - done if count > AT_ONCE or done else count // 2)
            before = self.watch.tries[self.place]
            given_cases = given(self.described.as_strategy(generation_mode=mode))(self._take)
            number = self.rng.randrange(2**32)
            seed(number)(settings(settled, max_examples=max(1, wanted))(given_cases))()
            made = self.watch.tries[self.place] - before
            done, idle = done + made, 0 if made else idle + 1

    def _take(self, case: Any) -> None:
        rng = self.rng
        path = re.sub(r"\{(\w+)\}", lambda found: self._step(case.path_parameters.get(found[1])), self.operation.path)
        query = "&".join(f"{escaped(name)}={escaped(_text(value))}" for name, value in (case.query or {}).items())
        body = case.body
        if type(body).__name__ == "NotSet":
            sent = b""
        elif isinstance(body, bytes):
            sent = body
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
        self._send(path, query, sent, headers)

    def _send(
        self, path: str, query: str, body: bytes, headers: Mapping[str, str], *, method: str | None = None
    ) -> None:
        asked = method or self.operation.method
        said = f"{asked} {path}?{query} {dict(headers)} {body[:150]!r}"

        def send() -> str | None:
            response = signed_call(self.system, asked, V2 + path, query=query, body=body, headers=headers)
            self.watch.answers[str(response.status_code)] += 1
            return self._wrong(response, is_theirs=method is None and path.count("/") == self.operation.path.count("/"))

        self.watch.case(self.place, said, send)

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
        return str(self.world.access.redeemed.purchase_id) if self.rng.random() < 0.4 else escaped(_text(value), "%")

    def _known(self, name: str) -> str:
        if name == "training":
            return quote(self.world.training_code, safe="")
        return str(self.world.access.redeemed.purchase_id) if name == "purchase" else "1"

    def _about(self, value: Any) -> Any:
        """The same body about a purchase and a code that exist."""
        access = self.world.access
        known = {"purchase": self.rng.choice((access.redeemed, access.unused)).purchase_id}
        known |= {"redeem_code": access.unused.redeem_code, "training": self.world.training_code}  # type: ignore[dict-item]
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


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


# The first generation


def fuzz_v1(watch: Watch, world: FuzzWorld, *, cases: int, rng: random.Random) -> None:
    """So many calls of each address: bodies, headers, methods, paths; always the envelope, never a way elsewhere."""
    for path in v1_paths():
        for _ in range(cases):
            watch.case(f"v1 {path}", *v1_case(watch, world, path, rng))


def v1_paths() -> list[str]:
    """The addresses below /api/v1/integration/, as the routes have them."""
    found: list[str] = []

    def walk(patterns: Any, before: str) -> None:
        for entry in patterns:
            written = before + re.sub(r"^\^|/?\??\$$|\\Z$", "", str(entry.pattern))
            if isinstance(entry, URLResolver):
                walk(entry.url_patterns, written)
            elif written.startswith(V1[1:]) and re.fullmatch(r"[a-z0-9/-]+", written):
                found.append(written.removeprefix(V1[1:]).rstrip("/"))

    walk(get_resolver().url_patterns, "")
    return list(dict.fromkeys(found))


def v1_case(watch: Watch, world: FuzzWorld, path: str, rng: random.Random) -> tuple[str, Callable[[], str | None]]:
    codes = (world.access.unused.redeem_code, world.access.redeemed.redeem_code)
    fields = {**V1_FIELDS, "redeem_code": rng.choice(codes)}
    body = bent_json(fields, rng) if rng.random() < 0.8 else json.dumps(fields).encode()
    method = rng.choice(METHODS) if rng.random() < 0.1 else "POST"
    sent, ours = f"{V1}{path}", True
    if rng.random() < 0.2:
        turned = (
            f"{sent}/",
            f"{sent}//",
            f"{sent}/../commit",
            f"{sent}%2f",
            f"{sent}%00",
            f"//{sent}",
            f"{sent}?a=%ff&b",
        )
        sent = rng.choice((*turned, f"{sent};x", sent.upper(), f"{sent}/{escaped(rng.choice(TEXTS)[:200])}"))
        ours = sent.partition("?")[0] in (f"{V1}{path}", f"{V1}{path}/")
    stamp, key = str(int(machine_now().timestamp())), world.first_generation
    signature = partner_signature.v1_signature(
        key=key.secret.encode(), client_code=key.key_id, timestamp=stamp, method="POST", path=f"{V1}{path}", body=body
    )
    headers: dict[str, Any] = {"HTTP_CLIENT_CODE": key.key_id, "HTTP_TIMESTAMP": stamp, "HTTP_SIGNATURE": signature}
    if rng.random() < 0.3:
        name = rng.choice(
            (*headers, "CONTENT_LENGTH", "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_COOKIE", "HTTP_HOST")
        )
        match rng.randrange(3):
            case 0:
                headers.pop(name, None)
            case 1:
                headers[name] = f"{headers.get(name, '')},{headers.get(name, '')}"
            case _:
                headers[name] = rng.choice((*HEADER_VALUES, *map(sendable, ANY)))[:9_000]
    content_type = rng.choice(HEADER_VALUES) if rng.random() < 0.1 else "application/json"

    def send() -> str | None:
        response: Any = fresh_client().generic(method, sent.replace("//api", "/api"), body, content_type, **headers)
        watch.answers[str(response.status_code)] += 1
        return _v1_wrong(response, ours=ours and headers.get("HTTP_HOST") is None, body_told=method != "HEAD")

    return f"{method} {sent} {headers} {body[:150]!r}", send


def _v1_wrong(response: HttpResponse, *, ours: bool, body_told: bool) -> str | None:
    status, content = response.status_code, response.content
    told = f"{status} {content[:200].decode(errors='replace')}"
    if status >= 500 or b"Traceback (most" in content:
        return f"a fault of ours: {told}"
    if 300 <= status < 400:
        return f"leads elsewhere: {status} {response.headers.get('Location', '')}"
    if not ours or not body_told:
        return None
    try:
        envelope = json.loads(content)
    except ValueError:
        return f"answers without the envelope: {told}"
    if not isinstance(envelope, dict) or set(envelope) != {"success", "message", "data"}:
        return f"answers without the envelope: {told}"
    if envelope["success"] is not (status == 200) or not isinstance(envelope["message"], str):
        return f"its envelope contradicts its status: {told}"
    return None
