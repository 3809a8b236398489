// The states' bytes, one piece at a time; the laws are in laws_test.cpp.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/base/hex.h"
#include "core/crdt/counter.h"
#include "core/crdt/merge.h"
#include "core/crdt/row_stamps.h"
#include "core/crdt/set.h"
#include "core/crdt/stamp.h"
#include "core/triples/value_ops.h"
#include "tests/crdt/replica.h"
#include "tests/property/rng.h"

namespace tremula::crdt {
namespace {

using property::Rng;
using triples::AttrId;
using triples::MergeRule;
using triples::Value;
using Limits = std::numeric_limits<std::int64_t>;

Meta meta_of(std::uint64_t version, std::uint32_t site = 0, std::uint64_t db_version = 0,
             std::uint32_t seq = 0) {
  return {{Version{version}, SiteNumber{site}},
          {DbVersion{db_version == 0 ? version : db_version}, seq}};
}

bool same(const Meta& a, const Meta& b) { return a.stamp == b.stamp && a.position == b.position; }

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (!text.empty()) text += ' ';
    base::put_hex(text, {&c, 1});
  }
  return text;
}

// "x 5.0 +, y 7.2 -": element version.site, in or taken away
std::string entries_of(std::string_view state) {
  std::string text;
  SetReader reader(state);
  for (SetEntry entry; reader.next(entry);) {
    if (!text.empty()) text += ", ";
    triples::print_text(entry.element, text);
    text += " " + std::to_string(static_cast<std::uint64_t>(entry.meta.stamp.version)) + "." +
            std::to_string(static_cast<std::uint32_t>(entry.meta.stamp.site)) +
            (entry.is_removed ? " -" : " +");
  }
  CHECK(reader.is_complete());
  return text;
}

std::string set_text(std::string_view state) {
  base::Arena arena;
  const Value value = set_value(state, arena);
  std::string text;
  triples::print_json(value, text);
  return value.is_missing() ? "missing" : text;
}

// Writes as one replica does.
std::string& write_set(std::string& state, std::string_view json, const Meta& now) {
  base::Arena arena;
  std::vector<SetEntry> entries;
  Value written;
  REQUIRE(triples::parse_json(json, arena, written));
  const std::string seen = state;
  REQUIRE(set_difference(seen, written, false, now, arena, entries).ok());
  std::string one_by_one = state;
  for (const SetEntry& entry : entries) CHECK(merge_set(one_by_one, entry));
  CHECK(merge_set(state, entries) == entries.size());
  CHECK(hex(state) == hex(one_by_one));
  CHECK(is_set_state(state));
  return state;
}

}  // namespace

TEST_CASE("meta: what is put is read, in the bytes that the header draws") {
  std::string bytes;
  put_meta(bytes, meta_of(5), false);
  CHECK(hex(bytes) == "28 00");
  bytes.clear();
  put_meta(bytes, meta_of(5, 2, 9, 300), true);
  CHECK(hex(bytes) == "2f 02 09 ac 02");
  Rng rng(1);
  for (int i = 0; i < 2000; ++i) {
    const Meta meta = meta_of(rng.next() >> rng.between(11, 63),
                              rng.below(3) == 0 ? 0xFFFF'FFFF : 0, rng.next() >> rng.between(1, 63),
                              static_cast<std::uint32_t>(rng.next() >> rng.between(32, 63)));
    const bool mark = rng.chance(50);
    bytes.clear();
    put_meta(bytes, meta, mark);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      base::ByteReader from(std::string_view(bytes).substr(0, size));
      Meta back;
      bool back_mark = !mark;
      const bool is_whole = read_meta(from, back, back_mark);
      REQUIRE(is_whole == (size == bytes.size()));
      if (is_whole) REQUIRE((same(back, meta) && back_mark == mark));
    }
  }
}

