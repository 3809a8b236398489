#include "db/sharing.h"

#include <algorithm>
#include <random>
#include <string>

#include "core/base/bytes.h"
#include "core/lsm/entry.h"
#include "core/triples/catalog.h"
#include "db/intents.h"
#include "persist/orderer.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using triples::ColumnIndex;
using triples::Fate;
using triples::kNoSlot;
using triples::Side;
using triples::Slot;
using triples::TypeId;
using triples::Value;
using triples::WrittenRow;

namespace {

constexpr std::size_t kSubmissionBytesMax = std::size_t{1} << 30;

bool is_free(const lsm::RowTable& table, Slot slot) {
  return slot >= table.slot_end() ||
         (!table.exists(slot, Side::kNew) && !table.exists(slot, Side::kOld));
}

// Cells that only the persister reads are left out; a removal that it must remember is one.
Result<bool> next_row(triples::CommitReader& reader, WrittenRow& row) {
  TREMULA_TRY_ASSIGN(const bool more, reader.next(row));
  if (!more) return false;
  std::erase_if(row.cells, [](const auto& cell) { return lsm::is_hidden_attr(cell.attr); });
  for (triples::WrittenCell& cell : row.cells) {
    if (lsm::is_removed_mark(cell.value)) cell.value = Value::missing();
  }
  return true;
}

}  // namespace

Sharing::Sharing(Membership& membership, Store& store, std::uint64_t base, std::int64_t tick)
    : membership_(membership), store_(store), base_(base), tick_(tick) {
  base::put_u64(process_key_, membership.process());
  store_.set_shared();
}

// --- Own transactions ---

// Waits until the last own one is ordered or refused. Before that nothing may follow it: a number
// that is refused is given again.
Result<void> Sharing::decide() {
  if (!is_undecided_) return {};
  const auto ordered = membership_.wait_ordered(last_number_);
  is_undecided_ = !ordered.ok() && !membership_.is_refused(last_number_);
  if (ordered.ok() || is_undecided_) return ordered;
  std::erase(merges_, last_number_);
  --last_number_;
  return ordered;
}

// What was left undecided: whoever wrote it was told of an error.
Result<void> Sharing::decide_before() {
  const auto decided = decide();
  if (is_undecided_) return decided;
  return {};
}

Result<void> Sharing::submit(std::uint64_t step) {
  settled();
  TREMULA_TRY(decide_before());
  record_.clear();
  store_.record(record_);
  intents_.clear();
  const OwnInsert own_insert = [this](TypeId type, std::string_view key) {
    return overlay_.own_insert(type, key);
  };
  TREMULA_TRY(write_intents(store_, record_.view(), own_insert, intents_));
  if (const std::int64_t tick = store_.keys().tick(); tick != tick_) {
    intents_.begin_row(triples::kTickType, crdt::IntentKind::kPut, 0, kTickKey, 1);
    intents_.max(kTickAttr, Value::int_of(tick));
    tick_ = tick;
  }
  const std::uint64_t number = last_number_ + 1;
  const std::string submission = crdt::encode_submission(
      {.seen = base_, .acknowledged = overlay_.last_acknowledged(), .intents = intents_.view()});
  if (submission.size() > kSubmissionBytesMax) {
    return Error{ErrorCode::kIo, "a transaction of " + std::to_string(submission.size()) +
                                     " bytes is too large: at most 1 GiB"};
  }
  TREMULA_TRY(membership_.submit(number, submission));
  last_number_ = number;
  if (store_.catalog_changed()) {
    merges_.push_back(number);
    is_undecided_ = true;
    const auto decided = decide();
    if (!decided.ok() && is_undecided_) {
      return Error{decided.error().code,
                   decided.error().message + "; what it declares may still come to be"};
    }
    TREMULA_TRY(decided);
    merges_.pop_back();  // it is in the overlay
  }
  Pending pending;
  pending.number = number;
  pending.seen = base_;
  pending.step = step;
  pending.intents = intents_.view();
  TREMULA_TRY_ASSIGN(const Pending* taken,
                     overlay_.push(std::move(pending), [this](OverlayRow& row) { capture(row); }));
  // By the rules of merging, what is seen may be other than what was written.
  for (const crdt::IntentRow& intent : taken->rows) {
    if (Overlay::is_kept(intent.type)) show(*overlay_.find(intent.type, intent.key));
  }
  return {};
}

