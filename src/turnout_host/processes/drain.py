"""The module that every cluster worker loads before the app: it drains, and answers for its release (docs/drain.md).

A worker of PM2 runs on PM2's own ProcessContainer, so `NODE_OPTIONS` of the app's file comes too late; `node_args` are
read by the daemon when it forks (PM2 7.0.4, lib/God/ClusterMode.js), and a reload applies them. The daemon itself and
what an app forks load nothing: only a worker has `pm2_env` in its environment at that moment.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from turnout_host import disk, proc
from turnout_host.layout import Layout

TEXT = r"""// Written by Turnout and loaded into the app's workers before the app (docs/drain.md).
'use strict';
(function turnout() {
  if (!process.env.pm2_env || !require('worker_threads').isMainThread || !require('cluster').isWorker) return;
  const fs = require('fs'), path = require('path');
  // PM2 keeps node_args when a file has none any more, so whether we are wanted is read here.
  try {
    const settings = JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'pm2.settings.json'), 'utf8'));
    if (path.basename(settings.preload || '') !== path.basename(__filename)) return;
  } catch (error) { return; }
  const net = require('net'), http = require('http'), https = require('https');
  const { performance, monitorEventLoopDelay } = require('perf_hooks');

  const GRACE = 1000; // ms: for so long an idle client may still send, and be told to close
  const LEAST = 300;  // ms: a busy daemon may hand over a connection that it took before it heard of the end
  const SPARE = 300;  // ms: left before PM2 kills
  const worker = JSON.parse(process.env.pm2_env);
  const limit = Math.max(LEAST, (Number(worker.kill_timeout) || 1600) - SPARE);
  const servers = new Set(), sockets = new Map(), running = new Set();
  const count = { requests: 0, failed: 0 };
  let draining = false, graced = false, since = 0, script = '';
  try { script = fs.realpathSync(worker.pm_exec_path); } catch (error) { script = ''; }

  // What forks of the app would inherit.
  const own = process.execArgv.findIndex((word) => path.basename(word) === path.basename(__filename));
  if (own > 0) process.execArgv.splice(own - 1, 2);

  // ---- what is there: servers, their sockets, running requests

  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...words) {
    if (!servers.has(this) && !this[PRIVATE]) {
      servers.add(this);
      this.on('connection', (socket) => {
        sockets.set(socket, this);
        socket.once('close', () => sockets.delete(socket));
      });
      this.on('listening', () => { watchStalls(); welcome(this); });
    }
    return listen.apply(this, words);
  };

  function began({ response }) {
    count.requests += 1;
    running.add(response);
    response.once('close', () => {
      running.delete(response);
      if (response.statusCode >= 500) count.failed += 1;
    });
    if (draining) askToClose(response);
  }
  try {
    require('diagnostics_channel').subscribe('http.server.request.start', began);
  } catch (error) { /* Node below 18: idle sockets are cut all the same */ }

  function askToClose(response) {
    response.shouldKeepAlive = false;
    if (!response.headersSent && !response.hasHeader('connection')) response.setHeader('Connection', 'close');
  }

  // ---- the drain

  // Since Node 19 an HTTP server's close() cuts idle sockets at once, while a request may be on its way on one of them.
  for (const { prototype } of [http.Server, https.Server]) {
    const cut = prototype.closeIdleConnections;
    if (cut) prototype.closeIdleConnections = function () { if (!draining || graced) return cut.call(this); };
  }

  // An app that ends in the callback of close() would end while the daemon hands it a last connection.
  const close = net.Server.prototype.close;
  net.Server.prototype.close = function (done) {
    if (!draining || typeof done !== 'function') return close.apply(this, arguments);
    return close.call(this, (...words) => {
      setTimeout(() => done.apply(this, words), Math.max(0, LEAST - (performance.now() - since)));
    });
  };

  function cutIdle() {
    graced = true;
    for (const server of servers) if (!server.listening && server.closeIdleConnections) server.closeIdleConnections();
    // one that never sent a byte does not count as idle for Node
    for (const [socket, server] of sockets) if (!server.listening && socket.bytesRead === 0) socket.destroy();
  }

  function stopAccepting() {
    for (const server of servers) if (server.listening) close.call(server);
  }

  // signal-exit, which many libraries bring along, listens too, and is no shutdown code of the app
  function appsOwn(signal, ours) {
    const emitter = process.__signal_exit_emitter__ || global[Symbol.for('signal-exit emitter')];
    const alien = emitter && typeof emitter.count === 'number' ? emitter.count : 0;
    return process.listeners(signal).filter((one) => one !== ours).length - alien > 0;
  }

  function end(signal, ours) {
    leave();
    process.removeListener(signal, ours);
    process.kill(process.pid, signal); // it ends as it would have without us, only later
  }

  function drain(signal, ours) {
    if (draining) return;
    draining = true;
    since = performance.now();
    running.forEach(askToClose);
    setInterval(cutIdle, GRACE).unref();
    if (appsOwn(signal, ours)) {
      // its own code ends it; should that not even close its servers, nothing new is taken all the same
      setTimeout(stopAccepting, GRACE).unref();
      return;
    }
    stopAccepting();
    const look = setInterval(() => {
      const waited = performance.now() - since;
      if (waited < LEAST || (sockets.size && waited < limit)) return;
      clearInterval(look);
      end(signal, ours);
    }, 20);
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, function ours() { drain(signal, ours); });

  // ---- the private sockets: PID.s answers for this process, PID.PORT is the app's own HTTP server, for us alone

  const PRIVATE = Symbol.for('turnout.private');
  const folder = path.join(path.dirname(__filename), 'run');
  const opened = [];
  let hall = -1, delay = null, stalls = [];

  function watchStalls() {
    if (delay) return;
    delay = monitorEventLoopDelay({ resolution: 20 });
    setTimeout(() => { // what is loaded while it boots is no stall
      delay.enable();
      setInterval(() => {
        stalls = [...stalls.slice(-119), Math.max(0, delay.max / 1e6 - 20)];
        delay.reset();
      }, 500).unref();
    }, 1000).unref();
  }

  function about() {
    const listening = [...servers].filter((one) => one.listening);
    const ports = listening.map((one) => (one.address() || {}).port).filter(Boolean);
    const memory = process.memoryUsage();
    return {
      pid: process.pid, script, ports, draining, running: running.size, requests: count.requests, failed: count.failed,
      rss: memory.rss, stalls: [...stalls].sort((a, b) => b - a).slice(0, 3).map(Math.round), uptime: process.uptime(),
    };
  }

  function name(kind) { return `/proc/self/fd/${hall}/${process.pid}.${kind}`; } // short, however long the path is

  function open(kind, onSocket) {
    try { fs.unlinkSync(name(kind)); } catch (error) { /* none is left from a process of the same number */ }
    opened.push(kind);
    const server = net.createServer(onSocket);
    server[PRIVATE] = true;
    server.on('error', () => {});
    server.listen({ path: name(kind), exclusive: true }); // exclusive: the daemon hears nothing of it
    server.unref();
  }

  function leave() {
    for (const kind of opened) try { fs.unlinkSync(name(kind)); } catch (error) { /* it is gone */ }
  }

  function welcome(app) {
    const { port } = app.address() || {};
    if (hall < 0 || !port || !(app instanceof http.Server)) return;
    open(port, (socket) => {
      if (!app.listening) return socket.destroy();
      for (const [key, value] of [['remoteAddress', '127.0.0.1'], ['remoteFamily', 'IPv4'], ['remotePort', 1]]) {
        Object.defineProperty(socket, key, { value });
      }
      return app.emit('connection', socket);
    });
  }

  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    hall = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    open('s', (socket) => { socket.on('error', () => {}); socket.end(JSON.stringify(about())); });
    process.on('exit', leave);
  } catch (error) { /* without it the proof takes the other ways */ }
})();
"""

PLACE = "preload"
"""The folder below `.turnout`: the module by its digest, and under `run` the sockets of living workers."""


def path(layout: Layout) -> Path:
    """Where this version of the module lies on the host. Earlier ones stay: PM2 keeps `node_args` for ever."""
    return layout.own / PLACE / f"{hashlib.sha256(TEXT.encode('utf-8')).hexdigest()[:12]}.js"


def run_folder(layout: Layout) -> Path:
    """Where workers have their sockets: `PID.s`, and `PID.PORT` for each HTTP server."""
    return layout.own / PLACE / "run"


def place(layout: Layout) -> Path:
    """Put the module there, whole and durable, and take away sockets that killed workers left."""
    file = path(layout)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_file():
        layout.tmp.mkdir(parents=True, exist_ok=True)
        disk.write(file, TEXT.encode("utf-8"), 0o644, layout.tmp)
    for left in run_folder(layout).glob("*.*"):
        if not left.stem.isdigit() or not proc.alive(int(left.stem)):
            with contextlib.suppress(OSError):
                left.unlink()
    return file
