"""Every file the programme reads, bent: taken or refused with a sentence, and where it is refused nothing is stored."""

import hashlib
import io
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from django.core.management import call_command
from django.core.management.base import CommandError

from bekal.incentives.models import PayoutFile
from bekal.incentives.settle_payout_run import settle_payout_run
from bekal.ledger.clock import programme_now
from bekal.proofs.access_world import everything
from bekal.proofs.fuzz_corpus import bent_bytes, bent_json
from bekal.proofs.fuzz_tables import bent_table
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.fuzz_world import FuzzWorld

LOOK_EVERY = 5
"""Of so many refused files one is followed by a look at every table."""
MAPS = (
    "columns: {nik: NIK}",
    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c]\ncolumns: *d",
    "columns: &a {x: *a}",
    "columns: !!python/object/apply:os.system [true]",
    "columns: [" * 5_000,
    "columns: {" * 5_000,
    "defaults: {wave: 1e400}",
    "columns: {2020-01-01: a}",
    "columns: {nik: 2020-99-99}",
    "defaults: {wave: 0o99_9}",
    "columns:\n\tnik: x",
    "--- a\n--- b",
    "%YAML 9.9\n---\na: b",
    "values: {nik: {}}",
    "values: {nik: [a]}",
    "? [a]\n: b",
    "{a: b}: c",
    "<<: *x",
    "'" * 5_000,
    "!!binary =====",
    "!!timestamp x",
    "!!int x",
    "columns: {nik: !!float .inf}",
    "columns: {nik: 1:2:99}",
)
Read = Callable[[bytes], str | None]


@dataclass(frozen=True, slots=True)
class Reader:
    """Something that reads a file: `read` gives the sentence of its refusal, None where it took the file."""

    name: str
    valid: bytes
    bend: Callable[[bytes, random.Random], tuple[str, bytes]]
    read: Read


def fuzz_files(watch: Watch, world: FuzzWorld, *, cases: int, rng: random.Random) -> None:
    """So many bent files for each reader."""
    with readers(world) as found:
        for reader in found:
            read = reading(watch, reader)
            for number in range(cases):
                bent, content = ("as it was", reader.valid) if number == 0 else reader.bend(reader.valid, rng)
                look = rng.randrange(LOOK_EVERY) == 0
                watch.case(reader.name, f"{bent}: {content[:200]!r}", partial(read, content, look=look))


def reading(watch: Watch, reader: Reader) -> Callable[..., str | None]:
    """`read(content, look=...)`: what was wrong with how a file was taken; with `look` every table is looked at."""
    as_it_is = everything()

    def read(content: bytes, *, look: bool) -> str | None:
        refused = reader.read(content)
        watch.answers["a file taken" if refused is None else "a file refused"] += 1
        if refused is None:
            return None
        if not refused.strip() or "Traceback" in refused:
            return f"refused without a sentence: {refused[:80]!r}"
        changed = [name for name, rows in everything().items() if as_it_is.get(name) != rows] if look else []
        return f"refused, and stored in {', '.join(changed)}" if changed else None

    return read


