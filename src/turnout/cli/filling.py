"""Fills the templates of CI files: every value from turnout.toml is quoted as the file's own language wants it."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from importlib import metadata, resources
from typing import TYPE_CHECKING

from turnout import __version__

if TYPE_CHECKING:
    from turnout.config import Config, Environment

_SLOT = re.compile(r"@([a-z]+)@")
STAND_IN = f"./turnout-{__version__}-py3-none-any.whl"
"""Where no address is known: a wheel that is committed beside turnout.toml."""
STAND_IN_NOTE = (
    f"CHANGE THIS in it: TURNOUT, what pip installs. This Turnout came from a folder of this machine, which CI "
    f"does not have: `make wheel` and commit {STAND_IN[2:]}, or name an address that has it"
)


def github(config: Config, folder: str) -> str:
    """.github/workflows/deploy-backend.yml; `folder` is where turnout.toml lies in the repository."""
    asked, why, _ = requirement()
    return _fill(
        "deploy-backend.yml",
        app=config.app,
        first=_yaml(next(iter(config.environments))),
        environments=_list(list(config.environments)),
        branches=_list([_glob(branch) for branch in _branches(config)]),
        paths=_github_paths(config, folder),
        folder=f"    defaults:\n      run:\n        working-directory: {_yaml(folder)}\n"
        if folder != "."
        else "",
        file=_file(config),
        expression=_expression(config),
        node=_node(config),
        lock=_below(config, "package-lock.json"),
        why=why,
        requirement=_yaml(asked),
    )


def gitlab(config: Config, folder: str) -> str:
    """.gitlab-ci.yml."""
    asked, why, _ = requirement()
    major = re.match(r"[^0-9]*([0-9]+)", config.node or "")
    return _fill(
        "gitlab-ci.yml",
        app=config.app,
        first=_yaml(next(iter(config.environments))),
        environments=_list(list(config.environments)),
        image=f":{major[1]}" if major else ":lts",
        folder=f"    - cd {json.dumps(shlex.quote(folder))[1:-1]}\n" if folder != "." else "",
        file=_file(config),
        lock=_below(config, "package-lock.json"),
        why=why,
        requirement=_yaml(asked),
        jobs="".join(_gitlab_job(config, one, folder) for one in config.environments.values()).rstrip("\n"),
    )


def hook(config: Config, program: str) -> str:
    """hooks/post-receive."""
    cases = [
        f"    {shlex.quote(branch)}) echo {shlex.quote(_deploys_to(config, branch).name)} ;;\n"
        for branch in _branches(config)
    ]
    return _fill("post-receive", app=config.app, turnout=shlex.quote(program), cases="".join(cases))


def requirement() -> tuple[str, str, bool]:
    """What pip gets in CI, why, and whether it is a stand-in: the very place that this Turnout came from.

    An installation says it in `direct_url.json` (PEP 610); without one it came from an index, under its version.
    """
    try:
        written = metadata.distribution("turnout").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        written = "{}"
    came = json.loads(written) if written else None
    if came is None:
        return f"turnout=={__version__}", "The version that wrote this file.", False
    url, source = str(came.get("url", "")), came.get("vcs_info") or {}
    if source.get("commit_id") and url.startswith("https://"):
        return (
            f"turnout @ {source['vcs']}+{url}@{source['commit_id']}",
            "The revision that wrote this file.",
            False,
        )
    if url.startswith("https://"):
        return f"turnout @ {url}", "The package that wrote this file.", False
    return (
        STAND_IN,
        f"CHANGE THIS: what pip installs. `make wheel`, and commit {STAND_IN[2:]}, or name an address.",
        True,
    )


def _fill(name: str, **values: str) -> str:
    text = (resources.files("turnout.cli") / "templates" / name).read_text(encoding="utf-8")
    return _SLOT.sub(lambda match: values[match[1]], text)


def _branches(config: Config) -> list[str]:
    return list(dict.fromkeys(branch for one in config.environments.values() for branch in one.branches))


def _deploys_to(config: Config, branch: str) -> Environment:
    """The first environment that has the branch; the others are deployed by hand."""
    return next(one for one in config.environments.values() if branch in one.branches)


def _expression(config: Config) -> str:
    """The environment: what a person chose, else that of the branch that was pushed."""
    *others, last = config.environments.values()
    parts = ["inputs.environment"]
    for branch in _branches(config):
        chosen = _deploys_to(config, branch).name
        if others and chosen != last.name:
            parts.append(f"(github.ref_name == {_literal(branch)} && {_literal(chosen)})")
    return "${{ " + " || ".join([*parts, _literal(last.name)]) + " }}"


def _github_paths(config: Config, folder: str) -> str:
    if config.source == ".":
        return ""
    settings = posixpath.normpath(posixpath.join(folder, config.file.name))
    return f"    paths: [{_list([_glob(config.source) + '/**', _glob(settings)])}]\n"


def _gitlab_job(config: Config, environment: Environment, folder: str) -> str:
    mine = [branch for branch in environment.branches if _deploys_to(config, branch) is environment]
    settings = posixpath.normpath(posixpath.join(folder, config.file.name))
    changes = (
        "" if config.source == "." else f"      changes: [{_list([config.source + '/**/*', settings])}]\n"
    )
    pushes = "".join(
        f'    - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == {quote}{branch}{quote}\n{changes}'
        for branch in mine
        for quote in [next((mark for mark in "\"'" if mark not in branch), "")]  # GitLab knows no escapes
        if quote
    )
    name = _yaml(environment.name)
    url = f"    url: {_yaml(environment.url)}\n" if environment.url else ""
    return (
        f"\n{_yaml(f'deploy {environment.name}')}:\n  extends: .turnout\n  variables:\n    TO: {name}\n"
        f"  environment:\n    name: {name}\n{url}  resource_group: {name} # one at a time\n"
        f"  rules:\n{pushes}"
        f'    - if: $CI_PIPELINE_SOURCE == "web" && $ENVIRONMENT == "{environment.name}"\n'
    )


def _node(config: Config) -> str:
    if config.node:
        return f": {_yaml(config.node)}"
    return f"-file: {_yaml(_below(config, 'package.json'))}"


def _below(config: Config, name: str) -> str:
    return name if config.source == "." else f"{config.source}/{name}"


def _file(config: Config) -> str:
    return "" if config.file.name == "turnout.toml" else f" -c {shlex.quote(config.file.name)}"


def _glob(name: str) -> str:
    """A name as a pattern of GitHub's filters that fits only itself."""
    return re.sub(r"([*+?\[\]\\])|^!", lambda match: f"\\{match[0]}", name)


def _literal(value: str) -> str:
    """A string of GitHub's expressions."""
    return "'" + value.replace("'", "''") + "'"


def _yaml(value: str) -> str:
    """A YAML string: JSON is YAML, and plain names need no quotes."""
    return (
        value
        if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value) and value.lower() not in _NOT_TEXT
        else json.dumps(value)
    )


_NOT_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def _list(values: list[str]) -> str:
    return ", ".join(_yaml(value) for value in values)
