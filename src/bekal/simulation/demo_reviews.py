"""What the demo shows of reviews: replies of its institution, one report, one that its participant has reworded."""

from datetime import datetime, timedelta

from bekal.catalogue.models import InstitutionStaff
from bekal.participants.models import Participation
from bekal.purchases.edit_reviews import ReviewEdit, edit_reviews
from bekal.purchases.models import Review, ReviewFlag
from bekal.purchases.reply_to_reviews import NewReply, reply_to_reviews
from bekal.purchases.report_reviews import ReviewReport, report_reviews

REPLIES = (
    "Terima kasih sudah ikut dan menulis ulasan. Semoga ilmunya bermanfaat.",
    "Terima kasih atas masukannya. Kami sedang menambah latihan untuk kelas berikutnya.",
)
EDITED = "Materinya lengkap, langsung saya praktikkan di rumah. Setelah dua minggu: pesanan pertama sudah datang."


def make_demo_reviews(*, participant_id: int, institution_login: str, at: datetime) -> None:
    """Replies to the newest reviews at the institution, a report of the lowest, and the participant's edit, by the
    verbs; what there is nothing for is left out."""
    staff = InstitutionStaff.objects.select_related("user").get(user__login_name=institution_login)
    rows = Review.objects.filter(training__institution_id=staff.institution_id, hidden_at=None, written_at__lt=at)
    newest = list(rows.order_by("-written_at", "-purchase_id").values_list("pk", "rating")[:4])
    replies = [
        NewReply(staff.institution_id, number, staff.user_id, REPLIES[rating < 4]) for number, rating in newest[:3]
    ]
    reply_to_reviews(replies=replies, at=at)
    lowest = rows.order_by("rating", "-purchase_id").first()
    if lowest is not None:
        note = "Peserta ini menulis tentang pelatihan lain."
        reason = ReviewFlag.Reason.OFF_TOPIC
        report = ReviewReport(lowest.pk, reason, staff.user_id, institution_id=staff.institution_id, note=note)
        report_reviews(reports=[report], at=at)
    _edit_own(participant_id)


def _edit_own(participant_id: int) -> None:
    place = Participation.objects.get(participant_id=participant_id)
    own = Review.objects.filter(purchase__participation=place).order_by("written_at").first()
    if own is not None:
        edit = ReviewEdit(place.pk, own.pk, own.rating, EDITED)
        edit_reviews(edits=[edit], at=own.written_at + timedelta(days=13))
