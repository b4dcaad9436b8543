"""Django's command line; `python3 dev manage …` calls it with the environment and the database made ready."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bekal.config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
