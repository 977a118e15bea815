"""The journal as an auditor reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout_host import ledger
from turnout_host.journal import Journal
from turnout_host.layout import Layout


def line(seq: int, token: int = 1, **more: object) -> str:
    """One good line."""
    return json.dumps({"seq": seq, "token": token, "type": "deployment.started", **more}) + "\n"


@pytest.mark.parametrize(
    "text, wrong, torn",
    [
        pytest.param(line(1) + line(2), [], False, id="well"),
        pytest.param("", [], False, id="empty"),
        pytest.param(line(1) + "{nonsense\n" + line(2), [(2, "cannot be read")], False, id="a hurt line"),
        pytest.param(line(1) + '{"seq": 2}\n', [(2, "cannot be read")], False, id="no entry"),
        pytest.param(line(1) + line(1), [(2, "entry 1 stands after entry 1")], False, id="twice"),
        pytest.param(line(1, 3) + line(2, 2), [(2, "token 2 wrote after token 3")], False, id="an old token"),
        pytest.param(line(1) + '{"seq"', [], True, id="torn"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(
    tmp_path: Path, text: str, wrong: list[tuple[int, str]], torn: bool
) -> None:
    """Numbers rise, tokens do not fall, every line is an entry."""
    file = tmp_path / "journal"
    file.write_text(text)
    read = ledger.read(file)
    assert [number for number, _ in read.wrong] == [number for number, _ in wrong]
    assert all(part in said for (_, said), (_, part) in zip(read.wrong, wrong, strict=True))
    assert read.torn is torn


@given(cut=st.integers(0, 400))
def test_whoever_dies_while_writing_leaves_at_most_a_torn_end(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """Cut anywhere, what the journal itself wrote has no wrong line; the next append mends its end."""
    layout = Layout(str(tmp_path_factory.mktemp("app")))
    layout.prepare()
    journal = Journal(layout)
    for number in range(4):
        journal.append("deployment.started", f"d{number}", by="somebody")
    data = layout.journal.read_bytes()
    layout.journal.write_bytes(data[:cut])
    assert ledger.read(layout.journal).wrong == []
    Journal(layout).append("deployment.started", "after")
    after = ledger.read(layout.journal)
    assert (after.wrong, after.torn) == ([], False)
