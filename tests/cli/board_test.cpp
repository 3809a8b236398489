// `tremula demo board`: one process with a script and on a terminal, and several on one directory.
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/cli/process.h"

namespace tremula::cli_test {

namespace {

// The drawing's lines without the authors, who are whoever runs the test.
std::string without_authors(std::string text) {
  for (std::size_t at = text.find(" ("); at != std::string::npos; at = text.find(" (", at)) {
    const std::size_t end = text.find(')', at);
    text.replace(at, end + 1 - at,
                 end + 1 < text.size() && text[end + 1] == '\n' ? 0 : end + 1 - at, ' ');
  }
  return text;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("board: a script edits it and draws it") {
  const Folder folder;
  const Finished first = run({"demo", "board", folder.path("db")},
                             "add Paint the door\nadd Buy milk\nvote 2\nmove 1 doing\nshow\n"
                             "edit 2 Buy oat milk\nvote 2\nshow\n");
  CHECK(first.status == 0);
  CHECK(first.err == "");
  CHECK(without_authors(first.out) ==
        "todo                      doing                     done\n"
        "2 Buy milk +1             1 Paint the door\n"
        "todo                      doing                     done\n"
        "2 Buy oat milk +2         1 Paint the door\n");
  const Finished second =
      run({"demo", "board", folder.path("db")}, "delete 1\nwait 1\nshow\nquit\nadd not this\n");
  CHECK(second.status == 0);
  CHECK(without_authors(second.out) ==
        "todo                      doing                     done\n1 Buy oat milk +2\n");
}

TEST_CASE("board: what a script can't mean is told, and the rest is done") {
  const Folder folder;
  const Finished finished = run({"demo", "board", folder.path("db")},
                                "jump\nadd\nvote 1\nmove 1 done\nadd One\nmove 1 away\nshow\n");
  CHECK(finished.status == 1);
  CHECK(count(finished.err, "error: syntax: ") == 5);
  CHECK(count(finished.err, "there is no card '1'") == 2);
  CHECK(count(finished.out, "1 One") == 1);
}

TEST_CASE("board: on a terminal it is drawn again after each key") {
  const Folder folder;
  const Finished finished =
      run_on_terminal({"demo", "board", folder.path("db")}, {{"> ", "add Low\x7fw!\n"},
                                                             {"1 Low!", "vote 1\n"},
                                                             {"+1", "jump\n"},
                                                             {"quit\r\n> ", "quit\n"}});
  CHECK(finished.status == 0);
  CHECK(finished.out.find("\033[H\033[2J") != std::string::npos);
}

TEST_CASE("board: everybody edits, all see the same") {
  const Folder folder;
  const std::string directory = folder.path("db");
  constexpr int kProcesses = 4;
  std::vector<Finished> finished(kProcesses);
  std::vector<std::thread> threads;
  for (int i = 0; i < kProcesses; ++i) {
    threads.emplace_back([&, i] {
      // All wait for all cards, then all vote for the first.
      finished[static_cast<std::size_t>(i)] =
          run({"demo", "board", directory},
              "add from " + std::to_string(i) + "\nwait 4\nvote 1\nvote 1\n");
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Finished& each : finished) {
    CHECK(each.status == 0);
    CHECK(each.err == "");
  }
  const Finished last = run({"demo", "board", directory}, "show\n");
  for (int i = 0; i < kProcesses; ++i) CHECK(count(last.out, "from " + std::to_string(i)) == 1);
  CHECK(count(last.out, "+8") == 1);  // no vote is lost
}

}  // namespace tremula::cli_test
