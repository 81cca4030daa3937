"""What the tests share: small rewards, a plugin that misbehaves, programs run by a Python of their own, and a server."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

import gavel_rl

MATH = {"reward": {"formula": "math"}, "verifiers": {"math": {"plugin": "math"}}}

#: Worth 0.5, unless the completion asks for a trap or an endless loop; see `misbehaves.wat`.
MISBEHAVES = {
    "reward": {"formula": "it"},
    "verifiers": {
        "it": {
            "plugin": str(Path(__file__).with_name("misbehaves.wasm")),
            "limits": {"fuel": 9_000_000_000_000, "timeout": "30s"},
        }
    },
}

#: What every program starts with.
_BEFORE = f"""
import asyncio, faulthandler, os, pickle, signal, sys, threading, time
from gavel_rl import Reward, Workspace
MATH, MISBEHAVES = {json.dumps(MATH)}, {json.dumps(MISBEHAVES)}
# Whoever runs the tests in the background of a shell has interrupts ignored, and so would have the programs.
signal.signal(signal.SIGINT, signal.default_int_handler)
"""


def python(
    program: str, *arguments: str, environment: dict[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs a program in a process of its own, and takes what it says."""
    command = [sys.executable, *arguments, "-c", _BEFORE + textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)


def missing(*modules: str) -> bool:
    """Whether a test cannot run here, said as `cargo xtask test` collects it."""
    absent = [module for module in modules if importlib.util.find_spec(module) is None]
    if absent:
        print(f"skipped: a test of the Python package with {modules[0]}: {', '.join(absent)} is not installed")
    return bool(absent)


def serve(test: unittest.TestCase, *arguments: str) -> str:
    """The address of a server, which ends with the test."""
    command = Path(gavel_rl.__file__).with_name("bin") / "gavel"
    server = subprocess.Popen([command, "serve", "--listen=127.0.0.1:0", *arguments], stderr=subprocess.PIPE, text=True)

    def end():
        server.terminate()
        server.communicate(timeout=60)

    test.addCleanup(end)
    said = server.stderr.readline()
    test.assertIn(" at http://", said)
    return said.split(" at ")[1].split()[0]
