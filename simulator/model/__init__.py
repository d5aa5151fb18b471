"""A fake OpenAI Realtime endpoint: the server's rules, with scripted replies.

From the bottom up: `errors`, `fields`, `vocabulary` and `beta_vocabulary` (what a client may say),
`formats` (encodings of sound), `configuration`, `conversation`, `input_audio`, `usage` (a session's
rooms), `script` (who answers what), `outlet` (events out), `stage`, `generation`, `options` and
`responses` (a reply over time), `responder` (who has the floor), `transcription` and `listening`
(the caller's voice), `session` (one session's rules), `beta` (the border of another dialect),
`admission`, `connection` (one WebSocket), `server`.

Nothing here sleeps, reads a clock or draws its own randomness: bytes in, bytes out, timers on the
timeline. Each behaviour carries a `# fidelity:` line with its kind of evidence and its source.
"""
