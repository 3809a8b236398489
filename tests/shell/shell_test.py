#!/usr/bin/env python3
"""The shell on a pseudo-terminal: what a person types, and the screens that come of it.

  shell_test.py COMMAND [NAME...]
"""

import os
import signal
import subprocess
import sys
import tempfile

from terminal import Terminal

COMMAND = sys.argv[1]
TABLE = "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3);"
SONGS = (
    "INSERT INTO Song {Id: 1, Name: 'Low', Plays: 5}, {Id: 2, Name: 'Ten', Plays: 7},"
    " {Id: 3, Name: 'Elf', Plays: 9};"
)
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def same(found, wanted):
    assert found == wanted, f"\n  found  {found!r}\n  wanted {wanted!r}"


def shell(*arguments, **options):
    return Terminal([COMMAND, *arguments], **options)


def below_last(lines, head):
    """The lines below the last one that begins with `head`."""
    at = max(i for i, line in enumerate(lines) if line.startswith(head))
    return lines[at + 1 :]


@test
def a_statement_over_several_lines_has_a_prompt_of_its_own():
    with shell() as terminal:
        terminal.wait_for_prompt()
        terminal.type("SELECT {\n")
        terminal.wait_for("    ...>")
        terminal.type("a: 1 };\n")
        terminal.wait_for_prompt()
        same(
            terminal.screen.lines()[1:9],
            ["Tremula 0.1.0, `.help` for help", "tremula> SELECT {", "    ...> a: 1 };", "a", "-"]
            + ["1", "(1 row)", "tremula>"],
        )


@test
def wide_and_combined_characters_are_aligned():
    with shell() as terminal:
        terminal.run("TABLE T = 1 (Id INT = 1 KEY, A TEXT = 2, B TEXT = 3);")
        terminal.run("INSERT INTO T {Id: 1, A: '日本語', B: 'x'}, {Id: 2, A: 'naïve', B: 'y'},")
        terminal.type("{Id: 3, A: 'e\u0301te\u0301', B: 'z'};\n")
        terminal.run("SELECT { t.A, t.B } FROM T AS t;")
        terminal.wait_for("(3 rows)")
        lines = below_last(terminal.screen.lines(), "tremula> SELECT")
        same(lines[:6], ["A       B", "------  -", "日本語  x", "naïve   y", "ete     z", "(3 rows)"])


@test
def a_tree_is_indented_below_its_row():
    with shell() as terminal:
        terminal.run(TABLE)
        terminal.run(SONGS)
        terminal.run(
            "SELECT { s.Id, more: [SELECT { o.Name, o.Plays } FROM Song AS o WHERE o.Id > s.Id],"
            " names: [SELECT o.Name FROM Song AS o WHERE o.Id < s.Id] } FROM Song AS s LIMIT 3;"
        )
        terminal.wait_for("(3 rows)")
        at = terminal.screen.lines().index("Id")
        same(
            terminal.screen.lines()[at : at + 17],
            ["Id", "--", " 1", "  more:", "    Name  Plays", "    ----  -----", "    Ten       7"]
            + ["    Elf       9", "  names: none", " 2", "  more:", "    Name  Plays"]
            + ["    ----  -----", "    Elf       9", "  names: Low", " 3", "  more: none"],
        )


@test
def a_long_result_is_paged():
    with tempfile.TemporaryDirectory() as folder, shell(directory=folder) as terminal:
        with open(folder + "/n.csv", "w") as file:
            file.write("Id\n" + "".join(f"{i}\n" for i in range(1, 1001)))
        terminal.run("TABLE N = 1 (Id INT = 1 KEY);")
        terminal.run("IMPORT N FROM 'n.csv';")
        terminal.wait_for('{"imported":1000}')
        terminal.run("SELECT { n.Id } FROM N AS n;")
        terminal.wait_for("-- more")
        assert "  21" in terminal.screen.lines() and "  22" not in terminal.screen.lines()
        terminal.type("\r")
        terminal.wait(lambda screen: "  22" in screen.lines(), "one line more")
        assert "  23" not in terminal.screen.lines()
        terminal.type(" ")
        terminal.wait(lambda screen: "  45" in screen.lines(), "a page more")
        terminal.type("q")
        terminal.wait_for("(1000 rows, stopped after 47 lines)")
        terminal.run("SELECT { n.Id } FROM N AS n;")
        terminal.wait_for("-- more")
        terminal.type("g")
        terminal.wait_for("(1000 rows)")
        terminal.wait_for_prompt()
        terminal.type(".quit\n")
        same(terminal.end(), 0)


