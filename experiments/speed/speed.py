#!/usr/bin/env python3
"""The NumPy reference, `bwq bench`, the reference again, and whole sweeps; writes speed.csv, network.csv, sweep.csv, gpu.csv
and machine.json.

A ratio is of vectors times chips per second of CPU time, bwq's over NumPy's; NumPy's is the mean of its two runs, and both
stand in the table, so that drift of the machine is seen. Where the reference has no figure for a batch, that of its
largest batch stands in (column reference_batch).
"""
import argparse
import csv
import datetime
import io
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLUMNS = [
    "case", "rows", "batch", "kernel", "fraction", "fraction_bits", "bwq_trial_vectors_per_cpu_s", "numpy_trial_vectors_per_cpu_s",
    "ratio", "numpy_before", "numpy_after", "reference_batch", "ms_per_trial_min", "ms_per_trial_median", "repeats", "patterns_ms",
    "sampling_ms", "tables_ms", "product_ms", "look_up_ms", "rows_looked_up", "table_kib", "ideal_mmac_per_s", "conversions_per_s", "share_of_row_limit", "equals_direct",
    "codes_that_differ_frac",
]
GPU = [
    "kernel", "ou_wordlines", "vectors", "fraction", "ms_per_trial_min", "ms_per_trial_median", "repeats", "trial_vectors_per_s", "times_direct",
    "share_of_row_limit", "equals_direct",
]
NETWORK = [
    "network", "engine", "ou_wordlines", "fraction", "threads", "clock", "images", "macs_per_image", "repeats", "ms_per_image_and_chip_min",
    "ms_per_image_and_chip_median", "programming_ms_per_chip", "ideal_mmac_per_s",
]
SWEEP = ["network", "ou_wordlines", "chips", "images", "threads", "wall_s", "cpu_s", "peak_memory_mib", "minutes_for_1000_chips"]
SWEEP_FILE = """[network]
model = "{model}"
dataset = "{dataset}"
images = {images}
[crossbar]
ou_wordlines = 9
[device]
on_off_ratio = 100
programming_error = {{ law = "lognormal", sigma_ln = 0.1 }}
[monte_carlo]
trials = {chips}
"""


def sweeps(bwq, model, dataset):
    """Rows of sweep.csv: `bwq run` from start to end, references and files too, on one thread and on two. What 1000 chips take
    follows from a longer and a shorter run, whose difference has no start in it."""
    few, many = 4, 20
    absolute = lambda name: name if name == "embedded" else str(Path(name).resolve())  # noqa: E731
    walls = {}
    for threads, chips, images in [(1, few, 1000), (1, many, 1000), (2, few, 1000), (2, many, 1000), (2, many, 250)]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "sweep.toml"
            file.write_text(SWEEP_FILE.format(model=absolute(model), dataset=absolute(dataset), images=images, chips=chips), encoding="utf-8")
            command = [bwq, "run", str(file), "--out", f"{folder}/out", "--engine", "cpu", "--threads", str(threads), "--quiet"]
            started = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                raise subprocess.CalledProcessError(process.returncode, command)
            wall = time.monotonic() - started
        walls[threads, chips, images] = wall
        row = {"network": Path(model).stem, "ou_wordlines": 9, "chips": chips, "images": images, "threads": threads, "wall_s": wall}
        row |= {"cpu_s": used.ru_utime + used.ru_stime, "peak_memory_mib": used.ru_maxrss / 1024}
        if (threads, few, images) in walls and chips == many:
            row["minutes_for_1000_chips"] = (wall - walls[threads, few, images]) / (many - few) * 1000 / 60
        yield row


