"""How much memory a web process takes, and that nothing of the science extras is in it.

    dev bench web-memory

A process of its own loads what gunicorn loads (settings, addresses, every page), then a model of 2,700 trainings with
its reasons as it is stored, widens it to a catalogue with new trainings, and makes a list: resident memory after each
step.
"""

import json
import subprocess
import sys
from pathlib import Path

if not __package__:  # run as a file: its folder is on the path, the repository is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import machine

EXTRAS = ("numba", "llvmlite", "pandas", "pyarrow", "matplotlib", "implicit", "xgboost", "polars", "IPython")
LARGEST_MIB = 320  # with a model; a worker more should be affordable on the smallest machine an office rents
PROBE = """
import json, sys
def resident_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024
found = {"interpreter": resident_mib()}
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
from bekal.config.wsgi import application
from django.urls import get_resolver
get_resolver().url_patterns
found["every page loaded"] = resident_mib()
import numpy as np
from bekal.core.recommend import ReasonTables, Recommender
arrays, manifest = np.load(sys.argv[1]), json.load(open(sys.argv[2]))
model = Recommender.load({name: arrays[name] for name in arrays.files}, manifest)
reasons = ReasonTables.load(arrays)
features = np.arange(len(arrays["price_rupiah"]))[:, None] % [12, 300, 7, 2]
wide = model.with_trainings(
    place=np.arange(len(features)), features=features, price_rupiah=arrays["price_rupiah"],
    chosen_count=reasons.training_count, is_cold=reasons.training_count < 10,
)
wide.recommend(ptr=[0, 1], items=[3], profile=[[0, 1, 2, 1, 30]], balance_rupiah=[300_000])
found["a model of 2,700 trainings, a list made"] = resident_mib()
found["extras"] = [name for name in sys.argv[3:] if name in sys.modules]
print(json.dumps(found))
"""


def main() -> int:
    """Exit code 0 when the targets are met, 1 when one is missed."""
    import tempfile

    import numpy as np

    from bekal.core.recommend import ReasonTables, Recommender
    from benchmarks._scale_world import blocks, catalogue

    print(machine.one_line(machine.describe()))
    shelf = catalogue(0)
    (people,) = blocks(shelf, 50_000, 0)
    model = Recommender(history_strength=3.0, floor=0.3).fit(
        ptr=people.ptr, items=people.items, profile=people.profile, price_rupiah=shelf.price_rupiah
    )
    reasons = ReasonTables.fit(
        ptr=people.ptr,
        items=people.items,
        profile=people.profile,
        institution=np.arange(len(shelf.price_rupiah)) % 300,
        excluded_columns=(0,),
    )
    arrays, manifest = model.save(extra=reasons.save())
    with tempfile.TemporaryDirectory() as folder:
        stored, said = Path(folder) / "model.npz", Path(folder) / "manifest.json"
        np.savez(stored, **arrays)
        said.write_text(json.dumps(manifest))
        command = [sys.executable, "-c", PROBE, str(stored), str(said), *EXTRAS]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    found = json.loads(done.stdout)
    for step, mib in found.items():
        if step != "extras":
            print(f"  {step:42s}{mib:6,d} MiB")
    most = found["a model of 2,700 trainings, a list made"]
    verdicts = {f"at most {LARGEST_MIB} MiB": most <= LARGEST_MIB, "no science extras": not found["extras"]}
    for what, is_met in verdicts.items():
        print(f"{what}: {'met' if is_met else 'MISSED ' + ', '.join(found['extras'])}")
    print(f"Written to {machine.write_result('web_memory', {'figures': found, 'verdicts': verdicts})}")
    return 0 if all(verdicts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
