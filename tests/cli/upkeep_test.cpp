// check, backup and restore, as their users call them.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace tremula::cli_test {
namespace {

namespace fs = std::filesystem;

const std::string kSongs =
    "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3);\n"
    "INSERT INTO Song {Id: 1, Name: 'Low', Plays: 5}, {Id: 2, Name: 'Ten', Plays: 7};\n";
const std::string kNames = "SELECT { s.Name, s.Plays } FROM Song AS s ORDER BY s.Plays";
const std::string kRows = "{\"Name\":\"Low\",\"Plays\":5}\n{\"Name\":\"Ten\",\"Plays\":7}\n";

// The names in a directory that begin so.
std::vector<std::string> names_of(const std::string& directory, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix)) names.push_back(name);
  }
  return names;
}

}  // namespace

TEST_CASE("upkeep: a check finds a database well, and a flipped byte not") {
  const Folder folder;
  const std::string dir = folder.path("db");
  REQUIRE(run({"run", "-", "--db", dir}, kSongs).status == 0);
  const Finished well = run({"check", dir});
  CHECK(well.err == "");
  CHECK(well.status == 0);
  CHECK(well.out.starts_with(
      "{\"version\":2,\"tables\":1,\"rows\":2,\"triples\":6,\"commits_in_log\":2,"));
  CHECK(well.out.ends_with(",\"problems\":0}\n"));
  for (const std::string& name : names_of(dir, "LOG-")) {
    const std::string path = dir + "/" + name;
    std::string bytes = read_file(path);
    bytes[60] = static_cast<char>(bytes[60] ^ 1);
    folder.write("db/" + name, bytes);
    const Finished damaged = run({"check", dir});
    CHECK(damaged.status == 1);
    CHECK(damaged.err.starts_with("error: corrupt: " + path));
    CHECK(damaged.out.ends_with(",\"problems\":1}\n"));
    const Finished read = run({"query", dir, kNames});
    CHECK(read.status == 1);
    CHECK(read.err.starts_with("error: corrupt: " + path));
  }
}

TEST_CASE("upkeep: a dump shows the manifest, the log and the files as text") {
  const Folder folder;
  const std::string dir = folder.path("db");
  REQUIRE(run({"run", "-", "--db", dir}, kSongs).status == 0);
  std::size_t dumped = 0;
  for (const std::string prefix : {"MANIFEST", "LOG-", "SST-"}) {
    for (const std::string& name : names_of(dir, prefix)) {
      const Finished dump = run({"check", dir, "--dump", name});
      CHECK(dump.status == 0);
      CHECK(dump.err == "");
      CHECK(dump.out != "");
      ++dumped;
    }
  }
  CHECK(dumped >= 2);
  CHECK(run({"check", dir, "--dump", "LOCK"}).err.starts_with("error: io: " + dir + "/LOCK"));
}

TEST_CASE("upkeep: what is backed up and restored is the same database") {
  const Folder folder;
  const std::string dir = folder.path("db");
  const std::string copy = folder.path("copy");
  const std::string again = folder.path("again");
  REQUIRE(run({"run", "-", "--db", dir}, kSongs).status == 0);
  CHECK(run({"backup", dir, copy}).out == "{\"backed_up\":2}\n");
  CHECK(run({"run", "-", "--db", dir}, "DELETE FROM Song;").status == 0);
  CHECK(run({"restore", copy, again}).out == "{\"restored\":2}\n");
  CHECK(run({"check", copy}).status == 0);
  CHECK(run({"check", again}).status == 0);
  CHECK(run({"query", again, kNames}).out == kRows);
  CHECK(run({"query", copy, kNames}).out == kRows);
  CHECK(run({"query", dir, kNames}).out == "");
  CHECK(run({"check", again}).status == 0);
  const Finished taken = run({"restore", copy, again});
  CHECK(taken.status == 1);
  CHECK(taken.err.starts_with("error: io: " + again + ": is not empty"));
  CHECK(run({"backup", folder.path("no"), folder.path("new")}).status == 1);
  CHECK(!fs::exists(folder.path("new")));
}

}  // namespace tremula::cli_test
