"""notify: people are told, however it ended."""

from __future__ import annotations

from turnout.steps.work import Done, Work


async def notify(work: Work) -> Done:
    """Print the notes that gathered on the way; other ways to tell people come with the notifiers."""
    for note in work.notes:
        work.note(note, "notify")
    return Done("on this screen")
