"""Builds python.wasm; `cargo xtask plugins` calls it with the SDK and componentize-py at hand."""

import sys
from pathlib import Path

from gavel_plugin.build import componentize

folder = Path(__file__).resolve().parent
componentize("interpreter-plugin", "from gavel_interpreter import Execution\n", Path(sys.argv[1]), [folder / "gavel_interpreter"])
