// RowTable against a plain model: two maps of rows, one for each side.
#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/lsm/row_table.h"
#include "core/triples/value_ops.h"

namespace {

using namespace tremula::triples;
using tremula::lsm::RowTable;

std::string show(Value value) {
  switch (value.kind) {
    case Kind::kNull: return "null";
    case Kind::kMissing: return "missing";
    case Kind::kBool: return value.boolean ? "true" : "false";
    case Kind::kInt: return "int " + std::to_string(value.integer);
    case Kind::kReal: return "real " + std::to_string(value.number);
    case Kind::kText: return "text " + std::string(value.view());
    case Kind::kBytes: return "bytes " + std::string(value.view());
    case Kind::kJson: return "json " + std::string(value.view());
  }
  return "";
}

struct ModelSide {
  std::map<std::string, std::vector<OwnedValue>> rows;
  std::vector<ColumnDef> columns;

  Value read(const std::string& key, ColumnIndex column) const {
    const ColumnDef& definition = columns[column];
    const Value value = rows.at(key)[column].value();
    if (!definition.visible || value.is_null()) return Value::null();
    if (!value.is_missing()) {
      return definition.type == Type::kAny ? value : convert_stored(value, definition.type);
    }
    if (!definition.default_value) return Value::null();
    const Value missing = definition.default_value->value();
    return definition.type == Type::kAny ? missing : convert_stored(missing, definition.type);
  }
};

class ModelTest {
 public:
  explicit ModelTest(std::uint32_t seed) : rng_(seed), table_(TypeId{7}) {
    const std::size_t columns = below(8) == 0 ? 70 : 2 + below(4);
    for (std::size_t i = 0; i < columns; ++i) {
      ColumnDef definition;
      definition.attr = AttrId{static_cast<std::uint32_t>(10 + i)};
      now_.columns.push_back(definition);
      REQUIRE(table_.column(definition.attr) == i);
    }
    old_ = statement_ = now_;
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      CAPTURE(i);
      step();
      if (below(16) == 0) check();
    }
    check();
    table_.rollback();
    now_ = old_;
    after_transaction();
    check();
  }

 private:
  std::size_t below(std::size_t bound) { return rng_() % bound; }

  void step() {
    switch (below(40)) {
      case 0: case 1: case 2:
        table_.begin_statement();
        statement_ = now_;
        return;
      case 3: case 4:
        table_.undo_statement();
        now_ = statement_;
        return;
      case 5:
        if (below(2) == 0) {
          table_.rollback();
          now_ = old_;
        } else {
          table_.settle();
          old_ = now_;
        }
        after_transaction();
        return;
      case 6: return declare();
      case 7: case 8: return check_changes();
      case 9: case 10: return hold_values();
      case 11: return follow_log();
      default: return change_row();
    }
  }

  void change_row() {
    std::string key(1 + below(3), static_cast<char>('a' + below(4)));
    if (below(2) == 0) key += " with more bytes than fit into a cell";
    const bool is_there = now_.rows.count(key) != 0;
    if (!is_there || below(6) == 0) {
      if (is_there) {
        table_.erase(table_.find(key));
        now_.rows.erase(key);
        if (below(2) == 0) return;
      }
      const Slot slot = table_.insert(key);
      CHECK(table_.key(slot) == key);
      now_.rows[key].assign(now_.columns.size(), OwnedValue(Value::missing()));
      if (below(3) == 0) return;
    }
    const Slot slot = table_.find(key);
    for (std::size_t times = 1 + below(3); times > 0; --times) {
      const auto column = static_cast<ColumnIndex>(below(now_.columns.size()));
      const OwnedValue value = some_value();
      table_.write(slot, column, value.value());
      now_.rows[key][column] = value;
    }
  }

  OwnedValue some_value() {
    static const std::string long_text(100, 'z');
    switch (below(10)) {
      case 0: return OwnedValue(Value::missing());
      case 1: return OwnedValue(Value::null());
      case 2: return OwnedValue(Value::boolean_of(below(2) == 0));
      case 3: case 4: return OwnedValue(Value::int_of(static_cast<std::int64_t>(below(3))));
      case 5: return OwnedValue(Value::real(static_cast<double>(below(3)) / 2));
      case 6: return OwnedValue(Value::text_of(""));
      case 7: return OwnedValue(Value::text_of(std::string_view("abcdef").substr(below(4))));
      case 8: return OwnedValue(Value::text_of(std::string_view(long_text).substr(below(2))));
      default: return OwnedValue(below(2) == 0 ? Value::json_of("[1,2]") : Value::bytes_of("ab"));
    }
  }

