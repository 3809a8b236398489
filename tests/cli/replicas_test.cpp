// `tremula changes` and `tremula merge`: the examples of docs/merging.md, through the command.
#include <doctest/doctest.h>

#include <string>

#include "tests/cli/process.h"

namespace tremula::cli_test {
namespace {

const std::string kSchema =
    "TABLE Song = 2 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3 COUNTER, Best INT = 4 MAX,\n"
    "                Tags JSON = 5 SET, Cover BYTES = 6, Notes JSON = 7);\n";
const std::string kAll =
    "SELECT { s.Id, s.Name, s.Plays, s.Best, s.Tags } FROM Song AS s ORDER BY s.Id";

void must(const std::string& dir, const std::string& script) {
  const Finished done = run({"run", "-", "--db", dir}, script);
  REQUIRE_MESSAGE(done.status == 0, done.err);
}

std::string changes(const std::string& dir, const std::string& since = "0") {
  const Finished told = run({"changes", dir, "--since", since});
  REQUIRE_MESSAGE(told.status == 0, told.err);
  return told.out;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

// Site ids are random: the closing line's is S. What all records of row 4 of table 2 have alike
// stands as R.
std::string in_short(std::string text) {
  const std::string_view mark = "{\"site\":\"";
  const std::size_t at = text.rfind(mark);
  REQUIRE(at != std::string::npos);
  const std::string site = text.substr(at + mark.size(), 32);
  replace_all(text, site, "S");
  replace_all(text, R"({"table":2,"key":[4],"column":)", "R ");
  replace_all(text, R"(,"site":"S","db_version":)", " S ");
  return text;
}

std::string site_of(const std::string& text) {
  return text.substr(text.rfind("{\"site\":\"") + 9, 32);
}

}  // namespace

TEST_CASE("replicas: changes prints every value once, and the next cursor") {
  const Folder folder;
  const std::string dir = folder.path("db");
  must(dir, kSchema +
                "INSERT INTO Song {Id: 4, Name: 'x', Plays: 3, Best: 5, Tags: ['b', 1], "
                "Cover: x'CAFE', Notes: {a: 1}};\n");
  CHECK(in_short(changes(dir)) ==
        R"(R null,"value":null,"cl":1,"version":2 S 2,"seq":0}
R 2,"value":"x","cl":1,"version":2 S 2,"seq":1}
R 3,"rule":"COUNTER","value":3,"cl":1,"version":2 S 2,"seq":2}
R 4,"rule":"MAX","value":5,"cl":1,"version":2 S 2,"seq":3}
R 5,"rule":"SET","value":{"add":1},"cl":1,"version":2 S 2,"seq":4}
R 5,"rule":"SET","value":{"add":"b"},"cl":1,"version":2 S 2,"seq":5}
R 6,"value":{"bytes":"yv4="},"cl":1,"version":2 S 2,"seq":6}
R 7,"value":{"json":{"a":1}},"cl":1,"version":2 S 2,"seq":7}
{"site":"S","db_version":2}
)");
  must(dir, "UPDATE Song SET Plays = Plays + 3, Tags = [1], Name = NULL;");
  CHECK(in_short(changes(dir, "2")) ==
        R"(R 2,"value":null,"cl":1,"version":3 S 3,"seq":0}
R 3,"rule":"COUNTER","value":6,"cl":1,"version":3 S 3,"seq":1}
R 5,"rule":"SET","value":{"remove":"b"},"cl":1,"version":2 S 3,"seq":2}
{"site":"S","db_version":3}
)");
  must(dir, "DELETE FROM Song; INSERT INTO Song {Id: 4};");
  CHECK(in_short(changes(dir, "3")) ==
        R"(R null,"value":null,"cl":3,"version":5 S 5,"seq":0}
{"site":"S","db_version":5}
)");
  must(dir, "DELETE FROM Song;");
  CHECK(in_short(changes(dir)) ==
        R"(R null,"value":null,"cl":4,"version":6 S 6,"seq":0}
{"site":"S","db_version":6}
)");
}

