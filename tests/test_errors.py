"""bridge.errors: the words of what start-up and the shell raise."""

from bridge import errors


def test_a_settings_error_names_its_variable() -> None:
    """The message begins with the variable, so that a user finds it."""
    error = errors.SettingsError("PORT", "may be: 1 to 65535; got 'x'")

    assert str(error) == "PORT: may be: 1 to 65535; got 'x'"
    assert error.variable == "PORT"


def test_a_refused_connection_tells_the_status_if_there_is_one() -> None:
    """Only an HTTP answer has a status."""
    assert str(errors.ConnectRefused(403, "Forbidden")) == "Forbidden (HTTP 403)"
    assert str(errors.ConnectRefused(None, "connection refused")) == "connection refused"
