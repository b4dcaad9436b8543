"""What a participant whose place was taken back is told: what has to be paid back, why, until when, how to object."""

from dataclasses import dataclass

from bekal.lifecycle.clawbacks import ClawbackLine, ClawbackState, clawback_of
from bekal.web.reader import Reader


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """The clawback of one reader and how it stands on this day."""

    line: ClawbackLine
    state: ClawbackState

    @property
    def is_owed(self) -> bool:
        return self.state in (ClawbackState.DUE, ClawbackState.OVERDUE)

    @property
    def is_overdue(self) -> bool:
        return self.state is ClawbackState.OVERDUE


def money_back_of(reader: Reader) -> MoneyBack | None:
    """None where nothing was clawed back; then the database is not asked."""
    if reader.participation is None or reader.participation.clawed_back_at is None:
        return None
    line = clawback_of(participation_id=reader.participation.pk)
    return None if line is None else MoneyBack(line, line.state(reader.today))
