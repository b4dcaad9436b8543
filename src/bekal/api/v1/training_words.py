"""How v1 names what a training is, where it is sold, and when it takes place."""

from datetime import datetime

from bekal.catalogue.models import Training
from bekal.ledger.clock import JAKARTA
from bekal.partners.handed_codes import HandedCode, SessionOfCode

# `course_type`, its label, `course_learning_method`, and whether attendance is confirmed online.
KINDS: dict[str, tuple[int, str, str, bool]] = {
    Training.Mode.SELF_PACED: (1, "Pembelajaran mandiri", "online", True),
    Training.Mode.WEBINAR: (2, "Webinar", "online", True),
    Training.Mode.ON_SITE: (3, "Tatap muka", "offline", False),
}


def instant(at: datetime | None) -> str:
    """ISO 8601 in Jakarta's time; empty where there is none: typed clients expect a text."""
    return "" if at is None else at.astimezone(JAKARTA).isoformat(timespec="seconds")


def start_end(session: SessionOfCode) -> str:
    """`start/end` as an ISO 8601 interval, the start alone where no end is known; empty without a date."""
    if session.starts_at is None:
        return ""
    return instant(session.starts_at) + (f"/{instant(session.ends_at)}" if session.ends_at else "")


def invoice_code(handed: HandedCode) -> str:
    """The purchase's number with its day, as receipts have it; the same for good."""
    return f"INV-{handed.bought_at.astimezone(JAKARTA):%Y%m%d}-{handed.purchase_id}"


def schedule_code(handed: HandedCode, sequence: int) -> str:
    """The training's session of this number; the same for good."""
    return f"{handed.training_code}-S{sequence}"
