"""Reads of certificates: of one participation, of some purchases, by number; and the bits of a status list."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, QuerySet

from bekal.purchases.certificate_numbers import LIST_SIZE, grouped_number, normalised_number
from bekal.purchases.models import Certificate, CertificateEvent

MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CertificateEventLine:
    """One thing that happened to a certificate; `officer_name` is empty where evidence did it."""

    event_id: int
    kind: str
    officer_id: int | None
    officer_name: str
    reason: str = field(repr=False)
    occurred_at: datetime
    asked_id: int | None


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """One certificate with whether it is valid. `full_name` is its holder's; whoever shows it to others masks it.

    `revoked_by_evidence`: the evidence took the completion back; else `revocation_reason` has the officers' words."""

    certificate_id: int
    number: str = field(repr=False)
    purchase_id: int
    participation_id: int
    participant_id: int
    training_id: int
    institution_id: int
    full_name: str = field(repr=False)
    title: str
    institution_name: str
    hours: int | None
    session_count: int
    evidence_digest: bytes
    evidence_count: int
    status_list: int
    status_index: int
    completed_at: datetime
    issued_at: datetime
    events: tuple[CertificateEventLine, ...]

    @property
    def grouped(self) -> str:
        """The number as screens, addresses and paper show it."""
        return grouped_number(self.number)

    @property
    def _revocation(self) -> CertificateEventLine | None:
        return next((event for event in self.events if event.kind == CertificateEvent.Kind.REVOKED), None)

    @property
    def revoked_at(self) -> datetime | None:
        return None if self._revocation is None else self._revocation.occurred_at

    @property
    def is_valid(self) -> bool:
        return self._revocation is None

    @property
    def revoked_by_evidence(self) -> bool:
        return self._revocation is not None and self._revocation.officer_id is None

    @property
    def revocation_reason(self) -> str:
        return "" if self._revocation is None else self._revocation.reason

    @property
    def asked(self) -> CertificateEventLine | None:
        """The request to revoke it that nobody has answered yet."""
        answered = {event.asked_id for event in self.events}
        waiting = [e for e in self.events if e.kind == CertificateEvent.Kind.ASKED and e.event_id not in answered]
        return waiting[-1] if waiting and self.is_valid else None


_JOINED = {
    "participation_id": F("purchase__participation_id"),
    "participant_id": F("purchase__participation__participant_id"),
    "training_id": F("purchase__training_id"),
    "institution_id": F("purchase__training__institution_id"),
    "full_name": F("purchase__participation__participant__full_name"),
}
_OWN = (
    "number",
    "purchase_id",
    "title",
    "institution_name",
    "hours",
    "session_count",
    "evidence_count",
    "status_list",
    "status_index",
    "completed_at",
    "issued_at",
)


def certificates_of(*, participation_id: int) -> tuple[CertificateLine, ...]:
    """Every certificate of one participation, newest first, the revoked ones included."""
    return _lines(Certificate.objects.filter(purchase__participation_id=participation_id).order_by("-issued_at", "-pk"))


def certificates_of_purchases(*, purchase_ids: Collection[int]) -> dict[int, CertificateLine]:
    """The latest certificate of each of these purchases that has one, by the purchase: what a partner is told of its
    own purchases (`grouped`, `is_valid`, `issued_at`, `revoked_at`); a partner's door hands it no name."""
    known = [number for number in purchase_ids if number <= MAX_ID]
    lines = _lines(Certificate.objects.filter(purchase_id__in=known).order_by("purchase_id", "sequence"))
    return {line.purchase_id: line for line in lines}


def certificate(*, certificate_id: int) -> CertificateLine | None:
    """One certificate by its row's number, for officers."""
    lines = _lines(Certificate.objects.filter(pk=min(certificate_id, MAX_ID)).order_by("pk"))
    return lines[0] if lines else None


def certificate_by_number(text: str) -> CertificateLine | None:
    """One certificate by the number somebody was shown, with or without hyphens; None where there is none."""
    number = normalised_number(text)
    lines = _lines(Certificate.objects.filter(number=number).order_by("pk")) if number else ()
    return lines[0] if lines else None


def status_bits(*, status_list: int) -> bytes | None:
    """The bits of a status list, the first in the highest bit of the first byte, 1 where the certificate is revoked;
    None for a list that no certificate stands in."""
    if not Certificate.objects.filter(status_list=min(status_list, 2**31 - 1)).exists():
        return None
    bits = bytearray(LIST_SIZE // 8)
    revoked = CertificateEvent.objects.filter(kind=CertificateEvent.Kind.REVOKED, certificate__status_list=status_list)
    for index in revoked.order_by("pk").values_list("certificate__status_index", flat=True):
        bits[index // 8] |= 0x80 >> index % 8
    return bytes(bits)


def _lines(certificates: QuerySet[Certificate]) -> tuple[CertificateLine, ...]:
    names = (*_OWN, *_JOINED)
    rows = list(certificates.annotate(**_JOINED).values("pk", "evidence_digest", *names))
    events: dict[int, list[CertificateEventLine]] = {row["pk"]: [] for row in rows}
    happened = CertificateEvent.objects.filter(certificate_id__in=events).order_by("pk")
    for event in happened.select_related("officer"):
        who = (event.officer_id, event.officer.display_name if event.officer else "")
        events[event.certificate_id].append(
            CertificateEventLine(event.pk, event.kind, *who, event.reason, event.occurred_at, event.asked_id)
        )
    return tuple(
        CertificateLine(
            certificate_id=row["pk"],
            evidence_digest=bytes(row["evidence_digest"]),
            events=tuple(events[row["pk"]]),
            **{name: row[name] for name in names},
        )
        for row in rows
    )
