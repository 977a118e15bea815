from __future__ import annotations

import pytest

from turnout import errors
from turnout.hosts.faults import fault, typed
from turnout.model import Address

HOST = Address.parse("deploy@vps")


@pytest.mark.parametrize(
    "code, kind",
    [
        ("survey", errors.SurveyRefused),
        ("lease_held", errors.LeaseHeld),
        ("lease_lost", errors.LeaseLost),
        ("migration", errors.MigrationFailed),
        ("unhealthy", errors.Unhealthy),
        ("install", errors.TurnoutError),
        ("store", errors.PackageError),
        ("usage", errors.UsageError),
        ("unexpected", errors.TurnoutError),
        ("from the future", errors.TurnoutError),
    ],
)
def test_each_code_has_its_error(code: str, kind: type[errors.TurnoutError]) -> None:
    """The codes of docs/protocol.md are the exit codes of DESIGN 7."""
    assert type(fault({"code": code, "message": "m"}, HOST)) is kind


def test_the_detail_becomes_the_block() -> None:
    """Reason and tail are the why; the raw detail is kept for those who need more."""
    detail = {
        "reason": "500",
        "tail": ["a", "b"],
        "where": "/srv",
        "remedy": ["ssh {host} ls"],
        "holder": "ann",
    }
    error = fault({"code": "unhealthy", "message": "m", "detail": detail}, HOST)
    assert (error.message, error.where, error.why) == ("m", "/srv", ["500", "a", "b"])
    assert error.remedy == ["ssh deploy@vps ls"]
    assert error.detail == detail


@pytest.mark.parametrize("error", [{}, {"code": "survey"}, {"code": None, "message": None, "detail": None}])
def test_an_error_without_words_is_still_one(error: dict[str, object]) -> None:
    """A host program of another version may leave things out."""
    assert fault(error, HOST).message


@pytest.mark.parametrize(
    "remedy, host, expected",
    [
        ("ssh {host} df -h", "deploy@vps", "ssh deploy@vps df -h"),
        ("ssh {host} df -h", "deploy@vps:2222", "ssh -p 2222 deploy@vps df -h"),
        ("ssh -t {host} sudo x", "vps:2222", "ssh -p 2222 -t vps sudo x"),
        ("scp .env {host}:/srv/.env", "deploy@vps", "scp .env deploy@vps:/srv/.env"),
        ("scp .env {host}:/srv/.env", "deploy@vps:2222", "scp -P 2222 .env deploy@vps:/srv/.env"),
        ("scp .env {host}:/srv/.env", "deploy@[fd00::1]", "scp .env deploy@[fd00::1]:/srv/.env"),
        ("ssh {host} df", "deploy@[fd00::1]", "ssh deploy@fd00::1 df"),
        ("ssh -t {host} sudo x", "local", "sudo x"),
        ("scp .env {host}:/srv/.env", "local", "cp .env /srv/.env"),
        ("wait a minute", "local", "wait a minute"),
    ],
)
def test_a_remedy_is_what_one_types_here(remedy: str, host: str, expected: str) -> None:
    """The host does not know how it was reached; the deployer fills it in."""
    assert typed(remedy, Address.parse(host)) == expected
