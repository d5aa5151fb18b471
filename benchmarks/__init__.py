"""Measurements, printed: `python -m benchmarks`. Nothing here passes or fails."""
