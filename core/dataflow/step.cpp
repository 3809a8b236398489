#include "core/dataflow/step.h"

namespace tremula::dataflow {

namespace {

// What was once large is given back: to keep it would cost memory, and to clear it time.
constexpr std::size_t kKeptMax = 256;

template <typename T>
void forget(std::vector<T>& items) {
  if (items.capacity() > kKeptMax)
    items = std::vector<T>();
  else
    items.clear();
}

template <typename Table>
void forget_table(Table& table) {
  if (table.size() > kKeptMax)
    table = Table();
  else if (!table.empty())
    table.clear();
}

}  // namespace

void CoreStep::clear() {
  forget(touched_rows);
  forget(touched_tuples);
  forget(touched_groups);
  touched_all = touched_all_groups = false;
  many_candidates = true;
  forget_table(visited);
  forget_table(visited_pairs);
  forget(dead_tuples);
  building.clear();
  touched_table.clear();
  touched_distinct.clear();
  forget(deltas);
  ranks.clear();
  ranked = false;
  for (std::size_t i = 0; i < texts_used; ++i) texts[i].clear();
  texts_used = 0;
}

const std::string_view* RowTexts::find(std::uint64_t key) const {
  if (!many.empty()) return many.find(key);
  for (const Text& text : few)
    if (text.key == key) return &text.text;
  return nullptr;
}

void RowTexts::add(std::uint64_t key, std::string_view text) {
  constexpr std::size_t kFewMax = 8;
  if (many.empty() && few.size() < kFewMax) {
    few.push_back({key, text});
    return;
  }
  for (const Text& t : few) many[t.key] = t.text;
  few.clear();
  many[key] = text;
}

void RowTexts::clear() {
  first = nullptr;
  few.clear();
  forget_table(many);
  different_at = RowDelta::kUnknown;
}

void BlockStep::clear() {
  forget(touched_rows);
  touched_all = false;
  forget(deltas);
  derived.clear();
  members_before.noted = false;
  forget_table(members_before.counts);
  for (int i = 0; i < 2; ++i) {
    changes[i] = {};
    listed[i] = false;
  }
}

}  // namespace tremula::dataflow
