"""What names, paths and addresses may look like."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.config import border

PLAIN_CHECKS: list[Callable[[str], object]] = [
    border.name,
    border.variable,
    border.process_env,
    border.host,
    border.folder_on_host,
    border.relative,
    border.source,
    border.shared,
    border.process_file,
    border.node,
]
TRICKS = [
    ";",
    "&",
    "$",
    "`",
    "\n",
    "\r",
    "\0",
    "'",
    '"',
    "\\",
    "(",
    "{",
    "\x1b",
    "\x85",
    "\u202e",
    "/../",
    "#",
    "%",
]


@pytest.mark.parametrize("check", PLAIN_CHECKS)
@given(
    before=st.text("ab/.@v0", max_size=6), trick=st.sampled_from(TRICKS), after=st.text("ab/.js0", max_size=6)
)
def test_no_trick_passes(check: Callable[[str], object], before: str, trick: str, after: str) -> None:
    """Whatever stands around it, a shell or path trick makes a value refused, in plain words."""
    with pytest.raises(ValueError, match=r"\S+ \S+"):
        check(before + trick + after)


@pytest.mark.parametrize("check", [*PLAIN_CHECKS, border.branch, border.pattern, border.url, border.url_path])
@pytest.mark.parametrize(
    "value", ["", "-oProxyCommand=id", "--upload-pack=id", "a\n", "a\0b", "../x", "/a/../../b", " "]
)
def test_no_option_and_no_way_up(check: Callable[[str], object], value: str) -> None:
    """Nothing empty, nothing that a program would read as an option, nothing that leads up."""
    if check is border.url_path and value.startswith("/"):
        pytest.skip("a path of a web address leads nowhere on a disk")
    with pytest.raises(ValueError, match=r"\S"):
        check(value)


@pytest.mark.parametrize(
    "check, value",
    [
        (border.name, "blue-video-backend"),
        (border.name, "0.a_b"),
        (border.folder_on_host, "/home/cloudpanel/htdocs/api.example.com"),
        (border.source, "."),
        (border.source, "packages/api"),
        (border.branch, "release/1.x"),
        (border.branch, "feature/über-🚀"),
        (border.url, "https://api.example.com:8443/v1?x=1&y=2"),
        (border.url_path, "/health?full=1&a=b"),
        (border.pattern, "prisma.config.*"),
        (border.pattern, "dist/**/*.[jt]s"),
        (border.shared, "uploads/avatars"),
        (border.process_file, "ecosystem.config.cjs"),
        (border.node, ">=20.1 <23 || ^24"),
        (border.command, "FOO=1 npm run build && echo done"),
    ],
)
def test_plain_values_pass(check: Callable[[str], str], value: str) -> None:
    """What people really write is taken as it is."""
    assert check(value) == value


@pytest.mark.parametrize(
    "value",
    [*"~^:?*[\\ \t", "..", ".", ".lock", ".lock/b", "/", "//b", "/.b", "@{b"],
)
def test_branches_by_the_rules_of_git(value: str) -> None:
    """What `git check-ref-format --branch` refuses is refused, at the end of a name and alone."""
    for name in ("a" + value, value, "-" + value, "@", ".a", "/a"):
        with pytest.raises(ValueError, match="branch"):
            border.branch(name)


@pytest.mark.parametrize(
    "value",
    ["ftp://a", "http://", "http://u:p@a", "javascript:x", "http://a:99999", "http://a b", "https://a/`id`"],
)
def test_addresses_for_people(value: str) -> None:
    """Only plain http and https, and never with a login."""
    with pytest.raises(ValueError, match="must"):
        border.url(value)


@pytest.mark.parametrize("value", ["node_modules", ".env", "node_modules/x", ".turnout"])
def test_what_is_ours_is_neither_sent_nor_shared(value: str) -> None:
    """The dotenv, dependencies and our own folder are not for the user to name."""
    for check in (border.sent, border.shared):
        with pytest.raises(ValueError, match=r"never|cannot"):
            check(value)


@pytest.mark.parametrize("value", ["slack://A/B/C", "json://127.0.0.1:1/x?y=z", "env:TURNOUT_NOTIFY_URL"])
def test_targets_of_notifications_are_secrets(value: str) -> None:
    """Whatever an Apprise url holds, and the name of a variable."""
    found = border.notify_url(value)
    assert found.reveal() == value
    assert value not in f"{found} {found!r}"


@pytest.mark.parametrize(
    "value", ["", "slack", "env:SLACK_URL", "env:TURNOUT_", "a://b c", "a://\n", 3, None, "env:"]
)
def test_other_targets_are_refused_without_being_shown(value: object) -> None:
    """A variable's name begins with TURNOUT_, so that the app's commands never get it."""
    with pytest.raises(ValueError, match="must") as refused:
        border.notify_url(value)
    assert not value or str(value) not in str(refused.value)
