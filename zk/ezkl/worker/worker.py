"""EZKL behind the worker protocol (docs/worker-protocol.md): JSON lines on standard input and output, one process a phase.

Usage: python worker.py --profile default|tuned

`default` follows EZKL's documentation: gen_settings, calibrate_settings, compile_circuit, gen_srs, setup, gen_witness, prove,
verify, each with the arguments it has by itself. `tuned` takes its arguments from profiles.json, which says why.

Only the standard library and ezkl are imported: numpy alone would add tens of megabytes to every peak that is measured.
"""

import json
import math
import os
import sys
import time

# An isolated Python does not look for modules beside its script.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from base import (  # noqa: E402
    CIRCUIT, PK, PROOF, SETTINGS, VK, WITNESS, Job, Stopwatch, WorkerError, count, decode, read_json, read_settings, read_tensor,
    translate,
)
from srs import die_with_parent, ensure_srs, srs_bytes, srs_is_whole, srs_path, write_verifier_srs  # noqa: E402

VERSION = 1
MAX_LINE = 64 << 20
VERIFIER_SRS = "verifier.srs"
CALIBRATION_ROWS = 20


# --- the phases -----------------------------------------------------------------------------------------------------------


def write_input(path, data):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"input_data": [data]}, file)


def run_args(job, chosen):
    """EZKL's own arguments with the chosen ones in their place. A batch needs its symbol bound: that is no tuning."""
    args = ezkl.PyRunArgs()
    if job.batch_symbol:
        args.variables = [(job.batch_symbol, job.batch)]
    for name, value in chosen.items():
        setattr(args, name, value)
    return args


def plan_for(profile, workload):
    """What profiles.json says for this workload; nothing for the default profile."""
    if profile == "default":
        return {"run_args": {}, "calibrate": {}, "named": "EZKL's own"}
    here = os.path.dirname(os.path.abspath(__file__))
    tuned = read_json(os.path.join(here, "profiles.json"), "profiles.json")["tuned"]
    if workload in tuned["workloads"]:
        return dict(tuned["workloads"][workload], named=f"those found for {workload}")
    return dict(tuned["fallback"], named="the generic ones")


def make_circuit(job, watch, plan, calibration):
    """Settings, calibration where the plan has one, and the compiled circuit."""
    model, settings = job.path("model"), job.own(SETTINGS)
    watch.stage("settings", ezkl.gen_settings, model, settings, py_run_args=run_args(job, plan["run_args"]))
    if plan.get("calibrate") is not None:
        watch.stage("calibrate", ezkl.calibrate_settings, calibration, model, settings,
                    plan["calibrate"].get("target", "resources"),
                    **{name: value for name, value in plan["calibrate"].items() if name != "target"})
    if "max_blocks" in plan:
        fold(job, plan["max_blocks"])
    watch.stage("compile", ezkl.compile_circuit, model, job.own(CIRCUIT), settings)


