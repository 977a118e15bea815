"""`turnout env diff`: what differs, by name; values only on request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import options
from turnout.cli.env import value, words
from turnout.cli.out import Line, say
from turnout.errors import UsageError

if TYPE_CHECKING:
    from turnout.model import Secret

Values = dict[str, "Secret"]


def diff(
    environment: options.EnvironmentName = None,
    other: Annotated[
        str | None,
        typer.Argument(metavar="[OTHER]", show_default=False, help="A file, or another environment."),
    ] = None,
    *,
    values: Annotated[bool, typer.Option("--values", help="Show the values, too.")] = False,
    config: options.ConfigFile = None,
    as_json: options.Json = False,
    yes: options.Yes = False,  # noqa: ARG001 - nothing is asked here
    no_color: options.NoColor = False,  # noqa: ARG001 - its callback has acted
    verbose: options.Verbose = False,  # noqa: ARG001 - there is no more to show
    quiet: options.Quiet = False,  # noqa: ARG001 - the list is all there is
) -> None:
    """Compare the .env of an environment with FILE (the app's own .env if not given) or with another environment."""
    from turnout.cli.env.act import there
    from turnout.cli.running import target
    from turnout.hosts import dotenv

    environment, rest = words.split([environment, other], config, 1)
    shared = options.Shared(environment, config)
    goal = target(shared)
    name = rest[0] if rest else str(Path(goal.config.source) / ".env")
    one = dotenv.parse(there(shared)[0])
    two = dotenv.parse(_other(name, goal.config.environments, config))
    if as_json:
        from turnout.cli.jsonlines import write

        write({"environment": goal.environment.name, "other": name, "keys": _json(one, two, values)})
    else:
        say(screen(goal.environment.name, one, name, two, values))


def _other(name: str, environments: object, config: Path | None) -> Secret:
    from turnout.cli.env.act import there

    if name in environments:  # type: ignore[operator]
        return there(options.Shared(name, config))[0]
    if name == "-":
        return value.stdin()
    try:
        return value.text(Path(name).read_bytes(), name)
    except OSError as error:
        raise UsageError(
            f"{name} is no environment of the file, and cannot be read: {error.strerror}",
            remedy="name a file or an environment: turnout env diff production staging",
        ) from None


def compared(one: Values, two: Values) -> dict[str, str]:
    """Each key that differs: `only here`, `only there` or `differs`; in the order of the first, then of the second."""
    found = {key: ("differs" if key in two else "only here") for key in one if two.get(key) != one[key]}
    return found | {key: "only there" for key in two if key not in one}


def _json(one: Values, two: Values, values: bool) -> dict[str, dict[str, str | None]]:
    return {
        key: dict[str, str | None](how=how)
        | ({"here": _shown(one, key), "there": _shown(two, key)} if values else {})
        for key, how in compared(one, two).items()
    }


def _shown(values: Values, key: str) -> str | None:
    found = values.get(key)
    return None if found is None else found.reveal()


def screen(name: str, one: Values, other: str, two: Values, values: bool) -> Iterator[Line]:
    """`-` is in the environment only, `+` in the other only, `~` in both and different."""
    found = compared(one, two)
    yield "bold", f"- {name}   + {other}"
    if not found:
        yield "green", f"the same {len(one)} keys and values"
    for key, how in found.items():
        if not values:
            sign, style = {
                "only here": ("-", "red"),
                "only there": ("+", "green"),
                "differs": ("~", "yellow"),
            }[how]
            yield style, f"{sign} {key}"
            continue
        if key in one:
            yield "red", f"- {key}={one[key].reveal()!r}"
        if key in two:
            yield "green", f"+ {key}={two[key].reveal()!r}"
