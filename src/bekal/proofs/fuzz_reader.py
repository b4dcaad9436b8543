"""What reads a file, and how a case of it is judged: taken, or refused with a sentence and nothing stored."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bekal.proofs.access_world import everything
from bekal.proofs.fuzz_watch import Watch

Read = Callable[[bytes], str | None]
# An answer kept for the same bytes sent again is nothing of what they said.
ANSWERS = "partners_keyedanswer"
Rows = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Something that reads a file: `read` gives the sentence of its refusal, None where it took the file."""

    name: str
    valid: bytes
    bend: Callable[[bytes, random.Random], tuple[str, bytes]]
    read: Read


def reading(watch: Watch, reader: Reader, as_it_is: Rows) -> Callable[..., str | None]:
    """`read(content, look=...)`: what was wrong with how a file was taken; with `look` every table is looked at."""

    def read(content: bytes, *, look: bool) -> str | None:
        refused = reader.read(content)
        watch.answers["a file taken" if refused is None else "a file refused"] += 1
        if refused is None:
            return None
        if not refused.strip() or "Traceback" in refused:
            return f"refused without a sentence: {refused[:80]!r}"
        now = everything() if look else {}
        changed = [name for name, rows in now.items() if as_it_is.get(name) != rows and name != ANSWERS]
        return f"refused, and stored in {', '.join(changed)}" if changed else None

    return read
