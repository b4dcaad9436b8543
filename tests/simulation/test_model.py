"""Every parameter of the behaviour says what it is and where it comes from; a fault in the file is named."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from bekal.simulation.calibration import TARGETS
from bekal.simulation.model import MODEL, MODEL_FILE, Model, ModelError, calibrated, load_model, write_values

TEXT = MODEL_FILE.read_text(encoding="utf-8")


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """The file with one place changed."""
    assert old in TEXT
    path = tmp_path / "model.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return path


def test_the_file_is_the_model() -> None:
    entries = yaml.safe_load(TEXT)
    assert list(entries) == [field.name for field in fields(Model)]
    assert all(entry["label"] and entry["unit"] for entry in entries.values())
    assert {name: entry["value"] for name, entry in entries.items()} == pytest.approx(
        {name: getattr(MODEL, name) for name in entries}
    )


def test_what_is_calibrated_is_what_a_target_fits() -> None:
    assert set(calibrated()) == {target.parameter for target in TARGETS if target.parameter}
    assert all(hasattr(MODEL, name) for name in calibrated())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sms_days:", "sms_weeks:", "sms_days is missing"),
        ("# Surveys\n", "# Surveys\nsurvey_mood:\n  value: 1\n", "survey_mood is no parameter"),
        ("  unit: share\n", "", "needs a label, a unit"),
        ("  assumption: ", "  sauce: ", "exactly one of source, assumption, calibrated_to"),
        ("  value: 0.07\n", "  value: 1.07\n", "phone_changed_share is 1.07"),
        ("  value: 0.07\n", "  value: a few\n", "phone_changed_share is a few"),
        ("  value: 0.07\n", "  value: yes\n", "write a number"),
        ("  value: 20\n", "  value: 20.5\n", "write a whole number"),
        ("  value: 1.6\n", "  value: -1.6\n", "redeem_days is -1.6"),
        (TEXT, "- nothing\n", "write each parameter as a name"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        load_model(changed(tmp_path, old, new))


def test_writing_values_changes_their_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(TEXT, encoding="utf-8")
    write_values({"drop_out": 0.123456789, "forget_review_share": 0.5}, path)
    before, after = TEXT.splitlines(), path.read_text(encoding="utf-8").splitlines()
    assert len(before) == len(after)
    assert [line for old, line in zip(before, after, strict=True) if old != line] == [
        "  value: 0.123457",
        "  value: 0.5",
    ]
    model = load_model(path)
    assert (model.drop_out, model.forget_review_share) == (0.123457, 0.5)
    with pytest.raises(ModelError, match="no_such has no value line"):
        write_values({"no_such": 1.0}, path)
    assert path.read_text(encoding="utf-8").splitlines() == after
