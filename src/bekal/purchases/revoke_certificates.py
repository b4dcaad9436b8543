"""`revoke_certificates`: a certificate loses its force, by evidence that takes the completion back or by two officers.

Nothing is taken away from what was issued: that it was revoked, when, why and by whom is added.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.utils import IntegrityError

from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, id_array
from bekal.purchases.evidence_sql import STATE_SQL
from bekal.purchases.models import Certificate, CertificateEvent, Purchase
from bekal.purchases.refusals import CertificateRefusal
from bekal.purchases.tell_buyers import tell_of_revocations

REASON_LIMIT_COUNT = 300
SECOND_PERSON = "purchases_certificate_revoked_by_second_person"
Kind = CertificateEvent.Kind

VALID_SQL = """
NOT EXISTS (SELECT FROM purchases_certificateevent event
            WHERE event.certificate_id = certificate.id AND event.kind = 'revoked')
"""
# Valid, and no longer completed by its evidence. The purchase is locked, so that nothing completes it meanwhile.
# What is contested is not taken back before somebody has decided; and where each side has only said its usual words,
# nothing was: a training that gets another session later takes nothing from those who completed it before.
TAKEN_BACK_SQL = f"""
EXISTS (
    SELECT FROM catalogue_training training CROSS JOIN {STATE_SQL}
    WHERE training.id = purchase.training_id AND NOT proof.conflicts AND NOT (
        proof.is_complete
        AND cardinality(proof.attended) >= least(training.session_count, certificate.session_count)
    )
)
"""
# An index holds these rows alone (`Evidence`): the sweep costs as much as there was ever corrected, whatever its age.
UNUSUAL_SQL = """
SELECT purchase_id FROM purchases_evidence
WHERE piece IN ('attendance', 'completion')
  AND (NOT holds OR revision > 1 OR percent IS NOT NULL OR source = 'programme')
"""
UNEARNED_SQL = f"""
SELECT certificate.id, purchase.id FROM purchases_certificate certificate
JOIN purchases_purchase purchase ON purchase.id = certificate.purchase_id
WHERE (%(ids)s::bigint[] IS NULL OR purchase.id = ANY(%(ids)s::bigint[])) AND purchase.id IN ({UNUSUAL_SQL})
  AND {VALID_SQL} AND {TAKEN_BACK_SQL}
ORDER BY purchase.id FOR NO KEY UPDATE OF purchase
"""
STILL_VALID_SQL = f"""
SELECT id FROM purchases_certificate certificate WHERE id = ANY(%s::bigint[]) AND {VALID_SQL} ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class RevocationOutcome:
    """`repeated`: it stood so before and nothing changed. A refusal changed nothing either."""

    certificate_id: int
    refusal: Refusal | None = None
    repeated: bool = False


@transaction.atomic
def revoke_unearned(*, at: datetime, purchase_ids: Collection[int] | None = None) -> tuple[int, ...]:
    """Revoke the certificates of these purchases (without numbers: all of which anything was ever corrected, however
    late) that evidence has taken the completion back from; their numbers. The same again revokes nothing.

    The intake of evidence asks for what it has just been told of, so the daily work finds none."""
    programme_day(at)  # refuses a naive instant
    with connection.cursor() as cursor:
        cursor.execute(UNEARNED_SQL, {"ids": None if purchase_ids is None else id_array(purchase_ids)})
        ids = [row[0] for row in cursor.fetchall()]
        # After the lock: somebody else may have revoked one meanwhile.
        cursor.execute(STILL_VALID_SQL, [id_array(ids)])
        valid = [number for (number,) in cursor.fetchall()]
    copy_rows(
        CertificateEvent,
        ("certificate_id", "kind", "reason", "occurred_at"),
        ((number, Kind.REVOKED.value, "", at) for number in valid),
    )
    tell_of_revocations(certificate_ids=valid, at=at)
    return tuple(valid)


@transaction.atomic
def ask_to_revoke_certificates(
    *, certificate_ids: Sequence[int], officer_id: int, reason: str, at: datetime
) -> tuple[RevocationOutcome, ...]:
    """An officer asks that certificates be revoked and says why; they stay valid until another officer agrees.

    The same request of the same officer again is `repeated`. Refused: an unknown certificate, one that is revoked, one
    that somebody has asked about already, a reason that is empty, longer than 300 characters or unreadable."""
    programme_day(at)  # refuses a naive instant
    reason = tidy(reason)
    refusal = _refusal_of_reason(reason)
    if refusal is not None:
        return tuple(RevocationOutcome(number, refusal) for number in certificate_ids)
    _lock(certificate_ids)
    outcomes = []
    for number in certificate_ids:
        state = _state(number)
        if state.refusal is None and state.asked is not None:
            repeated = (state.asked.officer_id, state.asked.reason) == (officer_id, reason)
            refused = None if repeated else Refusal(CertificateRefusal.ALREADY_ASKED)
            outcomes.append(RevocationOutcome(number, refused, repeated))
        elif state.refusal is None:
            CertificateEvent.objects.create(
                certificate_id=number, kind=Kind.ASKED, officer_id=officer_id, reason=reason, occurred_at=at
            )
            outcomes.append(RevocationOutcome(number))
        else:
            outcomes.append(RevocationOutcome(number, state.refusal))
    return tuple(outcomes)


