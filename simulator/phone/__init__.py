"""A fake Twilio for one phone call, from the ring to the line's release.

The rooms, from the bottom up: `signature`, `http` (one request), `overrides` and `webhook` (asking
with Twilio's patience), `courier` (status callbacks); `order` (what a call was created with) and
`identity` (the webhook's form); `twiml` (documents), `verbs` and `interpreter` (what a document
makes the line do), `documents` (fetching, fallback, apology); `ear`, `mouth`, `utterance`,
`triggers` and `caller` (the person); `stream_socket`, `stream_messages`, `stream_schema`,
`stream_report`, `media_stream` (both ways), `listening_stream` and `tracks` (one way), `streams`
(all of a call); `legs` (whom `<Dial>` rings), `machine_detection`; `line` (what the verbs use); and
`call`, which puts one call together.

Everything is synchronous: bytes in, bytes out, timers on the `Timeline`. Where a behaviour imitates
Twilio, a line `# fidelity: documented|observed|inferred SOURCE - WHAT` stands beside it; the
fidelity table in the docs is made from these lines. Sections are those of the Twilio fact sheet.
"""
