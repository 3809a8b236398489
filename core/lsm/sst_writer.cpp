#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/compression.h"
#include "core/lsm/bloom_filter.h"
#include "core/lsm/column_block.h"
#include "core/lsm/sst.h"
#include "core/lsm/sst_format.h"

namespace tremula::lsm {
namespace {

// So much is gathered before it is written.
constexpr std::size_t kWriteBytes = 256U << 10;

// lz4 where it saves an eighth or more.
std::string stored_form(std::string_view contents, bool compress) {
  std::string stored;
  if (compress && contents.size() <= std::numeric_limits<std::uint32_t>::max()) {
    stored.push_back(kStoredLz4);
    base::put_u32(stored, static_cast<std::uint32_t>(contents.size()));
    const std::size_t size_max = contents.size() - contents.size() / 8;
    if (size_max > kLz4HeadBytes &&
        base::compress_block(contents, size_max - kLz4HeadBytes, stored))
      return stored;
  }
  stored.assign(1, kStoredPlain);
  stored += contents;
  return stored;
}

}  // namespace

struct SstWriter::State {
  std::unique_ptr<base::File> file;
  std::string path;
  SstOptions options;

  ColumnBlockBuilder column;
  KeyBlockBuilder keys;
  EntryKey first;  // of the block in hand; its key bytes are in first_key
  std::string first_key;
  EntryKey last;  // of all; its key bytes are in last_key
  std::string last_key;

  std::string places;  // the index without its head
  std::uint64_t blocks = 0;
  std::string newest;                 // of each block
  std::uint64_t newest_of_block = 0;  // of that in hand
  BloomFilterBuilder filter;
  std::string contents;  // of the block being closed
  std::string pending;   // what is to be written at `written`
  std::uint64_t written = 0;
  SstInfo info;

  bool block_is_open() const { return column.entries() + keys.entries() > 0; }
  bool is_keys() const { return last.attr == kKeyAttr; }
  std::uint64_t end() const { return written + pending.size(); }
  bool belongs_to_block(const EntryKey& key) const;
  void begin_block(const EntryKey& key);
  base::Result<void> close_block();
  base::Result<void> write_pending();
  // Appends a part that is sealed from elsewhere.  Returns: its checksum.
  std::uint64_t append_sealed(std::string_view bytes);
};

// The key of an entry as the index and its end have it.
static void put_key(const EntryKey& key, std::string_view bytes, std::string& out) {
  if (key.attr == kKeyAttr) {
    base::put_sized(out, bytes);
  } else {
    base::put_varint(out, key.slot);
  }
}

bool SstWriter::State::belongs_to_block(const EntryKey& key) const {
  if (!block_is_open() || key.type != last.type || key.attr != last.attr) return false;
  if (is_keys()) {
    return keys.size() < options.block_bytes && keys.entries() < kBlockEntriesMax &&
           keys.fits(key.key);
  }
  return column.size() < options.block_bytes && column.entries() < kBlockEntriesMax;
}

void SstWriter::State::begin_block(const EntryKey& key) {
  first = key;
  first_key = key.key;
  first.key = {};
}

base::Result<void> SstWriter::State::close_block() {
  if (!block_is_open()) return {};
  const std::uint64_t entries = column.entries() + keys.entries();
  contents.clear();
  if (is_keys()) {
    keys.finish(contents);
  } else {
    column.finish(contents);
  }
  const std::string stored = stored_form(contents, options.compress);
  if (stored.size() > std::numeric_limits<std::uint32_t>::max()) {
    return base::Error{base::ErrorCode::kUnsupported,
                       path + ": a value of more than 4 GB cannot be stored"};
  }
  base::put_varint(places, static_cast<std::uint64_t>(first.type));
  base::put_varint(places, static_cast<std::uint64_t>(first.attr));
  put_key(first, first_key, places);
  base::put_varint(places, stored.size());
  base::put_varint(places, entries);
  base::put_u64(places, append_sealed(stored));
  base::put_varint(newest, newest_of_block);
  newest_of_block = 0;
  ++blocks;
  return pending.size() >= kWriteBytes ? write_pending() : base::Result<void>();
}

std::uint64_t SstWriter::State::append_sealed(std::string_view bytes) {
  const std::uint64_t checksum = sst_checksum(bytes, info.number, end());
  pending += bytes;
  return checksum;
}

base::Result<void> SstWriter::State::write_pending() {
  TREMULA_TRY(file->write(written, pending));
  written += pending.size();
  pending.clear();
  return {};
}

SstWriter::SstWriter(std::unique_ptr<base::File> file, std::string path, std::uint64_t number,
                     SstOptions options)
    : state_(std::make_unique<State>()) {
  state_->file = std::move(file);
  state_->path = std::move(path);
  state_->options = options;
  state_->info.number = number;
  state_->pending = encode_sst_header(number);
}

SstWriter::~SstWriter() = default;

base::Result<void> SstWriter::add(const Entry& entry) {
  State& state = *state_;
  const EntryKey& key = entry.key;
  SstInfo& info = state.info;
  state.last.key = state.last_key;
  TREMULA_ASSERT(info.entries == 0 || state.last < key);
  if (!state.belongs_to_block(key)) {
    TREMULA_TRY(state.close_block());
    state.begin_block(key);
  }
  if (info.entries == 0) {
    info.first_type = key.type;
    info.first_attr = key.attr;
    info.first_slot = key.slot;
    info.first_key = key.key;
  }
  ++info.entries;
  state.newest_of_block = std::max(state.newest_of_block, entry.version);
  state.last = key;
  if (key.attr == kKeyAttr) {
    state.last_key = key.key;
    state.keys.add(key.key, entry.value, entry.version);
    state.filter.add(filter_hash(key.type, key.key));
  } else {
    state.last_key.clear();
    if (entry.value.is_missing()) ++info.tombstones;
    state.column.add(key.slot, entry.value, entry.version);
  }
  return {};
}

std::uint64_t SstWriter::size() const {
  return state_->end() + state_->column.size() + state_->keys.size();
}

base::Result<SstInfo> SstWriter::finish() {
  State& state = *state_;
  SstInfo& info = state.info;
  TREMULA_ASSERT(info.entries > 0);
  TREMULA_TRY(state.close_block());
  info.last_type = state.last.type;
  info.last_attr = state.last.attr;
  info.last_slot = state.last.slot;
  info.last_key = state.last_key;

  std::string index;
  base::put_varint(index, state.blocks);
  index += state.places;
  put_key(state.last, state.last_key, index);
  index += state.newest;
  SstFooter footer;
  footer.index_offset = state.end();
  footer.index_size = index.size();
  footer.index_checksum = state.append_sealed(index);
  const std::string filter = state.filter.finish();
  footer.filter_size = filter.size();
  footer.filter_checksum = state.append_sealed(filter);
  footer.entries = info.entries;
  footer.tombstones = info.tombstones;
  const std::string end = encode_sst_footer(footer, info.number, state.end());
  info.checksum = sst_footer_checksum(end);
  state.pending += end;
  TREMULA_TRY(state.write_pending());
  info.size = state.written;
  TREMULA_TRY(state.file->sync());
  return info;
}

}  // namespace tremula::lsm
