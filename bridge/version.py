"""Which callbridge this is. Owns that and knows nothing else."""

from importlib import metadata


def version() -> str:
    """The installed version."""
    try:
        return metadata.version("callbridge")
    except metadata.PackageNotFoundError:
        return "unknown (not installed)"
