"""What the service itself does in an agent's calls: recordings, machines, failed transfers.

Owns these rules' shape and what the settings say of them. Must not know how any of it is done.
"""

from dataclasses import dataclass
from typing import Final, Literal

from bridge.settings import Settings

MachinePolicy = Literal["hang_up", "message", "talk"]


@dataclass(frozen=True)
class Conduct:
    """The rules of one agent.

    `announcement` is said before a recorded call; "" = nothing is. `machine_detection`: look for
    answering machines, unless a request says otherwise; `machine_message` is spoken to one.
    `transfer_failed_text` is said to a caller who was handed on and reached nobody.
    """

    records: bool = False
    announcement: str = ""
    machine_detection: bool = False
    machine_detected: MachinePolicy = "hang_up"
    machine_message: str = ""
    transfer_failed_text: str = ""

    def spoken_first(self, greeting: str) -> str:
        """What Twilio says before the stream: the announcement if it must, then `greeting`."""
        announcement = self.announcement if self.records else ""
        return f"{announcement} {greeting}".strip()


USUAL: Final = Conduct()
"""Nothing is recorded, and machines are hung up on."""


def conduct_for(settings: Settings) -> Conduct:
    """The rules for whoever has none of their own."""
    return Conduct(
        records=settings.recording == "on",
        announcement=settings.recording_announcement,
        machine_detection=settings.machine_detection,
        machine_detected=settings.machine_detected,
        machine_message=settings.machine_message,
        transfer_failed_text=settings.transfer_failed_text,
    )
