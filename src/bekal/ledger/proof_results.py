"""What the proofs found, kept for good: the one that looked at the present last decides what may be released."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from bekal.ledger.models import ProofRequest, ProofResult
from bekal.ledger.movements import Kind
from bekal.ledger.queries import KindTotal

# How old the proof that decides may be, by the programme's clock: the worker proves every day, and may fail to once.
PROOF_LIMIT = timedelta(hours=48)


class ReleaseBlock(StrEnum):
    """Why no money is released."""

    DIFFERENCE = "difference"
    NOT_PROVED = "not_proved"


@dataclass(frozen=True, slots=True)
class StoredProof:
    """One run of the proof as it was recorded. `violations` are sentences, the invariant's name first, and
    `violation_rows` the first rows that break each; `digest_sha256` is the head of the chain it saw."""

    as_of: datetime | None
    proved_at: datetime
    duration_ms: int
    transfer_count: int
    participation_count: int
    check_count: int
    violation_count: int
    violations: tuple[str, ...]
    violation_rows: tuple[tuple[Mapping[str, Any], ...], ...]
    kind_totals: tuple[KindTotal, ...]
    digest_sha256: bytes | None

    def is_recent(self, *, at: datetime) -> bool:
        """Whether it says enough about `at` for money to be released on it."""
        return _is_recent(self.proved_at, at, PROOF_LIMIT)


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
    looked_at: datetime | None = None,
) -> None:
    """Keep what one run found. A violation has `name`, `holds` and `rows` (plain values); `kinds` has what went into
    and out of each kind, in rupiah. `looked_at` is when its snapshot was taken, by the clock of the database's server;
    left out: now."""
    ProofResult.objects.create(
        as_of=as_of,
        proved_at=proved_at,
        looked_at=looked_at or Now(),
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
    """The run that looked at the present last; what was asked as of a past instant decides nothing."""
    row = _of_the_present().first()
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
        violation_rows=tuple(tuple(each["rows"]) for each in row.findings["violations"]),
        kind_totals=tuple(_totals(row.findings["kinds"].items())),
        digest_sha256=None if row.digest_sha256 is None else bytes(row.digest_sha256),
    )


def _totals(kinds: Iterable[tuple[str, Sequence[int]]]) -> Iterable[KindTotal]:
    for number, (into_rupiah, out_rupiah) in sorted(kinds, key=lambda each: int(each[0])):
        if int(number) in Kind.values:
            yield KindTotal(Kind(int(number)), into_rupiah, out_rupiah)


def _of_the_present() -> QuerySet[ProofResult]:
    """Who looked last comes first, whenever it was recorded: an older look that took longer does not count more."""
    return ProofResult.objects.filter(as_of=None).order_by("-looked_at", "-id")


def is_release_blocked() -> bool:
    """Whether the proof that looked last found a difference: then no money is released until one finds none."""
    return bool(_of_the_present().values_list("violation_count", flat=True).first())


def release_block(*, at: datetime, proof_limit: timedelta | None = PROOF_LIMIT) -> ReleaseBlock | None:
    """Why no money is released at `at`: the proof that looked last found a difference, or there is none that is recent
    (with `proof_limit` None there need not be one); None where it may be."""
    latest = _of_the_present().values_list("violation_count", "proved_at").first()
    if latest is not None and latest[0]:
        return ReleaseBlock.DIFFERENCE
    if proof_limit is not None and (latest is None or not _is_recent(latest[1], at, proof_limit)):
        return ReleaseBlock.NOT_PROVED
    return None


def _is_recent(proved_at: datetime, at: datetime, limit: timedelta) -> bool:
    """Either way: where the clock of a simulated programme was set back, a proof of its future says nothing of now."""
    return abs(at - proved_at) <= limit


def request_proof(*, requested_by_id: int, at: datetime) -> None:
    """Ask the worker to prove now; asked again before one is taken up it is the same request."""
    if not ProofRequest.objects.filter(taken_at=None, answered_at=None).exists():
        ProofRequest.objects.create(requested_by_id=requested_by_id, requested_at=at)


@transaction.atomic
def take_proof_requests(*, at: datetime) -> list[int]:
    """Every request without an answer, also one whose taker died; they are answered by one proof that begins now.

    Only one worker may be at it (an advisory lock of its own), or it would prove what another is proving."""
    open_ids = list(ProofRequest.objects.filter(answered_at=None).order_by("id").values_list("id", flat=True))
    ProofRequest.objects.filter(id__in=open_ids).update(taken_at=at)
    return open_ids


def answer_proof_requests(*, ids: Collection[int], at: datetime) -> None:
    """The proof that was begun after these were taken is recorded."""
    ProofRequest.objects.filter(id__in=ids).update(answered_at=at)
