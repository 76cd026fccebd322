#!/usr/bin/env bash
# Stands in for Kaldi's run.pl: [--option value ...] [JOB=1:1] LOG COMMAND...
set -euo pipefail
while [[ $1 == --* ]]; do
    shift 2
done
if [[ $1 == JOB=* ]]; then
    shift
fi
log=${1//JOB/1}
shift
mkdir -p "$(dirname "$log")"
"${@//JOB/1}" >"$log" 2>&1
