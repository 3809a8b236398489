// Calls on a directory that other processes have open.
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "tests/cli/process.h"

namespace tremula::cli_test {
namespace {

const std::string kSongs =
    "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3 COUNTER);\n"
    "INSERT INTO Song {Id: 1, Name: 'Low'}, {Id: 2, Name: 'Ten'};\n";
const std::string kPlays = "SELECT s.Id, s.Plays FROM Song AS s";

std::string line_of(const std::string& text, std::size_t number) {
  std::size_t begin = 0;
  for (; number > 0; --number) begin = text.find('\n', begin) + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace

TEST_CASE("shared: watch prints each commit of other processes, and ends after --commits") {
  const Folder folder;
  const std::string dir = folder.path("db");
  REQUIRE(run({"run", "-", "--db", dir}, kSongs).status == 0);
  Background watch({"watch", dir, kPlays, "--commits", "2"});
  REQUIRE(watch.has_printed("snapshot"));
  const Finished one =
      run({"run", "-", "--db", dir}, "UPDATE Song SET Plays = Plays + 1 WHERE Id = 2");
  CHECK(one.out == "{\"updated\":1}\n");
  CHECK(one.status == 0);
  CHECK(watch.has_printed("\"patch\""));  // while it runs: nothing is held back
  CHECK(run({dir}, "UPDATE Song SET Name = 'x'; DELETE FROM Song WHERE Id = 1;").status == 0);
  const Finished ended = watch.end();
  CHECK(ended.status == 0);
  CHECK(ended.err == "");
  CHECK(
      ended.out ==
      "{\"subscription\":\"watch\",\"snapshot\":[{\"Id\":1,\"Plays\":0},{\"Id\":2,\"Plays\":0}]}\n"
      "{\"subscription\":\"watch\",\"commit\":3,\"patch\":[{\"op\":\"replace\",\"path\":\"/1/"
      "Plays\","
      "\"value\":1}]}\n"
      "{\"subscription\":\"watch\",\"commit\":5,\"patch\":[{\"op\":\"remove\",\"path\":\"/"
      "0\"}]}\n");
}

TEST_CASE("shared: programs that start at once with one schema all do their work") {
  const Folder folder;
  for (int round = 0; round < 4; ++round) {
    const std::string dir = folder.path("db") + std::to_string(round);
    std::vector<Finished> ended(5);
    std::vector<std::thread> programs;
    for (std::size_t i = 0; i < ended.size(); ++i) {
      programs.emplace_back([&ended, &dir, i] {
        ended[i] = run({"run", "-", "--db", dir},
                       "TABLE T = 1 (K INT = 1 KEY); INSERT INTO T {K: " + std::to_string(i) +
                           ", Named" + std::to_string(i) + ": 'x'};");
      });
    }
    for (std::thread& program : programs) program.join();
    for (const Finished& each : ended) {
      CHECK(each.status == 0);
      CHECK(each.err == "");
    }
    CHECK(run({"query", dir, "SELECT { n: count(*) } FROM T AS t"}).out == "{\"n\":5}\n");
  }
}

TEST_CASE("shared: an interrupt ends watch well") {
  const Folder folder;
  const std::string dir = folder.path("db");
  REQUIRE(run({"run", "-", "--db", dir}, kSongs).status == 0);
  Background watch({"watch", dir, kPlays});
  REQUIRE(watch.has_printed("snapshot"));
  watch.signal(SIGINT);
  CHECK(watch.end().status == 0);
}

TEST_CASE("shared: every call works while serve holds the directory") {
  const Folder folder;
  const std::string dir = folder.path("db");
  Background serve({"serve", dir});
  REQUIRE(serve.has_printed("serving"));
  CHECK(run({"run", "-", "--db", dir}, kSongs).out ==
        "{\"table\":\"Song\",\"created\":true}\n{\"inserted\":2}\n");
  CHECK(run({"query", dir, kPlays}).out == "{\"Id\":1,\"Plays\":0}\n{\"Id\":2,\"Plays\":0}\n");
  const std::string csv = folder.write("songs.csv", "Id,Name\n3,Three\n4,Four\n");
  CHECK(run({"import", dir, "Song", csv}).out == "{\"imported\":2}\n");
  CHECK(run({"export", dir, "SELECT s.Name FROM Song AS s", folder.path("names.csv")}).out ==
        "{\"exported\":4}\n");
  CHECK(read_file(folder.path("names.csv")) == "Name\nLow\nTen\nThree\nFour\n");
  CHECK(run({"explain", dir, kPlays}).status == 0);
  const Finished checked = run({"check", dir});
  CHECK(checked.status == 0);
  CHECK(checked.out.find("\"problems\":0") != std::string::npos);
  const Finished saved = run({"backup", dir, folder.path("copy")});
  CHECK(saved.err == "");
  CHECK(saved.status == 0);
  const Finished maintained = run({dir}, "INSERT INTO Song {Id: 5}; SYNC; FLUSH;");
  CHECK(maintained.out == "{\"inserted\":1}\n{\"synced\":4}\n{\"durable\":4}\n");
  serve.signal(SIGTERM);
  CHECK(serve.end().status == 0);
  CHECK(run({"query", dir, "SELECT count(*) AS n FROM Song"}).out == "{\"n\":5}\n");
  CHECK(run({"query", folder.path("copy"), "SELECT count(*) AS n FROM Song"}).out == "{\"n\":4}\n");
}

TEST_CASE("shared: watch goes on when the process that held the directory is killed") {
  const Folder folder;
  const std::string dir = folder.path("db");
  REQUIRE(run({"run", "-", "--db", dir}, kSongs).status == 0);
  Background serve({"serve", dir});
  REQUIRE(serve.has_printed("serving"));
  Background watch({"watch", dir, kPlays, "--commits", "3"});
  REQUIRE(watch.has_printed("snapshot"));
  for (int i = 0; i < 3; ++i) {
    if (i == 1) serve.signal(SIGKILL);
    const Finished added = run({"run", "-", "--db", dir}, "UPDATE Song SET Plays = Plays + 1");
    CHECK(added.err == "");
    CHECK(added.status == 0);
  }
  const Finished ended = watch.end();
  CHECK(ended.status == 0);
  CHECK(line_of(ended.out, 3).find("\"commit\":5") != std::string::npos);
  CHECK(run({"query", dir, kPlays}).out == "{\"Id\":1,\"Plays\":3}\n{\"Id\":2,\"Plays\":3}\n");
  CHECK(run({"check", dir}).status == 0);
}

TEST_CASE("shared: changes and merge work while another process holds the directory") {
  const Folder folder;
  const std::string dir = folder.path("db");
  const std::string other = folder.path("other");
  REQUIRE(run({"run", "-", "--db", dir}, kSongs).status == 0);
  REQUIRE(run({"run", "-", "--db", other}, kSongs).status == 0);
  REQUIRE(
      run({"run", "-", "--db", other}, "UPDATE Song SET Plays = Plays + 3 WHERE Id = 2").status ==
      0);
  const std::string file = folder.write("changes", run({"changes", other}).out);
  Background watch({"watch", dir, kPlays, "--commits", "1"});
  REQUIRE(watch.has_printed("snapshot"));
  const Finished merged = run({"merge", dir, file});
  CHECK(merged.err == "");
  CHECK(merged.out.find("{\"merged\":") == 0);
  CHECK(merged.out != "{\"merged\":0}\n");
  CHECK(run({"merge", dir, file}).out == "{\"merged\":0}\n");
  const Finished ended = watch.end();
  CHECK(ended.status == 0);
  CHECK(line_of(ended.out, 1).find("\"path\":\"/1/Plays\",\"value\":3") != std::string::npos);

  Background serve({"serve", dir});
  REQUIRE(serve.has_printed("serving"));
  const std::string told = run({"changes", dir}).out;
  CHECK(told.find("\"rule\":\"COUNTER\",\"value\":3") != std::string::npos);
  const std::string back = folder.write("back", told);
  REQUIRE(run({"merge", other, back}).status == 0);
  CHECK(run({"query", other, kPlays}).out == run({"query", dir, kPlays}).out);
  CHECK(run({"changes", dir, "--since", "3"}).out.find("\"table\"") == std::string::npos);
  serve.signal(SIGTERM);
  CHECK(serve.end().status == 0);
}

TEST_CASE("shared: kill -9 of who merges, or of the host meanwhile, leaves all of it or nothing") {
  const Folder folder;
  const std::string other = folder.path("other");
  std::string rows = kSongs;
  for (int i = 10; i < 2000; ++i) {
    rows += "INSERT INTO Song {Id: " + std::to_string(i) + ", Name: 'n', Plays: 1};\n";
  }
  REQUIRE(run({"run", "-", "--db", other}, "BEGIN;" + rows + "COMMIT;").status == 0);
  const std::string file = folder.write("changes", run({"changes", other}).out);
  const std::string count = "SELECT count(*) AS n, sum(Plays) AS plays FROM Song";
  int nothing = 0;
  for (int round = 0; round < 12; ++round) {
    CAPTURE(round);
    const std::string dir = folder.path("db" + std::to_string(round));
    REQUIRE(run({"run", "-", "--db", dir}, line_of(kSongs, 0)).status == 0);
    Background serve({"serve", dir});
    REQUIRE(serve.has_printed("serving"));
    Background merge({"merge", dir, file});
    // Anywhere in it: what is asked below holds for every moment.
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * round));
    (round % 2 == 0 ? merge : serve).signal(SIGKILL);
    if (round % 2 != 0) CHECK(merge.end().out == "{\"merged\":5974}\n");
    const std::string left = run({"query", dir, count}).out;
    const bool is_nothing = left == "{\"n\":0,\"plays\":null}\n";
    nothing += is_nothing ? 1 : 0;
    CHECK((is_nothing || left == "{\"n\":1992,\"plays\":1990}\n"));
    if (round % 2 != 0) CHECK(!is_nothing);
    CHECK(run({"check", dir}).status == 0);
    CHECK(run({"merge", dir, file}).status == 0);
    CHECK(run({"query", dir, count}).out == "{\"n\":1992,\"plays\":1990}\n");
  }
  MESSAGE("nothing was merged in rounds: ", nothing);
}

}  // namespace tremula::cli_test
