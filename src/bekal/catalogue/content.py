"""What a training would be: the fields that a submission proposes and a curator decides on, checked and compared."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bekal.accounts.provinces import PROVINCES
from bekal.catalogue.models import MAX_PRICE_RUPIAH, Category, Platform, Submission, Training
from bekal.catalogue.refusals import ShelfRefusal
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown, tidy

TITLE_LIMIT_COUNT, DESCRIPTION_LIMIT_COUNT, CODE_LIMIT_COUNT = 300, 5_000, 60
LIMITS = {"hours": (1, 1_000), "session_count": (1, 30), "seat_count": (1, 2**31 - 1)}
# Columns that a submission and a training have alike.
CONTENT = (
    "title",
    "description",
    "category_id",
    "platform_id",
    "price_rupiah",
    "mode",
    "province",
    "hours",
    "session_count",
    "seat_count",
)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*", flags=re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One training as somebody writes it: whole rupiah, `category` by its slug, `platform` by its code (None: sold
    without one), `seat_count` None: no limit, `hours` None: not said."""

    title: str
    category: str
    price_rupiah: int
    description: str = ""
    platform: str | None = None
    mode: str = Training.Mode.SELF_PACED.value
    province: int | None = None
    hours: int | None = None
    session_count: int = 1
    seat_count: int | None = None


def columns_of(content: Content) -> dict[str, Any] | Refusal:
    """The values of CONTENT, or what is wrong with the first field that cannot be one."""
    title, description = tidy(content.title), tidy(content.description)
    refusal = _refusal_of_text(title, description) or _refusal_of_numbers(content)
    if refusal is not None:
        return refusal
    category = Category.objects.filter(slug=shown(content.category)).first()
    if category is None:
        return _unknown("category", content.category)
    platform = None
    if content.platform is not None:
        platform = Platform.objects.filter(code=shown(content.platform)).first()
        if platform is None:
            return _unknown("platform", content.platform)
    return {
        "title": title,
        "description": description,
        "category_id": category.pk,
        "platform_id": platform.pk if platform else None,
        "price_rupiah": content.price_rupiah,
        "mode": content.mode,
        "province": content.province if content.mode == Training.Mode.ON_SITE else None,
        "hours": content.hours,
        "session_count": content.session_count,
        "seat_count": content.seat_count,
    }


def _refusal_of_text(title: str, description: str) -> Refusal | None:
    if not title or len(title) > TITLE_LIMIT_COUNT or not is_readable(title):
        return Refusal(ShelfRefusal.TITLE_UNREADABLE, {"limit_count": TITLE_LIMIT_COUNT})
    if len(description) > DESCRIPTION_LIMIT_COUNT or not is_readable(description, multiline=True):
        return Refusal(ShelfRefusal.DESCRIPTION_UNREADABLE, {"limit_count": DESCRIPTION_LIMIT_COUNT})
    return None


def _refusal_of_numbers(content: Content) -> Refusal | None:
    if not 0 <= content.price_rupiah <= MAX_PRICE_RUPIAH:
        # A number of any length is no amount: what is shown of it fits a line.
        value = min(max(content.price_rupiah, -(10**15)), 10**15)
        values = {"value_rupiah": value, "limit_rupiah": MAX_PRICE_RUPIAH}
        return Refusal(ShelfRefusal.PRICE_OUT_OF_RANGE, values)
    for name, (lowest, highest) in LIMITS.items():
        value = getattr(content, name)
        if value is not None and not lowest <= value <= highest:
            told: dict[str, int | str | date | None] = {
                "field": name,
                "value": shown(str(value)),
                "lowest": lowest,
                "highest": highest,
            }
            return Refusal(ShelfRefusal.FIELD_OUT_OF_RANGE, told)
    if content.mode not in Training.Mode.values:
        return _unknown("mode", content.mode)
    if content.mode == Training.Mode.ON_SITE and content.province is None:
        return Refusal(ShelfRefusal.PROVINCE_MISSING)
    if content.province is not None and content.province not in PROVINCES:
        return _unknown("province", str(content.province))
    return None


def _unknown(name: str, value: str) -> Refusal:
    return Refusal(ShelfRefusal.CHOICE_UNKNOWN, {"field": name, "value": shown(value)})


def refusal_of_code(code: str) -> Refusal | None:
    """Why this is no code of a training; None where it is one."""
    if len(code) > CODE_LIMIT_COUNT or not _CODE.fullmatch(code):
        return Refusal(ShelfRefusal.CODE_MALFORMED, {"value": shown(code)})
    return None


def derived_code(institution_code: str, title: str) -> str:
    """The code of a training that comes without one: the same institution and title are the same training."""
    mark = hashlib.sha256(f"{institution_code}\0{title.casefold()}".encode()).hexdigest()[:12]
    return f"{institution_code[:40]}-{mark}"


def content_of(row: Submission | Training) -> dict[str, Any]:
    """The values of CONTENT as they stand on a row."""
    return {name: getattr(row, name) for name in CONTENT}


def changes(row: Submission | Training, values: Mapping[str, Any]) -> list[str]:
    """Which of these values differ from the row's."""
    return [name for name in CONTENT if getattr(row, name) != values[name]]


def content_sha256(submission: Submission) -> bytes:
    """What a curator has seen, as a hash that travels with the decision."""
    text = json.dumps([submission.pk, submission.code, content_of(submission)], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).digest()


def refusal_of_what_is_sold(training: Training, values: Mapping[str, Any]) -> Refusal | None:
    """What is sold stays sold, and what has a date keeps it."""
    if values["seat_count"] is not None and values["seat_count"] < training.bought_count:
        return Refusal(ShelfRefusal.SEATS_SOLD, {"sold_count": training.bought_count})
    if values["session_count"] < training.session_count:
        last = training.sessions.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        if last > values["session_count"]:
            return Refusal(ShelfRefusal.SESSIONS_DATED, {"dated_count": last})
    return None