TEST_CASE("sites: numbers are given once, and compared by id") {
  Sites sites;
  for (unsigned char i = 0; i < 50; ++i) {
    CHECK(sites.number_of(site_of(i)) == SiteNumber{i});
    CHECK(sites.number_of(site_of(i / 2)) == SiteNumber{i / 2u});
  }
  CHECK(sites.size() == 50);
  CHECK(sites.compare(SiteNumber{1}, SiteNumber{2}) > 0);  // site_of() runs downwards
  CHECK(sites.compare(SiteNumber{7}, SiteNumber{7}) == 0);
  const std::string bytes = sites.to_bytes();
  CHECK(bytes.size() == 50 * 16);
  Sites back = Sites::from_bytes(bytes).value();
  CHECK(back.to_bytes() == bytes);
  CHECK(back.number_of(site_of(49)) == SiteNumber{49});
  CHECK(back.number_of(site_of(60)) == SiteNumber{50});
  CHECK(Sites::from_bytes(bytes.substr(1)).error().code == base::ErrorCode::kCorrupt);
  CHECK(Sites::from_bytes(bytes + bytes.substr(0, 16)).error().code == base::ErrorCode::kCorrupt);
  std::string text;
  print_site(site_of(5), text);
  SiteId read;
  CHECK((parse_site(text, read) && read == site_of(5)));
  CHECK(!parse_site(text.substr(1), read));
}

TEST_CASE("registers: who wins, by rule") {
  Sites sites;
  sites.number_of(site_of(1));
  sites.number_of(site_of(2));  // the lesser id
  const auto reg = [](Value value, std::uint64_t version, std::uint32_t site) {
    return Register{{Version{version}, SiteNumber{site}}, value};
  };
  struct Case {
    MergeRule rule;
    Register a;
    Register b;
    char winner;  // a, b, or = for neither
  };
  const Value one = Value::int_of(1);
  const Value two = Value::int_of(2);
  const Value none = Value::null();
  const std::vector<Case> cases = {
      {MergeRule::kLww, reg(one, 5, 1), reg(two, 4, 0), 'a'},
      {MergeRule::kLww, reg(one, 5, 0), reg(two, 5, 1), 'a'},
      {MergeRule::kLww, reg(two, 5, 0), reg(one, 5, 0), 'a'},
      {MergeRule::kLww, reg(none, 5, 0), reg(one, 5, 0), 'b'},
      {MergeRule::kLww, reg(one, 5, 0), reg(Value::real(1), 5, 0), 'b'},
      {MergeRule::kLww, reg(one, 5, 0), reg(one, 5, 0), '='},
      {MergeRule::kMax, reg(two, 4, 1), reg(one, 5, 0), 'a'},
      {MergeRule::kMax, reg(none, 9, 0), reg(one, 1, 1), 'b'},
      {MergeRule::kMax, reg(one, 4, 0), reg(one, 5, 0), 'b'},
      {MergeRule::kMax, reg(one, 4, 0), reg(Value::real(1), 5, 0), 'b'},
      {MergeRule::kMax, reg(Value::text_of(""), 4, 0), reg(two, 5, 0), 'a'},
      {MergeRule::kMin, reg(two, 9, 0), reg(one, 1, 1), 'b'},
      {MergeRule::kMin, reg(none, 9, 0), reg(one, 1, 1), 'b'},
      {MergeRule::kMin, reg(none, 9, 0), reg(none, 9, 1), 'a'},
      {MergeRule::kMin, reg(one, 3, 1), Register{}, 'a'},
      {MergeRule::kLww, reg(none, 3, 1), Register{}, 'a'},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    CAPTURE(i);
    CHECK(wins(c.rule, c.a, c.b, sites) == (c.winner == 'a'));
    if (c.b.stamp.version != Version{}) {
      CHECK(wins(c.rule, c.b, c.a, sites) == (c.winner == 'b'));
    }
  }
}

TEST_CASE("rows: lives begin and end") {
  Sites sites;
  sites.number_of(site_of(1));
  sites.number_of(site_of(2));
  RowState row;
  CHECK(!delete_row(row, meta_of(1)));
  CHECK(create_row(row, meta_of(1)));
  CHECK(!create_row(row, meta_of(2)));
  CHECK(merge_row(row, CausalLength{1}, meta_of(1), sites) == RowChange::kNothing);
  CHECK(merge_row(row, CausalLength{1}, meta_of(1, 1), sites) == RowChange::kNothing);
  CHECK(merge_row(row, CausalLength{1}, meta_of(2, 1), sites) == RowChange::kOwnRecord);
  CHECK(delete_row(row, meta_of(3)));
  CHECK(enter_life(row, CausalLength{1}) == Life::kOver);
  CHECK(enter_life(row, CausalLength{3}) == Life::kNewLife);
  CHECK(row.meta.stamp.version == Version{});
  CHECK(merge_row(row, CausalLength{3}, meta_of(1, 1), sites) == RowChange::kOwnRecord);
  CHECK(merge_row(row, CausalLength{6}, meta_of(1, 1), sites) == RowChange::kNewLife);
  CHECK(!is_alive(row.cl));
  CHECK(merge_row(row, CausalLength{5}, meta_of(99, 1), sites) == RowChange::kNothing);
}

