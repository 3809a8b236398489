#!/usr/bin/env python3
"""The C face from a foreign caller, Python's ctypes, which knows of it only what tremula_c.h says.

    ctypes_test.py LIBTREMULA.SO
"""
import ctypes as c
import json
import re
import sys
import pathlib
import threading
import unittest

LIBRARY = None  # the path, of main()


class Text(c.Structure):
    _fields_ = [("data", c.POINTER(c.c_char)), ("size", c.c_size_t)]

    def __str__(self):
        return c.string_at(self.data, self.size).decode()


class Value(c.Structure):
    _fields_ = [("kind", c.c_int32), ("reserved", c.c_int32), ("integer", c.c_int64), ("real", c.c_double),
                ("text", Text)]


class Named(c.Structure):
    _fields_ = [("name", c.c_char_p), ("value", Value)]


class Change(c.Structure):
    _fields_ = [("size", c.c_size_t), ("kind", c.c_int32), ("reserved", c.c_int32), ("index", c.c_int64)] + [
        (name, Text) for name in ("path", "from_", "value", "old_value", "key")]


LISTENER = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_void_p)


def load(path):
    lib = c.CDLL(path)
    for name in ("tremula_version", "tremula_status_name", "tremula_error_message", "tremula_column_name"):
        getattr(lib, name).restype = c.c_char_p
    for name in ("int", "text", "real", "null", "bytes", "json"):
        getattr(lib, f"tremula_{name}_value").restype = Value
    lib.tremula_int_value.argtypes = [c.c_int64]
    lib.tremula_real_value.argtypes = [c.c_double]
    lib.tremula_bind.argtypes = [c.c_void_p, c.c_char_p, Value]
    lib.tremula_delta_patch.restype = Text
    lib.tremula_delta_patch.argtypes = [c.c_void_p]
    lib.tremula_delta_count.restype = c.c_size_t
    lib.tremula_delta_count.argtypes = [c.c_void_p]
    lib.tremula_delta_change.argtypes = [c.c_void_p, c.c_size_t, c.POINTER(Change)]
    lib.tremula_column.argtypes = [c.c_void_p, c.c_size_t, c.POINTER(Value)]
    lib.tremula_column_count.restype = c.c_size_t
    lib.tremula_column_count.argtypes = [c.c_void_p]
    lib.tremula_commit_count.restype = c.c_uint64
    for name in ("close", "step", "reset", "finalize", "unsubscribe", "free", "commit_count", "wake_fd", "commit",
                 "rollback"):
        getattr(lib, f"tremula_{name}").argtypes = [c.c_void_p] + ([c.c_void_p] if name == "commit" else [])
    lib.tremula_finalize.restype = lib.tremula_unsubscribe.restype = lib.tremula_free.restype = None
    return lib


def numbers_of_the_header():
    header = pathlib.Path(__file__).resolve().parents[2] / "include/tremula/tremula_c.h"
    return {name: int(number) for name, number in re.findall(r"^  TREMULA_(\w+) = (\d+)", header.read_text(), re.M)}


