"""Where a long proof keeps its figures: a result for the repository, and how far it has come for the next start."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from bekal.proofs.report import commit, machine


def write_result(path: Path | None, figures: Mapping[str, Any], *, resumed: Path | None = None) -> None:
    """The figures with the machine and the commit they are of (of a run in several starts all). No path, no file."""
    if path is None:
        return
    commits = _read(resumed).get("commits", []) if resumed is not None and resumed.exists() else []
    _write(path, {"machine": machine(), "commit": ", ".join(dict.fromkeys([*commits, commit()])), **figures})


def read_progress(subject: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier start of this proof kept in the file of --resume; empty where there was none. Raises CommandError
    for a file that is something else, and where another seed is asked for."""
    path = options.get("resume")
    if path is None or not path.exists():
        return {}
    kept = _read(path)
    if kept.pop("subject", None) != subject or "seed" not in kept:
        raise CommandError(f"{path} holds no progress of prove {subject}: name another file, or remove it")
    if options.get("seed") not in (None, kept["seed"]):
        raise CommandError(f"{path} goes on with seed {kept['seed']}: leave --seed out, or name another file")
    kept.pop("commits", None)
    return kept


def keep_progress(path: Path | None, subject: str, progress: Mapping[str, Any]) -> None:
    """Write how far it has come, whole or not at all, and of which commits that is."""
    if path is not None:
        before = _read(path).get("commits", []) if path.exists() else []
        _write(path, {**progress, "subject": subject, "commits": list(dict.fromkeys([*before, commit()]))})


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise CommandError(f"{path} holds no progress of a proof: name another file, or remove it")
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    half = path.with_name(f"{path.name}.{os.getpid()}")
    half.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    half.replace(path)
