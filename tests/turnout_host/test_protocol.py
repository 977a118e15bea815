"""The channel to a deployer that reads no more."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from turnout_host.protocol import Channel, Gone


def test_a_deployer_that_takes_nothing_holds_nobody_up() -> None:
    """A link that is cut without a word fills the pipe: what is sent then is given up after the silence, for good."""
    source, sink = os.pipe()
    channel = Channel(source, sink, silence=0.2)
    try:
        sender = threading.Thread(target=lambda: [channel.send({"note": "x" * (1 << 20)}) for _ in range(50)])
        sender.start()
        sender.join(10)  # fifty times the silence, or one
        assert not sender.is_alive()
    finally:
        os.close(source)
        os.close(sink)


def test_a_long_message_arrives_whole_through_a_narrow_pipe() -> None:
    """Writes do not block, so they come in parts."""
    source, sink = os.pipe()
    channel = Channel(source, sink)
    sender = threading.Thread(target=channel.send, args=({"note": "x" * (1 << 20)},))
    sender.start()
    try:
        assert channel.read().json() == {"note": "x" * (1 << 20)}
    finally:
        sender.join()
        os.close(source)
        os.close(sink)


def test_an_end_that_was_cut_with_our_words_unread_is_gone_too() -> None:
    """An sshd that is killed closes its socket so: a reset, not an end of file; both are left in order."""
    near, far = socket.socketpair()
    with near, far:
        channel = Channel(near.fileno(), near.fileno())
        channel.send({"note": "nobody reads this"})
        far.close()
        with pytest.raises(Gone):
            channel.read()
