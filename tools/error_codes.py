#!/usr/bin/env python3
"""Writes the error codes of core/base/error_codes.tsv to the places that need them.

    error_codes.py          rewrites what stands between each place's marks
    error_codes.py --check  changes nothing; exit status 1 if a place is not as the table says
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read_table():
    codes = []
    for line in (ROOT / "core/base/error_codes.tsv").read_text().splitlines():
        if line.startswith("#"):
            continue
        number, name, giver, meaning = line.split("\t")
        codes.append((int(number), name, giver, meaning))
    numbers = [code[0] for code in codes]
    if numbers != sorted(set(numbers)):
        sys.exit("error_codes.tsv: the numbers do not ascend")
    language = [code[0] for code in codes if code[2] == "language"]
    if language != list(range(len(language))):
        sys.exit("error_codes.tsv: the language's numbers have a gap")
    return codes


def enumerator(name):
    return "k" + "".join(part.capitalize() for part in name.split("_"))


def commented(rows):
    """Lines of code, each with a comment behind it, the comments under each other."""
    width = max(len(code) for code, _ in rows) + 2
    return "".join(code.ljust(width) + f"// {comment}\n" for code, comment in rows)


def outline(codes):
    """What each file holds between the line that begins with the first mark and the second mark."""
    language = [code for code in codes if code[2] == "language"]
    return [
        ("core/base/result.h", "enum class ErrorCode : unsigned char {\n", "};\n",
         "".join(f"  {enumerator(name)},\n" for _, name, _, _ in language)),
        ("core/base/result.cpp", "  switch (code) {\n", "  }\n",
         "".join(f'    case ErrorCode::{enumerator(name)}: return "{name}";\n' for _, name, _, _ in language)),
        ("include/tremula/error.h", "enum class ErrorCode : unsigned char {\n", "};\n",
         commented([(f"  {enumerator(name)} = {number},", meaning) for number, name, _, meaning in language])),
        ("include/tremula/tremula_c.h", "enum tremula_status_code {\n", "};\n",
         commented([(f"  TREMULA_{name.upper()} = {number}{',' if number != codes[-1][0] else ''}", meaning)
                    for number, name, _, meaning in codes])),
        ("db/c_error.cpp", "constexpr Named kStatusNames[] = {\n", "};\n",
         "".join(f'    {{{number}, "{name}"}},\n' for number, name, _, _ in codes)),
        ("docs/c-api.md", "<!-- error codes, from core/base/error_codes.tsv -->\n", "<!-- end of error codes -->\n",
         "\n| number | name | meaning |\n| --- | --- | --- |\n"
         + "".join(f"| {number} | `{name}` | {meaning} |\n" for number, name, _, meaning in codes) + "\n"),
    ]


def main():
    check = sys.argv[1:] == ["--check"]
    stale = []
    for path, begin, end, body in outline(read_table()):
        text = (ROOT / path).read_text()
        if text.count(begin) != 1:
            sys.exit(f"{path}: {begin.strip()} does not stand there once")
        head, rest = text.split(begin)
        tail = rest[rest.index(end):]
        wanted = head + begin + body + tail
        if wanted != text:
            stale.append(path)
            if not check:
                (ROOT / path).write_text(wanted)
    for path in stale:
        print(f"{path}: {'is not as error_codes.tsv says; run tools/error_codes.py' if check else 'rewritten'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
