#!/bin/sh
# Installs gavel from an archive that `cargo xtask dist` made: checks its digest, unpacks it, puts `gavel` and `gavel-train`
# on the path, and the interpreters that `code` runs programs with among the user's plugins.
#
#   sh install.sh                               the archive beside this script
#   sh install.sh --from https://host/folder    an archive from there
#   sh install.sh --pytorch python3             `gavel train` computes with this Python's PyTorch
#   sh install.sh --prefix /opt/gavel           into /opt/gavel and /opt/gavel/bin instead of ~/.local
set -eu

version=@VERSION@
torch=@TORCH@

fail() {
    echo "error: $*" >&2
    exit 1
}

from=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
prefix=${HOME:-}/.local
pytorch=
while [ $# -gt 0 ]; do
    case $1 in
        --from | --prefix | --pytorch)
            [ $# -gt 1 ] || fail "$1 needs a value"
            case $1 in
                --from) from=$2 ;;
                --prefix) prefix=$2 ;;
                --pytorch) pytorch=$2 ;;
            esac
            shift 2
            ;;
        -h | --help)
            sed -n '2,9s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *) fail "unknown option $1; --help lists them" ;;
    esac
done

case $(uname -s)-$(uname -m) in
    Linux-x86_64) target=x86_64-unknown-linux-gnu ;;
    Linux-aarch64) target=aarch64-unknown-linux-gnu ;;
    *) fail "there are archives for Linux on x86-64 and aarch64; elsewhere build gavel from its sources" ;;
esac
name=gavel-$version-$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() {
    case $from in
        http://* | https://*)
            command -v curl >/dev/null || fail "curl is needed to fetch $from/$1"
            curl --fail --silent --show-error --location --output "$work/$1" "$from/$1" || fail "could not fetch $from/$1"
            ;;
        *) cp "$from/$1" "$work/$1" || fail "there is no $1 in $from" ;;
    esac
}

fetch "$name.tar.gz"
fetch SHA256SUMS
expected=$(sed -n "s/^\([0-9a-f]\{64\}\)  $name.tar.gz\$/\1/p" "$work/SHA256SUMS")
[ -n "$expected" ] || fail "SHA256SUMS does not name $name.tar.gz"
found=$(sha256sum "$work/$name.tar.gz" | cut -d ' ' -f 1)
[ "$found" = "$expected" ] || fail "$name.tar.gz has the digest $found, and SHA256SUMS says $expected: nothing was installed"
tar -xzf "$work/$name.tar.gz" -C "$work"

# The trainer finds libtorch beside its folder. Its version is asked of the package, since importing it takes its time.
library=
if [ -n "$pytorch" ]; then
    library=$("$pytorch" -c '
import importlib.metadata, importlib.util, os, sys
try:
    version = importlib.metadata.version("torch").split("+")[0]
except importlib.metadata.PackageNotFoundError:
    sys.exit("this Python has no torch")
if version != sys.argv[1]:
    sys.exit(f"this Python has torch {version}")
print(os.path.dirname(importlib.util.find_spec("torch").origin))' "$torch") ||
        fail "gavel-train needs torch $torch: \`$pytorch -m pip install torch==$torch\`"
fi

place=$prefix/lib/gavel
mkdir -p "$prefix/lib" "$prefix/bin"
# What was there is put aside until the new one is in its place, so that an interrupted installation loses nothing.
[ ! -e "$place" ] || mv "$place" "$work/before"
mv "$work/$name" "$place"
if [ -n "$library" ]; then
    ln -s "$library" "$place/libtorch"
elif [ -e "$work/before/libtorch" ]; then
    cp -P "$work/before/libtorch" "$place/libtorch"
fi
for program in gavel gavel-train; do
    ln -sf "$place/bin/$program" "$prefix/bin/$program"
done
for interpreter in python javascript; do
    "$place/bin/gavel" --quiet plugin add --force "$place/interpreters/$interpreter" >"$work/added" ||
        fail "could not put the interpreter $interpreter among your plugins"
done

echo "gavel $version is in $place; $prefix/bin/gavel runs it"
case :$PATH: in
    *:"$prefix/bin":*) ;;
    *) echo "put $prefix/bin on your PATH" ;;
esac
[ -e "$place/libtorch" ] ||
    echo "to train, name a Python with torch $torch: sh install.sh --pytorch python3 (scoring needs none)"