@transaction.atomic
def revoke_certificates(
    *, certificate_ids: Sequence[int], officer_id: int, reason: str, at: datetime
) -> tuple[RevocationOutcome, ...]:
    """A second officer agrees to the reason they saw: the certificates are revoked for good.

    That it takes two people is decided by the database's constraint. The same again is `repeated`. Refused: an unknown
    certificate, one that nobody asked about, another reason than was seen, the officer who asked."""
    programme_day(at)  # refuses a naive instant
    _lock(certificate_ids)
    return tuple(_revoke(number, officer_id, tidy(reason), at) for number in certificate_ids)


@transaction.atomic
def keep_certificates(
    *, certificate_ids: Sequence[int], officer_id: int, at: datetime
) -> tuple[RevocationOutcome, ...]:
    """Drop the requests to revoke certificates: they stay valid. Refused where nobody has asked, or it is revoked."""
    programme_day(at)  # refuses a naive instant
    _lock(certificate_ids)
    outcomes = []
    for number in certificate_ids:
        state = _state(number)
        refusal = state.refusal or (None if state.asked else Refusal(CertificateRefusal.NOT_ASKED))
        if refusal is None:
            _answer(state, Kind.DROPPED, number, officer_id, "", at)
        outcomes.append(RevocationOutcome(number, refusal))
    return tuple(outcomes)


@dataclass(frozen=True, slots=True)
class _State:
    """The open request about a certificate, who revoked it, and why nothing more can be decided about it."""

    asked: CertificateEvent | None = None
    revoked: CertificateEvent | None = None
    refusal: Refusal | None = None


def _lock(certificate_ids: Collection[int]) -> None:
    """What is decided about a certificate waits at its purchase, as issuing does."""
    held = Purchase.objects.filter(certificates__in=[n for n in certificate_ids if n < 2**63]).distinct()
    ids = held.order_by("pk").values_list("pk", flat=True)
    list(Purchase.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk").only("pk"))


def _state(certificate_id: int) -> _State:
    if certificate_id >= 2**63 or not Certificate.objects.filter(pk=certificate_id).exists():
        return _State(refusal=Refusal(CertificateRefusal.UNKNOWN_CERTIFICATE))
    events = list(CertificateEvent.objects.filter(certificate_id=certificate_id).order_by("pk"))
    revoked = next((event for event in events if event.kind == Kind.REVOKED), None)
    if revoked is not None:
        values = {"revoked_on": programme_day(revoked.occurred_at)}
        return _State(revoked=revoked, refusal=Refusal(CertificateRefusal.ALREADY_REVOKED, values))
    answered = {event.asked_id for event in events}
    asked = [event for event in events if event.kind == Kind.ASKED and event.pk not in answered]
    return _State(asked=asked[-1] if asked else None)


def _revoke(certificate_id: int, officer_id: int, reason: str, at: datetime) -> RevocationOutcome:
    state = _state(certificate_id)
    if state.revoked is not None and state.revoked.officer_id == officer_id and state.revoked.reason == reason:
        return RevocationOutcome(certificate_id, repeated=True)
    refusal = state.refusal
    if refusal is None and state.asked is None:
        refusal = Refusal(CertificateRefusal.NOT_ASKED)
    elif refusal is None and state.asked is not None and state.asked.reason != reason:
        refusal = Refusal(CertificateRefusal.REASON_CHANGED)
    elif refusal is None and not _answer(state, Kind.REVOKED, certificate_id, officer_id, reason, at):
        refusal = Refusal(CertificateRefusal.SAME_PERSON)
    if refusal is None:
        tell_of_revocations(certificate_ids=[certificate_id], reason=reason, at=at)
    return RevocationOutcome(certificate_id, refusal)


def _answer(
    state: _State, kind: CertificateEvent.Kind, certificate_id: int, officer_id: int, reason: str, at: datetime
) -> bool:
    """Whether the answer stands: the database refuses whoever asked."""
    assert state.asked is not None
    try:
        with transaction.atomic():
            CertificateEvent.objects.create(
                certificate_id=certificate_id,
                kind=kind,
                officer_id=officer_id,
                asked=state.asked,
                asked_by_id=state.asked.officer_id,
                reason=reason,
                occurred_at=at,
            )
    except IntegrityError as error:
        if SECOND_PERSON not in str(error):
            raise
        return False
    return True


def _refusal_of_reason(reason: str) -> Refusal | None:
    if not reason:
        return Refusal(CertificateRefusal.REVOCATION_REASON_EMPTY)
    if len(reason) > REASON_LIMIT_COUNT:
        values = {"length_count": len(reason), "limit_count": REASON_LIMIT_COUNT}
        return Refusal(CertificateRefusal.REVOCATION_REASON_TOO_LONG, values)
    return None if is_readable(reason) else Refusal(CertificateRefusal.REVOCATION_REASON_UNREADABLE)