def fold(job, max_blocks):
    """Halves the rows while the columns that this costs stay few: a smaller reference string, less padding to a power of two."""
    settings = read_settings(job)
    args = settings["run_args"]
    instances = sum(count(shape) for shape in settings["model_instance_shapes"])
    tables = settings["required_range_checks"] + ([args["lookup_range"]] if settings["required_lookups"] else [])
    table = max((high - low for low, high in tables), default=0)
    # 16: rows that are kept free for blinding.
    least = max(table + 16, instances + 16, settings["num_rows"] // max_blocks)
    args["logrows"] = min(args["logrows"], max(6, math.ceil(math.log2(least))))
    with open(job.own(SETTINGS), "w", encoding="utf-8") as file:
        json.dump(settings, file)


def setup(profile, job):
    shape, data = read_tensor(job.path("calibration"), "calibration data")
    model = job.path("model")
    if not os.path.isfile(model):
        raise WorkerError("invalid-input", f"no such model: {model}")
    os.makedirs(job.path("dir"), exist_ok=True)
    # EZKL takes whole batches only: the rows are repeated until one is full. Its examples calibrate on 20 inputs.
    row = count(shape[1:])
    rows = math.ceil(min(shape[0], CALIBRATION_ROWS) / job.batch) * job.batch
    data = (data * math.ceil(rows / shape[0]))[: rows * row]
    calibration = job.own("calibration.json")
    write_input(calibration, data)

    plan, notes = plan_for(profile, job.fields.get("workload")), []
    watch = Stopwatch()
    if profile == "default":
        make_circuit(job, watch, plan, calibration)
    else:
        notes += make_tuned_circuit(job, watch, plan, data[: job.batch * row], calibration)
    settings = read_settings(job)
    logrows = settings["run_args"]["logrows"]
    srs, srs_s = ensure_srs(job, logrows)
    watch.stage("keygen", ezkl.setup, job.own(CIRCUIT), job.own(VK), job.own(PK), srs_path=srs)

    report = watch.report()
    write_verifier_srs(srs, job.own(VERIFIER_SRS))
    report["files"] = [
        {"name": PK, "role": "proving-key"},
        {"name": VK, "role": "verifying-key", "verifier": True},
        {"name": SETTINGS, "role": "settings", "verifier": True},
        {"name": VERIFIER_SRS, "role": "srs", "verifier": True},
        {"name": CIRCUIT, "role": "circuit"},
    ]
    report["metrics"] = {"logrows": logrows, "rows": settings["num_rows"], "assignments": settings["total_assignments"],
                         "srs_bytes": srs_bytes(logrows), "input_scale": settings["model_input_scales"][0],
                         "output_scale": settings["model_output_scales"][0]}
    notes.append(f"settings: {plan['named']}")
    notes.append("the reference string was generated on this machine: for benchmarks only, whoever makes it can forge proofs")
    if srs_s is not None:
        report["metrics"]["srs_s"] = srs_s
        notes.append(f"a reference string for 2^{logrows} rows was made in {srs_s:.1f} s; not part of the setup time")
    report["notes"] = notes
    return report


def make_tuned_circuit(job, watch, plan, one_batch, calibration):
    """The workload's circuit if it holds the calibration data; else the generic one, with more room step by step.

    Settings that are fixed ahead must be seen to hold the values of this model: making a witness shows it.
    """
    notes, data = [], job.own("check-input.json")
    write_input(data, one_batch)
    waiting = [plan] if "decompositions" not in plan else generic_plans(job, watch)
    while waiting:
        candidate = waiting.pop(0)
        try:
            make_circuit(job, watch, candidate, calibration)
            watch.stage("check", ezkl.gen_witness, data, job.own(CIRCUIT), job.own(WITNESS))
            return notes
        except WorkerError as error:
            if candidate is plan:
                waiting = generic_plans(job, watch)
            if error.kind == "out-of-memory" or not waiting:
                raise
            base, legs = candidate["run_args"]["decomp_base"], candidate["run_args"]["decomp_legs"]
            notes.append(f"{legs} legs of base {base} do not hold this model's values; a wider plan was taken: {str(error)[:200]}")
    raise WorkerError("failed", "profiles.json names no decomposition")


def generic_plans(job, watch):
    """The plans for a model that profiles.json does not know, narrow to wide; small models get a small table."""
    generic = plan_for("tuned", None)
    watch.stage("settings", ezkl.gen_settings, job.path("model"), job.own(SETTINGS), py_run_args=run_args(job, generic["run_args"]))
    small = read_settings(job)["num_rows"] < generic["small_below_rows"]
    return [
        dict(generic, run_args=dict(generic["run_args"], decomp_base=base, decomp_legs=legs))
        for base, legs in generic["decompositions"]["small" if small else "large"]
    ]


def witness(job, watch, settings):
    """One forward pass in integers, left in a file."""
    shape, data = read_tensor(job.path("inputs"), "inputs")
    wanted = settings["model_instance_shapes"][0]
    if shape[0] != job.batch or len(data) != count(wanted):
        raise WorkerError("invalid-input", f"inputs of shape {shape} do not fit the circuit's {wanted}")
    inputs = job.own("input.json")
    write_input(inputs, data)
    watch.stage("witness", ezkl.gen_witness, inputs, job.own(CIRCUIT), job.own(WITNESS))


def outputs_of(job, settings):
    document = read_json(job.own(WITNESS), "witness")
    shape, scale = settings["model_instance_shapes"][1], settings["model_output_scales"][0]
    return tensor(shape, job.batch, decode(document["outputs"][0], scale, "witness"))


def tensor(shape, batch, data):
    """EZKL drops dimensions of one here and there: the batch comes first again."""
    shape = list(shape)
    if not shape or shape[0] != batch:
        shape = [batch, len(data) // batch]
    return {"shape": shape, "data": data}


def infer(_profile, job):
    settings, watch = read_settings(job), Stopwatch()
    witness(job, watch, settings)
    report = watch.report()
    report["outputs"] = outputs_of(job, settings)
    report["notes"] = ["infer is the witness: the forward pass in field elements, not a plain inference"]
    return report


def prove(_profile, job):
    settings = read_settings(job)
    srs = srs_path(job, settings["run_args"]["logrows"])
    if not srs_is_whole(srs, settings["run_args"]["logrows"]):
        raise WorkerError("unavailable", "the reference string that the keys were made with is gone from the cache or damaged",
                          "run setup again: keys and reference string belong together")
    watch = Stopwatch()
    witness(job, watch, settings)
    watch.stage("proof", ezkl.prove, job.own(WITNESS), job.own(CIRCUIT), job.own(PK), job.own(PROOF), srs_path=srs)
    report = watch.report()
    report["outputs"] = outputs_of(job, settings)
    report["evidence"] = job.own(PROOF)
    bare = len(read_json(job.own(PROOF), "proof")["proof"])
    report["files"] = [{"name": PROOF, "role": "proof", "bytes": bare}, {"name": WITNESS, "role": "witness"}]
    return report


def check_proof(path, settings):
    """The public inputs of a proof, after everything about its form has been checked: EZKL is handed no surprises."""
    proof = read_json(path, "evidence")
    shapes = settings["model_instance_shapes"]
    if not isinstance(proof, dict) or proof.get("protocol", None) is not None:
        raise WorkerError("invalid-input", "evidence: not a proof of EZKL")
    bare, instances = proof.get("proof"), proof.get("instances")
    if not isinstance(bare, list) or not bare or len(bare) > 1 << 24 or not all(type(b) is int and 0 <= b < 256 for b in bare):
        raise WorkerError("invalid-input", "evidence: `proof` is not a list of bytes")
    if not isinstance(instances, list) or len(instances) != 1 or not isinstance(instances[0], list):
        raise WorkerError("invalid-input", "evidence: `instances` is not one list")
    if len(instances[0]) != count(shapes[0]) + count(shapes[1]):
        wanted = count(shapes[0]) + count(shapes[1])
        raise WorkerError("invalid-input", f"evidence: {len(instances[0])} public numbers where the circuit has {wanted}")
    return instances[0]


def verify(profile, job):
    settings = read_settings(job)
    evidence = job.path("evidence")
    public = check_proof(evidence, settings)
    split = count(settings["model_instance_shapes"][0])
    (in_scale,), (out_scale,) = settings["model_input_scales"], settings["model_output_scales"]
    # The statement is what `instances` says. `pretty_public_inputs` is for show: EZKL's verifier never reads it.
    inputs = decode(public[:split], in_scale, "evidence")
    outputs = decode(public[split:], out_scale, "evidence")

    logrows = settings["run_args"]["logrows"]
    whole = srs_path(job, logrows)
    if profile == "default" and srs_is_whole(whole, logrows):
        srs, reduced = whole, {}  # as documented: the whole string is read
    else:
        srs, reduced = job.own(VERIFIER_SRS), {"reduced_srs": True}
    for needed in (job.own(VK), srs):
        if not os.path.isfile(needed):
            raise WorkerError("invalid-input", f"the verifier's folder lacks {os.path.basename(needed)}")
    watch, notes, valid = Stopwatch(), [], True
    try:
        valid = watch.stage("verify", ezkl.verify, evidence, job.own(SETTINGS), job.own(VK), srs_path=srs, **reduced) is True
    except WorkerError as error:
        if not is_rejection(str(error)):
            raise
        valid, notes = False, [str(error)]
    report = watch.report()
    report["valid"] = valid
    report["notes"] = notes
    if not valid:
        return report  # what rejected evidence claims is nothing to report, and may be no number
    report["inputs"] = tensor(settings["model_instance_shapes"][0], job.batch, inputs)
    report["outputs"] = tensor(settings["model_instance_shapes"][1], job.batch, outputs)
    # Rounded to the nearest multiple of 2^-scale; the slack is that of the float32 in which EZKL holds the input.
    largest = max(map(abs, inputs), default=0.0)
    report["input_tolerance"] = math.ldexp(0.5, -in_scale) * (1 + 1e-6) + largest * 2.0**-23
    return report


def is_rejection(text):
    """The verifier's no, which comes from the proof system itself, as against a verifier that could not work."""
    return "[halo2]" in text or "verification failed" in text.lower()


def describe(profile):
    return {
        "name": "ezkl",
        "version": ezkl_version(),
        "phases": ["setup", "infer", "prove", "verify"],
        "prove_includes_infer": True,
        "trust": {
            "setup": "trusted",
            "security_bits": 100,
            "security_basis": "conjectured",
            "zero_knowledge": True,
            "post_quantum": False,
            # The Python binding's defaults are input and output public, parameters fixed: the weights are constants of the
            # circuit, so the verifying key is the model's. (The command line program's defaults are different.)
            "binds": ["model", "input", "output"],
            "hides": [],
            "hardware": "none",
            "notes": [
                "Halo2 with KZG over BN254: about 100 bits against the best known attack on the curve's pairing",
                "the model is bound as it was quantised, by the verifying key",
                "the reference string is made on the spot: fit for benchmarks only",
                "a proof with bytes appended is accepted too (malleable, not forgeable)",
            ]
            + (["inputs and outputs are not range-checked in the circuit where profiles.json says so: both are public, and "
                "the verifier compares them"] if profile == "tuned" else []),
        },
    }


def ezkl_version():
    from importlib import metadata

    return metadata.version("ezkl")


# --- the loop -------------------------------------------------------------------------------------------------------------


def answer(profile, line):
    start = time.perf_counter()
    response = {"v": VERSION, "id": None, "cell": None}
    try:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise WorkerError("invalid-input", f"not a request: {error}") from error
        if not isinstance(request, dict):
            raise WorkerError("invalid-input", "not a request: a JSON object is expected")
        if type(request.get("id")) is int:
            response["id"] = request["id"]
        if isinstance(request.get("cell"), str):
            response["cell"] = request["cell"]
        if request.get("v") != VERSION:
            raise WorkerError("invalid-input", f"this worker speaks version {VERSION} of the protocol")
        if request.get("op") == "describe":
            response["ok"] = describe(profile)
            return response
        phase = {"setup": setup, "infer": infer, "prove": prove, "verify": verify}.get(str(request.get("op")))
        if phase is None:
            raise WorkerError("invalid-input", f"no such operation: {str(request.get('op'))[:100]}")
        report = phase(profile, Job(request.get("job")))
        report["untimed_s"] = max(0.0, time.perf_counter() - start - report["wall_s"])
        response["ok"] = report
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        response["error"] = translate(f"{type(error).__name__}", error).as_json()
    return response


def main():
    global ezkl
    profile = sys.argv[2] if sys.argv[1:2] == ["--profile"] and len(sys.argv) == 3 else None
    if profile not in ("default", "tuned"):
        sys.exit(__doc__)
    die_with_parent()
    # EZKL prints reports on standard output; the protocol keeps the real one to itself.
    real = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Without this EZKL writes to the home directory.
    os.environ.setdefault("EZKL_REPO_PATH", os.path.join(os.getcwd(), "ezkl-home"))
    os.environ.setdefault("RUST_LOG", "error")
    try:
        import ezkl
    except BaseException as error:
        sys.exit(f"ezkl cannot be imported: {error}")
    while line := sys.stdin.buffer.readline(MAX_LINE):
        if line.strip():
            real.write(json.dumps(answer(profile, line), allow_nan=False).encode() + b"\n")
            real.flush()


if __name__ == "__main__":
    main()
