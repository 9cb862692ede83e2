"""What every phase needs: errors of the protocol's kinds, a stop-watch, and files read with bounds."""

import json
import math
import os
import re
import sys
import time

MAX_FILE = 256 << 20  # of any JSON file that is read; the largest proof seen is half a megabyte
BN254 = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001  # order of the scalar field
SETTINGS, CIRCUIT, PK, VK, WITNESS, PROOF = "settings.json", "circuit.ezkl", "pk.key", "vk.key", "witness.json", "proof.json"


class WorkerError(Exception):
    """An answer of kind `error`: see the protocol for the kinds."""

    def __init__(self, kind, message, fix=None):
        super().__init__(message)
        self.kind, self.fix = kind, fix

    def as_json(self):
        error = {"kind": self.kind, "message": str(self)[:4000]}
        return dict(error, fix=self.fix) if self.fix else error


# --- measuring ------------------------------------------------------------------------------------------------------------


def cpu_times():
    """User and system seconds of this process and its waited-for children. getrusage has microseconds, os.times only ticks."""
    try:
        import resource
    except ImportError:  # Windows
        return os.times()[0], os.times()[1]
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime for usage in both), sum(usage.ru_stime for usage in both)


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # then the peak is the process's, which does one phase and no more


def peak_bytes():
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Stopwatch:
    """Adds up the stages of one phase; whatever happens outside `stage` is untimed."""

    def __init__(self):
        self.stages, self.wall, self.user, self.system = [], 0.0, 0.0, 0.0
        reset_peak()

    def stage(self, name, call, *args, **kwargs):
        cpu, start = cpu_times(), time.perf_counter()
        try:
            return call(*args, **kwargs)
        except BaseException as error:  # a Rust panic in the wheel derives from BaseException
            raise translate(name, error) from error
        finally:
            wall = time.perf_counter() - start
            user, system = (max(0.0, after - before) for after, before in zip(cpu_times(), cpu))
            self.stages.append({"name": name, "wall_s": wall, "cpu_s": user + system})
            self.wall, self.user, self.system = self.wall + wall, self.user + user, self.system + system

    def report(self):
        return {
            "wall_s": self.wall,
            "user_s": self.user,
            "system_s": self.system,
            "peak_rss_bytes": peak_bytes(),
            "stages": self.stages,
        }


REFUSALS = ("unimplemented", "unsupported", "missing required params", "misformed params", "only support", "missing layout for op")


def translate(stage, error):
    """What EZKL said, as a protocol error that a reader can act on."""
    text = str(error).strip() or type(error).__name__
    lower = text.lower()
    if isinstance(error, WorkerError):
        return error
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return error
    if isinstance(error, MemoryError) or "memory allocation of" in lower:
        return WorkerError("out-of-memory", f"{stage}: memory ran out")
    if any(phrase in lower for phrase in REFUSALS):
        operator = re.search(r"Unimplemented\((\w+)\)", text)
        name = operator.group(1) if operator else "an operator, or a form of one, of this model"
        fix = "write the attribute into the ONNX node: EZKL takes no default" if "missing required params" in lower else None
        return WorkerError("refused", f"{stage}: EZKL does not support {name}: {text}", fix)
    if "[tract]" in lower:
        return WorkerError("invalid-input", f"{stage}: the model cannot be read: {text}")
    # The witness of a value that is too large ends in either of these, depending on the operator that meets it.
    too_large = ("decomposition error", "out of range", "calibration failed", "general synthesis error")
    if stage != "verify" and any(phrase in lower for phrase in too_large):
        return WorkerError(
            "refused",
            f"{stage}: a value lies outside the range that the circuit was made for: {text}",
            "set up again with calibration data that covers these inputs",
        )
    if type(error).__name__ == "PanicException":
        return WorkerError("failed", f"{stage}: EZKL panicked: {text}")
    return WorkerError("failed", f"{stage}: {text}")


# --- reading with bounds --------------------------------------------------------------------------------------------------