TEST_CASE("replicas: concurrent writes meet by the columns' rules") {
  const Folder folder;
  const std::string a = folder.path("a");
  const std::string b = folder.path("b");
  must(a, kSchema + "INSERT INTO Song {Id: 1, Name: 'both', Plays: 1, Best: 1, Tags: ['x']};");
  must(b, kSchema);
  const auto exchange = [&](const std::string& from, const std::string& to) {
    const std::string file = folder.write("changes", changes(from));
    const Finished merged = run({"merge", to, file});
    REQUIRE_MESSAGE(merged.status == 0, merged.err);
    return merged.out;
  };
  CHECK(exchange(a, b) == "{\"merged\":5}\n");
  CHECK(exchange(a, b) == "{\"merged\":0}\n");
  must(a,
       "UPDATE Song SET Plays = Plays + 3, Best = 7, Tags = ['x', 'a'], Name = 'a' WHERE Id = 1;"
       "INSERT INTO Song {Id: 2, Name: 'of a'};");
  must(b,
       "UPDATE Song SET Plays = Plays + 5, Best = 4, Tags = ['b'], Name = 'b' WHERE Id = 1;"
       "UPDATE Song SET Name = 'newer' WHERE Id = 1;");
  exchange(a, b);
  exchange(b, a);
  // `x` was removed by one who saw it, and added by nobody since.
  const std::string expected = R"({"Id":1,"Name":"newer","Plays":9,"Best":7,"Tags":["a","b"]})"
                               "\n"
                               R"({"Id":2,"Name":"of a","Plays":0,"Best":null,"Tags":null})"
                               "\n";
  CHECK(run({"query", a, kAll}).out == expected);
  CHECK(run({"query", b, kAll}).out == expected);
  // A deletion beats what its row had; who inserts the key again begins anew.
  must(b, "DELETE FROM Song WHERE Id = 1;");
  must(a, "UPDATE Song SET Plays = Plays + 1, Name = 'too late' WHERE Id = 1;");
  exchange(a, b);
  exchange(b, a);
  CHECK(run({"query", a, kAll}).out ==
        "{\"Id\":2,\"Name\":\"of a\",\"Plays\":0,\"Best\":null,"
        "\"Tags\":null}\n");
  must(a, "INSERT INTO Song {Id: 1, Name: 'anew'};");
  exchange(a, b);
  CHECK(run({"query", b, "SELECT { s.Name, s.Plays } FROM Song AS s WHERE s.Id = 1"}).out ==
        "{\"Name\":\"anew\",\"Plays\":0}\n");
}

TEST_CASE("replicas: a file that is none is refused whole, with its line") {
  const Folder folder;
  const std::string a = folder.path("a");
  const std::string b = folder.path("b");
  must(a, kSchema + "INSERT INTO Song {Id: 1, Name: 'x'};");
  const std::string good = changes(a);
  const auto merged = [&](const std::string& text) {
    return run({"merge", b, folder.write("changes", text)});
  };
  const Finished cut = merged(good + "{\"table\":2,\"key\":[");
  CHECK(cut.status == 1);
  CHECK(cut.err.starts_with("error: corrupt"));
  CHECK(cut.err.find("line 4") != std::string::npos);
  CHECK(changes(b).find("table") == std::string::npos);
  // Without its last line a file is as good.
  CHECK(merged(good.substr(0, good.find("{\"site\""))).out == "{\"merged\":2}\n");
  must(b, kSchema);
  CHECK(run({"query", b, "SELECT { s.Id, s.Name } FROM Song AS s"}).out ==
        "{\"Id\":1,\"Name\":\"x\"}\n");
  std::string other_key = good;
  for (std::size_t at = 0; (at = other_key.find("[1]")) != std::string::npos;) {
    other_key.replace(at, 3, "[\"one\"]");
  }
  const Finished misfit = merged(other_key);
  CHECK(misfit.status == 1);
  CHECK(misfit.err.starts_with("error: corrupt"));
  CHECK(misfit.err.find("line 1") != std::string::npos);
  CHECK(run({"merge", b, folder.path("none")}).status == 1);
  CHECK(run({"changes", folder.path("none")}).err.starts_with("error: io"));
}

TEST_CASE("replicas: a restored database is another replica, and keeps who wrote what") {
  const Folder folder;
  const std::string a = folder.path("a");
  const std::string backup = folder.path("backup");
  const std::string c = folder.path("c");
  must(a, kSchema + "INSERT INTO Song {Id: 1, Name: 'x', Plays: 2};");
  const std::string before = changes(a);
  CHECK(run({"backup", a, backup}).status == 0);
  CHECK(run({"restore", backup, c}).status == 0);
  const std::string restored = changes(c);
  CHECK(site_of(restored) != site_of(before));
  CHECK(restored.substr(0, restored.rfind("{\"site\"")) ==
        before.substr(0, before.rfind("{\"site\"")));
  // Both count on from the same sum.
  must(a, "UPDATE Song SET Plays = Plays + 10;");
  must(c, "UPDATE Song SET Plays = Plays + 100;");
  CHECK(run({"merge", a, folder.write("changes", changes(c))}).out == "{\"merged\":1}\n");
  CHECK(run({"query", a, "SELECT { s.Plays } FROM Song AS s"}).out == "{\"Plays\":112}\n");
  CHECK(run({"merge", c, folder.write("changes", changes(a))}).out == "{\"merged\":1}\n");
  CHECK(run({"query", c, "SELECT { s.Plays } FROM Song AS s"}).out == "{\"Plays\":112}\n");
}

}  // namespace tremula::cli_test
