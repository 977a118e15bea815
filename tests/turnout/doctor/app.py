"""A small app with which nothing is wrong, and git."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

PERSON = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}
PACKAGE = {
    "name": "api",
    "engines": {"node": ">=18"},
    "scripts": {"build": "tsc"},
    "dependencies": {"dotenv": "16.6.1", "express": "5.1.0"},
}
FILES = {
    "package.json": json.dumps(PACKAGE),
    "package-lock.json": json.dumps(
        {"lockfileVersion": 3, "packages": {"": {"dependencies": PACKAGE["dependencies"]}}}
    ),
    "ecosystem.config.js": (
        "module.exports = { apps: [{ name: 'api', cwd: __dirname, script: './dist/server.js', instances: 2,"
        " exec_mode: 'cluster', env_production: { SECRET: 'hunter2' } }] };"
    ),
    ".env.example": "PORT=3000\nAPI_KEY=\n",
    "src/server.ts": "app.get('/health', ok); process.on('SIGINT', stop);",
}


def git(folder: Path, *args: str) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | PERSON
    return subprocess.run(
        ["git", *args], cwd=folder, env=env, check=True, capture_output=True, text=True
    ).stdout.strip()


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
