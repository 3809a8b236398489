// A log tailer: lines become rows, and counts, the busiest programs and the last errors stay live.
//
//   log_tailer FILE          follows the file as it grows; Ctrl-C ends it
//   log_tailer FILE --once   reads it to its end and prints what it knows then
//
// A line: 2026-11-21T15:04:05 LEVEL program: text
#include <tremula/tremula.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr std::size_t kBatchLines = 1000;

constexpr const char* kSchema =
    "TABLE Line = 1 (Number INT = 1 KEY, At TEXT = 2, Level TEXT = 3 INDEX, "
    "Program TEXT = 4 INDEX, Text TEXT = 5)";

// One select is the whole screen.
constexpr const char* kScreen = R"(
  SELECT {
    lines: (SELECT count(*) FROM Line AS l),
    levels: [SELECT { l.Level, n: count(*) } FROM Line AS l GROUP BY l.Level ORDER BY l.Level],
    busiest: [SELECT { l.Program, n: count(*) } FROM Line AS l GROUP BY l.Program
              ORDER BY count(*) DESC LIMIT 3],
    errors: [SELECT { l.At, l.Program, l.Text } FROM Line AS l WHERE l.Level = 'ERROR'
             ORDER BY l.Number DESC LIMIT 3]
  })";

volatile std::sig_atomic_t ended = 0;

// The next word of a line, taken off it.
std::string_view take_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

void insert(tremula::Transaction& tx, std::int64_t number, std::string_view line) {
  const std::string_view at = take_word(line);
  const std::string_view level = take_word(line);
  std::string_view program = take_word(line);
  if (program.ends_with(':')) program.remove_suffix(1);
  tx.insert(
      "Line",
      {{"Number", number}, {"At", at}, {"Level", level}, {"Program", program}, {"Text", line}});
}

// Reads whole lines up to the end, a transaction each batch: listeners hear once of each.
// Returns: how many lines.
std::size_t read_batch(std::ifstream& file, tremula::Database& db, std::int64_t& number) {
  std::size_t count = 0;
  db.transact([&](tremula::Transaction& tx) {
      std::string line;
      for (; count < kBatchLines; ++count) {
        const auto begin = file.tellg();
        if (!std::getline(file, line) || file.eof()) {  // its end may still be written
          file.clear();
          file.seekg(begin);
          return;
        }
        insert(tx, ++number, line);
      }
    }).value();
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("log_tailer FILE [--once]\n", stderr);
    return 2;
  }
  const bool once = argc > 2 && std::string_view(argv[2]) == "--once";
  std::ifstream file(argv[1]);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", argv[1]);
    return EXIT_FAILURE;
  }
  std::signal(SIGINT, [](int) { ended = 1; });

  auto db = tremula::Database::in_memory();
  db.run(kSchema).value();
  auto screen = db.subscribe(kScreen, {}, [once](const tremula::Delta& delta) {
                    if (!once) std::printf("%s\n", delta.patch().c_str());
                  }).value();
  std::int64_t number = 0;
  while (ended == 0) {
    if (read_batch(file, db, number) > 0) continue;
    if (once) break;
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // files don't tell that they grew
  }
  std::printf("%s\n", screen.json().c_str());
}
