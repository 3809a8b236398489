// The calls on a database in a directory.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/cli/process.h"

namespace tremula::cli_test {
namespace {

const std::string kSongs =
    "TABLE Song = 1 (Id INT = 1 KEY, Name TEXT = 2, Plays INT = 3);\n"
    "INSERT INTO Song {Id: 1, Name: 'Low', Plays: 5}, {Id: 2, Name: 'Ten', Plays: 7};\n";
const std::string kNames = "SELECT { s.Name } FROM Song AS s ORDER BY s.Plays";

}  // namespace

TEST_CASE("directory: what one call commits, the next one reads") {
  const Folder folder;
  const std::string dir = folder.path("db");
  CHECK(run({"run", "-", "--db", dir}, kSongs).status == 0);
  const Finished read = run({"query", dir, kNames});
  CHECK(read.status == 0);
  CHECK(read.out == "{\"Name\":\"Low\"}\n{\"Name\":\"Ten\"}\n");
  const Finished piped = run({dir}, "UPDATE Song SET Plays = 9 WHERE Id = 1; FLUSH;");
  CHECK(piped.status == 0);
  CHECK(piped.out == "{\"updated\":1}\n{\"durable\":3}\n");
  CHECK(run({"query", dir, kNames}).out == "{\"Name\":\"Ten\"}\n{\"Name\":\"Low\"}\n");
  CHECK(run({"query", dir, "DELETE FROM Song"}).err.starts_with("error: read_only"));
  const Finished plan = run({"explain", dir, kNames});
  CHECK(plan.status == 0);
  CHECK(plan.out.find("from Song") != std::string::npos);
}

TEST_CASE("directory: a script that fails keeps what it committed before") {
  const Folder folder;
  const std::string dir = folder.path("db");
  const Finished failed = run({"run", "-", "--db", dir}, kSongs + "INSERT INTO Song {Id: 1};");
  CHECK(failed.status == 1);
  CHECK(run({"query", dir, "SELECT { n: count(*) } FROM Song AS s"}).out == "{\"n\":2}\n");
}

TEST_CASE("directory: CSV goes in and out") {
  const Folder folder;
  const std::string dir = folder.path("db");
  CHECK(run({"run", "-", "--db", dir}, kSongs).status == 0);
  const std::string more = folder.write("more.csv", "Id,Name,Plays\n3,It's,1\n");
  CHECK(run({"import", dir, "Song", more}).out == "{\"imported\":1}\n");
  const Finished again = run({"import", dir, "Song", more});
  CHECK(again.status == 1);
  CHECK(again.err.starts_with("error: duplicate_key"));
  CHECK(run({"import", dir, "Song", more, "--replace"}).out ==
        "{\"inserted\":0,\"updated\":0,\"deleted\":2,\"unchanged\":1}\n");
  CHECK(run({"import", dir, "No \"such", more}).err.starts_with("error: unknown_table"));
  const std::string out = folder.path("it's out.csv");
  const Finished exported = run({"export", dir, "SELECT s.Id, s.Name FROM Song AS s; ", out});
  CHECK(exported.status == 0);
  CHECK(exported.out == "{\"exported\":1}\n");
  CHECK(read_file(out) == "Id,Name\n3,It's\n");
  CHECK(run({"export", dir, "SELECT 1) TO 'x'; DELETE FROM Song; --", out}).status == 1);
  CHECK(run({"export", dir, "DELETE FROM Song", out}).err.starts_with("error: read_only"));
  CHECK(run({"query", dir, "SELECT { n: count(*) } FROM Song AS s"}).out == "{\"n\":1}\n");
}

TEST_CASE("directory: import makes one, though there is no table yet") {
  const Folder folder;
  const std::string dir = folder.path("db");
  const std::string csv = folder.write("a.csv", "Id\n3\n");
  CHECK(run({"import", dir, "Song", csv}).err.starts_with("error: unknown_table"));
  CHECK(std::filesystem::exists(dir));
  CHECK(run({"run", "-", "--db", folder.path("no/parent")}, kSongs).err.starts_with("error: io: "));
}

TEST_CASE("directory: watch prints its snapshot, and says by its status whether patches came") {
  const Folder folder;
  const std::string dir = folder.path("db");
  CHECK(run({"run", "-", "--db", dir}, kSongs).status == 0);
  const std::string snapshot =
      "{\"subscription\":\"watch\",\"snapshot\":[{\"Name\":\"Low\"},{\"Name\":\"Ten\"}]}\n";
  const Finished over = run({"watch", dir, kNames + ";", "--timeout", "0.05"});
  CHECK(over.status == 0);
  CHECK(over.out == snapshot);
  CHECK(run({"watch", dir, kNames, "--timeout", "0"}).status == 0);
  const Finished missed = run({"watch", dir, kNames, "--timeout", "0.05", "--commits", "1"});
  CHECK(missed.status == 1);
  CHECK(missed.out == snapshot);
  CHECK(run({"watch", dir, "SELECT { a: }"}).err.starts_with("error: syntax at 1:13"));
}

TEST_CASE("directory: checked, copied, put back, and shown as text") {
  const Folder folder;
  const std::string dir = folder.path("db");
  CHECK(run({"run", "-", "--db", dir}, kSongs).status == 0);
  const Finished checked = run({"check", dir});
  CHECK(checked.status == 0);
  CHECK(checked.err == "");
  CHECK(checked.out.starts_with("{\"version\":2,"));
  CHECK(checked.out.ends_with("\"problems\":0}\n"));
  CHECK(run({"backup", dir, folder.path("copy")}).out == "{\"backed_up\":2}\n");
  CHECK(run({dir}, "DELETE FROM Song").status == 0);
  CHECK(run({"restore", folder.path("copy"), folder.path("back")}).out == "{\"restored\":2}\n");
  CHECK(run({"query", folder.path("back"), kNames}).out ==
        "{\"Name\":\"Low\"}\n{\"Name\":\"Ten\"}\n");
  CHECK(run({"query", dir, kNames}).out == "");
  const Finished dumped = run({"check", dir, "--dump", "MANIFEST"});
  CHECK(dumped.status == 0);
  CHECK(dumped.out != "");
  CHECK(run({"check", dir, "--dump", "NOTHING"}).status == 1);
}

TEST_CASE("directory: damage is found, and named with its file") {
  const Folder folder;
  const std::string dir = folder.path("db");
  CHECK(run({"run", "-", "--db", dir}, kSongs).status == 0);
  std::string path;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().filename().string().starts_with("LOG-")) path = entry.path().string();
  }
  REQUIRE(path != "");
  std::string bytes = read_file(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
  const Finished checked = run({"check", dir});
  CHECK(checked.status == 1);
  CHECK(checked.err.find("error: corrupt: ") != std::string::npos);
  CHECK(checked.err.find("LOG-") != std::string::npos);
  const Finished read = run({"query", dir, kNames});
  CHECK(read.status == 1);
  CHECK(read.out == "");
  CHECK(read.err.starts_with("error: corrupt: "));
}

}  // namespace tremula::cli_test
