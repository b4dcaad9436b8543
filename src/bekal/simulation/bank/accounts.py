"""An account at the bank, and what keeps a payment from it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    """An account while a file is booked; one that nobody has opened takes the name it is first paid to under."""

    holder_name: str
    standing: str = "active"
    is_known: int = 1
    balance: int = 0
    ceiling: int | None = None

    def reason_against(self, name: str, amount: int) -> str:
        """The ISO code of what keeps a payment from it, empty where nothing does."""
        if self.standing != "active":
            return "AC04" if self.standing == "closed" else "AC06"
        if not self.is_known or not _is_same_name(self.holder_name, name):
            return "BE01"
        return "AM14" if self.ceiling is not None and self.balance + amount > self.ceiling else ""


def _is_same_name(name: str, other: str) -> bool:
    return name == other or name.casefold().split() == other.casefold().split()
