"""Makes the wheel and the source archive: a build backend by PEP 517, of the standard library alone.

``python3 build_backend.py FOLDER`` makes both and prints their paths. The same sources give the same
bytes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

HERE = Path(__file__).resolve().parent
PACKAGE = HERE / "src" / "runnel"
NAME = "runnel"
STAMP = 1_767_225_600  # As the Java build has it: 2026-01-01T00:00:00Z.

WHEEL = """\
Wheel-Version: 1.0
Generator: build_backend
Root-Is-Purelib: true
Tag: py3-none-any
"""

METADATA = """\
Metadata-Version: 2.1
Name: runnel
Version: {version}
Summary: Runs commands on other machines and in pods, and streams their output back while they run
License: Apache-2.0
Classifier: Development Status :: 4 - Beta
Classifier: Framework :: AsyncIO
Classifier: Operating System :: POSIX
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Requires-Python: >=3.9
Description-Content-Type: text/markdown

{readme}"""


def version() -> str:
    """What the package says of itself."""
    text = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'(?m)^__version__ = "(.+)"$', text)
    assert found is not None
    return found.group(1)


def build_wheel(
    wheel_directory: str,
    config_settings: Optional[Dict[str, Any]] = None,
    metadata_directory: Optional[str] = None,
) -> str:
    """PEP 517: makes the wheel, and returns its name."""
    name = f"{NAME}-{version()}-py3-none-any.whl"
    info = f"{NAME}-{version()}.dist-info"
    files = [(f"runnel/{path.name}", path.read_bytes()) for path in _sources()]
    files += [
        (f"{info}/METADATA", _metadata()),
        (f"{info}/WHEEL", WHEEL.encode()),
        (f"{info}/LICENSE", _license()),
    ]
    record = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files]
    record.append(f"{info}/RECORD,,")
    files.append((f"{info}/RECORD", "\n".join([*record, ""]).encode()))
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as archive:
        for path, data in files:
            entry = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return name


def build_sdist(sdist_directory: str, config_settings: Optional[Dict[str, Any]] = None) -> str:
    """PEP 517: makes the source archive, and returns its name."""
    base = f"{NAME}-{version()}"
    files: List[Tuple[str, bytes]] = [("PKG-INFO", _metadata()), ("LICENSE", _license())]
    for name in ("README.md", "pyproject.toml", "build_backend.py"):
        files.append((name, (HERE / name).read_bytes()))
    # Its tests are about a checkout: they need a server, and the data for all clients.
    for path in sorted((HERE / "examples").glob("*.py")):
        files.append((f"examples/{path.name}", path.read_bytes()))
    files += [(f"src/runnel/{path.name}", path.read_bytes()) for path in _sources()]
    with open(Path(sdist_directory, base + ".tar.gz"), "wb") as raw, gzip.GzipFile(
        "", "wb", fileobj=raw, mtime=STAMP
    ) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files:
            entry = tarfile.TarInfo(f"{base}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), STAMP, 0o644
            archive.addfile(entry, io.BytesIO(data))
    return base + ".tar.gz"


def _sources() -> List[Path]:
    return sorted([*PACKAGE.glob("*.py"), PACKAGE / "py.typed"])


def _metadata() -> bytes:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    return METADATA.format(version=version(), readme=readme).encode()


def _license() -> bytes:
    # A checkout has one for all of Runnel, a source archive its own.
    own = HERE / "LICENSE"
    return (own if own.exists() else HERE.parents[1] / "LICENSE").read_bytes()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def main(folder: str) -> None:
    """Makes both."""
    os.makedirs(folder, exist_ok=True)
    for name in (build_wheel(folder), build_sdist(folder)):
        print(os.path.join(folder, name))


if __name__ == "__main__":
    main(*sys.argv[1:2])
