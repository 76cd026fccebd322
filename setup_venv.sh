#!/bin/sh
# Make the environment that the Makefile's commands run in, or reuse it.
#
#   PYTHON  the Python 3.12 or 3.13 to make it from (default: found by itself)
#   VENV    the folder of the environment (default: .venv)
#
# A stamp in VENV says what the installation was made from; while that is
# unchanged, nothing is installed.
set -eu
unset CDPATH
cd "$(dirname "$0")"

VENV=${VENV:-.venv}
PYTHON=${PYTHON:-}
python=$VENV/bin/python
stamp=$VENV/.installed-from

say() {
    printf 'setup_venv: %s\n' "$*"
}

fail() {
    printf 'setup_venv: %s\n' "$@" >&2
    exit 1
}

# Succeeds if the command $1 runs and is a usual CPython 3.12 or 3.13 (for the
# free-threaded builds many packages have no wheels).
is_supported() {
    "$1" - >/dev/null 2>&1 <<'END'
import sys
import sysconfig

supported = sys.version_info[:2] in ((3, 12), (3, 13))
sys.exit(not supported or bool(sysconfig.get_config_var("Py_GIL_DISABLED")))
END
}

can_make_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 </dev/null
}

executable_of() {
    "$1" -c 'import sys; print(sys.executable)' </dev/null
}

version_of() {
    "$1" -c 'import platform; print(platform.python_version())' </dev/null
}

pyenv_versions() {
    # pyenv's commands on PATH refuse to run a version that is not selected.
    versions=${PYENV_ROOT:-${HOME:-}/.pyenv}/versions
    for minor in 3.12 3.13; do
        for folder in "$versions/$minor".*; do
            printf '%s\n' "${folder##*/}"
        done | sort -t . -k 3,3nr | while IFS= read -r version; do
            printf '%s\n' "$versions/$version/bin/python"
        done
    done
}

# 3.12 comes before 3.13: it is the version that CI installs and tests.
candidates() {
    if [ -n "$PYTHON" ]; then
        printf '%s\n' "$PYTHON"
    else
        printf '%s\n' python3.12 python3.13 python3
        pyenv_versions
    fi
}

supported_pythons() {
    candidates | while IFS= read -r candidate; do
        if is_supported "$candidate"; then
            executable_of "$candidate"
        fi
    done
}

find_python() {
    supported_pythons | while IFS= read -r found; do
        if can_make_venv "$found"; then
            printf '%s\n' "$found"
            break
        fi
    done
}

explain_missing_python() {
    without_venv=$(supported_pythons | head -n 1)
    if [ -n "$without_venv" ]; then
        version=$(version_of "$without_venv")
        fail "$without_venv (Python $version) has no venv or ensurepip." \
            "Install them (Debian, Ubuntu: apt install python${version%.*}-venv)."
    elif [ -n "$PYTHON" ]; then
        fail "PYTHON=$PYTHON is not a Python 3.12 or 3.13 that runs." \
            "Name one that does, or leave PYTHON unset to search for one."
    else
        fail "No Python 3.12 or 3.13 found." \
            "Looked for python3.12, python3.13, python3, pyenv's versions and uv." \
            "Install one, or name it: make test PYTHON=/path/to/python3.12"
    fi
}

# Removes only what is an environment: VENV may name any folder.
remove_venv() {
    if [ -f "$VENV/pyvenv.cfg" ]; then
        rm -rf "$VENV"
    elif [ -e "$VENV" ]; then
        fail "$VENV exists and is not a virtual environment." \
            "Remove it, or name another folder with VENV=..."
    fi
}

make_venv() {
    found=$(find_python)
    if [ -n "$found" ]; then
        remove_venv
        say "making $VENV with $found (Python $(version_of "$found"))"
        "$found" -m venv "$VENV"
    elif [ -z "$PYTHON" ] && command -v uv >/dev/null; then
        remove_venv
        say "making $VENV with uv (Python 3.12)"
        uv venv --seed --python 3.12 "$VENV"
    else
        explain_missing_python
    fi
}

same_version() {
    [ "$(version_of "$1" 2>/dev/null)" = "$(version_of "$2")" ]
}

# Succeeds if VENV works and is of the version that PYTHON asks for.
is_usable() {
    is_supported "$python" &&
        "$python" -m pip --version >/dev/null 2>&1 &&
        { [ -z "$PYTHON" ] || same_version "$PYTHON" "$python"; }
}

# ESPnet's ctc-segmentation is compiled on installation.
warn_without_compiler() {
    include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    if ! command -v cc >/dev/null || ! [ -f "$include/Python.h" ]; then
        say "warning: no C compiler (cc) or no $include/Python.h; the installation" \
            "may fail (Debian, Ubuntu: apt install build-essential python3-dev)"
    fi
}

install_project() {
    warn_without_compiler
    say "installing espnet-residuals, ESPnet and PyTorch (several GB when new)"
    "$python" -m pip install --upgrade pip
    "$python" -m pip install --editable '.[recipes,server,test]'
}

# The editable installation points to this folder, so a moved one is installed anew.
wanted=$(cksum <setup.py; pwd)

if ! is_usable; then
    make_venv
fi
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    say "reusing $VENV (Python $(version_of "$python"))"
else
    rm -f "$stamp"
    install_project
    printf '%s\n' "$wanted" >"$stamp"
    say "$VENV is ready (Python $(version_of "$python"))"
fi
