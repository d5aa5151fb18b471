"""The law of what the caller never heard: an answer reaches Twilio whole.

Owns the charge. What is lost is counted in `judging.lost_audio`.
"""

from simulator.judging.auditor.docket import Docket
from simulator.judging.lost_audio import LostAudio
from simulator.judging.observer import Observer
from simulator.judging.readings import BYTES_PER_MS, in_words_ms


class LostAudioLaw(Observer):
    """Charges, at the end, each item of which something is missing."""

    def __init__(self, docket: Docket, lost: LostAudio) -> None:
        super().__init__()
        self._docket = docket
        self._lost = lost

    def finish(self, at_ms: float) -> None:
        """Judge the whole call."""
        del at_ms
        for loss in self._lost.losses.values():
            item = loss.item
            self._docket.charge(
                loss.made_ms,
                "agent_audio_lost",
                f"{loss.lost_ms:.1f} ms of {item.item_id} never reached Twilio, the first of it "
                f"{loss.start / BYTES_PER_MS:.0f} ms into the item",
                f"{item.generated_ms:.1f} ms were generated, {item.sent / BYTES_PER_MS:.1f} sent; "
                f"the model sent the first missing bytes at {in_words_ms(loss.made_ms)}",
            )
