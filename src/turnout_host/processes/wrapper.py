"""The file that PM2 is given instead of the app's own: `.turnout/pm2.config.js` (DESIGN 5).

PM2 stores paths at the first start and never computes them again (FACTS, "Which release runs after the symlink
moved"), so every path must lead through `current`; and it keeps every variable for ever, so no value of the dotenv may
reach it. The text is constant JS; what changes lies beside it, in `pm2.settings.json`.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterable, List

from turnout_host import children, disk
from turnout_host.errors import HostError, UsageError
from turnout_host.layout import Layout
from turnout_host.processes import drain
from turnout_host.toolchain import Toolchain

LISTEN_AT_LEAST = 10.0
"""Seconds that a new worker has at least to listen: PM2's own 3 s end in an outage (FACTS)."""

BOOTS = 10
"""…and at least so many times what the rehearsal needed to boot."""

LIMIT = 30.0
"""Seconds that reading the app's file may take."""

MARK = "\x1eturnout\x1e"

TEXT = r"""// Written by Turnout. PM2 reads this file; it reads the app's own file of the release that runs.
'use strict';
const fs = require('fs');
const path = require('path');

const s = JSON.parse(fs.readFileSync(path.join(__dirname, 'pm2.settings.json'), 'utf8'));
const real = fs.realpathSync(s.current);

// The app's file sees the folder it expects. What it changes in process.env (many load their dotenv there, for the
// port) is undone: PM2 would hand all of it to every worker, for ever.
function load(file) {
  const cwd = process.cwd();
  const before = Object.assign({}, process.env);
  try {
    process.chdir(real);
    if (file.endsWith('.json')) return require('vm').runInThisContext('(' + fs.readFileSync(file, 'utf8') + ')');
    const value = require(file);
    return value && value.default && !value.apps ? value.default : value;
  } finally {
    process.chdir(cwd);
    for (const key of Object.keys(process.env)) if (!(key in before)) delete process.env[key];
    Object.assign(process.env, before);
  }
}

// Every path in the real folder of the release becomes the same path through `current`, wherever it stands.
const seen = new RegExp(real.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') + '(?![A-Za-z0-9_.-])', 'g');
function pinned(value) {
  if (typeof value === 'string') return value.replace(seen, () => s.current);
  if (Array.isArray(value)) return value.map(pinned);
  if (!value || Object.prototype.toString.call(value) !== '[object Object]') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, pinned(inner)]));
}

function within(folder) {
  return folder === s.current || folder.startsWith(s.current + path.sep);
}

function has(app, names) {
  return names.some((name) => app[name] !== undefined && app[name] !== null);
}

function logs(app) {
  const out = has(app, ['out_file', 'out', 'output', 'out_log']);
  const err = has(app, ['error_file', 'error', 'err', 'err_file', 'err_log']);
  if (!out && !err && !has(app, ['merge_logs', 'combine_logs'])) app.merge_logs = true;
  if (!out) app.out_file = path.join(s.current, 'logs', 'out.log');
  if (!err) app.error_file = path.join(s.current, 'logs', 'err.log');
}

function environment(app) {
  for (const table of Object.keys(app).filter((key) => key === 'env' || key.startsWith('env_'))) {
    if (app[table] && typeof app[table] === 'object') for (const key of s.dotenv_keys) delete app[table][key];
  }
  if (s.dotenv_keys.includes('PORT')) delete app.port;
  // PM2 keeps the PATH of the first start, and with it an old Node; a table that is not empty also replaces the old one
  if (typeof app.env !== 'string') app.env = Object.assign({ PATH: s.path }, app.env);
}

// The daemon reads node_args when it forks a worker; our module goes behind the app's own words.
function clustered(app) {
  const own = app.interpreter || app.exec_interpreter || 'node';
  if (!/(^|\/)node$/.test(own)) return false;
  if (app.exec_mode) return /cluster/.test(app.exec_mode);
  const many = app.instances === 'max' ? 0 : parseInt(app.instances, 10) || 0;
  return app.instances !== undefined && app.instances !== null && many >= -1;
}

function preload(app) {
  if (!s.preload || !clustered(app)) return;
  const given = app.node_args || app.interpreter_args || app.interpreterArgs || [];
  for (const key of ['interpreter_args', 'interpreterArgs']) delete app[key];
  const words = Array.isArray(given) ? given : String(given).split(' ').filter(Boolean);
  app.node_args = [...words, '--require', s.preload];
}

function prepared(original) {
  const app = pinned(original);
  app.script = app.script || app.exec || app.cmd || app.command;
  if (!app.script) throw new Error('an app without a script');
  app.name = app.name || path.basename(app.script, path.extname(app.script));
  if (app.append_env_to_name && s.process_env) app.name += '-' + s.process_env;
  delete app.append_env_to_name;
  const cwd = path.resolve(s.current, app.cwd || '.');
  app.cwd = within(cwd) ? cwd : s.current;
  // twice: half of it is Turnout's to stop the reload in, before PM2 ends an old worker for one that does not listen
  app.listen_timeout = 2 * Math.max(Number(app.listen_timeout) || 0, s.listen_timeout);
  app.kill_timeout = Math.max(Number(app.kill_timeout) || 0, s.kill_timeout);
  logs(app);
  environment(app);
  preload(app);
  return app;
}

const file = load(path.join(real, s.config));
const list = [].concat((file && (file.apps || file.pm2)) || file || []);
if (!list.length) throw new Error('no apps in it');
module.exports = { apps: list.map(prepared) };
"""

