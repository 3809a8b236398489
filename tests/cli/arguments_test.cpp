// The command line: what is wrong usage, where help goes, which calls wait for directories.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/cli/process.h"

namespace tremula::cli_test {

TEST_CASE("cli: wrong usage ends with 2, says why on standard error and prints nothing else") {
  const std::vector<std::vector<std::string>> wrong = {
      {"--nonsense"},
      {"run"},
      {"run", "a.tql", "b.tql"},
      {"run", "-", "--param", "n"},
      {"run", "-", "--param", "=5"},
      {"run", "-", "--param"},
      {"query", "dir"},
      {"query", "dir", "SELECT { a: 1 }", "--format", "xml"},
      {"watch", "dir", "SELECT { a: 1 }", "--commits", "many"},
      {"watch", "dir", "SELECT { a: 1 }", "--timeout", "-1"},
      {"import", "dir", "Table"},
      {"changes", "dir", "--since", "-3"},
      {"demo", "surplus"},
      {"help", "nonsense"},
  };
  for (const auto& arguments : wrong) {
    std::string line;
    for (const std::string& argument : arguments) line += argument + " ";
    CAPTURE(line);
    const Finished finished = run(arguments);
    CHECK(finished.status == 2);
    CHECK(finished.out == "");
    CHECK(finished.err != "");
  }
}

TEST_CASE("cli: the version and help go to standard output") {
  CHECK(run({"--version"}).out == "tremula 0.1.0\n");
  CHECK(run({"--version"}).status == 0);
  for (const std::string call : {"run", "query", "watch", "import", "export", "check", "backup",
                                 "restore", "changes", "merge", "serve", "explain", "demo"}) {
    CAPTURE(call);
    const Finished help = run({"help", call});
    CHECK(help.status == 0);
    CHECK(help.out.find(call) != std::string::npos);
    CHECK(help.err == "");
    CHECK(run({call, "-h"}).status == 0);
    CHECK(run({"help"}).out.find("\n  " + call) != std::string::npos);
  }
  CHECK(run({"-h"}).out == run({"help"}).out);
}

TEST_CASE("cli: the manual page is what help tells") {
  const Finished page = run({"help", "--man"});
  CHECK(page.status == 0);
  // Made anew by: build/release/tremula help --man >docs/tremula.1
  CHECK(page.out == read_file(TREMULA_SOURCE_ROOT "/docs/tremula.1"));
  CHECK(page.out.find(".B \\&.subscriptions\n") != std::string::npos);
}

TEST_CASE("cli: what reads a directory says so where there is none, and leaves nothing behind") {
  const Folder folder;
  const std::string dir = folder.path("db");
  const std::vector<std::vector<std::string>> calls = {
      {"query", dir, "SELECT { a: 1 }"},
      {"watch", dir, "SELECT { a: 1 }"},
      {"export", dir, "SELECT { a: 1 }", folder.path("out.csv")},
      {"explain", dir, "SELECT { a: 1 }"},
      {"check", dir},
      {"backup", dir, folder.path("copy")},
      {"changes", dir},
  };
  for (const auto& arguments : calls) {
    CAPTURE(arguments.front());
    const Finished finished = run(arguments);
    CHECK(finished.status == 1);
    CHECK(finished.out == "");
    CHECK(finished.err.starts_with("error: io: "));
    CHECK(finished.err.find(dir) != std::string::npos);
  }
  CHECK(!std::filesystem::exists(dir));
  CHECK(!std::filesystem::exists(folder.path("out.csv")));
}

}  // namespace tremula::cli_test