def read_json(path, what):
    try:
        if not os.path.isfile(path):
            raise WorkerError("invalid-input", f"{what}: no such file: {path}")
        if os.path.getsize(path) > MAX_FILE:
            raise WorkerError("invalid-input", f"{what}: larger than {MAX_FILE >> 20} MiB")
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise WorkerError("invalid-input", f"{what}: {error}") from error


def count(shape):
    return math.prod(shape)


def is_shape(value):
    return isinstance(value, list) and all(type(n) is int and 0 < n <= 1 << 28 for n in value) and count(value) <= 1 << 28


def read_tensor(path, what):
    tensor = read_json(path, what)
    if not isinstance(tensor, dict) or not is_shape(tensor.get("shape")) or not isinstance(tensor.get("data"), list):
        raise WorkerError("invalid-input", f"{what}: not a tensor with `shape` and `data`")
    shape, data = tensor["shape"], tensor["data"]
    if len(data) != count(shape):
        raise WorkerError("invalid-input", f"{what}: shape {shape} has {count(shape)} numbers, found {len(data)}")
    if not all(type(x) in (int, float) and math.isfinite(x) for x in data):
        raise WorkerError("invalid-input", f"{what}: holds something that is not a finite number")
    return shape, data


class Job:
    """A request's job, each field checked when it is asked for."""

    def __init__(self, job):
        if not isinstance(job, dict):
            raise WorkerError("invalid-input", "the request has no `job`")
        self.fields = job

    def path(self, name):
        value = self.fields.get(name)
        if not isinstance(value, str) or not os.path.isabs(value) or "\0" in value:
            raise WorkerError("invalid-input", f"`job.{name}` is not an absolute path")
        return value

    def own(self, name):
        """A file in the job's own folder."""
        return os.path.join(self.path("dir"), name)

    @property
    def batch(self):
        batch = self.fields.get("batch")
        if type(batch) is not int or not 0 < batch <= 1 << 20:
            raise WorkerError("invalid-input", "`job.batch` is not a positive number")
        return batch

    @property
    def batch_symbol(self):
        symbol = self.fields.get("batch_symbol")
        if symbol is not None and not (isinstance(symbol, str) and symbol):
            raise WorkerError("invalid-input", "`job.batch_symbol` is neither a name nor null")
        return symbol


def read_settings(job):
    """EZKL's settings with the few fields that are used here checked."""
    settings = read_json(job.own(SETTINGS), "settings")
    try:
        shapes, logrows = settings["model_instance_shapes"], settings["run_args"]["logrows"]
        scales = settings["model_input_scales"] + settings["model_output_scales"]
        known = type(logrows) is int and 1 <= logrows <= 28 and all(type(s) is int and -128 < s < 128 for s in scales)
        if not (known and len(shapes) == 2 and len(scales) == 2 and all(map(is_shape, shapes))):
            raise ValueError("one input and one output, both public, are expected")
    except (KeyError, TypeError, ValueError) as error:
        raise WorkerError("invalid-input", f"settings: not what this worker wrote: {error}") from error
    return settings


def decode(felts, scale, what):
    """Field elements (hexadecimal, little endian) to floats. The upper half of the field stands for negative numbers."""
    numbers = []
    for felt in felts:
        if not isinstance(felt, str) or len(felt) != 64:
            raise WorkerError("invalid-input", f"{what}: not a field element of 64 hexadecimal digits")
        try:
            value = int.from_bytes(bytes.fromhex(felt), "little")
        except ValueError as error:
            raise WorkerError("invalid-input", f"{what}: {error}") from error
        if value >= BN254:
            raise WorkerError("invalid-input", f"{what}: a number that is no element of the field")
        value = value - BN254 if value > BN254 // 2 else value
        if value.bit_length() > 160:  # no circuit here reaches this; such a number would not fit a float32 either
            raise WorkerError("invalid-input", f"{what}: a number far outside of any model's range")
        numbers.append(math.ldexp(value, -scale))
    return numbers
