"""Pelatihan: the marketplace. Find a training that fits the balance, and read what others say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.accounts.provinces import PROVINCES
from bekal.catalogue.links import owners_in_common
from bekal.catalogue.models import Category, Session, Training
from bekal.catalogue.prices import price_since
from bekal.catalogue.search import SearchPage, Sort, TrainingCard, search_trainings, training_cards
from bekal.core.entitlement import RefusalCode, refusal_to_buy
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.purchases.models import Purchase
from bekal.purchases.refusals import PurchaseRefusal
from bekal.purchases.review_queries import ReviewOrder, rating_histogram, reviews_of, visible_count
from bekal.ui.display import mode_label
from bekal.web.reader import Reader, reader_of
from bekal.web.reasons import Why

ON_A_PAGE = 12
REVIEWS_ON_A_PAGE = 10
MAX_PAGE = 10_000
SORT_NAMES = {
    Sort.RELEVANCE: _("Best match"),
    Sort.RATING: _("Best rated"),
    Sort.POPULAR: _("Most chosen"),
    Sort.PRICE_LOW: _("Lowest price"),
    Sort.PRICE_HIGH: _("Highest price"),
    Sort.NEWEST: _("Newest"),
}
REVIEW_ORDER_NAMES = {
    ReviewOrder.NEWEST: _("Newest"),
    ReviewOrder.LOWEST: _("Lowest rating"),
    ReviewOrder.HIGHEST: _("Highest rating"),
}


@dataclass(frozen=True, slots=True)
class Facet:
    """One value to filter by: `address` switches it on, or off where it is on."""

    label: str
    count: int
    address: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """One training as offered to one reader: what buying it would leave (None: they cannot buy), why it is here."""

    card: TrainingCard
    left_rupiah: int | None
    is_owned: bool
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Meeting:
    """One dated session as the page tells it at one instant."""

    session: Session
    is_over: bool

    @property
    def ends_same_day(self) -> bool:
        ends_at = self.session.ends_at
        return ends_at is not None and programme_day(ends_at) == programme_day(self.session.starts_at)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for; values that do not exist fall away."""

    text: str
    category: str | None
    mode: str | None
    province: int | None
    fits: bool
    sort: Sort
    page: int

    @property
    def is_filtered(self) -> bool:
        return bool(self.category or self.mode or self.province)


class Found(Paginator):
    """A paginator over a search that has already cut its page out."""

    def __init__(self, page: SearchPage) -> None:
        super().__init__(page.items, ON_A_PAGE)
        self.total_count = page.total_count

    @property
    def count(self) -> int:
        return self.total_count


def wanted_of(query: QueryDict, *, may_spend: bool) -> Wanted:
    """Read the address: unknown values are left out, pages are kept within bounds."""
    sort, mode, province = (query.get(name, "") for name in ("sort", "mode", "province"))
    return Wanted(
        text=query.get("q", "").replace("\0", " ").strip(),
        category=query.get("category", "").replace("\0", "")[:40] or None,
        mode=mode if mode in Training.Mode.values else None,
        province=_number(province) if _number(province) in PROVINCES else None,
        fits=may_spend and query.get("all") != "1",
        sort=Sort(sort) if sort in set(Sort) else Sort.RELEVANCE,
        page=page_number(query),
    )


def page_number(query: QueryDict) -> int:
    """The page that the address asks for, within bounds."""
    return min(max(_number(query.get("page", "")), 1), MAX_PAGE)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def trainings(request: HttpRequest) -> HttpResponse:
    reader = reader_of(request)
    wanted = wanted_of(request.GET, may_spend=reader.may_spend)
    found = search_trainings(
        text=wanted.text,
        category=wanted.category,
        mode=wanted.mode,
        province=wanted.province,
        max_price_rupiah=reader.balance_rupiah if wanted.fits else None,
        sort=wanted.sort,
        limit=ON_A_PAGE,
        offset=(wanted.page - 1) * ON_A_PAGE,
    )
    categories = _category_facets(request.GET, found.category_counts, wanted.category)
    modes = _mode_facets(request.GET, found.mode_counts, wanted.mode)
    context = {
        "reader": reader,
        "wanted": wanted,
        "found": found,
        "active": [facet for facet in (*categories, *modes, *_place(request.GET, wanted.province)) if facet.is_on],
        "page": Page(found.items, wanted.page, Found(found)),
        "offers": _offers(found.items, reader),
        "categories": categories,
        "modes": modes,
        "provinces": PROVINCES,
        "sorts": SORT_NAMES,
        "everything": address_with(request.GET, all="1"),
        "only_fitting": address_with(request.GET, all=None),
        "without_filters": address_with(request.GET, category=None, mode=None, province=None),
        "meant": address_with(request.GET, q=found.did_you_mean) if found.did_you_mean else "",
    }
    return render(request, "web/trainings.html", context, status=422 if found.refusal else 200)


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def training(request: HttpRequest, training_id: int) -> HttpResponse:
    reader = reader_of(request)
    card = training_cards(training_ids=[training_id]).get(training_id)
    if card is None:
        raise Http404
    bought = Purchase.objects.filter(participation=reader.participation, training_id=training_id).first()
    refusal = why_not(reader, card, bought=bought is not None)
    meetings = _meetings(training_id, reader.at)
    page = page_number(request.GET)
    order, with_text = _reviews_wanted(request.GET)
    since_at = price_since(training_id=training_id)
    context = {
        "reader": reader,
        "card": card,
        "price_since_at": since_at,
        "in_common": owners_in_common(
            institution_id=card.institution_id, platform_id=card.platform_id, on=reader.today
        ),
        "meetings": meetings,
        "undated_count": card.session_count - len(meetings),
        "all_over": all(meeting.is_over for meeting in meetings),
        "bought": bought,
        "refusal": refusal,
        "left_rupiah": reader.balance_rupiah - card.price_rupiah,
        "histogram": list(zip((5, 4, 3, 2, 1), reversed(rating_histogram(training_id)), strict=True)),
        "reviews": reviews_of(
            training_id=training_id,
            limit=REVIEWS_ON_A_PAGE,
            offset=(page - 1) * REVIEWS_ON_A_PAGE,
            order=order,
            with_text=with_text,
        ),
        "page": Paginator(
            range(visible_count(training_id=training_id, with_text=True) if with_text else card.rating_count),
            REVIEWS_ON_A_PAGE,
        ).get_page(page),
        "choices": _review_choices(request.GET, order, with_text=with_text),
    }
    return render(request, "web/training.html", context)


