"""Flight records: what passed over both wires of a call, with times, to be looked at later.

docs/flight.md describes the format. `flight` collects in memory and never waits, `line` says what
is written and what is masked, `shelf` keeps the files, `writer` brings one to the other.
"""
