"""Builds python.wasm; `cargo xtask plugins` calls it with the SDK and componentize-py at hand."""

import sys
import tempfile
from pathlib import Path

from gavel_plugin.build import componentize

folder = Path(__file__).resolve().parent
# What the plugin `code` puts before programs and tests; see gavel_interpreter/openings.py.
drivers = folder.parents[1] / "code/src/python"
texts = [file.read_text() for file in sorted(drivers.glob("*.py"))]
with tempfile.TemporaryDirectory() as generated:
    module = Path(generated) / "gavel_openings.py"
    module.write_text(f"TEXTS = {texts!r}\n")
    sources = [folder / "gavel_interpreter", module]
    componentize("interpreter-plugin", "from gavel_interpreter import Execution\n", Path(sys.argv[1]), sources)