def _reviews_wanted(query: QueryDict) -> tuple[ReviewOrder, bool]:
    """In which order the address asks for reviews, and whether only for those with words."""
    order = query.get("order", "")
    return ReviewOrder(order) if order in set(ReviewOrder) else ReviewOrder.NEWEST, query.get("words") == "1"


def _review_choices(query: QueryDict, order: ReviewOrder, *, with_text: bool) -> list[Facet]:
    """The orders, of which one is on, and the filter."""
    orders = [
        Facet(str(name), 0, address_with(query, order=each.value) + "#reviews", each is order)
        for each, name in REVIEW_ORDER_NAMES.items()
    ]
    words = address_with(query, words=None if with_text else "1") + "#reviews"
    return [*orders, Facet(gettext("With text"), 0, words, with_text)]


def _meetings(training_id: int, at: datetime) -> tuple[Meeting, ...]:
    """The dated sessions of a training in order; one is over when its end (or, unsaid, its start) has passed."""
    sessions = Session.objects.filter(training_id=training_id).order_by("sequence")
    return tuple(Meeting(session, (session.ends_at or session.starts_at) < at) for session in sessions)


def why_not(reader: Reader, card: TrainingCard, *, bought: bool) -> Refusal | None:
    """Why the reader may not buy this training today; None where they may."""
    refusal = refusal_to_buy(
        scheme=reader.scheme,
        on=reader.today,
        revoked=bool(reader.participation and reader.participation.revoked_at),
        purchase_count=reader.purchase_count,
        already_bought=bought,
        on_sale=card.on_sale,
        price_rupiah=card.price_rupiah,
        balance_rupiah=reader.balance_rupiah,
    )
    if refusal is None or refusal.code == RefusalCode.NOT_ON_SALE:
        refusal = card.facts.barrier(reader.today) or refusal
    return refusal or (Refusal(PurchaseRefusal.SOLD_OUT) if card.is_sold_out else None)


def address_with(query: QueryDict, **changes: str | None) -> str:
    """The same address with these values set (None: without), back on its first page."""
    changed = query.copy()
    for name, value in {"page": None, **changes}.items():
        changed.pop(name, None)
        if value is not None:
            changed[name] = value
    return "?" + changed.urlencode()


def _offers(cards: Sequence[TrainingCard], reader: Reader) -> tuple[Offer, ...]:
    owned = _owned_ids(reader)
    return tuple(
        Offer(card, reader.balance_rupiah - card.price_rupiah if reader.may_spend else None, card.id in owned)
        for card in cards
    )


def _owned_ids(reader: Reader) -> frozenset[int]:
    if reader.participation is None:
        return frozenset()
    return frozenset(Purchase.objects.filter(participation=reader.participation).values_list("training_id", flat=True))


def _category_facets(query: QueryDict, counts: Mapping[str, int], chosen: str | None) -> list[Facet]:
    named = "name_id" if get_language() == "id" else "name_en"
    names = Category.objects.order_by(named).values_list("slug", named)
    return [
        Facet(name, counts.get(slug, 0), address_with(query, category=None if slug == chosen else slug), slug == chosen)
        for slug, name in names
        if slug in counts or slug == chosen
    ]


def _mode_facets(query: QueryDict, counts: Mapping[str, int], chosen: str | None) -> list[Facet]:
    return [
        Facet(mode_label(mode), counts.get(mode, 0), address_with(query, mode=None if on else mode), on)
        for mode, on in ((mode, mode == chosen) for mode in Training.Mode)
        if on or mode in counts
    ]


def _place(query: QueryDict, chosen: int | None) -> list[Facet]:
    """The chosen province, to be taken away again; provinces are chosen from a list, not counted."""
    return [] if chosen is None else [Facet(PROVINCES[chosen], 0, address_with(query, province=None), True)]