@contextmanager
def readers(world: FuzzWorld) -> Iterator[list[Reader]]:
    """Each kind of import with a file that the world itself has written, and everything else that takes files."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        found: list[Reader] = []
        for file_format, bend in (("csv", bent_table), ("parquet", _bent)):
            whole = place / file_format
            call_command("export-data", str(whole), "--format", file_format, stdout=io.StringIO(), stderr=io.StringIO())
            for path in sorted(whole.glob(f"*.{file_format}")):
                content = path.read_bytes()
                if file_format == "csv":
                    content = _with_rows(content, world)
                name = f"import-data {path.stem} ({file_format})"
                found.append(Reader(name, content, bend, _importing(path.stem, place / f"file.{file_format}")))
        found.append(Reader("import-data programme", b"", _bent_programme(place), _programme))
        found.append(Reader("import-data --map", MAPS[0].encode(), _bent_map, _mapping(place)))
        found.append(Reader("status file of a payout run", world.status_file, _bent_statuses, _settling(world)))
        yield found


def _bent(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    return "bent bytes", bent_bytes(content, rng)


def _with_rows(content: bytes, world: FuzzWorld) -> bytes:
    """A table of which the world has no row gets two that look like some."""
    heading, _, rest = content.partition(b"\n")
    if rest:
        return content
    plausible = {"nik": world.nik, "training": world.training_code, "price_rupiah": "200000", "wave": "1"}

    def cell(name: str) -> str:
        by_end = {"_on": "2020-05-01", "_at": "2020-05-01T10:00:00+07:00", "rupiah": "600000", "number": "1"}
        return plausible.get(name) or next((value for end, value in by_end.items() if name.endswith(end)), "x")

    row = ",".join(map(cell, heading.decode().split(","))).encode()
    return b"\n".join((heading, row, row, b""))


def _importing(kind: str, path: Path) -> Read:
    def read(content: bytes) -> str | None:
        path.write_bytes(content)
        return _refusal_of("import-data", kind, str(path))

    return read


def _refusal_of(*arguments: str) -> str | None:
    told = io.StringIO()
    try:
        call_command(*arguments, stdout=told, stderr=told)
    except CommandError as error:
        return f"{told.getvalue()}{error}"
    return None


def _bent_programme(place: Path) -> Callable[[bytes, random.Random], tuple[str, bytes]]:
    """A whole export with a bent manifest, or with a bent file that the manifest says is right."""
    whole = place / "csv"
    manifest = json.loads((whole / "manifest.json").read_text())

    def bend(content: bytes, rng: random.Random) -> tuple[str, bytes]:
        bent = Path(copytree(whole, place / f"bent-{rng.randrange(10**12)}"))
        if rng.random() < 0.5:
            (bent / "manifest.json").write_bytes(bent_json(manifest, rng))
            return "a bent manifest", str(bent).encode()
        name = rng.choice(sorted(manifest["kinds"]))
        stated = dict(manifest["kinds"][name])
        how, table = bent_table((bent / stated["file"]).read_bytes(), rng)
        (bent / stated["file"]).write_bytes(table)
        stated |= {"sha256": hashlib.sha256(table).hexdigest(), "rows": max(0, table.count(b"\n") - 1)}
        (bent / "manifest.json").write_text(json.dumps(manifest | {"kinds": manifest["kinds"] | {name: stated}}))
        return f"{stated['file']}: {how}", str(bent).encode()

    return bend


def _programme(content: bytes) -> str | None:
    return _refusal_of("import-data", "programme", content.decode() or "/nowhere")


def _bent_map(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    chosen = rng.choice(MAPS).encode()
    return ("a mapping", chosen) if rng.random() < 0.5 else ("bent bytes", bent_bytes(chosen, rng))


def _mapping(place: Path) -> Read:
    table, path = place / "waves.csv", place / "map.yaml"
    table.write_bytes(b"number,opens_on,closes_on,quota_count\n7,2020-06-11,2020-06-16,3\n")

    def read(content: bytes) -> str | None:
        path.write_bytes(content)
        return _refusal_of("import-data", "waves", str(table), "--map", str(path))

    return read


def _bent_statuses(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Often with a trailer that is right again, so that what stands in the lines is looked at."""
    body, _, _ = content.rpartition(b"TRAILER,")
    how, bent = bent_table(body, rng)
    if rng.random() < 0.7:
        return f"{how}, sealed", sealed(bent)
    return how, bent + content[len(body) :] if rng.random() < 0.5 else bent_bytes(content, rng)


def sealed(body: bytes) -> bytes:
    """The lines of a status file with the trailer that belongs to them."""
    lines = body.replace(b"\r\n", b"\n").split(b"\n")[1:]
    amounts = [fields[1] for line in lines if len(fields := line.split(b",")) > 1]
    total = sum(int(amount) for amount in amounts if amount.isdigit() and len(amount) < 20)
    digest = hashlib.sha256(body.replace(b"\r\n", b"\n")).hexdigest()
    return body + f"TRAILER,{len(amounts)},{total},{digest}\n".encode()


def _settling(world: FuzzWorld) -> Read:
    sent = PayoutFile.objects.get(run_id=world.run_id, direction=PayoutFile.Direction.OUT)

    def read(content: bytes) -> str | None:
        settled = settle_payout_run(
            partner=sent.partner, name="jawaban.csv", content=content, at=programme_now(), run_id=world.run_id
        )
        return (
            None if settled.refusal is None else " ".join(f"{each.code} {each.values}" for each in settled.exceptions)
        )

    return read
