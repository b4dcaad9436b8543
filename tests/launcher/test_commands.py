import ast
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import checks, chromium, commands, doctor, paths, serve
from launcher.say import Refusal

LAUNCHER = sorted((paths.ROOT / "launcher").glob("*.py"))


def test_usage_fits_one_screen(capsys: pytest.CaptureFixture[str]):
    assert commands.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 120
    assert all(any(text.strip().startswith(name) for text in lines) for name in commands.COMMANDS)


def test_unknown_command_is_named_beside_the_usage(capsys: pytest.CaptureFixture[str]):
    assert commands.main(["upp"]) == 2
    told = capsys.readouterr().out
    assert told.startswith("There is no command `upp`.")
    assert commands.USAGE in told


def test_refusal_is_one_sentence_and_no_traceback(capsys: pytest.CaptureFixture[str]):
    assert commands.main(["bench", "no-such-benchmark"]) == 1
    assert capsys.readouterr().err.startswith("dev bench: Name one of the benchmarks:")


def test_reset_asks_before_it_deletes(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(paths, "ROOT", checkout)
    (checkout / ".local").mkdir()
    assert commands.main(["reset"]) == 1
    assert "say `python3 dev reset --yes`" in capsys.readouterr().err
    assert (checkout / ".local").exists()
    assert commands.main(["reset", "--yes"]) == 0
    assert not (checkout / ".local").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "0"], "0 is not a port: give a number from 1 to 65535"),
        (["--port", "http"], "http is not a port"),
        (["--participants", "0"], "0 is not a number of participants"),
        (["--participants", "1e3"], "1e3 is not a number of participants"),
        (["--chek"], "unrecognized arguments: --chek"),
    ],
)
def test_wrong_options_of_up_are_named(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        serve.parse(arguments)
    assert told in capsys.readouterr().err


def test_options_of_up():
    options = serve.parse(["--check", "--port", "8080", "--participants", "70"])
    assert (options.check, options.port, options.participants) == (True, 8080, 70)


def test_taken_port_is_refused_where_it_was_asked_for_and_passed_over_where_not():
    with serve.bound(0) as holder:
        taken = holder.getsockname()[1]
        with pytest.raises(Refusal, match=f"Port {taken} can not be used"):
            serve._choose(taken)
    with serve._choose(None) as first, serve._choose(None) as second:
        assert serve.DEFAULT_PORT <= first.getsockname()[1] < second.getsockname()[1]


def test_pytest_gets_a_process_for_each_core_unless_told():
    assert checks._processes(["-n", "0"]) == []
    assert checks._processes(["--pdb"]) == []
    assert checks._processes(["-k", "buy"]) == checks._processes([])


def program(folder: Path, name: str, script: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_browser_is_one_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "BUNDLES", ())
    program(tmp_path, "chromium", "exit 1")
    assert chromium.find() is None
    chrome = program(tmp_path, "google-chrome", "echo Chrome 140")
    assert chromium.find() == chrome


def test_named_browser_that_does_not_start_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BEKAL_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(Refusal, match=r"BEKAL_CHROMIUM is .*/none, which does not start"):
        chromium.find()


def test_doctor_says_what_to_do_and_changes_nothing(checkout: Path, capsys: pytest.CaptureFixture[str]):
    before = sorted(checkout.rglob("*"))
    assert doctor.run(checkout, []) == 1
    told = capsys.readouterr().out
    assert "MEND  packages: not installed yet\n      -> any command, such as `python3 dev up`" in told
    assert sorted(checkout.rglob("*")) == before


@pytest.mark.parametrize("source", [*LAUNCHER, paths.ROOT / "dev"], ids=lambda source: source.name)
def test_launcher_needs_nothing_installed(source: Path):
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | {"launcher"}


def test_old_python_reads_as_far_as_the_sentence_that_says_so():
    source = (paths.ROOT / "dev").read_text()
    ast.parse(source, feature_version=(3, 4))
    pretended = "import sys; sys.version_info = (3, 9, 2); exec(open('dev').read())"
    done = subprocess.run([sys.executable, "-c", pretended], cwd=paths.ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "Bekal needs Python 3.11 or newer, and this is 3.9: run it as `python3.11 dev` or newer."
    )
