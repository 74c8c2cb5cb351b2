"""The installed module against NumPy and the tables: run by tests/python.rs in an environment with nothing else in it."""

import csv
import os
import sys
import tempfile
import warnings

import numpy as np

import bwq

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
assert not bwq.__file__.startswith(ROOT), f"{bwq.__file__}: the checkout's module is tested, not the installed one"
assert bwq.call("--version").startswith("bwq "), "the program is not beside the module"
assert bwq.call("--version").split()[1] == bwq.__version__, "the module is of another version than its program"
rng = np.random.default_rng(1)


def ideal_is_the_integer_product():
    for n, k, b, ou in [(1, 1, 1, 1), (10, 64, 5, 9), (7, 130, 3, 128), (33, 257, 2, 64)]:
        weights, inputs = rng.integers(-127, 128, (n, k)), rng.integers(0, 256, (k, b))
        config = {"crossbar": {"ou_wordlines": ou}, "adc": {"bits": "lossless"}, "device": {"on_off_ratio": "infinite"}}
        outputs = bwq.mvm(weights, inputs, config, trials=2)
        assert outputs.shape == (2, n, b) and outputs.dtype == np.float64
        assert (outputs == weights @ inputs).all(), f"{n} x {k} x {b} at {ou} wordlines"
    one = bwq.mvm(weights, inputs[:, 0], config, trials=1)
    assert one.shape == (1, n) and (one[0] == weights @ inputs[:, 0]).all()
    # int8 and uint8 as they come from a quantised model, in Fortran's order too.
    small = bwq.mvm(np.asfortranarray(weights.astype(np.int8)), inputs.astype(np.uint8), config, trials=1)
    assert (small[0] == weights @ inputs).all()


def every_form_of_a_configuration_is_the_same():
    weights, inputs = rng.integers(-7, 8, (4, 20)), rng.integers(0, 16, (20, 3))
    text = '[crossbar]\nou_wordlines = 9\n[device]\nprogramming_error = { law = "lognormal", sigma_ln = 0.2 }\n[monte_carlo]\ntrials = 3\n'
    as_dict = {"crossbar": {"ou_wordlines": np.int64(9)}, "device": {"programming_error": {"law": "lognormal", "sigma_ln": 0.2}}, "monte_carlo": {"trials": 3}}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "mvm.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        outputs = [bwq.mvm(weights, inputs, config) for config in (text, as_dict, path)]
    assert outputs[0].shape == (3, 4, 3) and all((o == outputs[0]).all() for o in outputs)
    assert (outputs[0][0] != outputs[0][1]).any(), "all chips are the same"
    ones, before = bwq.mvm(weights, inputs, {"device": {"on_off_ratio": "infinite"}}, trials=1, pre_adc=True)
    assert before.ndim == 5 and before.shape[3:] == (4, 3) and (ones[0] == weights @ inputs).all()


def refusals_are_exceptions_with_message_and_code():
    weights, inputs = rng.integers(-7, 8, (4, 20)), rng.integers(0, 16, (20, 3))
    for given, wanted in [
        ({"crossbar": {"ou_wordline": 9}}, "ou_wordlines"),
        ("[device]\non_off_ratio = 1\n", "on_off_ratio"),
        ("nowhere/at/all", "nowhere/at/all"),
    ]:
        try:
            bwq.mvm(weights, inputs, given)
        except bwq.Error as error:
            assert error.code == 2 and wanted in error.message and wanted in str(error), error
            continue
        raise AssertionError(f"{given} is taken")
    for wrong in [lambda: bwq.mvm(weights * 0.5, inputs), lambda: bwq.mvm(weights, inputs, {"trials": 3}), lambda: bwq.run("[network]\nimages = 3\n")]:
        try:
            wrong()
        except TypeError:
            continue
        raise AssertionError("a wrong type is taken")


def a_sweep_gives_tables():
    with tempfile.TemporaryDirectory() as folder:
        sweep = {"network": {"images": 2}, "device": {"programming_error": {"law": "lognormal", "sigma_ln": 0.1}}}
        results = bwq.run(sweep, {"adc.bits": [4, "lossless"]}, out=os.path.join(folder, "out"), engine="cpu", trials=2, crossbar__ou_wordlines=[9, 32])
        with open(os.path.join(results.folder, "summary.csv"), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 4
        table = results.summary
        try:
            import pandas
        except ImportError:
            assert isinstance(table, list) and [row["ou_wordlines"] for row in table] == [9, 9, 32, 32]
            assert [row["adc_bits"] for row in table] == [4, "lossless"] * 2
            means = [row["accuracy_mean_frac"] for row in table]
        else:
            assert isinstance(table, pandas.DataFrame) and table["ou_wordlines"].tolist() == [9, 9, 32, 32]
            assert set(table["programming_error_law"]) == {"lognormal"} and table["sigma_rel"].isna().all()
            means = table["accuracy_mean_frac"].tolist()
        assert means == [float(row["accuracy_mean_frac"]) for row in rows]
        assert len(results.trials) == 8 and len(results.differences) == 4 and len(results.layers) > 0
        bwq.call("report", results.folder)
        assert os.path.getsize(os.path.join(results.folder, "report.html")) > 10_000


def a_verdict_is_a_table():
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        for sigma_ln, wanted in [(0.05, "pass"), (1.5, "fail")]:
            sweep = {"network": {"images": 10}, "device": {"programming_error": {"law": "lognormal", "sigma_ln": sigma_ln}}}
            table = bwq.check(sweep, out=out + wanted, engine="cpu", yield_frac=0.75, max_drop=0.3, trials=100)
            rows = table if isinstance(table, list) else table.to_dict("records")
            assert [row["verdict"] for row in rows] == [wanted], rows
            assert (rows[0]["yield_lo_frac"] > 0.75) == (wanted == "pass") and (rows[0]["yield_hi_frac"] < 0.75) == (wanted == "fail"), rows


def warnings_are_warnings():
    weights, inputs = rng.integers(-7, 8, (4, 20)), rng.integers(0, 16, (20, 3))
    with warnings.catch_warnings(record=True) as caught, tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("always")
        bwq.run({"network": {"images": 2}, "adc": {"bits": 6}, "crossbar": {"ou_wordlines": 32}}, out=folder, engine="cpu", trials=1)
        assert any("between two codes" in str(w.message) for w in caught), [str(w.message) for w in caught]
        assert all(w.filename == __file__ for w in caught), "a warning belongs to the line that called"
    bwq.mvm(weights, inputs)


for test in [ideal_is_the_integer_product, every_form_of_a_configuration_is_the_same, refusals_are_exceptions_with_message_and_code, a_sweep_gives_tables, a_verdict_is_a_table, warnings_are_warnings]:
    test()
    print("ok", test.__name__, file=sys.stderr)