@test
def a_result_longer_than_memory_should_hold_is_paged_as_it_comes():
    with tempfile.TemporaryDirectory() as folder, shell(directory=folder) as terminal:
        with open(folder + "/n.csv", "w") as file:
            file.write("Id,Name\n" + "".join(f"{i},{i:0400}\n" for i in range(200_000)))
        terminal.run("TABLE N = 1 (Id INT = 1 KEY, Name TEXT = 2);")
        terminal.run("IMPORT N FROM 'n.csv';")
        terminal.wait_for('{"imported":200000}')
        terminal.wait_for_prompt()
        before = terminal.memory_peak()
        terminal.type("SELECT { n.Id, n.Name, again: n.Name, more: n.Name } FROM N AS n;\n")
        terminal.wait_for("-- more")
        # A fifth of a gigabyte, of which a window is wanted.
        assert terminal.memory_peak() - before < 64 << 20, terminal.memory_peak() - before
        terminal.type("q")
        terminal.wait_for("(stopped after 23 lines)")
        terminal.wait_for_prompt()
        assert "error" not in terminal.screen.text()
        terminal.type("SELECT { n.Id } FROM N AS n;\n")
        terminal.wait_for("-- more")
        terminal.type("g")
        terminal.wait(lambda screen: screen.lines()[0] > " 20000", "rows of a later part")
        terminal.type("\x03")
        terminal.wait_for("error: interrupted")
        terminal.wait_for_prompt()
        terminal.type(".quit\n")
        same(terminal.end(), 0)


@test
def a_window_of_one_line_is_paged_line_by_line():
    with shell(rows=1) as terminal:
        terminal.run(TABLE)
        terminal.run(SONGS)
        terminal.type("SELECT { s.Name } FROM Song AS s;\n")
        for line in ("Name", "----", "Low", "Ten", "Elf", "(3 rows)"):
            terminal.wait(lambda screen: screen.history and screen.history[-1] == line, line)
            if line != "(3 rows)":
                terminal.wait_for("-- more")
                terminal.type(" ")
        terminal.wait_for_prompt()
        terminal.type(".quit\n")
        same(terminal.end(), 0)


@test
def the_lines_typed_come_back_from_the_history():
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            with shell(history=folder + "/history") as terminal:
                terminal.wait_for_prompt()
                terminal.type("SELECT { again: 1 };\n")
                terminal.wait_for("(1 row)")
                terminal.wait_for_prompt()
                terminal.type("\x04")
                same(terminal.end(), 0)
        with shell(history=folder + "/history") as terminal:
            terminal.wait_for_prompt()
            terminal.type("\x1b[A")
            terminal.wait_for_prompt("SELECT { again: 1 };")


@test
def the_tabulator_completes_commands():
    with shell() as terminal:
        terminal.wait_for_prompt()
        terminal.type(".sub\t")
        terminal.wait_for_prompt(".subscriptions ")
        terminal.type("\x03")
        terminal.wait_for_prompt()
        terminal.type(".t\t\t")
        terminal.wait_for(".tables  .timer")


@test
def ctrl_c_ends_the_statement_and_not_the_shell():
    with tempfile.TemporaryDirectory() as folder, shell(directory=folder) as terminal:
        with open(folder + "/n.csv", "w") as file:
            file.write("Id\n" + "".join(f"{i}\n" for i in range(1000)))
        terminal.run("TABLE N = 1 (Id INT = 1 KEY);")
        terminal.run("IMPORT N FROM 'n.csv';")
        terminal.wait_for('{"imported":1000}')
        terminal.wait_for_prompt()
        # A thousand thousand thousand rows: nobody waits for these.
        many = "SELECT { n: count(*) } FROM N AS a JOIN N AS b ON TRUE JOIN N AS c ON TRUE"

        def interrupted(screen):
            # The line may not have been taken yet; then Ctrl-C would only forget it.
            if "^C" not in screen.text() and screen.lines()[screen.row] == "":
                terminal.type("\x03")
            return "error: interrupted" in screen.text()

        for live in ("", "SUBSCRIBE many AS "):
            terminal.type(live + many + " WHERE a.Id + b.Id + c.Id < 0;\n")
            terminal.wait(interrupted, "the interruption")
            terminal.wait_for_prompt()
            for _ in range(30):
                terminal.type("\n")  # away with what was said
            terminal.wait(lambda screen: "interrupted" not in screen.text(), "an empty window")
            terminal.wait_for_prompt()
        terminal.run("SELECT { n: count(*) } FROM N AS n;")
        terminal.wait_for("1000")
        terminal.wait_for_prompt()
        terminal.type(".quit\n")
        same(terminal.end(), 0)


