#include "db/table_files.h"

#include <utility>

namespace tremula::db {

using base::Result;
using triples::AttrId;
using triples::Slot;
using triples::TypeId;

template <typename T>
Result<T> TableFiles::noted(Result<T> result) {
  ++files_.loads;
  if (!result.ok() && files_.error.code == base::ErrorCode::kOk) files_.error = result.error();
  return result;
}

std::vector<AttrId> TableFiles::attrs() {
  std::vector<AttrId> attrs;
  for (const auto& [type, attr] : files_.newest()->columns()) {
    const bool is_column =
        attr != triples::kRowAttr && attr != lsm::kKeyAttr && !lsm::is_hidden_attr(attr);
    if (type == type_ && is_column) attrs.push_back(attr);
  }
  return attrs;
}

Result<std::vector<std::uint8_t>> TableFiles::rows() {
  return noted(files_.newest()->living_slots(type_, triples::kRowAttr));
}

Result<void> TableFiles::cells(AttrId attr, Slot begin, Slot end, const CellVisitor& visit) {
  if (!aliases_.empty()) return noted(cells_by_alias(attr, begin, end, visit));
  const auto cell = [&](const lsm::Entry& entry) {
    if (!lsm::is_removed_mark(entry.value)) visit(entry.key.slot, entry.value);
  };
  return noted(files_.newest()->scan(type_, attr, begin, end, cell, &files_.blocks));
}

// Slot by slot where a row stands elsewhere, in one go between those.
Result<void> TableFiles::cells_by_alias(AttrId attr, Slot begin, Slot end,
                                        const CellVisitor& visit) {
  const auto snapshot = files_.newest();
  const auto read = [&](Slot from, Slot to, Slot local) {
    return snapshot->scan(
        type_, attr, from, to,
        [&](const lsm::Entry& entry) {
          if (lsm::is_removed_mark(entry.value)) return;
          visit(local + (entry.key.slot - from), entry.value);
        },
        &files_.blocks);
  };
  Slot plain = begin;  // from here on rows stand where the files have them
  for (Slot slot = begin; slot < end; ++slot) {
    const Slot file = aliases_.file_of(slot);
    if (file == slot && aliases_.local_of(slot) == slot) continue;
    if (plain < slot) TREMULA_TRY(read(plain, slot, plain));
    plain = slot + 1;
    // A file's row that stands elsewhere leaves its slot here empty.
    if (file != slot && file != triples::kNoSlot) TREMULA_TRY(read(file, file + 1, slot));
  }
  if (plain < end) TREMULA_TRY(read(plain, end, plain));
  return {};
}

namespace {

// Holds the files that it reads.
class FilesScan final : public lsm::ColdScan {
 public:
  FilesScan(std::shared_ptr<const lsm::LsmSnapshot> files, TypeId type, AttrId attr, Files& shared)
      : files_(std::move(files)), scan_(files_->scan_cells(type, attr)), shared_(shared) {}
  Result<void> read(Slot begin, Slot end, triples::Value* out) override {
    ++shared_.loads;
    auto result = scan_->read(begin, end, out);
    if (!result.ok() && shared_.error.code == base::ErrorCode::kOk) shared_.error = result.error();
    return result;
  }

 private:
  std::shared_ptr<const lsm::LsmSnapshot> files_;
  std::unique_ptr<lsm::ColdScan> scan_;
  Files& shared_;
};

}  // namespace

std::unique_ptr<lsm::ColdScan> TableFiles::scan(AttrId attr) {
  if (!aliases_.empty()) return nullptr;
  return std::make_unique<FilesScan>(files_.newest(), type_, attr, files_);
}

Result<Slot> TableFiles::find(std::string_view key) {
  TREMULA_TRY_ASSIGN(const Slot file, noted(files_.newest()->find_key(type_, key)));
  return file == triples::kNoSlot ? file : aliases_.local_of(file);
}

}  // namespace tremula::db
