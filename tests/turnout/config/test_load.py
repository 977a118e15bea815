"""turnout.toml: what is accepted, and where and how the rest is refused."""

from pathlib import Path

import pytest

from turnout.config import Config, load
from turnout.errors import UsageError
from turnout.model import Address

WHOLE = """\
app = "blue-video-backend"
source = "backend"
node = "20"

[environments.production]
hosts = ["deploy@203.0.113.5"]
path = "/home/cloudpanel/htdocs/api.example.com"
branches = ["main", "production"]

[health]
path = "/health"
"""
SHORT = """\
app = "api"
[environments.production]
path = "/srv/api"
"""


def read(folder: Path, text: str) -> Config:
    (folder / "turnout.toml").write_text(text, encoding="utf-8")
    return load(None, folder)


def refusal(folder: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(folder, text)
    assert caught.value.exit_code == 2
    return caught.value


def test_the_file_of_the_design_loads(tmp_path: Path) -> None:
    """The file that DESIGN 7 calls a whole one is a whole one."""
    config = read(tmp_path, WHOLE)
    production = config.environment(None)
    assert (config.app, config.source, config.node) == ("blue-video-backend", "backend", "20")
    assert production.hosts == (Address("203.0.113.5", "deploy"),)
    assert production.branches == ("main", "production")
    assert config.file == tmp_path / "turnout.toml"


def test_every_default_is_that_of_the_design(tmp_path: Path) -> None:
    """What is left out has the default of DESIGN 7."""
    config = read(tmp_path, SHORT)
    assert config.model_dump(exclude={"file"}) == {
        "app": "api",
        "source": ".",
        "node": None,
        "toolchain": "shipped",
        "environments": {
            "production": {
                "name": "production",
                "hosts": (),
                "path": "/srv/api",
                "branches": ("main", "production"),
                "url": None,
                "process_env": "production",
                "database_backup": None,
                "checks": (),
                "github_checks": (),
                "windows": (),
                "freezes": (),
                "holidays": (),
                "time_zone": "UTC",
                "requires": None,
                "soak": 0.0,
                "database_restore": None,
                "notify": (),
            }
        },
        "build": {
            "install": ("npm ci", "npx --no-install prisma generate"),
            "commands": ("npm run build",),
            "env": (),
        },
        "package": {
            "include": (
                "dist",
                "prisma",
                "package.json",
                "package-lock.json",
                "tsconfig.json",
                "ecosystem.config.js",
                ".env.example",
                "prisma.config.*",
            )
        },
        "dependencies": {
            "commands": ("npm ci --omit=dev", "npx --no-install prisma generate"),
            "inputs": ("package.json", "package-lock.json", "prisma/schema.prisma", "prisma.config.*"),
            "where": "auto",
        },
        "migrate": {"commands": ("npx --no-install prisma migrate deploy",)},
        "processes": {
            "manager": "pm2",
            "config": "ecosystem.config.js",
            "drain": True,
            "drain_timeout": 10.0,
        },
        "health": {
            "path": "/health",
            "port": None,
            "port_env": "PORT",
            "rehearse": True,
            "start_period": 60.0,
            "interval": 0.1,
            "timeout": 5.0,
            "passes": 3,
            "retries": 5,
            "bake": 10.0,
        },
        "release": {"keep": 5, "shared": ("logs",), "adopt_ignore": ()},
        "backup": {"keep": 5, "max_age": None},
        "logs": {"max_size": 50_000_000, "keep": 5},
        "notify": (),
    }


def test_process_env_is_the_name_of_the_environment(tmp_path: Path) -> None:
    """PM2's --env is the environment's name unless the file says otherwise."""
    config = read(
        tmp_path,
        SHORT
        + '[environments.staging]\npath = "/srv/b"\n[environments.qa]\npath = "/srv/c"\nprocess_env = "x"\n',
    )
    assert [(e.name, e.process_env) for e in config.environments.values()] == [
        ("production", "production"),
        ("staging", "staging"),
        ("qa", "x"),
    ]


@pytest.mark.parametrize(
    "line, replaced_by, where, message, hint",
    [
        ('source = "backend"', 'sorce = "backend"', "2:1", "unknown key `sorce`", "did you mean `source`?"),
        ('branches = ["main", "production"]', 'brunches = ["main"]', "8:1", "unknown key `brunches`", "`branches`"),
        ('path = "/health"', 'bake = "1m"\npats = "/"', "12:1", "unknown key `pats` in [health]", "`path`?"),
        ('node = "20"', 'bake = "10s"', "3:1", "unknown key `bake`", "belongs in [health]"),
        ('node = "20"', 'file = "x"', "3:1", "unknown key `file`", ""),
        ('node = "20"', 'zzz = "x"', "3:1", "unknown key `zzz`", "it takes app, source, node"),
        ('path = "/health"', 'name = "x"', "11:1", "unknown key `name` in [health]", ""),
        ('branches = ["main", "production"]', 'name = "x"', "8:1", "`name` in [environments.production]", ""),
        ('branches = ["main", "production"]', 'soak = "1h"', "8:1", "`soak` needs `requires`", ""),
        ('[health]\npath = "/health"', "[helth]", "10:1", "unknown key `helth`", "did you mean `health`?"),
        ('path = "/home/cloudpanel/htdocs/api.example.com"\n', "", "5:1", "`path` is missing in [env", ""),
        ('app = "blue-video-backend"\n', "", "1:1", "`app` is missing", ""),
        ('branches = ["main", "production"]', 'requires = "x"', "8:1", "is no environment: 'x'", "no other"),
        ('branches = ["main", "production"]', 'requires = "production"', "8:1", "leads in a circle", ""),
        ('branches = ["main", "production"]', 'windows = ["not Fri", "Fry"]', "8:23", "is not a weekday", ""),
        ('branches = ["main", "production"]', 'freezes = ["20 Dez"]', "8:12", "is not a month", ""),
        ('branches = ["main", "production"]', 'holidays = ["31 Feb"]', "8:13", "has no such day", ""),
        ('branches = ["main", "production"]', 'time_zone = "Berlin"', "8:1", "is not a time zone", ""),
        ('branches = ["main", "production"]', 'github_checks = ["a", "a"]', "8:1", "'a' stands here twice", ""),
        ('branches = ["main", "production"]', 'checks = [" "]', "8:11", "is an empty command", ""),
        ('app = "blue-video-backend"', 'app = "a;b"', "1:1", "'a;b' is not a name", ""),
        ('node = "20"', "node = 20", "3:1", "`node` must be text, in quotes", ""),
        ('node = "20"', 'node = "$(id)"', "3:1", "is not a version", ""),
        ('hosts = ["deploy@203.0.113.5"]', 'hosts = "deploy@203.0.113.5"', "6:1", "must be a list", ""),
        ('["deploy@203.0.113.5"]', '["a@b", "-oProxyCommand=x@c"]', "6:17", "`hosts[1]` in", ""),
        ('["deploy@203.0.113.5"]', '["a@[::1];id"]', "6:10", "`hosts[0]`", ""),
        ('["deploy@203.0.113.5"]', '["a@b", "a@b:22"]', "6:1", "'a@b' stands here twice", ""),
        ('["deploy@203.0.113.5"]', "[\n  7,\n]", "7:3", "`hosts[0]` in [environments.production] must be text", ""),
        ('"/home/cloudpanel/htdocs/api.example.com"', '"/srv/../etc"', "7:1", "no `..`", ""),
        ('"/home/cloudpanel/htdocs/api.example.com"', '"/srv/a/"', "7:1", "write it as '/srv/a'", ""),
        ('"/home/cloudpanel/htdocs/api.example.com"', '"srv"', "7:1", "must be absolute", ""),
        ('"/home/cloudpanel/htdocs/api.example.com"', '"/"', "7:1", "no empty part", ""),
        ('"/home/cloudpanel/htdocs/api.example.com"', '"/srv/a\\nb"', "7:1", "characters", ""),
        ('["main", "production"]', '["main", "--upload-pack=x"]', "8:21", "not the name of a branch", ""),
        ('["main", "production"]', "[]", "8:1", "must not be empty", ""),
        ("[environments.production]", '[environments."a;b"]', "5:1", "'a;b' is not a name", ""),
        ('path = "/health"', "bake = 10", "11:1", 'write "10s"', ""),
        ('path = "/health"', 'bake = "10"', "11:1", "with its unit", ""),
        ('path = "/health"', 'interval = "0s"', "11:1", "more than zero", ""),
        ('path = "/health"', "port = 70000", "11:1", "`port` in [health] must be at most 65535", ""),
        ('path = "/health"', "passes = 0", "11:1", "must be at least 1", ""),
        ('path = "/health"', "passes = true", "11:1", "must be a whole number", ""),
        ('path = "/health"', 'rehearse = "no"', "11:1", "must be true or false", ""),
        ('path = "/health"', 'path = "health"', "11:1", "must start with /", ""),
        ('[health]\npath = "/health"', 'health = "x"', "10:1", "unknown key `health` in", "the top of the file"),
        ('node = "20"', "build = { comands = [] }", "3:11", "unknown key `comands` in [build]", "`commands`"),
        ('node = "20"', 'build.install = "npm ci"', "3:7", "`install` in [build] must be a list", ""),
        ('node = "20"', 'release.shared = ["../x"]', "3:19", "`shared[0]` in [release]", ""),
        ('node = "20"', 'package.include = ["dist", ".env"]', "3:28", "never part of a package", ""),
        ('node = "20"', 'processes.manager = "systemd"', "3:11", "must be 'pm2'", ""),
        ('node = "20"', 'toolchain = "shiped"', "3:1", "must be 'shipped' or 'host'", ""),
        ('node = "20"', "node = ", "3:8", "not valid TOML", ""),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_place(
    tmp_path: Path, line: str, replaced_by: str, where: str, message: str, hint: str
) -> None:
    """Each wrong key or value is named with line, column, and what was probably meant."""
    assert line in WHOLE
    error = refusal(tmp_path, WHOLE.replace(line, replaced_by))
    assert error.where == f"turnout.toml:{where}"
    assert message in error.message
    assert hint in " ".join(error.why)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """One reading names all faults, in the order of the file."""
    error = refusal(tmp_path, 'app = "A"\nsorce = "x"\n[environments.production]\npath = "x"\n')
    assert error.where == "turnout.toml:1:1"
    assert [line.split(": ")[0] for line in error.why] == ["turnout.toml:2:1", "turnout.toml:4:1"]


def test_no_environment_is_refused(tmp_path: Path) -> None:
    """A file without an environment has nowhere to deploy to."""
    assert "environment" in refusal(tmp_path, 'app = "a"\n').message
    assert "environment" in refusal(tmp_path, 'app = "a"\n[environments]\n').message


def test_a_missing_file_says_what_to_type(tmp_path: Path) -> None:
    """Without a file the block names init, or the file in a folder above, which is not taken by itself."""
    with pytest.raises(UsageError) as caught:
        load(None, tmp_path)
    assert "turnout init" in caught.value.remedy[0]
    (tmp_path / "turnout.toml").write_text(WHOLE)
    below = tmp_path / "backend"
    below.mkdir()
    with pytest.raises(UsageError) as caught:
        load(None, below)
    assert "-c ../turnout.toml" in caught.value.remedy[0]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are refused with their line."""
    (tmp_path / "turnout.toml").write_bytes(b'app = "a"\nsource = "\xff"\n')
    with pytest.raises(UsageError) as caught:
        load(None, tmp_path)
    assert caught.value.where == "turnout.toml:2:1"


def test_another_file_and_windows_lines(tmp_path: Path) -> None:
    """-c names any file; a byte order mark and CRLF do no harm, and places stay right."""
    (tmp_path / "other.toml").write_bytes(
        b"\xef\xbb\xbf" + (WHOLE + "bakee = 1\n").replace("\n", "\r\n").encode()
    )
    with pytest.raises(UsageError) as caught:
        load(Path("other.toml"), tmp_path)
    assert caught.value.where == "other.toml:12:1"


def test_which_environment(tmp_path: Path) -> None:
    """The only environment needs no name; with two, or a wrong name, theirs are listed."""
    config = read(tmp_path, WHOLE + '[environments.staging]\npath = "/srv/s"\n')
    assert config.environment("staging").path == "/srv/s"
    for name in (None, "prod"):
        with pytest.raises(UsageError) as caught:
            config.environment(name)
        assert "production, staging" in caught.value.message + " ".join(caught.value.why)


def test_targets_of_notifications_at_the_top_and_in_an_environment(tmp_path: Path) -> None:
    """Both tables are read; what is wrong in one is told with its place, and never with the url."""
    tables = '[[notify]]\nurl = "slack://A/B/C"\n'
    tables += '[[environments.production.notify]]\nurl = "json://x/tok"\nevents = ["failure"]\n'
    config = read(tmp_path, SHORT + tables)
    assert config.notify[0].events == ("success", "failure", "reverted", "waiting", "recovered")
    assert config.environment(None).notify[0].events == ("failure",)
    assert "tok" not in repr(config)

    refused = refusal(tmp_path, SHORT + tables.replace('["failure"]', '["fail"]'))
    assert refused.where == "turnout.toml:8:11"
    assert "'success'" in refused.message
    refused = refusal(tmp_path, SHORT + tables.replace("events", "evnts"))
    assert "did you mean `events`?" in refused.why
    refused = refusal(tmp_path, SHORT + tables.replace("slack://A/B/C", "hunter2 hunter2"))
    assert refused.where == "turnout.toml:5:1"
    assert "hunter2" not in str(refused.__dict__)
