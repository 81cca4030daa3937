"""The command line: `python -m gavel_plugin build` and `python -m gavel_plugin test`."""

import argparse
import sys
from pathlib import Path

from gavel_plugin import build, cases


def main() -> int:
    """Runs one command and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gavel_plugin", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    make = commands.add_parser("build", help="make a component of a plugin")
    make.add_argument("source", type=Path, help="the plugin's module (a file) or package (a folder)")
    make.add_argument("-o", "--output", type=Path, required=True, help="the .wasm file")
    test = commands.add_parser("test", help="run cases.jsonl in this Python, without a sandbox")
    test.add_argument("source", type=Path, help="the plugin's module (a file) or package (a folder)")
    test.add_argument("cases", type=Path, help="the file with the cases")
    for command in (make, test):
        command.add_argument(
            "-p", "--path", type=Path, action="append", default=[], help="a folder with what the plugin imports"
        )
    arguments = parser.parse_args()
    if arguments.command == "build":
        build.build(arguments.source, arguments.output, arguments.path)
        return 0
    return cases.run(arguments.source, arguments.cases, arguments.path)


if __name__ == "__main__":
    sys.exit(main())
