"""The app's deploy.sh, run by dash with a turnout that says what it was asked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from turnout.cli import main
from turnout.cli.script import text

TURNOUT = '#!/bin/sh\nprintf "%s|" "$(pwd)" "$@"\n'
TOML = 'app = "a"\nsource = "{source}"\n[environments.production]\npath = "/srv/a"\n'


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a repo"
    (folder / "backend").mkdir(parents=True)
    (folder / "turnout.toml").write_text(TOML.format(source="backend"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/turnout").write_text(TURNOUT)
    (tmp_path / "bin/turnout").chmod(0o755)
    monkeypatch.chdir(folder)
    return folder


def run(
    top: Path, *words: str, cwd: Path | None = None, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    script = top / "backend/deploy.sh"
    env = {"PATH": path or f"{top.parent / 'bin'}:/usr/bin:/bin", "CDPATH": "/"}
    shell = shutil.which("dash") or "sh"
    return subprocess.run(
        [shell, str(script), *words], cwd=cwd or top, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "words,expected",
    [
        ((), ["deploy"]),
        (("deploy", "production", "--ref", "a b"), ["deploy", "production", "--ref", "a b"]),
        (("rollback",), ["rollback"]),
        (("status",), ["status"]),
        (("logs", "-f"), ["logs", "-f"]),
        (("health", "--json"), ["health", "--json"]),
    ],
)
def test_it_hands_on_what_it_was_asked(top: Path, words: tuple[str, ...], expected: list[str]) -> None:
    """From wherever it is started, turnout runs where turnout.toml is; words keep their spaces."""
    assert main.run(["init", "--deploy-sh"]) == 0

    done = run(top, *words, cwd=top.parent)

    assert done.stdout == "|".join([str(top), *expected, ""])


@pytest.mark.parametrize("word", ["deploy", "rollback", "status", "logs", "health"])
def test_what_it_offers_is_a_command(word: str) -> None:
    """Each of the words that it hands on is one that turnout knows."""
    assert main.run([word, "--help"]) == 0


def test_another_word_is_refused_with_the_ones_that_there_are(top: Path) -> None:
    """Usage, and exit code 2."""
    main.run(["init", "--deploy-sh"])
    done = run(top, "destroy")

    assert (done.returncode, done.stdout) == (2, "")
    assert "deploy|rollback|status|logs|health" in done.stderr


def test_without_turnout_it_says_so(top: Path) -> None:
    """A shell's own message would not say what to do."""
    main.run(["init", "--deploy-sh"])
    bare = top.parent / "bare"
    bare.mkdir()
    (bare / "dirname").symlink_to("/usr/bin/dirname")

    done = run(top, "deploy", path=str(bare))

    assert done.returncode == 127
    assert "pip" in done.stderr


def test_a_file_of_another_name_is_named(top: Path) -> None:
    """`turnout init -c` writes a script that reads that file."""
    (top / "turnout.toml").rename(top / "other file.toml")
    assert main.run(["init", "--deploy-sh", "-c", "other file.toml"]) == 0

    assert run(top, "status").stdout == "|".join([str(top), "status", "-c", "other file.toml", ""])


def test_a_script_that_is_not_ours_is_never_replaced(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Many apps have a deploy.sh already; it is left alone even with --force."""
    (top / "backend/deploy.sh").write_text("#!/bin/sh\necho mine\n")

    for words in ([], ["--force"]):
        assert main.run(["init", "--deploy-sh", *words]) == 0
    assert "left alone" in capsys.readouterr().err
    assert (top / "backend/deploy.sh").read_text() == "#!/bin/sh\necho mine\n"


def test_our_own_is_replaced_with_force_only(top: Path) -> None:
    """A person may have added to it."""
    script = top / "backend/deploy.sh"
    main.run(["init", "--deploy-sh"])
    script.write_text(script.read_text() + "# mine\n")
    main.run(["init", "--deploy-sh"])
    assert script.read_text().endswith("# mine\n")
    main.run(["init", "--deploy-sh", "--force"])
    assert not script.read_text().endswith("# mine\n")
    assert script.stat().st_mode & 0o777 == 0o755


def test_the_name_of_a_folder_is_never_read_as_a_command(top: Path) -> None:
    """turnout.toml may lie in a folder below the app's; its name is quoted in the script."""
    below = top / "it's $(touch MARK)"
    below.mkdir()
    (top / "backend/deploy.sh").write_text(text(below / "turnout.toml", top / "backend"))

    done = run(top, "status")

    assert done.stdout == "|".join([str(below), "status", ""])
    assert not list(top.parent.rglob("MARK"))
