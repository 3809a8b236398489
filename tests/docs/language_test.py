#!/usr/bin/env python3
"""Holds the pages of the language against its parser.

  language_test.py SOURCE_ROOT

Every word that the parser asks for stands in docs/grammar.md, every reserved one in docs/treeql.md too, and every function in
docs/treeql.md; and every word in capitals in the grammar's EBNF is one that the parser asks for.
"""

import pathlib
import re
import sys


def words_of(text):
    return set(re.findall(r"[A-Za-z_]+", text))


def main():
    root = pathlib.Path(sys.argv[1])
    sources = "".join(path.read_text() for path in sorted((root / "lang/treeql").glob("*.cpp")))
    asked = set(re.findall(r'"([A-Z]{2,})"', sources))
    reserved = set(re.findall(r'"([A-Z]+)"', re.search(r"kReserved = \{(.*?)\};", sources, re.S).group(1)))
    functions = set(re.findall(r'\{"([a-z]+)", Function::', (root / "core/triples/functions.cpp").read_text()))
    functions |= set(re.findall(r'\{"([a-z_]+)", AggregateKind::', sources))
    grammar = (root / "docs/grammar.md").read_text()
    language = words_of((root / "docs/treeql.md").read_text())
    ebnf = "".join(re.findall(r"```ebnf\n(.*?)```", grammar, re.S))
    told = set(re.findall(r"\b[A-Z]{2,}\b", re.sub(r"x'CAFE'", "", ebnf)))
    problems = [
        ("the parser knows, docs/grammar.md doesn't", asked - words_of(grammar)),
        ("docs/grammar.md knows, the parser doesn't", told - asked),
        ("reserved, but not in docs/treeql.md", reserved - language),
        ("functions that docs/treeql.md doesn't name", functions - language),
    ]
    for what, words in problems:
        if words:
            print(f"{what}: {' '.join(sorted(words))}")
    print(f"{len(asked)} words, {len(reserved)} of them reserved; {len(functions)} functions")
    found = len(asked) > 60 and len(reserved) == 35 and len(functions) > 20
    return 1 if not found or any(words for _, words in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