TEST_CASE("counter: one sum per site, the newest, in the bytes that the header draws") {
  std::string state;
  CHECK(counter_value(state, 10) == 10);
  CHECK(merge_counter(state, {meta_of(5), 3}));
  CHECK(hex(state) == "28 00 06");
  CHECK(merge_counter(state, {meta_of(7, 2, 9, 1), -1}));
  CHECK(merge_counter(state, {meta_of(4, 1, 9, 2), 100}));
  CHECK(hex(state) == "28 00 06 23 01 09 02 c8 01 3b 02 09 01 01");
  CHECK(counter_value(state, 10) == 112);
  const std::string before = state;
  CHECK(!merge_counter(state, {meta_of(4, 0, 12), 50}));  // older
  CHECK(!merge_counter(state, {meta_of(5, 0, 12), 3}));   // the same
  CHECK(!merge_counter(state, {meta_of(5, 0, 12), 2}));   // of a copy; the greater sum stays
  CHECK(state == before);
  CHECK(merge_counter(state, {meta_of(5, 0, 12), 4}));
  CHECK(merge_counter(state, add_to_counter(state, -4, meta_of(20))));
  CHECK(counter_value(state, 0) == 99);
  CHECK(merge_counter(state, add_to_counter(state, 1, meta_of(21, 7))));
  CHECK(counter_value(state, 0) == 100);
  CHECK(is_counter_state(state));
  CHECK(!is_counter_state(state.substr(0, state.size() - 1)));
  CHECK(!is_counter_state(before + before));
}

TEST_CASE("counter: wraps at 64 bits") {
  std::string state;
  CHECK(merge_counter(state, {meta_of(1), Limits::max()}));
  CHECK(counter_value(state, 1) == Limits::min());
  const std::int64_t difference = counter_difference(counter_value(state, 1), 7);
  CHECK(merge_counter(state, add_to_counter(state, difference, meta_of(2))));
  CHECK(counter_value(state, 1) == 7);
  CHECK(counter_difference(Limits::min(), Limits::max()) == -1);
}

TEST_CASE("set: adds, removals and what they leave") {
  std::string state;
  CHECK(set_text(state) == "missing");
  CHECK(entries_of(write_set(state, "null", meta_of(1))) == "");
  CHECK(entries_of(write_set(state, "[\"b\",1,\"a\",1]", meta_of(2))) ==
        "1 2.0 +, a 2.0 +, b 2.0 +");
  CHECK(set_text(state) == "[1,\"a\",\"b\"]");
  CHECK(entries_of(write_set(state, "[\"b\"]", meta_of(3))) == "1 2.0 -, a 2.0 -, b 2.0 +");
  CHECK(merge_set(state, {Value::text_of("a"), meta_of(9, 1), false}));
  CHECK(entries_of(state) == "1 2.0 -, a 2.0 -, a 9.1 +, b 2.0 +");
  CHECK(!merge_set(state, {Value::text_of("a"), meta_of(2, 0, 30), false}));
  CHECK(!merge_set(state, {Value::text_of("a"), meta_of(1, 0, 30), true}));
  CHECK(entries_of(write_set(state, "[\"a\",\"b\"]", meta_of(10))) ==
        "1 2.0 -, a 2.0 -, a 9.1 +, b 2.0 +");
  CHECK(entries_of(write_set(state, "[]", meta_of(11))) == "1 2.0 -, a 2.0 -, a 9.1 -, b 2.0 -");
  CHECK(set_text(state) == "[]");
  CHECK(entries_of(write_set(state, "[\"a\"]", meta_of(12))) ==
        "1 2.0 -, a 12.0 +, a 9.1 -, b 2.0 -");
  CHECK(!is_set_state(state.substr(1)));
  CHECK(!is_set_state(state + state));
}

