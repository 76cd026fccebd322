#!/bin/sh
# Copy ESPnet's recipe into a folder and put the configurations of this one beside its own.
#
#   sh overlay.sh FOLDER
#
# The recipe is FOLDER/egs3/librispeech_100/esp2_asr afterwards: ESPnet reads the name of
# a packed model off these folders. PYTHON names the interpreter that has ESPnet; by
# default the `python` on PATH.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: sh overlay.sh FOLDER" >&2
    exit 1
fi
ours=$(dirname "$0")
name=egs3.librispeech_100.esp2_asr
theirs=$("${PYTHON:-python}" -c "from importlib.resources import files; print(files('$name'))")
recipe=$1/egs3/librispeech_100/esp2_asr

mkdir -p "$recipe"
cp -R "$theirs/." "$recipe"
cp "$ours"/conf/*.yaml "$recipe/conf"
echo "$recipe"
