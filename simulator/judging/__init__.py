"""The judge of a call: reads the trace, keeps books of its own, knows neither fakes nor bridge.

`judge` is the door. `provenance` (whose audio is this) and `caller_audio` are the books; `auditor`
holds the laws, `metrics` the measurements, `expect` the scenario's expectations; `conditions` says
what the links may add. `observer` and `readings` are how all of them listen.
"""