TEST_CASE("set: written empty, or NULL, is not the same as never written") {
  std::string state;
  CHECK(hex(write_set(state, "[]", meta_of(5))) == "00 2c 00");
  CHECK(set_text(state) == "[]");
  write_set(state, "null", meta_of(6));
  CHECK(set_text(state) == "null");
  write_set(state, "[]", meta_of(7));
  CHECK(set_text(state) == "[]");
  // Set to NULL by one while another adds: the NULL waits behind the element.
  write_set(state, "null", meta_of(8));
  CHECK(merge_set(state, {Value::int_of(1), meta_of(8, 1), false}));
  CHECK(set_text(state) == "[1]");
  const std::string before = state;
  CHECK(write_set(state, "[1]", meta_of(9)) == before);
  CHECK(entries_of(write_set(state, "[1,2]", meta_of(10))) == "null 8.0 -, 1 8.1 +, 2 10.0 +");
  base::Arena arena;
  std::vector<SetEntry> entries;
  CHECK(set_difference("", Value::null(), true, meta_of(1), arena, entries).ok());
  CHECK(entries.size() == 1);  // over a DEFAULT, NULL is a value
}

TEST_CASE("set: what is no array of INT and TEXT is refused") {
  base::Arena arena;
  std::vector<SetEntry> entries;
  for (const char* json : {"[1.5]", "[null]", "[true]", "[[1]]", "[{}]", "{}", "1", "\"[1]\""}) {
    Value value;
    REQUIRE(triples::parse_json(json, arena, value));
    const auto result = set_difference("", value, false, meta_of(1), arena, entries);
    CAPTURE(json);
    REQUIRE(!result.ok());
    CHECK(result.error().code == base::ErrorCode::kTypeMismatch);
  }
  CHECK(entries.empty());
  std::string state;
  write_set(state, "[\"]\",\",\",\"\\\"\",\"\\\\\",-9223372036854775808]", meta_of(1));
  CHECK(set_text(state) == "[-9223372036854775808,\"\\\"\",\",\",\"\\\\\",\"]\"]");
}

TEST_CASE("states: a change touches its own bytes alone, in any order of arrival") {
  Rng rng(3);
  for (int run = 0; run < 300; ++run) {
    std::vector<SetEntry> entries;
    std::vector<CounterEntry> sums;
    const std::vector<std::string> texts = {"a", "b", std::string(200, 'c')};
    for (int i = rng.between(1, 12); i > 0; --i) {
      const Meta meta = meta_of(static_cast<std::uint64_t>(rng.between(1, 300)),
                                static_cast<std::uint32_t>(rng.below(3)));
      const Value element =
          rng.chance(50) ? Value::int_of(rng.between(-70, -60)) : Value::text_of(rng.pick(texts));
      entries.push_back({element, meta, rng.chance(40)});
      sums.push_back({meta, rng.between(-100, 100)});
    }
    std::string set;
    std::string counter;
    for (const SetEntry& entry : entries) merge_set(set, entry);
    for (const CounterEntry& entry : sums) merge_counter(counter, entry);
    std::string set_back;
    std::string counter_back;
    for (std::size_t i = entries.size(); i-- > 0;) {
      merge_set(set_back, entries[i]);
      merge_counter(counter_back, sums[i]);
      REQUIRE((is_set_state(set_back) && is_counter_state(counter_back)));
    }
    REQUIRE(hex(set) == hex(set_back));
    REQUIRE(hex(counter) == hex(counter_back));
  }
}

