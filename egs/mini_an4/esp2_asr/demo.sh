#!/bin/sh
# Run all stages of the recipe and print what came out: sh demo.sh [NAME]
#
# NAME is that of a file conf/NAME.yaml, by default `training`. PYTHON names the
# interpreter that has espnet_residuals; by default the `python` on PATH. Removes what
# an earlier run trained (exp/NAME); keeps the data.
set -eu
unset CDPATH
name=${1:-training}

python=${PYTHON:-python}
case $python in
    /*) ;;
    */*) python=$PWD/$python ;;
esac

cd "$(dirname "$0")"
if ! "$python" -c 'import espnet3, espnet_residuals, tensorboard'; then
    echo "demo.sh: $python lacks the packages of the recipe; see README.md" >&2
    exit 1
fi

started=$(date +%s)
if [ -d "exp/$name" ]; then
    echo "demo.sh: removing exp/$name of an earlier run; keeping downloads/ and data/"
    rm -r "exp/$name"
fi

# The model is so small that a second thread costs more than it brings.
OMP_NUM_THREADS=1
export OMP_NUM_THREADS

"$python" run.py \
    --stages create_dataset train_tokenizer collect_stats train infer measure pack_model \
    --training_config "conf/$name.yaml" \
    --inference_config conf/inference.yaml \
    --metrics_config conf/metrics.yaml \
    --publication_config conf/publication.yaml

echo
echo "Reading the results ..."
"$python" src/demo_report.py "exp/$name" --started "$started"