DESCRIBE = r"""
'use strict';
const fs = require('fs'), os = require('os'), path = require('path');
const [file, env, mark, library] = process.argv.slice(1);
// What PM2's own command would send its daemon for a reload, made by PM2 itself; null where it cannot be made so.
function request(app) {
  try {
    return library ? sent(app) : null;
  } catch (error) {
    return null;
  }
}
function sent(app) {
  const common = require(path.join(library, 'Common.js'));
  const found = common.verifyConfs([JSON.parse(JSON.stringify(app))]);
  if (found instanceof Error) return null;
  const [conf] = found;
  Object.assign(conf, { namespace: conf.namespace || 'default', username: common.getCurrentUsername() });
  const set = require(path.join(library, 'Configuration.js')).getSync(conf.name); // by `pm2 set NAME:KEY VALUE`
  const more = set ? Object.assign({}, set, { [conf.name]: JSON.stringify(set) }) : {};
  return Object.assign(common.mergeEnvironmentVariables(conf, env, {}), { updateEnv: true }, more);
}
function described(app) {
  const tables = Object.assign({}, app.env, app['env_' + env], app.port ? { PORT: app.port } : {});
  const merged = Object.fromEntries(Object.entries(tables).filter(([, v]) => v !== undefined && v !== null)
    .map(([k, v]) => [k, typeof v === 'object' ? JSON.stringify(v) : String(v)]));
  const interpreter = app.interpreter || app.exec_interpreter || '';
  const declared = app.instances !== undefined && app.instances !== null;
  const asked = app.instances === 'max' ? 0 : parseInt(app.instances, 10) || 0;
  const cpus = os.cpus().length;
  const many = asked > 0 ? asked : Math.max(1, cpus + asked);
  const cluster = app.exec_mode ? /cluster/.test(app.exec_mode)
    : declared && asked >= -1 && (!interpreter || /node$/.test(interpreter));
  const script = path.resolve(app.cwd, app.script);
  return Object.assign({}, app, { turnout: {
    env: merged, interpreter, instances: declared ? many : 1, mode: cluster ? 'cluster' : 'fork',
    script: fs.existsSync(script) ? script : null,
    stays: app.autostart !== false && app.autorestart !== false,
    request: request(app),
  } });
}
process.stdout.write('\n' + mark + JSON.stringify(require(file).apps.map(described)) + '\n');
"""
"""What PM2 7.0.4 would make of each app: its Common.js (determineExecMode, verifyConfs) and God.js (prepare).

`request` follows its API.js (_startJson, _operate).
"""


