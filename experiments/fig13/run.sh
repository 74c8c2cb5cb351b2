#!/bin/sh
# OU sizes 9x8 to 128x128 on BWQ-H: bits, run time, energy, into results/fig13. ResNet-18 has made-up maps of one mean at every size; the
# networks with weights have the bits that their integers need in blocks of each size.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${BWQ:-}" ]; then
    cargo build --release
    BWQ=${CARGO_TARGET_DIR:-target}/release/bwq
fi
out=results/fig13
sizes=$out/sizes
mkdir -p $sizes
trap 'rm -r "$sizes"' EXIT

# series NAME ARGUMENTS...: a table of all sizes, and the first size's provenance.
series() {
    name=$1
    shift
    for size in "9 8" "16 16" "32 32" "64 64" "128 128"; do
        "$BWQ" cost "$@" --set "cost.ou_wordlines=${size% *}" --set "cost.ou_bitlines=${size#* }" --out "$sizes/$name"
        for table in cost_summary cost_layers; do
            # One header; of the layers, their sum.
            awk -v first="$([ "$size" = "9 8" ] && echo 1)" -v all="$table" 'FNR == 1 { if (first) print; next } all == "cost_summary" || /,all,/' \
                "$sizes/$name/$table.csv" >> "$sizes/$name.$table.csv"
        done
        [ "$size" != "9 8" ] || cp "$sizes/$name/cost_summary.provenance.json" "$out/$name.provenance.json"
    done
    mv "$sizes/$name.cost_summary.csv" "$out/$name.csv"
    mv "$sizes/$name.cost_layers.csv" "$out/${name}_counts.csv"
}

for planes in in-turn in-parallel; do
    series "resnet18_$planes" --network resnet18-cifar10 --precision-map synthetic --set cost.activation_bits=table2 --set "cost.bit_planes=$planes"
    series "embedded_bwq_a_$planes" --network embedded-bwq-a --precision-map own --activation-bits 4 --set "cost.bit_planes=$planes"
    if [ -n "${BWQ_DATA:-}" ]; then
        series "resnet20_weights_$planes" --network "$BWQ_DATA/nets/cifar10_resnet20.json" --precision-map own --activation-bits 8 --set "cost.bit_planes=$planes"
    else
        echo "run.sh: BWQ_DATA is not set, so ResNet-20 with its weights is left out" >&2
    fi
done
