"""Where a long proof keeps its figures: a result for the repository, and how far it has come for the next start."""

import json
import os
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from random import SystemRandom
from typing import Any

from bekal.proofs.report import commit, machine


def add_common_arguments(parser: ArgumentParser) -> None:
    """What every harness takes: its seed, and the files it writes."""
    parser.add_argument("--seed", type=int, help="the same seed tries the same (default: a new one, which is printed)")
    parser.add_argument("--result", type=Path, metavar="FILE", help="write the figures to this JSON file")
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep in this file how far it has come, and go on where it ended"
    )


def seed_of(options: Mapping[str, Any]) -> int:
    """The seed asked for, or a new one."""
    given = options.get("seed")
    return SystemRandom().randrange(1, 10**6) if given is None else int(given)


def write_result(path: Path, figures: Mapping[str, Any]) -> None:
    """The figures with the machine and the commit they are of."""
    _write(path, {"machine": machine(), "commit": commit(), **figures})


def read_progress(path: Path | None) -> dict[str, Any]:
    """What an earlier start kept; empty where there was none. Raises ValueError for a file that is something else."""
    if path is None or not path.exists():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(kept, dict) or "seed" not in kept:
        raise ValueError(f"{path} holds no progress of a proof: name another file, or remove it")
    return kept


def keep_progress(path: Path | None, progress: Mapping[str, Any]) -> None:
    """Write how far it has come, whole or not at all."""
    if path is not None:
        _write(path, progress)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    half = path.with_name(f"{path.name}.{os.getpid()}")
    half.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    half.replace(path)
