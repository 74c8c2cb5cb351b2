#!/bin/sh
# The sweeps of this experiment, into results/ou_limit. Flags go on to `bwq run`; BWQ_DATA names the data's folder.
exec "$(dirname "$0")/../resnet20.sh" ou_limit lossless thousand_chips adc_4_bits -- "$@"
