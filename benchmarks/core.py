"""The bridge's core alone: one caller frame decoded, taken and encoded for the model."""

import time
from collections.abc import Iterator

from benchmarks.figures import figure
from benchmarks.framing import FRAME
from bridge.core import realtime, twilio
from bridge.core.call import Call, CallPlan

FRAMES = 5000
START = (
    f'{{"event":"start","sequenceNumber":"1","start":{{"accountSid":"AC{"0" * 32}",'
    f'"streamSid":"MZ{"0" * 32}","callSid":"CA{"0" * 32}","tracks":["inbound"],"mediaFormat":'
    '{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{}},'
    f'"streamSid":"MZ{"0" * 32}"}}'
)


def measure(runs: int) -> Iterator[str]:
    """Microseconds a frame, of the 20,000 there are between two frames."""
    times_us = []
    for _ in range(runs):
        call = _talking()
        began_s = time.perf_counter()
        for number in range(FRAMES):
            for command in call.receive(twilio.decode(FRAME), 1 + number * 0.02):
                if isinstance(command, realtime.InputAudioBufferAppend):
                    realtime.encode(command, "ga")
        times_us.append((time.perf_counter() - began_s) / FRAMES * 1e6)
    yield f"caller frame: {figure(times_us, 'us')}"


def _talking() -> Call:
    call = Call(CallPlan(), 0.0)
    call.receive(twilio.decode(START), 0.1)
    for event in ("session.created", "session.updated"):
        call.receive(realtime.decode(f'{{"type":"{event}","session":{{}}}}', "ga"), 0.2)
    return call
