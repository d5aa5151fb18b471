"""The two scenarios that the design shows."""

INTERRUPTION = """\
# yaml-language-server: $schema=../../docs/call.schema.json
name: the caller interrupts a long answer
why: the model must remember only what was heard, and the voice must stop at once
tags: [barge-in]
agent: {greeting: true}
network: {twilio: {latency: 60ms, jitter: 30ms}, realtime: {latency: 25ms}}
model:
  - on: greeting
    say: clips/welcome.wav
  - on: turn
    after: 450ms                      # time to first audio
    say: clips/opening-hours-long.wav
    burst: 8                          # delivered eight times faster than it plays
  - on: turn
    say: clips/certainly.wav
caller:
  - when: agent_silent                # the greeting has been heard
    wait: 600ms
    say: clips/when-are-you-open.wav
  - when: agent_heard 1200ms          # of the answer
    say: clips/never-mind.wav         # barge-in
  - when: agent_silent
    wait: 2s
    hang_up: true
expect:
  response_latency_ms: ["p(95)<900"]
  barge_in_stop_ms: ["max<450"]
  memory_drift_ms: ["max<=40"]
  events:
    - clear: {count: 1, within: 60ms, of: speech_started}
    - no: error
  ended: {by: caller, reason: caller_hung_up, leaked_session_ms: ["max<250"]}
seeds: 20
"""
COMPLAINT = """\
name: Tuesday's complaint line, replayed
replay: recordings/complaint-2026-11-03.wav      # the caller's side, with its own silences
model: {reply: auto, after: 600ms}               # answer every turn, about the right length
expect: {dead_air_ms: ["max<2500"], caller_audio_lost_ms: ["max==0"]}
"""
