"""Not a step: who it is that deploys, as the host's journal will say for ever."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Mapping

CI = (("GITHUB_ACTIONS", "GITHUB_ACTOR", "GitHub Actions"), ("GITLAB_CI", "GITLAB_USER_LOGIN", "GitLab CI"))
LOGIN = re.compile(r"[\w.+@\[\]-]{1,100}")


def person(variables: Mapping[str, str] = os.environ) -> str:
    """`ann@laptop`; in CI whoever pushed or pressed the button: the machine's own user says nothing there."""
    for here, login, name in CI:
        if variables.get(here) == "true" and LOGIN.fullmatch(variables.get(login, "")):
            return f"{variables[login]} ({name})"
    return f"{getpass.getuser()}@{socket.gethostname()}"