def settings_of(
    settings: Dict[str, Any],
    toolchain: Toolchain,
    current: Path,
    dotenv_keys: Iterable[str],
    boot_seconds: float,
) -> Dict[str, Any]:
    """The contents of `pm2.settings.json`. PM2's times are milliseconds; ours are seconds. No value of a dotenv."""
    config = str(settings.get("config") or "ecosystem.config.js")
    if config.startswith("/") or ".." in Path(config).parts or not config.endswith((".js", ".cjs", ".json")):
        raise UsageError(f"not a PM2 file inside the app: {config!r} (.js, .cjs or .json)")
    env = str(settings.get("process_env") or "")
    if not re.match(r"(\w[\w.-]*)?\Z", env):
        raise UsageError(f"not a name of PM2's environments: {env!r}")
    return {
        "current": str(current),
        "config": config,
        "process_env": env,
        "dotenv_keys": sorted(dotenv_keys),
        "path": toolchain.env()["PATH"],
        "listen_timeout": int(1000 * max(LISTEN_AT_LEAST, BOOTS * boot_seconds)),
        "kill_timeout": int(1000 * float(settings.get("drain_timeout") or 0)),
        "preload": str(drain.path(toolchain.layout)) if settings.get("drain") else "",
    }


def write(layout: Layout, values: Dict[str, Any]) -> None:
    """Put the wrapper and its settings into place, each whole and durable."""
    layout.tmp.mkdir(parents=True, exist_ok=True)
    disk.write(layout.settings, json.dumps(values, indent=1).encode("utf-8"), 0o644, layout.tmp)
    disk.write(layout.wrapper, TEXT.encode("utf-8"), 0o644, layout.tmp)


def apps(
    toolchain: Toolchain,
    folder: Path,
    settings: Dict[str, Any],
    dotenv_keys: Iterable[str] = (),
    boot_seconds: float = 0.0,
    library: str = "",
    home: str = "",
) -> List[Dict[str, Any]]:
    """The apps of the file in `folder` as our wrapper would give them to PM2 with `folder` as `current`.

    Each is PM2's own table and under `turnout` what PM2 makes of it: `env` (merged), `interpreter`, `instances` (a
    number), `mode` (`cluster` or `fork`), `script` (absolute, None when it is no file), `stays` (it must be online),
    `request` (for the daemon's reloadProcessId; None without `library`, PM2's own `lib` of the PM2_HOME `home`, or when
    that refuses the app).
    Nothing is written but a temporary folder. Raises HostError with the last lines when the file cannot be read.
    """
    values = settings_of(settings, toolchain, folder, dotenv_keys, boot_seconds)
    toolchain.layout.tmp.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="pm2-config-", dir=str(toolchain.layout.tmp)))
    try:
        (scratch / "pm2.settings.json").write_text(json.dumps(values), encoding="utf-8")
        (scratch / "pm2.config.js").write_text(TEXT, encoding="utf-8")
        return _evaluated(toolchain, scratch / "pm2.config.js", values, library, home)
    finally:
        shutil.rmtree(str(scratch), ignore_errors=True)


def _evaluated(
    toolchain: Toolchain, wrapper: Path, values: Dict[str, Any], library: str, home: str
) -> List[Dict[str, Any]]:
    found: List[str] = []
    other: List[str] = []

    def sort(line: str) -> None:
        if line.startswith(MARK):
            found.append(line[len(MARK) :])
        else:
            other.append(line)

    argv = [toolchain.node, "-e", DESCRIBE, str(wrapper), values["process_env"], MARK, library]
    env = toolchain.env(**({"PM2_HOME": home} if home else {}))
    finished = children.run(argv, wrapper.parent, env, on_line=sort, timeout=LIMIT)
    if found:
        parsed: List[Dict[str, Any]] = json.loads(found[-1])
        return parsed
    reason = "it took too long" if finished.status < 0 else _reason(other)
    where = f"{values['current']}/{values['config']}"
    raise HostError(
        f"PM2's file cannot be read: {reason}",
        where=where,
        tail=[line for line in other if line.strip()][-12:],
    )


def _reason(lines: List[str]) -> str:
    """The line of Node's message that says what is wrong."""
    for line in lines:
        if re.match(r"\w*Error\b", line):
            return line.strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "no reason was given")
