"""Versions of the model in the database: arrays and a manifest with their hash. The newest one serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bekal.core.recommend import FORMAT_VERSION, ReasonTables, Recommender, from_bytes, to_bytes
from bekal.recommender.models import ModelVersion


@dataclass(frozen=True, slots=True)
class ServingModel:
    """A loaded version. `training_ids` (ascending) are the trainings its positions stand for."""

    version_id: int
    recommender: Recommender
    reasons: ReasonTables
    training_ids: NDArray[np.int64]
    reference_year: int

    @property
    def completed_count(self) -> NDArray[np.int64]:
        """How many people had completed each training when the model was fitted."""
        return self.reasons.training_count


def store_model(
    *,
    recommender: Recommender,
    reasons: ReasonTables,
    training_ids: NDArray[np.int64],
    facts: Mapping[str, Any],
    choice_count: int,
    at: datetime,
) -> ModelVersion:
    """Keep a fitted model as a new version; `facts` (JSON-able) join the manifest. Nothing is pickled."""
    arrays, manifest = recommender.save(extra={**reasons.save(), "training_ids": training_ids})
    return ModelVersion.objects.create(
        fitted_at=at,
        manifest={**manifest, **facts},
        arrays=to_bytes(arrays),
        sha256=bytes.fromhex(manifest["sha256"]),
        people_count=reasons.people_count,
        choice_count=choice_count,
    )


def newest_model() -> ServingModel | None:
    """The newest version, loaded once in each process; None where none was fitted yet. One small query.

    Versions of an older format are left alone: the next fit makes one that can be read."""
    readable = ModelVersion.objects.filter(manifest__format_version=FORMAT_VERSION)
    newest = readable.order_by("-id").values_list("id", "sha256").first()
    return None if newest is None else _loaded(newest[0], bytes(newest[1]).hex())


@lru_cache(maxsize=2)  # the newest, and the one before it for requests under way
def _loaded(version_id: int, sha256: str) -> ServingModel:
    version = ModelVersion.objects.get(pk=version_id)
    arrays = from_bytes(bytes(version.arrays), sha256=sha256)
    return ServingModel(
        version_id=version_id,
        recommender=Recommender.load(arrays, version.manifest),
        reasons=ReasonTables.load(arrays),
        training_ids=arrays["training_ids"],
        reference_year=int(version.manifest["reference_year"]),
    )
