"""Steps that end something, and about money that has to come back."""

from bekal.proofs.model.cash_steps import CashSteps
from bekal.proofs.model.days import day_of
from bekal.proofs.model.ends import Clawback
from bekal.proofs.model.memory import DONE


class EndSteps(CashSteps):
    """All the rest."""

    def end_purchase(self, person: int, training: int) -> None:
        self.step(
            "end purchase",
            f"person {person}'s purchase of training {training} is ended",
            lambda: self.house.end_purchase(person, training, self.at),
            lambda: self.memory.end_purchase(person, training, self.at),
        )

    def settle_institutions(self) -> None:
        self.step(
            "settle institutions",
            "institutions are settled",
            lambda: self.house.settle_institutions(self.at),
            lambda: self.memory.settle_institutions(self.at),
        )

    def stop_or_resume(self, institution: int) -> None:
        """Stops one that is paid, lets one go on that is not."""
        if institution in self.memory.stopped:
            self.step(
                "resume",
                f"institution {institution} may be settled again",
                lambda: self.house.resume(institution, self.at),
                lambda: self.memory.resume(institution),
            )
        else:
            self.step(
                "stop",
                f"nothing more is settled to institution {institution}",
                lambda: self.house.stop(institution, self.at),
                lambda: self.memory.stop(institution),
            )

    def revoke(self) -> None:
        self.step("revoke", "revoke", lambda: self.house.revoke(self.at), lambda: self.memory.revoke(self.at))

    def end_balances(self) -> None:
        self.step(
            "end balances",
            "end balances",
            lambda: self.house.end_balances(self.at),
            lambda: self.memory.end_balances(self.at),
        )

    def close(self) -> None:
        self.step("close", "close the year", lambda: self.house.close(self.at), lambda: self.memory.close(self.at))

    # Clawbacks

    def decide(self, person: int, cause: str, officer: int) -> str:
        return self.step(
            "decide clawback",
            f"officer {officer} wants back what person {person} received ({cause})",
            lambda: self.house.decide(person, cause, officer, self.at),
            lambda: self.memory.decide(person, cause, officer),
        )

    def a_clawback(self, number: int) -> tuple[int, Clawback] | None:
        """Counted from the newest back."""
        if not self.memory.clawbacks:
            return None
        index = len(self.memory.clawbacks) - 1 - number % len(self.memory.clawbacks)
        return index, self.memory.clawbacks[index]

    def approve_clawback(self, number: int, officer: int) -> None:
        found = self.a_clawback(number)
        if found is None:
            return
        index, clawback = found
        self.step(
            "approve clawback",
            f"officer {officer} approves clawback {index}",
            lambda: self.house.approve_clawback(index, officer, self.at),
            lambda: self.memory.approve_clawback(clawback, officer, self.at),
        )

    def repay(self, number: int, part: int) -> None:
        """A third of what is left, a rupiah more than all of it, or all of it."""
        found = self.a_clawback(number)
        if found is None:
            return
        index, clawback = found
        left = sum(clawback.left())
        rupiah = {0: left, 1: left + 1, 2: left // 3}[part % 3]
        receipt, received_on = f"KAS{index}/{len(clawback.repaid) + 1}", day_of(self.at)
        self.step(
            "repay",
            f"Rp{rupiah} of clawback {index} come in with receipt {receipt}",
            lambda: self.house.repay(index, receipt, rupiah, received_on, self.at),
            lambda: self.memory.repay(clawback, receipt, rupiah, received_on, self.at),
        )

    def withdraw(self, number: int, officer: int) -> None:
        found = self.a_clawback(number)
        if found is None:
            return
        index, clawback = found
        self.step(
            "withdraw clawback",
            f"officer {officer} withdraws clawback {index}",
            lambda: self.house.withdraw(index, officer, self.at),
            lambda: self.memory.withdraw(clawback, self.at),
        )

    def claw_back(self, person: int, cause: str, officer: int) -> None:
        """Decided by one, approved by the other."""
        if self.decide(person, cause, officer) == DONE:
            self.approve_clawback(0, officer)
            self.approve_clawback(0, 1 - officer)
