#include "core/lsm/manifest_edit.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/checksum.h"
#include "core/base/hex.h"

namespace tremula::lsm {

using triples::AttrId;
using triples::TypeId;

namespace {

enum Tag : std::uint8_t { kState = 1, kNextFile, kAdded, kRemoved };

base::Error damaged(std::string what) { return {base::ErrorCode::kCorrupt, std::move(what)}; }

void put_key(TypeId type, AttrId attr, triples::Slot slot, std::string_view key, std::string& out) {
  base::put_varint(out, static_cast<std::uint64_t>(type));
  base::put_varint(out, static_cast<std::uint64_t>(attr));
  if (attr == kKeyAttr) {
    base::put_sized(out, key);
  } else {
    base::put_varint(out, slot);
  }
}

bool take_id(base::ByteReader& from, auto& id) {
  std::uint32_t number = 0;
  if (!from.varint32(number)) return false;
  id = static_cast<std::remove_reference_t<decltype(id)>>(number);
  return true;
}

bool take_key(base::ByteReader& from, TypeId& type, AttrId& attr, triples::Slot& slot,
              std::string& key) {
  if (!take_id(from, type) || !take_id(from, attr)) return false;
  if (attr != kKeyAttr) return from.varint32(slot);
  std::string_view bytes;
  if (!from.sized(bytes)) return false;
  key = bytes;
  return true;
}

void put_state(const TreeState& state, std::string& out) {
  base::put_varint(out, state.applied_version);
  base::put_varint(out, state.first_log);
  base::put_varint(out, state.log_end_number);
  base::put_varint(out, state.log_end_offset);
  base::put_sized(out, state.site);
  base::put_u64(out, state.lock_identity);
}

bool take_state(base::ByteReader& from, TreeState& state) {
  std::string_view site;
  if (!from.varint(state.applied_version) || !from.varint(state.first_log) ||
      !from.varint(state.log_end_number) || !from.varint(state.log_end_offset) ||
      !from.sized(site) || !from.u64(state.lock_identity))
    return false;
  state.site = site;
  return true;
}

void put_file(const LevelFile& file, std::string& out) {
  const SstInfo& info = file.info;
  base::put_varint(out, file.level);
  base::put_varint(out, info.number);
  base::put_varint(out, info.size);
  base::put_u64(out, info.checksum);
  base::put_varint(out, info.entries);
  base::put_varint(out, info.tombstones);
  put_key(info.first_type, info.first_attr, info.first_slot, info.first_key, out);
  put_key(info.last_type, info.last_attr, info.last_slot, info.last_key, out);
}

bool take_file(base::ByteReader& from, LevelFile& file) {
  SstInfo& info = file.info;
  return from.varint32(file.level) && file.level <= kLevelMax && from.varint(info.number) &&
         from.varint(info.size) && from.u64(info.checksum) && from.varint(info.entries) &&
         from.varint(info.tombstones) &&
         take_key(from, info.first_type, info.first_attr, info.first_slot, info.first_key) &&
         take_key(from, info.last_type, info.last_attr, info.last_slot, info.last_key);
}

bool take_item(std::uint8_t tag, base::ByteReader& from, ManifestEdit& edit) {
  switch (tag) {
    case kState: return take_state(from, edit.state.emplace());
    case kNextFile: return from.varint(edit.next_file);
    case kAdded: return take_file(from, edit.added.emplace_back());
    case kRemoved: {
      FileGone& gone = edit.removed.emplace_back();
      return from.varint32(gone.level) && from.varint(gone.number);
    }
    default: return false;
  }
}

std::string id_text(auto id) { return std::to_string(static_cast<std::uint32_t>(id)); }

// "3.2 #17", "3.keys 6b31"
std::string key_text(TypeId type, AttrId attr, triples::Slot slot, const std::string& key) {
  if (attr == kKeyAttr) return id_text(type) + ".keys " + base::hex(key);
  return id_text(type) + "." + id_text(attr) + " #" + std::to_string(slot);
}

std::string file_text(const LevelFile& file) {
  const SstInfo& info = file.info;
  return "+L" + std::to_string(file.level) + " " + sst_name(info.number) + " " +
         std::to_string(info.size) + " bytes, checksum " + base::checksum_text(info.checksum) +
         ", " + std::to_string(info.entries) + " entries, " + std::to_string(info.tombstones) +
         " tombstones, " +
         key_text(info.first_type, info.first_attr, info.first_slot, info.first_key) + " to " +
         key_text(info.last_type, info.last_attr, info.last_slot, info.last_key);
}

std::string state_text(const TreeState& state) {
  return "state: applied " + std::to_string(state.applied_version) + ", first log " +
         std::to_string(state.first_log) + ", log end " + std::to_string(state.log_end_number) +
         ":" + std::to_string(state.log_end_offset) + ", site " + base::hex(state.site) +
         ", lock " + std::to_string(state.lock_identity);
}

}  // namespace

std::string encode_edit(const ManifestEdit& edit) {
  std::string out;
  if (edit.state) {
    base::put_u8(out, kState);
    put_state(*edit.state, out);
  }
  if (edit.next_file != 0) {
    base::put_u8(out, kNextFile);
    base::put_varint(out, edit.next_file);
  }
  for (const FileGone& gone : edit.removed) {
    base::put_u8(out, kRemoved);
    base::put_varint(out, gone.level);
    base::put_varint(out, gone.number);
  }
  for (const LevelFile& file : edit.added) {
    base::put_u8(out, kAdded);
    put_file(file, out);
  }
  return out;
}

base::Result<ManifestEdit> decode_edit(std::string_view bytes) {
  base::ByteReader from(bytes);
  ManifestEdit edit;
  while (!from.empty()) {
    const std::size_t at = from.offset();
    std::uint8_t tag = 0;
    if (!from.u8(tag) || !take_item(tag, from, edit))
      return damaged("a broken item at its byte " + std::to_string(at));
  }
  return edit;
}

base::Result<void> apply_edit(ManifestContents& contents, const ManifestEdit& edit) {
  if (edit.state) contents.state = *edit.state;
  if (edit.next_file != 0) {
    if (edit.next_file < contents.next_file) return damaged("the number of files goes back");
    contents.next_file = edit.next_file;
  }
  for (const FileGone& gone : edit.removed) {
    const auto found = contents.files.find(gone.number);
    if (found == contents.files.end() || found->second.level != gone.level)
      return damaged("takes " + sst_name(gone.number) + " away, which is not there");
    contents.files.erase(found);
  }
  for (const LevelFile& file : edit.added) {
    if (file.info.number >= contents.next_file || file.info.number == 0)
      return damaged("adds " + sst_name(file.info.number) + ", whose number was not given out");
    if (!contents.files.emplace(file.info.number, file).second)
      return damaged("adds " + sst_name(file.info.number) + ", which is there");
  }
  return {};
}

ManifestEdit whole_edit(const ManifestContents& contents) {
  ManifestEdit edit;
  edit.state = contents.state;
  edit.next_file = contents.next_file;
  for (const auto& [number, file] : contents.files) edit.added.push_back(file);
  return edit;
}

void dump_edit(const ManifestEdit& edit, const std::function<void(std::string_view line)>& line) {
  if (edit.state) line(state_text(*edit.state));
  if (edit.next_file != 0) line("next file " + std::to_string(edit.next_file));
  for (const FileGone& gone : edit.removed)
    line("-L" + std::to_string(gone.level) + " " + sst_name(gone.number));
  for (const LevelFile& file : edit.added) line(file_text(file));
}

namespace {
constexpr std::string_view kSstPrefix = "SST-";
constexpr std::size_t kNumberDigits = 6;
constexpr std::size_t kNumberDigitsMax = 18;
}  // namespace

std::string sst_name(std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kNumberDigits) digits.insert(0, kNumberDigits - digits.size(), '0');
  return std::string(kSstPrefix) + digits;
}

std::uint64_t sst_number(std::string_view name) {
  if (!name.starts_with(kSstPrefix)) return 0;
  name.remove_prefix(kSstPrefix.size());
  if (name.size() < kNumberDigits || name.size() > kNumberDigitsMax) return 0;
  std::uint64_t number = 0;
  for (const char digit : name) {
    if (digit < '0' || digit > '9') return 0;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return sst_name(number).ends_with(name) ? number : 0;
}

}  // namespace tremula::lsm
