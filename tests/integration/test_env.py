"""`turnout env` on a real host: each change of the dotenv is a release that is proved, and can be gone back from."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from tests.support.site import API_KEY, Site, until

pytestmark = pytest.mark.integration
SECRET = 'multi\nline # "quoted" with spaces and $HOME'


def shared(site: Site) -> str:
    """The environment's own dotenv on the host."""
    return (site.path / "shared/.env").read_text()


def dotenv(site: Site) -> str:
    """The dotenv of the running release, without Turnout's lines."""
    return (site.path / "current/.env").read_text().partition("# added by Turnout")[0]


def test_a_key_is_set_by_a_new_release_of_the_same_code(live: Site) -> None:
    """Nothing is built or sent; the new release is proved, and then shared/.env has the value, the rest as it was."""
    before, commented = shared(live), "# kept as it is\n"
    (live.path / "shared/.env").write_text(commented + before)

    run = live.turnout("env", "set", "production", "LOG_LEVEL", "--json", stdin="debug\n", check=0)

    end = run.finished
    assert (end["result"], end["release"], end["previous"]) == ("succeeded", "v2", "v1")
    assert end["bytes_sent"] < 20_000
    assert shared(live) == commented + before.replace('LOG_LEVEL="info"', 'LOG_LEVEL="debug"')
    assert dotenv(live) == shared(live)
    assert live.serving() == {"v2"}
    assert run.step("migrate")["status"] == run.step("backup")["status"] == "skipped"
    one, two = live.status()["releases"][1], live.status()["releases"][0]
    assert (two["artifact"], two["revision"], two["env"]) == (one["artifact"], one["revision"], ["LOG_LEVEL"])
    assert live.deploy().finished["result"] in {"unchanged", "skipped"}  # it is known what v2 was built from


def test_the_same_value_again_is_nothing_to_do(live: Site) -> None:
    """No release is made."""
    run = live.turnout("env", "set", "LOG_LEVEL", "--json", stdin="debug", check=0)

    assert run.finished["result"] == "unchanged"
    assert live.current() == "v2"


def test_a_rollback_takes_the_change_back_also_for_the_next_deployment(live: Site) -> None:
    """v1's code is v2's; its dotenv is the one of before, in `current` and in `shared`."""
    live.rollback("v1")

    assert 'LOG_LEVEL="info"' in dotenv(live)
    assert 'LOG_LEVEL="info"' in shared(live)


def test_a_value_of_any_kind_goes_there_and_is_seen_nowhere(live: Site) -> None:
    """Newlines, quotes, `#` and spaces arrive as they are; no output, journal or argument has them."""
    run = live.turnout("env", "set", "production", "NOTE", "--json", "-v", stdin=SECRET + "\n", check=0)
    listed = live.turnout("env", "list", "production", check=0)

    assert dict(pulled(live))["NOTE"] == SECRET
    for text in (run.out, run.err, listed.out, listed.err, live.layout.journal.read_text()):
        assert "multi" not in text
        assert API_KEY not in text
    assert "NOTE" in listed.err


def test_a_release_that_cannot_run_with_it_leaves_everything_as_it_was(live: Site) -> None:
    """The app refuses this log level at boot: the rehearsal says so, and shared/.env was never touched."""
    before, serves = shared(live), live.current()

    run = live.turnout("env", "set", "LOG_LEVEL", "--json", stdin="deafening", check=50)

    assert run.finished["result"] == "failed"
    assert "LOG_LEVEL must be one of" in run.err
    assert "the .env is as it was" in run.err
    assert (shared(live), live.current()) == (before, serves)
    assert live.answers()


def test_one_that_is_sick_only_in_traffic_is_reverted_with_its_dotenv(live: Site) -> None:
    """Without a rehearsal the host itself goes back; shared/.env never had the value."""
    before, serves = shared(live), live.current()
    live.write_toml(more="rehearse = false")
    try:
        run = live.turnout("env", "set", "LOG_LEVEL", "--json", stdin="deafening", check=50)
    finally:
        live.write_toml()

    assert run.finished["result"] == "reverted"
    assert (shared(live), live.current(), live.serving()) == (before, serves, {serves})


