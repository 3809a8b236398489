#include <algorithm>
#include <limits>
#include <memory>
#include <span>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/compression.h"
#include "core/lsm/bloom_filter.h"
#include "core/lsm/column_block.h"
#include "core/lsm/packed_ints.h"
#include "core/lsm/sst.h"
#include "core/lsm/sst_format.h"

namespace tremula::lsm {
namespace {

using BlockPlace = SstReader::BlockPlace;

// Footer, filter and index of a small file come with one read.
constexpr std::uint64_t kTailBytes = 16U << 10;

base::Error damaged(std::string what) { return {base::ErrorCode::kCorrupt, std::move(what)}; }

// Says where it was found.
base::Error at(const std::string& place, base::Error error) {
  error.message = place + ": " + error.message;
  return error;
}

bool take_number(base::ByteReader& bytes, auto& number) {
  std::uint32_t value = 0;
  if (!bytes.varint32(value)) return false;
  number = static_cast<std::remove_reference_t<decltype(number)>>(value);
  return true;
}

bool take_key(base::ByteReader& bytes, triples::AttrId attr, triples::Slot& slot,
              std::string& key) {
  if (attr != kKeyAttr) return take_number(bytes, slot);
  std::string_view view;
  if (!bytes.sized(view)) return false;
  key = view;
  return true;
}

bool take_place(base::ByteReader& bytes, BlockPlace& place) {
  return take_number(bytes, place.type) && take_number(bytes, place.attr) &&
         take_key(bytes, place.attr, place.first_slot, place.first_key) &&
         take_number(bytes, place.size) && take_number(bytes, place.entries) &&
         bytes.u64(place.checksum);
}

EntryKey first_of(const BlockPlace& place) {
  return {place.type, place.attr, place.first_slot, place.first_key};
}

std::string size_text(std::uint64_t found, std::uint64_t expected) {
  return std::to_string(found) + ", expected " + std::to_string(expected);
}

constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();

// The contents of a block as stored, or `most` first bytes of them, if they had to be expanded;
// with kPackedSlack more bytes. Returns: where they begin.
base::Result<std::size_t> unpack(std::string_view stored, std::string& out,
                                 std::size_t most = kWhole) {
  if (stored.empty()) return damaged("an empty block");
  if (stored[0] == kStoredPlain) {
    out.reserve(stored.size() + kPackedSlack);
    out = stored;
    out.append(kPackedSlack, '\0');
    return kPlainHeadBytes;
  }
  if (stored[0] != kStoredLz4 || stored.size() < kLz4HeadBytes)
    return damaged("a block of no known form");
  const std::size_t size = base::load_u32(stored.data() + 1);
  stored.remove_prefix(kLz4HeadBytes);
  if (size > base::expanded_size_max(stored.size())) return damaged("lz4 bytes of a wrong size");
  if (most < size) {
    out.assign(most + kPackedSlack, '\0');
    if (!base::expand_prefix(stored, {out.data(), most})) return damaged("broken lz4 bytes");
    return std::size_t{0};
  }
  out.assign(size + kPackedSlack, '\0');
  if (!base::expand_block(stored, {out.data(), size})) return damaged("broken lz4 bytes");
  return std::size_t{0};
}

// Bytes as read; not filled with zeros before.
class Loaded {
 public:
  explicit Loaded(std::size_t size)
      : bytes_(std::make_unique_for_overwrite<char[]>(size)), size_(size) {}
  std::span<char> span() { return {bytes_.get(), size_}; }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

}  // namespace

std::size_t SstBlock::memory_bytes() const {
  return sizeof(*this) + slots.capacity() * sizeof(slots[0]) + keys.capacity() * sizeof(keys[0]) +
         values.capacity() * sizeof(values[0]) + versions.capacity() * sizeof(versions[0]) +
         bytes.capacity();
}

struct SstReader::State {
  std::unique_ptr<base::File> file;
  std::string path;
  SstInfo info;
  SstFooter footer;
  std::uint32_t format = kSstFormat;
  std::vector<BlockPlace> blocks;
  std::string filter;

