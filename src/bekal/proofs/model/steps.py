"""Every step a machine can take, in the verbs and in the model at once; machines choose which, and how often."""

from bekal.ledger.post import IdempotencyConflict
from bekal.proofs.model.books import Books
from bekal.proofs.model.days import day_of, terms_of
from bekal.proofs.model.memory import BALANCE, DONE, REPEATED
from bekal.proofs.model.world import OFFERS

REVIEW = "Materinya jelas dan langsung bisa dipakai."
LEFT_RUPIAH = 700_050


class Steps(Books):
    """People, purchases and evidence."""

    def accept(self, person: int) -> str:
        return self.step(
            "accept",
            f"person {person} is accepted",
            lambda: self.house.accept(person, self.at),
            lambda: self.memory.accept(person, self.at),
        )

    def take_over(self, person: int) -> None:
        """One person who has no place yet."""
        if self.memory.places[person] is not None or any(place.opened_at for _, place in self.memory.those()):
            return
        at, terms = self.at, terms_of(day_of(self.at))
        self.step(
            "take over",
            f"person {person} comes over with Rp{LEFT_RUPIAH} left and one instalment paid",
            lambda: self.house.take_over(person, terms, LEFT_RUPIAH, at),
            lambda: self.memory.take_over(person, LEFT_RUPIAH, at),
        )
        self.last_step = None

    def request(self, person: int, training: int) -> str:
        codes: list[str] = []

        def ask() -> str:
            answer, code = self.house.request(person, training, self.at)
            codes.append(code)
            return answer

        answer = self.step(
            "request",
            f"person {person} asks for a code for training {training}",
            ask,
            lambda: self.memory.request(person, training, self.at),
        )
        self.code = codes[0]
        return answer

    def buy(self, person: int, training: int, how: str = "right") -> str:
        """Ask for a code and order: with it, with a wrong one, or at a price nobody asked for."""
        answer = self.request(person, training)
        if answer != DONE:
            return answer
        code = self.code if how != "wrong code" else f"{(int(self.code) + 1) % 1_000_000:06d}"
        price_rupiah = OFFERS[training].price_rupiah + (how == "wrong price")
        return self.step(
            "buy",
            f"person {person} orders training {training} for Rp{price_rupiah}, {how}",
            lambda: self.house.buy(person, training, price_rupiah, code, self.at),
            lambda: self.memory.buy(
                person, training, self.at, right_code=how != "wrong code", right_price=how != "wrong price"
            ),
        )

    def spend_directly(self, person: int, how: str) -> None:
        """Straight into the ledger: one rupiah more than there is, or a key that was used before."""
        place = self.memory.places[person]
        if place is None:
            return
        known = [
            (training, purchase.price_rupiah) for training, purchase in place.purchases.items() if purchase.price_rupiah
        ]
        if how != "too much" and not known:
            return
        training, paid_rupiah = known[0] if known else (0, 0)
        key = f"purchase:{self.world.trainings[training]}" if how != "too much" else "purchase:0"
        rupiah = {"too much": place.held[BALANCE] + 1, "again": paid_rupiah}.get(how, paid_rupiah + 1)
        expected = {"too much": "refused", "again": REPEATED}.get(how, "conflict")

        def spend() -> str:
            try:
                return self.house.spend_directly(person, rupiah, key, self.at)
            except IdempotencyConflict:
                return "conflict"

        self.step("post", f"a posting of Rp{rupiah} for person {person}, {how}", spend, lambda: expected)

    def redeem(self, person: int, training: int, wrong: bool = False) -> str:
        institution = (OFFERS[training].institution + wrong) % 2
        return self.step(
            "redeem",
            f"institution {institution} redeems person {person}'s code for training {training}",
            lambda: self.house.redeem(person, training, institution, self.at),
            lambda: self.memory.redeem(person, training, institution, self.at),
        )

    def attend(self, person: int, training: int, session: int, wrong: bool = False) -> str:
        institution = (OFFERS[training].institution + wrong) % 2
        return self.step(
            "attend",
            f"institution {institution} says person {person} attended session {session} of training {training}",
            lambda: self.house.attend(person, training, institution, session, self.at),
            lambda: self.memory.attend(person, training, institution, session),
        )

    def complete(self, person: int, training: int, wrong: bool = False) -> str:
        institution = (OFFERS[training].institution + wrong) % 2
        return self.step(
            "complete",
            f"institution {institution} says person {person} completed training {training}",
            lambda: self.house.complete(person, training, institution, self.at),
            lambda: self.memory.complete(person, training, institution, self.at),
        )

    def review(self, person: int, training: int, rating: int = 5) -> str:
        return self.step(
            "review",
            f"person {person} rates training {training} with {rating}",
            lambda: self.house.review(person, training, rating, REVIEW, self.at),
            lambda: self.memory.review(person, training, rating, REVIEW),
        )

    def reconcile(self) -> int:
        return self.step(
            "reconcile", "reconcile", lambda: self.house.reconcile(self.at), lambda: self.memory.reconcile(self.at)
        )

    def entitle(self) -> int:
        return self.step(
            "entitle", "entitle", lambda: self.house.entitle(self.at), lambda: self.memory.entitle(self.at)
        )

    def answer(self, person: int, number: int, other: bool = False) -> str:
        """Answer a survey; `other`: with something else than a first time."""
        place = self.memory.places[person]
        has_completed = place is not None and (
            place.paid_before_count > 0
            or any(p.completed_at is not None and p.completed_at <= self.at for p in place.purchases.values())
        )
        answers = self.house.answers_to(number, has_completed=has_completed)
        if place is not None and number in place.answers:
            answers = place.answers[number] | ({"helped": "no", "useful": "no"} if other else {})  # type: ignore
        return self.step(
            "answer",
            f"person {person} answers survey {number}" + (" otherwise" if other else ""),
            lambda: self.house.answer(person, number, answers, self.at),
            lambda: self.memory.answer(person, number, self.at, answers),
        )
