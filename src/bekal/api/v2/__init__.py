"""The API v2: one file for each endpoint."""
