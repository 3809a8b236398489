#include "persist/stamp_book.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/crdt/row_stamps.h"

namespace tremula::persist {

using base::Error;
using base::ErrorCode;
using base::Result;
using triples::AttrId;
using triples::Fate;
using triples::Kind;
using triples::Slot;
using triples::TypeId;
using triples::Value;

namespace {

constexpr AttrId kFirstCell{1};
constexpr AttrId kSecondCell{2};

Error damaged(const std::string& what) {
  return {ErrorCode::kCorrupt, "what merging keeps is damaged: " + what};
}

// Most significant byte first, so that keys stand in the order of their numbers.
std::string big_endian(std::uint64_t number, std::size_t bytes) {
  std::string out;
  for (std::size_t i = bytes; i > 0; --i) out += static_cast<char>(number >> (8 * (i - 1)) & 255);
  return out;
}

std::string type_key(TypeId type) { return big_endian(static_cast<std::uint32_t>(type), 4); }

crdt::SiteId site_at(std::string_view bytes) {
  crdt::SiteId site;
  std::copy_n(bytes.begin(), kSiteIdBytes, site.bytes.begin());
  return site;
}

Value integer(std::uint64_t number) { return Value::int_of(static_cast<std::int64_t>(number)); }

bool is_hidden_type(TypeId type) { return type >= kSiteType && type <= kGraveType; }

}  // namespace

std::string rename_site(std::string_view site, std::string_view name, std::uint64_t version) {
  TREMULA_ASSERT(name.size() == kSiteIdBytes);
  std::string renamed(name);
  if (site.size() < kSiteIdBytes) return renamed;
  renamed += site.substr(kSiteIdBytes);
  // A name that nothing was written under leaves no trace.
  std::uint64_t before = 0;
  if (site.size() > kSiteIdBytes) before = base::load_u64(site.data() + site.size() - 8);
  if (before == version) return renamed;
  renamed += site.substr(0, kSiteIdBytes);
  base::put_u64(renamed, version);
  return renamed;
}

bool read_grave(std::string_view bytes, Grave& grave) {
  base::ByteReader from(bytes);
  std::uint32_t type = 0;
  if (!from.varint32(type) || !from.sized(grave.key)) return false;
  grave.type = TypeId{type};
  crdt::RowStampsReader stamps(from.rest());
  return stamps.row(grave.state) && stamps.is_complete();
}

// --- Loading ---

Result<void> StampBook::take_names(std::string_view site) {
  const std::size_t earlier = site.size() - std::min(site.size(), kSiteIdBytes);
  if (site.size() < kSiteIdBytes || earlier % kEarlierSiteBytes != 0) {
    return damaged("the manifest's site");
  }
  std::uint64_t first = 0;
  const auto take = [&](std::string_view name) {
    own_.push_back({sites_.number_of(site_at(name)), first});
  };
  for (std::size_t at = kSiteIdBytes; at < site.size(); at += kEarlierSiteBytes) {
    take(site.substr(at, kSiteIdBytes));
    first = base::load_u64(site.data() + at + kSiteIdBytes) + 1;
  }
  take(site.substr(0, kSiteIdBytes));
  return {};
}

Result<void> StampBook::take_row(TypeId type, std::string_view key, Value first_cell,
                                 Value second_cell) {
  const auto is_number = [](Value value) { return value.kind == Kind::kInt && value.integer >= 0; };
  if (!is_number(first_cell)) return damaged("a number is missing");
  const auto number = static_cast<std::uint64_t>(first_cell.integer);
  if (type == kMarkedType) marked_.insert(TypeId{static_cast<std::uint32_t>(number)});
  if (type == kClockType) {
    if (!is_number(second_cell)) return damaged("a lift of the clock is missing");
    lifts_.push_back({number, static_cast<std::uint64_t>(second_cell.integer)});
  }
  if (type != kSiteType) return {};
  if (key.size() != kSiteIdBytes || number != sites_.size()) return damaged("the sites");
  if (sites_.number_of(site_at(key)) != crdt::SiteNumber{static_cast<std::uint32_t>(number)}) {
    return damaged("a site stands twice");
  }
  saved_sites_ = sites_.size();
  return {};
}

// Rows of the hidden tables as files and memtables have them, and which tables have hidden cells.
// None is ever written over but graves, of which only whose they are is noted.
class StampBook::Loading {
 public:
  explicit Loading(StampBook& book) : book_(book) {}

