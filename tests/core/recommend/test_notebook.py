"""The notebook runs as it is committed, shows what it promises, and is committed without what it shows."""

import base64
import io
import os
import tempfile
from pathlib import Path

import matplotlib.image
import nbclient
import nbformat
import pytest
from traitlets.config import Config

ROOT = Path(__file__).parents[3]
NOTEBOOK = ROOT / "docs" / "notebooks" / "recommender.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_committed_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.metadata
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def pictures(cell: nbformat.NotebookNode) -> list[str]:
    return [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]


def test_it_runs_and_its_plots_come_out(notebook, monkeypatch):
    """A warning in a cell is an error there, too; the assertions of the cells themselves count as well."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
    imports = next(cell for cell in notebook.cells if cell.id == "imports")
    imports.source = "import warnings\n\nwarnings.simplefilter('error')\n" + imports.source
    with tempfile.TemporaryDirectory() as folder:  # sockets in files (short names), no port of this machine
        config = Config(KernelManager={"transport": "ipc", "ip": f"{folder}/k"})
        nbclient.NotebookClient(notebook, config=config, kernel_name="python3", timeout=None).execute(cwd=folder)
    cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
    for output in (output for cell in cells.values() for output in cell.outputs):
        assert output.output_type in ("stream", "display_data") and output.get("name") != "stderr", output
    assert "8,000 people" in printed(cells["data"])
    assert "Learned from 6,000 people." in printed(cells["fit"])
    assert printed(cells["recommend"]).count("left") == 10
    assert [line.split()[0] for line in printed(cells["plan"]).splitlines()] == [
        "best_value",
        "nothing_lapses",
        "one_best",
    ]
    assert "Reason: " in printed(cells["explain"])
    assert "6,000 people, then 3,000 again; the same bits: True" in printed(cells["forget"])
    shown = {name: pictures(cell) for name, cell in cells.items() if pictures(cell)}
    assert {name: len(plots) for name, plots in shown.items()} == {"plan": 1, "calibration": 1, "popularity": 1}
    for (plot,) in shown.values():
        image = matplotlib.image.imread(io.BytesIO(base64.b64decode(plot)), format="png")
        assert min(image.shape[:2]) > 300 and 0.01 < (image[..., :3].min(axis=2) < 0.9).mean() < 0.5  # drawn, not blank
