#!/usr/bin/env bash
# Train and decode by the asr.sh of an ESPnet checkout.
#
#   ./run.sh ESPNET NAME [OPTION VALUE ...]
#
# ESPNET is the checkout, NAME a file conf/train_asr_NAME.yaml: s4_decay or s4_residual.
# Options are those of asr.sh, such as `--stage 11 --ngpu 2`, and override those below.
# asr.sh finds Kaldi's scripts and data.sh by the folder that it runs in, which is the
# checkout's own recipe: data, statistics and results are there, beside ESPnet's.
set -euo pipefail
unset CDPATH

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

if (($# < 2)); then
    fail "usage: ./run.sh ESPNET NAME [OPTION VALUE ...]"
fi
conf=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/conf
recipe=$1/egs2/librispeech_100/asr1
asr_config=$conf/train_asr_$2.yaml
shift 2

[[ -f $recipe/asr.sh ]] || fail "there is no $recipe/asr.sh; name an ESPnet checkout"
[[ -f $asr_config ]] || fail "there is no $asr_config"
cd "$recipe"
# Hours of data preparation come before the first use of the encoder.
# shellcheck disable=SC1091
(. ./path.sh && python3 -c 'import espnet_residuals') ||
    fail "the checkout's python3 lacks espnet_residuals; see README.md"

exec ./asr.sh \
    --lang en \
    --train_set train_clean_100 \
    --valid_set dev \
    --test_sets "test_clean test_other dev_clean dev_other" \
    --max_wav_duration 30 \
    --speed_perturb_factors "0.9 1.0 1.1" \
    --nbpe 5000 \
    --bpe_train_text data/train_clean_100/text \
    --lm_train_text data/train_clean_100/text \
    --use_lm false \
    --asr_config "$asr_config" \
    --inference_config "$conf/decode_asr.yaml" \
    "$@"
