#!/usr/bin/env python3
"""What the standard layer of `bwq bench` costs in vectorised PyTorch: torch_reference.py [cuda|cpu] [CHIPS]

576 inputs, 64 outputs, differential with analog subtraction, 7 magnitude slices, 8 input bits, one conversion per
(slice, input bit, row group), fresh proportional error on every cell of every chip. All chips, slices and row groups are
one batched product; what follows it is eager, and fused by torch.compile. Prints CSV; wall time, median of five.
"""
import statistics
import sys
import time

import torch

INPUTS, OUTPUTS, SLICES, STEPS = 576, 64, 7, 8
device = sys.argv[1] if len(sys.argv) > 1 else "cuda"
chips = int(sys.argv[2]) if len(sys.argv) > 2 else 8
torch.backends.cuda.matmul.allow_tf32 = False  # codes are wanted, not 10 bits of them
torch.manual_seed(1)
W = torch.randint(-127, 128, (OUTPUTS, INPUTS), device=device)
BITS = ((W.abs()[None] >> torch.arange(SLICES, device=device)[:, None, None]) & 1).float()
POSITIVE, NEGATIVE = BITS * (W > 0), BITS * (W < 0)
WEIGHT_OF_SLICE = (2.0 ** torch.arange(SLICES, device=device))[None, :, None, None, None]


def program(sigma, ou_wordlines):
    """Cells of all chips: [chip, slice, group, output, wordline]."""
    def draw(cells):
        return (cells * (1 + sigma * torch.randn(chips, *cells.shape, device=device))).clamp_(min=0)
    cells = draw(POSITIVE) - draw(NEGATIVE)
    groups = -(-INPUTS // ou_wordlines)
    cells = torch.nn.functional.pad(cells, (0, groups * ou_wordlines - INPUTS))
    return cells.reshape(chips, SLICES, OUTPUTS, groups, ou_wordlines).transpose(2, 3).contiguous()


def convert(currents, largest_code):
    codes = currents.round().clamp(-largest_code, largest_code)
    return (codes * WEIGHT_OF_SLICE).sum((1, 2))


def product(cells, X, largest_code, convert):
    groups, ou_wordlines = cells.shape[2], cells.shape[4]
    X = torch.nn.functional.pad(X, (0, 0, 0, groups * ou_wordlines - INPUTS))
    y = 0
    for step in range(STEPS):
        driven = ((X >> step) & 1).float().reshape(groups, ou_wordlines, -1)
        y = y + convert(cells @ driven, largest_code) * 2.0**step
    return y


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


print(f"# {torch.__version__}, {torch.cuda.get_device_name() if device == 'cuda' else device}, {chips} chips at once")
print("conversion,ou_wordlines,vectors,ms_per_chip_median,trial_vectors_per_s", flush=True)
for name, how in [("eager", convert), ("compiled", torch.compile(convert))]:
    for ou_wordlines in (9, 128):
        for vectors in (64, 1024):
            X = torch.randint(0, 256, (INPUTS, vectors), device=device)
            largest_code = 2 ** (ou_wordlines.bit_length()) - 1
            exact = product(program(0.0, ou_wordlines), X, largest_code, how)
            assert torch.equal(exact.long().cpu(), (W.cpu() @ X.cpu()).expand(chips, -1, -1)), "the ideal product is not exact"
            seconds = []
            for _ in range(5):
                wait()
                started = time.perf_counter()
                product(program(0.1, ou_wordlines), X, largest_code, how)
                wait()
                seconds.append((time.perf_counter() - started) / chips)
            median = statistics.median(seconds)
            print(f"{name},{ou_wordlines},{vectors},{median * 1e3:.4f},{vectors / median:.0f}", flush=True)