Result<std::uint64_t> Sharing::submit_merge(std::string_view lines) {
  TREMULA_TRY(decide_before());
  crdt::IntentWriter merge;
  merge.begin_row(TypeId{}, crdt::IntentKind::kMerge, 0, lines, 0);
  const std::uint64_t number = last_number_ + 1;
  const std::string submission = crdt::encode_submission(
      {.seen = base_, .acknowledged = overlay_.last_acknowledged(), .intents = merge.view()});
  if (submission.size() > kSubmissionBytesMax) {
    return Error{ErrorCode::kIo, "changes of " + std::to_string(submission.size()) +
                                     " bytes are too many at once: at most 1 GiB"};
  }
  TREMULA_TRY(membership_.submit(number, submission));
  merges_.push_back(number);
  last_number_ = number;
  is_undecided_ = true;
  const auto ordered = decide();
  if (ordered.ok()) return number;
  if (ordered.error().code == ErrorCode::kDuplicateKey) return std::uint64_t{0};
  return ordered.error();
}

bool Sharing::is_merge(std::uint64_t number) const {
  return std::find(merges_.begin(), merges_.end(), number) != merges_.end();
}

// The row as it was before the transaction in hand: nothing was pending on it.
void Sharing::capture(OverlayRow& row) {
  lsm::RowTable& table = store_.write_to(row.type);
  const Slot slot = table.find(row.key);
  if (slot == kNoSlot || !table.exists(slot, Side::kOld)) return;
  row.base.is_alive = true;
  row.file = store_.aliases(row.type).file_of(slot);
  for (ColumnIndex column = 0; column < table.column_count(); ++column) {
    row.base.set(table.attr_of(column), table.stored_of_old(slot, column));
  }
}

// Writes the difference between what is in the tables and what is to be seen.
void Sharing::show(const OverlayRow& row) {
  lsm::RowTable& table = store_.write_to(row.type);
  Slot slot = table.find(row.key);
  if (!row.image.is_alive) {
    if (is_here(table, slot)) table.erase(slot);
    if (slot != kNoSlot) forget_later(row.type, slot);
    return;
  }
  const Slot file = row.base.is_alive ? row.file : kNoSlot;
  if (!is_here(table, slot)) slot = place(table, row.key, file);
  for (const crdt::RowImage::Cell& cell : row.image.cells()) table.column(cell.attr);
  for (ColumnIndex column = 0; column < table.column_count(); ++column) {
    table.write(slot, column, row.image.get(table.attr_of(column)));
  }
  store_.aliases(row.type).set(slot, file);
}

// Inserts a row, in the slot that it has in the files if that is free here.
Slot Sharing::place(lsm::RowTable& table, std::string_view key, Slot file) {
  SlotAliases& aliases = store_.aliases(table.type());
  if (file != kNoSlot && aliases.local_of(file) == file && is_free(table, file) &&
      table.find(key) == kNoSlot) {
    table.insert_at(key, file);
    return file;
  }
  const Slot slot = table.insert(key);
  aliases.set(slot, file);
  return slot;
}

// --- What was ordered ---

Result<Sharing::Taken> Sharing::take_next() {
  if (failure_.code != ErrorCode::kOk) return failure_;
  settled();
  persist::LogCommit commit;
  const auto taken = [&]() -> Result<Taken> {
    TREMULA_TRY_ASSIGN(const persist::LogTail::Read read, membership_.next(commit));
    if (read == persist::LogTail::Read::kEnd) return Taken::kNothing;
    return read == persist::LogTail::Read::kLost ? Taken::kLost : take(commit);
  }();
  if (!taken.ok()) failure_ = taken.error();
  return taken;
}

Result<Sharing::Taken> Sharing::take(const persist::LogCommit& commit) {
  if (commit.version != base_ + 1) {
    return Error{ErrorCode::kCorrupt, "the log goes on with commit " +
                                          std::to_string(commit.version) + ", commit " +
                                          std::to_string(base_ + 1) + " was expected"};
  }
  triples::CommitReader rows(commit.record);
  TREMULA_TRY_ASSIGN(TakenMerge process, read_process(rows));
  if (is_merge(process.number)) {
    std::erase(merges_, process.number);
    taken_merge_ = std::exchange(process, {});  // as another's: nothing of it is seen yet
  }
  const std::uint64_t number = process.number;
  store_.begin_statement();
  bool is_of_schema = false;
  for (;;) {
    TREMULA_TRY_ASSIGN(const bool more, next_row(rows, row_));
    if (!more) break;
    if (!Overlay::is_kept(row_.type)) continue;
    is_of_schema = is_of_schema || is_of_catalog(row_.type);
    TREMULA_TRY(apply(row_, commit.version, number != 0));
  }
  base_ = commit.version;
  if (number != 0) {
    TREMULA_TRY(acknowledge(number, commit.version));
    return Taken::kOwn;
  }
  if (is_of_schema) store_.follow_catalog_rows();
  return Taken::kForeign;
}

