#!/usr/bin/env python3
"""Finds the settings of the profile ezkl/tuned: tries a grid of EZKL's run_args on a model and measures each.

    VENV=<cache>/ezkl-23.0.5-*/venv          # made by `zktee run`, or: python3 -m venv; pip install ezkl==23.0.5
    $VENV/bin/python scripts/ezkl-search.py --grid mlp-iris --model mlp-iris.onnx --inputs inputs.json --reference outputs.json

Two steps. The cheap one makes settings, circuit and witness for every point of the grid, checks the outputs against the
reference of the float model and drops what misses the floor (--max-error, --min-agreement) or does not hold the values.
The dear one makes keys, a proof and its verification for the --prove best of the rest, by an estimate of the work: committed
columns x 2^logrows. Every stage runs in a process of its own, so that its peak memory is its own; CPU seconds are what to
compare, for they hardly change on a busy machine. A table goes to standard output and everything to --csv.

--model      an ONNX file whose batch dimension is named --batch-symbol
--inputs, --reference
             tensor files, {"shape": [rows, ...], "data": [...]}: the inputs and the float model's outputs. One witness takes
             --batch rows; with --images N that many batches are run and the floor holds for all
--grid       one of the grids below, or a JSON file {"run_args name": [values, ...], ...}: every combination is tried.
             `decomp` stands for pairs of decomp_base and decomp_legs

The reference strings (--srs, a folder) are made when they are missing; their time is not counted.
"""

import argparse
import csv
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time

GRIDS = {
    "ols-iris": {
        "input_scale": [8, 10, 12, 14],
        "scale_rebase_multiplier": [10],
        "decomp": [[128, 5], [1024, 4], [16384, 3]],
        "logrows": [10, 11, 15],
        "disable_freivalds": [True],
        "ignore_range_check_inputs_outputs": [False, True],
    },
    "mlp-iris": {
        "input_scale": [6, 7, 8, 9],
        "param_scale": [7, 8, 9],
        "scale_rebase_multiplier": [1, 2, 3, 5],
        "decomp": [[1024, 3], [8192, 3], [16384, 2], [32768, 2]],
        "logrows": [12, 14, 15, 16, 17],
        "num_inner_cols": [2, 4],
        "disable_freivalds": [True, False],
        "ignore_range_check_inputs_outputs": [False, True],
    },
    "mlp-iris-each": {
        "input_scale": [7, 8],
        "param_scale": [8],
        "scale_rebase_multiplier": [5],
        "decomp": [[64, 6], [128, 5], [256, 4], [512, 4]],
        "logrows": [7, 8, 9, 10, 11],
        "disable_freivalds": [True],
        "ignore_range_check_inputs_outputs": [False, True],
    },
    "lenet-mnist": {
        "input_scale": [7, 8],
        "param_scale": [7, 8],
        "scale_rebase_multiplier": [1, 3, 4, 5, 10],
        "decomp": [[16384, 3], [16384, 4], [32768, 2]],
        "logrows": [15, 16, 17, 18],
        "disable_freivalds": [True, False],
    },
}
SCREEN, FULL = ["settings", "compile", "witness"], ["setup", "prove", "verify"]


def points(grid):
    """Every combination of the grid's values, as run_args."""
    for values in itertools.product(*grid.values()):
        point = dict(zip(grid, values))
        if "decomp" in point:
            point["decomp_base"], point["decomp_legs"] = point.pop("decomp")
        point.setdefault("param_scale", point.get("input_scale", 7))
        if 2 ** point.get("logrows", 17) > point.get("decomp_base", 16384):  # the table must fit in
            yield point


def stage(name, folder, config):
    """One stage, in this process: prints wall, CPU and peak as JSON."""
    os.environ.setdefault("EZKL_REPO_PATH", folder)
    import ezkl
    import resource

    at = lambda file: os.path.join(folder, file)
    if name == "settings":
        args = ezkl.PyRunArgs()
        args.variables = [(config["batch_symbol"], config["batch"])]
        for key, value in config["run_args"].items():
            setattr(args, key, value)
        call = lambda: ezkl.gen_settings(config["model"], at("settings"), py_run_args=args)
    elif name == "compile":
        call = lambda: ezkl.compile_circuit(config["model"], at("circuit"), at("settings"))
    elif name == "witness":
        call = lambda: ezkl.gen_witness(at("input"), at("circuit"), at("witness"))
    else:
        logrows = config["run_args"]["logrows"]
        srs = os.path.join(config["srs"], f"k{logrows}.srs")
        if not os.path.exists(srs):
            ezkl.gen_srs(srs + ".part", logrows)
            os.replace(srs + ".part", srs)
        call = {
            "setup": lambda: ezkl.setup(at("circuit"), at("vk"), at("pk"), srs_path=srs),
            "prove": lambda: ezkl.prove(at("witness"), at("circuit"), at("pk"), at("proof"), srs_path=srs),
            "verify": lambda: ezkl.verify(at("proof"), at("settings"), at("vk"), srs_path=srs),
        }[name]
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # forget the peak of making the reference string
    except OSError:
        pass
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        call()
    except BaseException as error:  # a panic of the wheel too
        print(json.dumps({"error": str(error)[:300]}))
        return
    result = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    with open("/proc/self/status") if os.path.exists("/proc/self/status") else open(os.devnull) as status:
        peaks = [int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")]
    result["peak_mb"] = peaks[0] if peaks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps(result))


