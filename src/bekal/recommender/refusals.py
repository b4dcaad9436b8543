"""Why a version of the model was not proposed, promoted or rolled back. Each code has one sentence on the pages."""

from enum import StrEnum

from bekal.core.refusal import Refusal


class ModelRefusal(StrEnum):
    """Closed list; every refusal carries version_id, but for NOTHING_SERVES and NOTHING_BEFORE."""

    VERSION_NOT_FOUND = "model_version_not_found"
    NOT_READABLE = "model_not_readable"
    NOT_EXAMINED = "model_not_examined"
    NOT_PASSED = "model_not_passed"
    ALREADY_PROPOSED = "model_already_proposed"
    NOT_PROPOSED = "model_not_proposed"
    SAME_PERSON = "model_same_person"
    ALREADY_SERVES = "model_already_serves"
    NEVER_SERVED = "model_never_served"
    NOTHING_SERVES = "model_nothing_serves"
    NOTHING_BEFORE = "model_nothing_before"


MENDS = {
    ModelRefusal.VERSION_NOT_FOUND: "there is no such version: `manage fit-recommender` makes one",
    ModelRefusal.NOT_READABLE: "this programme cannot read its format: fit a new version",
    ModelRefusal.NOT_EXAMINED: "it was not examined yet: `manage examine-model` first",
    ModelRefusal.NOT_PASSED: "its newest examination does not pass: see its report, and fit another version",
    ModelRefusal.ALREADY_PROPOSED: "it was proposed already: another officer promotes it",
    ModelRefusal.NOT_PROPOSED: "nobody has proposed it: an officer proposes it, another one promotes it",
    ModelRefusal.SAME_PERSON: "whoever proposed a version cannot promote it: name another officer",
    ModelRefusal.ALREADY_SERVES: "it serves already",
    ModelRefusal.NEVER_SERVED: "it has never served, so there is no way back to it: propose and promote it",
    ModelRefusal.NOTHING_SERVES: "no version serves, so there is nothing to roll back",
    ModelRefusal.NOTHING_BEFORE: "no version served before this one, so there is nothing to return to",
}


class ModelRefusedError(Exception):
    """Nothing was changed; `refusal` says why by its code, the message how to mend it."""

    def __init__(self, code: ModelRefusal, version_id: int | None = None) -> None:
        self.refusal = Refusal(code, {} if version_id is None else {"version_id": version_id})
        super().__init__(MENDS[code] if version_id is None else f"version {version_id}: {MENDS[code]}")
