"""The programme's money in plain dictionaries: what each step has to do, written without the verbs and their SQL.

People, trainings, purchases and payout runs are told by their place in this world, kinds and reasons by their number.
Every method answers as the verb must ("done", "repeated" or the code of the refusal) and notes in `moves` each rupiah
that has to move: (person, reason, from kind, to kind, rupiah, instant).
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bekal.proofs.model.days import Terms, day_of, terms_of

TREASURY, BALANCE, ESCROW, OWED, INCENTIVE, SURVEY, TRANSIT, PAID, SETTLED, OWES_CASH, OWES_TRAINING = range(1, 12)
COMMITTED = {"incentive": INCENTIVE, "survey": SURVEY}
DONE, REPEATED = "done", "repeated"
CODE_MINUTES, CODES_AN_HOUR, CODE_TRIES = 10, 5, 5
Move = tuple[int, int, int, int, int, datetime]


@dataclass(frozen=True, slots=True)
class Offer:
    """One training of this world; `seat_count` None: no limit."""

    price_rupiah: int
    session_count: int
    institution: int
    seat_count: int | None = None


@dataclass(slots=True)
class Code:
    """The newest one-time code for one training."""

    issued_at: datetime
    tries_left: int = CODE_TRIES
    used: bool = False


@dataclass(slots=True)
class Purchase:
    """One training somebody has bought."""

    price_rupiah: int
    bought_at: datetime
    redeemed_at: datetime | None = None
    attended: set[int] = field(default_factory=set)
    completed_at: datetime | None = None
    review: tuple[int, str] | None = None
    reconciled_at: datetime | None = None
    ended_at: datetime | None = None
    refunded_rupiah: int = 0
    is_settled: bool = False

    @property
    def is_open(self) -> bool:
        return self.reconciled_at is None and self.ended_at is None


@dataclass(frozen=True, slots=True)
class Earned:
    """One instalment that was earned."""

    rupiah: int
    pay_on: date
    earned_at: datetime


@dataclass(slots=True)
class Place:
    """Somebody's place in the programme and all their money by kind."""

    terms: Terms
    held: Counter[int] = field(default_factory=Counter)
    purchases: dict[int, Purchase] = field(default_factory=dict)
    earned: dict[tuple[str, int], Earned] = field(default_factory=dict)
    # What was not paid when the money was clawed back.
    lapsed: set[tuple[str, int]] = field(default_factory=set)
    arrived_at: dict[int, list[datetime]] = field(default_factory=dict)
    answers: dict[int, object] = field(default_factory=dict)
    revoked_at: datetime | None = None
    ended_at: datetime | None = None
    clawed_back_at: datetime | None = None
    closed_at: datetime | None = None
    paid_before_count: int = 0
    opened_at: datetime | None = None


