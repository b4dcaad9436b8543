"""The tables of the bank's books."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    partner TEXT NOT NULL, number TEXT NOT NULL, holder_name TEXT NOT NULL, standing TEXT NOT NULL DEFAULT 'active',
    is_known INTEGER NOT NULL DEFAULT 1, balance INTEGER NOT NULL DEFAULT 0, ceiling INTEGER, identity TEXT,
    PRIMARY KEY (partner, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS received (
    partner TEXT NOT NULL, message_id TEXT NOT NULL, sha256 TEXT NOT NULL, form TEXT NOT NULL, day TEXT NOT NULL,
    payment_count INTEGER NOT NULL, total INTEGER NOT NULL, is_done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (partner, message_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transfer (
    id INTEGER PRIMARY KEY, partner TEXT NOT NULL, reference TEXT NOT NULL, message_id TEXT NOT NULL,
    number TEXT NOT NULL, holder_name TEXT NOT NULL, amount INTEGER NOT NULL, day TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', returned_day TEXT);
CREATE INDEX IF NOT EXISTS transfer_reference ON transfer (partner, reference);
CREATE INDEX IF NOT EXISTS transfer_message ON transfer (partner, message_id);
CREATE INDEX IF NOT EXISTS transfer_day ON transfer (partner, day);
CREATE TABLE IF NOT EXISTS answer (
    id INTEGER PRIMARY KEY, partner TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY, partner TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, value TEXT NOT NULL,
    times_left INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS external_id (
    partner TEXT NOT NULL, day TEXT NOT NULL, external_id TEXT NOT NULL,
    PRIMARY KEY (partner, day, external_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closed_day (partner TEXT PRIMARY KEY, day TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS money_in (partner TEXT NOT NULL, day TEXT NOT NULL, amount INTEGER NOT NULL);
"""
