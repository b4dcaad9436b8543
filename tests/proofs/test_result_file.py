"""A long proof's file: what was kept comes back, and a file of something else is refused with a sentence."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError

from bekal.proofs import result_file
from bekal.proofs.result_file import keep_progress, read_progress, write_result


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    assert read_progress("race", {"resume": None}) == read_progress("race", {"resume": path}) == {}
    keep_progress(path, "race", {"seed": 5, "seconds": 1.5})
    for seed in (None, 5):
        assert read_progress("race", {"resume": path, "seed": seed}) == {"seed": 5, "seconds": 1.5}
    keep_progress(None, "race", {"seed": 6})


@pytest.mark.parametrize("content", ["[]", "not JSON", '{"seed": 1}', '{"subject": "crash", "seed": 1}', "\x00"])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "progress"
    path.write_text(content)
    with pytest.raises(CommandError, match="holds no progress"):
        read_progress("race", {"resume": path})


def test_another_seed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    keep_progress(path, "race", {"seed": 5})
    with pytest.raises(CommandError, match="goes on with seed 5"):
        read_progress("race", {"resume": path, "seed": 6})


def test_a_result_names_every_commit_it_is_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress, result = tmp_path / "progress", tmp_path / "result"
    for name in ("1b1188c", "d732c0c", "d732c0c"):
        monkeypatch.setattr(result_file, "commit", lambda name=name: name)
        keep_progress(progress, "race", {"seed": 5})
    write_result(result, {"seed": 5}, resumed=progress)
    assert json.loads(result.read_text())["commit"] == "1b1188c, d732c0c"
    write_result(result, {"seed": 5})
    assert json.loads(result.read_text())["commit"] == "d732c0c"
    write_result(None, {"seed": 5})