TEST_CASE("row stamps: what is put is read, in the bytes that the header draws") {
  RowState row{CausalLength{1}, meta_of(5)};
  std::vector<CellStamp> cells;
  for (std::uint32_t i = 1; i <= 8; ++i) cells.push_back({AttrId{i}, meta_of(5, 0, 5, i)});
  std::string bytes;
  put_row_stamps(bytes, row, cells);
  CHECK(hex(bytes) == "03 28 00 04 04 04 04 04 04 04 04");
  cells[0].meta = meta_of(6);
  bytes.clear();
  put_row_stamps(bytes, row, cells);
  CHECK(hex(bytes) == "03 28 00 06 30 00 04 04 04 04 04 04 04");
  Rng rng(2);
  for (int run = 0; run < 500; ++run) {
    const bool has_own = rng.chance(80);
    row = {CausalLength{rng.next() >> rng.between(11, 63)},
           has_own ? meta_of(rng.next() >> rng.between(12, 62) | 1, 0, 0,
                             static_cast<std::uint32_t>(rng.below(300)))
                   : Meta()};
    cells.clear();
    std::uint32_t column = 0;
    for (int count = rng.below(10); count > 0; --count) {
      column += static_cast<std::uint32_t>(rng.between(1, rng.chance(10) ? 600'000'000 : 5));
      Meta meta = row.meta;
      meta.position.seq = static_cast<std::uint32_t>(rng.below(20));
      if (rng.chance(30)) {
        meta = meta_of(rng.next() >> rng.between(12, 62), static_cast<std::uint32_t>(rng.below(3)),
                       rng.next() >> rng.between(12, 62));
      }
      if (column > 0x7FFF'FFFF) break;
      cells.push_back({AttrId{column}, meta});
    }
    bytes.clear();
    put_row_stamps(bytes, row, cells);
    RowStampsReader reader(bytes);
    RowState row_back;
    REQUIRE(reader.row(row_back));
    REQUIRE((row_back.cl == row.cl && same(row_back.meta, row.meta)));
    CellStamp cell;
    for (const CellStamp& expected : cells) {
      REQUIRE(reader.next(cell));
      REQUIRE((cell.column == expected.column && same(cell.meta, expected.meta)));
    }
    REQUIRE((!reader.next(cell) && reader.is_complete()));
    RowStampsReader cut(std::string_view(bytes).substr(0, bytes.size() - 1));
    std::size_t cells_read = 0;
    if (!cut.row(row_back)) continue;
    while (cut.next(cell)) ++cells_read;
    REQUIRE(cells_read < cells.size());
  }
}

TEST_CASE("row stamps: a register that the schema doesn't know is kept as bytes") {
  std::string bytes;
  put_register(bytes, {{Version{5}, SiteNumber{3}}, Value::text_of("x")}, {DbVersion{9}, 2});
  CHECK(hex(bytes) == "2b 03 09 02 04 01 78");
  Register back;
  Position position;
  REQUIRE(read_register(bytes, back, position));
  CHECK((back.stamp == Stamp{Version{5}, SiteNumber{3}} && back.value.view() == "x"));
  CHECK(position == Position{DbVersion{9}, 2});
  CHECK(!read_register(bytes + "x", back, position));
  CHECK(!read_register(bytes.substr(0, 6), back, position));
}

// One replica: rows of 8 columns from version 1,000,000 on, then a tenth of the cells again.
TEST_CASE("row stamps: at most 8 bytes per cell, rows and rewrites counted in") {
  constexpr std::uint64_t kRows = 20'000;
  constexpr std::uint64_t kFirst = 1'000'000;  // version of the first transaction
  Rng rng(1);
  std::size_t bytes = 0;
  std::size_t bytes_written_once = 0;
  for (std::uint64_t i = 0; i < kRows; ++i) {
    std::string stamps;
    RowState row{CausalLength{1}, meta_of(kFirst + i)};
    std::vector<CellStamp> cells;
    for (std::uint32_t c = 0; c < 8; ++c) {
      cells.push_back({AttrId{c + 2}, meta_of(kFirst + i, 0, 0, c + 1)});
    }
    put_row_stamps(stamps, row, cells);
    bytes_written_once += stamps.size();
    for (CellStamp& cell : cells) {
      if (rng.chance(10)) cell.meta = meta_of(kFirst + kRows + rng.next() % kRows);
    }
    stamps.clear();
    put_row_stamps(stamps, row, cells);
    bytes += stamps.size();
  }
  const double per_cell = static_cast<double>(bytes) / (8 * kRows);
  MESSAGE("bytes per cell: ", static_cast<double>(bytes_written_once) / (8 * kRows),
          " written once, ", per_cell, " with a tenth rewritten");
  CHECK(per_cell <= 8);
}

}  // namespace tremula::crdt
