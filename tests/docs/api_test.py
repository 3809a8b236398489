#!/usr/bin/env python3
"""Finds public names of the face that nothing is said about.

  api_test.py HEADER...

A declaration is documented by a comment right above it or behind it on its line, or stands, without an
empty line between, below one that is: they are told of together. Constructors, destructors, assignments
and comparisons speak for themselves, as do forward declarations and what is private.
"""

import re
import sys

SILENT = re.compile(
    r"~|operator|= delete|= default|^friend |^(struct|class) (TREMULA_LOCAL )?\w+;$|^namespace|^using namespace|^#|^static_assert"
    r"|\bthrow_error\(|^union|^requires|^extern \"C\"|^TREMULA_C_(BEGIN|END)"
)
SCOPE = re.compile(r"^(?:template <[^;{]*>\s*)?(?:typedef\s+)?(class|struct|enum(?: class)?|union|namespace|extern)\b")


def without_strings(line):
    return re.sub(r'"(\\.|[^"\\])*"', '""', line)


class Reader:
    def __init__(self, path):
        self.path = path
        self.scopes = []  # (kind, name, public)
        self.missing = []
        self.count = 0

    def is_public(self):
        return all(public for _, _, public in self.scopes)

    def read(self):
        documented = False  # a comment stands right above, or the one above is told of
        text, told, first_line = "", False, 0
        in_block_comment = False
        for number, raw in enumerate(open(self.path, encoding="utf-8"), 1):
            line = without_strings(raw.strip())
            if in_block_comment or line.startswith("/*"):
                in_block_comment = "*/" not in line
                documented = True
                continue
            if not line:
                documented = documented and bool(text)
                continue
            if line.startswith("//"):
                documented = True
                continue
            if line.startswith("#"):
                continue
            code, comment, _ = line.partition("//")
            code = code.strip()
            if not text:
                told, first_line = documented, number
            told = told or bool(comment)
            text = (text + " " + code).strip()
            documented = self.take(text, told, first_line)
            if documented is None:  # the declaration goes on
                documented = told
            else:
                text = ""

    def take(self, text, told, line):
        """Takes a whole declaration in.  Returns: whether it is told of; None if it isn't whole yet."""
        label = re.match(r"(public|private|protected):\s*(.*)", text)
        if label:
            kind, name, _ = self.scopes[-1]
            self.scopes[-1] = (kind, name, label.group(1) == "public")
            return False if not label.group(2) else self.take(label.group(2), told, line)
        if text.startswith("}"):
            if self.scopes:
                self.scopes.pop()
            rest = text[1:].lstrip("; ")
            return False if not rest else self.take(rest, told, line)
        opened, closed = text.count("{"), text.count("}")
        scope = SCOPE.match(text)
        kind = scope.group(1) if scope else ""
        enum = self.scopes and self.scopes[-1][0].startswith("enum")
        if enum and text.endswith(","):
            self.judge(text.split(",")[0].split("=")[0].strip(), told, line)
            return told
        if enum and not text.endswith(","):
            return None
        if scope and text.endswith("{") and opened == closed + 1:
            name = re.sub(r"[:{].*", "", re.sub(r"^.*?\b" + kind, "", text)).replace("TREMULA_API", "").strip()
            if kind not in ("namespace", "extern", "union"):
                self.judge(name, told, line)
            self.scopes.append((kind, name, kind != "class"))
            return False
        if opened != closed or text.count("(") != text.count(")"):
            return None
        if not text.endswith((";", "}")):
            return None
        if kind.startswith("enum") and opened:
            self.judge(re.sub(r"\s*[:{].*", "", text), told, line)
        elif not SILENT.search(text) and not self.is_constructor(text):
            self.judge(text, told, line)
        else:
            return told
        return told

    def is_constructor(self, text):
        names = [name for kind, name, _ in self.scopes if kind in ("class", "struct")]
        return bool(names) and re.search(r"(^|[ >])" + re.escape(names[-1].split()[-1].split("<")[0]) + r"\(", text)

    def judge(self, name, told, line):
        if not self.is_public() or not name:
            return
        self.count += 1
        if not told:
            self.missing.append(f"{self.path}:{line}: {name}")


def main():
    missing, count = [], 0
    for path in sys.argv[1:]:
        reader = Reader(path)
        reader.read()
        missing += reader.missing
        count += reader.count
    print(f"{count} public names, {len(missing)} undocumented")
    print("\n".join(missing), end="\n" if missing else "")
    return 1 if missing or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
