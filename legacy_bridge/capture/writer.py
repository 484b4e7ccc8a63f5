"""The thread that masks recorded exchanges and writes them, and what it does when it can't."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from legacy_bridge.capture.files import CaptureFiles
from legacy_bridge.capture.options import CaptureOptions
from parity_core.capture.fingerprint import FingerprintKey, open_key
from parity_core.capture.mask import MASKED_TOKEN, TOO_COSTLY, Masker
from parity_core.capture.raw import Raw, without_secrets
from parity_core.capture.record import Recorded, to_line

_log = logging.getLogger(__name__)

_WAITING = 2000
"""Exchanges that may wait to be written; their bodies are counted by `Budget`."""
_LAST_SECONDS = 10.0
"""How long the end of the bridge waits for what is not written yet."""
_FIRM_AFTER = 1.0
"""Seconds after which what a compressed file holds back is written all the same."""


class MemoryBudget:
    """Bytes of recorded bodies in memory, over all exchanges under way or waiting."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        with self._lock:
            if self._taken + size > self._limit:
                return False
            self._taken += size
            return True

    def give(self, size: int) -> None:
        with self._lock:
            self._taken -= size

    @property
    def taken(self) -> int:
        return self._taken


class CaptureWriter:
    """`put` never waits; what does not fit is counted, and so is what could not be written."""

    def __init__(
        self, options: CaptureOptions, budget: MemoryBudget, label: Callable[[str, str], str]
    ) -> None:
        self._options = options
        self._budget = budget
        self._label = label
        self._queue: queue.Queue[tuple[Raw, int] | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._files: CaptureFiles | None = None
        self._masker: Masker | None = None
        self._dropped = 0
        self._written = 0
        self._unreadable = 0
        self._not_sampled = 0
        self._left_out = 0
        self.key: FingerprintKey | None = None
        self.stopped: str | None = None
        """Why nothing is recorded any more."""

    def start(self) -> None:
        options = self._options
        try:
            self.key = open_key(options.folder, options.capture_key)
            self._files = CaptureFiles(
                options.folder,
                options.capture_file_size,
                options.capture_max_files,
                options.capture_gzip,
                {"sample": options.capture_sample, "masked": list(options.masked_names)},
            )
        except OSError as error:
            self._give_up(error)
            return
        self._masker = Masker(self.key, options.masked_names)
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is None:
            return
        deadline = time.monotonic() + _LAST_SECONDS
        try:
            self._queue.put(None, timeout=_LAST_SECONDS)
        except queue.Full:
            _log.error("capture: %d exchanges could not be written in time", self._queue.qsize())
        self._thread.join(max(0.1, deadline - time.monotonic()))
        if self._dropped:
            _log.warning("capture: %d exchanges were dropped: they came too fast", self._dropped)

    def put(self, raw: Raw, held: int, is_too_much: bool) -> None:
        """`held` bytes of the budget go with the exchange."""
        if not is_too_much and self.stopped is None:
            try:
                self._queue.put_nowait((raw, held))
                return
            except queue.Full:
                pass
        self._budget.give(held)
        if self.stopped is None:
            self._dropped += 1

    def state(self) -> dict[str, Any]:
        return {
            "state": "recording" if self.stopped is None else "stopped",
            "why": self.stopped,
            "written": self._written,
            "dropped": self._dropped,
            "failed": self._unreadable,
            "too_costly": self._left_out,
            "waiting": self._queue.qsize(),
            "users_not_sampled": self._not_sampled,
            "files_removed": self._files.removed if self._files else 0,
        }

    def _run(self) -> None:
        assert self._files is not None
        while True:
            try:
                item = self._queue.get(timeout=_FIRM_AFTER)
            except queue.Empty:
                self._do(self._files.firm)
                continue
            if item is None:
                self._do(self._files.close)
                return
            raw, held = item
            try:
                if self.stopped is None:
                    self._record(raw)
            finally:
                self._budget.give(held)

    def _record(self, raw: Raw) -> None:
        assert self._masker is not None
        assert self._files is not None
        files = self._files
        try:
            label = self._label(raw.method, unquote(raw.target.partition("?")[0]))
            recorded = without_secrets(
                replace(raw, operation=label), self._masker, self._options.capture_max_body
            )
            if not self._is_wanted(recorded):
                self._not_sampled += 1
                return
            self._left_out += recorded.request_body.missing == TOO_COSTLY
            line = to_line(recorded)
        except Exception:  # an exchange that can't be masked is never written
            self._unreadable += 1
            _log.exception("capture: an exchange could not be recorded")
            return
        self._do(lambda: files.write(line))
        if self.stopped is None:
            self._written += 1

    def _is_wanted(self, recorded: Recorded) -> bool:
        """Who had no token when asking is the user of the token in the reply, else an address."""
        if recorded.user is not None or self._options.capture_sample >= 1:
            return True
        assert self.key is not None
        text = recorded.reply_body.content.decode(errors="replace")
        token_match = MASKED_TOKEN.search(text)
        return self.key.is_in_sample(
            token_match[1] if token_match else recorded.sender, self._options.capture_sample
        )

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if self.stopped is None:
            self.stopped = error.strerror or type(error).__name__
            _log.error(
                "capture stopped: %s can't be written (%s); requests are served as before. Make room "
                "or choose another folder, and start the bridge again to record",
                self._options.folder,
                error,
            )
        if self._files is not None:
            self._files.abandon()
