"""The catalogue of the demo lives: trainings wait for curation, one came back, an owner holds platform and institution,
one institution is suspended before anybody bought from it. Nothing that is sold changes."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from bekal.accounts.models import User
from bekal.catalogue.accredit import NewAccreditation, accredit
from bekal.catalogue.content import Content, content_sha256
from bekal.catalogue.curate import Criterion, NewDecision, curate
from bekal.catalogue.models import CurationDecision, Institution, Owner, Submission, Training
from bekal.catalogue.own import NewOwnership, record_ownerships
from bekal.catalogue.submit_trainings import NewSubmission, submit_trainings
from bekal.catalogue.suspend import NewSuspension, suspend
from bekal.ledger.clock import programme_day

SUSPENDED = ("lpk-cakrawala-lama", "LPK Cakrawala Lama")
OWNER = "PT Karsa Induk Nusantara"


def live_catalogue(*, training: Training, owned: Training, officer: User, at: datetime) -> None:
    """What officers and the institution of `training` find in the demo; platform and institution of `owned` belong to
    one owner. `officer` decides; everything lies in the fortnight before `at`."""
    _submit(training, officer, at)
    _own(owned, officer, at)
    institution, _ = Institution.objects.get_or_create(code=SUSPENDED[0], defaults={"name": SUSPENDED[1]})
    first = at - timedelta(days=40)
    accreditation = NewAccreditation(
        institution_id=institution.pk,
        state="accredited",
        number="LA-LPK-0417/2020",
        until_on=programme_day(at) + timedelta(days=120),
        reason="Surat lembaga akreditasi.",
        by_id=officer.pk,
    )
    accredit(accreditations=[accreditation], at=first)
    reason = "Alamat tempat pelatihan tidak ditemukan saat pemeriksaan; sedang ditelusuri."
    new = NewSuspension(institution_id=institution.pk, reason=reason, by_id=officer.pk)
    suspend(suspensions=[new], at=at - timedelta(days=3))


def _submit(training: Training, officer: User, at: datetime) -> None:
    """Three that wait, one of them too long, and one that was returned."""
    content = Content(
        title="Foto produk dengan ponsel untuk usaha rumahan",
        category=training.category.slug,
        price_rupiah=275_000,
        description="Mengatur cahaya, latar, dan sudut foto; menyunting di ponsel; memasang foto di toko daring.",
        platform=training.platform.code if training.platform else None,
        mode="webinar",
        hours=6,
        session_count=2,
        seat_count=40,
    )
    home = training.institution_id
    others = (
        (9, replace(content, title="Membuat katalog produk yang dibaca pembeli", price_rupiah=190_000, hours=4)),
        (4, replace(content, title="Menghitung harga jual usaha makanan", price_rupiah=225_000)),
        (1, content),
        (6, replace(content, title="Siap kerja dalam satu jam", hours=1, session_count=1, price_rupiah=950_000)),
    )
    for days, what in others:
        new = NewSubmission(institution_id=home, content=what)
        submit_trainings(submissions=[new], at=at - timedelta(days=days))
    row = Submission.objects.get(institution_id=home, title="Siap kerja dalam satu jam")
    decision = NewDecision(
        submission_id=row.pk,
        verdict=CurationDecision.Verdict.RETURNED,
        reason="Rp950.000 untuk satu jam jauh di atas pelatihan sejenis, dan judulnya tidak menyebut keterampilannya.",
        met=[Criterion.PROOF, Criterion.TEACHER, Criterion.OWNERS],
        content_sha256=content_sha256(row),
        curator_id=officer.pk,
    )
    curate(decisions=[decision], at=at - timedelta(days=2))


def _own(training: Training, officer: User, at: datetime) -> None:
    if training.platform_id is None:
        return
    share = NewOwnership(
        owner_name=OWNER,
        owner_kind=Owner.Kind.COMPANY,
        institution_id=training.institution_id,
        share_percent=Decimal(60),
        since_on=programme_day(at) - timedelta(days=600),
        by_id=officer.pk,
    )
    other = replace(share, institution_id=None, platform_id=training.platform_id, share_percent=Decimal(100))
    record_ownerships(ownerships=[share, other], at=at - timedelta(days=10))
