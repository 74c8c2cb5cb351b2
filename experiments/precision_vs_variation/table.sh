#!/bin/sh
# One table of the sweeps of run.sh: mean bits x wordlines x programming error, with intervals.
set -eu
cd "$(dirname "$0")/../.."
out=results/precision_vs_variation

column() { # file, name: the value in the last row
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } END { print $at[name] }' "$1"
}
rows() { # network, block rows, mean bits
    awk -F, -v network="$1" -v block="$2" -v bits="$3" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        {
            line = network "," block "," bits
            n = split("activation_bits adc_bits ou_wordlines sigma_ln trials quantised_accuracy_frac accuracy_mean_frac accuracy_mean_lo95_frac accuracy_mean_hi95_frac drop_mean_frac yield_frac yield_lo95_frac yield_hi95_frac conversions", names, " ")
            for (k = 1; k <= n; k++) line = line "," $at[names[k]]
            print line
        }' "$out/$1/summary.csv"
}

echo "network,block_rows,mean_bits,activation_bits,adc_bits,ou_wordlines,sigma_ln,trials,quantised_accuracy_frac,accuracy_mean_frac,accuracy_mean_lo95_frac,accuracy_mean_hi95_frac,drop_mean_frac,yield_frac,yield_lo95_frac,yield_hi95_frac,conversions"
for adc in "" _adc_5; do
    rows "uniform_8$adc" "" 7
    rows "embedded_bwq_a$adc" 9 "$(column results/bwq_a/train/curve.csv mean_bits)"
    [ -z "$adc" ] || rows drop_0.005_adc_5 9 "$(column $out/drop_0.005/search_layers.csv mean_bits)"
done
rows uniform_5 "" 4
for budget in 0.000 0.005 0.020; do
    rows "drop_${budget}_chips" 9 "$(column "$out/drop_$budget/search_layers.csv" mean_bits)"
done
for height in 32 128; do
    rows "rows_${height}_chips" $height "$(column "$out/rows_$height/search_layers.csv" mean_bits)"
done
