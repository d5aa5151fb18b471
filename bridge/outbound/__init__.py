"""Calls that we make: asking Twilio for them, once, and telling how they go.

The rooms, from the bottom up: `problems` (what can go wrong, with the status it is answered with),
`request` (what may be asked for), `machine` (who answered), `rate`, `keys` (the same request twice)
and `key_store` (the same over many processes), `twilio_calls` (the REST API), `placing` (one call,
in order), `setup` (from settings), `command` (`callbridge call`). Routes are `bridge.routes`'s.
"""
