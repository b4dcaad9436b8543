"""`manage published`: every published figure beside the running system's own; exit 1 outside a stated tolerance."""

import json
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from bekal.ledger.clock import JAKARTA, programme_now
from bekal.proofs.published import FIGURES, Figure, Reading, Verdict, measure
from bekal.proofs.published_text import as_objects, lines, page
from bekal.proofs.snapshot import read_instant


class Command(BaseCommand):
    help = "Print what the programme has published beside what this database gives; exit 1 outside a tolerance."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--figures", metavar="NAMES", help="only these systems or figures, as S8,S11.on_time")
        parser.add_argument(
            "--as-of", metavar="INSTANT", help="what would have been printed then, as 2020-07-27 (Jakarta time)"
        )
        parser.add_argument("--reached-only", action="store_true", help="do not fail for what cannot be measured yet")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file, too")
        parser.add_argument("--explain", action="store_true", help="print the page that explains the figures instead")

    def handle(self, *args: Any, **options: Any) -> None:
        figures = chosen(options["figures"])
        if options["explain"]:
            self.stdout.write(page(figures), ending="")
            return
        now = _now(options["as_of"])
        started = time.perf_counter()
        readings = measure(connections["proof"], now=now, figures=figures)
        seconds = time.perf_counter() - started
        shown = now.astimezone(JAKARTA)
        self.stdout.write(
            f"{len(readings)} published figures beside this database, as of {shown.day} {shown:%B %Y, %H:%M} in "
            f"Jakarta, measured in {seconds:.1f} s"
        )
        for line in lines(readings):
            self.stdout.write(line)
        if options["json"] is not None:
            self._write(options["json"], readings)
        self._conclude(readings, reached_only=options["reached_only"])

    def _write(self, path: Path, readings: Sequence[Reading]) -> None:
        try:
            path.write_text(json.dumps(as_objects(readings), indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}. Name a file in a folder that exists.") from None

    def _conclude(self, readings: Sequence[Reading], *, reached_only: bool) -> None:
        count = Counter(reading.verdict for reading in readings)
        outside = [reading.figure.id for reading in readings if reading.verdict is Verdict.OUTSIDE]
        waiting = [reading.figure.id for reading in readings if reading.verdict is Verdict.NOT_YET]
        self.stdout.write("")
        self.stdout.write(
            f"{count[Verdict.WITHIN]} within their tolerance, {len(outside)} outside, {len(waiting)} not yet "
            f"measurable, {count[Verdict.INFORMATION]} for information"
        )
        problems = [f"outside their tolerance: {', '.join(outside)}"] if outside else []
        if waiting and not reached_only:
            problems.append(f"not yet measurable: {', '.join(waiting)} (--reached-only leaves these out)")
        if problems:
            raise CommandError("; ".join(problems), returncode=1)


def chosen(names: str | None) -> tuple[Figure, ...]:
    """The figures that `--figures` names, in their own order. Raises CommandError where one is not known."""
    if names is None:
        return FIGURES
    wanted = {name.strip().lower() for name in names.split(",")}
    known = {figure.system.lower() for figure in FIGURES} | {figure.id.lower() for figure in FIGURES}
    if unknown := sorted(wanted - known):
        systems = dict.fromkeys(figure.system for figure in FIGURES)
        raise CommandError(
            f"--figures: there is no {', '.join(map(repr, unknown))}. Write one of {', '.join(systems)}, or a figure "
            "as it is printed in brackets, as S8.bought_share."
        )
    return tuple(figure for figure in FIGURES if {figure.system.lower(), figure.id.lower()} & wanted)


def _now(text: str | None) -> datetime:
    """The programme's instant, or the past one that was asked for."""
    now, asked = programme_now(), read_instant(text)
    if asked is not None and asked > now:
        raise CommandError(
            f"--as-of {text!r} is still to come: the programme's clock shows {now.astimezone(JAKARTA):%F}."
        )
    return asked or now
