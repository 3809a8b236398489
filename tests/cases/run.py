#!/usr/bin/env python3
"""Runs the black-box cases of this folder against the tremula command.

    run.py TREMULA [--db] [--only SUBSTRING] [--verbose]

--db: every run works on a directory of its own, not in memory.

A file NAME.tql holds cases, each begun by a line `-- case: what it shows`; what stands before the first is set-up, run before
each case, its output skipped. Inside a case
  --> text        is the next line of standard output. Lines of a subscription are compared as NAME: RESULT, where the result is
                  the snapshot, then what each patch makes of it; `-- raw` asks for the lines as they are printed.
  --! CODE C      is the next error: its code, and its place at column C (`?`: not said) of the script line above it, or at L:C;
                  `-` if it has no place. The source line and the caret under it are checked, the message is free.
  --~ text        a part of the message of the error above
  -- param: n=v   passes --param n=v
  -- file: F      the `--|` lines below it are written to F before the run;  -- then: F  they must be F after it
  -- exit: N      the exit status, if it is not 1 after an error and else 0
At the end of every case each running subscription is compared with a fresh SELECT of its query.
"""
import argparse, glob, json, os, re, subprocess, sys, tempfile

MARKER = "SELECT { marker: 'case begins' };\n"


class Case:
    def __init__(self, name, setup):
        self.name, self.setup, self.lines, self.want, self.errors = name, setup, [], [], []
        self.raw, self.params, self.exit = False, [], None
        self.files, self.then, self.block = {}, {}, None

    def directive(self, line):
        self.block = self.block if line.startswith("--|") else None
        if line.startswith("--> "): self.want.append(line[4:])
        elif line.startswith("--! "): self.errors.append((line[4:].split(), self.code_line(), []))
        elif line.startswith("--~ "): self.errors[-1][2].append(line[4:])
        elif line.startswith("--|"): self.block.append(line[4:])
        elif line == "-- raw": self.raw = True
        elif m := re.match(r"-- param: (\S+=.*)", line): self.params.append(m[1])
        elif m := re.match(r"-- file: (\S+)", line): self.block = self.files.setdefault(m[1], [])
        elif m := re.match(r"-- then: (\S+)", line): self.block = self.then.setdefault(m[1], [])
        elif m := re.match(r"-- exit: (\d+)", line): self.exit = int(m[1])

    def code_line(self):
        at = len(self.lines) - 1
        while at >= 0 and (not self.lines[at].strip() or self.lines[at].lstrip().startswith("--")): at -= 1
        return at

    def script(self): return self.setup + MARKER + "".join(l + "\n" for l in self.lines)


def read_cases(path):
    setup, case = "", None
    for line in open(path, encoding="utf-8").read().split("\n"):
        if m := re.match(r"-- case: (.*)", line):
            if case: yield case
            case = Case(m[1], setup)
        elif case is None: setup += line + "\n"
        else:
            case.lines.append(line)
            if line.startswith("--"): case.directive(line)
    if case: yield case


def parts(pointer): return [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]


def walk(doc, keys):
    for k in keys: doc = doc[int(k)] if isinstance(doc, list) else doc[k]
    return doc


def apply(doc, ops):
    def put(path, value):
        *way, last = parts(path)
        parent = walk(doc, way)
        if isinstance(parent, list):
            if not 0 <= int(last) <= len(parent): raise IndexError(path)
            parent.insert(int(last), value)
        else: parent[last] = value

    def take(path):
        *way, last = parts(path)
        parent = walk(doc, way)
        return parent.pop(int(last) if isinstance(parent, list) else last)
    for op in ops:
        if op["path"] == "" and op["op"] == "replace": doc = op["value"]
        elif op["op"] == "add": put(op["path"], op["value"])
        elif op["op"] == "remove": take(op["path"])
        elif op["op"] == "move": put(op["path"], take(op["from"]))
        elif op["op"] == "replace":
            *way, last = parts(op["path"])
            parent = walk(doc, way)
            k = int(last) if isinstance(parent, list) else last
            parent[k]
            parent[k] = op["value"]
        else: raise ValueError("operation " + op["op"])
    return doc


class Num(str):
    """A number that keeps its text."""


def load(text): return json.loads(text, parse_int=Num, parse_float=Num, parse_constant=Num)


def dump(doc):
    if isinstance(doc, Num): return str(doc)
    if isinstance(doc, list): return "[" + ",".join(map(dump, doc)) + "]"
    if isinstance(doc, dict): return "{" + ",".join(dump(str(k)) + ":" + dump(v) for k, v in doc.items()) + "}"
    return json.dumps(doc, ensure_ascii=False)


def same_patch(a, b):
    """Whether two lines hold the same patch, whatever the commit's number and the order of an operation's members."""
    try: a, b = json.loads(a), json.loads(b)
    except ValueError: return False
    return "patch" in a and list(a) == list(b) and isinstance(a.pop("commit"), int) and b.pop("commit") and a == b


