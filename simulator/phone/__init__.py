"""A fake Twilio for one phone call, from the ring to the line's release.

The rooms, from the bottom up: `signature`, `http` (one request), `identity` (who calls whom, and
the webhook's form), `webhook` (fetching with Twilio's patience), `twiml` (documents), `verbs` and
`interpreter` (what a document makes the line do); `ear`, `mouth`, `utterance`, `triggers` and
`caller` (the person); `stream_socket`, `stream_messages`, `stream_schema` and `media_stream` (the
Media Streams client); `rest` (the REST API); and `call`, which puts one call together.

Everything is synchronous: bytes in, bytes out, timers on the `Timeline`. Where a behaviour imitates
Twilio, a line `# fidelity: documented|observed|inferred SOURCE - WHAT` stands beside it; the
fidelity table in the docs is made from these lines. Sections are those of the Twilio fact sheet.
"""
