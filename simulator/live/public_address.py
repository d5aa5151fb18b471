"""Where Twilio believes a bridge to be of which only an address without TLS is known.

Owns the reading of a plain http URL as what lies behind a proxy: a stream's URL must be wss, so any
bridge that Twilio has reached so far has a proxy before it, and is known by an https URL.
"""

from urllib.parse import urlsplit


def public_url(webhook_url: str) -> str:
    """Scheme, host and port, always https; a port that http leaves out is written."""
    parts = urlsplit(webhook_url)
    place = parts.netloc.rpartition("@")[2]
    unsaid = ":80" if parts.scheme == "http" and parts.port is None else ""
    return f"https://{place}{unsaid}"


def known_as(webhook_url: str) -> str:
    """The whole URL as Twilio knows it; what is https is so already."""
    parts = urlsplit(webhook_url)
    if parts.scheme == "https":
        return webhook_url
    public = urlsplit(public_url(webhook_url))
    return parts._replace(scheme=public.scheme, netloc=public.netloc).geturl()
