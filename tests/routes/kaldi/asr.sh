#!/usr/bin/env bash
# Stands in for ESPnet's asr.sh: calls ${python} in every way that it does, unquoted.
set -euo pipefail
python=python3
asr_config=
while (($#)); do
    declare "${1#--}=$2"
    shift 2
done

# Stage 5
${python} -m espnet2.bin.tokenize_text \
    --token_type char --input data/train/text --output exp/tokens.txt \
    --field 2- --write_vocabulary true \
    --add_symbol "<blank>:0" --add_symbol "<unk>:1" --add_symbol "<sos/eos>:-1"

# Stage 10
utils/run.pl JOB=1:1 exp/asr_stats/logdir/stats.JOB.log \
    ${python} -m espnet2.bin.asr_train --collect_stats true \
    --config "${asr_config}" --token_list exp/tokens.txt \
    --train_shape_file data/train/wav.scp --valid_shape_file data/valid/wav.scp \
    --output_dir exp/asr_stats/logdir/stats.JOB
${python} -m espnet2.bin.aggregate_stats_dirs \
    --input_dir exp/asr_stats/logdir/stats.1 --output_dir exp/asr_stats

# Stage 11
${python} -m espnet2.bin.launch \
    --cmd "utils/run.pl --name exp/asr_sh/train.log" --log exp/asr_sh/train.log \
    --ngpu 0 --num_nodes 1 --init_file_prefix exp/asr_sh/.dist_init_ \
    --multiprocessing_distributed true -- \
    ${python} -m espnet2.bin.asr_train \
    --config "${asr_config}" --token_list exp/tokens.txt --resume true \
    --train_shape_file exp/asr_stats/train/speech_shape \
    --valid_shape_file exp/asr_stats/valid/speech_shape \
    --output_dir exp/asr_sh

# Stage 13
<data/test/text ${python} -m espnet2.bin.tokenize_text \
    -f 2- --input - --output - --token_type word >exp/asr_sh/ref.trn
