// The shell, on a terminal of its own: statements over several lines, modes, commands, Ctrl-C.
#include <doctest/doctest.h>

#include "tests/cli/process.h"

namespace tremula::cli_test {
namespace {

const std::string kPrompt = "tremula> ";
const std::string kMore = "...> ";
const std::string kEnd = "\x04";

bool shows(const Finished& finished, const std::string& text) {
  return finished.out.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("shell: a statement may take several lines, and its rows come as a table") {
  const Finished finished = run_on_terminal(
      {}, {{kPrompt, "SELECT { Name: 'Low',\n"}, {kMore, "Plays: 12 };\n"}, {kPrompt, kEnd}});
  CHECK(finished.status == 0);
  CHECK(shows(finished, "Name  Plays\r\n----  -----\r\nLow      12\r\n(1 row)\r\n"));
}

TEST_CASE("shell: .mode prints rows as JSON or CSV") {
  const Finished finished = run_on_terminal({}, {{kPrompt, ".mode json\n"},
                                                 {kPrompt, "SELECT { a: 1, b: 'x,y', c: NULL };\n"},
                                                 {kPrompt, ".mode csv\n"},
                                                 {kPrompt, "SELECT { a: 1, b: 'x,y', c: NULL };\n"},
                                                 {kPrompt, ".mode prose\n"},
                                                 {kPrompt, ".quit\n"}});
  CHECK(finished.status == 0);
  CHECK(shows(finished, "{\"a\":1,\"b\":\"x,y\",\"c\":null}\r\n"));
  CHECK(shows(finished, "a,b,c\r\n1,\"x,y\",\r\n"));
  CHECK(shows(finished, ".mode takes json, table or csv\r\n"));
}

TEST_CASE("shell: an error leaves the shell and its database as they were") {
  const Finished finished = run_on_terminal({}, {{kPrompt, "TABLE T = 1 (Id INT = 1 KEY);\n"},
                                                 {kPrompt, "SELECT { x: t.Idd } FROM T AS t;\n"},
                                                 {kPrompt, "INSERT INTO T {Id: 41};\n"},
                                                 {kPrompt, "SELECT { n: t.Id + 1 } FROM T AS t;\n"},
                                                 {kPrompt, kEnd}});
  CHECK(finished.status == 0);
  CHECK(shows(finished, "error: unknown_column at 1:15: "));
  CHECK(shows(finished, " n\r\n--\r\n42\r\n"));
}

TEST_CASE("shell: in mode json a live result's patches are lines of their own") {
  const Finished finished =
      run_on_terminal({}, {{kPrompt, ".mode json\n"},
                           {kPrompt, "TABLE T = 1 (Id INT = 1 KEY);\n"},
                           {kPrompt, "SUBSCRIBE all_of_it AS SELECT { Id: t.Id } FROM T AS t;\n"},
                           {kPrompt, "INSERT INTO T {Id: 1000};\n"},
                           {kPrompt, "UNSUBSCRIBE all_of_it;\n"},
                           {kPrompt, "INSERT INTO T {Id: 2000};\n"},
                           {kPrompt, kEnd}});
  CHECK(shows(finished, "{\"subscription\":\"all_of_it\",\"snapshot\":[]}\r\n"));
  CHECK(
      shows(finished, "\"patch\":[{\"op\":\"add\",\"path\":\"/0\",\"value\":{\"Id\":1000}}]}\r\n"));
  CHECK(!shows(finished, "{\"Id\":2000}"));
}

TEST_CASE("shell: Ctrl-C forgets what was typed, not the shell") {
  const Finished finished = run_on_terminal({}, {{kPrompt, "SELECT { nonsense\n"},
                                                 {kMore, "and more \x03"},
                                                 {kPrompt, "SELECT { a: 77 };\n"},
                                                 {kPrompt, kEnd}});
  CHECK(finished.status == 0);
  CHECK(shows(finished, "\r\n77\r\n"));
  CHECK(!shows(finished, "error:"));
}

TEST_CASE("shell: the tabulator completes keywords, tables and columns") {
  const Finished finished =
      run_on_terminal({}, {{kPrompt, "TABLE Wonderful = 1 (Identity INT = 1 KEY);\n"},
                           {kPrompt, "INS\tINTO Wond\t {Ident\t: 5};\n"},
                           {kPrompt, "sel\t{ n: w.Ide\t } fro\tWond\t as w;\n"},
                           {kPrompt, kEnd}});
  CHECK(shows(finished, "{\"inserted\":1}\r\n"));
  CHECK(shows(finished, "\r\n5\r\n(1 row)\r\n"));
}

TEST_CASE("shell: .tables, .schema and .help tell what there is") {
  const Finished finished = run_on_terminal({}, {{kPrompt, "TABLE Song = 7 (Id INT = 1 KEY);\n"},
                                                 {kPrompt, ".tables\n"},
                                                 {kPrompt, ".schema Song\n"},
                                                 {kPrompt, ".help\n"},
                                                 {kPrompt, ".nonsense\n"},
                                                 {kPrompt, kEnd}});
  CHECK(shows(finished,
              "table  number  strict  rows\r\n-----  ------  ------  ----\r\nSong        7  false  "
              "    0\r\n"));
  CHECK(shows(finished, "Song        1  Id    INT "));
  CHECK(shows(finished, ".mode json|table|csv"));
  CHECK(shows(finished, "there is no .nonsense"));
}

}  // namespace tremula::cli_test
