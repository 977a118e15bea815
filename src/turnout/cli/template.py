"""What was found, written as a turnout.toml that explains itself."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from turnout.cli.detect import Found

NO_HOST = "deploy@host.invalid"
"""Stands in for a host that nobody named; the `.invalid` domain never resolves (RFC 2606)."""
DEFAULT_ECOSYSTEM = "ecosystem.config.js"
ALWAYS = ("prisma", "package.json", "package-lock.json", "tsconfig.json", ".env.example")


def toml(found: Found, environment: str, host: str | None, path: str | None) -> str:
    """The text of the file."""
    parts = [
        _top(found),
        _environment(found, environment, host, path),
        *_build(found),
        *_processes(found),
        _health(found),
        *_release(found),
    ]
    return "\n".join(parts)


def placeholder_path(found: Found) -> str:
    """Stands in for a path that nobody named."""
    return f"/home/deploy/{found.app}"


def _line(key: str, value: object, why: str = "") -> str:
    return f"{key} = {json.dumps(value, ensure_ascii=False)}{'  # ' + _comment(why) if why else ''}\n"


def _comment(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _top(found: Found) -> str:
    head = "# How Turnout deploys this app. What is not written here has a default that fits.\n\n"
    lines = [_line("app", found.app, found.why["app"]), _line("source", found.source, found.why["source"])]
    lines.append(
        _line("node", found.node, found.why["node"])
        if found.node
        else f"# node is {_comment(found.why['node'])}\n"
    )
    return head + "".join(lines)


def _environment(found: Found, environment: str, host: str | None, path: str | None) -> str:
    return (
        f"[environments.{json.dumps(environment) if '.' in environment else environment}]\n"
        + _line("hosts", [host or NO_HOST], "" if host else "CHANGE THIS: user@host of your server")
        + _line(
            "path",
            path or placeholder_path(found),
            "" if path else "CHANGE THIS: the app's folder on the server",
        )
        + _line("branches", found.branches, found.why["branches"])
    )


def _build(found: Found) -> list[str]:
    parts = []
    lines = (
        []
        if found.prisma
        else [_line("install", ["npm ci"], "no prisma/schema.prisma, so nothing to generate")]
    )
    lines += [] if found.builds else [_line("commands", [], "package.json has no build script")]
    if lines:
        parts.append("[build]\n" + "".join(lines))
    include = _include(found)
    if include:
        parts.append(
            "[package]\n" + _line("include", include, f"what exists here, and where {found.script} is")
        )
    if not found.prisma:
        parts.append(
            "[dependencies]\n"
            + _line("commands", ["npm ci --omit=dev"])
            + _line("inputs", ["package.json", "package-lock.json"])
        )
        parts.append("[migrate]\n" + _line("commands", []))
    return parts


def _include(found: Found) -> list[str]:
    """Only where the started file is not in dist/: the package's default would not carry it."""
    script = PurePosixPath(found.script) if found.script else None
    if script is None or script.is_absolute() or not script.parts or script.parts[0] in {"dist", ".."}:
        return []
    return [
        script.parts[0],
        *(name for name in (*ALWAYS, found.ecosystem or "") if name and (found.folder / name).exists()),
    ]


def _processes(found: Found) -> list[str]:
    if found.ecosystem in {None, DEFAULT_ECOSYSTEM}:
        return []
    return ["[processes]\n" + _line("config", found.ecosystem, found.why["processes"])]


def _health(found: Found) -> str:
    return "[health]\n" + _line("path", found.health, found.why["health"])


def _release(found: Found) -> list[str]:
    if not found.shared:
        return []
    return ["[release]\n" + _line("shared", ["logs", *found.shared], "releases come and go, these stay")]
