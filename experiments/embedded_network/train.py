# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.15.0", "numpy>=2", "safetensors>=0.5"]
# ///
"""Train the embedded default network (fashion_vgg6) and cut out its embedded test set.

    python experiments/embedded_network/train.py [DATA] [--out assets] [--epochs 8]

DATA holds the four official Fashion-MNIST files (*-ubyte.gz or unpacked IDX).
"""
import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import nn

MEAN, STD, SEED, BATCH = 0.286, 0.353, 1, 128
# (input channels, output channels, 2x2 max pooling afterwards)
CONVS = [(1, 16, False), (16, 16, True), (16, 32, False), (32, 32, True), (32, 64, False), (64, 64, True)]


def read_idx(folder, name):
    """Read one IDX file of unsigned bytes, gzip'ed or not."""
    path = Path(folder) / name
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(name + ".gz").read_bytes())
    assert data[:3] == b"\0\0\x08", f"{name}: not an IDX file of unsigned bytes"
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape).copy()


def write_idx(path, array):
    """Write one gzip'ed IDX file; the same array always gives the same bytes."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(head + array.tobytes())


def build():
    """The network as a PyTorch module and its netgraph-1 nodes, both in execution order."""
    modules, nodes, last, size = nn.Sequential(), [], "input", 28

    def node(name, op, module, shape, **fields):
        nonlocal last
        modules.add_module(name, module)
        nodes.append({"name": name, "op": op, "inputs": [last], **fields, "out_shape": shape})
        last = name

    for i, (cin, cout, pool) in enumerate(CONVS, 1):
        conv, bn = nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout)
        node(f"conv{i}", "conv2d", conv, [cout, size, size], stride=[1, 1], pad=[1, 1, 1, 1],
             dilation=[1, 1], groups=1, weights={"weight": f"conv{i}.weight"})
        node(f"bn{i}", "batchnorm", bn, [cout, size, size], eps=bn.eps,
             weights={k: f"bn{i}.{k}" for k in ("gamma", "beta", "mean", "var")})
        node(f"relu{i}", "relu", nn.ReLU(), [cout, size, size])
        if pool:
            size //= 2
            node(f"pool{i}", "maxpool", nn.MaxPool2d(2), [cout, size, size],
                 kernel=[2, 2], stride=[2, 2], pad=[0, 0, 0, 0])
    node("flat", "flatten", nn.Flatten(), [cout * size * size])
    node("logits", "linear", nn.Linear(cout * size * size, 10), [10],
         weights={"weight": "logits.weight", "bias": "logits.bias"})
    return modules, nodes


def normalise(images):
    return (images.float() / 255 - MEAN) / STD


def augment(images):
    """Random crop after padding by 2 black pixels, and a random horizontal flip."""
    n, _, size, _ = images.shape
    rows, cols = (torch.randint(0, 5, (n, 1)) + torch.arange(size) for _ in range(2))
    flip = torch.rand(n, 1) < 0.5
    cols = torch.where(flip, cols.flip(1), cols)
    padded = F.pad(images, (2, 2, 2, 2))[:, 0]
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], cols[:, None, :]].unsqueeze(1)


def train(net, images, labels, epochs):
    """SGD with momentum and a one-cycle learning rate; the last, incomplete batch is dropped."""
    steps = len(images) // BATCH
    optimiser = torch.optim.SGD(net.parameters(), momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.2, total_steps=epochs * steps, pct_start=0.25)
    for epoch in range(epochs):
        start, total = time.time(), 0.0
        for pick in torch.randperm(len(images))[: steps * BATCH].split(BATCH):
            loss = F.cross_entropy(net(normalise(augment(images[pick]))), labels[pick])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{epochs}: mean loss {total / steps:.4f}, {time.time() - start:.0f} s", flush=True)


@torch.no_grad()
def correct(net, images, labels):
    """For each image whether the network's top class is its label."""
    return torch.cat([net(normalise(x)).argmax(1) for x in images.split(500)]) == labels


def export(net, nodes, out, epochs):
    """Write the graph (netgraph-1) and its float32 weights (safetensors)."""
    batchnorm = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "var": "running_var"}
    tensors = {}
    for n in nodes:
        for key, tensor in n.get("weights", {}).items():
            attribute = batchnorm[key] if n["op"] == "batchnorm" else key
            tensors[tensor] = getattr(net.get_submodule(n["name"]), attribute).detach().float().contiguous()
    (out / "fashion_vgg6.safetensors").write_bytes(save(tensors))
    head = {
        "format": "netgraph-1",
        "name": "fashion_vgg6",
        "title": "Small VGG-like network (6 convolutions + 1 linear layer) for Fashion-MNIST",
        "input": {"shape": [1, 28, 28]},
        "preprocess": {"scale": 1 / 255, "mean": [MEAN], "std": [STD]},
        "license": "MIT OR Apache-2.0",
        "source": f"experiments/embedded_network/train.py, seed {SEED}, {epochs} epoch{'s' * (epochs != 1)}",
    }
    lines = [f" {json.dumps(k)}: {json.dumps(v)}" for k, v in head.items()]
    body = ",\n".join("  " + json.dumps(n) for n in nodes)
    text = "{\n" + ",\n".join(lines) + ',\n "nodes": [\n' + body + "\n ]\n}\n"
    (out / "fashion_vgg6.json").write_text(text)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("data", nargs="?", default="/usr/share/datasets/fashion-mnist")
    p.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[2] / "assets")
    p.add_argument("--epochs", type=int, default=8)
    args = p.parse_args()

    train_images, train_labels, test_images, test_labels = (
        read_idx(args.data, f"{part}-{kind}-ubyte")
        for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
    args.out.mkdir(parents=True, exist_ok=True)
    write_idx(args.out / "fashion_mnist_test1000-images-idx3-ubyte.gz", test_images[:1000])
    write_idx(args.out / "fashion_mnist_test1000-labels-idx1-ubyte.gz", test_labels[:1000])
    write_idx(args.out / "fashion_mnist_train256-images-idx3-ubyte.gz", train_images[:256])

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    train_images, test_images = (torch.from_numpy(a).unsqueeze(1) for a in (train_images, test_images))
    train_labels, test_labels = (torch.from_numpy(a).long() for a in (train_labels, test_labels))
    net, nodes = build()
    train(net, train_images, train_labels, args.epochs)
    net.eval()
    export(net, nodes, args.out, args.epochs)
    right = correct(net, test_images, test_labels)
    for n in (10000, 1000):
        print(f"correct on the first {n} test images: {right[:n].sum()} ({100 * right[:n].float().mean():.2f} %)")


if __name__ == "__main__":
    main()
