#include "tests/crdt/oracle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/crdt/change_record.h"
#include "core/triples/value_ops.h"

namespace tremula::crdt {

using triples::AttrId;
using triples::MergeRule;
using triples::Value;

namespace {

std::string printed(Value value) {
  std::string text;
  triples::print_json(value, text);
  return text;
}

// What a record is about: only one record of each place is left.
using Place = std::tuple<std::uint32_t, std::string, std::uint32_t, std::string, MergeRule,
                         std::string, SiteId>;

Place place_of(const ChangeRecord& record) {
  const bool is_set = record.rule == MergeRule::kSet;
  const bool by_site = is_set || record.rule == MergeRule::kCounter;
  return {static_cast<std::uint32_t>(record.table),
          std::string(record.key),
          static_cast<std::uint32_t>(record.column),
          std::string(record.column_name),
          record.rule,
          is_set ? printed(record.value) : "",
          by_site ? record.site : SiteId{}};
}

// Whether `a` is left and not `b`, both of one place and one life.
bool beats(const ChangeRecord& a, const ChangeRecord& b) {
  if (a.rule == MergeRule::kMax || a.rule == MergeRule::kMin) {
    if (a.value.is_null() != b.value.is_null()) return b.value.is_null();
    const auto order = triples::compare(a.value, b.value);
    if (order != 0) return a.rule == MergeRule::kMax ? order > 0 : order < 0;
  }
  if (a.version != b.version) return a.version > b.version;
  if (a.site != b.site) return a.site > b.site;
  if (a.is_removal != b.is_removal) return a.is_removal;
  return triples::compare(a.value, b.value) > 0;
}

}  // namespace

std::string without_position(const std::string& line) {
  base::Arena arena;
  ChangeLine read;
  REQUIRE(parse_change(line, 1, arena, read).ok());
  read.record.position = {};
  std::string text;
  print_change(read.record, text);
  return text;
}

std::string surviving_records(const std::vector<std::string>& lines) {
  base::Arena arena;
  std::vector<ChangeRecord> records;
  std::map<std::pair<std::uint32_t, std::string>, CausalLength> lives;
  for (const std::string& line : lines) {
    ChangeLine read;
    REQUIRE(parse_change(line, 1, arena, read).ok());
    ChangeRecord& record = records.emplace_back(read.record);
    record.position = {};
    if (record.column_name == "mood") {
      record.column_name = "";
      record.column = AttrId{8};
    }
    CausalLength& life = lives[{static_cast<std::uint32_t>(record.table), std::string(record.key)}];
    life = std::max(life, record.cl);
  }
  std::map<Place, ChangeRecord> left;
  for (const ChangeRecord& record : records) {
    if (record.cl < lives[{static_cast<std::uint32_t>(record.table), std::string(record.key)}]) {
      continue;
    }
    const auto [found, is_new] = left.emplace(place_of(record), record);
    if (!is_new && beats(record, found->second)) found->second = record;
  }
  std::set<std::string> sorted;
  for (const auto& [place, record] : left) {
    std::string text;
    print_change(record, text);
    sorted.insert(text);
  }
  std::string text;
  for (const std::string& line : sorted) text += line;
  return text;
}

}  // namespace tremula::crdt
