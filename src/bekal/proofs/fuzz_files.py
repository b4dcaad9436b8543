"""Every file the programme reads, bent: taken or refused with a sentence, and where it is refused nothing is stored."""

import hashlib
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
from django.core.management import call_command
from django.core.management.base import CommandError

from bekal.core import rules
from bekal.core.recommend.store import from_bytes, to_bytes
from bekal.core.rules.reading import RuleError, read_rule_file
from bekal.incentives.models import PayoutFile
from bekal.incentives.settle_payouts import settle_payouts
from bekal.ledger.clock import programme_now
from bekal.proofs.access_world import everything
from bekal.proofs.fuzz_corpus import ANY, bent_bytes, bent_json
from bekal.proofs.fuzz_documents import archives, zipped
from bekal.proofs.fuzz_partner_files import partner_readers
from bekal.proofs.fuzz_reader import Read, Reader, reading
from bekal.proofs.fuzz_rounds import Place
from bekal.proofs.fuzz_tables import bent_table
from bekal.proofs.fuzz_watch import Watch
from bekal.proofs.fuzz_world import FuzzWorld
from bekal.simulation.fake_partner import InstructionError, instructions_of

LOOK_EVERY = 20
"""Of so many files one is followed by a look at every table where it was refused."""
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
    "!!int ''",
    "!!bool x",
    "!!float ''",
    "!!null x",
    "!!omap [a]",
    "!!pairs [a]",
    "!!set [a]",
    "!!str [a]",
    "!!map a",
    "!!seq {a: b}",
    "columns: {x: 0b}",
    "columns: {x: 0x}",
    "columns: {x: 9999-99-99 99:99:99}",
    "columns: {x: 2020-01-01 10:00:00 +99:99}",
    "columns: {nik: !!float .inf}",
    "columns: {nik: 1:2:99}",
)


def file_places(watch: Watch, world: FuzzWorld, folder: Path) -> list[Place]:
    """Each reader of files, which may work in this folder."""
    as_it_is = everything()

    def place(reader: Reader) -> Place:
        read = reading(watch, reader, as_it_is)

        def try_some(numbers: range, rng: random.Random) -> None:
            for number in numbers:
                bent, content = ("as it was", reader.valid) if number == 0 else reader.bend(reader.valid, rng)
                look = number % LOOK_EVERY == 1
                watch.case(reader.name, f"{bent}: {content[:200]!r}", partial(read, content, look=look))

        return Place(reader.name, try_some, forks=not reader.name.endswith("(parquet)"))

    return [place(reader) for reader in readers(world, folder)]


def readers(world: FuzzWorld, folder: Path) -> list[Reader]:
    """Each kind of import with a file that the world itself has written, and everything else that takes files."""
    found: list[Reader] = []
    for file_format, bend in (("csv", bent_table), ("parquet", _bent)):
        whole = folder / file_format
        call_command("export-data", str(whole), "--format", file_format, stdout=io.StringIO(), stderr=io.StringIO())
        for path in sorted(whole.glob(f"*.{file_format}")):
            content = path.read_bytes()
            if file_format == "csv":
                content = _with_rows(content, world)
            name = f"import-data {path.stem} ({file_format})"
            found.append(Reader(name, content, bend, _importing(path.stem, folder, file_format)))
    model = to_bytes({"a": np.arange(6.0).reshape(2, 3), "b": np.array(["x", "yz"])})
    holds = (Path(rules.__file__).parent / "holds.yaml").read_bytes()
    return [
        *found,
        Reader("import-data programme", b"", _bent_programme(folder), _programme),
        Reader("import-data --map", MAPS[0].encode(), _bent_map, _mapping(folder)),
        Reader("status file of a payout run", world.status_file, _bent_statuses, _settling(world)),
        Reader("instructions for the made-up partner", world.instructions, _bent_statuses, _instructing),
        Reader("rule file", holds, _bent_rules, _ruling(folder)),
        Reader("arrays of a model", model, _bent_arrays, _modelling),
        *partner_readers(world),
    ]


def _own(folder: Path, name: str) -> Path:
    """A place of this process's own: several work in the same folder."""
    return folder / f"{os.getpid()}-{name}"


def _bent(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    return "bent bytes", bent_bytes(content, rng)


def _with_rows(content: bytes, world: FuzzWorld) -> bytes:
    """A table of which the world has no row gets two that look like some."""
    heading, _, rest = content.partition(b"\n")
    if rest:
        return content
    plausible = {"nik": world.nik, "training": world.live.training_code, "price_rupiah": "200000", "wave": "1"}

    def cell(name: str) -> str:
        by_end = {"_on": "2020-05-01", "_at": "2020-05-01T10:00:00+07:00", "rupiah": "600000", "number": "1"}
        return plausible.get(name) or next((value for end, value in by_end.items() if name.endswith(end)), "x")

    row = ",".join(map(cell, heading.decode().split(","))).encode()
    return b"\n".join((heading, row, row, b""))


def _importing(kind: str, folder: Path, file_format: str) -> Read:
    def read(content: bytes) -> str | None:
        path = _own(folder, f"file.{file_format}")
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


def _bent_programme(folder: Path) -> Callable[[bytes, random.Random], tuple[str, bytes]]:
    """A whole export with a bent manifest, or with a bent file that the manifest says is right."""
    whole = folder / "csv"
    manifest = json.loads((whole / "manifest.json").read_text())

    def bend(content: bytes, rng: random.Random) -> tuple[str, bytes]:
        bent = _own(folder, "bent")
        rmtree(bent, ignore_errors=True)
        copytree(whole, bent)
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


def _mapping(folder: Path) -> Read:
    table = folder / "waves.csv"
    table.write_bytes(b"number,opens_on,closes_on,quota_count\n7,2020-06-11,2020-06-16,3\n")

    def read(content: bytes) -> str | None:
        path = _own(folder, "map.yaml")
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
        settled = settle_payouts(partner=sent.partner, name="jawaban.csv", content=content, at=programme_now())
        return None if settled.refusal is None else " ".join(f"{each.code} {each.values}" for each in settled.faults)

    return read


def _instructing(content: bytes) -> str | None:
    try:
        instructions_of(content)
    except InstructionError as error:
        return str(error)
    return None


def _bent_rules(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    if rng.random() < 0.2:
        return _bent_map(content, rng)
    lines = content.split(b"\n")
    place = rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            return "bent bytes", bent_bytes(content, rng)
        case 1:
            return "a line moved", b"\n".join([*lines[:place], rng.choice(lines), *lines[place:]])
        case 2:
            return "a line less", b"\n".join([*lines[:place], *lines[place + 1 :]])
    name, colon, _ = lines[place].partition(b":")
    lines[place] = name + colon + b" " + rng.choice(ANY)[:3_000].encode("utf-8", "surrogatepass")
    return "a value", b"\n".join(lines)


def _ruling(folder: Path) -> Read:
    def read(content: bytes) -> str | None:
        path = _own(folder, "holds.yaml")
        path.write_bytes(content)
        try:
            read_rule_file(path)
        except RuleError as error:
            return str(error)
        return None

    return read


def _bent_arrays(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Bits, archives of something else, and archives whose arrays are bent but whose sums are right."""
    if rng.random() < 0.1:
        return rng.choice(list(archives().items()))
    if rng.random() < 0.5:
        return "bent bytes", bent_bytes(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        inner = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(inner))
    return "bent array", zipped(inner | {name: bent_bytes(inner[name], rng)})


def _modelling(content: bytes) -> str | None:
    try:
        from_bytes(content)
    except ValueError as error:
        return str(error)
    return None
