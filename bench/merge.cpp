// merge. Claim: taking in another replica's cells costs a look-up and a comparison each: at least
// 1,000,000 new ones and 3,000,000 known ones per second, from decoded records.
//
// The store is the least that could do it: a hash directory of keys, a row of 8 registers each. So
// the figures are those of the merge itself; a database pays its own table besides.
//   foreign  no cell is known        known  every cell is there already
//   newer    every cell is older here
//   lines    the same from the text of a file, reading it included
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "core/base/flat_map.h"
#include "core/crdt/change_record.h"
#include "core/crdt/merge.h"
#include "core/triples/key_encoding.h"

namespace tremula::bench {
namespace {

using crdt::ChangeRecord;
using triples::Value;

constexpr std::uint32_t kColumns = 8;
constexpr int kRounds = 21;

// Rows of one transaction each; the key and half the cells are INTs, the others short texts.
struct Changes {
  std::string text;
  base::Arena arena;
  std::vector<ChangeRecord> records;
};

void print_changes(std::int64_t rows, std::uint64_t first_version, std::string& text) {
  crdt::SiteId site;
  site.bytes.fill(0x9F);
  std::string key;
  for (std::int64_t row = 0; row < rows; ++row) {
    key.clear();
    triples::encode_ordered(Value::int_of(row * 7919 % 1'000'003), key);
    ChangeRecord record;
    record.table = triples::TypeId{1};
    record.key = key;
    record.cl = crdt::CausalLength{1};
    record.version = crdt::Version{first_version + static_cast<std::uint64_t>(row)};
    record.site = site;
    record.position = {crdt::DbVersion{1 + static_cast<std::uint64_t>(row)}, 0};
    crdt::print_change(record, text);
    for (std::uint32_t column = 1; column <= kColumns; ++column) {
      const std::string name = "title of " + std::to_string(row + column);
      record.column = triples::AttrId{column + 1};
      record.value = column % 2 == 0 ? Value::text_of(name) : Value::int_of(row + column);
      record.position.seq = column;
      crdt::print_change(record, text);
    }
  }
}

void parse_lines(std::string_view text, base::Arena& arena, std::vector<ChangeRecord>& records) {
  crdt::ChangeLine line;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    TREMULA_ASSERT(crdt::parse_change(text.substr(0, end), number, arena, line).ok());
    records.push_back(line.record);
    text.remove_prefix(end + 1);
  }
}

class Store {
 public:
  // In one transaction.  Returns: how many records changed something.
  std::size_t merge(const std::vector<ChangeRecord>& records) {
    crdt::Position position{next(db_version_), 0};
    for (const ChangeRecord& record : records) {
      if (merge_record(record, position)) ++position.seq;
      clock_.lift(record.version);
    }
    if (position.seq > 0) db_version_ = position.db_version;
    return position.seq;
  }

 private:
  struct Row {
    crdt::RowState state;
    crdt::Register cells[kColumns];
    crdt::Position positions[kColumns];
  };

  bool merge_record(const ChangeRecord& record, crdt::Position position) {
    Row& row = row_of(record.key);
    const crdt::Meta incoming{{record.version, sites_.number_of(record.site)}, position};
    if (record.is_row()) {
      const auto change = crdt::merge_row(row.state, record.cl, incoming, sites_);
      if (change == crdt::RowChange::kNewLife) std::fill_n(row.cells, kColumns, crdt::Register());
      return change != crdt::RowChange::kNothing;
    }
    const crdt::Life life = crdt::enter_life(row.state, record.cl);
    if (life == crdt::Life::kOver) return false;
    if (life == crdt::Life::kNewLife) std::fill_n(row.cells, kColumns, crdt::Register());
    const std::uint32_t column = static_cast<std::uint32_t>(record.column) - 2;
    crdt::Register offered{incoming.stamp, record.value};
    if (!crdt::wins(record.rule, offered, row.cells[column], sites_)) return false;
    if (offered.value.has_bytes()) offered.value.data = arena_.copy(record.value.view()).data();
    row.cells[column] = offered;
    row.positions[column] = position;
    return true;
  }

  Row& row_of(std::string_view key) {
    const auto [place, is_new] = directory_.insert(key, static_cast<std::uint32_t>(rows_.size()));
    if (is_new) rows_.emplace_back();
    return rows_[*place];
  }

  base::FlatMap<std::string, std::uint32_t> directory_;
  std::vector<Row> rows_;
  base::Arena arena_;
  crdt::Sites sites_;
  crdt::Clock clock_;
  crdt::DbVersion db_version_{};
};

void report_rate(const Figure& figure, std::vector<std::int64_t> ns, std::size_t records) {
  std::sort(ns.begin(), ns.end());
  const double seconds = static_cast<double>(ns[ns.size() / 2]) / 1e9;
  report(figure, "median", static_cast<double>(records) / seconds, "records/s");
}

int run(const Options& options) {
  const std::int64_t rows = options.full ? 12'500 : 125;
  Changes first;
  Changes newer;
  print_changes(rows, 1, first.text);
  print_changes(rows, 1'000'000, newer.text);
  parse_lines(first.text, first.arena, first.records);
  parse_lines(newer.text, newer.arena, newer.records);
  const std::size_t count = first.records.size();

  std::vector<std::int64_t> foreign_ns, known_ns, newer_ns, lines_ns;
  std::size_t changed[4] = {};
  for (int round = 0; round < (options.full ? kRounds : 1); ++round) {
    Store store;
    const auto timed = [&](std::vector<std::int64_t>& ns, std::size_t& sum, const auto& work) {
      const Clock::time_point begin = Clock::now();
      sum += work();
      ns.push_back(ns_since(begin));
    };
    timed(foreign_ns, changed[0], [&] { return store.merge(first.records); });
    timed(known_ns, changed[1], [&] { return store.merge(first.records); });
    timed(newer_ns, changed[2], [&] { return store.merge(newer.records); });
    Store from_text;
    timed(lines_ns, changed[3], [&] {
      base::Arena arena;
      std::vector<ChangeRecord> records;
      parse_lines(first.text, arena, records);
      return from_text.merge(records);
    });
  }
  const std::size_t rounds = foreign_ns.size();
  const auto figure = [&](const char* name) {
    return Figure{"merge", name, "load", "tremula", static_cast<std::int64_t>(count)};
  };
  report_rate(figure("foreign"), foreign_ns, count);
  report_rate(figure("known"), known_ns, count);
  report_rate(figure("newer"), newer_ns, count);
  report_rate(figure("lines"), lines_ns, count);
  const std::string all = std::to_string(count * rounds);
  check(figure("foreign"), "changed", std::to_string(changed[0]), all);
  check(figure("known"), "changed", std::to_string(changed[1]), "0");
  check(figure("newer"), "changed", std::to_string(changed[2]), all);
  check(figure("lines"), "changed", std::to_string(changed[3]), all);
  return exit_status();
}

}  // namespace
}  // namespace tremula::bench

int main(int argc, char** argv) {
  return tremula::bench::run(tremula::bench::read_options(argc, argv));
}
