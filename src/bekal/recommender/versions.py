"""Reads: every version of the model, how it was examined, who agreed to it, which serves, and which served before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bekal.core.recommend import FORMAT_VERSION
from bekal.recommender.model_store import readable_promotions
from bekal.recommender.models import ModelExamination, ModelPromotion, ModelProposal, ModelVersion
from bekal.recommender.roll_back_model import standing_versions


@dataclass(frozen=True, slots=True)
class Examination:
    """The newest examination of a version; `report` as the examination wrote it."""

    examined_at: datetime
    passes: bool
    report: dict[str, Any]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it does not pass, in sentences."""
        return tuple(str(reason) for reason in self.report.get("reasons", ()))


@dataclass(frozen=True, slots=True)
class Proposal:
    """An officer's wish that a version serve."""

    officer_id: int
    officer_name: str
    proposed_at: datetime


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of the history of service: from `since_at` on this version served. `is_roll_back` tells how it came;
    the names are empty where a command did it."""

    version_id: int
    since_at: datetime
    is_roll_back: bool
    officer_name: str
    proposed_by_name: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version. `proposal`: the newest that nobody has agreed to yet; `service`: when it last came to serve."""

    version_id: int
    fitted_at: datetime
    people_count: int
    choice_count: int
    sha256: str
    examination: Examination | None
    proposal: Proposal | None
    service: Service | None
    is_serving: bool
    is_readable: bool


def versions(*, before_id: int | None = None, limit: int | None = None) -> tuple[Version, ...]:
    """Versions, newest first, those before a number alone if one is given. Five small queries; no arrays are read."""
    rows = ModelVersion.objects.order_by("-id")
    return _versions(rows.filter(id__lt=before_id)[:limit] if before_id is not None else rows[:limit])


def version(version_id: int) -> Version | None:
    """One version by its number; None where there is none."""
    return next(iter(_versions(ModelVersion.objects.filter(pk=version_id))), None)


def serving_history(*, limit: int | None = None) -> tuple[Service, ...]:
    """Which version came to serve when, newest first, those of a format that this programme does not read among them:
    `serving_version_id` says which serves."""
    rows = ModelPromotion.objects.select_related("promoted_by", "proposed_by").order_by("-id")[:limit]
    return tuple(_service(row) for row in rows)


def serving_version_id() -> int | None:
    """The version that serves: the newest promoted of those whose format this programme reads; None where none does."""
    return readable_promotions().order_by("-id").values_list("model_version_id", flat=True).first()


def return_version_id() -> int | None:
    """Where a roll-back leads by itself; None where no version served before the one that serves."""
    standing = standing_versions(readable_promotions().order_by("id").values_list("kind", "model_version_id"))
    return standing[-2] if len(standing) > 1 else None


def _versions(rows: Any) -> tuple[Version, ...]:
    known = ("id", "fitted_at", "people_count", "choice_count", "sha256", "manifest__format_version")
    found = list(rows.values_list(*known))
    ids = [number for number, *_ in found]
    examined = {each.model_version_id: each for each in _newest(ModelExamination, ids)}
    proposed = {each.model_version_id: each for each in _newest(ModelProposal, ids, "proposed_by", promotion=None)}
    served = {each.model_version_id: each for each in _newest(ModelPromotion, ids, "promoted_by", "proposed_by")}
    serving = serving_version_id()
    return tuple(
        Version(
            version_id=number,
            fitted_at=fitted_at,
            people_count=people_count,
            choice_count=choice_count,
            sha256=bytes(sha256).hex(),
            examination=_examination(examined.get(number)),
            proposal=_proposal(proposed.get(number)),
            service=_service(served[number]) if number in served else None,
            is_serving=number == serving,
            is_readable=format_version == FORMAT_VERSION,
        )
        for number, fitted_at, people_count, choice_count, sha256, format_version in found
    )


def _newest(model: type[Any], ids: Sequence[int], *related: str, **condition: Any) -> Any:
    rows = model.objects.filter(model_version_id__in=ids, **condition)
    if related:  # without a name it would follow every key, to the arrays of the model
        rows = rows.select_related(*related)
    return rows.order_by("model_version_id", "-id").distinct("model_version_id")


def _examination(row: ModelExamination | None) -> Examination | None:
    return None if row is None else Examination(row.examined_at, row.passes, dict(row.report))


def _proposal(row: ModelProposal | None) -> Proposal | None:
    return None if row is None else Proposal(row.proposed_by_id, row.proposed_by.display_name, row.proposed_at)


def _service(row: ModelPromotion) -> Service:
    return Service(
        version_id=row.model_version_id,
        since_at=row.promoted_at,
        is_roll_back=row.kind == ModelPromotion.Kind.ROLLED_BACK,
        officer_name=row.promoted_by.display_name if row.promoted_by else "",
        proposed_by_name=row.proposed_by.display_name if row.proposed_by else "",
    )
