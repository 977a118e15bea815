"""Check what a built wheel carries: both programs and the whole sample, and nothing that was made in it."""

import sys
import zipfile
from fnmatch import fnmatch

SAMPLE = "turnout/_sample/blue-video-backend/"
WANTED = [
    "turnout/__init__.py",
    "turnout_host/__init__.py",
    *(f"turnout/cli/templates/{name}" for name in ("deploy-backend.yml", "gitlab-ci.yml", "post-receive")),
    *(
        SAMPLE + name
        for name in (
            ".env.example",
            ".gitignore",
            ".npmrc",
            "ecosystem.config.js",
            "package.json",
            "package-lock.json",
            "prisma/schema.prisma",
            "tsconfig.json",
        )
    ),
]
REFUSED = [
    "examples/*",
    "*.pyc",
    SAMPLE + ".env",
    *(SAMPLE + f"{folder}/*" for folder in ("node_modules", "dist", "logs")),
    SAMPLE + "*.db",
]


def main(path: str) -> int:
    """Print what is missing or too much in the wheel at `path`; 1 if there is anything."""
    names = zipfile.ZipFile(path).namelist()
    faults = [f"{path} lacks {name}" for name in WANTED if name not in names]
    faults += [
        f"{path} must not carry {name}" for name in names if any(fnmatch(name, bad) for bad in REFUSED)
    ]
    print("\n".join(faults) or f"{path} is complete: {len(names)} files")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
