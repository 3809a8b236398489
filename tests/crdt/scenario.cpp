#include "tests/crdt/scenario.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "core/triples/value_ops.h"
#include "tests/crdt/oracle.h"
#include "tests/property/rng.h"

namespace tremula::crdt {

namespace {

using property::Rng;
using triples::MergeRule;
using triples::OwnedValue;
using triples::Value;

constexpr int kKeys = 4;

const std::vector<Column>& all_columns() {
  static const std::vector<Column> kColumns = {
      {"Name", 2, MergeRule::kLww},
      {"Best", 3, MergeRule::kMax},
      {"Least", 4, MergeRule::kMin},
      {"Plays", 5, MergeRule::kCounter, OwnedValue(Value::int_of(10))},
      {"Tags", 6, MergeRule::kSet},
      {"Title", 7, MergeRule::kLww, OwnedValue(Value::text_of("none"))},
      {"mood", 8, MergeRule::kLww},
  };
  return kColumns;
}

OwnedValue draw_value(const Column& column, Rng& rng) {
  static const std::vector<std::string> kTexts = {"a", "b", "", "\"\\\n", "\xC3\xA9t\xC3\xA9"};
  static const std::vector<std::string> kSets = {"[]",       "[1]",         "[2]",
                                                 "[\"x\"]",  "[1,\"x\"]",   "[1,2,\"x\"]",
                                                 "[2,\"\"]", "[\"x\",1,1]", "[\"\\n\"]"};
  if (column.rule == MergeRule::kCounter) return OwnedValue(Value::int_of(rng.between(5, 15)));
  if (rng.chance(10)) return OwnedValue(Value::null());
  if (column.rule == MergeRule::kSet) return OwnedValue(Value::json_of(rng.pick(kSets)));
  switch (rng.below(5)) {
    case 0: return OwnedValue(Value::text_of(rng.pick(kTexts)));
    case 1: return OwnedValue(Value::real(rng.between(0, 6) / 2.0));
    case 2: return OwnedValue(Value::bytes_of(rng.pick(kTexts)));
    default: return OwnedValue(Value::int_of(rng.between(0, 4)));
  }
}

std::vector<Write> draw_writes(Rng& rng) {
  std::map<std::pair<std::uint32_t, std::int64_t>, Write> writes;  // one per row
  for (int count = rng.between(1, 3); count > 0; --count) {
    Write write;
    const int kind = rng.below(10);
    write.kind = kind < 3   ? Write::Kind::kInsert
                 : kind < 5 ? Write::Kind::kUpsert
                 : kind < 8 ? Write::Kind::kUpdate
                            : Write::Kind::kDelete;
    write.table = rng.chance(80) ? 1 : 2;  // rows of table 2 are keys alone
    write.key = rng.between(1, kKeys);
    for (const Column& column : all_columns()) {
      if (write.table == 1 && write.kind != Write::Kind::kDelete && rng.chance(35)) {
        write.cells.emplace_back(column.name, draw_value(column, rng));
      }
    }
    writes[{write.table, write.key}] = write;
  }
  std::vector<Write> list;
  for (auto& [row, write] : writes) list.push_back(write);
  return list;
}

class Run {
 public:
  explicit Run(const Scenario& scenario) : scenario_(scenario) {
    Rng rng(scenario.seed);
    for (int i = 0; i < scenario.replicas; ++i) {
      std::map<std::uint32_t, std::vector<Column>> schema;
      std::vector<Column>& lacking = lacking_.emplace_back();
      for (const Column& column : all_columns()) {
        const bool lacks = rng.chance(column.name == "mood" ? 60 : 15);
        (lacks ? lacking : schema[1]).push_back(column);
      }
      replicas_.emplace_back(site_of(next_site_++), schema);
      cursors_.emplace_back(static_cast<std::size_t>(scenario.replicas));
    }
    saved_.resize(replicas_.size());
  }

  std::string run() {
    for (std::size_t i = 0; i < scenario_.steps.size() && fault_.empty(); ++i) {
      where_ = "step " + std::to_string(i);
      do_step(scenario_.steps[i]);
      check_all();
    }
    if (fault_.empty()) finish();
    return fault_;
  }

 private:
  struct Saved {
    bool is_there = false;
    std::vector<Replica> replica;  // one
    std::vector<Column> lacking;
  };