@test
def a_live_result_changes_in_place_while_a_line_is_typed():
    with shell() as terminal:
        terminal.run(TABLE)
        terminal.run(SONGS)
        terminal.run("SUBSCRIBE top AS SELECT { s.Name, s.Plays } FROM Song AS s")
        terminal.type("ORDER BY s.Plays DESC;\n")
        terminal.wait_for("top · 3 rows")
        same(below_last(terminal.screen.lines(), "── top")[:5],
             ["Name  Plays", "----  -----", "Elf       9", "Ten       7", "Low       5"])
        same(terminal.screen.marked(), [])
        terminal.run("UPDATE Song SET Plays = 8 WHERE Id = 1;")
        terminal.wait(lambda screen: screen.marked() == ["8"], "the changed cell, marked")
        same(below_last(terminal.screen.lines(), "── top")[:5],
             ["Name  Plays", "----  -----", "Elf       9", "Low       8", "Ten       7"])
        same(len([line for line in terminal.screen.lines() if line.startswith("── top")]), 1)
        terminal.run("INSERT INTO Song {Id: 4, Name: 'New', Plays: 1};")
        terminal.wait(lambda screen: screen.marked() == ["New", "1"], "the new row, marked")
        terminal.run("UNSUBSCRIBE top;")
        terminal.wait(lambda screen: "── top" not in screen.text(), "the panel to go")
        terminal.wait_for_prompt()


@test
def what_another_process_commits_shows_while_a_line_is_typed():
    with tempfile.TemporaryDirectory() as folder, shell(folder + "/db") as terminal:
        terminal.run(TABLE)
        terminal.run(SONGS)
        terminal.run("SUBSCRIBE songs AS SELECT { s.Name, s.Plays } FROM Song AS s;")
        terminal.wait_for("── songs · 3 rows")
        terminal.wait_for_prompt()
        terminal.type("SELECT { half")
        terminal.wait_for_prompt("SELECT { half")
        other = [COMMAND, "run", "-", "--db", folder + "/db"]
        subprocess.run(other, check=True, text=True, stdout=subprocess.PIPE,
                       input="UPDATE Song SET Plays = 77 WHERE Id = 2;")
        terminal.wait(lambda screen: screen.marked() == ["77"], "the other's change, marked")
        terminal.wait_for_prompt("SELECT { half")
        terminal.type(": 5 };\n")
        terminal.wait_for("(1 row)")
        terminal.run(".mode json")
        terminal.wait_for_prompt()
        terminal.type("-- half")
        terminal.wait_for_prompt("-- half")
        subprocess.run(other, check=True, text=True, stdout=subprocess.PIPE,
                       input="DELETE FROM Song WHERE Id = 2;")
        terminal.wait_for('"patch":[{"op":"remove","path":"/1"}]')
        terminal.wait_for_prompt("-- half")
        terminal.type("\x03")
        terminal.wait_for_prompt()
        terminal.type(".quit\n")
        same(terminal.end(), 0)


@test
def what_is_printed_scrolls_above_the_panel():
    with shell(rows=20) as terminal:
        terminal.run(TABLE)
        terminal.run("SUBSCRIBE n AS SELECT { n: count(*) } FROM Song AS s;")
        terminal.wait_for("── n")
        for i in range(30):
            terminal.run(f"INSERT INTO Song {{Id: {i}}};")
        terminal.wait(lambda screen: screen.marked() == ["30"], "the last count")
        terminal.wait_for_prompt()
        lines = terminal.screen.lines()
        same(lines[-4][:12], "── n · 1 row")
        same(lines[-3:], [" n", "--", "30"])
        same(lines[-6:-4], ['{"inserted":1}', "tremula>"])
        assert "tremula> INSERT INTO Song {Id: 0};" in terminal.screen.history
        assert all("──" not in line for line in terminal.screen.history)


