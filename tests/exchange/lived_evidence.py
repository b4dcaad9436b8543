"""What a programme must carry of evidence that was contested: every side, corrections, cases, rulings, certificates."""

from datetime import datetime, timedelta

from bekal.catalogue.models import Training
from bekal.core.evidence import Piece, Source
from bekal.purchases.confirm_attendance import Confirmation, confirm_attendance
from bekal.purchases.decide_cases import confirm_ruling, drop_ruling, preview_ruling, propose_ruling, take_cases
from bekal.purchases.models import Certificate, Evidence, EvidenceCase
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from bekal.purchases.revoke_certificates import (
    ask_to_revoke_certificates,
    keep_certificates,
    revoke_certificates,
)
from tests import factories
from tests.factories import jakarta

AT = jakarta(2020, 11, 2)
WHY = "Daftar hadir, foto layar; = 2"


def dispute() -> None:
    """Four people learn together: one is decided, one waits for the second officer, one is completed twice, of one two
    officers revoke the certificate."""
    platform = factories.platform(name="Platform Belajar")
    training = factories.training(
        code="sengketa", price_rupiah=120_000, session_count=2, mode="webinar", platform=platform
    )
    people = factories.accepted(4, at=jakarta(2020, 10, 20))
    decided, waiting, twice, revoked = (factories.redeemed(person, training, at=AT) for person in people)
    for number in (decided, waiting, twice, revoked):
        _teach(training, number)
    _answer(people[0], decided)
    _answer(people[1], waiting)
    _rule(decided)
    _propose(EvidenceCase.objects.get(purchase_id=waiting, closed_at=None).pk, at=AT + timedelta(days=5))
    _complete_again(training, twice)
    _revoke(Certificate.objects.get(purchase_id=revoked).pk)


def said(source: Source, speaker_id: int, purchase_id: int, piece: Piece, *, at: datetime, **more: object) -> None:
    """One message, which must be taken."""
    message = Message(Speaker(source, speaker_id), purchase_id, piece, **more)  # type: ignore[arg-type]
    (outcome,) = record_evidence(messages=[message], at=at)
    assert outcome.refusal is None, outcome


def _teach(training: Training, purchase_id: int) -> None:
    """The completion comes before the second session; the platform sees progress, corrected once."""
    at, teacher = AT + timedelta(days=1, seconds=1), training.institution_id
    v2 = Evidence.Door.V2
    assert training.platform_id is not None
    said(Source.INSTITUTION, teacher, purchase_id, Piece.ATTENDANCE, at=at, happened_at=at - timedelta(hours=2))
    said(Source.INSTITUTION, teacher, purchase_id, Piece.COMPLETION, at=at, percent=60, reason="Ujian, belum", door=v2)
    said(Source.INSTITUTION, teacher, purchase_id, Piece.COMPLETION, at=at, revision=2, door=v2)
    said(Source.PLATFORM, training.platform_id, purchase_id, Piece.PROGRESS, at=at, percent=40, door=v2)
    said(Source.PLATFORM, training.platform_id, purchase_id, Piece.PROGRESS, at=at, percent=100, revision=2, door=v2)
    at += timedelta(days=1, microseconds=7)
    said(Source.INSTITUTION, teacher, purchase_id, Piece.ATTENDANCE, at=at, sequence=2, door=Evidence.Door.CSV)
    said(Source.INSTITUTION, teacher, purchase_id, Piece.CERTIFICATE, at=at, door=v2, reason="SERT-1 https://contoh.id")


def _answer(person: int, purchase_id: int) -> None:
    """There, and not there, which is contested; before that not there, and there."""
    at = AT + timedelta(days=3)
    answers = ((1, True), (2, False), (2, True), (1, False))
    for place, (sequence, was_there) in enumerate(answers):
        told = [Confirmation(person, purchase_id, sequence, was_there)]
        (outcome,) = confirm_attendance(confirmations=told, at=at + timedelta(minutes=place))
        assert outcome.refusal is None


def _propose(case_id: int, *, at: datetime) -> tuple[int, bytes]:
    seen = preview_ruling(case_ids=[case_id], verdict="proven", reason=WHY).list_sha256
    by = factories.officer().pk
    proposed = propose_ruling(case_ids=[case_id], verdict="proven", reason=WHY, seen_sha256=seen, officer_id=by, at=at)
    assert proposed.ruling_id is not None, proposed
    return proposed.ruling_id, seen


def _rule(purchase_id: int) -> None:
    """Taken, proposed and dropped, and in the same instant proposed again; then confirmed."""
    case = EvidenceCase.objects.get(purchase_id=purchase_id, closed_at=None)
    at = AT + timedelta(days=4)
    take_cases(case_ids=[case.pk], officer_id=factories.officer().pk, at=at)
    ruling_id, _ = _propose(case.pk, at=at)
    assert drop_ruling(ruling_id=ruling_id, officer_id=factories.officer().pk, at=at) is None
    ruling_id, seen = _propose(case.pk, at=at)
    second = factories.officer().pk
    confirmed = confirm_ruling(ruling_id=ruling_id, officer_id=second, seen_sha256=seen, at=at + timedelta(hours=1))
    assert confirmed.decided_count == 1, confirmed


def _complete_again(training: Training, purchase_id: int) -> None:
    """The institution takes its completion back, which revokes the certificate, and says it anew."""
    for revision, holds in ((3, False), (4, True)):
        at = AT + timedelta(days=6 + revision)
        why = "" if holds else "Orang lain"
        said(
            Source.INSTITUTION,
            training.institution_id,
            purchase_id,
            Piece.COMPLETION,
            at=at,
            holds=holds,
            revision=revision,
            reason=why,
        )
    assert Certificate.objects.filter(purchase_id=purchase_id).count() == 2


def _revoke(certificate_id: int) -> None:
    """Asked for and dropped, asked for again and agreed to by another."""
    ids, at = [certificate_id], AT + timedelta(days=8)
    first, second = factories.officer().pk, factories.officer().pk
    for keeps in (True, False):
        reason = "Identitas orang lain, kata petugas."
        (asked,) = ask_to_revoke_certificates(certificate_ids=ids, officer_id=first, reason=reason, at=at)
        assert asked.refusal is None, asked
        if keeps:
            keep_certificates(certificate_ids=ids, officer_id=second, at=at)
        else:
            (done,) = revoke_certificates(certificate_ids=ids, officer_id=second, reason=reason, at=at)
            assert done.refusal is None, done
