"""What must stand in the books once papers of partners were read, in the order in which they were.

Written from the rules of the rails, without a look at how the programme weighs a line: a table of what may follow what.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

SENT, ACCEPTED, SETTLED, REJECTED, RETURNED = "sent", "accepted", "settled", "rejected", "returned"


class Said(NamedTuple):
    """What a paper says of one payment: reference, rupiah, state and the reason's code."""

    reference: str
    rupiah: int
    state: str
    reason: str = ""


class Ordered(NamedTuple):
    """One payment as it was ordered: from which partner, and how many rupiah."""

    partner: str
    rupiah: int


class Trouble(NamedTuple):
    """An exception that has to be open: its kind, the partner that spoke, and the reference it names."""

    kind: str
    partner: str
    reference: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A file as the bank wrote it or as it was spoilt, and what a careful reader finds in it.

    `is_whole`: it adds up to what it says of itself. `file`: the file of ours that it reports on, as a whole, too;
    `miscounts`: with another count or sum than that file has."""

    partner: str
    name: str
    content: bytes = field(repr=False)
    said: tuple[Said, ...]
    is_whole: bool = True
    file: str = ""
    miscounts: bool = False


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
        self.read: dict[bytes, str] = {}

    def take(self, paper: Paper) -> bool:
        """Read one; whether it can be taken at all (a paper that was read before is, and says nothing new)."""
        if not paper.is_whole or self.read.get(paper.content, paper.partner) != paper.partner:
            return False
        if paper.content not in self.read:
            self.read[paper.content] = paper.partner
            if paper.file and self.files.get(paper.file) != paper.partner:
                self.troubles.add(Trouble("unknown_reference", paper.partner, paper.file))
            elif paper.miscounts:
                self.troubles.add(Trouble("not_the_file", paper.partner, paper.file))
            for one in paper.said:
                self._hear(paper.partner, one)
        return True

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
        else:
            if said.state == SETTLED:
                self.called_paid.add(said.reference)
            state, reason = self.states[said.reference]
            after = NEXT.get((state, said.state))
            if after is None or (after == state == said.state and reason != said.reason):
                self.troubles.add(Trouble("contradiction", partner, said.reference))
            elif after != state:
                self.states[said.reference] = after, said.reason
