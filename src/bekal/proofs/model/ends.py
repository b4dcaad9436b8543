"""The third part of the plain model: how purchases, balances, places and years end, and money that has to come back."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bekal.core.rules import RULES
from bekal.proofs.model.cash import Cash
from bekal.proofs.model.days import day_of
from bekal.proofs.model.memory import (
    BALANCE,
    COMMITTED,
    DONE,
    ESCROW,
    INCENTIVE,
    OWED,
    OWES_CASH,
    OWES_TRAINING,
    PAID,
    REPEATED,
    SETTLED,
    SURVEY,
    TREASURY,
    Place,
    Purchase,
)

OWES_TRAINING_TOO = ("ineligible", "identity")


@dataclass(slots=True)
class Clawback:
    """Money one person has to pay back: what for, by whose decision, and what has come back by receipt."""

    person: int
    cause: str
    officer: int
    cash_rupiah: int
    training_rupiah: int
    approved_at: datetime | None = None
    withdrawn_at: datetime | None = None
    repaid: dict[str, tuple[int, int, date]] = field(default_factory=dict)

    def left(self) -> tuple[int, int]:
        cash = self.cash_rupiah - sum(cash for cash, _, _ in self.repaid.values())
        return cash, self.training_rupiah - sum(training for _, training, _ in self.repaid.values())


class Model(Cash):
    """The whole model."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.stopped: set[int] = set()
        self.clawbacks: list[Clawback] = []

    # A purchase

    def end_purchase(self, person: int, training: int, at: datetime) -> tuple[str, int, int]:
        """The sessions attended are the institution's, the rest goes back; the answer and both amounts."""
        purchase = self.purchase(person, training)
        if purchase is None:
            return "unknown_purchase", 0, 0
        self.reconcile_one(person, training, at)
        if purchase.reconciled_at is not None:
            return "already_proven", 0, 0
        answer = REPEATED
        if purchase.ended_at is None:
            answer = DONE
            self._end(person, training, purchase, at)
        return answer, purchase.price_rupiah - purchase.refunded_rupiah, purchase.refunded_rupiah

    def _end(self, person: int, training: int, purchase: Purchase, at: datetime) -> None:
        place, count = self.places[person], self.offers[training].session_count
        assert place is not None
        # To the next whole rupiah, half a rupiah for the institution.
        earned = (2 * purchase.price_rupiah * len(purchase.attended) + count) // (2 * count)
        purchase.refunded_rupiah = purchase.price_rupiah - earned
        purchase.ended_at = max(
            each for each in (at, purchase.bought_at, purchase.redeemed_at, purchase.completed_at) if each is not None
        )
        lives = not (place.revoked_at or place.ended_at or place.closed_at) and day_of(at) <= place.terms.ends_on
        self.move(person, 3, ESCROW, OWED, earned, at)
        self.move(person, 10, ESCROW, BALANCE if lives else TREASURY, purchase.refunded_rupiah, at)

    # Institutions

    def settle_institutions(self, at: datetime) -> tuple[int, int]:
        """A week after the proof; how many purchases, and how much."""
        count = total = 0
        for person, place in self.those():
            for training, purchase in place.purchases.items():
                institution = self.offers[training].institution
                if institution not in self.stopped and not purchase.is_settled and self.is_held_out(purchase, at):
                    rupiah = purchase.price_rupiah - purchase.refunded_rupiah
                    self.move(person, 11, OWED, SETTLED, rupiah, at)
                    purchase.is_settled = True
                    count, total = count + 1, total + rupiah
        return count, total

    def every_purchase(self) -> list[Purchase]:
        return [purchase for _, place in self.those() for purchase in place.purchases.values()]

    @staticmethod
    def proven_at(purchase: Purchase) -> datetime | None:
        """With the evidence of both sides, or by ending with a session attended."""
        return purchase.reconciled_at or (purchase.ended_at if purchase.attended else None)

    def is_held_out(self, purchase: Purchase, at: datetime) -> bool:
        """Whether so many days have passed since it was proven."""
        proven_at = self.proven_at(purchase)
        if proven_at is None or proven_at > at:
            return False
        proven_on = day_of(proven_at)
        return day_of(at) >= proven_on + timedelta(days=RULES.value("settlement_hold_days", proven_on))

    def stop(self, institution: int) -> str:
        if institution in self.stopped:
            return REPEATED
        self.stopped.add(institution)
        return DONE

    def resume(self, institution: int) -> str:
        if institution not in self.stopped:
            return REPEATED
        self.stopped.remove(institution)
        return DONE

    # Balances, places, years

    @staticmethod
    def next_last_day(place: Place) -> date:
        """The day after which something of this place is over: buying at all, buying more, earning."""
        if not place.purchases and not place.revoked_at:
            return place.terms.due_on
        is_over = place.ended_at or place.revoked_at
        return place.terms.earning_ends_on if is_over else place.terms.ends_on

    def unpaid(self, person: int, place: Place) -> dict[int, int]:
        """What is earned and neither on its way nor paid, by the kind that holds it."""
        held = {INCENTIVE: 0, SURVEY: 0}
        for (kind, number), earned in place.earned.items():
            one = (person, kind, number)
            is_sent = any(run.state == "exported" and run.is_live(one) for run in self.runs)
            if (kind, number) not in place.lapsed and not is_sent:
                held[COMMITTED[kind]] += earned.rupiah
        return held

    def revoke(self, at: datetime) -> tuple[int, int]:
        """Who bought nothing by the last day loses the place; how many, and what returns."""
        returned = [self._revoke(*each, at) for each in self.those() if self._is_revocable(each[1], at)]
        return len(returned), sum(returned)

    @staticmethod
    def _is_revocable(place: Place, at: datetime) -> bool:
        return not place.revoked_at and not place.purchases and place.terms.due_on < day_of(at)

    def _revoke(self, person: int, place: Place, at: datetime) -> int:
        keeps, returned = self.unpaid(person, place), 0
        for kind in (BALANCE, INCENTIVE, SURVEY):
            rupiah = place.held[kind] - keeps.get(kind, 0)
            self.move(person, 7, kind, TREASURY, rupiah, at)
            returned += rupiah
        place.revoked_at = at
        return returned

    def end_balances(self, at: datetime) -> tuple[int, int]:
        """After the last day whatever is left of a balance returns; how many end, and how much."""
        returned = [self._end_balance(*each, at) for each in self.those() if self._is_over(each[1], at)]
        return len(returned), sum(returned)

    @staticmethod
    def _is_over(place: Place, at: datetime) -> bool:
        is_past = place.terms.ends_on < day_of(at) and bool(place.purchases)
        return is_past and not place.revoked_at and not place.ended_at

    def _end_balance(self, person: int, place: Place, at: datetime) -> int:
        rupiah = place.held[BALANCE]
        self.move(person, 8, BALANCE, TREASURY, rupiah, at)
        place.ended_at = at
        return rupiah

    def close(self, at: datetime) -> tuple[int, int]:
        """When nothing can be earned any more everything that was not returns; how many people, and how much."""
        count = returned = 0
        for person, place in self.those():
            if place.closed_at or place.terms.earning_ends_on >= day_of(at):
                continue
            before = place.held[TREASURY]
            if self._is_revocable(place, at):
                self._revoke(person, place, at)
            if self._is_over(place, at):
                self._end_balance(person, place, at)
            for training, purchase in place.purchases.items():
                if purchase.is_open:
                    self.end_purchase(person, training, at)
            self.entitle_one(place, at)
            for kind, keeps in self.unpaid(person, place).items():
                self.move(person, 17, kind, TREASURY, place.held[kind] - keeps, at)
            place.closed_at = at
            count, returned = count + 1, returned + place.held[TREASURY] - before
        return count, returned

    # Clawbacks

    def decide(self, person: int, cause: str, officer: int) -> str:
        place = self.places[person]
        if place is None:
            return "clawback_participation_unknown"
        standing = next((c for c in self.clawbacks if c.person == person and c.withdrawn_at is None), None)
        if standing is not None:
            is_same = (standing.cause, standing.officer) == (cause, officer) and standing.approved_at is None
            return REPEATED if is_same else "clawback_standing"
        training = place.held[SETTLED] if cause in OWES_TRAINING_TOO else 0
        if not any(place.held[kind] for kind in (BALANCE, INCENTIVE, SURVEY, ESCROW, PAID)) and not training:
            return "clawback_nothing_received"
        self.clawbacks.append(Clawback(person, cause, officer, place.held[PAID], training))
        return DONE

    def approve_clawback(self, clawback: Clawback, officer: int, at: datetime) -> str:
        place = self.places[clawback.person]
        assert place is not None
        if clawback.withdrawn_at or clawback.approved_at:
            return "clawback_already_withdrawn" if clawback.withdrawn_at else "clawback_already_approved"
        ones = [(clawback.person, *key) for key in place.earned]
        if any(run.is_live(one) and "settled" not in run.told[one] for run in self.runs for one in ones):
            return "clawback_payout_under_way"
        training = place.held[SETTLED] if clawback.cause in OWES_TRAINING_TOO else 0
        if (place.held[PAID], training) != (clawback.cash_rupiah, clawback.training_rupiah):
            return "clawback_amounts_changed"
        if officer == clawback.officer:
            return "clawback_same_person"
        clawback.approved_at = at
        place.clawed_back_at = place.clawed_back_at or at
        place.lapsed |= {key for key, one in zip(place.earned, ones, strict=True) if not self._is_paid(one)}
        place.revoked_at = place.revoked_at or at
        for bought, purchase in place.purchases.items():
            if purchase.is_open:
                self.end_purchase(clawback.person, bought, at)
        for kind in (BALANCE, INCENTIVE, SURVEY):
            self.move(clawback.person, 7, kind, TREASURY, place.held[kind], at)
        self.move(clawback.person, 14, PAID, OWES_CASH, clawback.cash_rupiah, at)
        self.move(clawback.person, 14, SETTLED, OWES_TRAINING, clawback.training_rupiah, at)
        return DONE

    def _is_paid(self, one: tuple[int, str, int]) -> bool:
        return any(run.is_live(one) and "settled" in run.told[one] for run in self.runs)

    def repay(self, clawback: Clawback, receipt: str, rupiah: int, received_on: date, at: datetime) -> str:
        """A receipt of the treasury: what was paid in cash first."""
        if rupiah <= 0:
            return "repayment_not_positive"
        if clawback.approved_at is None:
            return "clawback_not_approved"
        if receipt in clawback.repaid:
            cash, training, day = clawback.repaid[receipt]
            return REPEATED if (cash + training, day) == (rupiah, received_on) else "repayment_reference_used"
        left = clawback.left()
        if clawback.withdrawn_at:
            return "clawback_already_withdrawn"
        if received_on > day_of(at):
            return "repayment_received_in_future"
        if received_on < day_of(clawback.approved_at):
            return "repayment_received_too_early"
        if rupiah > sum(left):
            return "repayment_above_outstanding"
        cash = min(rupiah, left[0])
        clawback.repaid[receipt] = cash, rupiah - cash, received_on
        self.move(clawback.person, 15, OWES_CASH, TREASURY, cash, at)
        self.move(clawback.person, 15, OWES_TRAINING, TREASURY, rupiah - cash, at)
        return DONE

    def withdraw(self, clawback: Clawback, at: datetime) -> str:
        if clawback.withdrawn_at:
            return "clawback_already_withdrawn"
        if clawback.approved_at:
            cash, training = clawback.left()
            self.move(clawback.person, 16, OWES_CASH, PAID, cash, at)
            self.move(clawback.person, 16, OWES_TRAINING, SETTLED, training, at)
        clawback.withdrawn_at = at
        return DONE