  Result<void> read_files(const lsm::LsmSnapshot& files) {
    for (const auto& [type, attr] : files.columns()) {
      if (is_merged_type(type) && lsm::is_hidden_attr(attr)) book_.note_stamped(type);
      if (!is_hidden_type(type) || attr == lsm::kKeyAttr) continue;
      TREMULA_TRY(files.scan(type, attr, [&, type = type, attr = attr](const lsm::Entry& entry) {
        Row& row = row_of(type, entry.key.slot);
        if (attr == triples::kRowAttr) row.key = entry.value.view();
        take_cell(type, row, attr, entry.value);
      }));
    }
    return {};
  }

  void read_memtable_row(const lsm::MemtableRow& read) {
    if (is_merged_type(read.type)) {
      for (const triples::WrittenCell& cell : read.cells) {
        if (lsm::is_hidden_attr(cell.attr)) book_.note_stamped(read.type);
      }
    }
    if (!is_hidden_type(read.type)) return;
    Row& row = row_of(read.type, read.slot);
    row.key = read.key;
    for (const triples::WrittenCell& cell : read.cells) {
      take_cell(read.type, row, cell.attr, cell.value);
    }
  }

  Result<void> take_rows() {
    for (const auto& [type, rows] : rows_) {
      for (const auto& [slot, row] : rows) {
        if (type == kGraveType) continue;
        TREMULA_TRY(book_.take_row(type, row.key, row.cells[0], row.cells[1]));
      }
    }
    return {};
  }

 private:
  struct Row {
    std::string key;
    Value cells[2] = {Value::missing(), Value::missing()};  // numbers
  };

  Row& row_of(TypeId type, Slot slot) {
    Slot& next = book_.next_slot_[type];
    next = std::max(next, slot + 1);
    return rows_[type][slot];
  }

  void take_cell(TypeId type, Row& row, AttrId attr, Value value) {
    if (type == kGraveType) {
      Grave grave;
      const bool is_grave = attr == kFirstCell && value.kind == Kind::kBytes;
      if (is_grave && read_grave(value.view(), grave)) book_.note_stamped(grave.type);
    } else if (attr == kFirstCell || attr == kSecondCell) {
      row.cells[attr == kFirstCell ? 0 : 1] = value;
    }
  }