def killed_at(site: Site, step: str, level: str) -> None:
    """`env set` whose deployer is killed when a step begins; afterwards nobody holds the lease."""
    with site.start("env", "set", "LOG_LEVEL", "--json", stdin="") as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(level)
        process.stdin.close()
        for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "step.started" and event["step"] == step:
                os.kill(process.pid, signal.SIGKILL)
                break
    until(lambda: site.status()["lease"] is None and site.status()["open"] is None)


def test_a_deployer_that_dies_in_between_leaves_no_changed_dotenv(live: Site) -> None:
    """Killed when the new release has its dotenv: the old one serves, and the next change works at once."""
    before, serves = shared(live), live.current()

    killed_at(live, "rehearse", "debug")

    assert (shared(live), live.current()) == (before, serves)
    live.turnout("env", "set", "LOG_LEVEL", "--json", stdin="debug", check=0)
    assert 'LOG_LEVEL="debug"' in shared(live)


def test_a_switch_that_was_asked_for_takes_the_dotenv_along_without_the_deployer(live: Site) -> None:
    """Killed during the switch: the host proves the release, and shared/.env follows it."""
    serves = live.current()

    killed_at(live, "verify", "error")

    assert live.current() != serves
    assert 'LOG_LEVEL="error"' in shared(live)
    assert shared(live) == dotenv(live)


def pulled(site: Site) -> dict[str, str]:
    """The values as the app's own reader reads them."""
    from turnout_host.dotenv import parse

    return parse(site.turnout("env", "pull", "production", "-", check=0).out)


def test_pull_and_push_go_round(live: Site, tmp_path: Path) -> None:
    """The file is 0600; what is changed in it is deployed; a key that would be lost is asked for."""
    file = tmp_path / "pulled"
    live.turnout("env", "pull", "production", str(file), check=0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert live.turnout("env", "pull", str(file), check=2).code == 2  # it is there already

    text = file.read_text()
    file.write_text(text.replace("NOTE=", "OTHER="))
    refused = live.turnout("env", "push", "production", str(file), check=2)
    assert "NOTE" in refused.err
    live.turnout("env", "push", "production", str(file), "--yes", "--json", check=0)

    assert pulled(live)["OTHER"] == SECRET
    assert "NOTE" not in pulled(live)


def test_diff_shows_names_and_values_only_on_request(live: Site, tmp_path: Path) -> None:
    """`-` is there only, `+` here only, `~` in both and different."""
    file = tmp_path / "mine"
    live.turnout("env", "pull", "production", str(file), check=0)
    file.write_text(file.read_text().replace(API_KEY, "another").replace("PORT=", "PORT_2="))

    names = live.turnout("env", "diff", "production", str(file), check=0)
    values = live.turnout("env", "diff", "production", str(file), "--values", check=0)

    assert names.err.splitlines()[1:] == ["- PORT", "~ API_KEY", "+ PORT_2"]
    assert API_KEY not in names.err
    assert f"- API_KEY='{API_KEY}'" in values.err
    assert "+ API_KEY='another'" in values.err


@pytest.mark.parametrize("key", ["LOG_LEVEL=debug", "no-name", "RELEASE_ID"])
def test_what_is_no_key_is_refused(live: Site, key: str) -> None:
    """A value in an argument is not repeated in the message."""
    run = live.turnout("env", "set", "production", key, stdin="debug", check=2)

    assert "=debug" not in run.err


def test_an_editor_changes_the_whole_file(live: Site) -> None:
    """$EDITOR gets a file that only the user can read, and it is gone afterwards."""
    seen = live.root / "seen"
    editor = live.root / "editor"
    editor.write_text(
        f'#!/bin/sh\nstat -c "%a %n" "$1" > {seen}\nsed -i s/LOG_LEVEL=.*/LOG_LEVEL=debug/ "$1"\n'
    )
    editor.chmod(0o755)

    live.turnout("env", "set", "--editor", "--json", check=0, EDITOR=str(editor), VISUAL="")

    mode, name = seen.read_text().split()
    assert (mode, Path(name).exists()) == ("600", False)
    assert pulled(live)["LOG_LEVEL"] == "debug"
