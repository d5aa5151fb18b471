"""Certificates for fakes that speak TLS: given as files, or made on the spot.

Owns reading and making them, and saying what is wrong with a file. A made authority exists in
memory and in the file that clients are pointed at; its key is written nowhere.
"""

import ipaddress
import ssl
from pathlib import Path
from typing import Final

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")


class CertificateProblem(Exception):  # noqa: N818 - a problem of a file or an installation
    """TLS cannot be offered; says why, and what to do."""


class Certificate:
    """A server's certificate. `authority_pem` is what a client must trust; None = it was given."""

    def __init__(self, context: ssl.SSLContext, authority_pem: bytes | None) -> None:
        self.context = context
        self.authority_pem = authority_pem

    def trusting(self) -> ssl.SSLContext:
        """A client's settings that accept this certificate, if it was made here."""
        if self.authority_pem is None:
            return ssl.create_default_context()
        return ssl.create_default_context(cadata=self.authority_pem.decode())


def given(certificate: Path, key: Path) -> Certificate:
    """The certificate and key of two PEM files.

    Raises:
        CertificateProblem: one of them cannot be read, or they do not belong together.
    """
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise CertificateProblem(f"{path}: {error.strerror}") from error
    context = _server_settings()

    def no_passphrase() -> str:
        raise CertificateProblem(f"{key}: the key has a passphrase; give one without")

    try:
        context.load_cert_chain(certificate, key, no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateProblem(f"{key} is not the key of {certificate}") from error
        text = f"{certificate} and {key} are not a certificate and its key in PEM"
        raise CertificateProblem(f"{text} ({error.reason or 'unreadable'})") from error
    return Certificate(context, None)


def made(*names: str) -> Certificate:
    """A new certificate for `names` (hosts or IP addresses; the loopback's when none is given).

    Raises:
        CertificateProblem: a name is unusable, or the package that makes them is not installed.
    """
    try:
        import trustme  # noqa: PLC0415 - only who wants TLS needs it
    except ImportError as error:
        raise CertificateProblem(
            "making a certificate needs trustme (pip install trustme); "
            "or give one with --cert and --key-file"
        ) from error
    authority = trustme.CA()
    context = _server_settings()
    try:
        leaf = authority.issue_cert(*(names or LOOPBACK_NAMES))
    except ValueError as error:
        raise CertificateProblem(f"no certificate can be made for {names}: {error}") from error
    leaf.configure_cert(context)
    return Certificate(context, authority.cert_pem.bytes())


def names_for(host: str) -> tuple[str, ...]:
    """The names of a server that listens on `host`: the loopback's, and its own if it has one."""
    try:
        everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        everywhere = False
    return LOOPBACK_NAMES if everywhere or host in LOOPBACK_NAMES else (*LOOPBACK_NAMES, host)


def _server_settings() -> ssl.SSLContext:
    return ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
