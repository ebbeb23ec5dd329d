"""Python packages that deploy/install-deps.sh --test unpacked beside the other dependencies, never installed."""

import importlib
import os
import pathlib
import re
import shutil
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPS = pathlib.Path(os.environ.get("SDA_DEPS_DIR") or pathlib.Path.home() / ".cache" / "sda" / "deps")
PYTHON = (3, 11)  # the wheels are built for


def pinned(name):
    """A version that cmake/versions.cmake sets, e.g. of "NUMPY"."""
    pins = (ROOT / "cmake" / "versions.cmake").read_text()
    return re.search(rf"^set\(SDA_{name}_VERSION (\S+)\)$", pins, re.MULTILINE).group(1)


def load(*names):
    """The modules, or SkipTest that says what to do. A package that is there and does not load is a failure."""
    for name in names:
        version = pinned(name.upper())
        folder = DEPS / f"{name}-{version}"
        if not folder.is_dir():
            raise unittest.SkipTest(f"{folder} is not there: run deploy/install-deps.sh --test")
        if sys.version_info[:2] != PYTHON:
            raise unittest.SkipTest(f"{name} is for Python {PYTHON[0]}.{PYTHON[1]}, this is {sys.version.split()[0]}")
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return [importlib.import_module(name) for name in names]


def spark_folders():
    """What PYTHONPATH has to hold for PySpark and for the job that runs on it, PySpark's own folder first; SkipTest
    says what is missing."""
    if shutil.which("java") is None:
        raise unittest.SkipTest("there is no java: run deploy/install-deps.sh --test")
    if sys.version_info[:2] != PYTHON:
        raise unittest.SkipTest(f"the wheels are for Python {PYTHON[0]}.{PYTHON[1]}, this is {sys.version.split()[0]}")
    folders = []
    for name, pin in (("pyspark", "PYSPARK"), ("numpy", "NUMPY"), ("arrow", "ARROW")):
        folder = DEPS / f"{name}-{pinned(pin)}"
        if not folder.is_dir():
            raise unittest.SkipTest(f"{folder} is not there: run deploy/install-deps.sh --test")
        folders.append(str(folder))
    folders += [str(path) for path in (pathlib.Path(folders[0]) / "pyspark" / "python" / "lib").glob("py4j-*.zip")]
    return folders
