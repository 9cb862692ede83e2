"""The structured reference string: made on the spot, cached by size, for benchmarks only: whoever makes it can forge proofs."""

import ctypes
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time

from base import WorkerError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform.startswith("linux") else None


def die_with_parent():
    """Asks Linux to kill this process when its parent goes: a proof holds the interpreter for minutes and reads no end of file."""
    if sys.platform.startswith("linux"):
        PRCTL(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def srs_bytes(logrows):
    return (128 << logrows) + 260


def srs_path(job, logrows):
    return os.path.join(job.path("cache"), "ezkl-srs", f"benchmark-only-k{logrows}.srs")


def srs_is_whole(path, logrows):
    try:
        with open(path, "rb") as file:
            return os.fstat(file.fileno()).st_size == srs_bytes(logrows) and file.read(4) == struct.pack("<I", logrows)
    except OSError:
        return False


def ensure_srs(job, logrows):
    """Makes the reference string of this size unless it is cached: its path, and the seconds that took or None."""
    path = srs_path(job, logrows)
    if srs_is_whole(path, logrows):
        return path, None
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.lock", "w") as lock:
        # Keys fit one string only: of two runs at once, the second must take the first one's and not replace it.
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        return path, None if srs_is_whole(path, logrows) else make_srs(path, logrows)


def make_srs(path, logrows):
    """Makes a reference string by way of a temporary file; the seconds that took."""
    handle, half = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f"k{logrows}-", suffix=".part")
    os.close(handle)
    start = time.perf_counter()
    try:
        # In a process of its own: its memory must not show in the peak of the phase. The runner's own maker writes the same
        # file with a small part of the CPU time of EZKL's gen_srs.
        maker = os.environ.get("ZKTEE_SRS_MAKER")
        code = "import sys, ezkl; ezkl.gen_srs(sys.argv[2], int(sys.argv[1]))"
        command = [maker, "srs"] if maker else [sys.executable, "-c", code]
        made = subprocess.run([*command, str(logrows), half], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False,
                              preexec_fn=die_with_parent if os.name == "posix" else None)
        if made.returncode != 0 or not srs_is_whole(half, logrows):
            raise WorkerError("failed", f"making the reference string of 2^{logrows} rows ended with {made.returncode} and left "
                              "no whole file", f"it needs {srs_bytes(logrows) >> 20} MiB in the cache folder")
        os.replace(half, path)
    finally:
        if os.path.exists(half):
            os.unlink(half)
    return time.perf_counter() - start


def write_verifier_srs(whole, path):
    """The part of the reference string that a verifier needs: the generators and the secret's power in the second group.

    The file's form is k, 2^k points, the same in Lagrange form, two points of the second group. For k = 0 both forms are the
    first generator, so 388 bytes do, and the verifier's folder needs no cache.
    """
    with open(whole, "rb") as file:
        head = file.read(4 + 64)
        file.seek(-256, os.SEEK_END)
        tail = file.read(256)
    with open(path, "wb") as file:
        file.write(struct.pack("<I", 0) + head[4:] + head[4:] + tail)
