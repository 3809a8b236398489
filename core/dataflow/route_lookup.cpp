// RouteIndex: asking for a row.
#include "core/dataflow/relation_index.h"
#include "core/dataflow/route_index.h"
#include "core/triples/key_encoding.h"
#include "core/triples/value_text.h"

namespace tremula::dataflow {

using triples::ColumnMask;
using triples::Side;
using triples::Slot;
using triples::Value;

namespace {

// As LIKE and GLOB see it.
void encode_text(Value value, bool fold, std::string& out) {
  const triples::ValueText text(value);
  if (text.is_null()) {
    triples::encode_ordered(Value::null(), out);
    return;
  }
  const std::size_t begin = out.size();
  triples::encode_ordered(Value::text_of(text.view()), out);
  if (!fold) return;
  for (std::size_t i = begin + 1; i < out.size(); ++i)
    if (out[i] >= 'A' && out[i] <= 'Z') out[i] = static_cast<char>(out[i] + ('a' - 'A'));
}

std::size_t number_of(Side side) { return side == Side::kOld ? 0 : 1; }

}  // namespace

const RouteIndex::Point& RouteIndex::read(std::uint32_t number, Slot slot, Side side) {
  Point& point = points_[number];
  const std::size_t s = number_of(side);
  if (point.seen[s] == asked_) return point;
  point.seen[s] = asked_;
  const triples::Relation* relations[] = {&relation_};
  RowContext row;
  row.relations = relations;
  row.tuple = &slot;
  row.arena = &shared_.arena;
  row.side = side;
  std::string& bytes = point.bytes[s];
  bytes.clear();
  const Value value = evaluate(point.of_row, row);
  if (point.kind == RouteTerm::Kind::kEqual)
    triples::encode_ordered(value, bytes);
  else
    encode_text(value, point.kind == RouteTerm::Kind::kLike, bytes);
  point.hash[s] = base::hash_bytes(bytes);
  return point;
}

std::uint32_t RouteIndex::hash_of(const Set& set, Slot slot, Side side) {
  std::uint64_t hash = 0;
  for (const std::uint32_t point : set.points)
    hash = base::hash_combine(hash, read(point, slot, side).hash[number_of(side)]);
  return static_cast<std::uint32_t>(hash >> 32);
}

void RouteIndex::visit(Slot slot, bool in_old, bool in_new, ColumnMask changed,
                       RouteVisitor& visitor) {
  ++asked_;
  for (Set& set : sets_)
    if (set.used > 0) visit_set(set, slot, in_old, in_new, changed, visitor);
  for (const std::unique_ptr<Way>& way : ways_)
    visit_way(*way, slot, in_old, in_new, changed, visitor);
}

void RouteIndex::visit_list(RoutePlace place, RouteVisitor& visitor) const {
  while (place != kNoPlace) {
    const RouteEntry& entry = shared_.entries[place];
    place = entry.next;
    visitor.visit(*entry.instance, entry.source);
  }
}

void RouteIndex::visit_set(Set& set, Slot slot, bool in_old, bool in_new, ColumnMask changed,
                           RouteVisitor& visitor) {
  std::uint32_t before = 0, after = 0;
  const bool same = in_old && in_new && (changed & set.columns) == 0;
  if (in_new) after = hash_of(set, slot, Side::kNew);
  if (in_old) before = same ? after : hash_of(set, slot, Side::kOld);
  if (!set.lists.empty()) {
    if (in_old)
      if (const RoutePlace* list = set.lists.find(before)) visit_list(*list, visitor);
    if (in_new && !(in_old && before == after))
      if (const RoutePlace* list = set.lists.find(after)) visit_list(*list, visitor);
  }
  for (const Range& range : set.ranges)
    if (range.used > 0)
      visit_range(range, slot, in_old ? &before : nullptr, in_new ? &after : nullptr, changed,
                  visitor);
}

void RouteIndex::visit_range(const Range& range, Slot slot, const std::uint32_t* before,
                             const std::uint32_t* after, ColumnMask changed,
                             RouteVisitor& visitor) {
  const bool same_list = before != nullptr && after != nullptr && *before == *after;
  const bool same_point = same_list && (changed & points_[range.point].columns) == 0;
  const IntervalTree* tree = nullptr;
  const std::string* old_point = nullptr;
  if (before != nullptr && !same_point) {
    tree = range.trees.find(*before);
    if (tree != nullptr) {
      old_point = &read(range.point, slot, Side::kOld).bytes[0];
      tree->stab(*old_point, [&](const IntervalView&, RoutePlace list) {
        visit_list(list, visitor);
        return true;
      });
    }
  }
  if (after == nullptr) return;
  if (!same_list || same_point) tree = range.trees.find(*after);
  if (tree == nullptr) return;
  if (!same_list) old_point = nullptr;
  const std::string& new_point = read(range.point, slot, Side::kNew).bytes[1];
  if (old_point != nullptr && *old_point == new_point) return;
  tree->stab(new_point, [&](const IntervalView& interval, RoutePlace list) {
    if (old_point == nullptr || !interval.holds(*old_point)) visit_list(list, visitor);
    return true;
  });
}

void RouteIndex::visit_way(Way& way, Slot slot, bool in_old, bool in_new, ColumnMask changed,
                           RouteVisitor& visitor) {
  // Rows that the commit left as they are, found by values that it left: both sides are one.
  const bool same =
      in_old && in_new && (changed & way.columns) == 0 && way.hop.relation->write_log().empty();
  if (in_old && !same && !follow(way, slot, Side::kOld, visitor)) return;
  if (in_new) follow(way, slot, Side::kNew, visitor);
}

// Asks for the rows that the hop leads to on one side. Where these are more than those who might
// hear of them, all of them hear.
// Returns: false if they have.
bool RouteIndex::follow(Way& way, Slot slot, Side side, RouteVisitor& visitor) {
  const triples::Relation* relations[] = {&relation_};
  RowContext row;
  row.relations = relations;
  row.tuple = &slot;
  row.arena = &shared_.arena;
  row.side = side;
  key_.clear();
  const std::vector<triples::ColumnIndex>& columns =
      way.index ? way.index->columns() : way.hop.columns;
  for (const triples::ColumnIndex column : columns) {
    std::size_t i = 0;
    while (way.hop.columns[i] != column) ++i;
    const Value value = evaluate(way.hop.from[i], row);
    if (value.is_null()) return true;
    triples::encode_ordered(value, key_);
  }
  RouteIndex& rows = *way.rows;
  const bool old = side == Side::kOld;
  auto ask = [&](Slot found) {
    if (way.hop.relation->exists(found, side)) rows.visit(found, old, !old, 0, visitor);
  };
  if (!way.index) {
    const Slot found = shared_.tables.find(way.hop.table, key_);
    if (found != triples::kNoSlot) ask(found);
    return true;
  }
  std::size_t left = 16 + rows.used_;
  way.index->for_each(key_, side, [&](Slot found) {
    ask(found);
    return --left > 0;
  });
  if (left > 0) return true;
  rows.visit_all(visitor);
  return false;
}

void RouteIndex::visit_all(RouteVisitor& visitor) const {
  for (const Set& set : sets_) {
    for (const auto& entry : set.lists) visit_list(entry.value, visitor);
    for (const Range& range : set.ranges)
      for (const auto& entry : range.trees)
        entry.value.for_each([&](RoutePlace list) { visit_list(list, visitor); });
  }
  for (const std::unique_ptr<Way>& way : ways_) way->rows->visit_all(visitor);
}

}  // namespace tremula::dataflow
