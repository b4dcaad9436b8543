"""The parts of the `dev` command: standard library only, because they run before anything is installed."""
