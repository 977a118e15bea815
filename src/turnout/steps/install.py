"""install: the dependency layer, linked; made once per key, never twice."""

from __future__ import annotations

from turnout.steps.work import Done, Target, Work


async def install(work: Work, host: Target) -> Done:
    """Link `node_modules` to the layer; where it was not shipped, the host makes it by the app's own commands."""
    key = host.layers["dependencies"]
    made = Done("shipped") if key in work.layers else Done("the layer was there already", "reused")
    if key and host.lacks(key):
        made = await _make(work, host, key)
    answer = await host.client.call("install", release=host.release, layers=host.layers, **work.settings)
    host.pending = bool(answer["pending"])
    return made


async def _make(work: Work, host: Target, key: str) -> Done:
    answer = await host.client.call(
        "make_layer",
        on_event=work.listen("install", host),
        key=key,
        release=host.release,
        commands=list(work.config.dependencies.commands),
        inputs=list(work.config.dependencies.inputs),
        toolchain=host.toolchain(),
    )
    return Done(f"made on the host in {answer['seconds']:.1f} s")
