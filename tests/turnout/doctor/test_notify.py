"""Targets of notifications that nobody could be told by."""

from turnout.config.schema import Config, Environment, Notify
from turnout.doctor import notify


async def test_services_are_named_and_what_cannot_be_used_is_a_warning() -> None:
    """Nothing of a url is shown."""
    top = tuple(Notify.model_validate({"url": url}) for url in ("json://127.0.0.1/tok1", "nosuch://tok2"))
    mine = (Notify.model_validate({"url": "env:TURNOUT_HOOK"}),)
    environment = Environment(name="production", path="/srv/api", notify=mine)
    config = Config(app="api", environments={"production": environment}, notify=top)

    found = await notify.look(config, environment, {})

    assert [(one.level, one.exit_code) for one in found] == [("ok", 0), ("warning", 0), ("warning", 0)]
    assert found[0].message == "JSON"
    assert "[[notify]] 2" in found[1].message
    assert "TURNOUT_HOOK is not set" in found[2].message
    assert "tok" not in str([one.as_json() for one in found])
    first, *_ = await notify.look(config, environment, {"TURNOUT_HOOK": "json://a"})
    assert first.message == "JSON, JSON"


async def test_without_targets_nothing_is_said() -> None:
    """Most have none."""
    environment = Environment(name="production", path="/srv/api")
    assert await notify.look(Config(app="api", environments={"production": environment}), environment) == []
