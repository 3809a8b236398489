#include "core/dataflow/range_index.h"

#include <optional>
#include <utility>
#include <vector>

#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Side;
using triples::Slot;

RangeIndex::RangeIndex(const triples::Relation& relation, triples::ColumnIndex column)
    : relation_(relation), column_(column) {
  OrderEntries entries;
  std::string key;
  for (Slot slot = 0; slot < relation.slot_end(); ++slot) {
    if (!relation.exists(slot, Side::kOld)) continue;
    key_of(slot, Side::kOld, key);
    entries.add(key, slot);
  }
  order_.build(std::move(entries));
  refresh();
}

void RangeIndex::key_of(Slot slot, Side side, std::string& out) const {
  out.clear();
  triples::encode_ordered(relation_.read(slot, column_, side), out);
}

void RangeIndex::look_again(Slot slot) {
  std::optional<std::string_view> before, after;
  if (const Arrangement::Touched* touched = order_.find_touched(slot)) {
    if (touched->new_key) before = before_ = *touched->new_key;
  } else if (relation_.exists(slot, Side::kOld)) {
    key_of(slot, Side::kOld, before_);
    before = before_;
  }
  if (relation_.exists(slot, Side::kNew)) {
    key_of(slot, Side::kNew, after_);
    after = after_;
  }
  if (before != after) order_.update(slot, before, after);
}

void RangeIndex::refresh() {
  const std::span<const Slot> log = relation_.write_log();
  for (; seen_ < log.size(); ++seen_) look_again(log[seen_]);
}

void RangeIndex::refresh_sealed() {
  if (seen_ > 0) {
    refresh();
    return;
  }
  for (const triples::RowChange& change : relation_.changes())
    if (!change.in_old || !change.in_new || (change.changed & triples::column_bit(column_)) != 0)
      look_again(change.slot);
  seen_ = relation_.write_log().size();
}

void RangeIndex::rollback() {
  const std::vector<Arrangement::Touched> touched = order_.touched();
  for (const Arrangement::Touched& t : touched) {
    std::optional<std::string_view> before, after;
    if (t.new_key) before = *t.new_key;
    if (t.old_key) after = *t.old_key;
    if (before != after) order_.update(t.row, before, after);
  }
  order_.settle();
  seen_ = 0;
}

void RangeIndex::settle() {
  refresh();  // where nothing changed in the end, no step has
  order_.settle();
  seen_ = 0;
}

}  // namespace tremula::dataflow
