"""Journeys in a real browser: a package, so that the browser is closed before the tests of other rooms begin."""
