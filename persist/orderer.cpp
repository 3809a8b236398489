#include "persist/orderer.h"

#include <algorithm>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/check.h"

namespace tremula::persist {

using base::Result;
using triples::AttrId;
using triples::Fate;
using triples::Slot;
using triples::TypeId;
using triples::Value;

namespace {

using Recent = std::deque<std::pair<std::uint64_t, std::uint64_t>>;

constexpr std::size_t kFewRows = 8;
// Columns from here on are the persister's own.
constexpr AttrId kAttrEnd{0x8000'0000};

std::string key_of(std::uint64_t process) {
  std::string key;
  base::put_u64(key, process);
  return key;
}

bool is_of_catalog(TypeId type) {
  return type >= triples::kCatalogTableType && type <= triples::kHiddenColumnType;
}

// Whether a process may write there: tables, the catalog, the key generator's tick.
bool is_writable(TypeId type) {
  const auto number = static_cast<std::uint32_t>(type);
  if (number >= 1 && number <= triples::kMaxDeclaredNumber) return true;
  return is_of_catalog(type) || type == triples::kTickType;
}

Value stored_value(const std::optional<lsm::StoredCell>& cell) {
  if (!cell) return Value::missing();
  const Value value = cell->value.value();
  return lsm::is_removed_mark(value) ? Value::missing() : value;
}

// Whether the transaction is a merge.
bool find_merge(std::string_view intents, std::string_view& lines) {
  crdt::IntentReader reader(intents);
  crdt::IntentRow first;
  const auto more = reader.next(first);
  if (!more.ok() || !more.value() || first.kind != crdt::IntentKind::kMerge) return false;
  lines = first.key;
  return true;
}

std::string recent_bytes(const Recent& recent) {
  std::string bytes;
  for (const auto& [number, version] : recent) {
    base::put_varint(bytes, number);
    base::put_varint(bytes, version);
  }
  return bytes;
}

void read_recent(Value bytes, Recent& recent) {
  recent.clear();
  if (bytes.kind != triples::Kind::kBytes) return;
  base::ByteReader from(bytes.view());
  std::pair<std::uint64_t, std::uint64_t> next;
  while (from.varint(next.first) && from.varint(next.second)) recent.push_back(next);
}

}  // namespace

Result<Orderer::Process*> Orderer::process_of(std::uint64_t id) {
  const auto known = processes_.find(id);
  if (known != processes_.end()) return &known->second;
  Process process;
  TREMULA_TRY_ASSIGN(const auto key, tree_.find_key(triples::kProcessType, key_of(id)));
  if (key && key->slot != triples::kNoSlot) {
    process.slot = key->slot;
    TREMULA_TRY_ASSIGN(const auto cell,
                       tree_.get(triples::kProcessType, kNumberAttr, process.slot));
    const Value number = stored_value(cell);
    if (number.kind != triples::Kind::kInt || number.integer < 1) {
      return base::Error{base::ErrorCode::kCorrupt,
                         "the row of process " + std::to_string(id) + " has no number"};
    }
    process.number = static_cast<std::uint64_t>(number.integer);
    process.version = cell->version;
    TREMULA_TRY_ASSIGN(const auto recent,
                       tree_.get(triples::kProcessType, kRecentAttr, process.slot));
    read_recent(stored_value(recent), process.recent);
  }
  return &processes_.emplace(id, std::move(process)).first->second;
}

Result<std::uint64_t> Orderer::last_number(std::uint64_t process) {
  TREMULA_TRY_ASSIGN(const Process* const known, process_of(process));
  return known->number;
}

// What an earlier host ordered, and no log tells any more, is at most as new as the last of them.
std::uint64_t Orderer::version_of(const Process& process, std::uint64_t number) const {
  const auto at = std::lower_bound(
      process.recent.begin(), process.recent.end(), number,
      [](const auto& ordered, std::uint64_t wanted) { return ordered.first < wanted; });
  return at != process.recent.end() && at->first == number ? at->second : process.version;
}

bool Orderer::refuse(base::ErrorCode code, std::string message) {
  refusal_ = {code, std::move(message)};
  return false;
}

Result<Orderer::Outcome> Orderer::order(std::uint64_t process, std::uint64_t number,
                                        std::string_view record, std::uint64_t version,
                                        bool with_recent, triples::CommitWriter& effect) {
  TREMULA_TRY_ASSIGN(Process* const from, process_of(process));
  if (number <= from->number) return Outcome::kKnown;
  if (number != from->number + 1) {
    refuse(base::ErrorCode::kCorrupt, "transaction " + std::to_string(number) + " came where " +
                                          std::to_string(from->number + 1) + " was expected");
    return Outcome::kRefused;
  }
  const auto submission = crdt::decode_submission(record);
  if (!submission.ok()) {
    refusal_ = submission.error();
    return Outcome::kRefused;
  }
  if (find_merge(submission.value().intents, merge_lines_)) return Outcome::kMerge;
  rows_.clear();
  row_at_.clear();
  changes_catalog_ = false;
  TREMULA_TRY_ASSIGN(const bool taken, rebase_rows(*from, number, submission.value(), version));
  if (!taken) return Outcome::kRefused;
  auto& recent = from->recent;
  while (!recent.empty() && recent.front().first <= submission.value().acknowledged)
    recent.pop_front();
  recent.emplace_back(number, version);
  // First: most readers look for it alone.
  TREMULA_TRY(write_process(process, *from, number, std::nullopt, with_recent, effect));
  TREMULA_TRY(write(version, effect));
  from->number = number;
  from->version = version;
  if (changes_catalog_) catalog_version_ = version;
  return Outcome::kEffect;
}

Result<void> Orderer::end_merge(std::uint64_t process, std::uint64_t number, std::uint64_t version,
                                std::size_t merged, bool with_recent,
                                triples::CommitWriter& effect) {
  TREMULA_TRY_ASSIGN(Process* const from, process_of(process));
  from->recent.emplace_back(number, version);
  TREMULA_TRY(write_process(process, *from, number, merged, with_recent, effect));
  from->number = number;
  from->version = version;
  return {};
}

Result<bool> Orderer::rebase_rows(const Process& process, std::uint64_t number,
                                  const crdt::Submission& submission, std::uint64_t version) {
  crdt::IntentReader reader(submission.intents);
  for (;;) {
    const auto more = reader.next(intent_);
    if (!more.ok()) return refuse(more.error().code, more.error().message);
    if (!more.value()) return true;
    const bool is_of_columns =
        std::all_of(intent_.cells.begin(), intent_.cells.end(),
                    [](const crdt::IntentCell& cell) { return cell.attr < kAttrEnd; });
    if (!is_writable(intent_.type) || !is_of_columns || intent_.own_insert > number) {
      return refuse(base::ErrorCode::kCorrupt, "a submission writes where no process may");
    }
    if (is_of_catalog(intent_.type)) {
      changes_catalog_ = true;
      if (catalog_version_ > submission.seen) {
        return refuse(base::ErrorCode::kSchemaConflict,
                      "another process changed the schema meanwhile; run it again");
      }
    }
    TREMULA_TRY_ASSIGN(Row* const row, row_of(intent_.type, intent_.key));
    if (row->was_alive && row->image.is_alive && row->image.birth == row->birth)
      TREMULA_TRY(read_cells(*row, intent_.cells));
    crdt::Ground ground{.seen = submission.seen, .own_insert = 0, .now = version};
    if (intent_.own_insert == number)
      ground.own_insert = version;
    else if (intent_.own_insert > 0)
      ground.own_insert = version_of(process, intent_.own_insert);
    (void)crdt::rebase(row->image, intent_, ground);
  }
}

// Of few rows it is found soonest by looking at each.
Orderer::Row* Orderer::find_row(TypeId type, std::string_view key) {
  if (rows_.size() > kFewRows) {
    const auto known = row_at_.find({type, key});
    return known == row_at_.end() ? nullptr : known->second;
  }
  for (Row& row : rows_) {
    if (row.type == type && row.key == key) return &row;
  }
  return nullptr;
}

void Orderer::note_row(Row& row) {
  if (!row_at_.empty()) {
    row_at_.emplace(std::pair<TypeId, std::string_view>{row.type, row.key}, &row);
    return;
  }
  for (Row& each : rows_) {
    row_at_.emplace(std::pair<TypeId, std::string_view>{each.type, each.key}, &each);
  }
}

Result<Orderer::Row*> Orderer::row_of(TypeId type, std::string_view key) {
  if (Row* const known = find_row(type, key)) return known;
  Row& row = rows_.emplace_back();
  row.type = type;
  row.key = key;
  if (rows_.size() > kFewRows) note_row(row);
  TREMULA_TRY_ASSIGN(const auto found, tree_.find_key(type, key));
  if (!found || found->slot == triples::kNoSlot) return &row;
  TREMULA_TRY_ASSIGN(const auto self, tree_.get(type, triples::kRowAttr, found->slot));
  if (!self || self->value.value().view() != key) {
    return base::Error{base::ErrorCode::kCorrupt,
                       "table " + std::to_string(static_cast<std::uint32_t>(type)) + ": row " +
                           std::to_string(found->slot) + " is not the one that its key names"};
  }
  row.slot = found->slot;
  row.was_alive = row.image.is_alive = true;
  row.birth = row.image.birth = self->version;
  return &row;
}

// Of a row in the life that base knows: the cells that are named for the first time.
Result<void> Orderer::read_cells(Row& row, const std::vector<crdt::IntentCell>& cells) {
  for (const crdt::IntentCell& cell : cells) {
    const bool is_read = std::any_of(row.before.begin(), row.before.end(),
                                     [&](const auto& read) { return read.first == cell.attr; });
    if (is_read) continue;
    TREMULA_TRY_ASSIGN(const auto found, tree_.get(row.type, cell.attr, row.slot));
    const Value value = stored_value(found);
    row.before.emplace_back(cell.attr, triples::OwnedValue(value));
    row.image.set(cell.attr, value);
  }
  return {};
}

// --- The effect ---

Result<Slot> Orderer::take_slot(TypeId type) {
  auto known = slot_ends_.find(type);
  if (known == slot_ends_.end()) {
    TREMULA_TRY_ASSIGN(const Slot end, tree_.slot_end(type));
    known = slot_ends_.emplace(type, end).first;
  }
  if (known->second == triples::kNoSlot) {
    return base::Error{base::ErrorCode::kUnsupported,
                       "table " + std::to_string(static_cast<std::uint32_t>(type)) +
                           " has had too many rows; copy it into a new database"};
  }
  return known->second++;
}

Result<void> Orderer::write(std::uint64_t version, triples::CommitWriter& effect) {
  const auto is_new_life = [&](const Row& row) {
    return row.image.is_alive && row.image.birth == version;
  };
  for (const Row& row : rows_) {
    if (row.was_alive && (!row.image.is_alive || is_new_life(row)))
      effect.begin_row(row.type, row.slot, Fate::kDeleted, row.key, 0);
  }
  for (const Row& row : rows_) {
    if (!row.image.is_alive) continue;
    if (!is_new_life(row)) {
      write_update(row, effect);
      continue;
    }
    TREMULA_TRY_ASSIGN(const Slot slot, take_slot(row.type));
    effect.begin_row(row.type, slot, Fate::kInserted, row.key, row.image.cells().size());
    for (const auto& cell : row.image.cells()) effect.cell(cell.attr, cell.value.value());
  }
  return {};
}

void Orderer::write_update(const Row& row, triples::CommitWriter& effect) {
  const auto differs = [&](const auto& before) {
    return !triples::identical(before.second.value(), row.image.get(before.first));
  };
  const auto cells = std::count_if(row.before.begin(), row.before.end(), differs);
  if (cells == 0) return;
  effect.begin_row(row.type, row.slot, Fate::kUpdated, row.key, static_cast<std::size_t>(cells));
  for (const auto& before : row.before) {
    if (differs(before)) effect.cell(before.first, row.image.get(before.first));
  }
}

Result<void> Orderer::write_process(std::uint64_t id, Process& process, std::uint64_t number,
                                    std::optional<std::size_t> merged, bool with_recent,
                                    triples::CommitWriter& effect) {
  const bool is_new = process.slot == triples::kNoSlot;
  if (is_new) {
    TREMULA_TRY_ASSIGN(process.slot, take_slot(triples::kProcessType));
  }
  effect.begin_row(triples::kProcessType, process.slot, is_new ? Fate::kInserted : Fate::kUpdated,
                   key_of(id), 1U + (merged ? 1 : 0) + (with_recent ? 1 : 0));
  effect.cell(kNumberAttr, Value::int_of(static_cast<std::int64_t>(number)));
  if (with_recent) {
    effect.cell(kRecentAttr, Value::bytes_of(recent_bytes(process.recent)));
  }
  if (merged) effect.cell(kMergedAttr, Value::int_of(static_cast<std::int64_t>(*merged)));
  if (!with_recent) return {};
  for (const auto& [other_id, other] : processes_) {
    if (other_id == id || other.slot == triples::kNoSlot || other.recent.empty()) continue;
    effect.begin_row(triples::kProcessType, other.slot, Fate::kUpdated, key_of(other_id), 1);
    effect.cell(kRecentAttr, Value::bytes_of(recent_bytes(other.recent)));
  }
  return {};
}

Result<void> Orderer::note(std::string_view commit_record, std::uint64_t version) {
  triples::CommitReader reader(commit_record);
  triples::WrittenRow row;
  for (;;) {
    TREMULA_TRY_ASSIGN(const bool more, reader.next(row));
    if (!more) return {};
    std::uint64_t id = 0;
    base::ByteReader key(row.key);
    if (row.type != triples::kProcessType || row.fate == Fate::kDeleted || !key.u64(id)) continue;
    // What the files say of it comes first.
    TREMULA_TRY_ASSIGN(Process* const process, process_of(id));
    process->slot = row.slot;
    bool has_recent = false;
    for (const triples::WrittenCell& cell : row.cells) {
      if (cell.attr == kRecentAttr) {
        read_recent(cell.value, process->recent);
        has_recent = true;
      }
      if (cell.attr != kNumberAttr) continue;
      process->number = static_cast<std::uint64_t>(cell.value.integer);
      process->version = version;
    }
    const bool is_own = row.cells.size() > 0 && row.cells.front().attr == kNumberAttr;
    if (is_own && !has_recent) process->recent.emplace_back(process->number, version);
  }
}

}  // namespace tremula::persist
