#include "db/table_files.h"

#include <utility>

namespace tremula::db {

using base::Result;
using triples::AttrId;
using triples::Slot;

template <typename T>
Result<T> TableFiles::noted(Result<T> result) {
  ++files_.loads;
  if (!result.ok() && files_.error.code == base::ErrorCode::kOk) files_.error = result.error();
  return result;
}

std::vector<AttrId> TableFiles::attrs() {
  std::vector<AttrId> attrs;
  for (const auto& [type, attr] : files_.newest()->columns()) {
    if (type == type_ && attr != triples::kRowAttr && attr != lsm::kKeyAttr) attrs.push_back(attr);
  }
  return attrs;
}

Result<std::vector<std::uint8_t>> TableFiles::rows() {
  return noted(files_.newest()->living_slots(type_, triples::kRowAttr));
}

Result<void> TableFiles::cells(AttrId attr, Slot begin, Slot end, const CellVisitor& visit) {
  const auto cell = [&](const lsm::Entry& entry) { visit(entry.key.slot, entry.value); };
  return noted(files_.newest()->scan(type_, attr, begin, end, cell, &files_.blocks));
}

Result<Slot> TableFiles::find(std::string_view key) {
  return noted(files_.newest()->find_key(type_, key));
}

}  // namespace tremula::db