def run_stage(name, folder, config, limit):
    """One stage in a child, with a time limit."""
    command = [sys.executable, os.path.abspath(__file__), "--stage", name, folder, json.dumps(config)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=limit, check=False)
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"{name}: more than {limit} s"}
    except (IndexError, ValueError):
        return {"error": f"{name}: ended with {done.returncode}"}


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def outputs(folder):
    """The witness's outputs as floats: field elements of 64 hexadecimal digits, little endian."""
    order = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
    scale = load(os.path.join(folder, "settings"))["model_output_scales"][0]
    numbers = [int.from_bytes(bytes.fromhex(felt), "little") for felt in load(os.path.join(folder, "witness"))["outputs"][0]]
    return [math.ldexp(n - order if n > order // 2 else n, -scale) for n in numbers]


def screen(row, folder, config, options, inputs, reference):
    """The cheap stages; true when the accuracy floor is kept."""
    width, classes = math.prod(inputs["shape"][1:]), math.prod(reference["shape"][1:])
    best = lambda v: max(range(len(v)), key=v.__getitem__)
    row["max_error"], agreed, seen = 0.0, 0, 0
    for batch in range(options.images):
        rows = slice(batch * options.batch * width, (batch + 1) * options.batch * width)
        with open(os.path.join(folder, "input"), "w", encoding="utf-8") as file:
            json.dump({"input_data": [inputs["data"][rows]]}, file)
        for name in SCREEN if batch == 0 else ["witness"]:
            result = run_stage(name, folder, config, options.limit)
            if "error" in result:
                row["why"] = result["error"]
                return False
            row[f"{name}_cpu"] = result["cpu"]
        ours = outputs(folder)
        theirs = reference["data"][batch * options.batch * classes : (batch + 1) * options.batch * classes]
        row["max_error"] = max([row["max_error"]] + [abs(a - b) for a, b in zip(ours, theirs)])
        for at in range(0, len(ours), classes):
            agreed += best(ours[at : at + classes]) == best(theirs[at : at + classes])
            seen += 1
    settings = load(os.path.join(folder, "settings"))
    row["agreement"], row["rows"] = agreed / seen, settings["num_rows"]
    # Columns side by side, each 2^logrows long: inputs, outputs and the range checks' own.
    blocks = math.ceil(row["rows"] / (2 ** row["logrows"] - 16))
    row["work"] = blocks * row.get("num_inner_cols", 2) * 2 ** row["logrows"]
    kept = row["max_error"] <= options.max_error and row["agreement"] >= options.min_agreement
    row["why"] = "" if kept else "below the accuracy floor"
    return kept


def prove(row, folder, config, options):
    """The dear stages."""
    for name in SCREEN + FULL:
        result = run_stage(name, folder, config, options.limit)
        if "error" in result:
            row["why"] = result["error"]
            return
        row.update({f"{name}_cpu": result["cpu"], f"{name}_wall": result["wall"], f"{name}_mb": result["peak_mb"]})
    row["proof_bytes"] = len(load(os.path.join(folder, "proof"))["proof"])


def table(rows, columns):
    text = lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)
    lines = [columns] + [[text(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--inputs", required=True)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--grid", required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--batch-symbol", default="batch")
    parser.add_argument("--images", type=int, default=1, help="batches whose outputs are compared (default 1)")
    parser.add_argument("--max-error", type=float, default=0.1, help="of an output, absolute (default 0.1; 0.01 for ols-iris)")
    parser.add_argument("--min-agreement", type=float, default=1.0, help="of the classes (default 1)")
    parser.add_argument("--prove", type=int, default=5, help="how many of the best are proved (default 5)")
    parser.add_argument("--limit", type=float, default=1800, help="seconds a stage may take (default 1800)")
    parser.add_argument("--srs", default=os.path.join(tempfile.gettempdir(), "ezkl-search-srs"))
    parser.add_argument("--csv", default="ezkl-search.csv")
    options = parser.parse_args()
    grid = GRIDS.get(options.grid) or load(options.grid)
    inputs, reference = load(options.inputs), load(options.reference)
    os.makedirs(options.srs, exist_ok=True)

    rows, kept = [], []
    with tempfile.TemporaryDirectory() as folder:
        base = {"model": options.model, "batch": options.batch, "batch_symbol": options.batch_symbol, "srs": options.srs}
        for number, point in enumerate(points(grid), 1):
            row = dict(point)
            rows.append(row)
            if screen(row, folder, dict(base, run_args=point), options, inputs, reference):
                kept.append((row["work"], number, point, row))
            print(f"\r{number} tried, {len(kept)} keep the floor", end="", file=sys.stderr)
        print(file=sys.stderr)
        for _, number, point, row in sorted(kept)[: options.prove]:
            print(f"proving {point}", file=sys.stderr)
            with open(os.path.join(folder, "input"), "w", encoding="utf-8") as file:
                json.dump({"input_data": [inputs["data"][: options.batch * math.prod(inputs["shape"][1:])]]}, file)
            prove(row, folder, dict(base, run_args=point), options)

    names = list(dict.fromkeys(name for row in rows for name in row))
    with open(options.csv, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    proved = sorted((row for row in rows if "prove_cpu" in row), key=lambda row: row["setup_cpu"] + row["prove_cpu"])
    varied = [name for name in names if name in (rows[0] if rows else {}) and len({str(row.get(name)) for row in rows}) > 1]
    run_args = [name for name in varied if not name.endswith(("_cpu", "_wall", "_mb")) and name not in ("why", "work", "rows")]
    measured = ["rows", "max_error", "agreement", "setup_cpu", "prove_cpu", "verify_cpu", "setup_mb", "prove_mb", "proof_bytes", "why"]
    table(proved or rows, list(dict.fromkeys(run_args + measured)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stage"]:
        stage(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
    else:
        main()
