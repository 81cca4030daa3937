"""``python -m gavel_rl`` is the command ``gavel``, which the wheel carries: this process becomes it."""

import os
import sys
from pathlib import Path


def main() -> None:
    command = Path(__file__).with_name("bin") / "gavel"
    if not command.is_file():
        sys.exit(f"this build of gavel_rl carries no command: there is no {command}")
    os.execv(command, ["gavel", *sys.argv[1:]])


if __name__ == "__main__":
    main()
