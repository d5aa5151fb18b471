"""The exceptions of this package. A peer's sin during a call is a value, never one of these.

BridgeError
├── SettingsError                       at start-up; names the variable
└── ConnectError                        the Realtime leg could not be opened
    ├── ConnectRefused                  an answer came, and it was no
    └── ConnectTimeout                  no answer came in time
"""


class BridgeError(Exception):
    """Anything this package raises on purpose."""


class SettingsError(BridgeError):
    """A setting is missing or wrong."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}")
        self.variable = variable
        self.problem = problem


class ConnectError(BridgeError):
    """The Realtime leg could not be opened. Becomes ``realtime.Closed`` for the call."""


class ConnectRefused(ConnectError):  # noqa: N818 - the base is the error
    """The far end answered the connection with a refusal."""

    def __init__(self, status: int | None, reason: str) -> None:
        super().__init__(f"{reason} (HTTP {status})" if status else reason)
        self.status = status
        self.reason = reason


class ConnectTimeout(ConnectError):  # noqa: N818 - the base is the error
    """The far end did not answer the connection in time."""
