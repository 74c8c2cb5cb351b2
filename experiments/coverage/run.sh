#!/bin/sh
# The simulations of this experiment, into results/coverage. No data is needed; some minutes on two cores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
cargo run --release --example coverage -- results/coverage
