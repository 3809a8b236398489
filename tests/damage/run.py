#!/usr/bin/env python3
"""Damages a small closed database in every way and asks it for all its rows.

usage: run.py TREMULA [--each N] [--sqlite]

A row of the table printed is a kind of damage; a column an outcome: `right` (all rows, as they
were), `told` (an error), `wrong` (other rows, and no error), `crash`. For Tremula everything but
right and told is a failure (exit 1). Two databases: of a few rows, which are in the log alone, and
of longer ones, which are in SSTs. --each N: about so many damages of each kind per file (0: a bit of
every byte, every 512 bytes). --sqlite: the same for SQLite, in database files of the same rows, for comparison.
"""
import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from random import Random

ROWS = 120
PIECE = 512


def rows(text_bytes):
    random = Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return [(i, "".join(random.choices(letters, k=text_bytes)), i * i % 977, i / 8)
            for i in range(ROWS)]


class Tremula:
    name = "tremula"
    query = "SELECT s.Id, s.Name, s.Plays, s.Length FROM Song AS s ORDER BY s.Id"

    def __init__(self, command):
        self.command = command

    def make(self, folder, text_bytes):
        script = ["TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3, Length REAL = 4);"]
        for row in rows(text_bytes):
            script.append("INSERT INTO Song {Id: %d, Name: '%s', Plays: %d, Length: %s};" % row)
        script.append("DELETE FROM Song WHERE Id % 10 = 3;")
        subprocess.run([self.command, "run", "-", "--db", folder], input="\n".join(script),
                       text=True, check=True, stdout=subprocess.DEVNULL)

    def ask(self, folder):
        done = subprocess.run([self.command, "query", folder, self.query],
                              capture_output=True, timeout=60)
        if done.returncode == 0:
            return done.stdout
        if done.returncode == 1 and done.stderr.startswith((b"error: corrupt", b"error: io")):
            return None
        raise RuntimeError(f"exit {done.returncode}: {done.stderr[:200]!r}")


class Sqlite:
    name = "sqlite3"

    def make(self, folder, text_bytes):
        os.mkdir(folder)
        database = sqlite3.connect(os.path.join(folder, "db"))
        database.execute("CREATE TABLE Song (Id INTEGER PRIMARY KEY, Name, Plays, Length)")
        database.executemany("INSERT INTO Song VALUES (?, ?, ?, ?)", rows(text_bytes))
        database.execute("DELETE FROM Song WHERE Id % 10 = 3")
        database.commit()
        database.close()

    def ask(self, folder):
        if not os.path.exists(os.path.join(folder, "db")):
            return None
        database = sqlite3.connect(os.path.join(folder, "db"))
        database.text_factory = bytes
        try:
            return database.execute("SELECT Id, Name, Plays, Length FROM Song ORDER BY Id").fetchall()
        except sqlite3.DatabaseError:
            return None
        finally:
            database.close()


def places(begin, end, unit, each):
    units = range(begin, end, unit)
    return units if each == 0 else units[::max(1, len(units) // each)]


def damages(content, each):
    """(kind, damaged content or None: the file is gone)"""
    for at in places(0, len(content), 1, each):
        yield "a bit flipped", content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1:]
    for at in places(0, len(content), PIECE, each):
        yield "512 bytes zeroed", content[:at] + bytes(len(content[at:at + PIECE])) + content[at + PIECE:]
        yield "cut short", content[:at]
    for at in places(PIECE, len(content) - PIECE, PIECE, each):
        other = content[:PIECE]
        yield "512 bytes of elsewhere", content[:at] + other + content[at + PIECE:]
    yield "made longer", content + bytes(PIECE)
    yield "gone", None


def run(engine, text_bytes, each, outcomes, failures):
    """adds to outcomes by kind of damage, and to failures"""
    base = tempfile.mkdtemp(prefix="tremula-damage-")
    whole = os.path.join(base, "whole")
    engine.make(whole, text_bytes)
    expected = engine.ask(whole)
    assert expected, "the database must be readable before it is damaged"
    work = os.path.join(base, "work")
    for name in sorted(os.listdir(whole)):
        if name == "LOCK":  # holds a process's number for people, nothing else
            continue
        with open(os.path.join(whole, name), "rb") as file:
            content = file.read()
        for index, (kind, damaged) in enumerate(damages(content, each)):
            if damaged == content:
                continue
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(whole, work)
            path = os.path.join(work, name)
            os.remove(path)
            if damaged is not None:
                with open(path, "wb") as file:
                    file.write(damaged)
            try:
                answer = engine.ask(work)
                outcome = "told" if answer is None else "right" if answer == expected else "wrong"
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                outcome = "crash"
                failures.append(f"{name}, {kind} #{index}: {error}")
            if outcome == "wrong":
                failures.append(f"{name}, {kind} #{index}: other rows, and no error")
            of_kind = outcomes.setdefault(kind, dict.fromkeys(("right", "told", "wrong", "crash"), 0))
            of_kind[outcome] += 1
    shutil.rmtree(base)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tremula")
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--sqlite", action="store_true")
    arguments = parser.parse_args()
    engines = [Tremula(arguments.tremula)] + ([Sqlite()] if arguments.sqlite else [])
    failed = []
    for engine in engines:
        outcomes, failures = {}, []
        for text_bytes in (8, 4000):
            run(engine, text_bytes, arguments.each, outcomes, failures)
        print(f"{engine.name:26} {'right':>7} {'told':>7} {'wrong':>7} {'crash':>7}")
        for kind, counts in outcomes.items():
            print(f"  {kind:24} " + " ".join(f"{count:7}" for count in counts.values()))
        if engine.name == Tremula.name:
            failed = failures
    for failure in failed[:20]:
        print("failure:", failure, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
