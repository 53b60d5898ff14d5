"""Measurements. Nothing here is run by the test suite: machines differ, and these figures are for reading."""
