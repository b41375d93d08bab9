"""What it costs to be there: CPU-seconds of an import, of --help and of the first vector, and the installed size."""

# /// script
# dependencies = ["semascope"]
# ///

import json
import resource
import subprocess
import sys
from pathlib import Path

import semascope

TIMES = {
    "import semascope (CPU-s)": [sys.executable, "-c", "import semascope"],
    "semascope --help (CPU-s)": [str(Path(sys.executable).with_name("semascope")), "--help"],
    "import to first vector (CPU-s)": [
        sys.executable,
        "-c",
        "import semascope; semascope.Encoder('default').encode(['how do I copy a file?'])",
    ],
}


def cpu(command: list[str]) -> float:
    """User and system time of a command, after it ran once so that the disk's cache is warm."""
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def installed() -> float:
    """Megabytes (of 10^6 bytes) of everything in this environment except pip and setuptools, as `du` counts blocks."""
    site = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    own = Path(semascope.__file__).parent
    folders = [
        path
        for path in site.iterdir()
        if not path.name.startswith(("pip", "setuptools", "pkg_resources", "_distutils_hack"))
    ]
    folders += [] if site in own.parents else [own]
    out = subprocess.run(["du", "-sck", *map(str, folders)], capture_output=True, text=True, check=True).stdout
    return int(out.splitlines()[-1].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    numbers = {name: cpu(command) for name, command in TIMES.items()}
    print(json.dumps({"peer": "semascope", "numbers": {**numbers, "installed core (MB)": installed()}}))
