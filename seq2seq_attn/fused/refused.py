"""What a fused loop says of what it cannot run."""

from __future__ import annotations


class Refused(ValueError):
    """What it is that cannot be run, by name, and why."""
