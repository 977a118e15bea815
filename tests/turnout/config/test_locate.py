"""Places of keys in a TOML text."""

import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.config.locate import Path, place, places

TEXT = """\
# a comment with [brackets] and = signs
a = 1  # [x]
b.c = '''
multi = "line"
''' # tail
"d e" = { x = [1, { y = "}" }], z = 2026-11-23 10:00:00 }
[t.u]
k = [
  "one", # , ]
  'two',
]
[[list]]
v = 1
[[list]]
v = 2
[list.sub]
w = \"\"\"a " quote\\\" ]\"\"\"
"""


@pytest.mark.parametrize(
    "path, line, column",
    [
        (("a",), 2, 1),
        (("b",), 3, 1),
        (("b", "c"), 3, 3),
        (("d e",), 6, 1),
        (("d e", "x"), 6, 11),
        (("d e", "x", 1), 6, 19),
        (("d e", "x", 1, "y"), 6, 21),
        (("d e", "z"), 6, 33),
        (("t", "u"), 7, 1),
        (("t", "u", "k"), 8, 1),
        (("t", "u", "k", 1), 10, 3),
        (("list", 0, "v"), 13, 1),
        (("list", 1, "v"), 15, 1),
        (("list", 1, "sub", "w"), 17, 1),
        (("list", 1, "sub", "missing"), 16, 1),
        (("nothing",), 1, 1),
    ],
)
def test_places(path: Path, line: int, column: int) -> None:
    """Every form that TOML has for a key leads to its line and column."""
    assert place(TEXT, path) == (line, column)


scalar = st.one_of(
    st.integers(), st.booleans(), st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False)
)
key = st.text("ab. #]\"'=é-", min_size=1, max_size=5)
value = st.recursive(
    scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(key, inner, max_size=3)),
    max_leaves=8,
)


def written(thing: object) -> str:
    if isinstance(thing, bool):
        return str(thing).lower()
    if isinstance(thing, str):
        return (
            '"'
            + "".join(f"\\U{ord(c):08x}" if not c.isalnum() or ord(c) > 0xFFFF else c for c in thing)
            + '"'
        )
    if isinstance(thing, list):
        return "[ " + ", ".join(map(written, thing)) + " ]"
    if isinstance(thing, dict):
        return "{ " + ", ".join(f"{written(k)} = {written(v)}" for k, v in thing.items()) + " }"
    return repr(thing)


def all_paths(thing: object, base: Path = ()) -> set[Path]:
    inner = list(
        thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    )
    return {(*base, k) for k, _ in inner}.union(*(all_paths(v, (*base, k)) for k, v in inner))


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no finding
@given(st.dictionaries(key, value, max_size=4))
def test_every_path_of_every_text_is_found(data: dict[str, object]) -> None:
    """For any data, the places that are found are exactly those of the keys and items that tomllib reads."""
    text = "".join(f"{written(k)} = {written(v)}\n" for k, v in data.items())
    assert set(places(text)) == all_paths(tomllib.loads(text))
