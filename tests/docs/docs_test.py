#!/usr/bin/env python3
"""Follows the pages that show programs and commands, block by block, as a reader would.

  docs_test.py --command TREMULA --prefix FOLDER_WITH_THE_CMAKE_PACKAGE PAGE...

  <!-- file: NAME -->   the block below is written into that file
  ```console            lines that begin with `$ ` are run; what stands below them is their output
  ```cpp, ```c          without a file: a whole program, which is built and run
  ```sql                without a file: statements, which are run on a copy of the page's database, `board.db`
  ```text               right below such a program: what it prints
Everything of a page happens in one folder, made for it and gone at the end.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

FENCE = "```"
LISTS = """cmake_minimum_required(VERSION 3.25)
project(page LANGUAGES CXX C)
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_EXTENSIONS OFF)
find_package(tremula 0.1 CONFIG REQUIRED)
"""


class Block:
    def __init__(self, language, file, line):
        self.language, self.file, self.line = language, file, line
        self.text = ""


def blocks_of(page):
    """The fenced blocks of a page, in order."""
    blocks, block, file = [], None, None
    for number, line in enumerate(open(page, encoding="utf-8"), 1):
        stripped = line.strip()
        comment = re.fullmatch(r"<!-- file: (\S+) -->", stripped)
        if block is not None:
            if stripped == FENCE:
                blocks.append(block)
                block = None
            else:
                block.text += line
        elif stripped.startswith(FENCE):
            block = Block(stripped[len(FENCE):], file, number)
            file = None
        elif comment:
            file = comment.group(1)
        elif stripped:
            file = None
    assert block is None, f"{page}: a block doesn't end"
    return blocks


class Page:
    def __init__(self, path, arguments):
        self.path, self.arguments = path, arguments
        self.problems = []
        self.done = 0

    def complain(self, block, what):
        self.problems.append(f"{self.path}:{block.line}: {what}")

    def run(self, command, folder):
        environment = dict(os.environ, CMAKE_PREFIX_PATH=self.arguments.prefix, LC_ALL="C.UTF-8",
                           CMAKE_GENERATOR="Ninja",
                           PATH=os.path.dirname(self.arguments.command) + ":" + os.environ["PATH"])
        return subprocess.run(["bash", "-c", command], cwd=folder, env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=600)

    def follow_console(self, block, folder):
        command, wanted = None, ""
        for line in block.text.splitlines(keepends=True) + ["$ "]:
            if not line.startswith("$ "):
                wanted += line
                continue
            if command is not None:
                ran = self.run(command, folder)
                self.done += 1
                if ran.stdout != wanted:
                    self.complain(block, f"`{command}` printed\n{ran.stdout}instead of\n{wanted}")
            command, wanted = line[2:].strip(), ""

    def follow(self):
        with tempfile.TemporaryDirectory() as folder:
            programs = []
            blocks = blocks_of(self.path)
            for block, below in zip(blocks, blocks[1:] + [None]):
                if block.file:
                    with open(os.path.join(folder, block.file), "w", encoding="utf-8") as file:
                        file.write(block.text)
                elif block.language == "console":
                    self.follow_console(block, folder)
                elif block.language == "sql":
                    self.follow_statements(block, folder)
                elif block.language in ("cpp", "c"):
                    programs.append((block, below))
            if programs:
                self.follow_programs(programs, os.path.join(folder, "programs"))

    def follow_statements(self, block, folder):
        with open(os.path.join(folder, "block.tql"), "w", encoding="utf-8") as file:
            file.write(block.text)
        ran = self.run("rm -rf copy.db && cp -r board.db copy.db && tremula run block.tql --db copy.db", folder)
        self.done += 1
        if ran.returncode != 0:
            self.complain(block, f"ended with {ran.returncode}:\n{ran.stdout}")

    def follow_programs(self, programs, folder):
        os.mkdir(folder)
        lists = LISTS
        for number, (block, _) in enumerate(programs):
            with open(f"{folder}/p{number}.{block.language}", "w", encoding="utf-8") as file:
                file.write(block.text)
            lists += f"add_executable(p{number} p{number}.{block.language})\n"
            lists += f"target_link_libraries(p{number} PRIVATE tremula::tremula)\n"
            lists += f"target_compile_options(p{number} PRIVATE -Wall -Wextra -Werror)\n"
        with open(f"{folder}/CMakeLists.txt", "w", encoding="utf-8") as file:
            file.write(lists)
        built = self.run("cmake -B build . && cmake --build build -- -k 0", folder)
        if built.returncode != 0:
            self.problems.append(f"{self.path}: the programs, p0 for the first:\n{built.stdout}")
            return
        for number, (block, below) in enumerate(programs):
            ran = self.run(f"build/p{number}", folder)
            self.done += 1
            if ran.returncode != 0:
                self.complain(block, f"ended with {ran.returncode}:\n{ran.stdout}")
            if below is not None and below.language == "text" and ran.stdout != below.text:
                self.complain(block, f"printed\n{ran.stdout}instead of\n{below.text}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("pages", nargs="+")
    arguments = parser.parse_args()
    failed = False
    for path in arguments.pages:
        page = Page(path, arguments)
        page.follow()
        print(f"{path}: {page.done} commands and programs run, {len(page.problems)} problems")
        print("\n".join(page.problems), end="\n" if page.problems else "")
        failed = failed or bool(page.problems) or page.done == 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
