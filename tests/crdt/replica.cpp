#include "tests/crdt/replica.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "core/crdt/counter.h"
#include "core/crdt/set.h"
#include "core/triples/key_encoding.h"
#include "core/triples/value_ops.h"

namespace tremula::crdt {

using triples::AttrId;
using triples::Kind;
using triples::MergeRule;
using triples::OwnedValue;
using triples::TypeId;
using triples::Value;

SiteId site_of(unsigned char number) {
  SiteId site;
  // The greater number is the lesser id, so that neither order passes for the other.
  site.bytes.fill(static_cast<unsigned char>(0xF0 - number));
  site.bytes[15] = number;
  return site;
}

std::string key_of(std::int64_t number) {
  std::string key;
  triples::encode_ordered(Value::int_of(number), key);
  return key;
}

Replica::Transaction Replica::begin() const {
  Sites sites = sites_;
  return {{{clock_.upcoming(), sites.number_of(site_)}, {next(db_version_), 0}}, 0};
}

Meta Replica::take_position(Transaction& transaction) const {
  Meta meta = transaction.now;
  meta.position.seq = static_cast<std::uint32_t>(transaction.changes++);
  return meta;
}

std::string Replica::commit(const std::vector<Write>& writes) {
  Transaction transaction = begin();
  for (const Write& write : writes) write_row(write, transaction);
  if (transaction.changes == 0) return "";
  const DbVersion before = db_version_;
  clock_.commit();
  db_version_ = next(db_version_);
  const std::string file = changes(before);
  return file.substr(0, file.rfind('\n', file.size() - 2) + 1);  // without the closing line
}

void Replica::roll_back(const std::vector<Write>& writes) {
  const auto rows = rows_;
  Transaction transaction = begin();
  for (const Write& write : writes) write_row(write, transaction);
  rows_ = rows;
}

Column Replica::column_named(std::uint32_t table, std::string_view name) const {
  if (const auto columns = schema_.find(table); columns != schema_.end()) {
    for (const Column& column : columns->second) {
      if (column.name == name) return column;
    }
  }
  Column undeclared;
  undeclared.name = name;
  return undeclared;
}

void Replica::write_row(const Write& write, Transaction& transaction) {
  const RowKey key{write.table, key_of(write.key)};
  const auto found = rows_.find(key);
  const bool is_alive_now = found != rows_.end() && is_alive(found->second.state.cl);
  switch (write.kind) {
    case Write::Kind::kInsert:
      if (is_alive_now) return;
      break;
    case Write::Kind::kUpsert: break;
    case Write::Kind::kUpdate:
      if (!is_alive_now) return;
      break;
    case Write::Kind::kDelete:
      if (!is_alive_now) return;
      REQUIRE(delete_row(found->second.state, take_position(transaction)));
      found->second.cells.clear();
      return;
  }
  Row& row = rows_[key];
  if (!is_alive_now) {
    REQUIRE(create_row(row.state, take_position(transaction)));
    row.cells.clear();
  }
  for (const auto& [name, value] : write.cells) {
    write_cell(row, column_named(write.table, name), value.value(), transaction);
  }
}

void Replica::write_cell(Row& row, const Column& column, Value value, Transaction& transaction) {
  const CellKey key{column.number, column.number == 0 ? column.name : "", column.rule};
  const bool was_there = row.cells.contains(key);
  Cell& cell = row.cells[key];
  const std::size_t before = transaction.changes;
  const bool has_default = !column.default_value.value().is_missing();
  if (column.rule == MergeRule::kCounter) {
    REQUIRE(value.kind == Kind::kInt);
    write_counter(cell, column, value.integer, transaction);
  } else if (column.rule == MergeRule::kSet) {
    write_set(cell, column, value, transaction);
  } else if (write_matters(column.rule, {cell.stamp, cell.value.value()}, value, has_default)) {
    const Meta meta = take_position(transaction);
    cell = {meta.stamp, meta.position, OwnedValue(value), ""};
  }
  if (!was_there && transaction.changes == before) row.cells.erase(key);
}

void Replica::write_counter(Cell& cell, const Column& column, std::int64_t wanted,
                            Transaction& transaction) {
  const Value initial = column.default_value.value();
  const std::int64_t base = initial.kind == Kind::kInt ? initial.integer : 0;
  const std::int64_t difference = counter_difference(counter_value(cell.state, base), wanted);
  if (difference == 0) return;
  const Meta now = take_position(transaction);
  REQUIRE(merge_counter(cell.state, add_to_counter(cell.state, difference, now)));
  REQUIRE(counter_value(cell.state, base) == wanted);
}

void Replica::write_set(Cell& cell, const Column& column, Value wanted, Transaction& transaction) {
  base::Arena arena;
  const std::string seen = cell.state;
  std::vector<SetEntry> entries;
  const bool has_default = !column.default_value.value().is_missing();
  REQUIRE(set_difference(seen, wanted, has_default, transaction.now, arena, entries).ok());
  for (SetEntry& entry : entries) {
    entry.meta.position = take_position(transaction).position;
    REQUIRE(merge_set(cell.state, entry));
  }
  // The column now reads what was written.
  entries.clear();
  const std::string now = cell.state;
  REQUIRE(set_difference(now, wanted, has_default, transaction.now, arena, entries).ok());
  REQUIRE(entries.empty());
}

bool Replica::merge_register(Cell& cell, MergeRule rule, Value value, const Meta& meta) {
  if (!wins(rule, {meta.stamp, value}, {cell.stamp, cell.value.value()}, sites_)) return false;
  cell = {meta.stamp, meta.position, OwnedValue(value), ""};
  return true;
}

bool Replica::merge_cell(Cell& cell, const ChangeRecord& record, const Meta& incoming) {
  switch (record.rule) {
    case MergeRule::kCounter: return merge_counter(cell.state, {incoming, record.value.integer});
    case MergeRule::kSet: return merge_set(cell.state, {record.value, incoming, record.is_removal});
    default: return merge_register(cell, record.rule, record.value, incoming);
  }
}

Replica::CellKey Replica::cell_key(const ChangeRecord& record) const {
  CellKey key{static_cast<std::uint32_t>(record.column), std::string(record.column_name),
              record.rule};
  if (key.name.empty()) return key;
  const Column column = column_named(static_cast<std::uint32_t>(record.table), key.name);
  const bool is_register = column.rule != MergeRule::kCounter && column.rule != MergeRule::kSet;
  if (column.number == 0 || !is_register) return key;
  return {column.number, "", column.rule};
}

bool Replica::merge_record(const ChangeRecord& record, Position position) {
  const RowKey key{static_cast<std::uint32_t>(record.table), std::string(record.key)};
  Row& row = rows_[key];
  const Meta incoming{{record.version, sites_.number_of(record.site)}, position};
  if (record.is_row()) {
    const RowChange change = merge_row(row.state, record.cl, incoming, sites_);
    if (change == RowChange::kNewLife) row.cells.clear();
    return change != RowChange::kNothing;
  }
  const Life life = enter_life(row.state, record.cl);
  if (life == Life::kOver) return false;
  if (life == Life::kNewLife) row.cells.clear();
  const CellKey cell = cell_key(record);
  ChangeRecord as_declared = record;
  as_declared.rule = cell.rule;
  return merge_cell(row.cells[cell], as_declared, incoming);
}

std::size_t Replica::merge(std::string_view file) {
  base::Arena arena;
  std::vector<ChangeRecord> records;
  for (std::size_t line_number = 1; !file.empty(); ++line_number) {
    const std::size_t end = file.find('\n');
    ChangeLine line;
    const auto read = parse_change(file.substr(0, end), line_number, arena, line);
    REQUIRE_MESSAGE(read.ok(), read.error().message);
    if (!line.is_end) records.push_back(line.record);
    file.remove_prefix(end + 1);
  }
  std::uint32_t seq = 0;
  for (const ChangeRecord& record : records) {
    if (merge_record(record, {next(db_version_), seq})) ++seq;
  }
  if (seq > 0) {
    clock_.commit();
    db_version_ = next(db_version_);
  }
  for (const ChangeRecord& record : records) clock_.lift(record.version);
  return seq;
}

void Replica::declare(std::uint32_t table, const Column& column) {
  std::vector<Column>& columns = schema_[table];
  columns.push_back(column);
  std::sort(columns.begin(), columns.end(),
            [](const Column& a, const Column& b) { return a.number < b.number; });
  if (column.rule == MergeRule::kCounter || column.rule == MergeRule::kSet) return;
  Transaction transaction = begin();
  for (auto& [key, row] : rows_) {
    const auto named = row.cells.find({0, column.name, MergeRule::kLww});
    if (key.table != table || named == row.cells.end()) continue;
    const Cell moved = named->second;
    row.cells.erase(named);
    Cell& cell = row.cells[{column.number, "", column.rule}];
    const Meta meta = take_position(transaction);
    merge_register(cell, column.rule, moved.value.value(), {moved.stamp, meta.position});
  }
  if (transaction.changes == 0) return;
  clock_.commit();
  db_version_ = next(db_version_);
}

void Replica::take_new_site(SiteId site) {
  site_ = site;
  sites_.number_of(site);
}

void Replica::restart() {
  sites_ = Sites::from_bytes(sites_.to_bytes()).value();
  clock_ = Clock(clock_.now());
}

template <typename Visit>
void Replica::visit_records(Visit visit) const {
  for (const auto& [key, row] : rows_) {
    ChangeRecord record;
    record.table = TypeId{key.table};
    record.key = key.key;
    record.cl = row.state.cl;
    const auto tell = [&](const Meta& meta) {
      record.version = meta.stamp.version;
      record.site = sites_.id_of(meta.stamp.site);
      record.position = meta.position;
      visit(std::as_const(record));
    };
    if (row.state.meta.stamp.version != Version{}) tell(row.state.meta);
    for (const auto& [cell_key, cell] : row.cells) {
      record.column = AttrId{cell_key.column};
      record.column_name = cell_key.name;
      record.rule = cell_key.rule;
      record.is_removal = false;
      if (cell_key.rule == MergeRule::kCounter) {
        CounterReader reader(cell.state);
        for (CounterEntry entry; reader.next(entry);) {
          record.value = Value::int_of(entry.sum);
          tell(entry.meta);
        }
      } else if (cell_key.rule == MergeRule::kSet) {
        SetReader reader(cell.state);
        for (SetEntry entry; reader.next(entry);) {
          record.value = entry.element;
          record.is_removal = entry.is_removed;
          tell(entry.meta);
        }
      } else {
        record.value = cell.value.value();
        tell({cell.stamp, cell.position});
      }
    }
  }
}

std::string Replica::changes(DbVersion since) const {
  std::map<Position, std::string> lines;
  visit_records([&](const ChangeRecord& record) {
    if (record.position.db_version > since) print_change(record, lines[record.position]);
  });
  std::string file;
  for (const auto& [position, line] : lines) file += line;
  print_end({site_, db_version_}, file);
  return file;
}

std::string Replica::dump() const {
  std::vector<std::string> lines;
  visit_records([&](ChangeRecord record) {
    record.position = {};
    print_change(record, lines.emplace_back());
  });
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

std::string Replica::faults() const {
  std::string faults;
  std::set<Position> positions;
  visit_records([&](const ChangeRecord& record) {
    const bool is_new = positions.insert(record.position).second;
    const bool is_past = record.position.db_version <= db_version_;
    if (!is_new || !is_past || record.version > clock_.now()) print_change(record, faults);
  });
  for (const auto& [row_key, row] : rows_) {
    if (!is_alive(row.state.cl) && !row.cells.empty()) faults += "a dead row has cells\n";
    for (const auto& [key, cell] : row.cells) {
      if (key.rule == MergeRule::kCounter && !is_counter_state(cell.state)) faults += "counter\n";
      if (key.rule == MergeRule::kSet && !is_set_state(cell.state)) faults += "set\n";
    }
  }
  return faults;
}

Value Replica::visible(const Row& row, const Column& column, base::Arena& arena) const {
  const CellKey key{column.number, column.number == 0 ? column.name : "", column.rule};
  const auto found = row.cells.find(key);
  const Value initial = column.default_value.value();
  const bool is_initial = found == row.cells.end();
  if (column.rule == MergeRule::kCounter) {
    const std::int64_t base = initial.kind == Kind::kInt ? initial.integer : 0;
    return Value::int_of(counter_value(is_initial ? "" : found->second.state, base));
  }
  if (is_initial) return initial.is_missing() ? Value::null() : initial;
  if (column.rule == MergeRule::kSet) return set_value(found->second.state, arena);
  return found->second.value.value();
}

std::string Replica::row(std::int64_t key, std::uint32_t table) const {
  const auto found = rows_.find({table, key_of(key)});
  if (found == rows_.end() || !is_alive(found->second.state.cl)) return "gone";
  std::vector<Column> columns;
  if (const auto own = schema_.find(table); own != schema_.end()) columns = own->second;
  for (const auto& [cell_key, cell] : found->second.cells) {
    if (!cell_key.name.empty()) columns.push_back(column_named(table, cell_key.name));
  }
  base::Arena arena;
  std::string text;
  for (const Column& column : columns) {
    if (!text.empty()) text += ' ';
    text += column.name + "=";
    triples::print_json(visible(found->second, column, arena), text);
  }
  return text;
}

}  // namespace tremula::crdt
