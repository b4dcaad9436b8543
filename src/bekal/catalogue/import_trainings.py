"""`import_trainings`: put trainings (of a file or of the simulation) into the catalogue; all or nothing, repeatable."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from bekal.catalogue.faults import Fault, FaultyRows
from bekal.catalogue.models import LOCK_ORDER, Category, Institution, Platform, Session, Training, TrainingPrice
from bekal.catalogue.on_sale import keep_sales, lock_shelf
from bekal.catalogue.prices import write_history, write_prices
from bekal.ledger.clock import programme_day


@dataclass(frozen=True, slots=True)
class PastPrice:
    """A price as it stood from an instant on; `source` is one of TrainingPrice.Source."""

    since_at: datetime
    price_rupiah: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTraining:
    """One training to put on the shelf. `price_rupiah` None: the price is not known, so it is listed but not on sale.

    `given` names the optional fields that the source has; the others keep what a known training already has.
    """

    code: str
    title: str
    institution: str
    category: str
    price_rupiah: int | None
    description: str | None = None
    category_en: str | None = None
    platform: str | None = None
    mode: str | None = None
    province: int | None = None
    hours: int | None = None
    session_count: int | None = None
    seat_count: int | None = None
    on_sale: bool | None = None
    listed_at: datetime | None = None  # of a training that is new here; None: now
    price_history: Sequence[PastPrice] = ()  # of a training that is new here, in order; empty: the price of now alone
    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ImportedTrainings:
    """What changed: counts of trainings, and of the rows that had to be made for them."""

    added_count: int
    changed_count: int
    unchanged_count: int
    new_institution_count: int
    new_category_count: int


def import_trainings(*, trainings: Sequence[NewTraining], at: datetime, dry_run: bool = False) -> ImportedTrainings:
    """Add the trainings whose code is new, change those that differ, leave the others; one transaction.

    Institutions, platforms and categories are found by their name (capitals aside) and made where missing.
    A training that is already known and comes without a price keeps its last one and goes off sale. It is the office's
    own catalogue: what it brings counts as curated, and each price goes into the history.
    With `dry_run` everything is tried and nothing kept. Raises ValueError where a code stands twice, and FaultyRows
    (nothing changed) where fewer seats are wanted than are sold, or fewer sessions than have a date.
    """
    twice = [code for code, count in Counter(t.code for t in trainings).items() if count > 1]
    if twice:
        raise ValueError(f"a code stands twice in one call: {twice[:5]}")
    with transaction.atomic():
        imported = _import(trainings, at)
        transaction.set_rollback(dry_run)
    return imported


def _import(trainings: Sequence[NewTraining], at: datetime) -> ImportedTrainings:
    with connection.cursor() as cursor:  # one import at a time, so that two do not make the same institution
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('catalogue import'))")
    lock_shelf()
    institutions, new_institutions = _named(
        {t.institution for t in trainings}, Institution.objects.in_bulk().values(), _new_institution
    )
    platforms, _ = _named(
        {t.platform for t in trainings if t.platform}, Platform.objects.in_bulk().values(), _new_platform
    )
    in_english = {t.category.casefold(): t.category_en for t in trainings if t.category_en}
    categories, new_categories = _named(
        {t.category for t in trainings},
        Category.objects.in_bulk().values(),
        lambda name, taken: _new_category(name, in_english.get(name.casefold()), taken),
    )
    codes = [t.code for t in trainings]
    known = {
        t.code: t for t in Training.objects.select_for_update(no_key=True).filter(code__in=codes).order_by(*LOCK_ORDER)
    }
    added: list[Training] = []
    changed: list[Training] = []
    repriced: list[Training] = []
    _check_against_known(trainings, known)
    for new in trainings:
        values = _values(
            new,
            category=categories[new.category.casefold()],
            institution=institutions[new.institution.casefold()],
            platform=platforms[new.platform.casefold()] if new.platform else None,
        )
        old = known.get(new.code)
        if old is None:
            values = {"price_rupiah": 0, **values, "on_sale": False}
            added.append(Training(code=new.code, listed_at=new.listed_at or at, **values))
        elif any(getattr(old, name) != value for name, value in values.items()):
            if old.price_rupiah != values.get("price_rupiah", old.price_rupiah):
                repriced.append(old)
            for name, value in values.items():
                setattr(old, name, value)
            old.on_sale = old.on_sale and old.is_offered
            changed.append(old)
    Training.objects.bulk_create(added, batch_size=2000)
    if changed:
        Training.objects.bulk_update(changed, (*_CHANGEABLE, "on_sale"), batch_size=500)
    histories = {new.code: new.price_history for new in trainings if new.price_history}
    plain = [training for training in added if training.code not in histories]
    write_prices(plain, source=TrainingPrice.Source.IMPORT, at=at, is_new=True)
    write_history({training.pk: histories[training.code] for training in added if training.code in histories})
    write_prices(repriced, source=TrainingPrice.Source.IMPORT, at=at)
    keep_sales(on=programme_day(at), training_ids=[training.pk for training in (*added, *changed)])
    unchanged = len(trainings) - len(added) - len(changed)
    return ImportedTrainings(len(added), len(changed), unchanged, new_institutions, new_categories)


def _check_against_known(trainings: Sequence[NewTraining], known: Mapping[str, Training]) -> None:
    """What is sold stays sold and what has a date keeps it: raises FaultyRows for a change that denies either."""
    faults: list[Fault] = []
    shortened: dict[int, tuple[int, NewTraining, int]] = {}
    for place, new in enumerate(trainings):
        old = known.get(new.code)
        if old is None:
            continue
        if "seat_count" in new.given and new.seat_count is not None and new.seat_count < old.bought_count:
            mend = (
                f"{old.bought_count} seats of {new.code} are sold: write {old.bought_count} or more, "
                "or leave it blank where there is no limit"
            )
            faults.append(Fault(place, "seat_count", str(new.seat_count), mend))
        session_count = new.session_count or 1
        if "session_count" in new.given and session_count < old.session_count:
            shortened[old.pk] = (place, new, session_count)
    dated = Session.objects.filter(training_id__in=shortened).order_by("training_id").values_list("training_id")
    for training_id, last in dated.annotate(last=Max("sequence")) if shortened else ():
        place, new, session_count = shortened[training_id]
        if last > session_count:
            mend = f"session {last} of {new.code} has a date: write {last} or more"
            faults.append(Fault(place, "session_count", str(session_count), mend))
    if faults:
        raise FaultyRows(faults)


_CHANGEABLE = (
    "title",
    "category_id",
    "institution_id",
    "platform_id",
    "price_rupiah",
    "mode",
    "province",
    "hours",
    "session_count",
    "seat_count",
    "description",
    "is_offered",
)


def _values(new: NewTraining, *, category: int, institution: int, platform: int | None) -> dict[str, Any]:
    """Column values of the training; optional fields the source does not have are left out."""
    values: dict[str, Any] = {"title": new.title, "category_id": category, "institution_id": institution}
    optional = {
        "platform": ("platform_id", platform),
        "mode": ("mode", new.mode or Training.Mode.SELF_PACED),
        "province": ("province", new.province),
        "hours": ("hours", new.hours),
        "session_count": ("session_count", new.session_count or 1),
        "seat_count": ("seat_count", new.seat_count),
        "description": ("description", new.description or ""),
        "on_sale": ("is_offered", new.on_sale is not False),
    }
    values |= {column: value for name, (column, value) in optional.items() if name in new.given}
    if new.price_rupiah is None:
        values["is_offered"] = False
    else:
        values |= {"price_rupiah": new.price_rupiah, "is_offered": values.get("is_offered", True)}
    return values


def _named(
    names: Iterable[str], rows: Iterable[Any], make: Callable[[str, set[str]], Any]
) -> tuple[dict[str, int], int]:
    """{folded name: id} of every name, making the rows that are missing; and how many were made."""
    rows = sorted(rows, key=lambda row: -row.pk)  # of two with one name the older is found
    found = {_name_of(row).casefold(): row.pk for row in rows}
    taken = {row.slug if isinstance(row, Category) else row.code for row in rows}
    made: dict[str, Any] = {}
    for name in sorted(names):
        if name.casefold() not in found and name.casefold() not in made:
            made[name.casefold()] = make(name, taken)
    for folded, row in made.items():
        row.save(force_insert=True)
        found[folded] = row.pk
    return found, len(made)


def _name_of(row: Category | Institution | Platform) -> str:
    return row.name_id if isinstance(row, Category) else row.name


def _new_institution(name: str, taken: set[str]) -> Institution:
    return Institution(code=_free_slug(name, taken), name=name)


def _new_platform(name: str, taken: set[str]) -> Platform:
    return Platform(code=_free_slug(name, taken), name=name)


def _new_category(name: str, name_en: str | None, taken: set[str]) -> Category:
    return Category(slug=_free_slug(name, taken), name_id=name, name_en=name_en or name)


def _free_slug(name: str, taken: set[str]) -> str:
    """A short code of ASCII letters, digits and dashes that no other row has; added to `taken`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:34].rstrip("-") or "x"
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    taken.add(slug)
    return slug


def described(imported: ImportedTrainings) -> Mapping[str, int]:
    """The counts by the word a report uses for them, in order."""
    return {
        "added": imported.added_count,
        "changed": imported.changed_count,
        "unchanged": imported.unchanged_count,
        "institutions added": imported.new_institution_count,
        "categories added": imported.new_category_count,
    }
