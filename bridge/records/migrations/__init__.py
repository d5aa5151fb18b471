"""The schema's history, one file per step in `versions`; alembic runs it through `env.py`.

A released step is never changed. A new one: `versions/r0002_what_it_does.py`, `down_revision` the
step before, and `schema.py` brought to the same state; `tests/test_records_store.py` compares them.
"""
