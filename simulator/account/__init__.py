"""Twilio's account: its REST API, its calls, and the queue they are dialled from.

The rooms, from the bottom up: `errors` (the table), `parameters` (one form, read), `request` (form
and credentials), `control` (what may be done with a call); `create` (the order of a new call),
`queue` (when it is dialled), `streams` (those that only listen), `record` and `ledger` (the books),
`resource` and `listing` (JSON), `faults`; `account`, which answers; and `http_server`, which lets
real clients in.

What a call does is `simulator.phone`'s business; this folder reaches it through `control` only.
Everything is synchronous, as there.
"""
