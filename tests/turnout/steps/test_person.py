"""Who deploys, in the words of the journal."""

import getpass
import socket

import pytest

from turnout.steps.person import person

OWN = f"{getpass.getuser()}@{socket.gethostname()}"


@pytest.mark.parametrize(
    "variables, who",
    [
        ({}, OWN),
        ({"GITHUB_ACTOR": "ann"}, OWN),
        ({"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "ann"}, "ann (GitHub Actions)"),
        ({"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "dependabot[bot]"}, "dependabot[bot] (GitHub Actions)"),
        ({"GITLAB_CI": "true", "GITLAB_USER_LOGIN": "bob.b"}, "bob.b (GitLab CI)"),
        ({"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "a\nb"}, OWN),
        ({"GITHUB_ACTIONS": "true"}, OWN),
    ],
)
def test_a_person_not_a_machine(variables: dict[str, str], who: str) -> None:
    """In CI it is whoever pushed or pressed the button; a name that could be no login counts as none."""
    assert person(variables) == who
