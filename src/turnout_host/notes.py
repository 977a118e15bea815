"""What the pointsman says while it works. Not durable, not evidence: that is the journal's part."""

from __future__ import annotations

import json
import os
from typing import Iterator

from turnout_host.layout import Layout


class Notes:
    """Appends and reads the notes of one deployment."""

    def __init__(self, layout: Layout, deployment: str) -> None:
        self._path, self._deployment, self._offset = layout.notes, deployment, 0

    def clear(self) -> None:
        """Begin anew: notes of earlier activations are of no use to anyone."""
        self._path.write_bytes(b"")

    def write(self, text: str) -> None:
        """Add one note; a full disk must not hurt a switch, so errors are passed over."""
        line = json.dumps({"deployment": self._deployment, "text": text}) + "\n"
        try:
            descriptor = os.open(
                str(self._path), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                os.write(descriptor, line.encode("utf-8"))
            finally:
                os.close(descriptor)
        except OSError:
            pass

    def read(self) -> Iterator[str]:
        """The notes since the last read."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                note = json.loads(line.decode("utf-8"))
            except ValueError:
                continue  # half a note, from a full disk
            if note.get("deployment") == self._deployment:
                yield str(note["text"])
