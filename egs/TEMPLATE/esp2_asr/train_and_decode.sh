#!/bin/sh
# Run all stages with one training configuration and print the table of errors.
#
#   sh SCRIPT [NAME [SET=WER ...]]
#
# SCRIPT is the name under which a recipe links to this file. NAME is a file
# conf/NAME.yaml (default: training); it is decoded as conf/inference_NAME.yaml says, or
# that of NAME without its last _part, or conf/inference.yaml. Fails if the word error
# rate of a test set is above the bar given, such as test=6. PYTHON names the interpreter
# that has espnet_residuals; by default the `python` on PATH. FSDD or AN4, by recipe,
# names the archive or the folder of the data set; by default it is downloaded. FOLD is
# AN4's for the NAME fold. Removes what an earlier run trained (exp/NAME, with fold
# exp/fold_FOLD); keeps the data.
set -eu
unset CDPATH

script=${0##*/}
python=${PYTHON:-python}
case $python in
    /*) ;;
    */*) python=$PWD/$python ;;
esac
case ${FSDD:-/} in
    /* | '~'*) ;;
    *) FSDD=$PWD/$FSDD; export FSDD ;;
esac
case ${AN4:-/} in
    /* | '~'*) ;;
    *) AN4=$PWD/$AN4; export AN4 ;;
esac

cd "$(dirname "$0")"
if ! "$python" -c 'import espnet3, espnet_residuals, tensorboard'; then
    echo "$script: $python lacks the packages of the recipe; see README.md" >&2
    exit 1
fi

name=${1:-training}
[ $# -eq 0 ] || shift
if [ ! -f "conf/$name.yaml" ]; then
    echo "$script: there is no conf/$name.yaml" >&2
    exit 1
fi
inference=inference_$name
[ -f "conf/$inference.yaml" ] || inference=inference_${name%_*}
[ -f "conf/$inference.yaml" ] || inference=inference
exp=exp/$name
if [ "$name" = fold ]; then
    FOLD=${FOLD:-1}
    export FOLD
    exp=exp/fold_$FOLD
fi

started=$(date +%s)
if [ -d "$exp" ]; then
    echo "$script: removing $exp of an earlier run; keeping downloads/ and data/"
    rm -r "$exp"
fi

# ESPnet3's collect_stats takes `normalize` out of the configuration that the stages of a
# process share: train would go on with utterance_mvn.
"$python" run.py \
    --stages create_dataset train_tokenizer collect_stats \
    --training_config "conf/$name.yaml"
"$python" run.py \
    --stages train infer measure \
    --training_config "conf/$name.yaml" \
    --inference_config "conf/$inference.yaml" \
    --metrics_config conf/metrics.yaml

bars=
for bar in "$@"; do
    bars="$bars --at-most $bar"
done
echo
# shellcheck disable=SC2086 # one word each
"$python" -m src.report "$exp" --inference "$inference" --started "$started" $bars
