#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""See prove.py --help and README.md."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parent / "model"
sys.path.insert(0, str(MODEL / "mutants"))
import apply as mutants_of  # one format for both
PAGES = {"4k": 12, "16k": 14, "64k": 16}
MEMORY = 6 << 30


class Failed(Exception):
    pass


def read_proofs():
    """proofs.txt: name -> what to run"""
    proofs = {}
    for line in (HERE / "proofs.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, *words = line.split()
        proof = {"source": name, "unwind": "1", "replace": "", "defs": "", "pages": "4k,16k,64k",
                 "cbmc": "", "time": "600"}
        for word in words:
            key, _, value = word.partition("=")
            if key not in proof:
                sys.exit(f"proofs.txt: {line}")
            proof[key] = value
        proofs[name] = proof
    return proofs


def read_mutants():
    """mutants.txt: name -> file, why, proof, fails (names of properties), edits"""
    return mutants_of.stanzas(HERE / "mutants.txt", ("file", "why", "proof"), ("fails",))


def break_source(mutant, source, target):
    try:
        mutants_of.apply(mutant, source, target)
    except ValueError as why:
        raise Failed(why)


class Prover:
    def __init__(self, args):
        self.args = args
        self.out = pathlib.Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.el2 = pathlib.Path(args.linux) / "arch/arm64/kvm/hyp/nvhe"
        self.have_headers = False
        self.running = set()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)

    def stop(self, *_):
        for pid in list(self.running):
            os.killpg(pid, 9)
        os._exit(1)

    def run(self, argv, log, seconds, where=None):
        """Runs a program with limits of time and of memory; its standard output."""
        def limit():
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with open(log, "w") as err:
            proc = subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, stderr=err,
                                    preexec_fn=limit, text=True,
                                    env={**os.environ, "TMPDIR": where or str(self.out)})
            self.running.add(proc.pid)
            try:
                out, _ = proc.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(proc.pid, 9)
                proc.communicate()
                raise Failed(f"no answer in {seconds} s")
            finally:
                self.running.discard(proc.pid)
        return proc.returncode, out

    def must(self, argv, log, what):
        status, _ = self.run(argv, log, 120)
        if status:
            text = pathlib.Path(log).read_text().strip().splitlines()
            raise Failed(f"{what}: {text[-1] if text else status}")

    def headers(self):
        """The same as those of the model: real where it counts, or else empty."""
        if not self.have_headers:
            self.must(["make", "-s", "-C", MODEL, "headers", f"LINUX={self.args.linux}",
                       f"O={self.out}/headers"], self.out / "headers.log", "headers")
            self.have_headers = True

    def build(self, name, proof, page, defs=(), broken=None):
        """A goto program; the folder it is in."""
        self.headers()
        tag = "-".join([name, page, *(d.replace("=", "") for d in defs)])
        where = self.out / (f"{tag}-{broken.name}" if broken else tag)
        where.mkdir(parents=True, exist_ok=True)
        log = where / "build.log"
        includes = ([broken] if broken else []) + [HERE, self.el2, self.out / "headers/include", MODEL]
        source = where / "proof.i"
        self.must(["gcc", "-E", "-P", "-std=gnu11", "-o", source, f"-DPAGE_SHIFT={PAGES[page]}",
                   *(f"-D{d}" for d in proof["defs"].split(",") if d), *(f"-D{d}" for d in defs),
                   *(f"-I{i}" for i in includes), HERE / f"{proof['source']}.c"], log, "gcc -E")
        text = source.read_text()
        # CBMC 6.6 aborts on f() ?: g() of an enum, and knows no flexible array by value.
        text = text.replace("enum pkvm_its_refusal {", "enum pkvm_its_refusal_names {")
        text = text.replace("enum pkvm_its_refusal ", "unsigned int ")
        text = text.replace("u64 targets[];", "u64 targets[3];")
        source.write_text(text)
        self.must([self.args.cbmc / "goto-cc", "--function", "harness", "-o", where / "a.gb", source],
                  log, "goto-cc")
        if proof["replace"]:
            self.must([self.args.cbmc / "goto-instrument",
                       *(word for r in proof["replace"].split(",") for word in ("--replace-calls", r)),
                       where / "a.gb", where / "b.gb"], log, "goto-instrument")
        else:
            shutil.copy(where / "a.gb", where / "b.gb")
        return where

    def cbmc(self, where, proof, *more, checks=True):
        """The results of a run: [(name of the check, description, status, line)]"""
        argv = [self.args.cbmc / "cbmc", where / "b.gb", "--json-ui", "--object-bits", "8",
                "--no-malloc-may-fail", "--drop-unused-functions", "--slice-formula",
                "--unwind", proof["unwind"], "--unwinding-assertions"]
        if not checks:
            argv += ["--no-standard-checks"]
        argv += [option for option in proof["cbmc"].split(",") if option]
        if self.args.sat:
            argv += ["--external-sat-solver", self.args.sat]
        argv += more
        with tempfile.TemporaryDirectory(dir=where) as scratch:
            status, out = self.run(argv, where / "cbmc.log", int(proof["time"]), scratch)
        (where / "cbmc.json").write_text(out)
        try:
            answer = json.loads(out)
        except ValueError:
            raise Failed(f"cbmc ends with {status}, see {where}")
        results = [r for part in answer for r in part.get("result", [])]
        if not results or status not in (0, 10):
            said = [p["messageText"] for p in answer if p.get("messageType") == "ERROR"]
            raise Failed(f"cbmc ends with {status}: {said[0] if said else 'no result'}, see {where}")
        return [(r["property"], r["description"], r["status"],
                 r.get("sourceLocation", {}).get("line", "?")) for r in results]


