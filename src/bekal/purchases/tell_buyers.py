"""What buyers are told, each in their language: how a purchase ended, that a certificate was revoked, what was decided
of a case."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bekal.core.money import format_rupiah
from bekal.participants.notify import Notice, notify
from bekal.purchases.case_models import CaseRuling
from bekal.purchases.certificate_models import Certificate
from bekal.purchases.models import Purchase

# By ending, and whether the refund went to the balance; a free training refunds nothing.
_ENDED: Mapping[tuple[str, bool], Promise] = {
    (Purchase.Ending.REFUNDED, True): _(
        "“%(title)s” was cancelled. %(refunded)s is back in your training balance, and you can buy another training."
    ),
    (Purchase.Ending.REFUNDED, False): _(
        "“%(title)s” was cancelled. Your training balance has ended, so %(refunded)s returned to the state treasury."
    ),
    (Purchase.Ending.PARTIAL, True): _(
        "“%(title)s” ended early. The sessions you attended are paid; %(refunded)s is back in your training balance."
    ),
    (Purchase.Ending.PARTIAL, False): _(
        "“%(title)s” ended early. The sessions you attended are paid; your training balance has ended, so %(refunded)s "
        "returned to the state treasury."
    ),
}
_NOTHING_BACK = _("“%(title)s” has ended. Nothing goes back: it was free, or every session you attended is paid.")
_REVOKED = _(
    "Your certificate of “%(title)s” was revoked, because the completion was taken back. When it is recorded again, "
    "you get a new certificate."
)
_REVOKED_BY_OFFICERS = _(
    "Your certificate of “%(title)s” was revoked by two officers of the programme. Their reason: %(reason)s"
)
_DECIDED: Mapping[str, Promise] = {
    CaseRuling.Verdict.PROVEN: _(
        "The programme office has decided what was contested of “%(title)s”: it counts as done. Reason: %(reason)s"
    ),
    CaseRuling.Verdict.NOT_PROVEN: _(
        "The programme office has decided what was contested of “%(title)s”: it does not count. Reason: %(reason)s"
    ),
}


def tell_of_endings(*, refunds: Mapping[int, tuple[str, int, bool]], at: datetime) -> None:
    """Whose purchases ended: by number the ending, what was refunded in rupiah, and whether it went to the balance."""
    said = {}
    for number, (ending, refunded_rupiah, to_balance) in refunds.items():
        sentence = _ENDED.get((ending, to_balance), _NOTHING_BACK) if refunded_rupiah else _NOTHING_BACK
        said[number] = (sentence, {"refunded": format_rupiah(refunded_rupiah)})
    _tell(said, "purchase_ended", at)


def tell_of_revocations(*, certificate_ids: Collection[int], reason: str = "", at: datetime) -> None:
    """Whose certificates were revoked; `reason` in the officers' words, empty where evidence did it."""
    rows = Certificate.objects.filter(pk__in=certificate_ids).order_by("pk").values_list("purchase_id", flat=True)
    sentence = _REVOKED_BY_OFFICERS if reason else _REVOKED
    _tell({number: (sentence, {"reason": reason}) for number in rows}, "certificate_revoked", at)


def tell_of_ruling(*, purchase_ids: Sequence[int], verdict: str, reason: str, at: datetime) -> None:
    """What two officers decided of these purchases, and why."""
    _tell({number: (_DECIDED[verdict], {"reason": reason}) for number in purchase_ids}, "case_decided", at)


def _tell(said: Mapping[int, tuple[Promise, Mapping[str, Any]]], template: str, at: datetime) -> None:
    """One message for each purchase; the title of its training is filled in."""
    if not said:
        return
    rows = Purchase.objects.filter(pk__in=said).order_by("pk")
    notices = [
        Notice(participant_id, template, said[number][0], {"title": title, **said[number][1]})
        for number, participant_id, title in rows.values_list("pk", "participation__participant_id", "training__title")
    ]
    notify(notices=notices, at=at)
