"""Measurements, run by hand: nothing here is tested or shipped."""
