#!/bin/sh
# TestU01 on the words of read noise, into results/noise_hash: SmallCrush in every order, Crush in the engine's (an hour).
# `run.sh small` leaves Crush out. TestU01's headers and libraries: Debian's libtestu01-0-dev (component non-free), or name a
# folder that its packages were unpacked into in BWQ_TESTU01.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
cargo build --release --example noise_words
words=${CARGO_TARGET_DIR:-target}/release/examples/noise_words
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unpacked=${BWQ_TESTU01:-}
machine=$(cc -dumpmachine)
cc -O2 -I"$unpacked/usr/include" -I"$unpacked/usr/include/testu01" -I"$unpacked/usr/include/$machine" -o "$work/battery" "$here/battery.c" \
    -L"$unpacked/usr/lib/$machine" -Wl,-rpath-link,"$unpacked/usr/lib/$machine" -ltestu01 -ltestu01probdist -ltestu01mylib -lm
LD_LIBRARY_PATH=$unpacked/usr/lib/$machine
export LD_LIBRARY_PATH
out=$root/results/noise_hash
mkdir -p "$out"
for order in columns steps groups positions images; do
    "$words" "$order" | "$work/battery" small "$order"
    "$words" "$order" reversed | "$work/battery" small "$order, bits reversed"
done | grep -E 'Generator|passed|[0-9]+ +[A-Z]' > "$out/small_crush.txt"
if [ "${1:-}" != small ]; then
    "$words" columns | "$work/battery" crush columns | grep -E 'Generator|passed|[0-9]+ +[A-Z]' > "$out/crush.txt"
fi
