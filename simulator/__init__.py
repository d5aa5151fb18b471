"""callbridge's test harness: whole calls through an unchanged bridge, judged at the caller's ear.

From the bottom up: `timeline`, `wire`, `trace`, `websocket`, `sound` know nothing of telephony;
`playout` and `speech` are pure models; `phone` fakes Twilio, `model` fakes OpenAI Realtime,
`services` the hosts that tools ask;
`auditor`, `metrics` and `expect` judge what the trace shows; `world` puts one call together.
Only `bridge_target` imports the bridge.
"""
