#!/usr/bin/env python3
"""Writes Tremula as two files: tremula.h, the face for C++ and for C, and tremula.cpp, all the rest.

    amalgamate.py FOLDER      (of the two files)

A file is put in once, at its first #include. What stands in an unnamed namespace, or is an alias of one .cpp alone, would meet its
namesakes of other files: such names get the number of their file.
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = ["core/base", "core/triples", "core/lsm", "core/dataflow", "core/crdt", "lang/treeql", "persist", "db"]
C_FACE = ["tremula/export.h", "tremula/version.h", "tremula/tremula_c.h"]
INCLUDE = re.compile(r'^#include (?:"([^"]+)"|<([^>]+)>).*$')
# An include, a comment, a literal (raw ones too), a name or number, or any other character.
TOKEN = re.compile(r'#include[^\n]*|//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'(?!\w)'
                   r"|(?:[A-Za-z_]\w*)|(?:\d(?:'?\w|\.)*)|\s+|.", re.S)
WORD = re.compile(r"[A-Za-z_]\w*\Z")
NOT_NAMES = {"alignas", "constexpr", "decltype", "if", "operator", "requires", "return", "sizeof", "static_assert", "noexcept",
             "explicit", "const", "inline", "static", "void", "auto"}


def path_of(name):
    """The file of ours that an #include means, or None."""
    for base in (ROOT, ROOT / "include"):
        if (base / name).is_file():
            return base / name
    return None


def tokens_of(text):
    return [match.group(0) for match in TOKEN.finditer(text)]


def is_blank(token):
    return token.isspace() or token.startswith(("//", "/*", "#include"))


def declared_name(words):
    """The name that a declaration at namespace scope declares, of its tokens up to its body, its value or its end."""
    if words and words[0] == "template":
        depth = 0
        for i, word in enumerate(words[1:], 1):
            depth += (word == "<") - (word == ">")
            if depth == 0:
                words = words[i + 1:]
                break
    if not words or words[0] in ("static_assert", "friend", "}"):
        return None
    if words[0] == "using":
        return words[1] if len(words) > 2 and words[2] == "=" else None
    if words[0] in ("struct", "class", "enum", "union"):
        names = [word for word in words[1:3] if WORD.match(word) and word not in ("class", "struct")]
        if not (len(words) > 3 and "(" in words):
            return names[0] if names else None
    depth = 0
    for i, word in enumerate(words):
        if word in "<":
            depth += 1
        elif word == ">":
            depth = max(0, depth - 1)
        elif depth == 0 and word in ("(", "=", "[", "{", ";") and i > 0:
            if words[i - 1] == "]" or words[i - 1] in NOT_NAMES or not WORD.match(words[i - 1]):
                if word == "[" and (i == 0 or words[i - 1] in "[;"):
                    continue
                if word == "[":
                    continue
                return None
            if i >= 2 and words[i - 2] == ":":
                return None  # a member, defined outside of its class
            return words[i - 1]
    return None


def local_names(text):
    """The names of unnamed namespaces, and of aliases at namespace scope."""
    names = set()
    words = []          # of the declaration in hand
    scopes = []         # of open braces: "named", "unnamed" (namespaces), "body"
    tokens = [token for token in tokens_of(re.sub(r"^\s*#.*?(?<!\\)$", "", text, flags=re.M)) if not is_blank(token)]
    for token in tokens:
        at_namespace = all(scope != "body" for scope in scopes)
        if token == "{":
            if at_namespace and words[:1] == ["namespace"]:
                scopes.append("unnamed" if len(words) == 1 else "named")
                words = []
                continue
            if at_namespace and words[:1] == ["extern"]:
                scopes.append("named")
                words = []
                continue
            scopes.append("body")
            if at_namespace:
                words.append(token)
            continue
        if token == "}":
            scopes.pop()
            ended = words
            if not all(scope != "body" for scope in scopes):
                continue
            note(ended, scopes, names)
            words = []
            continue
        if not at_namespace:
            continue
        words.append(token)
        if token == ";":
            note(words, scopes, names)
            words = []
    return names


