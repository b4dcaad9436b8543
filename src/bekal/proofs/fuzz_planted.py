"""What the harness has to notice: views that raise for one input, one that hangs, a reader that stores and refuses."""

import json
import random
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from django.urls import reverse

from bekal.catalogue.models import Category
from bekal.core.strict_json import strict_json
from bekal.exchange.kinds import KINDS, Loaded
from bekal.partners.evidence_files import FileOutcome, take_evidence_file
from bekal.partners.models import SandboxCode
from bekal.partners.open_sandbox import more_codes_inside
from bekal.proofs.access_world import everything
from bekal.proofs.fuzz_files import readers
from bekal.proofs.fuzz_pages import Site, page_case
from bekal.proofs.fuzz_partner import visits
from bekal.proofs.fuzz_reader import reading
from bekal.proofs.fuzz_v1 import v1_case, v1_paths
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


def _noted(**taken: Any) -> FileOutcome:
    """Writes down that a file came before it knows whether it is taken."""
    Category.objects.create(slug="berkas-datang", name_id="Berkas datang", name_en="A file came")
    return take_evidence_file(**taken)


def _three_kinds(*, purposes: Sequence[SandboxCode.Purpose], **asked: Any) -> Any:
    """Knows three of the four kinds of test codes."""
    if SandboxCode.Purpose.LATER in purposes:
        raise KeyError(SandboxCode.Purpose.LATER)
    return more_codes_inside(purposes=purposes, **asked)


def _storing(path: Path, *arguments: Any, at: datetime, dry_run: bool, **more: Any) -> Loaded:
    """Writes before it has read."""
    Category.objects.create(slug="belum-dibaca", name_id="Belum dibaca", name_en="Not read yet")
    return WAVES.load(path, *arguments, at=at, dry_run=dry_run, **more)


def _redemptions(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    for visit in visits(watch, world.live):
        if "redeem_code" in json.dumps(visit.operation.example):
            visit.rng = rng
            _until_told(watch, visit.bent)
            return


def _first_v1(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    path = v1_paths()[0]
    _until_told(watch, lambda: watch.case(path, *v1_case(watch, world.live, path, rng)))


def _sandbox_codes(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    (visit,) = [each for each in visits(watch, world.sandbox) if each.operation.path == "/sandbox/codes"]
    visit.rng = rng
    _until_told(watch, lambda: visit.generated(4))


def _search(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    site = Site(world)
    page = site.pages["web:trainings", "participant"]
    page.addresses.append(reverse("web:trainings"))
    _until_told(watch, lambda: watch.case(page.place, *page_case(watch, site, page, rng)))


def _waves(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    _read_by("import-data waves (csv)", watch, world, rng)


def _evidence(watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    _read_by("file of evidence (page)", watch, world, rng)


def _read_by(name: str, watch: Watch, world: FuzzWorld, rng: random.Random) -> None:
    with TemporaryDirectory() as folder:
        (reader,) = [each for each in readers(world, Path(folder)) if each.name == name]
        read = reading(watch, reader, everything())

        def try_one() -> None:
            bent, content = reader.bend(reader.valid, rng)
            watch.case(reader.name, bent, partial(read, content, look=True))

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
    "a file of evidence noted before it is taken": (
        partial(mock.patch, "bekal.console.evidence_files.take_evidence_file", _noted),
        _evidence,
    ),
    "a sandbox that knows three kinds of codes": (
        partial(mock.patch, "bekal.api.v2.sandbox_codes.more_codes_inside", _three_kinds),
        _sandbox_codes,
    ),
}
