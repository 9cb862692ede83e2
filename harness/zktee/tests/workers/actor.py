"""A worker that plays a part: `actor.py PART`. Good manners are the default; each part breaks one rule."""

import json
import os
import signal
import subprocess
import sys
import time

PART = sys.argv[1] if len(sys.argv) > 1 else "good"
WITH_EVIDENCE = PART in ("good-prover", "rejects-own", "binds-other-output", "binds-other-input", "evidence-elsewhere", "slow-prover",
                          "believes-anything", "proves-a-part", "rejects-its-part", "parts-of-nothing")
PHASES = ["setup", "infer"] + (["prove", "verify"] if WITH_EVIDENCE else [])

DESCRIPTION = {
    "name": "actor", "version": "1", "phases": PHASES, "prove_includes_infer": False,
    "trust": {
        "setup": "none", "security_bits": None, "security_basis": "none", "zero_knowledge": False,
        "post_quantum": False, "binds": ["input", "output"] if WITH_EVIDENCE else [], "hides": [],
        "hardware": "none", "notes": [],
    },
}


def tensor(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def infer(job):
    """The committed OLS model's answers, read from the file that the test names: an actor cannot compute."""
    inputs = tensor(job["inputs"])
    with open(os.environ["ACTOR_ANSWERS"], encoding="utf-8") as file:
        answers = json.load(file)
    rows = inputs["shape"][0]
    return {"shape": [rows, 1], "data": answers["data"][:rows]}


def report(**fields):
    # An actor's times are made up, so that a test knows them.
    seconds = float(os.environ.get("ACTOR_SECONDS", "0.001"))
    base = {"wall_s": seconds, "user_s": seconds, "system_s": 0.0, "peak_rss_bytes": 10_000_000, "untimed_s": 0.0}
    base.update(fields)
    return base


def part(done):
    """The one stage of a call that did so much of four."""
    seconds = float(os.environ.get("ACTOR_SECONDS", "0.001"))
    return [{"name": "work", "wall_s": seconds, "cpu_s": seconds, "part": {"done": done, "of": 4, "unit": "rows"}}]


def phase(op, job):
    if op == "setup":
        return report()
    if op == "infer":
        outputs = infer(job)
        if PART == "wrong-answer":
            outputs["data"][0] += 1.0
        if PART == "too-few-answers":
            outputs = {"shape": [1, 1], "data": outputs["data"][:1]}
        if PART == "not-finite":
            return report(wall_s=-1.0, outputs=outputs)
        return report(outputs=outputs)
    if op == "prove":
        path = os.path.join(job["dir"], "evidence")
        if PART == "evidence-elsewhere":
            path = "/etc/hostname"
        else:
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"inputs": tensor(job["inputs"]), "outputs": infer(job)}, file)
        if "part" in PART:
            return report(outputs=infer(job), evidence=path, stages=part(1))
        return report(outputs=infer(job), evidence=path)
    if PART == "believes-anything":
        return report(valid=True, outputs=tensor(job["outputs"]), inputs=tensor(job["inputs"]), input_tolerance=0.0)
    if "part" in PART:
        return report(valid=PART != "rejects-its-part", stages=part(0 if PART == "parts-of-nothing" else 1))
    bound = tensor(job["evidence"])
    if PART == "binds-other-output":
        bound["outputs"]["data"][0] += 0.001
    if PART == "binds-other-input":
        bound["inputs"]["data"][0] += 0.5
    return report(valid=PART != "rejects-own", outputs=bound["outputs"], inputs=bound["inputs"], input_tolerance=1e-6)


def misbehave(request):
    """What a part does instead of answering a phase; returns when it has nothing to do."""
    if PART == "hangs":
        time.sleep(600)
    if PART == "dies":
        print("I am dying of a made-up cause", file=sys.stderr, flush=True)
        os._exit(7)
    if PART == "killed":
        os.kill(os.getpid(), 9)
    if PART == "eats-memory":
        hoard = []
        while True:
            hoard.append(bytearray(16 << 20))
            time.sleep(0.02)
    if PART == "ignores-sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        time.sleep(600)
    if PART in ("leaves-a-child", "leaves-a-daemon"):
        # A daemon has a session of its own and so is in no process group of the runner's.
        pause = [sys.executable, "-c", "import time; time.sleep(600)"]
        subprocess.Popen(pause, start_new_session=PART == "leaves-a-daemon", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    if PART == "daemon-and-hangs":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        time.sleep(600)
    if PART == "fills-disk":
        for number in range(10_000):
            with open(os.path.join(request["job"]["dir"], f"block{number}"), "wb") as file:
                file.write(bytes(8 << 20))
    if PART == "fills-disk-at-once":
        with open(os.path.join(request["job"]["dir"], "block"), "wb") as file:
            file.write(bytes(300 << 20))
    if PART == "floods-errors":
        for _ in range(64):
            sys.stderr.write("error, " * (1 << 17) + "\n")
    if PART == "slow" or PART == "slow-prover":
        time.sleep(0.4)


def main():
    for line in sys.stdin:
        try:
            request = json.loads(line)
            op, job = request["op"], request.get("job")
            answer = {"v": 1, "id": request["id"], "cell": request["cell"]}
            if request["v"] != 1 or op not in ["describe"] + PHASES or (op != "describe" and job is None):
                raise ValueError("not a request of this protocol")
        except (ValueError, KeyError, TypeError) as error:
            print(json.dumps({"v": 1, "id": None, "cell": None, "error": {"kind": "invalid-input", "message": str(error)}}), flush=True)
            continue
        if op == "describe":
            answer["ok"] = DESCRIPTION
        else:
            misbehave(request)
            if PART == "rubbish":
                print("this is no JSON", flush=True)
                continue
            if PART == "floods":
                while True:
                    sys.stdout.write("x" * 65536)
            if PART == "wrong-cell":
                answer["cell"] = "other@cell"
            if PART == "wrong-id":
                answer["id"] += 1
            if PART == "refuses":
                answer["error"] = {"kind": "refused", "message": "the operator `Gemm` is not supported", "fix": "use another"}
            else:
                try:
                    answer["ok"] = phase(op, job)
                except OSError as error:
                    answer["error"] = {"kind": "invalid-input", "message": str(error)}
        print(json.dumps(answer), flush=True)
        while PART == "floods-lines" and op != "describe":
            print(json.dumps(answer), flush=True)
        if PART == "chatters" and op != "describe":
            print(json.dumps(answer), flush=True)
    if PART == "never-exits":
        time.sleep(600)
    if PART == "exits-badly":
        sys.exit(3)


main()
