"""What the harness has to notice: views that raise for one input, one that hangs, a reader that stores and refuses."""

import json
import random
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from django.urls import reverse

from bekal.catalogue.models import Category
from bekal.core.strict_json import strict_json
from bekal.exchange.kinds import KINDS, Loaded
from bekal.proofs.fuzz_files import readers, reading
from bekal.proofs.fuzz_pages import Site, page_case
from bekal.proofs.fuzz_partner import v1_case, v1_paths, visits
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.fuzz_world import FuzzWorld

TRIES = 400
Plant = Callable[[], AbstractContextManager[Any]]
Look = Callable[[Watch, FuzzWorld, random.Random], None]


def _believing(raw: bytes) -> Any:
    """Takes a field for a text because the document says so."""
    read = strict_json(raw)
    read["redeem_code"].strip()
    return read


def _number(text: str) -> int:
    return int(text or 0)


def _backtracking(raw: bytes) -> Any:
    """Looks at the body with an expression whose time doubles with each character."""
    re.search(rb"(a+)+!", raw)
    return strict_json(raw)


def _storing(path: Path, *arguments: Any, at: datetime, dry_run: bool, **more: Any) -> Loaded:
    """Writes before it has read."""
    Category.objects.create(slug="belum-dibaca", name_id="Belum dibaca", name_en="Not read yet")
    return WAVES.load(path, *arguments, at=at, dry_run=dry_run, **more)


def _redemptions(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    for visit in visits(watch, world, rng):
        if "redeem_code" in json.dumps(visit.operation.example):
            _until_told(watch, visit.bent)
            return


def _first_v1(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    path = v1_paths()[0]
    _until_told(watch, lambda: watch.case(path, *v1_case(watch, world, path, rng)))


def _search(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    site = Site(world)
    page = site.pages["web:trainings", "participant"]
    page.addresses.append(reverse("web:trainings"))
    _until_told(watch, lambda: watch.case(page.place, *page_case(watch, site, page, rng)))


def _waves(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    with readers(world) as found:
        reader = next(each for each in found if each.name == "import-data waves (csv)")
        as_it_is = reading(watch, reader)

        def try_one() -> None:
            bent, content = reader.bend(reader.valid, rng)
            watch.case(reader.name, bent, partial(as_it_is, content, look=True))

        _until_told(watch, try_one)


def _until_told(watch: Watch, try_one: Callable[[], None]) -> None:
    for _ in range(TRIES):
        if watch.violations:
            return
        try_one()


WAVES = KINDS["waves"]
PLANTED: dict[str, tuple[Plant, Look]] = {
    "a field of v2 taken for a text": (partial(mock.patch, "bekal.api.v2.door.strict_json", _believing), _redemptions),
    "a body of v1 taken for an object": (partial(mock.patch, "bekal.api.v1.door.fields_of", json.loads), _first_v1),
    "a page's number that is not looked at": (partial(mock.patch, "bekal.web.trainings._number", _number), _search),
    "an expression that hangs": (partial(mock.patch, "bekal.api.v2.door.strict_json", _backtracking), _redemptions),
    "a file stored before it is read": (
        partial(mock.patch.dict, KINDS, {"waves": replace(WAVES, load=_storing)}),
        _waves,
    ),
}