// Whose the record is. That stands first in most: then `rows` goes on behind it.
Result<Sharing::TakenMerge> Sharing::read_process(triples::CommitReader& rows) {
  triples::CommitReader ahead = rows;
  for (bool is_first = true;; is_first = false) {
    TREMULA_TRY_ASSIGN(const bool more, ahead.next(row_));
    if (!more) return TakenMerge{};
    if (row_.type != triples::kProcessType) continue;
    TakenMerge read;
    for (const triples::WrittenCell& cell : row_.cells) {
      const auto value = static_cast<std::uint64_t>(cell.value.integer);
      if (cell.attr == persist::kNumberAttr) read.number = value;
      if (cell.attr == persist::kMergedAttr) read.changes = static_cast<std::size_t>(value);
    }
    if (read.number == 0) continue;  // of another's recent ones
    if (is_first) rows = ahead;
    return row_.key == process_key_ ? read : TakenMerge{};
  }
}

Result<void> Sharing::apply(const WrittenRow& row, std::uint64_t version, bool is_own) {
  OverlayRow* pending = overlay_.find(row.type, row.key);
  if (pending == nullptr) return is_own ? misfit(row) : write(row);
  overlay_.apply(*pending, row, version);
  if (is_own) return {};  // it is in the image
  overlay_.refresh(*pending);
  show(*pending);
  return {};
}

// An effect on a row that no own transaction is pending on.
Result<void> Sharing::write(const WrittenRow& row) {
  lsm::RowTable& table = store_.write_to(row.type);
  Slot slot = table.find(row.key);
  const bool stands = is_here(table, slot);
  if (!stands && row.fate != Fate::kInserted) return misfit(row);
  if (row.fate == Fate::kDeleted) {
    table.erase(slot);
    forget_later(row.type, slot);
    return {};
  }
  if (row.fate == Fate::kInserted) {
    if (!stands) {
      slot = place(table, row.key, row.slot);
    } else {  // deleted and inserted in one transaction
      for (ColumnIndex column = 0; column < table.column_count(); ++column) {
        table.write(slot, column, Value::missing());
      }
      store_.aliases(row.type).set(slot, row.slot);
    }
  }
  for (const triples::WrittenCell& cell : row.cells) {
    table.write(slot, table.column(cell.attr), cell.value);
    const bool is_generated =
        cell.attr == triples::kGeneratedIdAttr && cell.value.kind == triples::Kind::kInt;
    if (is_generated && store_.keys().has_tag_of(cell.value.integer)) {
      store_.keys().take_tag(std::random_device{}());
    }
  }
  return {};
}

Result<void> Sharing::acknowledge(std::uint64_t number, std::uint64_t version) {
  if (overlay_.empty() || overlay_.front().number != number) {
    return Error{ErrorCode::kCorrupt, "the log has transaction " + std::to_string(number) +
                                          " of this process in another's place"};
  }
  steps_.emplace_back(overlay_.front().step, version);
  overlay_.pop(version, [this](const OverlayRow& row) {
    // The row may be dropped from memory now, and is found again in its slot of the files.
    const Slot slot = store_.find(row.type, row.key);
    if (slot != kNoSlot && row.base.is_alive) store_.aliases(row.type).set(slot, row.file);
  });
  return {};
}

void Sharing::settled() {
  for (const Forgotten& gone : forgotten_) {
    // It may have been taken again since.
    const lsm::RowTable& table = store_.row_table(gone.type);
    if (is_free(table, gone.slot)) store_.aliases(gone.type).forget(gone.slot);
  }
  forgotten_.clear();
}

Error Sharing::misfit(const WrittenRow& row) const {
  return {ErrorCode::kCorrupt, "the log doesn't fit what is here at table " +
                                   std::to_string(static_cast<std::uint32_t>(row.type)) + ", row " +
                                   std::to_string(row.slot)};
}

// Steps of others have versions not above their step, so that `flushed` bounds them.
std::uint64_t Sharing::droppable(std::uint64_t flushed) {
  while (!steps_.empty() && steps_.front().second <= flushed) steps_.pop_front();
  std::uint64_t step = flushed;
  if (!steps_.empty()) step = std::min(step, steps_.front().first - 1);
  if (!overlay_.empty()) step = std::min(step, overlay_.front().step - 1);
  return step;
}

}  // namespace tremula::db
