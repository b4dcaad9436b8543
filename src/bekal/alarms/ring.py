"""The ring: accounts that one hand moves, found by what they share, where they buy, and when.

Statistic, in three steps. Under innocence people share with their family (two to six), and a member of a family buys
where another does with a rate `follow` that is measured from all small groups, else by the institution's market share.
Institutions of the same hands are one institution here (`links.houses_of`).

1. *Groups.* People are joined by every value that two to six share. A value of more people joins them only where an
   institution has far more of them than `follow` and its share explain (binomial tail < BY_CHANCE, at least 8): so the
   internet café and the village's helper join nobody.
2. *One large group.* Of a group above family size, whoever bought at an institution that has so many of the group.
3. *Many groups.* A *concentrated* group has two or more members who bought at one institution (of strangers around one
   device: more than the market share explains). How many of them chance brings to a window of days follows from the
   unlinked buyers of the institution in it, and from how often groups are concentrated elsewhere. Three times as many,
   at least 6 groups and 12 people, and a Poisson tail < BY_CHANCE: whoever bought there in that window as part of one.
   Groups with four members at the institution are looked at by themselves first, then those with three, then all; the
   short windows before the long; what one look explains is left out of the next.

What it cannot see: a ring that shares nothing, and one that spreads pairs over months (`simulation/ring_shapes.py`).
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bekal.alarms.findings import BY_CHANCE, FAMILY_COUNT, Detector, binomial_tail, poisson_tail
from bekal.alarms.links import Bought, Cell, recent_purchases, shared_cells
from bekal.holds.models import Hold
from bekal.holds.open_holds import NewHold

LARGE_COUNT = 8
WINDOWS = tuple(timedelta(days=days) for days in (3, 14, 60, 180))
MINIMUM_GROUPS, MINIMUM_PEOPLE, TIMES = 6, 12, 3
# Groups with so many members at one institution are counted by themselves, the most striking first.
LEVELS = (4, 3, 2)
# Strangers around one device are concentrated where their number at an institution is as rare as this.
STRANGERS = 0.01
Figures = Mapping[str, int | str]
# Where nothing is known, families follow each other as often as not.
FOLLOW_PRIOR = (5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Flag:
    """One account, where it bought, in which finding, and the figures behind it."""

    participation_id: int
    institution_id: int
    case: str
    figures: Figures


class _Row(NamedTuple):
    """One buyer of a concentrated group, of which `size` bought at the institution."""

    bought_at: datetime
    group: int
    person: int
    size: int


@dataclass(frozen=True, slots=True)
class _Market:
    """Who bought where, and the share of all buyers that each institution has."""

    bought: dict[int, dict[int, datetime]]
    shares: dict[int, float]
    follow: float

    def chance(self, institution_id: int) -> float:
        """That a member of a family bought there, given that another did."""
        return self.follow + (1 - self.follow) * self.shares.get(institution_id, 0.0)

    def at(self, people: Iterable[int]) -> Counter[int]:
        return Counter(number for person in people for number in self.bought.get(person, ()))

    def crowded(self, people: Sequence[int]) -> list[int]:
        """The institutions that have far more of these people than innocence explains."""
        return [
            number
            for number, count in sorted(self.at(people).items())
            if count >= LARGE_COUNT and binomial_tail(count - 1, len(people) - 1, self.chance(number)) < BY_CHANCE
        ]

    def is_meeting(self, institution_id: int, count: int, people: Sequence[int]) -> bool:
        """Whether so many strangers around one device at one institution are worth counting."""
        return count > 1 and binomial_tail(count, len(people), self.shares.get(institution_id, 0.0)) < STRANGERS


def find_ring(at: datetime) -> list[NewHold]:
    """A hold on the incentives of every account of a ring."""
    return [
        NewHold(
            subject=Hold.Subject.INCENTIVE,
            reason=Hold.Reason.RING,
            participation_id=flag.participation_id,
            case=f"{flag.case}:{flag.institution_id}",
            # Lifted once, it stays lifted while it is the same institution; a ring that moves on is a new finding.
            found=f"{flag.institution_id}",
            figures=flag.figures,
        )
        for flag in flags(shared_cells(at), recent_purchases(at))
    ]


RING = Detector(Hold.Reason.RING, find_ring)


def flags(cells: Sequence[Cell], purchases: Sequence[Bought]) -> list[Flag]:
    """Each account once, by its number; a pure function of who shares what and who bought where."""
    market = _market(cells, purchases)
    joining: list[tuple[int, ...]] = []
    strangers: list[tuple[int, ...]] = []
    for cell in cells:
        joins = len(cell.people) <= FAMILY_COUNT or market.crowded(cell.people)
        (joining if joins else strangers).append(cell.people)
    groups = _components(joining)
    found: dict[int, Flag] = {}
    for flag in (*_large(groups, market), *_campaigns(groups, strangers, market, purchases)):
        found.setdefault(flag.participation_id, flag)
    return [found[number] for number in sorted(found)]


def _market(cells: Sequence[Cell], purchases: Sequence[Bought]) -> _Market:
    bought: dict[int, dict[int, datetime]] = defaultdict(dict)
    for each in purchases:
        bought[each.participation_id][each.institution_id] = each.bought_at
    buyers = Counter(each.institution_id for each in purchases)
    shares = {number: count / max(len(bought), 1) for number, count in buyers.items()}
    followed, asked = FOLLOW_PRIOR
    for cell in cells:
        if len(cell.people) <= FAMILY_COUNT:
            first = bought.get(cell.people[0], {})
            for other in cell.people[1:]:
                asked += 1
                followed += bool(first.keys() & bought.get(other, {}).keys())
    return _Market(bought, shares, min(followed / asked, 0.8))


def _components(groups: Iterable[Sequence[int]]) -> list[list[int]]:
    """People who are joined by any chain of groups, each component in the order of numbers."""
    parent: dict[int, int] = {}

    def root(number: int) -> int:
        while (above := parent.setdefault(number, number)) != number:
            parent[number] = parent[above]
            number = parent[number]
        return number

    for first, *others in groups:
        for other in others:
            parent[root(other)] = root(first)
    members: dict[int, list[int]] = defaultdict(list)
    for number in sorted(parent):
        members[root(number)].append(number)
    return list(members.values())


def _large(groups: Iterable[list[int]], market: _Market) -> Iterable[Flag]:
    for people in groups:
        if len(people) <= FAMILY_COUNT:
            continue
        for institution_id in market.crowded(people):
            inside = [person for person in people if institution_id in market.bought.get(person, ())]
            figures: Figures = {"group_count": len(people), "bought_there_count": len(inside), "shape": "one_group"}
            for person in inside:
                yield Flag(person, institution_id, f"group:{people[0]}", figures)


def _campaigns(
    groups: Sequence[Sequence[int]], strangers: Sequence[Sequence[int]], market: _Market, purchases: Sequence[Bought]
) -> Iterable[Flag]:
    """The third step: many groups, concentrated at one institution within a window."""
    concentrated: dict[int, list[_Row]] = defaultdict(list)
    linked: set[int] = set()
    for group, people in enumerate([*groups, *strangers]):
        linked.update(people)
        for institution_id, count in market.at(people).items():
            if market.is_meeting(institution_id, count, people) if group >= len(groups) else count > 1:
                for person in people:
                    if bought_at := market.bought.get(person, {}).get(institution_id):
                        concentrated[institution_id].append(_Row(bought_at, group, person, count))
    unlinked: dict[int, list[datetime]] = defaultdict(list)
    for each in purchases:
        if each.participation_id not in linked:
            unlinked[each.institution_id].append(each.bought_at)
    for level in LEVELS:
        group_counts = {
            number: len({row.group for row in rows if row.size >= level}) for number, rows in concentrated.items()
        }
        total_groups = sum(group_counts.values())
        total = sum(len(times) * market.chance(number) ** (level - 1) for number, times in unlinked.items())
        for institution_id, rows in sorted(concentrated.items()):
            # How many groups come with each unlinked buyer elsewhere, where the institution has more of everybody's
            # families by its share; one is granted where there is nothing to see.
            elsewhere = total_groups - group_counts[institution_id] + 1
            weight = market.chance(institution_id) ** (level - 1)
            rate = elsewhere * weight / max(total - len(unlinked[institution_id]) * weight, 1e-9)
            looked = sorted(row for row in rows if row.size >= level)
            found = list(_windows(institution_id, looked, sorted(unlinked[institution_id]), rate))
            yield from found
            # What a strict look explains does not count again for a wider one.
            explained = {flag.participation_id for flag in found}
            concentrated[institution_id] = [row for row in rows if row.person not in explained]


def _windows(institution_id: int, rows: Sequence[_Row], unlinked: Sequence[datetime], rate: float) -> Iterable[Flag]:
    """Slide every window, the shortest first, over one institution's concentrated buyers; each too full one yields its
    groups, which are left out of the longer ones."""
    left = list(rows)
    for window in WINDOWS:
        full = _too_full(left, unlinked, rate, window)
        flagged = dict(_groups_around(left, full, window))
        yield from (
            Flag(row.person, institution_id, "campaign", flagged[row.group]) for row in left if row.group in flagged
        )
        left = [row for row in left if row.group not in flagged]


def _too_full(
    rows: Sequence[_Row], unlinked: Sequence[datetime], rate: float, window: timedelta
) -> list[tuple[datetime, Figures]]:
    """The last instant of every window in which more groups meet than chance brings, with the figures."""
    full: list[tuple[datetime, Figures]] = []
    inside: Counter[int] = Counter()
    start = group_count = 0
    for end, row in enumerate(rows):
        inside[row.group] += 1
        group_count += inside[row.group] == 2
        while rows[start].bought_at <= row.bought_at - window:
            group_count -= inside[rows[start].group] == 2
            inside[rows[start].group] -= 1
            start += 1
        if group_count < MINIMUM_GROUPS or end - start + 1 < MINIMUM_PEOPLE:
            continue
        meanwhile = bisect_right(unlinked, row.bought_at) - bisect_right(unlinked, row.bought_at - window)
        expected = max(rate * meanwhile, 0.5)
        if group_count >= TIMES * expected and poisson_tail(group_count, expected) < BY_CHANCE:
            figures: Figures = {
                "concentrated_group_count": group_count,
                "expected_group_count": round(expected),
                "window_days": window.days,
                "shape": "many_groups",
            }
            full.append((row.bought_at, figures))
    return full


def _groups_around(
    rows: Sequence[_Row], full: Sequence[tuple[datetime, Figures]], window: timedelta
) -> Iterable[tuple[int, Figures]]:
    """The groups with a member in a window that is too full and another one no further from it than its length: what
    meets at its edge belongs to it."""
    ends = [end for end, _ in full]
    times: dict[int, list[datetime]] = defaultdict(list)
    for row in rows:
        times[row.group].append(row.bought_at)
    for group, moments in times.items():
        for moment in moments:
            # The first full window that ends at or after the moment has it inside, or none has.
            place = bisect_left(ends, moment)
            if place < len(ends) and ends[place] - window < moment:
                span = ends[place] - 2 * window, ends[place] + window
                if sum(span[0] < other <= span[1] for other in moments) > 1:
                    yield group, full[place][1]
                    break
