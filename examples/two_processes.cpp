// Two processes share a directory and play ball: each hits it when it is its turn, and hears of the
// other's hits by a live query. Nobody is told that there are two of them.
#include <poll.h>
#include <sys/wait.h>
#include <tremula/tremula.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace {

constexpr int kHits = 10;

// Waits until this process or another has committed what `select` finds; the table too may be
// another's to declare.
void wait_for(tremula::Database& db, const std::string& select) {
  for (;;) {
    const auto rows = db.query(select);
    if (rows && !rows.value().empty()) return;
    pollfd woken{db.wake_fd(), POLLIN, 0};
    ::poll(&woken, 1, -1);
    db.poll().value();
  }
}

// Hits the ball when the number of hits is even, or odd.
void play(tremula::Database& db, int turn) {
  const auto hit = [&](int hits) {
    db.transact([&](tremula::Transaction& tx) { tx.update("Ball", 1, {{"Hits", hits}}); }).value();
  };
  for (int hits = turn; hits < kHits; hits += 2) {
    const std::string select =
        "SELECT b.Hits FROM Ball AS b WHERE b.Hits = " + std::to_string(hits);
    wait_for(db, select);
    hit(hits + 1);
  }
}

}  // namespace

int main() {
  std::string directory = (std::filesystem::temp_directory_path() / "tremula-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) return 1;
  const pid_t other = ::fork();  // before there is a database
  if (other == 0) {
    {
      auto db = tremula::Database::open(directory).value();
      wait_for(db, "SELECT b.Hits FROM Ball AS b");
      play(db, 1);
    }
    ::_exit(0);
  }
  {
    auto db = tremula::Database::open(directory).value();
    db.run("TABLE Ball = 1 (Id INT = 1 KEY, Hits INT = 2)").value();
    auto print = [](const tremula::Delta& delta) { std::puts(delta.patch().c_str()); };
    auto live = db.subscribe("SELECT b.Hits FROM Ball AS b", {}, print).value();
    db.run("INSERT INTO Ball {Id: 1, Hits: 0}").value();
    play(db, 0);
    wait_for(db, "SELECT b.Hits FROM Ball AS b WHERE b.Hits = 10");
    std::puts(live.json().c_str());  // [{"Hits":10}]
  }
  int status = 1;
  ::waitpid(other, &status, 0);
  std::filesystem::remove_all(directory);
  return status == 0 ? 0 : 1;
}