class CtypesTest(unittest.TestCase):
    def setUp(self):
        self.lib = load(LIBRARY)
        self.numbers = numbers_of_the_header()
        self.db = c.c_void_p()
        self.assertEqual(self.lib.tremula_open_memory(c.byref(self.db)), 0)
        self.run_script("TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2)")

    def tearDown(self):
        self.assertEqual(self.lib.tremula_close(self.db), 0)

    def run_script(self, script, expected="OK"):
        status = self.lib.tremula_run(self.db, script.encode(), None, c.c_size_t(0), None, None)
        self.assertEqual(status, self.numbers[expected], self.lib.tremula_error_message())

    def query(self, select):
        text = c.c_void_p()
        self.assertEqual(
            self.lib.tremula_query_json(self.db, select.encode(), None, c.c_size_t(0), c.byref(text)), 0)
        rows = json.loads(c.string_at(text))
        self.lib.tremula_free(text)
        return rows

    def subscribe(self, listener):
        subscription = c.c_void_p()
        self.assertEqual(
            self.lib.tremula_subscribe(self.db, b"SELECT Id, Name FROM Song ORDER BY Id", None, c.c_size_t(0),
                                       listener, None, None, c.byref(subscription)), 0)
        return subscription

    def test_numbers_have_their_names(self):
        self.assertGreater(len(self.numbers), 25)
        for name in ("SYNTAX", "LOCKED", "UNSUPPORTED", "MISUSE", "CALLBACK_FAILED", "ROW", "DONE"):
            self.assertEqual(self.lib.tremula_status_name(self.numbers[name]).decode(), name.lower())
        self.run_script("SELECT", "SYNTAX")
        self.assertIn(b"expected", self.lib.tremula_error_message())

    def test_bind_and_step(self):
        statement = c.c_void_p()
        self.assertEqual(
            self.lib.tremula_prepare(self.db, b"INSERT INTO Song {Id: $id, Name: $name}", c.byref(statement)), 0)
        for number, name in enumerate(["Ten", "Löw", "日本"]):
            self.lib.tremula_reset(statement)
            text = name.encode()
            self.assertEqual(self.lib.tremula_bind(statement, b"id", self.lib.tremula_int_value(number)), 0)
            self.assertEqual(self.lib.tremula_bind(statement, b"name", self.lib.tremula_text_value(text)), 0)
            self.assertEqual(self.lib.tremula_step(statement), self.numbers["DONE"])
        self.lib.tremula_finalize(statement)
        self.assertEqual(
            self.lib.tremula_prepare(self.db, b"SELECT Id, Name FROM Song ORDER BY Id DESC", c.byref(statement)), 0)
        rows = []
        while self.lib.tremula_step(statement) == self.numbers["ROW"]:
            self.assertEqual(self.lib.tremula_column_count(statement), 2)
            number, name = Value(), Value()
            self.assertEqual(self.lib.tremula_column(statement, 0, c.byref(number)), 0)
            self.assertEqual(self.lib.tremula_column(statement, 1, c.byref(name)), 0)
            rows.append((number.integer, str(name.text)))
        self.lib.tremula_finalize(statement)
        self.assertEqual(rows, [(2, "日本"), (1, "Löw"), (0, "Ten")])

    def test_a_listener_hears_patches_and_changes(self):
        patches, changes = [], []

        def hear(_user, _subscription, delta):
            patches.append(json.loads(str(self.lib.tremula_delta_patch(delta))))
            for index in range(self.lib.tremula_delta_count(delta)):
                change = Change(size=c.sizeof(Change))
                assert self.lib.tremula_delta_change(delta, index, c.byref(change)) == 0
                changes.append((change.kind, str(change.path), change.index))
            return 0

        listener = LISTENER(hear)
        subscription = self.subscribe(listener)
        self.run_script("INSERT INTO Song {Id: 1, Name: 'a'}")
        self.run_script("UPDATE Song SET Name = 'b'")
        self.run_script("DELETE FROM Song")
        self.lib.tremula_unsubscribe(subscription)
        self.run_script("INSERT INTO Song {Id: 9}")
        self.assertEqual(patches, [[{"op": "add", "path": "/0", "value": {"Id": 1, "Name": "a"}}],
                                   [{"op": "replace", "path": "/0/Name", "value": "b"}],
                                   [{"op": "remove", "path": "/0"}]])
        self.assertEqual(changes, [(self.numbers["CHANGE_ADD"], "/0", 0), (self.numbers["CHANGE_REPLACE"], "/0/Name", -1),
                                   (self.numbers["CHANGE_REMOVE"], "/0", 0)])

    def test_a_listener_that_fails_commits_and_unsubscribes_itself(self):
        state = {"calls": 0}

        def hear(_user, subscription, _delta):
            state["calls"] += 1
            if state["calls"] == 1:
                self.run_script("INSERT INTO Song {Id: 2}")
                return 5
            self.lib.tremula_unsubscribe(subscription)
            return 0

        listener = LISTENER(hear)
        self.subscribe(listener)
        self.run_script("INSERT INTO Song {Id: 1}", "CALLBACK_FAILED")
        self.run_script("INSERT INTO Song {Id: 3}")
        self.assertEqual(state["calls"], 2)
        self.assertEqual([row["Id"] for row in self.query("SELECT Id FROM Song ORDER BY Id")], [1, 2, 3])

    def test_transactions_and_threads(self):
        transaction = c.c_void_p()
        self.assertEqual(self.lib.tremula_begin(self.db, c.byref(transaction)), 0)
        columns = (Named * 2)(Named(b"Id", self.lib.tremula_int_value(4)),
                              Named(b"Name", self.lib.tremula_text_value(b"x")))
        self.assertEqual(self.lib.tremula_insert(transaction, b"Song", columns, c.c_size_t(2), None), 0)
        elsewhere = []
        thread = threading.Thread(target=lambda: elsewhere.append(self.lib.tremula_rollback(transaction)))
        thread.start()
        thread.join()
        self.assertEqual(elsewhere, [self.numbers["MISUSE"]])
        ticket = c.c_uint64()
        self.assertEqual(self.lib.tremula_commit(transaction, c.byref(ticket)), 0)
        self.assertEqual(ticket.value, self.lib.tremula_commit_count(self.db))
        self.assertEqual(self.query("SELECT Id, Name FROM Song"), [{"Id": 4, "Name": "x"}])
        self.assertEqual(self.lib.tremula_wake_fd(self.db), -1)

    def test_committing_threads_are_all_heard(self):
        heard = []
        listener = LISTENER(lambda _user, _subscription, delta: heard.append(self.lib.tremula_delta_count(delta)) or 0)
        subscription = self.subscribe(listener)
        threads = [threading.Thread(target=lambda first=first: [
            self.run_script(f"INSERT INTO Song {{Id: {first + i}}}") for i in range(25)]) for first in (100, 200, 300)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sum(heard), 75)
        self.assertEqual(len(self.query("SELECT Id FROM Song")), 75)
        self.lib.tremula_unsubscribe(subscription)


if __name__ == "__main__":
    LIBRARY = sys.argv.pop(1)
    unittest.main()
