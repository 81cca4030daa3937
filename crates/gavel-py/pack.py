"""Packs the package, with the library and the command that the workspace's build has made, as a wheel.

The tests install this one. Published wheels are maturin's (`cargo xtask wheel`), which compiles for itself: it builds this
one crate, whose dependencies have other features alone than in the workspace, and would compile all of them again.
"""

import argparse
import base64
import hashlib
import sysconfig
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).with_name("python") / "gavel_rl"
NAME = "gavel_rl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--command", type=Path, required=True)
    parser.add_argument("wheel", type=Path)
    arguments = parser.parse_args()
    files = {
        path.relative_to(PACKAGE.parent).as_posix(): path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in (".py", ".pyi") or path.name == "py.typed"
    }
    files[f"{NAME}/_native.abi3.so"] = arguments.library.read_bytes()
    files[f"{NAME}/bin/gavel"] = arguments.command.read_bytes()
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    about = f"{NAME}-{arguments.version}.dist-info"
    files[f"{about}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: gavel-rl\nVersion: {arguments.version}\nRequires-Python: >=3.10\n".encode()
    )
    files[f"{about}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: pack.py\nRoot-Is-Purelib: false\nTag: cp310-abi3-{platform}\n".encode()
    )
    files[f"{about}/entry_points.txt"] = (
        f"[console_scripts]\ngavel = {NAME}.__main__:main\n\n[verl.plugins]\ngavel = {NAME}.verl_plugin\n".encode()
    )
    record = "".join(f"{name},sha256={digest(content)},{len(content)}\n" for name, content in files.items())
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    arguments.wheel.mkdir(parents=True, exist_ok=True)
    wheel = arguments.wheel / f"{NAME}-{arguments.version}-cp310-abi3-{platform}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            mode = 0o755 if name.endswith(("bin/gavel", ".so")) else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content)
    print(wheel)


def digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
