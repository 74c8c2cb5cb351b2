"""One product on a crossbar."""

import os
import tempfile

import numpy as np

from bwq._program import call
from bwq._toml import as_file


def mvm(weights, inputs, config=None, *, conductances=None, trials=None, pre_adc=False):
    """The product `weights @ inputs` on a crossbar, one for each chip.

    weights: integers, n x k. inputs: unsigned integers, k x b, or k for one vector. config: sections [quantization] [crossbar]
    [adc] [device] [monte_carlo] of a sweep file, as a dict, as TOML text, or as a path; None: the defaults. conductances: in
    units of g_on, trials x plane x slice x k x n, in place of drawn ones. Returns float64, trials x n x b (trials x n for one
    vector); with pre_adc also the first chip's currents before the converter, group x slice x input step x n x b.
    """
    weights, inputs = np.asarray(weights), np.asarray(inputs)
    for name, array in (("weights", weights), ("inputs", inputs)):
        if array.dtype == bool or not np.issubdtype(array.dtype, np.integer):
            raise TypeError(f"{name}: integers are wanted, not {array.dtype}")
    one = inputs.ndim == 1
    if one:
        inputs = inputs[:, None]
    with tempfile.TemporaryDirectory(prefix="bwq-") as folder:
        def at(name):
            return os.path.join(folder, name)

        np.save(at("w.npy"), np.ascontiguousarray(weights))
        np.save(at("x.npy"), np.ascontiguousarray(inputs))
        args = ["mvm", "--weights", at("w.npy"), "--inputs", at("x.npy"), "--config", as_file({} if config is None else config, folder), "--out", at("y.npy")]
        if conductances is not None:
            np.save(at("g.npy"), np.ascontiguousarray(conductances))
            args += ["--conductances", at("g.npy")]
        if trials is not None:
            args += ["--trials", trials]
        if pre_adc:
            args += ["--pre-adc", at("p.npy")]
        call(*args)
        outputs = np.load(at("y.npy"))
        outputs = outputs[:, :, 0] if one else outputs
        return (outputs, np.load(at("p.npy"))) if pre_adc else outputs
