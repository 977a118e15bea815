"""Stands in for GitHub's runner: carries out a workflow's steps as it would, and reads what they print as it does.

`run:` steps are real; of the `uses:` steps, checkout does what the real one does with the same `with`, and the others
are checked for what they were asked.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PINNED = re.compile(r"actions/(checkout|setup-node|cache)@[0-9a-f]{40}")
KNOWN = {
    "error",
    "warning",
    "notice",
    "group",
    "endgroup",
    "add-mask",
    "set-output",
    "set-env",
    "stop-commands",
}
_V2 = re.compile(r"::([a-z-]+)(?: ([^:]*))?::(.*)")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\|\||&&|==|[()]|[A-Za-z_][\w.-]*|\s+")


@dataclass
class Command:
    """One workflow command that the runner would obey."""

    name: str
    data: str
    properties: dict[str, str]


@dataclass
class Ran:
    """How one `run:` step ended."""

    code: int
    log: str
    commands: list[Command]
    outputs: dict[str, str]
    summary: str


@dataclass
class Runner:
    """One machine that runs one job. `remote` is the repository that was pushed to."""

    folder: Path
    remote: Path
    variables: dict[str, str]
    secrets: dict[str, str]
    inputs: dict[str, str] = field(default_factory=dict)
    branch: str = "main"
    installed: Path | None = None
    """The folder of the programs that an earlier runner installed: then that step is passed over."""

    def __post_init__(self) -> None:
        """Make its folders, and find the one job of the workflow in what was pushed."""
        self.workspace, self.temp = self.folder / "work", self.folder / "temp"
        for folder in (self.workspace, self.temp, self.folder / "bin"):
            folder.mkdir(parents=True)
        (self.folder / "bin/python3").symlink_to(Path(sys.base_prefix, "bin/python3"))
        self.path = [str(self.folder / "bin"), *_without_ours(os.environ["PATH"])]
        self.steps: dict[str, Ran] = {}
        self._checkout()
        file = self.workspace / ".github/workflows/deploy-backend.yml"
        self.workflow: dict[str, Any] = YAML(typ="safe").load(file.read_text())
        (self.job,) = self.workflow["jobs"].values()

    @property
    def group(self) -> str:
        """The concurrency group that it runs in."""
        return self.fill(self.workflow["concurrency"]["group"])

    def run(self, cancel_when: Callable[[], object] | None = None) -> dict[str, Ran]:
        """All steps up to the first that fails; those that ran, by name. Turnout's is cancelled when that returns."""
        for step in self.job["steps"]:
            if "uses" in step:
                self.uses(step)
                continue
            if step["name"] == "Install Turnout" and self.installed:
                self.path.insert(0, str(self.installed))
                continue
            self.steps[step["name"]] = ran = self.script(
                step, cancel_when if step.get("id") == "turnout" else None
            )
            if ran.code:
                break
            if step["name"] == "Install Turnout":
                self._lend_libraries()
                self.installed = self.temp / "turnout/bin"
        return self.steps

    def uses(self, step: dict[str, Any]) -> None:
        """What an action of GitHub's own stands for."""
        match = PINNED.fullmatch(step["uses"])
        assert match, step
        given = step["with"]
        if match[1] == "checkout":
            assert given == {"fetch-depth": 0, "persist-credentials": False}
        elif match[1] == "setup-node":
            assert given["cache"] == "npm"
            assert given["node-version"] == "20"
            assert (self.workspace / given["cache-dependency-path"]).is_file()
        else:
            assert given["path"] == "~/.cache/turnout"  # the tests keep TURNOUT_CACHE from run to run

    def script(self, step: dict[str, Any], cancel_when: Callable[[], object] | None = None) -> Ran:
        """A `run:` step: bash -e with a file, the files for outputs and summary, both streams read line by line."""
        assert "${{" not in step["run"], "an expression in a script is an injection"
        files = {
            name: self.temp / name.lower()
            for name in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")
        }
        for file in files.values():
            file.write_text("")
        script = self.temp / "script.sh"
        script.write_text(step["run"])
        env = {key: self.fill(str(value)) for key, value in step.get("env", {}).items()}
        process = subprocess.Popen(
            ["bash", "-e", str(script)],
            cwd=self.workspace,
            env=self.env() | env | {name: str(file) for name, file in files.items()},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if cancel_when:
            _cancel(process, cancel_when)
        try:
            log, _ = process.communicate(timeout=280)
        finally:
            process.kill()
        assert files["GITHUB_ENV"].read_text() == ""
        self.path = files["GITHUB_PATH"].read_text().split() + self.path
        outputs = _outputs(files["GITHUB_OUTPUT"].read_text())
        return Ran(
            process.returncode,
            log,
            obeyed(log),
            outputs,
            files["GITHUB_STEP_SUMMARY"].read_text(),
        )

    def env(self) -> dict[str, str]:
        """What every step finds."""
        mine = {
            "GITHUB_ACTIONS": "true",
            "CI": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_REF_NAME": self.branch,
            "RUNNER_TEMP": str(self.temp),
            "PATH": ":".join(self.path),
        }
        return self.variables | mine

    def fill(self, text: str) -> str:
        """A value with its expressions worked out."""
        return re.sub(r"\$\{\{(.*?)\}\}", lambda match: str(self._value(match[1].strip())), text)

    def _value(self, expression: str) -> Any:
        tokens = [token for token in _TOKEN.findall(expression) if token.strip()]
        assert "".join(tokens) == re.sub(r"\s", "", expression), expression
        words = {"||": "or", "&&": "and", "==": "==", "(": "(", ")": ")"}
        python = [
            words.get(one) or repr(one[1:-1].replace("''", "'") if one[0] == "'" else self._name(one))
            for one in tokens
        ]
        return eval(" ".join(python), {})

    def _name(self, name: str) -> str:
        context, _, key = name.partition(".")
        found = {
            "inputs": self.inputs,
            "secrets": self.secrets,
            "github": {"token": self.secrets["GITHUB_TOKEN"], "ref_name": self.branch},
        }[context]
        return found.get(key, "")

    def _checkout(self) -> None:
        """As actions/checkout does with fetch-depth 0: all branches as origin/*, and the pushed one checked out."""
        refs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        for words in (
            ["init", "-q"],
            ["remote", "add", "origin", str(self.remote)],
            ["fetch", "-q", "--prune", "origin", *refs],
            ["checkout", "-q", "--force", "-B", self.branch, f"refs/remotes/origin/{self.branch}"],
        ):
            subprocess.run(["git", *words], cwd=self.workspace, check=True)

    def _lend_libraries(self) -> None:
        """Instead of getting them from an index: the libraries of these tests' own venv, behind those of the job's."""
        (place,) = (self.temp / "turnout/lib").glob("python3*/site-packages")
        (place / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")


def _cancel(process: subprocess.Popen[str], when: Callable[[], object]) -> None:
    """A cancellation as the runner makes it: SIGINT, then SIGTERM to the step's own process."""

    def wait() -> None:
        when()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def obeyed(log: str) -> list[Command]:
    """The commands in a log, by the rules of the runner's ActionCommand.cs and ActionCommandManager.cs."""
    found: list[Command] = []
    stopped = ""
    for line in re.split(r"\r\n|\r|\n", log):
        if stopped:
            stopped = "" if line.strip() == f"::{stopped}::" else stopped
            continue
        match = _V2.match(line.lstrip())
        if match and match[1] in KNOWN:
            pairs = [pair.partition("=") for pair in (match[2] or "").split(",") if pair]
            found.append(
                Command(match[1], _unescaped(match[3]), {key: _unescaped(value) for key, _, value in pairs})
            )
        elif (old := re.search(r"##\[([a-z-]+)[^\]]*\](.*)", line)) and old[1] in KNOWN:
            found.append(Command(old[1], old[2], {}))
        if found and found[-1].name == "stop-commands":
            stopped = found[-1].data
    return found


def _unescaped(value: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(code, char)
    return value


def _outputs(text: str) -> dict[str, str]:
    """NAME<<DELIMITER, lines, DELIMITER."""
    lines, found = iter(text.splitlines()), {}
    for line in lines:
        name, marks, delimiter = line.partition("<<")
        assert marks, line
        assert name not in found, text
        found[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return found


def _without_ours(path: str) -> list[str]:
    """PATH without the folder of the turnout under test: the job must bring its own."""
    return [folder for folder in path.split(":") if not (Path(folder) / "turnout").exists()]
