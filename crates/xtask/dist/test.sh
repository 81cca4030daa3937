#!/bin/sh
# test.sh DIST LIBTORCH: installs the archive of the folder DIST into an empty home, and uses it there. LIBTORCH is the folder
# of a PyTorch of the version that the trainer needs.
set -eu
dist=$1
libtorch=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/home"
export HOME="$work/home"
unset XDG_DATA_HOME XDG_CACHE_HOME GAVEL_PLUGIN_PATH LD_LIBRARY_PATH

fail() {
    echo "failed: $*" >&2
    exit 1
}

# A Python whose packages are those beside libtorch, and one with another torch.
packages=$(dirname "$(readlink -f "$libtorch")")
printf '#!/bin/sh\nPYTHONPATH=%s exec python3 "$@"\n' "$packages" >"$work/python"
printf '#!/bin/sh\necho "this Python has torch 1.0.0" >&2\nexit 1\n' >"$work/old-python"
chmod +x "$work/python" "$work/old-python"

# What is not as its digest says is not installed, and neither is a trainer without the libtorch that it needs.
cp -r "$dist" "$work/changed"
echo x >>"$(ls "$work"/changed/*.tar.gz)"
if sh "$work/changed/install.sh" 2>"$work/said"; then fail "a changed archive was installed"; fi
grep -q "nothing was installed" "$work/said" || fail "a changed archive: $(cat "$work/said")"
if sh "$dist/install.sh" --pytorch "$work/old-python" 2>"$work/said"; then fail "the wrong torch was taken"; fi
grep -q "this Python has torch 1.0.0" "$work/said" || fail "another torch: $(cat "$work/said")"
[ ! -e "$HOME/.local/lib/gavel" ] || fail "something was installed all the same"

# Twice: what is there is replaced, and the trainer keeps its libtorch.
sh "$dist/install.sh" --pytorch "$work/python" >"$work/said"
sh "$dist/install.sh" >"$work/said"
grep -q "put $HOME/.local/bin on your PATH" "$work/said" || fail "the path: $(cat "$work/said")"
PATH=$HOME/.local/bin:$PATH
cd "$work"

printf '%s\n' '{"prompt": "1 + 1?", "completion": "\\boxed{2}", "reference": "2"}' | gavel --quiet score --plugin math >scored
grep -q '"reward":1' scored || fail "math: $(cat scored)"
printf '%s\n' '{"prompt": "", "completion": "```python\nprint(input()[::-1])\n```", "metadata": {"inputs": ["ab\n"], "outputs": ["ba\n"]}}' |
    gavel --quiet score --plugin code --grant interpreter >scored
grep -q '"reward":1' scored || fail "code: $(cat scored)"
gavel doctor | grep -q "ok  *gavel-train libtorch" || fail "the trainer: $(gavel doctor)"
ldd "$HOME/.local/lib/gavel/bin/gavel-train" | grep -q "gavel/bin/../libtorch/lib/libtorch_cpu.so" ||
    fail "the trainer computes with another libtorch than the one it was installed with"
echo "1 passed, 0 failed"
