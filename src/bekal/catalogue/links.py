"""Who owns whom: which institutions and platforms belong together, and whether a curator is bound to either.

Links have no direction here: two belong together where any chain of shares, of any size, leads from one to the other.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Count, Q

from bekal.catalogue.models import CuratorInterest, Institution, InstitutionStaff, Owner, Ownership, Platform, Training
from bekal.ledger.clock import programme_day

Node = tuple[str, int]  # an institution, a platform, an owner or a curator, by its number


@dataclass(frozen=True, slots=True)
class Share:
    """One share as it is disclosed: who holds how much of what, since when; `until_on` is the last day."""

    ownership_id: int
    owner_name: str
    owner_kind: str
    owner_kind_label: str
    subject_kind: str
    subject_name: str
    share_percent: Decimal
    since_on: date
    until_on: date | None


@dataclass(frozen=True, slots=True)
class SameOwner:
    """A platform that sells trainings of an institution to which it belongs; `via` names the owners between them."""

    institution_id: int
    institution_name: str
    platform_id: int
    platform_name: str
    training_count: int
    on_sale_count: int
    via: tuple[str, ...]


class Links:
    """The links that hold on one day."""

    def __init__(self, ownerships: Iterable[Ownership], owners: Iterable[Owner] = ()) -> None:
        self._next: dict[Node, list[Node]] = {}
        self._names: dict[Node, str] = {}
        for row in ownerships:
            self._know(row.shareholder)
            if row.held_owner is not None:
                self._know(row.held_owner)
            self._join(("shareholder", row.shareholder_id), _subject(row))
        for owner in owners:
            self._know(owner)

    def _know(self, owner: Owner) -> None:
        node: Node = ("shareholder", owner.pk)
        if node in self._names:
            return
        self._names[node] = owner.name
        for kind, number in (("institution", owner.institution_id), ("platform", owner.platform_id)):
            if number is not None:
                self._join(node, (kind, number))

    def _join(self, one: Node, other: Node) -> None:
        self._next.setdefault(one, []).append(other)
        self._next.setdefault(other, []).append(one)

    def between(self, starts: Collection[Node], ends: Collection[Node]) -> tuple[Node, ...] | None:
        """The shortest chain from one of `starts` to one of `ends`, both included; None where none leads there."""
        came_from: dict[Node, Node | None] = dict.fromkeys(starts)
        waiting = deque(starts)
        while waiting:
            node = waiting.popleft()
            if node in ends:
                chain: list[Node] = []
                at: Node | None = node
                while at is not None:
                    chain.append(at)
                    at = came_from[at]
                return tuple(reversed(chain))
            for following in self._next.get(node, ()):
                if following not in came_from:
                    came_from[following] = node
                    waiting.append(following)
        return None

    def groups(self) -> Iterator[frozenset[Node]]:
        """All that belongs together, each group once: what no chain leads to any other is in none."""
        seen: set[Node] = set()
        for start in self._next:
            if start not in seen:
                group, waiting = {start}, [start]
                while waiting:
                    for following in self._next[waiting.pop()]:
                        if following not in group:
                            group.add(following)
                            waiting.append(following)
                seen |= group
                yield frozenset(group)

    def join_interests(self, interests: Iterable[CuratorInterest]) -> None:
        """What one person is bound to belongs together, too."""
        for row in interests:
            if row.shareholder is not None:
                self._know(row.shareholder)
            self._join(("person", row.user_id), _subject_of(row))

    def owners_between(self, one: Node, other: Node) -> tuple[str, ...]:
        """The owners through whom these two belong together, in order; empty where they do not."""
        chain = self.between([one], [other]) or ()
        return tuple(dict.fromkeys(self._names[node] for node in chain if node in self._names))


def _subject(row: Ownership) -> Node:
    if row.institution_id is not None:
        return ("institution", row.institution_id)
    if row.platform_id is not None:
        return ("platform", row.platform_id)
    return ("shareholder", row.held_owner_id or 0)


def _subject_of(row: CuratorInterest) -> Node:
    if row.institution_id is not None:
        return ("institution", row.institution_id)
    if row.platform_id is not None:
        return ("platform", row.platform_id)
    return ("shareholder", row.shareholder_id or 0)


def houses(*, since_on: date, until_on: date, above_percent: int) -> dict[int, int]:
    """Institutions of the same hands on any of these days: each by its number, with the lowest number of its house.
    Those that stand alone are left out.

    Hands are owners, platforms and curators with an interest. Smaller shares than `above_percent` do not make a house,
    nor does a state body: ministries hold hundreds of institutions that have nothing else in common. Two queries.
    """
    held = Ownership.objects.filter(since_on__lte=until_on, share_percent__gt=above_percent)
    held = held.filter(Q(until_on=None) | Q(until_on__gte=since_on)).exclude(shareholder__kind=Owner.Kind.STATE)
    links = Links(held.select_related("shareholder", "held_owner").order_by("pk"))
    bound = CuratorInterest.objects.filter(Q(ended_at=None) | Q(ended_at__date__gte=since_on))
    bound = bound.filter(declared_at__date__lte=until_on).exclude(shareholder__kind=Owner.Kind.STATE)
    links.join_interests(bound.select_related("shareholder").order_by("pk"))
    found: dict[int, int] = {}
    for group in links.groups():
        members = [number for kind, number in group if kind == "institution"]
        if len(members) > 1:
            found.update(dict.fromkeys(members, min(members)))
    return found


def _holding(on: date) -> Q:
    return Q(since_on__lte=on) & (Q(until_on=None) | Q(until_on__gte=on))


def links_on(on: date) -> Links:
    """All links of that day. One query: there are as many rows as shares, not as trainings."""
    return Links(Ownership.objects.filter(_holding(on)).select_related("shareholder", "held_owner").order_by("pk"))


def owners_in_common(*, institution_id: int, platform_id: int | None, on: date) -> tuple[str, ...]:
    """Through which owners the platform belongs to the same hands as the institution; empty where it does not."""
    if platform_id is None:
        return ()
    return links_on(on).owners_between(("institution", institution_id), ("platform", platform_id))


def curator_binding(*, user_id: int, institution_id: int, platform_id: int | None, at: datetime) -> str:
    """What binds this person to the institution or the platform of a training, directly or through owners, as names
    from the person outwards; empty where nothing does."""
    interests = CuratorInterest.objects.filter(user_id=user_id, declared_at__lte=at).select_related("shareholder")
    interests = interests.filter(Q(ended_at=None) | Q(ended_at__gt=at)).order_by("pk")
    staff = InstitutionStaff.objects.filter(user_id=user_id).order_by("pk").values_list("institution_id", flat=True)
    starts: list[Node] = [("institution", number) for number in staff]
    owners = []
    for interest in interests:
        starts.append(_subject_of(interest))
        if interest.shareholder is not None:
            owners.append(interest.shareholder)
    if not starts:
        return ""
    ends: list[Node] = [("institution", institution_id)]
    if platform_id is not None:
        ends.append(("platform", platform_id))
    holding = Ownership.objects.filter(_holding(programme_day(at))).select_related("shareholder", "held_owner")
    chain = Links(holding.order_by("pk"), owners).between(starts, ends)
    return "" if chain is None else " – ".join(_named(chain))


def _named(chain: Collection[Node]) -> list[str]:
    kinds = {"institution": Institution, "platform": Platform, "shareholder": Owner}
    names = {
        (kind, row.pk): row.name
        for kind, model in kinds.items()
        for row in model.objects.filter(pk__in=[number for each, number in chain if each == kind]).order_by("pk")  # type: ignore[attr-defined]
    }
    return list(dict.fromkeys(names[node] for node in chain))


def shares(*, on: date | None = None, institution_id: int | None = None, platform_id: int | None = None) -> list[Share]:
    """The shares of an institution or a platform, or all; those that hold on a day, or every one. One query."""
    rows = Ownership.objects.select_related("shareholder", "institution", "platform", "held_owner")
    if on is not None:
        rows = rows.filter(_holding(on))
    if institution_id is not None:
        rows = rows.filter(institution_id=institution_id)
    if platform_id is not None:
        rows = rows.filter(platform_id=platform_id)
    return [_share(row) for row in rows.order_by("until_on", "shareholder__name", "pk")]


def _share(row: Ownership) -> Share:
    kind, _ = _subject(row)
    subject = row.institution or row.platform or row.held_owner
    return Share(
        row.pk,
        row.shareholder.name,
        row.shareholder.kind,
        row.shareholder.get_kind_display(),
        kind,
        "" if subject is None else subject.name,
        row.share_percent,
        row.since_on,
        row.until_on,
    )


def platforms_of_the_same_hands(*, on: date) -> list[SameOwner]:
    """Every pair of an institution and a platform that sells its trainings and belongs to the same hands: what auditors
    found at five of eight platforms. Those with the most trainings first; two queries."""
    links = links_on(on)
    rows = (
        Training.objects.filter(platform__isnull=False)
        .values_list("institution_id", "institution__name", "platform_id", "platform__name")
        .annotate(training_count=Count("id"), on_sale_count=Count("id", filter=Q(on_sale=True)))
        .order_by("-training_count", "institution__name", "platform__name")
    )
    same = []
    for institution_id, institution, platform_id, platform, training_count, on_sale_count in rows:
        via = links.owners_between(("institution", institution_id), ("platform", platform_id or 0))
        if via:
            counts = (training_count, on_sale_count)
            same.append(SameOwner(institution_id, institution, platform_id or 0, platform or "", *counts, via))
    return same
