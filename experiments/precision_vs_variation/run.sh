#!/bin/sh
# Block precision x wordlines x programming error on the embedded network, into results/precision_vs_variation: run.sh [flags of `bwq run`].
# Needs no data beside the program. Some 40 minutes on two cores.
set -eu
cd "$(dirname "$0")/../.."
cargo build --release
bwq=${CARGO_TARGET_DIR:-target}/release/bwq
here=experiments/precision_vs_variation
out=results/precision_vs_variation

sweep() { # name, flags of `bwq run`
    name=$1
    shift
    "$bwq" run $here/sweep.toml --out "$out/$name" "$@"
}

# One width for all, rounded to nearest: 7 and 4 magnitude bits.
for bits in 8 5; do
    sweep uniform_$bits --set quantization.weight_bits=$bits "$@"
done
# The network inside the program: 4-bit activations.
sweep embedded_bwq_a --set network.model=embedded-bwq-a --set quantization.precision_map=embedded-bwq-a \
    --set quantization.weight_bits=9 --set quantization.activation_bits=4 "$@"
# Searched maps of blocks of 9 x 8, at larger and larger budgets; then of taller blocks at one budget.
search() { # name, budget, rows of a block
    "$bwq" search $here/search.toml --out "$out/$1" --set monte_carlo.max_drop=$2 --set search.block_rows=$3
}
found() { # name
    echo --set "network.model=$out/$1/network.json" --set "quantization.precision_map=$out/$1/precision_map.json" --set quantization.weight_bits=9
}
for budget in 0.000 0.005 0.020; do
    search "drop_$budget" $budget 9
    sweep "drop_${budget}_chips" $(found "drop_$budget") "$@"
done
for rows in 32 128; do
    search "rows_$rows" 0.005 $rows
    sweep "rows_${rows}_chips" $(found "rows_$rows") "$@"
done
# The same converter at all heights: the 5 bits that hold every sum of 9 wordlines, its range from data.
set -- --set adc.bits=5 --set adc.range=calibrated --set "device.programming_error.sigma_ln=[0.1, 0.2]" "$@"
sweep uniform_8_adc_5 --set quantization.weight_bits=8 "$@"
sweep embedded_bwq_a_adc_5 --set network.model=embedded-bwq-a --set quantization.precision_map=embedded-bwq-a \
    --set quantization.weight_bits=9 --set quantization.activation_bits=4 "$@"
sweep drop_0.005_adc_5 $(found drop_0.005) "$@"
sh $here/table.sh > $out/table.csv