  // "SST-000042: index at offset 28672"
  std::string part(std::string_view name, std::uint64_t offset) const {
    return path + ": " + std::string(name) + " at offset " + std::to_string(offset);
  }
  std::string block_name(std::size_t block) const {
    return part("block " + std::to_string(block), blocks[block].offset);
  }
  base::Result<Loaded> load(std::uint64_t offset, std::uint64_t size) const;
  base::Result<void> read_tail();
  base::Result<void> read_index(std::string_view index);
  base::Result<void> check_last(base::ByteReader& rest) const;
  base::Result<void> read_newest(base::ByteReader& rest);
  base::Result<void> check_layout(std::uint64_t footer_offset) const;
  // Holds a block's bytes against its checksum.
  base::Result<void> check_block(std::size_t block, std::string_view stored) const;
  base::Result<BlockRef> decode(std::size_t block, std::string_view stored) const;
  base::Result<void> mark_block(std::size_t block, std::string_view stored, std::string& contents,
                                std::vector<std::uint8_t>& living) const;
  base::Result<void> check_entries(const SstBlock& block, std::size_t index) const;
};

base::Result<Loaded> SstReader::State::load(std::uint64_t offset, std::uint64_t size) const {
  Loaded bytes(size);
  const auto read = file->read(offset, bytes.span());
  if (!read.ok()) return read.error();
  if (read.value() != size) {
    return damaged(path + ": ends at offset " + std::to_string(offset + read.value()) +
                   ", expected " + std::to_string(info.size) + " bytes");
  }
  return bytes;
}

base::Result<void> SstReader::State::check_layout(std::uint64_t footer_offset) const {
  const bool good = footer.index_offset >= kSstHeaderBytes &&
                    footer.index_offset <= footer_offset &&
                    footer.index_size <= footer_offset - footer.index_offset &&
                    footer.filter_size == footer_offset - footer.index_offset - footer.index_size &&
                    footer.filter_size % kBloomBlockBytes == 0;
  if (!good) return damaged(part("footer", footer_offset) + ": its parts don't fill the file");
  if (footer.entries != info.entries || footer.tombstones != info.tombstones) {
    return damaged(part("footer", footer_offset) + ": entries " +
                   size_text(footer.entries, info.entries) + "; tombstones " +
                   size_text(footer.tombstones, info.tombstones));
  }
  return {};
}

base::Result<void> SstReader::State::read_tail() {
  const std::uint64_t tail_offset = info.size - std::min(info.size, kTailBytes);
  auto tail = load(tail_offset, info.size - tail_offset);
  if (!tail.ok()) return tail.error();
  const std::string_view bytes = tail.value().view();
  const std::uint64_t footer_offset = info.size - kSstFooterBytes;
  const std::string_view end = bytes.substr(bytes.size() - kSstFooterBytes);
  if (sst_footer_checksum(end) != info.checksum) {
    return at(part("footer", footer_offset),
              wrong_checksum(sst_footer_checksum(end), info.checksum));
  }
  auto decoded = decode_sst_footer(end, info.number, footer_offset);
  if (!decoded.ok()) return at(part("footer", footer_offset), decoded.error());
  footer = decoded.value();
  TREMULA_TRY(check_layout(footer_offset));

  Loaded longer(0);
  std::string_view parts;  // index and filter
  if (footer.index_offset >= tail_offset) {
    parts = bytes.substr(footer.index_offset - tail_offset, footer.index_size + footer.filter_size);
  } else {
    TREMULA_TRY_ASSIGN(longer, load(footer.index_offset, footer.index_size + footer.filter_size));
    parts = longer.view();
  }
  const std::string_view index = parts.substr(0, footer.index_size);
  const std::uint64_t found = sst_checksum(index, info.number, footer.index_offset);
  if (found != footer.index_checksum)
    return at(part("index", footer.index_offset), wrong_checksum(found, footer.index_checksum));
  filter = parts.substr(footer.index_size);
  const std::uint64_t filter_offset = footer.index_offset + footer.index_size;
  const std::uint64_t filter_found = sst_checksum(filter, info.number, filter_offset);
  if (filter_found != footer.filter_checksum)
    return at(part("filter", filter_offset), wrong_checksum(filter_found, footer.filter_checksum));
  return read_index(index);
}

base::Result<void> SstReader::State::read_index(std::string_view index) {
  base::ByteReader rest(index);
  const std::string name = part("index", footer.index_offset);
  std::uint64_t count = 0;
  // Each place takes more than 8 bytes.
  if (!rest.varint(count) || count == 0 || count > index.size() / sizeof(std::uint64_t))
    return damaged(name + ": the number of blocks is out of range");
  blocks.resize(count);
  std::uint64_t offset = kSstHeaderBytes;
  std::uint64_t entries = 0;
  for (std::size_t i = 0; i < count; ++i) {
    BlockPlace& place = blocks[i];
    if (!take_place(rest, place)) return damaged(name + ": it is cut off");
    if (i > 0 && first_of(blocks[i - 1]) >= first_of(place))
      return damaged(name + ": the first keys do not ascend");
    if (place.entries == 0 || place.entries > kBlockEntriesMax)
      return damaged(name + ": the number of entries is out of range");
    place.offset = offset;
    offset += place.size;
    entries += place.entries;
  }
  if (offset != footer.index_offset || entries != footer.entries)
    return damaged(name + ": the blocks don't fill the file");
  TREMULA_TRY(check_last(rest));
  return read_newest(rest);
}

base::Result<void> SstReader::State::read_newest(base::ByteReader& rest) {
  bool is_whole = true;
  if (format != kSstFormatPlain) {
    for (BlockPlace& place : blocks) is_whole = is_whole && rest.varint(place.newest);
  }
  if (is_whole && rest.empty()) return {};
  return damaged(part("index", footer.index_offset) + ": its end is no list of versions");
}

base::Result<void> SstReader::State::check_last(base::ByteReader& rest) const {
  const BlockPlace& first = blocks.front();
  const BlockPlace& last = blocks.back();
  triples::Slot last_slot = 0;
  std::string last_key;
  const std::string name = part("index", footer.index_offset);
  if (!take_key(rest, last.attr, last_slot, last_key)) return damaged(name + ": it is cut off");
  const bool good = first_of(first) == EntryKey{info.first_type, info.first_attr, info.first_slot,
                                                info.first_key} &&
                    EntryKey{last.type, last.attr, last_slot, last_key} ==
                        EntryKey{info.last_type, info.last_attr, info.last_slot, info.last_key};
  return good ? base::Result<void>() : damaged(name + ": holds other keys than the manifest says");
}

base::Result<void> SstReader::State::check_block(std::size_t block, std::string_view stored) const {
  const BlockPlace& place = blocks[block];
  const std::uint64_t found = sst_checksum(stored, info.number, place.offset);
  if (found == place.checksum) return {};
  return at(block_name(block), wrong_checksum(found, place.checksum));
}

base::Result<SstReader::BlockRef> SstReader::State::decode(std::size_t block,
                                                           std::string_view stored) const {
  TREMULA_TRY(check_block(block, stored));
  const BlockPlace& place = blocks[block];
  auto decoded = std::make_shared<SstBlock>();
  decoded->type = place.type;
  decoded->attr = place.attr;
  const auto begin = unpack(stored, decoded->bytes);
  if (!begin.ok()) return at(block_name(block), begin.error());
  const auto result = place.attr == kKeyAttr ? decode_key_block(begin.value(), *decoded)
                                             : decode_column_block(begin.value(), *decoded);
  if (!result.ok()) return at(block_name(block), result.error());
  const bool is_first = place.attr == kKeyAttr ? decoded->keys.front() == place.first_key
                                               : decoded->slots.front() == place.first_slot;
  if (!is_first || decoded->values.size() != place.entries)
    return damaged(block_name(block) + ": holds other entries than the index says");
  return BlockRef(std::move(decoded));
}

SstReader::SstReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
SstReader::~SstReader() = default;

base::Result<std::shared_ptr<const SstReader>> SstReader::open(std::unique_ptr<base::File> file,
                                                               std::string path,
                                                               const SstInfo& info) {
  auto state = std::make_unique<State>();
  state->file = std::move(file);
  state->path = std::move(path);
  state->info = info;
  const auto size = state->file->size();
  if (!size.ok()) return size.error();
  if (size.value() != info.size || info.size < kSstHeaderBytes + kSstFooterBytes)
    return damaged(state->path + ": size is " + size_text(size.value(), info.size));
  const auto header = state->load(0, kSstHeaderBytes);
  if (!header.ok()) return header.error();
  const auto good = check_sst_header(header.value().view(), info.number);
  if (!good.ok()) return at(state->part("header", 0), good.error());
  state->format = good.value();
  TREMULA_TRY(state->read_tail());
  return std::shared_ptr<const SstReader>(new SstReader(std::move(state)));
}

const SstInfo& SstReader::info() const { return state_->info; }
const std::vector<BlockPlace>& SstReader::blocks() const { return state_->blocks; }

std::size_t SstReader::seek(const EntryKey& key) const {
  const std::vector<BlockPlace>& blocks = state_->blocks;
  const auto beyond = std::upper_bound(
      blocks.begin(), blocks.end(), key,
      [](const EntryKey& wanted, const BlockPlace& place) { return wanted < first_of(place); });
  const auto index = static_cast<std::size_t>(beyond - blocks.begin());
  if (index == 0) return 0;
  const BlockPlace& before = blocks[index - 1];
  return before.type == key.type && before.attr == key.attr ? index - 1 : index;
}

base::Result<SstReader::BlockRef> SstReader::read(std::size_t block) const {
  TREMULA_ASSERT(block < state_->blocks.size());
  const BlockPlace& place = state_->blocks[block];
  const auto stored = state_->load(place.offset, place.size);
  if (!stored.ok()) return stored.error();
  return state_->decode(block, stored.value().view());
}

base::Result<std::vector<SstReader::BlockRef>> SstReader::read_run(std::size_t first,
                                                                   std::size_t count) const {
  const std::vector<BlockPlace>& blocks = state_->blocks;
  TREMULA_ASSERT(first < blocks.size());
  const std::size_t end = first + std::min(count, blocks.size() - first);
  std::vector<BlockRef> run;
  if (first == end) return run;
  const std::uint64_t offset = blocks[first].offset;
  const auto stored = state_->load(offset, blocks[end - 1].offset + blocks[end - 1].size - offset);
  if (!stored.ok()) return stored.error();
  run.reserve(end - first);
  for (std::size_t i = first; i < end; ++i) {
    const std::string_view bytes = stored.value().view();
    auto block = state_->decode(i, bytes.substr(blocks[i].offset - offset, blocks[i].size));
    if (!block.ok()) return block.error();
    run.push_back(std::move(block).value());
  }
  return run;
}

base::Result<void> SstReader::mark_slots(std::size_t first, std::size_t end,
                                         std::vector<std::uint8_t>& living) const {
  constexpr std::size_t kReadBytes = 256U << 10;
  const std::vector<BlockPlace>& blocks = state_->blocks;
  std::string contents;  // one for all blocks, for its memory
  while (first < end) {
    std::uint64_t size = blocks[first].size;
    std::size_t last = first + 1;
    while (last < end && size + blocks[last].size <= kReadBytes) size += blocks[last++].size;
    const auto stored = state_->load(blocks[first].offset, size);
    if (!stored.ok()) return stored.error();
    std::string_view bytes = stored.value().view();
    for (; first < last; ++first) {
      TREMULA_TRY(state_->mark_block(first, bytes.substr(0, blocks[first].size), contents, living));
      bytes.remove_prefix(blocks[first].size);
    }
  }
  return {};
}

// Slots and kinds stand first, and take a few bytes where rows are dense.
base::Result<void> SstReader::State::mark_block(std::size_t block, std::string_view stored,
                                                std::string& contents,
                                                std::vector<std::uint8_t>& living) const {
  constexpr std::size_t kPrefixBytes = 64;
  TREMULA_TRY(check_block(block, stored));
  const BlockPlace& place = blocks[block];
  std::optional<triples::Slot> slot;
  for (std::size_t most = kPrefixBytes; !slot;) {
    const auto begin = unpack(stored, contents, most);
    if (!begin.ok()) return at(block_name(block), begin.error());
    const std::string_view bytes(contents.data() + begin.value(),
                                 contents.size() - begin.value() - kPackedSlack);
    const auto marked = lsm::mark_slots(bytes, place.entries, living);
    if (!marked.ok()) return at(block_name(block), marked.error());
    slot = marked.value();
    if (slot && *slot == place.first_slot) return {};
    if (slot) return damaged(block_name(block) + ": holds other entries than the index says");
    if (most == kWhole) return damaged(block_name(block) + ": the slots are cut off");
    most = kWhole;
  }
  return {};
}

bool SstReader::may_contain_key(triples::TypeId type, std::string_view key) const {
  return bloom_may_contain(state_->filter, filter_hash(type, key));
}

base::Result<std::optional<KeyState>> SstReader::find_key(triples::TypeId type,
                                                          std::string_view key) const {
  std::optional<KeyState> none;
  if (!may_contain_key(type, key)) return none;
  const std::size_t block = seek({type, kKeyAttr, 0, key});
  if (block == state_->blocks.size()) return none;
  const BlockPlace& place = state_->blocks[block];
  if (place.type != type || place.attr != kKeyAttr) return none;
  const auto stored = state_->load(place.offset, place.size);
  if (!stored.ok()) return stored.error();
  TREMULA_TRY(state_->check_block(block, stored.value().view()));
  std::string contents;
  const auto begin = unpack(stored.value().view(), contents);
  if (!begin.ok()) return at(state_->block_name(block), begin.error());
  std::string_view bytes = contents;
  bytes.remove_prefix(begin.value());
  bytes.remove_suffix(kPackedSlack);
  auto found = find_in_key_block(bytes, key);
  if (!found.ok()) return at(state_->block_name(block), found.error());
  return found;
}

base::Result<void> SstReader::State::check_entries(const SstBlock& block, std::size_t index) const {
  // Inside a block the decoder has seen to the order; the next block must lie beyond.
  if (index + 1 < blocks.size()) {
    const bool keys = block.attr == kKeyAttr;
    const EntryKey last{block.type, block.attr, keys ? 0 : block.slots.back(),
                        keys ? block.keys.back() : std::string_view()};
    if (last >= first_of(blocks[index + 1]))
      return damaged(block_name(index) + ": goes beyond the next block's first key");
  } else {
    const bool good = block.attr == kKeyAttr ? block.keys.back() == info.last_key
                                             : block.slots.back() == info.last_slot;
    if (!good) return damaged(block_name(index) + ": ends with another key than the manifest says");
  }
  const std::uint64_t newest = *std::max_element(block.versions.begin(), block.versions.end());
  if (format != kSstFormatPlain && newest != blocks[index].newest) {
    return damaged(block_name(index) + ": its newest version is " +
                   size_text(newest, blocks[index].newest));
  }
  for (const std::string_view key : block.keys) {
    if (!bloom_may_contain(filter, filter_hash(block.type, key)))
      return damaged(block_name(index) + ": has a key that the filter lacks");
  }
  return {};
}

base::Result<void> SstReader::check() const {
  std::uint64_t tombstones = 0;
  for (std::size_t i = 0; i < state_->blocks.size(); ++i) {
    const auto block = read(i);
    if (!block.ok()) return block.error();
    TREMULA_TRY(state_->check_entries(*block.value(), i));
    for (const triples::Value& value : block.value()->values) tombstones += value.is_missing();
  }
  if (tombstones != state_->info.tombstones) {
    return damaged(state_->path + ": tombstones " + size_text(tombstones, state_->info.tombstones));
  }
  return {};
}

std::size_t SstReader::memory_bytes() const {
  std::size_t bytes =
      sizeof(State) + state_->filter.capacity() + state_->blocks.capacity() * sizeof(BlockPlace);
  for (const BlockPlace& place : state_->blocks) bytes += place.first_key.capacity();
  return bytes;
}

}  // namespace tremula::lsm
