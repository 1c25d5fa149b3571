"""A port that nothing listens to."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return the number of a port of this machine that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
