"""What must stand in the books once papers of partners were read, in the order in which they were.

Written from the rules of the rails, without a look at how the programme weighs a line: a table of what may follow what.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

SENT, ACCEPTED, SETTLED, REJECTED, RETURNED = "sent", "accepted", "settled", "rejected", "returned"


class Said(NamedTuple):
    """What a paper says of one payment: reference, rupiah, state, the reason's code, and to which account it was paid
    where it says that."""

    reference: str
    rupiah: int
    state: str
    reason: str = ""
    account: str = ""


class Ordered(NamedTuple):
    """One payment as it was ordered: from which partner, how many rupiah, to which account."""

    partner: str
    rupiah: int
    account: str = ""


class Trouble(NamedTuple):
    """An exception that has to be open: its kind, the partner that spoke, and the reference it names."""

    kind: str
    partner: str
    reference: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A file as the bank wrote it or as it was spoilt, and what a careful reader finds in it.

    `is_whole`: it adds up to what it says of itself. `file`: the file of ours that it reports on, as a whole, too;
    `miscounts`: with another count or sum than that file has. `statement`: it is that of this day and account."""

    partner: str
    name: str
    content: bytes = field(repr=False)
    said: tuple[Said, ...]
    is_whole: bool = True
    file: str = ""
    miscounts: bool = False
    statement: str = ""


# What a payment is once this is said of it; what is not here contradicts what was said before.
NEXT: Mapping[tuple[str, str], str] = {
    **{(state, said): said for state in (SENT, ACCEPTED) for said in (ACCEPTED, SETTLED, REJECTED, RETURNED)},
    (SETTLED, RETURNED): RETURNED,
    # Said again, or said late: nothing changes.
    (SETTLED, ACCEPTED): SETTLED,
    (SETTLED, SETTLED): SETTLED,
    (REJECTED, ACCEPTED): REJECTED,
    (REJECTED, REJECTED): REJECTED,
    (RETURNED, ACCEPTED): RETURNED,
    (RETURNED, SETTLED): RETURNED,
    (RETURNED, RETURNED): RETURNED,
}


class Oracle:
    """Reads papers, one after the other."""

    def __init__(self, ordered: Mapping[str, Ordered], files: Mapping[str, str]) -> None:
        """`files`: the files of ours by their name, and who has each."""
        self.ordered = ordered
        self.files = files
        self.states: dict[str, tuple[str, str]] = dict.fromkeys(ordered, (SENT, ""))
        self.troubles: set[Trouble] = set()
        self.called_paid: set[str] = set()
        self.read: set[tuple[str, bytes]] = set()
        self._opened_by: dict[Trouble, bytes] = {}
        self._statements: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
        self._stated: set[tuple[str, str, str]] = set()

    def take(self, paper: Paper) -> bool:
        """Read one; whether it can be taken at all (a paper that was read before is, and says nothing new)."""
        if not paper.is_whole:
            return False
        if (paper.partner, paper.content) not in self.read:
            if paper.statement and not self._fits(paper):
                return False
            self.read.add((paper.partner, paper.content))
            known = set(self.troubles)
            if paper.file and self.files.get(paper.file) != paper.partner:
                self.troubles.add(Trouble("unknown_reference", paper.partner, paper.file))
            elif paper.miscounts:
                self.troubles.add(Trouble("not_the_file", paper.partner, paper.file))
            for one in paper.said:
                self._hear(paper.partner, one)
            self._opened_by.update(dict.fromkeys(self.troubles - known, paper.content))
            self.troubles = {one for one in self.troubles if not self._was_read_wrongly(one, paper)}
        return True

    def _fits(self, paper: Paper) -> bool:
        """A day of an account has one statement, whoever writes it how often; what stands there again is paid again."""
        day, said = (paper.partner, paper.statement), sorted(one[:3] for one in paper.said)
        if day in self._statements:
            if self._statements[day] == said:
                return True
            self.troubles.add(Trouble("statement_overlap", *day))
            return False
        self._statements[day] = said
        for one in paper.said:
            stated = (paper.partner, one.reference, one.state)
            ordered = self.ordered.get(one.reference)
            if stated in self._stated and ordered is not None and ordered.partner == paper.partner:
                self.troubles.add(Trouble("paid_twice", paper.partner, one.reference))
            self._stated.add(stated)
        return True

    def _was_read_wrongly(self, trouble: Trouble, paper: Paper) -> bool:
        """These very bytes were read under another partner first, and are read now under that of the payment."""
        is_of_other = trouble.kind == "other_partner" and trouble.partner != paper.partner
        if not is_of_other or self._opened_by.get(trouble) != paper.content:
            return False
        return self.ordered[trouble.reference].partner == paper.partner

    @property
    def never_again(self) -> set[str]:
        """Payments that were called paid and did not come back: nobody may send them again."""
        return {reference for reference in self.called_paid if self.states[reference][0] != RETURNED}

    def _hear(self, partner: str, said: Said) -> None:
        ordered = self.ordered.get(said.reference)
        if ordered is None:
            self.troubles.add(Trouble("unknown_reference", partner, said.reference))
        elif ordered.partner != partner:
            self.troubles.add(Trouble("other_partner", partner, said.reference))
        elif ordered.rupiah != said.rupiah:
            self.troubles.add(Trouble("amount_mismatch", partner, said.reference))
        elif said.account and ordered.account and said.account != ordered.account:
            self.troubles.add(Trouble("other_account", partner, said.reference))
        else:
            if said.state == SETTLED:
                self.called_paid.add(said.reference)
            state, reason = self.states[said.reference]
            after = NEXT.get((state, said.state))
            if after is None or (after == state == said.state and reason != said.reason):
                self.troubles.add(Trouble("contradiction", partner, said.reference))
            elif after != state:
                self.states[said.reference] = after, said.reason
