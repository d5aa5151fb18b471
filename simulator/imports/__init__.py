"""Flight records made into scenarios: `callsim import`.

`flight_record` reads a record, `story` finds out what happened, `network` what the links did to it,
`caller_sound` what the caller said, `scenario_files` writes it all down as a scenario, `decisions`
compares what a bridge decided then and decides now. They know the record's format (docs/flight.md)
and nothing of the bridge that wrote it.
"""