  void fail(const std::string& what) {
    if (fault_.empty()) fault_ = where_ + ": " + what;
  }
  std::size_t index(int replica) const {
    return static_cast<std::size_t>(replica) % replicas_.size();
  }

  void do_step(const Step& step) {
    const std::size_t to = index(step.replica);
    const std::size_t from = index(step.other);
    switch (step.kind) {
      case Step::Kind::kCommit: commit(to, step.writes); return;
      case Step::Kind::kPull: pull(to, from); return;
      case Step::Kind::kPiece: merge_piece(to, from, step.seed); return;
      case Step::Kind::kSaveFile: files_.push_back(replicas_[to].changes({})); return;
      case Step::Kind::kMergeFile:
        if (!files_.empty()) replicas_[to].merge(files_[step.seed % files_.size()]);
        return;
      case Step::Kind::kDeclare: declare_next(to); return;
      case Step::Kind::kSave: saved_[to] = {true, {replicas_[to]}, lacking_[to]}; return;
      case Step::Kind::kRestore: restore(to); return;
    }
  }

  void commit(std::size_t to, const std::vector<Write>& writes) {
    Replica& replica = replicas_[to];
    std::vector<Write> possible = writes;
    // Without its declaration a column is written by its name, as LWW; here only `mood` is.
    for (Write& write : possible) {
      std::erase_if(write.cells, [&](const auto& cell) {
        return cell.first != "mood" && lacks(to, cell.first);
      });
    }
    if (writes.size() % 2 == 1) replica.roll_back(possible);
    const std::string made = replica.commit(possible);
    std::istringstream lines(made);
    for (std::string line; std::getline(lines, line);) note_made(line);
  }

  bool lacks(std::size_t replica, const std::string& name) const {
    return std::any_of(lacking_[replica].begin(), lacking_[replica].end(),
                       [&](const Column& column) { return column.name == name; });
  }

  void note_made(const std::string& line) {
    made_.push_back(line);
    std::string bare = without_position(line);
    known_.insert(bare);
    if (const std::size_t at = bare.find("\"column\":\"mood\""); at != std::string::npos) {
      known_.insert(bare.replace(at, 15, "\"column\":8"));
    }
  }

  std::size_t pull(std::size_t to, std::size_t from) {
    if (to == from) return 0;
    DbVersion& cursor = cursors_[to][from];
    const std::size_t merged = replicas_[to].merge(replicas_[from].changes(cursor));
    if (replicas_[from].db_version() < cursor) fail("a cursor goes back");
    cursor = replicas_[from].db_version();
    return merged;
  }

  void merge_piece(std::size_t to, std::size_t from, std::uint64_t seed) {
    Rng rng(seed);
    std::istringstream all(replicas_[from].changes({}));
    std::vector<std::string> piece;
    for (std::string line; std::getline(all, line);) {
      for (int copies = rng.below(3); copies > 0; --copies) piece.push_back(line + "\n");
    }
    for (std::size_t i = piece.size(); i > 1; --i) {
      std::swap(piece[i - 1], piece[rng.next() % i]);
    }
    std::string file;
    for (const std::string& line : piece) {
      if (line.find("\"table\"") != std::string::npos) file += line;
    }
    replicas_[to].merge(file);
  }

  void declare_next(std::size_t to) {
    if (lacking_[to].empty()) return;
    replicas_[to].declare(1, lacking_[to].back());
    lacking_[to].pop_back();
  }

  void restore(std::size_t to) {
    if (!saved_[to].is_there) return;
    replicas_[to] = saved_[to].replica[0];
    lacking_[to] = saved_[to].lacking;
    replicas_[to].take_new_site(site_of(next_site_++));
    is_restored_ = true;
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      cursors_[i][to] = {};
      cursors_[to][i] = {};
    }
  }

  void check_all() {
    db_versions_.resize(replicas_.size());
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (const std::string faults = replicas_[i].faults(); !faults.empty()) fail(faults);
      std::istringstream lines(replicas_[i].dump());
      for (std::string line; std::getline(lines, line);) {
        if (!known_.contains(line + "\n")) fail("nobody made " + line);
      }
    }
  }

