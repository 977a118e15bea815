from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from turnout_host.errors import HostError, UsageError
from turnout_host.layout import Layout
from turnout_host.processes import wrapper
from turnout_host.toolchain import Toolchain


@pytest.fixture
def toolchain(tmp_path) -> Toolchain:
    layout = Layout(str(tmp_path / "a+pp"))
    layout.prepare()
    for name in ("v1", "v10"):
        layout.release(name).mkdir()
        (layout.release(name) / "server.js").touch()
    layout.current.symlink_to(layout.release("v1"))
    return Toolchain(layout, None, None, os.environ["PATH"])


def given(
    toolchain: Toolchain, text: str, name: str = "ecosystem.config.js", keys=(), **settings: Any
) -> dict[str, Any]:
    """The first app of a file that reads `text`, as PM2 would be given it."""
    (toolchain.layout.release("v1") / name).write_text(text)
    settings = {"config": name, "process_env": "production", "drain_timeout": 5, **settings}
    return wrapper.apps(toolchain, toolchain.layout.current, settings, keys)[0]


def app(fields: str) -> str:
    return "module.exports = { apps: [{ name: 'x', script: './server.js', " + fields + " }] };"


@pytest.mark.parametrize(
    "fields, cwd, script",
    [
        ("cwd: __dirname", "", "server.js"),
        ("", "", "server.js"),
        ("cwd: process.cwd()", "", "server.js"),
        ("cwd: './'", "", "server.js"),
        ("script: __dirname + '/server.js'", "", "server.js"),
        ("script: require('path').join(process.cwd(), 'server.js'), cwd: __dirname", "", "server.js"),
        ("cwd: __dirname + '/sub', script: '../server.js'", "/sub", "server.js"),
        ("cwd: 'sub', script: '../server.js'", "/sub", "server.js"),
        ("cwd: '/somewhere/else'", "", "server.js"),
        ("cwd: __dirname + '0'", "", "server.js"),  # v10 is another release
    ],
)
def test_paths_lead_through_current(toolchain, fields, cwd, script):
    """However the app's file says where it is, cwd and script lead through `current` (FACTS: the trap)."""
    current = toolchain.layout.current
    found = given(toolchain, app(fields))
    assert found["cwd"] == f"{current}{cwd}"
    assert found["turnout"]["script"] == f"{current}/{script}"


def test_every_string_is_rewritten_but_not_another_release(toolchain):
    """Paths inside arguments, nested tables and logs are rewritten; v10 is not taken for v1."""
    fields = "args: ['--c=' + __dirname + '/c.json:x', __dirname + '0/y'], env: { A: __dirname }"
    fields += ", out_file: __dirname + '/logs/o.log'"
    found, current = given(toolchain, app(fields)), str(toolchain.layout.current)
    assert found["args"] == [f"--c={current}/c.json:x", str(toolchain.layout.release("v10") / "y")]
    assert found["env"]["A"] == current
    assert found["out_file"] == f"{current}/logs/o.log"
    assert found["error_file"] == f"{current}/logs/err.log"
    assert "merge_logs" not in found


def test_logs_go_to_the_usual_files(toolchain):
    """Without a word on logs, all workers write into logs/out.log and logs/err.log."""
    found, current = given(toolchain, app("exec_mode: 'cluster'")), str(toolchain.layout.current)
    assert (found["out_file"], found["error_file"]) == (f"{current}/logs/out.log", f"{current}/logs/err.log")
    assert found["merge_logs"] is True


def test_no_value_of_the_dotenv_reaches_pm2(toolchain):
    """Keys of the dotenv are taken out of every env table, also when the file itself loads the dotenv."""
    text = "process.env.DATABASE_URL = 's3cr3t'; process.env.OTHER = 'loaded';" + app(
        "env: { DATABASE_URL: process.env.DATABASE_URL, KEEP: 1 }, port: 4000,"
        "env_production: { DATABASE_URL: 'x', PORT: 3000 }"
    )
    found = given(toolchain, text, keys=["DATABASE_URL", "PORT"])
    assert found["env"] == {"KEEP": 1, "PATH": toolchain.env()["PATH"]}
    assert found["env_production"] == {}
    assert "port" not in found
    assert "s3cr3t" not in json.dumps(found)


def test_what_the_file_does_to_its_process_is_undone(toolchain):
    """PM2 stores its own process.env for the app, so a dotenv that the file loads must be gone again."""
    layout = toolchain.layout
    (layout.release("v1") / "ecosystem.config.js").write_text(
        "process.env.SECRET = 's'; process.env.HOME = '/x'; process.chdir('/');" + app("")
    )
    wrapper.write(layout, wrapper.settings_of({}, toolchain, layout.current, [], 0.0))
    code = "require(process.argv[1]); const { SECRET, HOME } = process.env;"
    code += "console.log(JSON.stringify([SECRET, HOME, process.cwd()]))"
    argv = [toolchain.node, "-e", code, str(layout.wrapper)]
    done = subprocess.run(argv, cwd=layout.path, env={"HOME": "/h"}, capture_output=True, check=True)
    assert json.loads(done.stdout) == [None, "/h", str(layout.path)]


