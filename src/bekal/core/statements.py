"""What can be said of a purchase, by whom, and what stands of it: the words of `core.evidence`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

WHOLE_PERCENT = 100


class Piece(StrEnum):
    """What can be said of a purchase, in the order in which people see it."""

    ATTENDANCE = "attendance"
    PROGRESS = "progress"
    COMPLETION = "completion"
    CERTIFICATE = "certificate"
    RATING = "rating"
    REVIEW = "review"


class Source(StrEnum):
    """Who says it. The programme speaks where an officer decides; what it says counts for both sides."""

    PARTICIPANT = "participant"
    INSTITUTION = "institution"
    PLATFORM = "platform"
    PROGRAMME = "programme"


_OF_TEACHERS = frozenset({Piece.ATTENDANCE, Piece.PROGRESS, Piece.COMPLETION, Piece.CERTIFICATE})
# What each source can speak of. Nobody rates for the participant; the programme decides of everything but progress.
MAY_SAY: Mapping[Source, frozenset[Piece]] = {
    Source.PARTICIPANT: frozenset({Piece.ATTENDANCE, Piece.COMPLETION, Piece.RATING, Piece.REVIEW}),
    Source.INSTITUTION: _OF_TEACHERS,
    Source.PLATFORM: _OF_TEACHERS,
    Source.PROGRAMME: frozenset(Piece) - {Piece.PROGRESS},
}


class Standing(StrEnum):
    """How one piece stands."""

    PRESENT = "present"
    MISSING = "missing"
    CONFLICTING = "conflicting"


class CaseKind(StrEnum):
    """Why somebody of the programme has to look at a purchase."""

    CONTRADICTION = "contradiction"  # one source says two things in one revision
    DISAGREEMENT = "disagreement"  # one source says yes, another no
    PROGRESS_BELOW = "progress_below"  # the platform saw less progress than the completion claims
    TAKEN_BACK = "taken_back"  # denied after the money had moved


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing said. `holds` False: it is denied, or taken back. `percent` (0 to 100) belongs to progress, and to a
    completion that is partial; `sequence` numbers the sessions of an attendance, else it is 1."""

    source: Source
    piece: Piece
    sequence: int = 1
    holds: bool = True
    percent: int | None = None
    happened_on: date | None = None
    revision: int = 1

    @property
    def claim_percent(self) -> int:
        """How much of the piece is said to be there: 0 where it is denied."""
        if not self.holds:
            return 0
        return WHOLE_PERCENT if self.percent is None else self.percent


@dataclass(frozen=True, slots=True)
class Matter:
    """What stands of one piece and session: the highest revision of each source."""

    said: tuple[Statement, ...] = ()

    @property
    def is_decided(self) -> bool:
        return any(each.source is Source.PROGRAMME for each in self.said)

    @property
    def heard(self) -> tuple[Statement, ...]:
        """Those that count: the programme's where it decides."""
        if not self.is_decided:
            return self.said
        return tuple(each for each in self.said if each.source is Source.PROGRAMME)

    @property
    def conflict(self) -> CaseKind | None:
        heard = self.heard
        if len({each.claim_percent for each in heard}) < 2:
            return None
        sources = {each.source for each in heard}
        told = {(each.source, each.claim_percent) for each in heard}
        return CaseKind.CONTRADICTION if len(told) > len(sources) else CaseKind.DISAGREEMENT

    @property
    def is_denied(self) -> bool:
        """Everybody who is heard agrees that it is not there, or not all of it."""
        return self.conflict is None and any(each.claim_percent < WHOLE_PERCENT for each in self.heard)

    def proves(self, source: Source) -> bool:
        """Whether this source says all of it, uncontested, or the programme does in its place."""
        if self.conflict is not None:
            return False
        return any(
            each.claim_percent == WHOLE_PERCENT and each.source in (source, Source.PROGRAMME) for each in self.heard
        )

    def said_on(self, source: Source) -> date | None:
        """The first day of which this source (or the programme) says it."""
        days = [
            each.happened_on
            for each in self.heard
            if each.happened_on and each.holds and each.source in (source, Source.PROGRAMME)
        ]
        return min(days, default=None)

    @property
    def last_on(self) -> date | None:
        return max((each.happened_on for each in self.said if each.happened_on), default=None)


UNSAID = Matter()