  // All declare all, then exchange along a line, to and fro, until nothing moves.
  void finish() {
    where_ = "in the end";
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      while (!lacking_[i].empty()) declare_next(i);
    }
    std::size_t moved = 1;
    for (int round = 0; moved > 0 && round < 2 * scenario_.replicas; ++round) {
      moved = 0;
      for (std::size_t i = 1; i < replicas_.size(); ++i) {
        moved += pull(i, i - 1);
        moved += pull(i - 1, i);
      }
    }
    if (moved > 0) fail("the replicas never come to rest");
    check_all();
    const std::string last = replicas_.back().dump();
    for (std::size_t i = 0; i + 1 < replicas_.size(); ++i) {
      if (replicas_[i].dump() != last) {
        fail("replica " + std::to_string(i) + " has\n" + replicas_[i].dump() +
             "the last one has\n" + last);
      }
      for (int key = 1; key <= kKeys; ++key) {
        const std::string row = replicas_[i].row(key);
        if (row != replicas_.back().row(key)) fail("rows differ: " + row);
      }
    }
    // What a restored directory lost before anyone had it is nobody's loss.
    if (is_restored_) return;
    const std::string expected = surviving_records(made_);
    if (last != expected) fail("the replicas have\n" + last + "the contract leaves\n" + expected);
  }

  const Scenario& scenario_;
  std::vector<Replica> replicas_;
  std::vector<std::vector<Column>> lacking_;
  std::vector<std::vector<DbVersion>> cursors_;  // [to][from]
  std::vector<Saved> saved_;
  std::vector<std::string> files_;
  std::vector<std::string> made_;
  std::set<std::string> known_;
  std::vector<DbVersion> db_versions_;
  unsigned char next_site_ = 1;
  bool is_restored_ = false;
  std::string where_;
  std::string fault_;
};

std::string describe(const Step& step) {
  static const char* const kNames[] = {"commit",     "pull",    "piece", "save file",
                                       "merge file", "declare", "save",  "restore"};
  static const char* const kWrites[] = {"insert", "upsert", "update", "delete"};
  std::string text = std::string(kNames[static_cast<int>(step.kind)]) + " replica " +
                     std::to_string(step.replica) + " other " + std::to_string(step.other);
  for (const Write& write : step.writes) {
    text += "\n    " + std::string(kWrites[static_cast<int>(write.kind)]) + " table " +
            std::to_string(write.table) + " key " + std::to_string(write.key);
    for (const auto& [name, value] : write.cells) {
      text += " " + name + "=";
      triples::print_json(value.value(), text);
    }
  }
  return text + "\n";
}

}  // namespace

Scenario make_scenario(std::uint64_t seed) {
  Rng rng(seed);
  Scenario scenario;
  scenario.replicas = rng.between(2, 5);
  scenario.seed = rng.next();
  const bool restores = rng.chance(25);
  for (int count = rng.between(5, 40); count > 0; --count) {
    Step& step = scenario.steps.emplace_back();
    step.replica = rng.below(scenario.replicas);
    step.other = rng.below(scenario.replicas);
    step.seed = rng.next();
    const int draw = rng.below(100);
    step.kind = draw < 50   ? Step::Kind::kCommit
                : draw < 75 ? Step::Kind::kPull
                : draw < 85 ? Step::Kind::kPiece
                : draw < 88 ? Step::Kind::kSaveFile
                : draw < 92 ? Step::Kind::kMergeFile
                : draw < 95 ? Step::Kind::kDeclare
                : draw < 97 ? Step::Kind::kSave
                            : Step::Kind::kRestore;
    if (!restores && step.kind == Step::Kind::kRestore) step.kind = Step::Kind::kPull;
    if (step.kind == Step::Kind::kCommit) step.writes = draw_writes(rng);
  }
  return scenario;
}

std::string run_scenario(const Scenario& scenario) { return Run(scenario).run(); }

std::string shrink_and_describe(Scenario scenario) {
  // Leaves out ever smaller pieces as long as it still fails; then single writes.
  for (std::size_t piece = scenario.steps.size(); piece > 0; piece /= 2) {
    for (std::size_t at = 0; at + piece <= scenario.steps.size();) {
      Scenario smaller = scenario;
      const auto begin = smaller.steps.begin() + static_cast<std::ptrdiff_t>(at);
      smaller.steps.erase(begin, begin + static_cast<std::ptrdiff_t>(piece));
      if (run_scenario(smaller).empty()) {
        ++at;
      } else {
        scenario = smaller;
      }
    }
  }
  std::string text = std::to_string(scenario.replicas) + " replicas\n";
  for (const Step& step : scenario.steps) text += describe(step);
  return text + run_scenario(scenario) + "\n";
}

}  // namespace tremula::crdt
