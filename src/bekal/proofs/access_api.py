"""Partners at each other's doors: without a signature, without the scope, as another, as one of another kind."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from bekal.ledger.clock import programme_now
from bekal.partners.keys import revoke_keys
from bekal.partners.models import PartnerKey
from bekal.partners.scopes import ALL_SCOPES
from bekal.proofs.access_world import AccessWorld, everything
from bekal.proofs.partner_calls import V2, Operation, PartnerSystem, client, document, operations, system_of

NOBODYS = 9_000_000_000
V1_CALLS = {
    "payment/redeem-code/status": {},
    "payment/redeem-code/commit": {},
    "oauth/url-generate": {"sequence": 1, "redirect_uri": "https://lembaga.example/kembali", "email": "a@contoh.id"},
    "tpm/submission": {"scope": "tpm", "sequence": 1, "url_file": "https://lembaga.example/tugas.pdf"},
    "tpm/submission/status": {"scope": "tpm", "sequence": 1},
    "tpm/feedback/submission": {"scope": "tpm", "sequence": 1, "notes": "Baik", "url_file": ""},
}


@dataclass(slots=True)
class PartnerTries:
    """What was tried and found."""

    tries: int = 0
    violations: list[str] = field(default_factory=list)

    def expect(self, right: bool, otherwise: str) -> None:
        self.tries += 1
        if not right:
            self.violations.append(otherwise)


def try_partners(world: AccessWorld) -> PartnerTries:
    """Every operation of both generations; what is another's is refused as what does not exist, and nothing changes."""
    tries = PartnerTries()
    other, platform = system_of(world.other), system_of(world.platform)
    for operation in operations(document()):
        _unsigned(tries, operation)
        _without_the_scope(tries, operation, world)
        _of_another_kind(tries, operation, platform if operation.who == "institution" else other)
        _anothers(tries, operation, other, world)
    _v1(tries, world)
    return tries


def _unsigned(tries: PartnerTries, operation: Operation) -> None:
    path = V2 + _filled(operation.path, 1)
    body = b"" if operation.example is None else json.dumps(operation.example).encode()
    answer = client().generic(operation.method, path, body, "application/json")
    tries.expect(answer.status_code == 401, f"{operation.name} without a signature: {answer.status_code}, not 401")
    stranger = PartnerSystem(0, "tidak-ada", "x" * 40)
    status = stranger.call(operation.method, _filled(operation.path, 1), body=operation.example).status_code
    tries.expect(status == 401, f"{operation.name} with nobody's key: {status}, not 401")


def _without_the_scope(tries: PartnerTries, operation: Operation, world: AccessWorld) -> None:
    if operation.scope is None:
        return
    owner = world.platform if operation.who == "platform" else world.institution
    system = system_of(owner, scopes=tuple(scope for scope in ALL_SCOPES if scope != operation.scope))
    status = system.call(operation.method, _filled(operation.path, 1), body=operation.example).status_code
    tries.expect(status == 403, f"{operation.name} without the scope {operation.scope}: {status}, not 403")
    _forget(system)


def _forget(system: PartnerSystem) -> None:
    """Two keys may be live at a time: this one has done its work."""
    revoke_keys(key_ids=[PartnerKey.objects.get(client_code=system.key_id).pk], at=programme_now())


def _of_another_kind(tries: PartnerTries, operation: Operation, system: PartnerSystem) -> None:
    if operation.who not in ("institution", "platform"):
        return
    status = system.call(operation.method, _filled(operation.path, 1), body=operation.example).status_code
    tries.expect(status == 403, f"{operation.name} by a partner of another kind: {status}, not 403")


def _anothers(tries: PartnerTries, operation: Operation, other: PartnerSystem, world: AccessWorld) -> None:
    """The other institution asks about our purchase, and about one that does not exist: the same answer."""
    if operation.who == "platform" or not _names_something(operation):
        return
    before, answers = everything(), []
    for number in (world.redeemed.purchase_id, NOBODYS):
        body = _about(operation.example, number, world.unused.redeem_code)
        answer = other.call(operation.method, _filled(operation.path, number), body=body)
        answers.append((answer.status_code, _without_the_number(answer.content.decode(), number)))
        tries.expect(answer.status_code < 500, f"{operation.name} about another's: {answer.status_code}")
    if "redeem_code" not in json.dumps(operation.example):
        tries.expect(answers[0] == answers[1], f"{operation.name} tells another's purchase from none: {answers}")
    tries.expect('"outcome":"recorded"' not in answers[0][1].replace(" ", ""), f"{operation.name} recorded another's")
    changed = [table for table, rows in everything().items() if before.get(table) != rows]
    kept = [table for table in changed if not table.startswith("partners_")]
    tries.expect(not kept, f"{operation.name} about another's purchase changed {', '.join(kept)}")


def _without_the_number(told: str, number: int) -> str:
    """The answer with the number it was asked about taken out, in its members and in its sentences."""
    told = re.sub(rf'("purchase": ?){number}\b', r"\1N", told)
    return re.sub(rf"\b(pembelian|purchase) {number}\b", r"\1 N", told)


def _names_something(operation: Operation) -> bool:
    return (
        "{purchase}" in operation.path
        or "purchase" in json.dumps(operation.example or {})
        or ("redeem_code" in json.dumps(operation.example or {}))
    )


def _filled(path: str, number: int) -> str:
    return re.sub(r"\{[^}]+\}", str(number), path)


def _about(example: Any, number: int, redeem_code: str) -> Any:
    """The example of a body, about this purchase and this code."""
    if isinstance(example, dict):
        said = {name: _about(value, number, redeem_code) for name, value in example.items()}
        return said | {
            name: value
            for name, value in (("purchase", number), ("redeem_code", redeem_code))
            if name in said and not isinstance(said[name], dict | list)
        }
    if isinstance(example, list):
        return [_about(value, number, redeem_code) for value in example]
    return example


def _v1(tries: PartnerTries, world: AccessWorld) -> None:
    """Another institution with our code is told whose it is not, and changes nothing; so is a wrong signature."""
    other, own = system_of(world.other, generation=1), system_of(world.institution, generation=1)
    wrong = PartnerSystem(own.partner_id, own.key_id, other.secret)
    for path, more in V1_CALLS.items():
        for name, system in (("another institution", other), ("a wrong signature", wrong)):
            before = everything()
            answer = system.call_v1(path, body={"redeem_code": world.unused.redeem_code, **more})
            tries.expect(400 <= answer.status_code < 500, f"v1 {path} by {name}: {answer.status_code}")
            told = _envelope(answer.content)
            tries.expect(told.get("success") is False and told.get("data") == {}, f"v1 {path} by {name} told: {told}")
            changed = [table for table, rows in everything().items() if before.get(table) != rows]
            kept = [table for table in changed if not table.startswith("partners_")]
            tries.expect(not kept, f"v1 {path} by {name} changed {', '.join(kept)}")


def _envelope(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except ValueError:
        return {"no envelope": content[:80].decode("utf-8", "replace")}
    return told if isinstance(told, dict) else {"no envelope": str(told)[:80]}