class Run:
    def __init__(self, tremula, case, on_disk):
        self.case, self.tremula, self.live, self.problems = case, tremula, {}, []
        self.on_disk, self.runs = on_disk, 0

    def execute(self, script, folder):
        open(os.path.join(folder, "case.tql"), "w", encoding="utf-8").write(script)
        call = [self.tremula, "run", "case.tql"] + [x for p in self.case.params for x in ("--param", p)]
        self.runs += 1
        if self.on_disk: call += ["--db", f"case-{self.runs}.db"]
        p = subprocess.run(call, cwd=folder, capture_output=True, timeout=60)
        out, err = p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")
        lines = [l for l in out.split("\n") if l]
        at = next((i for i, l in enumerate(lines) if "case begins" in l), None)
        if at is None: raise RuntimeError(f"set-up failed (exit {p.returncode}): {err.strip()[:500]}")
        return lines[at + 1:], err, p.returncode

    def seen(self, line):
        """A line of a subscription as NAME: RESULT, others as they are."""
        if not line.startswith('{"subscription":') or self.case.raw and '"patch":' not in line and '"snapshot":' not in line: return line
        doc = load(line)
        name = doc["subscription"]
        if "snapshot" in doc: self.live[name] = doc["snapshot"]
        elif "patch" in doc:
            before = dump(self.live[name])
            self.live[name] = apply(self.live[name], doc["patch"])
            if dump(self.live[name]) == before: self.problems.append("a patch that changes nothing: " + line)
        else: return line
        return line if self.case.raw else f"{name}: {dump(self.live[name])}"

    def check_errors(self, err, script):
        lines, source, got = [l for l in err.split("\n") if l], script.split("\n"), []
        for i, l in enumerate(lines):
            if m := re.match(r"error: (\w+)(?: at (\d+):(\d+))?: (.*)", l): got.append((m, lines[i + 1:i + 3]))
        first = (self.case.setup + MARKER).count("\n")
        for n, (want, at, texts) in enumerate(self.case.errors):
            if n >= len(got): self.problems.append(f"no error {' '.join(want)}"); continue
            m, below = got[n]
            code, place = m[1], want[1] if len(want) > 1 else "?"
            if code != want[0]: self.problems.append(f"error {m[0]!r} instead of {' '.join(want)}"); continue
            for t in texts:
                if t not in m[4]: self.problems.append(f"message {m[4]!r} lacks {t!r}")
            if place == "-": continue
            if m[2] is None: self.problems.append(f"no place in {m[0]!r}"); continue
            line, column = int(m[2]), int(m[3])
            want_line = first + int(place.split(":")[0]) if ":" in place else first + at + 1
            want_column = place.split(":")[-1]
            if want_column != "?" and (line, column) != (want_line, int(want_column)):
                self.problems.append(f"{m[0]!r}: place {line - first}:{column} instead of {want_line - first}:{want_column}")
            if below[:1] != ["  " + source[line - 1]] or len(below) < 2 or below[1] != " " * (column + 1) + "^":
                self.problems.append(f"source and caret are {below!r} after {m[0]!r}")
        for m, _ in got[len(self.case.errors):]: self.problems.append("unexpected " + m[0])

    def check(self):
        case = self.case
        with tempfile.TemporaryDirectory() as folder:
            for name, text in case.files.items():
                open(os.path.join(folder, name), "w", encoding="utf-8", newline="").write("".join(t + "\n" for t in text))
            script = case.script()
            try:
                lines, err, status = self.execute(script, folder)
                got = [self.seen(l) for l in lines]
            except Exception as e: return [repr(e)]
            for name, text in case.then.items():
                path = os.path.join(folder, name)
                have = open(path, encoding="utf-8", newline="").read().replace("\r\n", "\n") if os.path.exists(path) else None
                if have != "".join(t + "\n" for t in text): self.problems.append(f"{name} holds {have!r}")
            for i in range(max(len(got), len(case.want))):
                g, w = got[i] if i < len(got) else None, case.want[i] if i < len(case.want) else None
                if g != w and not (case.raw and g and w and same_patch(g, w)): self.problems.append(f"line {i + 1}\n      got  {g}\n      want {w}"); break
            self.check_errors(err, script)
            want_status = case.exit if case.exit is not None else 1 if case.errors else 0
            if status != want_status: self.problems.append(f"exit {status} instead of {want_status}: {err.strip()[:300]}")
            if not self.problems and status in (0, 1): self.check_live(script, folder)
        return self.problems

    def check_live(self, script, folder):
        """Runs the script again with a SELECT of every live query behind it."""
        live = {}
        for m in re.finditer(r"^(?:SUBSCRIBE (\w+) AS (.*?)|UNSUBSCRIBE (\w+));$", script, re.M | re.S):
            if m[1]: live[m[1]] = m[2]
            else: live.pop(m[3], None)
        opened = re.findall(r"^(BEGIN|COMMIT|ROLLBACK);", script, re.M)
        if not live or "-- no-fresh" in script or opened[-1:] == ["BEGIN"] or self.case.errors and not re.search(r"^COMMIT;$", script, re.M): return
        for name, query in live.items():
            lines, _, _ = self.execute(f"{script}\nSELECT {{ fresh: 1 }};\n{query};\n", folder)
            at = lines.index('{"fresh":1}')
            fresh, kept = "[" + ",".join(lines[at + 1:]) + "]", dump(self.live[name])
            if fresh != kept: self.problems.append(f"{name} is {kept}, a fresh SELECT gives {fresh}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("tremula"); ap.add_argument("--db", action="store_true")
    ap.add_argument("--only", default=""); ap.add_argument("--verbose", action="store_true")
    a = ap.parse_args()
    tremula, good, bad = os.path.abspath(a.tremula), 0, 0
    for path in sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "*.tql"))):
        for case in read_cases(path):
            name = os.path.basename(path)[:-4] + ": " + case.name
            if a.only not in name: continue
            problems = Run(tremula, case, a.db).check()
            good, bad = good + (not problems), bad + bool(problems)
            if problems: print(f"FAIL {name}\n    " + "\n    ".join(problems), flush=True)
            elif a.verbose: print("ok   " + name, flush=True)
    print(f"{good} cases passed, {bad} failed")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