def is_named(check):
    """A property of a proof. What else there is CBMC looks for by itself."""
    return bool(re.search(r"\.assertion\.\d+$", check[0])) and not check[0].startswith("malloc")


def names_of(checks):
    return sorted({c[1] for c in checks if is_named(c)})


class Report:
    """What is said."""
    def __init__(self):
        self.counts = {"proved": 0, "failed": 0, "skipped": 0}

    def say(self, kind, text):
        self.counts[kind] += 1
        print(("ok - " if kind == "proved" else "not ok - ") + text, flush=True)


# As mutants.txt has it: what CBMC looks for by itself.
UNDEFINED = "no undefined behaviour"


def has_mutant(name, proof, never, proofs, mutants):
    """Some broken EL2 fails this property; what nobody may come to counts wherever it is."""
    return any(name in m["fails"] and (never or proofs[m["proof"]]["source"] == proof["source"])
               for m in mutants.values())


def prove(prover, name, proof, page, proofs, mutants):
    """Both runs of a proof: (text for the user, lines for the baseline)"""
    start = time.time()
    where = prover.build(name, proof, page)
    checks = prover.cbmc(where, proof)
    for status in ("FAILURE", "UNKNOWN", "ERROR"):
        bad = [c for c in checks if c[2] == status]
        if bad:
            raise Failed(f'{len(bad)} of {len(checks)} checks: {status}, first "{bad[0][1]}" in {bad[0][0]}, see {where}')
    if any(c[2] != "SUCCESS" for c in checks):
        raise Failed("a check has no answer")
    names = names_of(checks)
    assumes = (where / "proof.i").read_text().count("__CPROVER_assume(")

    where = prover.build(name, proof, page, ["REACH"])
    answers = prover.cbmc(where, proof, checks=False)
    reached = {c[1] for c in answers if is_named(c) and c[2] == "FAILURE"}
    for c in answers:
        if (c[2] != "FAILURE" or not is_named(c)) and not (c[2] == "SUCCESS" and
                                                           (not is_named(c) or c[1] in reached)):
            raise Failed(f'no input reaches "{c[1]}" in {c[0]}' if is_named(c) else f"{c[1]} in {c[0]}")
    if reached - set(names):
        raise Failed("the two runs have different properties")

    seconds = time.time() - start
    lines = [f"proof {name} {page}: {len(checks)} checks, {assumes} assumptions, unwind {proof['unwind']}" +
             (f", {proof['defs']}" if proof["defs"] else "") +
             (f", {proof['cbmc']}" if proof["cbmc"] else "") + f" # {seconds:.0f} s"]
    if proof["replace"]:
        lines.append("  by contract: " + ", ".join(r.split(":")[0] for r in proof["replace"].split(",")))
    lines += [f"  {'reached' if n in reached else 'never  '} {n}" for n in names]
    for n in names:
        if not has_mutant(n, proof, n not in reached, proofs, mutants):
            raise Failed(f'there is no mutant for "{n}"')
    text = f"{name} {page}: {len(names)} properties, {len(reached)} of them reached, {len(checks)} checks, {seconds:.0f} s"
    return text, lines


def stale_mutants(prover, mutants):
    """Those whose text is not there any more, whether or not they are run."""
    for name, mutant in mutants.items():
        try:
            break_source(mutant, prover.el2, prover.out / "mutants" / name)
        except Failed as why:
            yield name, why


def must_fail(prover, name, mutant, proof):
    """A broken EL2: each property that the mutant names fails."""
    start = time.time()
    broken = prover.out / "mutants" / name
    break_source(mutant, prover.el2, broken)
    where = prover.build(mutant["proof"], proof, "4k", broken=broken)
    status, out = prover.run([prover.args.cbmc / "cbmc", where / "b.gb", "--show-properties", "--json-ui",
                              "--no-malloc-may-fail", "--drop-unused-functions", "--unwinding-assertions",
                              "--unwind", proof["unwind"]], where / "show.log", 60)
    there = [(p["name"], p["description"]) for part in json.loads(out) for p in part.get("properties", [])]
    undefined = UNDEFINED in mutant["fails"]
    wanted = [p for p in there if is_named(p) == (not undefined) and (undefined or p[1] in mutant["fails"])]
    if not undefined and {p[1] for p in wanted} != set(mutant["fails"]):
        raise Failed(f"{mutant['proof']} has no such property")
    checks = prover.cbmc(where, proof, *(word for p in wanted for word in ("--property", p[0])))
    failed = {UNDEFINED if undefined else c[1] for c in checks if c[2] == "FAILURE"}
    missed = set(mutant["fails"]) - failed
    if missed:
        raise Failed(f'is not found by "{missed.pop()}"')
    return f"{name}: {', '.join(sorted(mutant['fails']))} ({mutant['proof']}, {time.time() - start:.0f} s)"


