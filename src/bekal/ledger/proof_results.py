"""What the proofs found, kept for good: the newest of the present decides whether money may be released."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from bekal.ledger.models import ProofRequest, ProofResult
from bekal.ledger.movements import Kind
from bekal.ledger.queries import KindTotal


@dataclass(frozen=True, slots=True)
class StoredProof:
    """One run of the proof as it was recorded. `violations` are sentences, the invariant's name first; `digest_sha256`
    is the head of the chain it saw."""

    as_of: datetime | None
    proved_at: datetime
    duration_ms: int
    transfer_count: int
    participation_count: int
    check_count: int
    violation_count: int
    violations: tuple[str, ...]
    kind_totals: tuple[KindTotal, ...]
    digest_sha256: bytes | None


def record_proof_result(
    *,
    as_of: datetime | None,
    proved_at: datetime,
    duration_ms: int,
    transfer_count: int,
    participation_count: int,
    check_count: int,
    violations: Sequence[Mapping[str, Any]],
    kinds: Mapping[int, tuple[int, int]],
    digest_sha256: bytes | None,
) -> None:
    """Keep what one run found. A violation has `name`, `holds` and `rows` (plain values); `kinds` has what went into
    and out of each kind, in rupiah."""
    ProofResult.objects.create(
        as_of=as_of,
        proved_at=proved_at,
        duration_ms=duration_ms,
        transfer_count=transfer_count,
        participation_count=participation_count,
        check_count=check_count,
        violation_count=len(violations),
        findings={
            "violations": [dict(each) for each in violations],
            "kinds": {str(kind): list(moved) for kind, moved in kinds.items()},
        },
        digest_sha256=digest_sha256,
    )


def latest_proof_result() -> StoredProof | None:
    """The newest run about the present; what was asked as of a past instant decides nothing."""
    row = ProofResult.objects.filter(as_of=None).order_by("-id").first()
    if row is None:
        return None
    return StoredProof(
        as_of=row.as_of,
        proved_at=row.proved_at,
        duration_ms=row.duration_ms,
        transfer_count=row.transfer_count,
        participation_count=row.participation_count,
        check_count=row.check_count,
        violation_count=row.violation_count,
        violations=tuple(f"{each['name']}: {each['holds']}" for each in row.findings["violations"]),
        kind_totals=tuple(_totals(row.findings["kinds"].items())),
        digest_sha256=None if row.digest_sha256 is None else bytes(row.digest_sha256),
    )


def _totals(kinds: Iterable[tuple[str, Sequence[int]]]) -> Iterable[KindTotal]:
    for number, (into_rupiah, out_rupiah) in sorted(kinds, key=lambda each: int(each[0])):
        if int(number) in Kind.values:
            yield KindTotal(Kind(int(number)), into_rupiah, out_rupiah)


def is_release_blocked() -> bool:
    """Whether the newest proof found a difference: then no money is released until one finds none.

    Before the first proof nothing is blocked; the worker proves every day."""
    found = ProofResult.objects.filter(as_of=None).order_by("-id").values_list("violation_count", flat=True).first()
    return bool(found)


def request_proof(*, requested_by_id: int, at: datetime) -> None:
    """Ask the worker to prove now."""
    ProofRequest.objects.create(requested_by_id=requested_by_id, requested_at=at)


@transaction.atomic
def take_proof_request(*, at: datetime) -> bool:
    """Take every request that waits, as one; whether there was any. A rival worker finds none."""
    waiting = ProofRequest.objects.select_for_update(skip_locked=True).filter(taken_at=None).order_by("id")
    ids = list(waiting.values_list("id", flat=True))
    ProofRequest.objects.filter(id__in=ids).update(taken_at=at)
    return bool(ids)
