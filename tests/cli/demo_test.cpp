// `tremula demo`: the story in a pipe and on a terminal, and that it proves its results.
#include <doctest/doctest.h>

#include "tests/cli/process.h"
#include "tests/support/text.h"

namespace tremula::cli_test {
using support::count_of;

TEST_CASE("demo: in a pipe it prints JSON lines and ends with the proof") {
  const Finished finished = run({"demo"});
  CHECK(finished.status == 0);
  CHECK(finished.err == "");
  CHECK(count_of(finished.out, "\n{") + 1 == count_of(finished.out, "\n"));
  CHECK(count_of(finished.out, "\"snapshot\":[") == 4);
  for (const std::string name : {"top_albums", "customer", "by_genre", "till"}) {
    CAPTURE(name);
    CHECK(count_of(finished.out, "{\"subscription\":\"" + name + "\",\"commit\":") >= 3);
    CHECK(count_of(finished.out, "{\"check\":\"" + name + "\",\"equal\":true}\n") == 1);
  }
  CHECK(finished.out.ends_with("{\"checked\":4,\"equal\":4}\n"));
}

TEST_CASE("demo: it tells the same story each time") {
  CHECK(run({"demo"}).out == run({"demo"}).out);
}

TEST_CASE("demo: on a terminal it shows patches, what they change, and the proof") {
  const Finished finished = run_on_terminal({"demo"}, {});
  CHECK(finished.status == 0);
  CHECK(finished.out.find("patch {\"op\":\"replace\",\"path\":\"/0/") != std::string::npos);
  CHECK(finished.out.find("no live result changes") != std::string::npos);
  CHECK(finished.out.find("4 of 4 live results are what a fresh SELECT gives.") !=
        std::string::npos);
  CHECK(finished.out.find("error:") == std::string::npos);
}

}  // namespace tremula::cli_test
