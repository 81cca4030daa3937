"""What an author is told of a build that fails, and what is staged for it."""

import tempfile
import unittest
from pathlib import Path

from gavel_plugin import build, explain

# What componentize-py says of a module that is missing, cut down: the sandbox's traceback among the builder's frames.
SAID = """Error: failed to initialize

Caused by:
    0: exit status 1
    1: wasm trap: unreachable
Stderr: Traceback (most recent call last):
  File "/0/gavel_component.py", line 3, in <module>
    import mine
  File "/0/mine.py", line 2, in <module>
    from helper import nothing
  File "<frozen importlib._bootstrap>", line 1371, in _find_and_load
  File "/1/helper.py", line 7, in <module>
    import numpy
ImportError: Unable to import required dependencies: numpy
IMPORTANT: PLEASE READ THIS FOR ADVICE ON HOW TO SOLVE THIS ISSUE!

Stack backtrace:
   0: std::backtrace::Backtrace::create
   1: tokio::runtime::park
"""


class Explain(unittest.TestCase):
    def test_whoever_reads_a_file_is_told_where_data_goes(self) -> None:
        error = "FileNotFoundError: [Errno 44] No such file or directory: 'words.txt'"
        said = explain.failure(SAID.replace("ImportError: Unable to import required dependencies: numpy", error))
        self.assertIn(error, said)
        self.assertIn("a plugin has no files, also while it is imported: put what it reads into a module", said)

    def test_only_the_traceback_is_left_with_the_authors_frames(self) -> None:
        expected = [
            "Traceback (most recent call last):",
            '  File "mine.py", line 2, in <module>',
            "    from helper import nothing",
            '  File "helper.py", line 7, in <module>',
            "    import numpy",
            "ImportError: Unable to import required dependencies: numpy",
            "IMPORTANT: PLEASE READ THIS FOR ADVICE ON HOW TO SOLVE THIS ISSUE!",
        ]
        self.assertEqual(explain.failure(SAID).splitlines(), expected)

    def test_a_package_with_native_extensions_is_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "numpy/core").mkdir(parents=True)
            (Path(folder) / "numpy/core/_multiarray.cpython-314.so").touch()
            said = explain.failure(SAID, [Path(folder)]).splitlines()
        self.assertTrue(said[-1].startswith("numpy: a package with native extensions"), said)
        self.assertFalse(any("PLEASE READ" in line for line in said), said)

    def test_a_package_that_is_not_there_has_a_place_to_be_named(self) -> None:
        for module, package in (("numpy", "numpy"), ("numpy.linalg", "numpy")):
            last = f"ModuleNotFoundError: No module named '{module}'"
            said = explain.failure(SAID.replace("ImportError: Unable to import required dependencies: numpy", last))
            self.assertIn(last, said)
            self.assertTrue(said.splitlines()[-1].startswith(f"{package}: what a plugin imports"), said)
            self.assertIn("requirements.txt beside gavel.toml", said)
        own = SAID.replace("ImportError: Unable to import required dependencies: numpy", "ModuleNotFoundError: No module named '_ssl'")
        self.assertTrue(explain.failure(own).endswith("_ssl: the sandbox's Python is built without it"))

    def test_what_ends_or_starts_a_process_is_said(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mine.py"
            file.write_text("import os\nfrom os import system\nfine = os.path.sep\nos._exit(1)\n")
            notes = explain.check([file])
        self.assertEqual([note.partition(" does")[0] for note in notes], ["mine.py:2: `os.system`", "mine.py:4: `os._exit`"])

    def test_what_is_no_traceback_is_shown_as_it_is(self) -> None:
        self.assertEqual(explain.failure("no such file\n\n"), "no such file")

    def test_a_syntax_error_is_pythons_own(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mine.py"
            file.write_text("def verify(:\n    pass\n")
            with self.assertRaises(SystemExit) as stopped:
                explain.check([file])
        said = str(stopped.exception)
        self.assertIn('mine.py", line 1\n    def verify(:\n               ^\nSyntaxError: ', said)

    def test_what_the_sandbox_does_not_have_is_said(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mine.py"
            file.write_text("import re\nfrom concurrent.futures import ThreadPoolExecutor\nimport urllib.request\n")
            notes = explain.check([file])
        self.assertEqual(
            notes,
            [
                "mine.py:2: `concurrent.futures` does not work in the sandbox: there are no threads; gavel's limits bound the time",
                "mine.py:3: `urllib.request` does not work in the sandbox: there is no network",
            ],
        )

    def test_modules_beside_the_verifier_are_importable_and_environments_are_not(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name in ("mine.py", "helper.py", "package/__init__.py", "venv/pyvenv.cfg", "venv/x.py", ".gavel/y.py", "notes.md"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).touch()
            found = [path.name for path in build._siblings(root / "mine.py")]
        self.assertEqual(found, ["helper.py", "package"])


if __name__ == "__main__":
    unittest.main()