@pytest.mark.parametrize(
    "name, text",
    [
        ("e.config.js", "module.exports = [{ name: 'x', script: 'server.js' }]"),
        ("e.config.js", "module.exports = { name: 'x', script: 'server.js' }"),
        ("e.config.js", "exports.default = { apps: [{ name: 'x', script: 'server.js' }] }"),
        ("e.config.cjs", "module.exports = { apps: { name: 'x', exec: 'server.js' } }"),
        ("pm2.json", '{ "apps": [{ "name": "x", "script": "server.js" }] /* PM2 takes comments */ }'),
        (
            "e.config.js",
            "console.log('noise'); process.stdout.write('more'); module.exports = [{ name: 'x', cmd: 'server.js' }]",
        ),
        ("e.config.js", "module.exports = { apps: [{ script: './x.js' }] }"),
    ],
)
def test_shapes_of_the_file(toolchain, name, text):
    """A list, one app, a default export, JSON with comments, noise on stdout: all as PM2 takes them."""
    assert given(toolchain, text, name)["name"] == "x"


def test_name_with_environment(toolchain):
    """append_env_to_name gives PM2's name, once."""
    found = given(toolchain, app("append_env_to_name: true"))
    assert found["name"] == "x-production"
    assert "append_env_to_name" not in found


@pytest.mark.parametrize(
    "fields, mode, instances",
    [
        ("", "fork", 1),
        ("instances: 2", "cluster", 2),
        ("instances: 'max'", "cluster", os.cpu_count()),
        ("instances: '3', exec_mode: 'cluster_mode'", "cluster", 3),
        ("instances: 0", "cluster", os.cpu_count()),
        ("instances: -1, exec_mode: 'cluster'", "cluster", max(1, os.cpu_count() - 1)),
        ("instances: 2, exec_mode: 'fork'", "fork", 2),
        ("exec_mode: 'cluster'", "cluster", 1),
        ("instances: 2, interpreter: 'python3'", "fork", 2),
    ],
)
def test_what_pm2_makes_of_it(toolchain, fields, mode, instances):
    """Mode and number of processes are what PM2 7.0.4 decides for the same fields."""
    found = given(toolchain, app(fields))["turnout"]
    assert (found["mode"], found["instances"]) == (mode, instances)


@pytest.mark.parametrize(
    "fields, listen, kill", [("", 20000, 5000), ("listen_timeout: 60000, kill_timeout: '9000'", 120000, 9000)]
)
def test_times_are_long_enough(toolchain, fields, listen, kill):
    """PM2 waits at least 10 s for a worker and lets it drain; longer times of the app's own stay."""
    found = given(toolchain, app(fields))
    assert (found["listen_timeout"], found["kill_timeout"]) == (listen, kill)


def test_listen_timeout_follows_the_rehearsed_boot(toolchain):
    """An app that boots in 3 s gets 30."""
    values = wrapper.settings_of({}, toolchain, Path("/x"), [], 3.0)
    assert values["listen_timeout"] == 30000


def test_merged_env(toolchain):
    """The env of the chosen environment wins, and values are the text that a process sees."""
    found = given(
        toolchain,
        app(
            "env: { A: 1, B: 'b', C: { d: 1 }, N: null }, env_production: { B: true }, env_staging: { B: 'no' }"
        ),
    )
    env = found["turnout"]["env"]
    assert {key: env.get(key) for key in "ABCN"} == {"A": "1", "B": "true", "C": '{"d":1}', "N": None}


@pytest.mark.parametrize(
    "text, reason",
    [
        ("module.exports = {", "SyntaxError"),
        ("throw new TypeError('broken on purpose')", "TypeError: broken on purpose"),
        ("module.exports = { apps: [] }", "no apps in it"),
        ("module.exports = { apps: [{ name: 'x' }] }", "an app without a script"),
        ("require('no-such-package')", "Cannot find module 'no-such-package'"),
        ("process.exit(0)", "no reason was given"),
    ],
)
def test_a_file_that_cannot_be_read(toolchain, text, reason):
    """The error says which file and what Node says of it; nothing is left behind."""
    with pytest.raises(HostError) as caught:
        given(toolchain, text)
    assert reason in caught.value.message
    assert caught.value.detail["where"].endswith("current/ecosystem.config.js")
    assert list(toolchain.layout.tmp.iterdir()) == []


@pytest.mark.parametrize("text", ["throw new Error('another PM2')", "module.exports = {};", None])
def test_a_pm2_that_makes_no_request_is_asked_by_its_command(toolchain, tmp_path, text):
    """Another version may not have what is called here; the file of the app is not to blame for it."""
    if text is not None:
        (tmp_path / "Common.js").write_text(text)
    (toolchain.layout.release("v1") / "ecosystem.config.js").write_text(app(""))
    settings = {"config": "ecosystem.config.js", "process_env": "", "drain_timeout": 5}
    (found,) = wrapper.apps(toolchain, toolchain.layout.current, settings, library=str(tmp_path))
    assert (found["name"], found["turnout"]["request"]) == ("x", None)


def test_no_file(toolchain):
    """A file that is not there is said as such."""
    with pytest.raises(HostError, match="Cannot find module"):
        wrapper.apps(toolchain, toolchain.layout.current, {"config": "none.config.js"})


@pytest.mark.parametrize("env", ["-x", "a b", "a;b", "--cwd=/"])
def test_only_names_of_environments(toolchain, env):
    """What could be taken for an option is refused at the border."""
    with pytest.raises(UsageError):
        given(toolchain, app(""), process_env=env)


@pytest.mark.parametrize("config", ["../x.js", "/etc/x.js", "a/../../x.js", "pm2.yaml", "x.js;rm"])
def test_only_files_inside_the_app(toolchain, config):
    """A path that leaves the app, or a kind that is not read, is refused at the border."""
    with pytest.raises(UsageError):
        wrapper.apps(toolchain, toolchain.layout.current, {"config": config})