def note(words, scopes, names):
    name = declared_name(words)
    if name and ("unnamed" in scopes or words[0] == "using"):
        names.add(name)


def renamed(text, names, suffix):
    out = []
    before = ""
    for token in tokens_of(text):
        if token in names and before not in (".", "->", "::"):
            out.append(token + suffix)
        else:
            out.append(token)
        # A member stands right behind its sign; the type that a function gives, a blank behind it.
        if before == "-" and token == ">":
            before = "->"
        else:
            before = "::" if before == ":" and token == ":" else token
    return "".join(out)


class Writer:
    def __init__(self):
        self.seen = set()

    def put(self, path, text=None):
        """The file's text with what it includes, each file once."""
        self.seen.add(path)
        lines = [f"\n// --- {path.relative_to(ROOT)} ---\n"]
        for line in (path.read_text() if text is None else text).splitlines():
            match = INCLUDE.match(line)
            if line.startswith("#pragma once"):
                continue
            if not match:
                lines.append(line + "\n")
                continue
            target = path_of(match.group(1) or match.group(2))
            if target is None:
                lines.append(line + "\n")
            elif target not in self.seen:
                lines.append(self.put(target))
        return "".join(lines)


def main():
    folder = pathlib.Path(sys.argv[1])
    writer = Writer()
    c_paths = [ROOT / "include" / name for name in C_FACE]
    c_text = "".join(writer.put(path) for path in c_paths)
    face = writer.put(ROOT / "include/tremula/tremula.h")
    licence = "".join(f"// {line}".rstrip() + "\n" for line in (ROOT / "LICENSE").read_text().splitlines())
    head = f"// Tremula as two files, tremula.h and tremula.cpp, made by tools/amalgamate.py.\n//\n{licence}"
    (folder / "tremula.h").write_text(f"{head}#ifndef TREMULA_H\n#define TREMULA_H\n{c_text}\n#ifdef __cplusplus\n{face}\n"
                                      "#endif  // __cplusplus\n#endif  // TREMULA_H\n")

    sources = [path for room in ROOMS for path in sorted((ROOT / room).glob("*.cpp"))]
    # Who opens a namespace for all that follows comes last; before it, whose third party brings in names that others do without.
    sources.sort(key=lambda path: (bool(re.search(r"^using namespace", path.read_text(), re.M)),
                                   "nlohmann/json.hpp" in path.read_text()))
    texts = {path: path.read_text() for path in sources}
    local = {path: local_names(text) for path, text in texts.items()}
    count = collections.Counter(name for names in local.values() for name in names)
    # A using-declaration of a type counts for its file alone: it becomes an alias.
    every = "".join(path.read_text() for room in ROOMS + ["include/tremula"] for path in (ROOT / room).glob("*.h"))
    templates = set(re.findall(r"^ *template <.*?>\n? *(?:class|struct|using) (?:\[\[\w+\]\] )?(\w+)", every, re.M))
    count.update(set(re.findall(r"^(?:class|struct|enum class|enum) (?:TREMULA_\w+ )?(\w+)", every, re.M)))
    for path in sources:
        for thing, name in re.findall(r"^using ([\w:]*::(\w+));", texts[path], re.M):
            if not re.match(r"[A-Z]\w*[a-z]", name):
                continue
            alias = f"using {name} = {thing};"
            if name in templates:
                alias = f"template <typename T> using {name} = {thing}<T>;"
            texts[path] = texts[path].replace(f"using {thing};", alias)
            local[path].add(name)
            count[name] += 2
    parts = [head, "#include \"tremula.h\"\n"]
    for number, path in enumerate(sources, 1):
        shared = {name for name in local[path] if count[name] > 1}
        parts.append(writer.put(path, renamed(texts[path], shared, f"_{number}")))
        macros = re.findall(r"^#define (\w+)", texts[path], re.M)
        parts += [f"#undef {macro}\n" for macro in macros if not macro.startswith(("XXH_", "NLOHMANN_", "_"))]
    (folder / "tremula.cpp").write_text("".join(parts))


if __name__ == "__main__":
    main()
