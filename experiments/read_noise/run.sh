#!/bin/sh
# The model of read noise by flips beside the exact one: distributions and speed, into results/read_noise. A number of draws
# may be given; without one it is 100000.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
cargo build --release --example read_noise
mkdir -p results/read_noise
exec "${CARGO_TARGET_DIR:-target}/release/examples/read_noise" results/read_noise "$@"
