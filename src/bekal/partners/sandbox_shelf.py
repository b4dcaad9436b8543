"""The trainings of a partner's sandbox: one at one's own pace, and dated ones around the partner's own clock."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Institution, Platform, Session, Training
from bekal.catalogue.schedule_sessions import NewSession, schedule_sessions
from bekal.partners.models import SandboxCode
from bekal.partners.world import World

Purpose = SandboxCode.Purpose
CATEGORY, CATEGORY_EN = "Uji coba", "Sandbox"
# The institution that nobody's system speaks for: its codes belong to another institution, whoever asks.
OTHER_CODE, OTHER_NAME = "_lain", "Lembaga Lain (uji coba)"
# The platform that nobody's system speaks for: its start codes belong to another platform, whoever asks.
OTHER_PLATFORM_NAME = "Platform Lain (uji coba)"
# How long after its start a dated training still counts as beginning now.
FRESH = timedelta(minutes=30)
GIVEN = frozenset({"mode", "session_count", "seat_count", "platform", "description"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A training of the sandbox; `starts_after` None: without dates. `is_others`: of another institution, or on
    another platform; `is_programmes`: sold on the programme's own pages alone, at exactly this price."""

    letter: str
    title: str
    mode: str
    price_rupiah: int
    session_count: int = 1
    seat_count: int | None = None
    starts_after: timedelta | None = None
    is_others: bool = False
    is_programmes: bool = False


SELF_PACED = Kind("M", "Pembukuan usaha kecil (uji coba)", Training.Mode.SELF_PACED, 200_000)
_WEBINAR = Kind(
    "W", "Webinar foto produk (uji coba)", Training.Mode.WEBINAR, 300_000, session_count=2, starts_after=timedelta(0)
)
_ON_SITE = Kind(
    "T", "Kelas barista (uji coba)", Training.Mode.ON_SITE, 400_000, seat_count=20, starts_after=timedelta(0)
)
_LATER = Kind("N", "Webinar pekan depan (uji coba)", Training.Mode.WEBINAR, 300_000, starts_after=timedelta(days=3))
_OTHERS = Kind("L", "Pelatihan lembaga lain (uji coba)", Training.Mode.SELF_PACED, 200_000, is_others=True)
ON_OTHER_PLATFORM = Kind("P", "Pelatihan platform lain (uji coba)", Training.Mode.SELF_PACED, 200_000, is_others=True)
# What leaves a balance too small for anything else; its price is made for each balance.
DEAR = Kind("B", "Pelatihan sebesar saldo (uji coba)", Training.Mode.SELF_PACED, 0, is_programmes=True)
KIND_OF = {
    Purpose.SELF_PACED: SELF_PACED,
    Purpose.WEBINAR: _WEBINAR,
    Purpose.ON_SITE: _ON_SITE,
    Purpose.LATER: _LATER,
    Purpose.USED: SELF_PACED,
    Purpose.CANCELLED: SELF_PACED,
    Purpose.ENDED: _WEBINAR,
    Purpose.ELSEWHERE: _OTHERS,
}


def training_of(kind: Kind, *, buyer_count: int, partner_code: str, people_number: int, world: World) -> Training:
    """The training of this kind that can be bought now, with seats for so many.

    It is listed, and dated around the world's instant, where there is none yet: what was dated before keeps its dates,
    and another takes its place. Call inside the world, in a transaction that has locked the partner."""
    start = f"{partner_code}-{people_number}{kind.letter}"
    # The end, too: another partner's code may begin with this one's.
    known = Training.objects.filter(code__regex=f"^{re.escape(start)}[0-9]+$").order_by("-pk")
    for training in known:
        if training.on_sale and _has_seats(training, buyer_count) and _suits(kind, training, world.at):
            return training
    # No partner's code has a dot in it.
    return _listed(kind, f"{start}{len(known) + 1}", f"{partner_code}.{people_number}", world)


def _has_seats(training: Training, buyer_count: int) -> bool:
    return training.seats_left is None or training.seats_left >= buyer_count


def _suits(kind: Kind, training: Training, at: datetime) -> bool:
    if kind.starts_after is None:
        return not kind.is_programmes or training.price_rupiah == kind.price_rupiah
    first = Session.objects.filter(training=training, sequence=1).values_list("starts_at", flat=True).first()
    if first is None:
        return False
    if kind.starts_after:
        return first >= at + kind.starts_after / 2
    return first <= at < first + FRESH


def _listed(kind: Kind, code: str, own_code: str, world: World) -> Training:
    institution = _institution(kind, own_code, world)
    new = NewTraining(
        code=code,
        title=kind.title,
        institution=institution.name,
        category=CATEGORY,
        category_en=CATEGORY_EN,
        price_rupiah=kind.price_rupiah,
        description="Hanya untuk uji coba sistem mitra.",
        platform=_platform_name(kind, world),
        mode=kind.mode,
        session_count=kind.session_count,
        seat_count=kind.seat_count,
        given=GIVEN,
    )
    import_trainings(trainings=[new], at=world.at)
    if kind.starts_after is not None:
        schedule_sessions(sessions=_sessions(kind, code, world.at), at=world.at)
    training = Training.objects.get(code=code)
    if training.institution_id != institution.pk:
        raise RuntimeError(f"{code} was listed for another institution")
    return training


def _platform_name(kind: Kind, world: World) -> str | None:
    """The platform it is sold on; None: on none, as all that an institution's sandbox has."""
    if world.platform_id is None or kind.is_programmes:
        return None
    if kind.is_others:
        return Platform.objects.get_or_create(code=OTHER_CODE, defaults={"name": OTHER_PLATFORM_NAME})[0].name
    return Platform.objects.get(pk=world.platform_id).name


def _institution(kind: Kind, own_code: str, world: World) -> Institution:
    """Whose training it is: the partner's own; a platform sells those of one that it shares with no other platform, or
    an offer of the one would take the code from the other."""
    if world.institution_id is None:
        name = f"Lembaga Uji Coba ({own_code})"
        return Institution.objects.get_or_create(code=own_code, defaults={"name": name})[0]
    if kind.is_others:
        return Institution.objects.get_or_create(code=OTHER_CODE, defaults={"name": OTHER_NAME})[0]
    return Institution.objects.get(pk=world.institution_id)


def _sessions(kind: Kind, code: str, at: datetime) -> list[NewSession]:
    """One a day, from the last full five minutes on."""
    assert kind.starts_after is not None
    first = at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0) + kind.starts_after
    starts = [first + timedelta(days=number) for number in range(kind.session_count)]
    return [
        NewSession(training_code=code, sequence=number, starts_at=start, ends_at=start + timedelta(hours=2))
        for number, start in enumerate(starts, 1)
    ]
