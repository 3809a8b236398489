// load. Claims: the tracker's tables load at the speed of their rows, and a row in a large
// transaction is never dearer than alone, with q1 to q4 subscribed.
// Baselines: sqlite3 in one transaction; floor, plain inserts into its maps.
//
//   tables  all rows of the size; the rows are made before the clock starts
//   batch   modifications of issues, n in a transaction (Tremula alone)
#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "bench/support/engine.h"

namespace tremula::bench {
namespace {

struct Tables {
  std::vector<User> users;
  std::vector<Named> projects;
  std::vector<Named> labels;
  std::vector<Issue> issues;
  std::vector<Comment> comments;
  std::vector<IssueLabel> issue_labels;

  std::size_t rows() const {
    return users.size() + projects.size() + labels.size() + issues.size() + comments.size() +
           issue_labels.size();
  }
};

template <typename Row>
std::function<void(const Row&)> keep(std::vector<Row>& rows) {
  return [&rows](const Row& row) { rows.push_back(row); };
}

Tables make_tables(const Size& size) {
  Tables tables;
  RowSink sink;
  sink.user = keep(tables.users);
  sink.project = keep(tables.projects);
  sink.label = keep(tables.labels);
  sink.issue = keep(tables.issues);
  sink.comment = keep(tables.comments);
  sink.issue_label = keep(tables.issue_labels);
  generate(size, sink, 0);
  return tables;
}

template <typename Row>
void hand_all(const std::vector<Row>& rows, const std::function<void(const Row&)>& sink) {
  if (!sink) return;
  for (const Row& row : rows) sink(row);
}

void time_tables(const Options& options, const Tables& tables, const std::string& name) {
  std::unique_ptr<Engine> engine = make_engine(name);
  const Clock::time_point begin = Clock::now();
  const RowSink sink = engine->sink();
  hand_all(tables.users, sink.user);
  hand_all(tables.projects, sink.project);
  hand_all(tables.labels, sink.label);
  hand_all(tables.issues, sink.issue);
  hand_all(tables.comments, sink.comment);
  hand_all(tables.issue_labels, sink.issue_label);
  engine->loaded();
  const auto ns = static_cast<double>(ns_since(begin));
  const Figure figure{"load", "tables", "load", name, options.size.issues};
  report(figure, "time", ns / 1e6, "ms");
  report(figure, "rate", static_cast<double>(tables.rows()) / ns * 1e9, "rows/s");
  engine->watch("q2");
  check(figure, "q2", engine->checksum("q2"), expected(options.size, "q2", 0));
}

void time_batches(const Options& options) {
  std::unique_ptr<BatchEngine> engine = make_tremula_batches();
  const std::vector<Transaction> transactions = generate(options.size, engine->sink(), 20'000);
  engine->loaded();
  for (const char* query : {"q1", "q2", "q3", "q4"}) engine->watch(query);
  std::vector<Issue> changes;
  for (const Transaction& tx : transactions) {
    if (tx.kind == TxKind::kModify) changes.push_back(tx.issue);
  }
  changes.resize(std::min<std::size_t>(changes.size(), 10'000));
  for (std::size_t batch = 1; batch <= changes.size(); batch *= 10) {
    const Clock::time_point begin = Clock::now();
    // Each round moves every row again, so that no batch finds its work done.
    for (std::size_t i = 0; i < changes.size(); i += batch) {
      const std::size_t end = std::min(changes.size(), i + batch);
      for (std::size_t k = i; k < end; k++) {
        changes[k].modified += 10'000'000;
        changes[k].open = 1 - changes[k].open;
      }
      engine->modify_all(std::span(changes).subspan(i, end - i));
    }
    const auto ns = static_cast<double>(ns_since(begin));
    const Figure figure{"load", "batch", "touched", "tremula", static_cast<std::int64_t>(batch)};
    report(figure, "per_row", ns / 1000 / static_cast<double>(changes.size()), "us");
    report(figure, "rate", static_cast<double>(changes.size()) / ns * 1e9, "rows/s");
  }
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  using namespace tremula::bench;
  const Options options = read_options(argc, argv);
  if (options.wants("tables")) {
    const Tables tables = make_tables(options.size);
    for (const std::string& engine : kEngines) {
      if (!options.wants_engine(engine)) continue;
      apart([&] { time_tables(options, tables, engine); });
    }
  }
  if (options.wants("batch") && options.wants_engine("tremula")) {
    apart([&] { time_batches(options); });
  }
  return exit_status();
}