  void declare() {
    const auto column = static_cast<ColumnIndex>(below(now_.columns.size()));
    ColumnDef definition = now_.columns[column];
    definition.type = static_cast<Type>(below(7));
    definition.visible = below(4) != 0;
    definition.default_value.reset();
    if (below(2) == 0) {
      OwnedValue value = some_value();
      if (!value.value().is_missing()) definition.default_value = std::move(value);
    }
    table_.declare(definition);
    now_.columns[column] = definition;
  }

  // Until the transaction ends, what was read stays readable, whatever is written meanwhile.
  void hold_values() {
    for (const auto& [key, cells] : now_.rows) {
      const auto column = static_cast<ColumnIndex>(below(now_.columns.size()));
      held_.push_back({table_.read(table_.find(key), column, Side::kNew), ""});
      held_.back().second = show(held_.back().first);
    }
  }

  std::string show_row(Slot slot) const {
    std::string text;
    for (ColumnIndex column = 0; column < now_.columns.size(); ++column) {
      text += show(table_.read(slot, column, Side::kNew)) + "|";
    }
    return text;
  }

  // As an index does: looks again at what the log names, and at nothing else.
  void follow_log() {
    const std::span<const Slot> log = table_.write_log();
    for (; log_seen_ < log.size(); ++log_seen_) {
      const Slot slot = log[log_seen_];
      if (table_.exists(slot, Side::kNew)) {
        mirror_[slot] = show_row(slot);
      } else {
        mirror_.erase(slot);
      }
    }
  }

  void after_transaction() {
    CHECK(table_.write_log().empty());
    CHECK(table_.changes().empty());
    CHECK_FALSE(table_.touched());
    held_.clear();
    slots_.clear();
    mirror_.clear();
    log_seen_ = 0;
    for (const auto& [key, cells] : now_.rows) {
      const Slot slot = table_.find(key);
      mirror_[slot] = show_row(slot);
    }
    old_ = statement_ = now_;
    table_.begin_statement();
  }

  void check_side(const ModelSide& side, Side which) {
    CHECK(table_.row_count(which) == side.rows.size());
    std::size_t existing = 0;
    for (Slot slot = 0; slot < table_.slot_end(); ++slot) existing += table_.exists(slot, which);
    CHECK(existing == side.rows.size());
    for (const auto& [key, cells] : side.rows) {
      const Slot slot = table_.find(key);
      REQUIRE(slot != kNoSlot);
      REQUIRE(table_.exists(slot, which));
      CHECK(table_.key(slot) == key);
      CHECK(slots_.emplace(key, slot).first->second == slot);
      for (ColumnIndex column = 0; column < cells.size(); ++column) {
        CHECK(show(table_.read(slot, column, which)) == show(side.read(key, column)));
        if (which == Side::kNew) {
          CHECK(show(table_.stored(slot, column)) == show(cells[column].value()));
        }
      }
    }
  }

  void check() {
    table_.check_invariants();
    check_side(old_, Side::kOld);
    check_side(now_, Side::kNew);
    for (const auto& [value, text] : held_) CHECK(show(value) == text);
    follow_log();
    CHECK(mirror_.size() == now_.rows.size());
    for (const auto& [slot, text] : mirror_) CHECK(show_row(slot) == text);
    check_changes();
  }

  void check_changes() {
    std::map<std::string, std::string> expected;
    for (const auto& [key, cells] : now_.rows) {
      if (old_.rows.count(key) == 0) expected[key] = "+";
    }
    for (const auto& [key, cells] : old_.rows) {
      if (now_.rows.count(key) == 0) {
        expected[key] = "-";
        continue;
      }
      ColumnMask changed = 0;
      for (ColumnIndex column = 0; column < cells.size(); ++column) {
        if (!identical(old_.read(key, column), now_.read(key, column))) {
          changed |= column_bit(column);
        }
      }
      if (changed != 0) expected[key] = std::to_string(changed);
    }
    table_.seal();
    std::map<std::string, std::string> found;
    for (const RowChange& change : table_.changes()) {
      const std::string key(table_.key(change.slot));
      CHECK(found.count(key) == 0);
      if (change.in_old && change.in_new) {
        found[key] = std::to_string(change.changed);
      } else {
        CHECK(change.changed == kAllColumns);
        found[key] = change.in_new ? "+" : "-";
      }
    }
    CHECK(found == expected);
  }

  std::mt19937 rng_;
  RowTable table_;
  ModelSide old_, statement_, now_;
  std::vector<std::pair<Value, std::string>> held_;
  std::map<std::string, Slot> slots_;  // in this transaction
  std::map<Slot, std::string> mirror_;
  std::size_t log_seen_ = 0;
};

}  // namespace

TEST_CASE("row table: both sides, changes and log agree with two plain maps") {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    ModelTest(seed).run(400);
  }
}
