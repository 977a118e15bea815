"""Check that src/turnout_host imports nothing but the standard library and itself."""

import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "turnout_host"
ALLOWED = sys.stdlib_module_names | {PACKAGE.name}


def imported(node: ast.AST) -> list[str]:
    """Give the top-level names that one statement imports; a relative import gives none."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [(node.module or "").partition(".")[0]]
    return []


def main() -> int:
    """Print every import that a bare server could not satisfy; 1 if there is one."""
    strangers = [
        f"{path}:{node.lineno}: {name} is not in the standard library"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_bytes(), str(path)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported(node)
        if name not in ALLOWED
    ]
    print("\n".join(strangers) or "the host program imports only the standard library")
    return 1 if strangers else 0


if __name__ == "__main__":
    sys.exit(main())
