#!/usr/bin/env python3
"""A GPU beside the CPU and PyTorch, into one folder: gpu.py --bwq PROGRAM --out DIR [--data DIR] [--cpu-trials N]

`bwq bench` of the GPU; the same layer in PyTorch on it, where PyTorch is installed; and, if --data names the folder of
experiments/ou_limit, ResNet-20's sweep of wordlines on the GPU with all its chips, and on both engines with few, whose
tables must be the same bytes.
"""
import argparse
import csv
import filecmp
import json
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
KERNELS = ["kernel", "ou_wordlines", "vectors", "fraction", "chips_per_repeat", "ms_per_trial_min", "ms_per_trial_median", "patterns_ms", "sampling_ms", "tables_ms", "product_ms", "trial_vectors_per_s", "share_of_row_limit", "equals_direct"]
NETWORKS = ["network", "ou_wordlines", "fraction", "images", "chips", "macs_per_image", "ms_per_image_and_chip_min", "ms_per_image_and_chip_median", "ideal_mmac_per_s"]
PASSES = ["network", "ou_wordlines", "fraction", "pass", "ms_per_image_and_chip", "dispatches"]


def number(value):
    return f"{value:.6g}" if isinstance(value, float) else {True: "true", False: "false", None: ""}.get(value, value)


def write(path, header, rows):
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows([[number(row[key]) for key in header] for row in rows])


def bench(bwq, out):
    report = json.loads(subprocess.run([bwq, "bench", "--engine", "gpu", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    write(out / "kernels.csv", KERNELS, report["kernels"])
    write(out / "networks.csv", NETWORKS, report["network"])
    write(out / "passes.csv", PASSES, [{**network, **p} for network in report["network"] for p in network["passes"] or []])
    machine = {key: report[key] for key in ("tool_version", "commit", "machine", "limits")}
    (out / "machine.json").write_text(json.dumps(machine, indent=2) + "\n")


def torch(out):
    done = subprocess.run([sys.executable, HERE / "torch_reference.py", "cuda"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print("gpu.py: NOT MEASURED: PyTorch on this GPU; python3 has none, or it failed (above)", file=sys.stderr)
        return
    (out / "torch.csv").write_text(done.stdout)


def sweep(bwq, data, out, cpu_trials):
    """Wall time of whole runs, all counted, and whether both engines write the same bytes."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for engine, trials in [("gpu", 50), ("gpu", cpu_trials), ("cpu", cpu_trials)]:
            to = pathlib.Path(scratch) / f"{engine}_{trials}"
            command = [bwq, "run", HERE.parent / "ou_limit/lossless.toml", "--engine", engine, "--trials", str(trials), "--out", to]
            command += ["--set", f"network.model={data}/nets/cifar10_resnet20.json", "--set", f"network.dataset={data}/cifar10"]
            started = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds = time.monotonic() - started
            with (to / "summary.csv").open() as file:
                points = sum(row["sigma_ln"] != "0" for row in csv.DictReader(file))  # without errors all chips are one
            chip_images = points * trials * 500
            row = {"engine": engine, "points": points, "chips": trials, "images": 500, "wall_s": seconds, "chip_images_per_s": chip_images / seconds, "same_bytes": ""}
            rows.append(row)
            write(out / "sweep.csv", list(row), rows)
            if engine == "gpu" and trials == 50:
                (out / "resnet20_summary.csv").write_bytes((to / "summary.csv").read_bytes())
        pair = [pathlib.Path(scratch) / f"{engine}_{cpu_trials}" for engine in ("gpu", "cpu")]
        names = ["summary.csv", "trials.csv", "layers.csv", "differences.csv"]
        same = filecmp.cmpfiles(*pair, names, shallow=False)[0] == names
        for row in rows[1:]:
            row["same_bytes"] = same
    write(out / "sweep.csv", list(rows[0]), rows)
    if not same:
        sys.exit("gpu.py: the engines do not write the same bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bwq", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--data")
    parser.add_argument("--cpu-trials", type=int, default=4)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    bench(given.bwq, given.out)
    torch(given.out)
    if given.data:
        sweep(given.bwq, given.data, given.out, given.cpu_trials)
    else:
        print("gpu.py: without --data ResNet-20 is not measured; experiments/ou_limit/README.md says what is in it", file=sys.stderr)


if __name__ == "__main__":
    main()
