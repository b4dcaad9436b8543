"""`search_trainings`: find trainings by words, category, mode, place and price; with help for typing errors."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache

from django.db import connection
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When

from bekal.catalogue.models import Training
from bekal.catalogue.on_sale import SaleFacts, sale_facts
from bekal.catalogue.ratings import RatingPrior, completion_rate, rating_prior
from bekal.catalogue.refusals import SearchRefusal
from bekal.core.refusal import Refusal

MAX_TEXT_CHARACTERS = 100
MAX_WORDS = 8
MAX_LIMIT = 100
_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"[^\W\d_]{3,}")


class Sort(StrEnum):
    RELEVANCE = "relevance"
    RATING = "rating"
    POPULAR = "popular"
    PRICE_LOW = "price_low"
    PRICE_HIGH = "price_high"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class TrainingCard:
    """One training as lists show it. `rating` is shrunken (1-5); `completion_rate` 0-1, None below ten buyers."""

    id: int
    code: str
    title: str
    description: str
    institution_id: int
    institution_name: str
    platform_id: int | None
    platform_name: str | None
    category_id: int
    category_slug: str
    category_name_id: str
    category_name_en: str
    mode: str
    province: int | None
    hours: int | None
    session_count: int
    seats_left: int | None  # None: no limit
    price_rupiah: int
    on_sale: bool
    facts: SaleFacts  # why it is not, or would not be on a day
    rating: float
    rating_low: float  # between these two lies what it is worth, with 95 % probability
    rating_high: float
    rating_count: int
    bought_count: int
    completion_rate: float | None

    @property
    def is_sold_out(self) -> bool:
        return self.seats_left == 0


@dataclass(frozen=True, slots=True)
class SearchPage:
    """`items` from `offset` on; the counts say how many each category (by slug) and each mode would give."""

    total_count: int = 0
    items: tuple[TrainingCard, ...] = ()
    did_you_mean: str | None = None
    category_counts: Mapping[str, int] = field(default_factory=dict)
    mode_counts: Mapping[str, int] = field(default_factory=dict)
    refusal: Refusal | None = None


def search_trainings(
    *,
    text: str = "",
    category: str | None = None,
    mode: str | None = None,
    province: int | None = None,
    max_price_rupiah: int | None = None,
    only_on_sale: bool = True,
    sort: Sort = Sort.RELEVANCE,
    limit: int = 20,
    offset: int = 0,
    exclude_ids: Collection[int] = (),
) -> SearchPage:
    """Trainings that hold every word of `text` in title, institution or category, and pass the filters.

    `province` keeps what is held there and what is online. At most `limit` (1-100) items from `offset` on. Without any
    hit, `did_you_mean` is the text with its unknown words mended from the catalogue's own, if that finds something.
    Four queries, up to seven where nothing is found. A text of more than 100 characters, or one with control
    characters, is refused. Raises ValueError for a limit or offset out of bounds.
    """
    if not (1 <= limit <= MAX_LIMIT and 0 <= offset <= 1_000_000):
        raise ValueError(f"limit must be 1 to {MAX_LIMIT} and offset 0 to 1,000,000, not {limit} and {offset}")
    refusal = _refusal(text)
    if refusal is not None:
        return SearchPage(refusal=refusal)
    words = tuple(_WORD.findall(text))[:MAX_WORDS]
    common = _common(province, max_price_rupiah, only_on_sale, exclude_ids)
    hits = Training.objects.filter(common, _holds(words))
    by_category = _counts(hits.filter(_in_mode(mode)), "category__slug")
    by_mode = _counts(hits.filter(_in_category(category)), "mode")
    prior = rating_prior()
    chosen = hits.filter(_in_category(category), _in_mode(mode))
    items = _ordered(chosen, sort, words, prior)[offset : offset + limit]
    cards = tuple(_card(training, prior) for training in items)
    total = sum(by_mode.values()) if mode is None else by_mode.get(mode, 0)
    suggestion = _suggestion(words, common) if words and not by_category and not by_mode else None
    return SearchPage(total, cards, suggestion, by_category, by_mode)


def training_cards(*, training_ids: Collection[int]) -> dict[int, TrainingCard]:
    """The cards of these trainings, by id; on sale or not. Two queries."""
    prior = rating_prior()
    found = Training.objects.filter(id__in=list(training_ids)).select_related("institution", "platform", "category")
    return {training.pk: _card(training, prior) for training in found}


def _refusal(text: str) -> Refusal | None:
    if len(text) > MAX_TEXT_CHARACTERS:
        values = {"length_count": len(text), "limit_count": MAX_TEXT_CHARACTERS}
        return Refusal(SearchRefusal.SEARCH_TOO_LONG, values)
    if any((ord(c) < 32 and not c.isspace()) or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        return Refusal(SearchRefusal.SEARCH_NOT_TEXT)
    return None


def _common(province: int | None, max_price_rupiah: int | None, only_on_sale: bool, exclude_ids: Collection[int]) -> Q:
    condition = Q(on_sale=True) if only_on_sale else Q()
    if max_price_rupiah is not None:
        condition &= Q(price_rupiah__lte=max_price_rupiah)
    if province is not None:
        condition &= Q(province=province) | ~Q(mode=Training.Mode.ON_SITE)
    if exclude_ids:
        condition &= ~Q(id__in=list(exclude_ids))
    return condition


def _in_category(category: str | None) -> Q:
    return Q() if category is None else Q(category__slug=category)


def _in_mode(mode: str | None) -> Q:
    return Q() if mode is None else Q(mode=mode)


def _holds(words: Sequence[str]) -> Q:
    condition = Q()
    for word in words:
        condition &= (
            Q(title__icontains=word)
            | Q(institution__name__icontains=word)
            | Q(category__name_id__icontains=word)
            | Q(category__name_en__icontains=word)
        )
    return condition


def _counts(hits: QuerySet[Training], name: str) -> dict[str, int]:
    return dict(hits.order_by(name).values_list(name).annotate(found=Count("id")))


def _ordered(hits: QuerySet[Training], sort: Sort, words: Sequence[str], prior: RatingPrior) -> QuerySet[Training]:
    hits = hits.select_related("institution", "platform", "category")
    if sort is Sort.PRICE_LOW:
        return hits.order_by("price_rupiah", "id")
    if sort is Sort.PRICE_HIGH:
        return hits.order_by("-price_rupiah", "id")
    if sort is Sort.POPULAR:
        return hits.order_by("-bought_count", "id")
    if sort is Sort.NEWEST:
        return hits.order_by("-listed_at", "id")
    hits = hits.annotate(shrunken=prior.expression())
    if sort is Sort.RATING or not words:
        return hits.order_by(F("shrunken").desc(), "-rating_count", "id")
    in_title = Q()
    for word in words:
        in_title &= Q(title__icontains=word)
    place = Case(
        When(title__istartswith=words[0], then=Value(0)),
        When(in_title, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return hits.annotate(place=place).order_by("place", F("shrunken").desc(), "-rating_count", "id")


def _card(training: Training, prior: RatingPrior) -> TrainingCard:
    low, high = prior.interval(training.rating_sum, training.rating_count)
    return TrainingCard(
        id=training.pk,
        code=training.code,
        title=training.title,
        description=training.description,
        institution_id=training.institution_id,
        institution_name=training.institution.name,
        platform_id=training.platform_id,
        platform_name=training.platform.name if training.platform else None,
        category_id=training.category_id,
        category_slug=training.category.slug,
        category_name_id=training.category.name_id,
        category_name_en=training.category.name_en,
        mode=training.mode,
        province=training.province,
        hours=training.hours,
        session_count=training.session_count,
        seats_left=training.seats_left,
        price_rupiah=training.price_rupiah,
        on_sale=training.on_sale,
        facts=sale_facts(training),
        rating=prior.shrunken(training.rating_sum, training.rating_count),
        rating_low=low,
        rating_high=high,
        rating_count=training.rating_count,
        bought_count=training.bought_count,
        completion_rate=completion_rate(training.completed_count, training.bought_count),
    )


def _suggestion(words: Sequence[str], common: Q) -> str | None:
    """The words with each unknown one replaced by its nearest neighbour, where that finds anything."""
    vocabulary = _vocabulary(_vocabulary_stamp())
    mended = [_nearest(word.casefold(), vocabulary) for word in words]
    if mended == [word.casefold() for word in words]:
        return None
    return " ".join(mended) if Training.objects.filter(common, _holds(mended)).exists() else None


def _nearest(word: str, vocabulary: frozenset[str]) -> str:
    """The word itself where the catalogue has it, alone or inside another; else the most similar one, else itself."""
    if len(word) < 3 or any(word in known for known in vocabulary):
        return word
    alike = [known for known in vocabulary if abs(len(known) - len(word)) <= 2]
    return next(iter(get_close_matches(word, sorted(alike), n=1, cutoff=0.7)), word)


def _vocabulary_stamp() -> tuple[int, ...]:
    """Changes whenever a title, an institution's or a category's name does: one cheap query."""
    parts = (("catalogue_training", "title"), ("catalogue_institution", "name"), ("catalogue_category", "name_id"))
    sums = ", ".join(f"(SELECT coalesce(sum(hashtextextended({name}, 0)), 0) FROM {table})" for table, name in parts)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sums}")
        return tuple(int(value) for value in cursor.fetchone())


@lru_cache(maxsize=2)
def _vocabulary(stamp: tuple[int, ...]) -> frozenset[str]:
    """Every word of three letters or more in titles and names of institutions and categories, in small letters."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT title FROM catalogue_training UNION ALL SELECT name FROM catalogue_institution"
            " UNION ALL SELECT name_id FROM catalogue_category"
        )
        return frozenset(word.casefold() for (text,) in cursor.fetchall() for word in _LETTERS.findall(text))
