"""The entry that starts the app after a boot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from turnout_host import boot, failpoints
from turnout_host.errors import HostError
from turnout_host.layout import Layout
from turnout_host.toolchain import Toolchain

CRONTAB = '#!/bin/sh\nif [ "$1" = -l ]; then cat {file}; else cat > {file}; fi\n'


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A host whose crontab is a file, with a line of somebody else in it."""
    tools, file = tmp_path / "tools", tmp_path / "crontab"
    tools.mkdir()
    file.write_text("0 4 * * * /usr/bin/backup --all\n")
    for name, text in (("crontab", CRONTAB.format(file=file)), ("pgrep", "#!/bin/sh\nexit 0\n"), ("pm2", "")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    (tools / "node").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.delenv("TURNOUT_BOOT", raising=False)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "turnout_host-1.pyz")])
    made = Layout(str(tmp_path / "app"))
    made.prepare()
    return made


def save(layout: Layout) -> list[str]:
    """Save, with our crontab instead of the machine's; the lines it then has."""
    toolchain = Toolchain(layout, None, None, str(layout.path.parent / "tools"))
    boot.save(layout, toolchain)
    return (layout.path.parent / "crontab").read_text().splitlines()


def test_the_crontab_gets_one_line_and_keeps_the_others(layout: Layout) -> None:
    """A second save, and one by a newer program, change nothing: the line names a link."""
    first = save(layout)
    sys.argv[0] = sys.argv[0].replace("-1", "-2")
    again = save(layout)
    assert first == again
    assert first[0] == "0 4 * * * /usr/bin/backup --all"
    assert first[1].startswith(
        f"@reboot {sys.executable} -I {layout.bin}/turnout_host.pyz boot {layout.path}"
    )
    assert (layout.bin / "turnout_host.pyz").readlink().name == "turnout_host-2.pyz"
    assert boot.installed(layout)


def test_a_death_while_the_link_is_made_leaves_nothing_that_no_sweep_finds(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is made first lies in `tmp`, which the next contact empties."""

    def killed() -> None:
        assert [path.name for path in layout.bin.iterdir()] == []
        assert [path.name for path in layout.tmp.glob("*/*")] == [boot.NAME]
        raise KeyboardInterrupt

    save(layout)
    (layout.bin / boot.NAME).unlink()
    monkeypatch.setattr(failpoints, "middle", killed)
    with pytest.raises(KeyboardInterrupt):
        boot._program(layout)


def broken(layout: Layout, says: str) -> Path:
    """A crontab whose `-l` fails with these words; the file that it would write to."""
    file = layout.path.parent / "crontab"
    tool = layout.path.parent / "tools/crontab"
    tool.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then echo "{says}" >&2; exit 1; else cat > {file}; fi\n')
    return file


@pytest.mark.parametrize(
    "says", ["no crontab for deploy", "crontab: can't open 'deploy': No such file or directory"]
)
def test_a_user_without_a_crontab_gets_one(layout: Layout, says: str) -> None:
    """Debian's and busybox's words for it."""
    file = broken(layout, says)
    file.unlink()
    assert len(save(layout)) == 1


@pytest.mark.parametrize(
    "says", ["You (deploy) are not allowed to use this program", "crontab: fopen: Input/output error", ""]
)
def test_a_crontab_that_cannot_be_read_is_left_alone(layout: Layout, says: str) -> None:
    """It may hold somebody's lines: a person is told, nothing is written, and the switch goes on."""
    file = broken(layout, says)
    before = file.read_text()
    with pytest.raises(HostError, match=says.rsplit(maxsplit=1)[-1] if says else "status 1"):
        save(layout)
    assert file.read_text() == before
    assert not boot.installed(layout)


def test_two_apps_of_one_user_have_a_line_each(layout: Layout) -> None:
    """One path is not taken for another that begins the same."""
    save(layout)
    other = Layout(f"{layout.path}2")
    other.prepare()
    boot.save(other, Toolchain(layout, None, None, str(layout.path.parent / "tools")))
    assert len(save(layout)) == 3


def test_nothing_is_written_where_the_login_says_none(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TURNOUT_BOOT=none keeps Turnout's hands off the crontab."""
    monkeypatch.setenv("TURNOUT_BOOT", "none")
    assert len(save(layout)) == 1
    assert boot.possible() is None


def test_a_host_without_cron_and_lingering_says_so(layout: Layout) -> None:
    """`doctor` then tells the person what to install."""
    (layout.path.parent / "tools/pgrep").write_text("#!/bin/sh\nexit 1\n")
    assert boot.possible() in (None, "systemd")
