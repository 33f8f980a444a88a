#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""sizes.py TREE BASE < "N-name first last" lines: the limits of sizes.sh."""
import re
import subprocess
import sys

NVHE = "arch/arm64/kvm/hyp/nvhe/"
SELFTESTS = "tools/testing/selftests/kvm/"
PATCHES, ADDED = 16, 5200               # part 1: no more patches and lines than that
TARGET = 4000                           # what it should have come to
FUNCTION, FILE = 60, 1200
HOST = [SELFTESTS + "arm64/its_shadow.c", SELFTESTS + "lib/arm64/its_host.c",
        SELFTESTS + "include/arm64/its_host.h"]
HOST_LINES = 950
EL2_TEST, EL2_TEST_LINES = NVHE + "its_selftest.c", 330
# A file may call those behind it.
ORDER = ["its_emulate.c", "its_cmd.c", "its_rdist.c", "its_vpe.c", "its_table.c"]

NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
HEAD = re.compile(r"^(?!\s|#|/|\*|\}|\{|typedef|struct \w+ \{|[A-Z_]+\()[\w\s*]*?\b(\w+)\(")
failed = False


def git(*args):
    return subprocess.run(["git", "-C", TREE, *args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def check(what, good):
    global failed
    failed = failed or not good
    print(f"{'ok' if good else 'not ok'} - {what}")


def show(commit, path):
    return git("show", f"{commit}:{path}")


def exists(commit, path):
    return bool(git("ls-tree", "--name-only", commit, path))


def length(commit, path):
    return show(commit, path).count("\n") if exists(commit, path) else 0


def blank(text):
    """Without comments and strings, and with the same number of lines; includes stay."""
    return NOISE.sub(lambda m: "\n" * m.group().count("\n") or " ", text)


def functions(text):
    """(name, is it static, first line, number of lines, body) of each function."""
    lines, out, at = blank(text).split("\n"), [], 0
    while at < len(lines):
        match, brace = HEAD.match(lines[at]), at
        while match and brace < len(lines) and lines[brace] != "{" and not re.search(r"[;}]\s*$", lines[brace]):
            brace += 1
        if not match or brace >= len(lines) or lines[brace] != "{":
            at += 1
            continue
        start = at
        if at and re.fullmatch(r"(static |inline |__\w+ )*[\w *]+", lines[at - 1]):
            start = at - 1              # the type has a line of its own
        end = lines.index("}", brace)
        static = lines[start].startswith("static") or lines[at].startswith("static")
        out.append((match.group(1), static, start + 1, end - start + 1, "\n".join(lines[brace:end])))
        at = end + 1
    return out


def added(first, last):
    return sum(int(l.split("\t")[0]) for l in git("diff", "--no-renames", "--numstat", first, last).splitlines()
               if l[0] != "-")


def el2_files(commit, names):
    listed = git("ls-tree", "--name-only", commit, NVHE).splitlines()
    return [p for p in listed if re.fullmatch(names, p[len(NVHE):])]


def first_to_review(parts):
    """The part that stands for all: 1-something."""
    return next(part for part in parts if part[0].startswith("1-"))


def part_sizes(parts):
    for part in parts:
        name, first, last = part
        count, lines = int(git("rev-list", "--count", f"{first}..{last}")), added(first, last)
        what = f"part {name}: {count} patches, {lines} added lines"
        if part != first_to_review(parts):
            print(f"# {what}")
            continue
        check(f"{what}; at most {PATCHES} patches", count <= PATCHES)
        check(f"{what}; under {ADDED} lines", lines < ADDED)
        if lines >= TARGET:
            print(f"# missed by {lines - TARGET} lines: part {name} should have under {TARGET}")


def long_functions(parts):
    count, bad = 0, {}
    for name, _, last in parts:
        for path in el2_files(last, r"its.*\.c|mmio\.c"):
            for function, _, line, lines, _ in functions(show(last, path)):
                count += 1
                if lines > FUNCTION:
                    bad[path, function] = f"{path}:{line}: {function}() has {lines} lines at the end of {name}"
    for what in bad.values():
        check(what, False)
    check(f"no function of EL2's its*.c and mmio.c is over {FUNCTION} lines ({count} looked at)", count and not bad)


def long_files(parts):
    bad = {}
    for name, _, last in parts:
        for path in git("diff", "--no-renames", "--diff-filter=A", "--name-only", BASE, last).splitlines():
            if length(last, path) > FILE:
                bad[path] = f"{path} has {length(last, path)} lines at the end of {name}"
    for what in bad.values():
        check(what, False)
    check(f"no new file is over {FILE} lines", not bad)


def limited(name, commit, files, limit):
    lines = sum(length(commit, path) for path in files)
    what = " and ".join(path.rsplit("/", 1)[1] for path in files)
    check(f"{what} at the end of {name}: {lines} lines, at most {limit}", lines <= limit)
    check(f"{files[0].rsplit('/', 1)[1]} is in {name}", exists(commit, files[0]))


def calls(commit):
    """
    file: {file: names} of what it calls by name or includes. A pointer to a function is no
    call, and a self test calls everything, as does the check of all records (its_check.c).
    """
    text = {p[len(NVHE):]: show(commit, p) for p in el2_files(commit, r"its_(?!selftest|check).*\.c")}
    found = {name: functions(t) for name, t in text.items()}
    owner = {f[0]: name for name, fs in found.items() for f in fs if not f[1]}
    out = {}
    for name, fs in found.items():
        own = {f[0] for f in fs}
        out[name] = {}
        for _, _, _, _, body in fs:
            for called in set(re.findall(r"(?<![.>\w])(\w+)\s*\(", body)) - own:
                if called in owner:
                    out[name].setdefault(owner[called], set()).add(called)
        for included in re.findall(r'^#include "(?:.*/)?(its_\w+\.c)"', text[name], re.M):
            out[name].setdefault(included, set()).add("#include")
    return out


def circle(edges):
    """The files of a circle, or nothing."""
    done, path = set(), []

    def visit(name):
        if name in path:
            return path[path.index(name):] + [name]
        if name in done:
            return None
        path.append(name)
        for other in edges.get(name, {}):
            if found := visit(other):
                return found
        done.add(path.pop())
        return None

    return next((c for c in map(visit, edges) if c), None)


def some(names):
    names = sorted(names)
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def told(edges, path):
    steps = [f" -{some(edges[a][b])}-> {b}" for a, b in zip(path, path[1:])]
    return path[0] + "".join(steps)


def circles(parts):
    for name, _, last in parts:
        edges = calls(last)
        for above, file in enumerate(ORDER):
            for other in ORDER[:above]:
                if names := edges.get(file, {}).get(other):
                    check(f"{file} uses {other}, which is above it, at the end of {name}: {some(names)}", False)
        found = circle(edges)
        check(f"EL2's its_*.c files call each other in no circle at the end of {name}"
              + (": " + told(edges, found) if found else ""), not found)


def main():
    parts = [line.split() for line in sys.stdin]
    part_sizes(parts)
    long_functions(parts)
    long_files(parts)
    name, _, last = first_to_review(parts)
    limited(name, last, HOST, HOST_LINES)
    limited(name, last, [EL2_TEST], EL2_TEST_LINES)
    circles(parts)
    sys.exit(failed)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    TREE, BASE = sys.argv[1:]
    main()