def discover(prover, name, mutant, proof):
    """Which properties a mutant fails, for whoever writes mutants.txt."""
    broken = prover.out / "mutants" / name
    break_source(mutant, prover.el2, broken)
    where = prover.build(mutant["proof"], proof, "4k", broken=broken)
    checks = prover.cbmc(where, proof)
    print(f"mutant {name} {mutant['proof']}", *sorted({f"fails {c[1]}" for c in checks if c[2] == "FAILURE"}),
          sep="\n    ", flush=True)


def without_seconds(line):
    return re.sub(r" # \d+ s$", "", line)


def read_baseline():
    """proof NAME PAGE -> its lines"""
    found = {}
    path = HERE / "baseline.txt"
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith("proof "):
            lines = found[line.split(":")[0]] = [line]
        elif line.startswith("  "):
            lines.append(line)
    return found


baseline_lock = threading.Lock()


def write_baseline(entries, order):
    text = ["# Written by make prove UPDATE=1. What is proved, for review: a line that changes is a",
            "# property, a bound or an assumption that changes. Seconds are for information.",
            "# never: no input comes there, which is the property. reached: some input does."]
    for key in order:
        text += entries.get(key, [])
    (HERE / "baseline.txt").write_text("\n".join(text) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Proves properties of EL2's its_*.c with CBMC.")
    parser.add_argument("--cbmc", type=pathlib.Path, required=True, help="folder of its programs")
    parser.add_argument("--sat", help="cadical; without it CBMC's own solver")
    parser.add_argument("--linux", required=True, help="a kernel tree with the series")
    parser.add_argument("--out", required=True, help="where to build")
    parser.add_argument("--pages", default="4k", help="page sizes of the host, with commas")
    parser.add_argument("--only", default="", help="only these proofs, or mutants, with commas")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--no-mutants", action="store_true")
    parser.add_argument("--part", default="1/1", help="of the mutants, such as 2/4: the second of each four")
    parser.add_argument("--no-proofs", action="store_true")
    parser.add_argument("--discover", action="store_true", help="which properties each mutant fails")
    parser.add_argument("--update", action="store_true", help="write baseline.txt anew")
    args = parser.parse_args()

    proofs, mutants, baseline = read_proofs(), read_mutants(), read_baseline()
    only = [n for n in args.only.split(",") if n]
    unknown = [n for n in only if n not in proofs and n not in mutants]
    if unknown:
        sys.exit(f"there is no proof and no mutant {unknown[0]}")
    prover, report = Prover(args), Report()
    keys = [f"proof {n} {page}" for n in proofs for page in PAGES]
    prover.headers()

    def one_proof(job):
        name, page = job
        key = f"proof {name} {page}"
        try:
            text, lines = prove(prover, name, proofs[name], page, proofs, mutants)
            if args.update:
                # At once, as a run of all of them is long.
                with baseline_lock:
                    write_baseline({**read_baseline(), key: lines}, keys)
            old = [without_seconds(line) for line in baseline.get(key, [])]
            new = [without_seconds(line) for line in lines]
            if not args.update and old != new:
                differ = sorted(set(old) ^ set(new)) or ["order"]
                raise Failed(f"differs from baseline.txt: {differ[0].strip()}")
            report.say("proved", text)
        except Failed as why:
            report.say("failed", f"{name} {page}: {why}")

    def one_mutant(name):
        mutant = mutants[name]
        try:
            if args.discover:
                discover(prover, name, mutant, proofs[mutant["proof"]])
            else:
                report.say("proved", "fails as it must: " + must_fail(prover, name, mutant, proofs[mutant["proof"]]))
        except Failed as why:
            report.say("failed", f"mutant {name}: {why}")

    for name, why in stale_mutants(prover, mutants):
        report.say("failed", f"mutant {name}: {why}")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        if not args.no_proofs:
            list(pool.map(one_proof, [(n, page) for page in args.pages.split(",") for n, p in proofs.items()
                                      if page in p["pages"].split(",") and (not only or n in only)]))
        if not args.no_mutants:
            part, of = (int(n) for n in args.part.split("/"))
            list(pool.map(one_mutant, [n for i, (n, m) in enumerate(mutants.items())
                                       if (i % of == part - 1 if not only else n in only or m["proof"] in only)]))

    print(", ".join(f"{n} {kind}" for kind, n in report.counts.items()))
    sys.exit(report.counts["failed"] != 0)


if __name__ == "__main__":
    main()
