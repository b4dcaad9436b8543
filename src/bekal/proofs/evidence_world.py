"""Purchases to speak of, random sets of messages about them, their delivery, and where both ways end."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from django.db import connection

from bekal.catalogue.models import Platform, Training
from bekal.core.evidence import EvidenceState, Piece, Source, Statement, state_of
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, int_array
from bekal.participants.models import Participation
from bekal.proofs import small_world
from bekal.proofs.small_world import RECONCILED_AT, REDEEMED_AT
from bekal.purchases.evidence_sql import STATE_SQL
from bekal.purchases.evidence_states import evidence_states
from bekal.purchases.models import EvidenceCase, Purchase, Review
from bekal.purchases.reconcile import reconcile
from bekal.purchases.record_evidence import Message, Speaker, record_evidence

SESSION_COUNT = 2
# From this day on the participant of a live training confirms each session.
CONFIRMING_ON = date(2023, 1, 5)
MOST_STEPS = 6
# Everything arrives on one day, so that what is not dated has the same day in every order.
ARRIVES_AT = RECONCILED_AT + timedelta(days=10)
SQL = f"""
SELECT purchase.id, proof.attended, proof.contested, proof.is_taught, proof.conflicts
FROM purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
CROSS JOIN {STATE_SQL}
WHERE purchase.id = ANY(%s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Bought:
    """One purchase, by the rules it falls under."""

    purchase_id: int
    participation_id: int
    is_live: bool
    accepted_on: date


@dataclass(frozen=True, slots=True)
class Said:
    """One message but for the purchase it is about."""

    source: Source
    piece: Piece
    sequence: int
    holds: bool
    percent: int | None
    revision: int
    happened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One set of messages, and the purchases (alike in their rules) to which each permutation of it goes."""

    messages: tuple[Said, ...]
    purchases: list[Bought]

    def takes(self, purchase: Bought) -> bool:
        first = self.purchases[0]
        return (first.is_live, first.accepted_on) == (purchase.is_live, purchase.accepted_on)

    @property
    def is_steady(self) -> bool:
        """Nothing is denied, corrected or decided, and nobody else speaks: it only grows."""
        teaching = (Piece.ATTENDANCE, Piece.COMPLETION)
        return all(
            each.holds and each.revision == 1 and each.percent is None
            for each in self.messages
            if each.piece in teaching
        ) and not any(each.piece is Piece.PROGRESS for each in self.messages)


Sets: TypeAlias = list[Delivery]


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a purchase stands when everything has arrived: by the function, by SQL, and by what the intake wrote."""

    state: EvidenceState
    by_sql: tuple[frozenset[int], frozenset[int], bool, bool]
    case: str | None
    is_completed: bool
    is_reconciled: bool


class World:
    """Trainings at one's own pace and live ones; everybody has bought one, redeemed it and written a review already."""

    def __init__(self) -> None:
        self.world = small_world.World()
        self.platform_id = Platform.objects.create(code="platform", name="Platform Uji").pk
        own, live = self.world.trainings(2, price_rupiah=50_000, session_count=SESSION_COUNT)
        Training.objects.filter(pk__in=[own, live]).update(platform_id=self.platform_id)
        Training.objects.filter(pk=live).update(mode=Training.Mode.WEBINAR)
        self.training_ids = (own, live)
        self.now: list[Bought] = []

    def purchases(self, number: int) -> list[Bought]:
        """So many new purchases; a third falls under each set of rules."""
        kinds = [(0, None), (1, None), (1, CONFIRMING_ON)]
        self.now = []
        people = self.world.accept(number)
        pairs = [(person, self.training_ids[kinds[place * 3 // number][0]]) for place, person in enumerate(people)]
        bought = self.world.buy(pairs)
        self.world.redeem(bought)
        copy_rows(
            Review,
            ("purchase_id", "training_id", "rating", "text", "written_at"),
            ((each.purchase_id, each.training_id, 5, "Bagus.", ARRIVES_AT) for each in bought),
        )
        for place, each in enumerate(bought):
            is_live, accepted_on = kinds[place * 3 // number]
            day = accepted_on or programme_day(small_world.ACCEPTED_AT)
            self.now.append(Bought(each.purchase_id, each.participation_id, bool(is_live), day))
        later = [each.participation_id for each in self.now if each.accepted_on == CONFIRMING_ON]
        # What they have bought stays; only the rules that their evidence falls under are those of a later day.
        Participation.objects.filter(pk__in=later).update(
            accepted_on=CONFIRMING_ON, first_purchase_due_on=CONFIRMING_ON, balance_ends_on=CONFIRMING_ON
        )
        return self.now

    def messages(self, rng: random.Random) -> tuple[Said, ...]:
        """One set: most of what is needed, and at random what contests, corrects or adds to it."""
        needed = [
            *((Source.INSTITUTION, Piece.ATTENDANCE, number) for number in range(1, SESSION_COUNT + 1)),
            *((Source.PARTICIPANT, Piece.ATTENDANCE, number) for number in range(1, SESSION_COUNT + 1)),
            (Source.INSTITUTION, Piece.COMPLETION, 1),
            (Source.PARTICIPANT, Piece.RATING, 1),
            (Source.PARTICIPANT, Piece.REVIEW, 1),
        ]
        said = [_said(rng, *each, plain=True) for each in needed if rng.random() < 0.9]
        if rng.random() < 0.75:
            said += [_said(rng, *rng.choice(_EVERYTHING), plain=False) for _ in range(rng.randint(1, 6))]
        return tuple(dict.fromkeys(said))

    def deliver(self, sets: Sequence[Delivery], rng: random.Random) -> int:
        """Send each purchase the messages of its set: shuffled, some twice, in batches; how many were sent."""
        steps: list[list[Message]] = [[] for _ in range(MOST_STEPS)]
        for each in sets:
            for purchase in each.purchases:
                order = [*each.messages, *(said for said in each.messages if rng.random() < 0.5)]
                rng.shuffle(order)
                places = sorted(rng.randrange(MOST_STEPS) for _ in order)
                for place, said in zip(places, order, strict=True):
                    steps[place].append(self._message(purchase, said))
        for number, messages in enumerate(steps):
            record_evidence(messages=messages, at=ARRIVES_AT + timedelta(minutes=number))
        return sum(map(len, steps))

    def _message(self, purchase: Bought, said: Said) -> Message:
        numbers = {
            Source.INSTITUTION: self.world.institution.pk,
            Source.PLATFORM: self.platform_id,
            Source.PARTICIPANT: purchase.participation_id,
            Source.PROGRAMME: self.world.officer_ids[0],
        }
        return Message(
            Speaker(said.source, numbers[said.source]),
            purchase.purchase_id,
            said.piece,
            said.sequence,
            said.holds,
            said.percent,
            revision=said.revision,
            happened_at=said.happened_at,
        )

    def endings(self) -> dict[int, Ending]:
        """Reconcile, and say where each of the newest purchases ended."""
        ids = [each.purchase_id for each in self.now]
        cases = EvidenceCase.objects.filter(purchase__in=ids, closed_at=None).order_by("pk")
        kinds = dict(cases.values_list("purchase_id", "kind"))
        reconciled = set(reconcile(at=ARRIVES_AT + timedelta(days=1), purchase_ids=ids).purchase_ids)
        completed = set(
            Purchase.objects.filter(pk__in=ids, completed_at__isnull=False).order_by("pk").values_list("pk", flat=True)
        )
        with connection.cursor() as cursor:
            cursor.execute(SQL, [int_array(ids)])
            by_sql = {
                number: (frozenset(attended), frozenset(contested), is_taught, conflicts)
                for number, attended, contested, is_taught, conflicts in cursor.fetchall()
            }
        return {
            number: Ending(state, by_sql[number], kinds.get(number), number in completed, number in reconciled)
            for number, state in evidence_states(purchase_ids=ids).items()
        }


_EVERYTHING = [
    *((source, Piece.ATTENDANCE, number) for source in Source for number in range(1, SESSION_COUNT + 1)),
    *((source, Piece.COMPLETION, 1) for source in Source),
    *(
        (source, piece, 1)
        for source in (Source.INSTITUTION, Source.PLATFORM)
        for piece in (Piece.PROGRESS, Piece.CERTIFICATE)
    ),
    (Source.PARTICIPANT, Piece.RATING, 1),
    (Source.PROGRAMME, Piece.REVIEW, 1),
]


def _said(rng: random.Random, source: Source, piece: Piece, sequence: int, *, plain: bool) -> Said:
    holds = plain or rng.random() < 0.6
    percent = None
    if piece is Piece.PROGRESS and holds:
        percent = rng.choice([0, 40, 80, 100, 100])
    elif piece is Piece.COMPLETION and holds and not plain and rng.random() < 0.4:
        percent = rng.choice([60, 100])
    days = rng.choice([None, None, 0, 1, 5])
    happened_at = None if days is None else REDEEMED_AT + timedelta(days=days)
    return Said(source, piece, sequence, holds, percent, 1 if plain else rng.choice([1, 1, 2, 3]), happened_at)


def _statements(messages: Sequence[Said]) -> Iterator[Statement]:
    for each in messages:
        on = programme_day(each.happened_at or ARRIVES_AT)
        yield Statement(each.source, each.piece, each.sequence, each.holds, each.percent, on, each.revision)


def expected(delivery: Delivery, purchase: Bought) -> Ending:
    """Where the pure function ends for the set."""
    state = state_of(
        _statements(delivery.messages),
        scheme=RULES.scheme(purchase.accepted_on),
        is_live=purchase.is_live,
        session_count=SESSION_COUNT,
        redeemed_on=programme_day(REDEEMED_AT),
    )
    contested = frozenset(p.sequence for p in state.pieces if p.piece is Piece.ATTENDANCE and p.kind)
    case = state.case_kind(is_reconciled=False)
    by_sql = (frozenset(state.attended), contested, state.is_completed, state.conflict is not None)
    return Ending(state, by_sql, None if case is None else case.value, state.is_completed, state.is_releasable)
