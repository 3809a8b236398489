#include "tests/persist/order_simulation.h"

#include <doctest/doctest.h>

#include <utility>

#include "core/triples/value_ops.h"
#include "tests/persist/intents_support.h"

namespace tremula::persist_test {

using crdt::IntentKind;
using crdt::IntentWriter;
using crdt::RowImage;
using persist::Orderer;
using triples::AttrId;
using triples::MergeRule;
using triples::Value;

namespace {

constexpr AttrId kTags{4};  // SET
constexpr std::size_t kSharedKeys = 4;
constexpr std::size_t kOwnKeys = 2;
constexpr std::size_t kLettersInTags = 3;
const RowName kCatalogRow{triples::kCatalogTableType, key_of(1)};
// A row that is put and never deleted: what is added up in it shows at once and never goes back.
const RowName kScores{kTable, key_of(99)};

RowName shared_row(std::size_t index) { return {kTable, key_of(static_cast<std::int64_t>(index))}; }
RowName own_row(std::uint64_t process, std::size_t index) {
  return {kTable, key_of(static_cast<std::int64_t>(1000 * process + index))};
}

std::int64_t integer(const RowImage& row, AttrId attr) {
  const Value value = row.get(attr);
  return value.kind == triples::Kind::kInt ? value.integer : 0;
}

}  // namespace

OrderSimulation::OrderSimulation(std::uint64_t seed) : random_(seed) {
  options_.memtable_bytes = 1024 + below(4096);
  options_.level0_files = 2;
  options_.file_bytes = 2048;
  options_.level1_bytes = 4096;
  REQUIRE(files_.make_directory("db").ok());
  processes_.resize(2 + below(4));
  for (std::size_t i = 0; i < processes_.size(); ++i) replace_process(i);
}

void OrderSimulation::run(int steps) {
  for (int i = 0; i < steps; ++i) step();
}

void OrderSimulation::step() {
  const std::size_t index = below(processes_.size());
  Process& process = processes_[index];
  const std::size_t what = below(1000);
  if (host_ == kNone && one_in(4)) return take_over(index);
  if (what < 4) return replace_process(index);
  if (what < 8 && host_ != kNone) return replace_process(host_);
  if (what < 30 && index != host_) {
    // The connection ends; what was under way may have arrived.
    while (!process.to_host.empty() && one_in(2)) deliver(process);
    disconnect(process);
    return;
  }
  if (what < 300) return commit(process);
  if (what < 350) return change_catalog(process);
  if (what < 500) return send(process);
  if (what < 700) return deliver(process);
  if (what < 780) {
    process.told = order_.size();
    return;
  }
  if (what < 950) return catch_up(process, 1 + below(5));
  work();
}

// --- A process's ---

void OrderSimulation::commit(Process& process) {
  if (process.waits) return;
  ++stats_.commits;
  Rows seen = process.model.visible();
  const std::uint64_t commit_before = process.model.commit();
  IntentWriter intents;
  put_now_.clear();
  const std::size_t rows = 1 + below(2);
  for (std::size_t i = 0; i < rows; ++i) {
    if (one_in(3)) {
      write_own(process, seen, intents);
    } else {
      write_shared(process, seen, intents);
    }
  }
  process.model.commit_locally(intents.view());
  CHECK(process.model.commit() == commit_before + 1);
  const Rows visible = process.model.visible();
  if (!same_rows(visible, seen)) FAIL(("wrote\n" + describe(seen) + "sees\n" + describe(visible)));
  check_own(process, visible);
}

std::uint64_t OrderSimulation::own_insert_of(const Process& process, const RowName& name) const {
  if (!put_now_.contains(name)) return process.model.own_insert(name);
  return process.model.acknowledged() + process.model.pending().size() + 1;
}

// Writes one row, and does the same to what it sees, in plain words.
void OrderSimulation::write_shared(Process& process, Rows& seen, IntentWriter& intents) {
  const bool is_score = one_in(4);
  const RowName name = is_score ? kScores : shared_row(below(kSharedKeys));
  RowImage& row = seen[name];
  const std::uint64_t own_insert = own_insert_of(process, name);
  if (row.is_alive && !is_score && one_in(5)) {
    if (one_in(2)) return replace(process, name, seen, intents);
    intents.begin_row(name.first, IntentKind::kDelete, own_insert, name.second, 0);
    row.is_alive = false;
    row.clear_cells();
    return;
  }
  const bool is_put = !row.is_alive || is_score || one_in(3);
  if (is_put) put_now_.insert(name);
  if (!row.is_alive) row.clear_cells();
  row.is_alive = true;
  const std::size_t first = below(4);
  const std::size_t cells = 1 + below(4 - first);
  intents.begin_row(name.first, is_put ? IntentKind::kPut : IntentKind::kUpdate,
                    is_put ? 0 : own_insert, name.second, cells);
  const auto write = [&](AttrId attr, MergeRule rule, Value written) {
    intents.write(attr, rule, row.get(attr), written, 0);
    row.set(attr, written);
  };
  for (std::size_t cell = first; cell < first + cells; ++cell) {
    const auto number = static_cast<std::int64_t>(below(100));
    if (cell == 0) write(kName, MergeRule::kLww, one_in(6) ? Value::null() : Value::int_of(number));
    if (cell == 1) {
      write(kPlays, MergeRule::kCounter, Value::int_of(integer(row, kPlays) + number));
    }
    if (cell == 2) {
      // A lesser value has no effect; a writer doesn't send it.
      const std::int64_t best = std::max(integer(row, kBest), number);
      write(kBest, MergeRule::kMax, Value::int_of(best));
    }
    if (cell == 3) {
      std::string tags;
      for (std::size_t letter = 0; letter < kLettersInTags; ++letter) {
        if (one_in(2)) continue;
        tags +=
            (tags.empty() ? "\"" : ",\"") + std::string(1, static_cast<char>('a' + letter)) + "\"";
      }
      tags = "[" + tags + "]";
      write(kTags, MergeRule::kSet, Value::json_of(tags));
    }
  }
}

// Deleted and put again by one transaction.
void OrderSimulation::replace(Process& process, const RowName& name, Rows& seen,
                              IntentWriter& intents) {
  const Value value = Value::int_of(static_cast<std::int64_t>(below(100)));
  intents.begin_row(name.first, IntentKind::kDelete, own_insert_of(process, name), name.second, 0);
  put_now_.insert(name);
  intents.begin_row(name.first, IntentKind::kPut, 0, name.second, 1);
  intents.set(kName, value);
  RowImage& row = seen[name];
  row.clear_cells();
  row.set(kName, value);
}

// A row that nobody else writes.
void OrderSimulation::write_own(Process& process, Rows& seen, IntentWriter& intents) {
  const RowName name = own_row(process.model.id(), below(kOwnKeys));
  RowImage& row = seen[name];
  const std::uint64_t own_insert = own_insert_of(process, name);
  RowImage& own = process.own_rows[name];
  if (row.is_alive && one_in(4)) {
    intents.begin_row(name.first, IntentKind::kDelete, own_insert, name.second, 0);
    row.is_alive = own.is_alive = false;
    row.clear_cells();
    own.clear_cells();
    return;
  }
  const Value value = Value::int_of(++process.own_value);
  const bool is_put = !row.is_alive || one_in(4);
  if (is_put) put_now_.insert(name);
  intents.begin_row(name.first, is_put ? IntentKind::kPut : IntentKind::kUpdate,
                    is_put ? 0 : own_insert, name.second, 1);
  intents.set(kName, value);
  for (RowImage* each : {&row, &own}) {
    each->is_alive = true;
    each->set(kName, value);
  }
}

// One more than it saw. It waits until that is ordered, for others must see the catalog as it did.
void OrderSimulation::change_catalog(Process& process) {
  if (process.waits || !process.model.pending().empty()) return;
  const Rows seen = process.model.visible();
  const auto row = seen.find(kCatalogRow);
  const std::int64_t before = row == seen.end() ? 0 : integer(row->second, kName);
  IntentWriter intents;
  intents.begin_row(kCatalogRow.first, IntentKind::kPut, 0, kCatalogRow.second, 1);
  intents.set(kName, Value::int_of(before + 1));
  process.model.commit_locally(intents.view());
  process.waits = true;
}

void OrderSimulation::send(Process& process) {
  if (host_ == kNone) return;
  if (!process.is_connected) {
    // What the host has is known at once; the rest is sent again, some of what it has too.
    process.is_connected = true;
    process.sent = process.model.acknowledged();
  }
  for (const ProcessModel::Pending& each : process.model.pending()) {
    if (each.number <= process.sent) continue;
    process.to_host.push_back({each.number, each.submission});
    process.sent = each.number;
  }
}

void OrderSimulation::catch_up(Process& process, std::uint64_t most) {
  if (std::exchange(process.is_refused, false)) {
    process.model.take_back();
    process.sent = process.model.acknowledged();
    process.waits = false;
  }
  ProcessModel& model = process.model;
  for (; most > 0 && model.base() < process.told; --most) {
    const Rows before = model.visible();
    const std::uint64_t commit_before = model.commit();
    const bool is_own = model.read(order_[model.base()]);
    const Rows visible = model.visible();
    CHECK(model.commit() == commit_before + (is_own ? 0 : 1));
    if (is_own && !process.waits && !same_rows(before, visible)) {
      FAIL(("an acknowledgement changed\n" + describe(before) + "into\n" + describe(visible)));
    }
    if (is_own) process.waits = false;
    check_own(process, visible);
    const auto scores = [](const Rows& rows) {
      const auto row = rows.find(kScores);
      if (row == rows.end() || !row->second.is_alive)
        return std::pair<std::int64_t, std::int64_t>();
      return std::pair(integer(row->second, kPlays), integer(row->second, kBest));
    };
    CHECK(scores(visible).first >= scores(before).first);
    CHECK(scores(visible).second >= scores(before).second);
  }
}

void OrderSimulation::check_own(const Process& process, const Rows& visible) {
  Rows own;
  for (std::size_t i = 0; i < kOwnKeys; ++i) {
    const auto row = visible.find(own_row(process.model.id(), i));
    if (row != visible.end()) own.insert(*row);
  }
  if (!same_rows(own, process.own_rows))
    FAIL(("wrote\n" + describe(process.own_rows) + "sees\n" + describe(own)));
}

// --- The host's ---

void OrderSimulation::disconnect_all() {
  for (Process& process : processes_) disconnect(process);
  host_ = kNone;
}

// Nothing that was under way arrives any more.
void OrderSimulation::disconnect(Process& process) {
  process.is_connected = false;
  process.to_host.clear();
  process.is_refused = false;
}

void OrderSimulation::open_tree() {
  orderer_.reset();
  tree_.reset();
  auto opened = lsm::LsmTree::open(files_, "db", options_);
  if (!opened.ok()) FAIL(opened.error().message);
  tree_ = std::move(opened).value();
  orderer_ = std::make_unique<Orderer>(*tree_);
  for (std::uint64_t version = tree_->state().applied_version + 1; version <= order_.size();
       ++version) {
    REQUIRE(orderer_->note(order_[version - 1], version).ok());
    REQUIRE(tree_->apply(order_[version - 1], version, 1).ok());
  }
  orderer_->pass_catalog(order_.size());
  may_freeze_ = false;
}

void OrderSimulation::take_over(std::size_t index) {
  ++stats_.takeovers;
  host_ = index;
  open_tree();
}

void OrderSimulation::deliver(Process& process) {
  if (process.to_host.empty()) return;
  const Message message = std::move(process.to_host.front());
  process.to_host.pop_front();
  order(process, message);
}

void OrderSimulation::order(Process& process, const Message& message) {
  const std::uint64_t version = order_.size() + 1;
  const std::uint64_t id = process.model.id();
  const bool is_last = tree_->wants_freeze();
  triples::CommitWriter effect;
  const auto outcome =
      orderer_->order(id, message.number, message.submission, version, is_last, effect);
  if (!outcome.ok()) FAIL(outcome.error().message);
  OrderedAs& ordered_as = ordered_as_[id];
  const bool is_known = ordered_as.contains(message.number);
  CHECK((outcome.value() == Orderer::Outcome::kKnown) == is_known);
  if (outcome.value() == Orderer::Outcome::kKnown) {
    ++stats_.known;
    return;
  }
  if (outcome.value() == Orderer::Outcome::kRefused) {
    ++stats_.refused;
    CHECK(orderer_->refusal().code == base::ErrorCode::kSchemaConflict);
    REQUIRE(process.waits);
    process.is_refused = true;
    return;
  }
  CHECK(message.number == ordered_as.size() + 1);
  REQUIRE(tree_->apply(effect.view(), version, 1).ok());
  may_freeze_ = is_last;
  order_.emplace_back(effect.view());
  ++stats_.ordered;
  check_effect(process, message, effect.view());
}

void OrderSimulation::check_effect(const Process& process, const Message& message,
                                   std::string_view effect) {
  const std::uint64_t version = order_.size();
  const std::uint64_t id = process.model.id();
  CHECK(acknowledged_in(effect, id) == message.number);
  const Rows before = effects_;
  redo(oracle_, message.submission, ordered_as_[id], version);
  ordered_as_[id][message.number] = version;
  apply_effect(effects_, effect, version);
  if (same_rows(before, effects_)) ++stats_.without_effect;
  if (!same_rows(effects_, oracle_))
    FAIL(("ordered\n" + describe(effects_) + "expected\n" + describe(oracle_)));
  for (const auto& [name, row] : oracle_) {
    if (row.is_alive) CHECK(effects_[name].birth == row.birth);
  }
  const std::int64_t changes = integer(effects_[kCatalogRow], kName);
  CHECK(changes >= catalog_changes_);
  CHECK(changes <= catalog_changes_ + 1);
  if (process.waits) CHECK(changes == catalog_changes_ + 1);
  catalog_changes_ = changes;
}

void OrderSimulation::work() {
  if (host_ == kNone) return;
  if (tree_->wants_freeze() && tree_->can_freeze() && may_freeze_) {
    tree_->freeze();
    ++stats_.flushes;
  }
  if (tree_->has_work()) REQUIRE(tree_->work(256 + below(4096)).ok());
}

// --- Deaths, and the end ---

// It dies, with all that isn't ordered; another process opens the directory in its place.
void OrderSimulation::replace_process(std::size_t index) {
  if (index == host_) disconnect_all();
  while (!processes_[index].to_host.empty() && one_in(2)) deliver(processes_[index]);
  Process process;
  process.model = ProcessModel(next_id_++);
  process.told = order_.size();
  while (process.model.base() < order_.size())
    CHECK(!process.model.read(order_[process.model.base()]));
  CHECK(same_rows(process.model.visible(), effects_));
  processes_[index] = std::move(process);
}

void OrderSimulation::finish() {
  if (host_ == kNone) take_over(below(processes_.size()));
  for (Process& process : processes_) {
    // Until all is ordered; what is refused isn't sent again.
    while (!process.model.pending().empty()) {
      disconnect(process);
      send(process);
      while (!process.to_host.empty()) deliver(process);
      process.told = order_.size();
      catch_up(process, order_.size() + 1);
    }
  }
  for (Process& process : processes_) {
    process.told = order_.size();
    catch_up(process, order_.size() + 1);
    CHECK(process.model.base() == order_.size());
    CHECK(same_rows(process.model.visible(), oracle_));
  }
  check_tree();
  open_tree();
  check_tree();
}

// The tree reads as the order says.
void OrderSimulation::check_tree() {
  for (const auto& [name, row] : oracle_) {
    const auto key = tree_->find_key(name.first, name.second);
    REQUIRE(key.ok());
    const bool is_alive = key.value() && key.value()->slot != triples::kNoSlot;
    REQUIRE(is_alive == row.is_alive);
    if (!is_alive) continue;
    const auto self = tree_->get(name.first, triples::kRowAttr, key.value()->slot);
    REQUIRE(self.ok());
    REQUIRE(self.value().has_value());
    CHECK(self.value()->value.value().view() == name.second);
    CHECK(self.value()->version == row.birth);
    for (const AttrId attr : {kName, kPlays, kBest, kTags}) {
      const auto cell = tree_->get(name.first, attr, key.value()->slot);
      REQUIRE(cell.ok());
      const Value stored = cell.value() ? cell.value()->value.value() : Value::missing();
      CHECK(triples::identical(stored, row.get(attr)));
    }
  }
}

}  // namespace tremula::persist_test
