#!/usr/bin/env python3
"""A compiler launcher for the test of add_subdirectory: what was compiled in another build directory with the same options is
copied from there; everything else is compiled.

    TREMULA_BUILT=BUILD built_already.py COMPILER ARGUMENT...

Of the options, warnings aside, all must be the same, and the source too.
"""
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

PAIRED = ("-o", "-MT", "-MF", "-c")


def options_of(arguments):
    """What decides the object: everything but the compiler, warnings, files and dependency notes."""
    options, files = [], {}
    rest = iter(arguments[1:])
    for argument in rest:
        if argument in PAIRED:
            files[argument] = next(rest)
        elif argument != "-MD" and not argument.startswith("-W"):
            options.append(argument)
    return sorted(options), files


def main():
    arguments = sys.argv[1:]
    options, files = options_of(arguments)
    built = pathlib.Path(os.environ["TREMULA_BUILT"])
    source = os.path.realpath(files.get("-c", ""))
    for entry in json.loads((built / "compile_commands.json").read_text()):
        if os.path.realpath(entry["file"]) != source:
            continue
        words = shlex.split(entry["command"])
        if words[0].endswith("ccache"):
            words = words[1:]
        built_options, built_files = options_of(words)
        made = built / built_files["-o"]
        if built_options == options and made.exists() and os.path.getmtime(made) >= os.path.getmtime(source):
            shutil.copyfile(made, files["-o"])
            if "-MF" in files:
                pathlib.Path(files["-MF"]).write_text(f"{files['-o']}: {source}\n")
            with open(os.environ["TREMULA_BUILT_LOG"], "a") as log:
                log.write(f"copied {source}\n")
            return 0
    with open(os.environ["TREMULA_BUILT_LOG"], "a") as log:
        log.write(f"compiled {source} {options}\n")
    return subprocess.call(arguments)


if __name__ == "__main__":
    sys.exit(main())