  StampBook& book_;
  std::map<TypeId, std::map<Slot, Row>> rows_;
};

Result<StampBook> StampBook::load(const lsm::LsmTree& tree, std::string_view site) {
  StampBook book;
  if (site.size() < kSiteIdBytes) return damaged("the manifest's site");
  // The oldest name is number 0, whatever else there is.
  const bool has_earlier = site.size() >= kSiteIdBytes + kEarlierSiteBytes;
  book.sites_.number_of(site_at(site.substr(has_earlier ? kSiteIdBytes : 0, kSiteIdBytes)));
  Loading loading(book);
  TREMULA_TRY(loading.read_files(*tree.snapshot()));
  tree.visit_memtables([&](const lsm::MemtableRow& row) { loading.read_memtable_row(row); });
  TREMULA_TRY(loading.take_rows());
  std::sort(book.lifts_.begin(), book.lifts_.end(),
            [](const Lift& a, const Lift& b) { return a.first < b.first; });
  TREMULA_TRY(book.take_names(site));
  return book;
}

// --- Stamps ---

crdt::Version StampBook::version_of(std::uint64_t db_version) const {
  const auto after = std::upper_bound(
      lifts_.begin(), lifts_.end(), db_version,
      [](std::uint64_t version, const Lift& lift) { return version < lift.first; });
  return crdt::Version{db_version + (after == lifts_.begin() ? 0 : std::prev(after)->by)};
}

crdt::Stamp StampBook::stamp_of(std::uint64_t db_version) const {
  const auto after = std::upper_bound(
      own_.begin(), own_.end(), db_version,
      [](std::uint64_t version, const Name& name) { return version < name.first; });
  TREMULA_ASSERT(after != own_.begin());
  return {version_of(db_version), std::prev(after)->site};
}

void StampBook::lift(std::uint64_t db_version, crdt::Version now, triples::CommitWriter& to) {
  if (now <= version_of(db_version)) return;
  const Lift lift{db_version + 1, static_cast<std::uint64_t>(now) - db_version};
  lifts_.push_back(lift);
  to.begin_row(kClockType, take_slot(kClockType), Fate::kInserted, big_endian(lift.first, 8), 2);
  to.cell(kFirstCell, integer(lift.first));
  to.cell(kSecondCell, integer(lift.by));
}

// --- Hidden tables ---

std::string grave_key(TypeId type, std::string_view key) { return type_key(type).append(key); }

void StampBook::mark(TypeId type, triples::CommitWriter& to) {
  if (!marked_.insert(type).second) return;
  to.begin_row(kMarkedType, take_slot(kMarkedType), Fate::kInserted, type_key(type), 1);
  to.cell(kFirstCell, integer(static_cast<std::uint32_t>(type)));
}

void StampBook::put_new_sites(triples::CommitWriter& to) {
  for (; saved_sites_ < sites_.size(); ++saved_sites_) {
    const crdt::SiteId& site =
        sites_.id_of(crdt::SiteNumber{static_cast<std::uint32_t>(saved_sites_)});
    const std::string_view key(reinterpret_cast<const char*>(site.bytes.data()), kSiteIdBytes);
    to.begin_row(kSiteType, take_slot(kSiteType), Fate::kInserted, key, 1);
    to.cell(kFirstCell, integer(saved_sites_));
  }
}

Result<crdt::RowState> StampBook::grave(const lsm::LsmTree& tree, TypeId type,
                                        std::string_view key) const {
  if (!is_stamped(type)) return crdt::RowState{};
  TREMULA_TRY_ASSIGN(const auto found, tree.find_key(kGraveType, grave_key(type, key)));
  if (!found || found->slot == triples::kNoSlot) return crdt::RowState{};
  TREMULA_TRY_ASSIGN(const auto cell, tree.get(kGraveType, kFirstCell, found->slot));
  Grave grave;
  if (!cell || cell->value.value().kind != Kind::kBytes ||
      !read_grave(cell->value.value().view(), grave)) {
    return damaged("a deleted row");
  }
  return grave.state;
}

Result<void> StampBook::put_grave(const lsm::LsmTree& tree, TypeId type, std::string_view key,
                                  const crdt::RowState& state, triples::CommitWriter& to) {
  note_stamped(type);
  const std::string name = grave_key(type, key);
  TREMULA_TRY_ASSIGN(const auto found, tree.find_key(kGraveType, name));
  const bool is_there = found && found->slot != triples::kNoSlot;
  std::string bytes;
  base::put_varint(bytes, static_cast<std::uint32_t>(type));
  base::put_sized(bytes, key);
  crdt::put_row_stamps(bytes, state, {});
  to.begin_row(kGraveType, is_there ? found->slot : take_slot(kGraveType),
               is_there ? Fate::kUpdated : Fate::kInserted, name, 1);
  to.cell(kFirstCell, Value::bytes_of(bytes));
  return {};
}

}  // namespace tremula::persist
