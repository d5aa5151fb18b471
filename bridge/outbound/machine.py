"""What Twilio's answering machine detection is asked, and what its verdict means.

Owns the words of `AnsweredBy`. Must not know what is said to a machine. Source:
https://www.twilio.com/docs/voice/answering-machine-detection.
"""

from typing import Final, Literal

from bridge.agents.conduct import MachinePolicy

Detection = Literal["", "Enable", "DetectMessageEnd"]

_MACHINE: Final = "machine_"
_FAX: Final = "fax"


def detection_for(policy: MachinePolicy) -> Detection:
    """How to look for a machine: who leaves a message waits until the machine has had its say."""
    return "DetectMessageEnd" if policy == "message" else "Enable"


def treatment(answered_by: str, policy: MachinePolicy) -> MachinePolicy:
    """What to do with whoever answered.

    Args:
        answered_by: Twilio's verdict; "" without detection. `unknown` is treated as a person, since
            hanging up on one is worse than talking to a machine. To a fax there is nothing to say.
        policy: what the operator wants done with a machine.
    """
    if answered_by == _FAX:
        return "hang_up"
    return policy if answered_by.startswith(_MACHINE) else "talk"