class Memory:
    """Everything that was done in this world so far."""

    def __init__(self, offers: tuple[Offer, ...], person_count: int, quota_count: int) -> None:
        self.offers = offers
        self.quota_count = quota_count
        self.places: list[Place | None] = [None] * person_count
        self.codes: dict[tuple[int, int], Code] = {}
        self.issued: dict[int, list[datetime]] = {person: [] for person in range(person_count)}
        self.moves: list[Move] = []

    def move(self, person: int, reason: int, debit: int, credit: int, rupiah: int, at: datetime) -> None:
        """Rupiah from one kind to another; nothing moves nothing."""
        if rupiah:
            place = self.places[person]
            assert place is not None
            place.held[debit] -= rupiah
            place.held[credit] += rupiah
            self.moves.append((person, reason, debit, credit, rupiah, at))

    def purchase(self, person: int, training: int) -> Purchase | None:
        place = self.places[person]
        return place.purchases.get(training) if place else None

    # Acceptance

    @property
    def is_full(self) -> bool:
        return sum(place is not None and place.opened_at is None for place in self.places) >= self.quota_count

    def accept(self, person: int, at: datetime) -> str:
        if self.places[person] is not None:
            return "already_accepted"
        if self.is_full:
            return "wave_full"
        terms = terms_of(day_of(at))
        self.places[person] = Place(terms)
        self.move(person, 1, TREASURY, BALANCE, terms.balance_rupiah, at)
        for kind, (count, rupiah) in terms.kinds.items():
            self.move(person, 1, TREASURY, COMMITTED[kind], count * rupiah, at)
        return DONE

    def take_over(self, person: int, left_rupiah: int, at: datetime) -> str:
        """Somebody who comes from another system with one instalment paid there and nothing bought."""
        terms = terms_of(day_of(at))
        self.places[person] = Place(terms, paid_before_count=1, opened_at=at)
        self.move(person, 9, TREASURY, BALANCE, left_rupiah, at)
        self.move(person, 9, TREASURY, INCENTIVE, (terms.incentive_count - 1) * terms.incentive_rupiah, at)
        self.move(person, 9, TREASURY, SURVEY, terms.survey_count * terms.survey_rupiah, at)
        return DONE

    # Purchases

    def refusal_to_buy(self, person: int, training: int, at: datetime) -> str | None:
        place, offer, today = self.places[person], self.offers[training], day_of(at)
        if place is None or today < place.terms.accepted_on:
            return "not_participating"
        if place.revoked_at is not None:
            return "revoked"
        if not place.purchases and today > place.terms.due_on:
            return "first_purchase_deadline_passed"
        if today > place.terms.ends_on:
            return "balance_ended"
        if training in place.purchases:
            return "already_bought"
        if offer.price_rupiah > place.held[BALANCE]:
            return "above_balance"
        if offer.seat_count is not None and self.sold_count(training) >= offer.seat_count:
            return "sold_out"
        return None

    def sold_count(self, training: int) -> int:
        return sum(place is not None and training in place.purchases for place in self.places)

    def request(self, person: int, training: int, at: datetime) -> str:
        """A code is asked for; at most five an hour."""
        refusal = self.refusal_to_buy(person, training, at)
        if refusal is not None:
            return refusal
        hour = [issued for issued in self.issued[person] if issued > at - timedelta(hours=1)]
        if len(hour) >= CODES_AN_HOUR:
            return "too_many_codes"
        self.issued[person].append(at)
        self.codes[person, training] = Code(at)
        return DONE

    def buy(self, person: int, training: int, at: datetime, *, right_code: bool, right_price: bool) -> str:
        """The order with the newest code, with a wrong one, or with a price that is not the training's."""
        code = self.codes[person, training]
        if right_code and right_price and code.used:
            return REPEATED
        refusal = self.refusal_to_buy(person, training, at)
        if refusal is not None:
            return refusal
        if not right_price:
            return "price_changed"
        if at > code.issued_at + timedelta(minutes=CODE_MINUTES):
            return "code_expired"
        if code.tries_left == 0:
            return "code_blocked"
        if not right_code:
            code.tries_left -= 1
            return "code_wrong"
        place, price_rupiah = self.places[person], self.offers[training].price_rupiah
        assert place is not None
        code.used = True
        place.purchases[training] = Purchase(price_rupiah, at)
        self.move(person, 2, BALANCE, ESCROW, price_rupiah, at)
        return DONE

    # What the institution and the participant prove

    def redeem(self, person: int, training: int, institution: int, at: datetime) -> str:
        purchase = self.purchase(person, training)
        if purchase is None:
            return "redeem_code_unknown"
        if self.offers[training].institution != institution:
            return "other_institution"
        if purchase.ended_at is not None:
            return "purchase_ended"
        if purchase.redeemed_at is not None:
            return "already_redeemed"
        purchase.redeemed_at = max(at, purchase.bought_at)
        return DONE

    def _at_desk(self, person: int, training: int, institution: int) -> tuple[Purchase | None, str]:
        purchase = self.purchase(person, training)
        if purchase is None:
            return None, "unknown_purchase"
        if self.offers[training].institution != institution:
            return None, "other_institution"
        # An institution was never handed what nobody redeemed there: not even that it ended is told.
        if purchase.redeemed_at is None:
            return None, "not_redeemed"
        return (None, "purchase_ended") if purchase.ended_at is not None else (purchase, "")

    def attend(self, person: int, training: int, institution: int, session: int) -> str:
        purchase, refusal = self._at_desk(person, training, institution)
        if purchase is None:
            return refusal
        if not 1 <= session <= self.offers[training].session_count:
            return "session_out_of_range"
        if session in purchase.attended:
            return REPEATED
        purchase.attended.add(session)
        return DONE

    def complete(self, person: int, training: int, institution: int, at: datetime) -> str:
        purchase, refusal = self._at_desk(person, training, institution)
        if purchase is None:
            return refusal
        if purchase.completed_at is not None:
            return REPEATED
        if len(purchase.attended) < self.offers[training].session_count:
            return "attendance_missing"
        assert purchase.redeemed_at is not None
        purchase.completed_at = max(at, purchase.redeemed_at)
        return DONE

    def review(self, person: int, training: int, rating: int, text: str) -> str:
        purchase = self.purchase(person, training)
        if purchase is None:
            return "unknown_purchase"
        if purchase.ended_at is not None:
            return "purchase_ended"
        if purchase.completed_at is None:
            return "not_completed"
        if not 1 <= rating <= 5:
            return "rating_out_of_range"
        if purchase.review is not None:
            return REPEATED if purchase.review == (rating, text) else "already_reviewed"
        purchase.review = rating, text
        return DONE

    def reconcile(self, at: datetime) -> int:
        """Whatever is proven from both sides becomes the institution's; how many purchases."""
        every = [(person, training) for person, place in self.those() for training in place.purchases]
        return sum(self.reconcile_one(person, training, at) for person, training in every)

    def reconcile_one(self, person: int, training: int, at: datetime) -> bool:
        purchase = self.purchase(person, training)
        assert purchase is not None
        if not purchase.is_open or purchase.completed_at is None or purchase.review is None:
            return False
        purchase.reconciled_at = max(at, purchase.completed_at)
        self.move(person, 3, ESCROW, OWED, purchase.price_rupiah, at)
        return True

    def those(self) -> list[tuple[int, Place]]:
        """Everybody who has a place."""
        return [(person, place) for person, place in enumerate(self.places) if place is not None]
