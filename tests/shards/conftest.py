"""Shards are databases of the tests' own."""

from tests.proofs.conftest import own_databases as own_databases
