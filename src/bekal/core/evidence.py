"""Whether learning is proven: a pure function of the set of statements about one purchase and of the person's rules.

Everybody who knows something says it in statements; none is ever changed. Of each source about one matter (a piece, and
which session of it) the highest revision speaks. Statements may come in any order and any number of times: the state is
the same. `purchases/evidence_sql.py` says the same in SQL over many purchases; a test compares the two.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from bekal.core.rules import RULES, Rules, Scheme
from bekal.core.statements import (
    MAY_SAY,
    UNSAID,
    WHOLE_PERCENT,
    CaseKind,
    Matter,
    Piece,
    Source,
    Standing,
    Statement,
)

__all__ = [
    "MAY_SAY",
    "WHOLE_PERCENT",
    "CaseKind",
    "EvidenceState",
    "Need",
    "Piece",
    "PieceState",
    "Source",
    "Standing",
    "Statement",
    "incentive_needs",
    "settlement_needs",
    "state_of",
]


@dataclass(frozen=True, slots=True)
class PieceState:
    """How one piece stands, and what has to happen. `since_on` is None where it is nobody's turn yet; then nothing is
    due. Of a conflict the programme owes the decision. `is_denied`: it is not silence, somebody said no, or not all of
    it. `is_decided`: the programme has."""

    piece: Piece
    sequence: int
    owed_by: Source
    standing: Standing
    since_on: date | None = None
    due_on: date | None = None
    kind: CaseKind | None = None
    is_denied: bool = False
    is_decided: bool = False
    percent: int | None = None

    @property
    def is_present(self) -> bool:
        return self.standing is Standing.PRESENT


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """Where one purchase stands. `pieces` are those its person's rules ask for, and every other that conflicts.

    `is_completed`: the teaching side has proven all of it, and nobody contests that. `is_releasable`: so has everybody
    else, and nothing conflicts. `attended` are the sessions that the institution records uncontested, `proven` those
    that a settlement pays; `confirmed` and `denied` those of which the participant says so, contested or not.
    `is_denied`: a piece that is needed was denied, taken back or is partial.
    """

    pieces: tuple[PieceState, ...]
    attended: tuple[int, ...]
    proven: tuple[int, ...]
    confirmed: tuple[int, ...]
    denied: tuple[int, ...]
    progress_percent: int | None
    completed_on: date | None
    is_completed: bool
    is_releasable: bool
    is_denied: bool
    is_decided: bool
    conflict: CaseKind | None

    def case_kind(self, *, is_reconciled: bool) -> CaseKind | None:
        """Why an officer has to look at it; None where nobody has to, or the programme has decided."""
        taken_back = any(piece.is_denied and not piece.is_decided for piece in self.pieces)
        if self.conflict is None and is_reconciled and taken_back:
            return CaseKind.TAKEN_BACK
        return self.conflict


Need = tuple[Piece, Source]


def incentive_needs(scheme: Scheme, *, is_live: bool) -> tuple[Need, ...]:
    """The pieces that an incentive waits for, with who owes each, in order. `is_live`: its sessions are held at a time,
    as webinar or on site; only there the participant can be asked to confirm each."""
    needs = {
        (Piece.ATTENDANCE, Source.INSTITUTION): scheme.attendance_required,
        (Piece.ATTENDANCE, Source.PARTICIPANT): scheme.participant_attendance_required and is_live,
        (Piece.COMPLETION, Source.INSTITUTION): scheme.completion_required,
        (Piece.RATING, Source.PARTICIPANT): scheme.rating_required,
        (Piece.REVIEW, Source.PARTICIPANT): scheme.review_required,
    }
    return tuple(need for need, is_required in needs.items() if is_required)


def settlement_needs(scheme: Scheme, *, is_live: bool) -> tuple[Need, ...]:
    """Whose record of a session it takes before the institution is paid for it."""
    needs = {
        (Piece.ATTENDANCE, Source.INSTITUTION): scheme.settlement_attendance_required,
        (Piece.ATTENDANCE, Source.PARTICIPANT): scheme.settlement_participant_attendance_required and is_live,
    }
    return tuple(need for need, is_required in needs.items() if is_required)


def state_of(
    statements: Iterable[Statement],
    *,
    scheme: Scheme,
    is_live: bool,
    session_count: int,
    redeemed_on: date | None,
    session_days: Mapping[int, date] | None = None,
    rules: Rules = RULES,
) -> EvidenceState:
    """The state of one purchase by all that is said of it: the same for any order and repetition of `statements`.

    `scheme` has the rules of the person's acceptance; what each side owes runs from the redemption or, where a session
    has a day (`session_days` by its number), from that. Sessions beyond `session_count` say nothing.
    """
    clock = _Clock(rules, redeemed_on, session_days or {})
    matters = _matters(statements)
    sessions = {number: matters.get((Piece.ATTENDANCE, number), UNSAID) for number in range(1, session_count + 1)}
    progress_percent, completion_conflict = _progress(matters)
    attended = _proven(sessions, [(Piece.ATTENDANCE, Source.INSTITUTION)])
    completion = matters.get((Piece.COMPLETION, 1), UNSAID)
    needs = incentive_needs(scheme, is_live=is_live)
    is_completed = (
        len(attended) == session_count and completion.proves(Source.INSTITUTION) and completion_conflict is None
    )
    days = [sessions[number].said_on(Source.INSTITUTION) for number in attended]
    attended_on = max((day for day in days if day), default=redeemed_on) if len(attended) == session_count else None
    done_on = completion.said_on(Source.INSTITUTION)
    completed_on = max((day for day in (attended_on, done_on) if day), default=redeemed_on) if is_completed else None
    turn_on = {Piece.COMPLETION: attended_on, Piece.RATING: completed_on, Piece.REVIEW: completed_on}
    pieces: list[PieceState] = []
    for number, matter in sessions.items():
        for _, source in [need for need in needs if need[0] is Piece.ATTENDANCE]:
            day = clock.session_on(number, matter, source)
            pieces.append(clock.state(Piece.ATTENDANCE, number, source, matter, matter.conflict, day))
    for piece, source in needs:
        if piece is not Piece.ATTENDANCE:
            matter = matters.get((piece, 1), UNSAID)
            conflict = completion_conflict if piece is Piece.COMPLETION else matter.conflict
            pieces.append(clock.state(piece, 1, source, matter, conflict, turn_on.get(piece)))
    pieces = _told(pieces, clock, matters, sessions, completion_conflict)
    return EvidenceState(
        pieces=tuple(pieces),
        attended=attended,
        proven=_proven(sessions, settlement_needs(scheme, is_live=is_live)),
        confirmed=_answered(sessions, holds=True),
        denied=_answered(sessions, holds=False),
        progress_percent=progress_percent,
        completed_on=completed_on,
        is_completed=is_completed,
        is_releasable=all(piece.is_present for piece in pieces),
        is_denied=any(piece.is_denied for piece in pieces),
        is_decided=any(matter.is_decided for matter in matters.values()),
        conflict=next((piece.kind for piece in pieces if piece.kind), None),
    )


def _matters(statements: Iterable[Statement]) -> dict[tuple[Piece, int], Matter]:
    """What stands, by piece and session."""
    said = frozenset(statements)
    latest: dict[tuple[Source, Piece, int], int] = {}
    for each in said:
        key = each.source, each.piece, each.sequence
        latest[key] = max(each.revision, latest.get(key, 0))
    standing: dict[tuple[Piece, int], list[Statement]] = {}
    for each in said:
        if each.revision == latest[each.source, each.piece, each.sequence]:
            standing.setdefault((each.piece, each.sequence), []).append(each)
    return {key: Matter(tuple(each)) for key, each in standing.items()}


def _progress(matters: Mapping[tuple[Piece, int], Matter]) -> tuple[int | None, CaseKind | None]:
    """The furthest progress anybody saw, and what contests the completion: its own statements, or a platform that saw
    less than they claim. Progress only grows, so of one revision the furthest counts; that is no contradiction."""
    seen = [each for each in matters.get((Piece.PROGRESS, 1), UNSAID).said if each.holds]
    furthest = max((each.claim_percent for each in seen), default=None)
    completion = matters.get((Piece.COMPLETION, 1), UNSAID)
    conflict = completion.conflict
    on_platform = [each.claim_percent for each in seen if each.source is Source.PLATFORM]
    if conflict is None and on_platform and not completion.is_decided:
        claimed = max((each.claim_percent for each in completion.said), default=0)
        conflict = CaseKind.PROGRESS_BELOW if max(on_platform) < claimed else None
    return furthest, conflict


def _proven(sessions: Mapping[int, Matter], needs: Collection[Need]) -> tuple[int, ...]:
    return tuple(
        number
        for number, matter in sessions.items()
        if matter.conflict is None and all(matter.proves(source) for _, source in needs)
    )


def _answered(sessions: Mapping[int, Matter], *, holds: bool) -> tuple[int, ...]:
    """The sessions of which the participant says yes, or no."""
    return tuple(
        number
        for number, matter in sessions.items()
        if any(each.source is Source.PARTICIPANT and each.holds == holds for each in matter.said)
    )


def _told(
    pieces: list[PieceState],
    clock: "_Clock",
    matters: Mapping[tuple[Piece, int], Matter],
    sessions: Mapping[int, Matter],
    completion_conflict: CaseKind | None,
) -> list[PieceState]:
    """Each conflict once (it is the programme's turn, not that of each side), those of pieces nobody needs as well."""
    shown: dict[tuple[Piece, int, Source], PieceState] = {}
    for piece in pieces:
        shown.setdefault((piece.piece, piece.sequence, piece.owed_by), piece)
    for (kind, number), matter in sorted(matters.items()):
        conflict = completion_conflict if kind is Piece.COMPLETION else matter.conflict
        is_counted = kind is not Piece.PROGRESS and (kind is not Piece.ATTENDANCE or number in sessions)
        if conflict is not None and is_counted:
            state = clock.state(kind, number, Source.PROGRAMME, matter, conflict, None)
            shown.setdefault((kind, number, Source.PROGRAMME), state)
    order = list(Piece)
    return sorted(
        shown.values(), key=lambda each: (order.index(each.piece), each.sequence, each.owed_by == "participant")
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    """Since when each piece is owed, and until when."""

    rules: Rules
    redeemed_on: date | None
    session_days: Mapping[int, date]

    def session_on(self, number: int, matter: Matter, source: Source) -> date | None:
        """The institution owes a session from its day or the redemption, the participant from when it was held."""
        if self.redeemed_on is None:
            return None
        held_on = self.session_days.get(number)
        if source is Source.PARTICIPANT:
            held_on = held_on or matter.said_on(Source.INSTITUTION)
            return None if held_on is None else max(held_on, self.redeemed_on)
        return max(held_on or self.redeemed_on, self.redeemed_on)

    def state(
        self,
        piece: Piece,
        number: int,
        source: Source,
        matter: Matter,
        conflict: CaseKind | None,
        turn_on: date | None,
    ) -> PieceState:
        percent = max((each.percent for each in matter.heard if each.holds and each.percent is not None), default=None)
        if conflict is not None:
            since_on = matter.last_on or self.redeemed_on
            return PieceState(
                piece=piece,
                sequence=number,
                owed_by=Source.PROGRAMME,
                standing=Standing.CONFLICTING,
                since_on=since_on,
                due_on=self._due_on("case_days", since_on),
                kind=conflict,
                is_decided=matter.is_decided,
                percent=percent,
            )
        if matter.proves(source):
            return PieceState(
                piece, number, source, Standing.PRESENT, matter.said_on(source), is_decided=matter.is_decided
            )
        return PieceState(
            piece=piece,
            sequence=number,
            owed_by=source,
            standing=Standing.MISSING,
            since_on=turn_on,
            due_on=self._due_on(f"{source}_evidence_days", turn_on),
            is_denied=matter.is_denied,
            is_decided=matter.is_decided,
            percent=percent,
        )

    def _due_on(self, rule: str, since_on: date | None) -> date | None:
        if since_on is None:
            return None
        days: int = self.rules.value(rule, since_on)
        return since_on + timedelta(days=days)