def numpy_run(reference):
    """{(rows, batch): vectors times chips per CPU second}"""
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    out = subprocess.run([sys.executable, reference], check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    lines = csv.DictReader(line for line in out.splitlines() if not line.startswith("#"))
    return {(int(r["rows"]), int(r["batch"])): float(r["trial_vectors_per_cpu_s"]) for r in lines}


def bench(bwq, engine, *flags):
    command = [bwq, "bench", "--json", "--engine", engine, *flags]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def on_gpu(bwq):
    """Its adapter and the rows of gpu.csv; a look only, since the adapter may be a software one. None without an adapter."""
    try:
        report = bench(bwq, "gpu", "--quick")
    except subprocess.CalledProcessError as error:
        if error.returncode != 69:
            raise
        return None
    rows = report["kernels"]
    direct = {(k["ou_wordlines"], k["vectors"]): k["ms_per_trial_min"] for k in rows if k["kernel"] == "direct"}
    for k in rows:
        k["times_direct"] = direct.get((k["ou_wordlines"], k["vectors"]), 0) / k["ms_per_trial_min"]
    return report["machine"], report["network"], rows


def beside(report, before, after):
    """Rows of speed.csv."""
    differ = {p["ou_wordlines"]: p["codes_that_differ_frac"] for p in report["precision"]}
    for k in report["kernels"]:
        rows, batch = k["ou_wordlines"], k["vectors"]
        largest = max((b for r, b in before if r == rows), default=None)
        of_reference = batch if (rows, batch) in before else largest
        key = (rows, of_reference)
        row = {name: k.get(name) for name in COLUMNS if name in k}
        row |= {"case": f"layer-{rows}-{batch}", "rows": rows, "batch": batch, "bwq_trial_vectors_per_cpu_s": k["trial_vectors_per_s"]}
        if key in before and key in after:
            mean = (before[key] + after[key]) / 2
            row |= {"numpy_trial_vectors_per_cpu_s": mean, "ratio": k["trial_vectors_per_s"] / mean, "reference_batch": of_reference}
            row |= {"numpy_before": before[key], "numpy_after": after[key]}
        row["codes_that_differ_frac"] = differ.get(rows) if k["fraction"] == "coarse" else 0
        yield row


def written(value):
    return f"{value:.6g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else value


def table(columns, rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: written(v) for k, v in row.items() if v is not None})
    return out.getvalue()


def write(path, text):
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bwq", required=True, help="the program")
    parser.add_argument("--reference", required=True, help="the NumPy reference")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--model", help="a network to measure beside the embedded one, as network.model of a sweep file")
    parser.add_argument("--dataset", help="its data")
    parser.add_argument("--quick", action="store_true", help="a look: fewer cases of bwq, not for quoting")
    args = parser.parse_args()
    import numpy

    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
    load = [round(os.getloadavg()[0], 2)]
    print("speed.py: NumPy, first run ...", file=sys.stderr)
    before = numpy_run(args.reference)
    load.append(round(os.getloadavg()[0], 2))
    print("speed.py: bwq bench ...", file=sys.stderr)
    flags = (["--quick"] if args.quick else []) + (["--model", args.model, "--dataset", args.dataset] if args.model else [])
    report = bench(args.bwq, "cpu", *flags)
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    load.append(round(os.getloadavg()[0], 2))
    print("speed.py: NumPy, second run ...", file=sys.stderr)
    after = numpy_run(args.reference)
    load.append(round(os.getloadavg()[0], 2))

    wrong = [k for k in report["kernels"] if not k["equals_direct"]]
    if wrong:
        print(f"speed.py: {wrong[0]['kernel']} at {wrong[0]['ou_wordlines']} wordlines differs from `direct`: nothing is written", file=sys.stderr)
        return 1
    machine = {
        "date": date,
        "machine": report["machine"],
        "load_average_before_and_after_each_run": load,
        "limits": report["limits"],
        "peak_memory_mib_of_numpy_and_bwq": round(peak_kib / 1024),
        "bwq": {"version": report["tool_version"], "commit": report["commit"], "quick": report["quick"]},
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "reference": Path(args.reference).name,
    }
    rows = list(beside(report, before, after))
    write(args.out / "speed.csv", table(COLUMNS, rows))
    gpu = on_gpu(args.bwq)
    if gpu is None:
        print("speed.py: no Vulkan adapter: gpu.csv is not written", file=sys.stderr)
    else:
        machine["gpu"] = gpu[0]
        report["network"] += gpu[1]
        write(args.out / "gpu.csv", table(GPU, gpu[2]))
    write(args.out / "network.csv", table(NETWORK, report["network"]))
    if not args.quick:
        print("speed.py: whole sweeps ...", file=sys.stderr)
        load.append(round(os.getloadavg()[0], 2))
        write(args.out / "sweep.csv", table(SWEEP, sweeps(args.bwq, args.model or "embedded", args.dataset or "embedded")))
    write(args.out / "machine.json", json.dumps(machine, indent=2) + "\n")
    for row in rows:
        ratio = f"{row['ratio']:8.1f} x NumPy" if "ratio" in row else "no figure of NumPy"
        print(f"{row['rows']:4} wordlines {row['batch']:6} vectors  {row['kernel']:8} {row['fraction']:7} {ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