@test
def the_window_may_be_resized():
    with shell() as terminal:
        terminal.run(TABLE)
        terminal.run(SONGS)
        terminal.run("SUBSCRIBE songs AS SELECT { s.Name } FROM Song AS s;")
        terminal.wait_for("── songs")
        terminal.wait_for_prompt()
        terminal.type("SELECT { half")
        terminal.wait_for_prompt("SELECT { half")
        terminal.resize(12, 40)
        terminal.wait(lambda screen: screen.lines()[-1] == "Elf", "the panel at the new bottom")
        terminal.wait_for_prompt("SELECT { half")
        same(len(terminal.screen.lines()[-6]), 40)
        terminal.type(": 5 };\n")
        terminal.wait_for("(1 row)")
        terminal.resize(30, 100)
        terminal.wait(lambda screen: screen.lines()[29:] == ["Elf"], "the panel at the bottom again")
        terminal.wait_for_prompt()


@test
def the_dot_commands_do_what_help_says():
    with tempfile.TemporaryDirectory() as folder, shell(directory=folder, rows=60) as terminal:
        terminal.run(TABLE)
        terminal.run(SONGS)
        terminal.run(".export out.csv SELECT { s.Id, s.Name } FROM Song AS s;")
        terminal.wait_for('{"exported":3}')
        same(open(folder + "/out.csv").read(), "Id,Name\n1,Low\n2,Ten\n3,Elf\n")
        terminal.run(".import Song out.csv replace")
        terminal.wait_for('"unchanged":0')
        terminal.run(".timer on")
        terminal.run("SELECT { a: 1 };")
        terminal.wait_for("took ")
        terminal.run(".timer off")
        terminal.run(".explain SELECT { s.Id } FROM Song AS s WHERE s.Id = 1;")
        terminal.wait_for("access: key(Id)")
        terminal.run("SUBSCRIBE live AS SELECT { s.Id } FROM Song AS s;")
        terminal.run(".explain live")
        terminal.wait_for("rows: 3   bytes: ")
        terminal.run(".subscriptions")
        terminal.wait_for("SELECT { s.Id } FROM Song AS s")
        terminal.run(".open other.db")
        terminal.run("SELECT { t.name } FROM tremula_table AS t;")
        terminal.wait_for("(0 rows)")
        assert "── live" not in terminal.screen.text()
        terminal.run(".open nowhere/other.db")
        terminal.wait_for("error: io")
        terminal.run(".mode json")
        terminal.run("SELECT { b: 2 };")
        terminal.wait_for('{"b":2}')
        terminal.run(".timer perhaps")
        terminal.wait_for(".timer takes on|off")
        terminal.wait_for_prompt()
        terminal.type(".exit\n")
        same(terminal.end(), 0)
        assert os.path.isdir(folder + "/other.db")


@test
def an_import_that_is_killed_leaves_nothing_behind():
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/n.csv", "w") as file:
            file.write("Id,Name\n" + "".join(f"{i},name {i}\n" for i in range(400_000)))
        subprocess.run([COMMAND, "run", "-", "--db", folder + "/db"], check=True, text=True,
                       input=TABLE, stdout=subprocess.PIPE)
        with shell("import", folder + "/db", "Song", folder + "/n.csv") as terminal:
            terminal.wait_for("%")
            os.kill(terminal.pid, signal.SIGKILL)
            same(terminal.end(), -signal.SIGKILL)
        asked = [COMMAND, "query", folder + "/db", "SELECT { n: count(*) } FROM Song AS s"]
        same(subprocess.run(asked, check=True, capture_output=True).stdout, b'{"n":0}\n')
        subprocess.run([COMMAND, "check", folder + "/db"], check=True, stdout=subprocess.PIPE)


@test
def a_bar_tells_how_far_import_export_backup_and_check_are():
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/n.csv", "w") as file:
            file.write("Id,Name\n" + "".join(f"{i},name {i}\n" for i in range(300_000)))
        subprocess.run([COMMAND, "run", "-", "--db", folder + "/db"], check=True, text=True,
                       input=TABLE, stdout=subprocess.PIPE)
        calls = (
            ("import", "db", "Song", "n.csv"),
            ("export", "db", "SELECT { s.Id, s.Name } FROM Song AS s", "out.csv"),
            ("check", "db"),
            ("backup", "db", "copy"),
        )
        for call in calls:
            with shell(*call, directory=folder) as terminal:
                same(terminal.end(), 0)
                drawn = terminal.received
                assert b"[" in drawn and b" %" in drawn, f"{call}: {drawn!r}"
                assert "%" not in terminal.screen.text(), "the bar is gone at the end"


def main():
    wanted = sys.argv[2:]
    failed = 0
    for function in TESTS:
        if wanted and not any(name in function.__name__ for name in wanted):
            continue
        try:
            function()
            print(f"ok     {function.__name__}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"FAILED {function.__name__}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
