"""Values as people read them, in the language of the page: money, days, instants, counts."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from django.utils import formats, timezone
from django.utils.translation import get_language, ngettext

from bekal.accounts.provinces import PROVINCES
from bekal.catalogue.models import Training
from bekal.core.money import format_rupiah


def rupiah(amount: int) -> str:
    """`Rp3.550.000`: never shortened, never with decimals, the same in both languages."""
    return format_rupiah(amount)


def day(value: date | datetime) -> str:
    """`25 Maret 2021`, in the reader's language; an instant is shown as its day in Jakarta."""
    return formats.date_format(_local(value), "j F Y")


def weekday(value: date | datetime) -> str:
    """`Kamis, 25 Maret 2021`."""
    return formats.date_format(_local(value), "l, j F Y")


def month(value: date | datetime) -> str:
    """`Maret 2021`."""
    return formats.date_format(_local(value), "F Y")


def moment(value: datetime) -> str:
    """`25 Maret 2021, 10.05 WIB`; the time zone is said, because Indonesia has three."""
    return f"{formats.date_format(_local(value), 'j F Y')}, {clock(value)}"


def clock(value: datetime) -> str:
    """`10.05 WIB`."""
    return f"{_local(value):%H.%M} WIB"


def _local(value: date | datetime) -> date | datetime:
    return timezone.localtime(value) if isinstance(value, datetime) else value


def count(value: int) -> str:
    """`1.204` (Indonesian) or `1,204` (English)."""
    return formats.number_format(value, decimal_pos=0, use_l10n=True, force_grouping=True)


def decimal_1(value: float) -> str:
    """`4,6` (Indonesian) or `4.6` (English); halves go up, as people round."""
    return formats.number_format(Decimal(str(value)).quantize(Decimal("0.1"), ROUND_HALF_UP), decimal_pos=1)


def percent(share: float) -> str:
    """A share of 1 as `91%`."""
    return f"{int(Decimal(str(share * 100)).quantize(Decimal(1), ROUND_HALF_UP))}%"


def days(number: int) -> str:
    """`1 hari` / `26 hari`."""
    return ngettext("%(count)d day", "%(count)d days", number) % {"count": number}


def monogram(name: str) -> str:
    """Two letters for the tile of an institution that has no picture: `Balai Latihan Mandiri` is `BL`."""
    letters = [word[0] for word in name.split() if word[0].isalpha()]
    return "".join(letters[:2]).upper() or "·"


class CategoryNamed(Protocol):
    """A training card: it knows its category's name in both languages."""

    @property
    def category_name_id(self) -> str: ...
    @property
    def category_name_en(self) -> str: ...


def category_name(card: CategoryNamed) -> str:
    """The category in the reader's language."""
    return card.category_name_id if get_language() == "id" else card.category_name_en


def mode_label(mode: str) -> str:
    """How a training is taught, in words."""
    return str(Training.Mode(mode).label)


def province(code: int) -> str:
    """The name of a province by its code."""
    return PROVINCES[code]
