"""A request to stop that waits for the end of an update: Ctrl-C, or SIGTERM as `timeout` and schedulers send it."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any


class Stop:
    """Within it, SIGINT and SIGTERM are only taken note of; after one of them SIGINT does what it always does.

    Under torchrun it does not: torchrun passes on to its processes what they were sent as well, and ends them itself if
    they take longer than 30 seconds.

    Attributes:
        signal: the number of the first that came; 0 as long as none has.

    Raises:
        ValueError: not in the main thread, which alone is told of signals.

    Example:
        >>> with Stop() as stop:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     stop.status
        143
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, Any] = {}

    @property
    def status(self) -> int:
        """What a process ends with that such a signal has ended: 128 and its number, 130 or 143."""
        return 128 + self.signal if self.signal else 0

    def __enter__(self) -> Stop:
        self._before = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number
        if "RANK" not in os.environ:
            signal.signal(signal.SIGINT, self._before[signal.SIGINT])
