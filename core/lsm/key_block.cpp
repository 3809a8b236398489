#include "core/lsm/key_block.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/lsm/packed_ints.h"

namespace tremula::lsm {
namespace {

using triples::Value;

constexpr std::size_t kRestartEvery = 16;
constexpr std::size_t kOffsetBytes = 4;

base::Error damaged(const char* what) { return {base::ErrorCode::kCorrupt, what}; }

std::size_t restarts_of(std::size_t entries) {
  return (entries + kRestartEvery - 1) / kRestartEvery;
}

struct Parts {
  std::size_t entries = 0;
  std::string_view keys;
  PackedInts slots;
  PackedInts versions;
  std::string_view restarts;

  std::size_t restart(std::size_t index) const {
    return base::load_u32(restarts.data() + index * kOffsetBytes);
  }
};

base::Result<Parts> split(base::ByteReader rest) {
  Parts parts;
  std::uint64_t entries = 0;
  if (!rest.varint(entries) || entries == 0 || entries > kBlockEntriesMax)
    return damaged("the number of entries is out of range");
  parts.entries = entries;
  if (!rest.sized(parts.keys)) return damaged("the keys are cut off");
  if (!parts.slots.take(entries, rest)) return damaged("the slots are cut off");
  if (!parts.versions.take(entries, rest)) return damaged("the versions are cut off");
  parts.restarts = rest.rest();
  if (parts.restarts.size() != restarts_of(entries) * kOffsetBytes)
    return damaged("the restarts do not fill the block's end");
  return parts;
}

// One key as it stands: what it takes over of the key before it, and its own bytes.
struct Step {
  std::uint64_t shared = 0;
  std::string_view rest;
};

bool take_step(base::ByteReader& keys, Step& step) {
  return keys.varint(step.shared) && keys.sized(step.rest);
}

// Whether a key follows the one before it, of which it shares `shared` bytes.
bool follows(std::string_view before, std::uint64_t shared, std::string_view rest) {
  return before.substr(shared) < rest;
}

// All keys, one after the other, into `bytes`, and where each ends.
base::Result<void> unfold(const Parts& parts, std::string& bytes, std::vector<std::size_t>& ends) {
  base::ByteReader rest(parts.keys);
  std::string_view last;
  std::size_t total = 0;
  for (std::size_t i = 0; i < parts.entries; ++i) {
    const bool restarts = i % kRestartEvery == 0;
    if (restarts && parts.restart(i / kRestartEvery) != rest.offset())
      return damaged("a restart that stands elsewhere");
    Step step;
    if (!take_step(rest, step)) return damaged("the keys are cut off");
    if (step.shared > last.size() || (restarts && step.shared != 0))
      return damaged("a key that shares more than there is");
    if (i > 0 && !follows(last, step.shared, step.rest)) return damaged("the keys do not ascend");
    const std::size_t begin = total;
    total += step.shared + step.rest.size();
    if (i > 0 && total > kUnfoldedMax) return damaged("keys that unfold to too much");
    if (bytes.size() < total) bytes.resize(std::max(total, bytes.size() * 2));
    char* const to = bytes.data() + begin;
    const std::size_t last_begin = begin - last.size();
    std::copy_n(bytes.data() + last_begin, step.shared, to);
    std::copy(step.rest.begin(), step.rest.end(), to + step.shared);
    last = {to, total - begin};
    ends.push_back(total);
  }
  if (!rest.empty()) return damaged("bytes after the last key");
  bytes.resize(total);
  return {};
}

}  // namespace

void KeyBlockBuilder::add(std::string_view key, Value value, std::uint64_t version) {
  TREMULA_ASSERT(value.is_null() || (value.kind == triples::Kind::kInt && value.integer >= 0 &&
                                     value.integer < static_cast<std::int64_t>(triples::kNoSlot)));
  std::size_t shared = 0;
  if (slots_.size() % kRestartEvery == 0) {
    restarts_.push_back(static_cast<std::uint32_t>(keys_.size()));
  } else {
    const std::size_t most = std::min(key.size(), last_.size());
    while (shared < most && key[shared] == last_[shared]) ++shared;
  }
  base::put_varint(keys_, shared);
  base::put_varint(keys_, key.size() - shared);
  keys_ += key.substr(shared);
  unfolded_ += key.size();
  last_ = key;
  slots_.push_back(value.is_null() ? 0 : value.integer + 1);
  versions_.push_back(static_cast<std::int64_t>(version));
}

void KeyBlockBuilder::finish(std::string& out) {
  base::put_varint(out, entries());
  base::put_varint(out, keys_.size());
  out += keys_;
  append_packed(slots_, out);
  append_packed(versions_, out);
  for (const std::uint32_t offset : restarts_) base::put_u32(out, offset);
  keys_.clear();
  unfolded_ = 0;
  last_.clear();
  restarts_.clear();
  slots_.clear();
  versions_.clear();
}

base::Result<void> decode_key_block(std::size_t begin, SstBlock& block) {
  TREMULA_ASSERT(begin + kPackedSlack <= block.bytes.size());
  const std::string_view whole(block.bytes.data() + begin,
                               block.bytes.size() - begin - kPackedSlack);
  const auto split_parts = split(base::ByteReader(whole));
  if (!split_parts.ok()) return split_parts.error();
  const Parts& parts = split_parts.value();
  std::string keys(parts.keys.size() * 2, '\0');
  std::vector<std::size_t> ends;
  ends.reserve(parts.entries);
  TREMULA_TRY(unfold(parts, keys, ends));

  block.values.reserve(parts.entries);
  bool good = true;
  parts.slots.for_each([&](std::int64_t slot) {
    good = good && slot >= 0 && slot <= static_cast<std::int64_t>(triples::kNoSlot);
    block.values.push_back(slot == 0 ? Value::null() : Value::int_of(slot - 1));
  });
  if (!good) return damaged("a slot that is none");
  block.versions.reserve(parts.entries);
  parts.versions.for_each(
      [&](std::int64_t version) { block.versions.push_back(static_cast<std::uint64_t>(version)); });
  block.bytes = std::move(keys);
  block.keys.reserve(parts.entries);
  std::size_t from = 0;
  for (const std::size_t end : ends) {
    block.keys.emplace_back(block.bytes.data() + from, end - from);
    from = end;
  }
  return {};
}

base::Result<std::optional<KeyState>> find_in_key_block(std::string_view bytes,
                                                        std::string_view key) {
  const auto split_parts = split(base::ByteReader(bytes));
  if (!split_parts.ok()) return split_parts.error();
  const Parts& parts = split_parts.value();
  // The last restart that is not beyond the key; the first one, if all are.
  std::size_t low = 0;
  std::size_t high = restarts_of(parts.entries);
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    if (parts.restart(middle) > parts.keys.size())
      return damaged("a restart that stands elsewhere");
    base::ByteReader rest(parts.keys.substr(parts.restart(middle)));
    Step step;
    if (!take_step(rest, step) || step.shared != 0) return damaged("a restart without a key");
    (step.rest <= key ? low : high) = middle;
  }
  if (parts.restart(low) > parts.keys.size()) return damaged("a restart that stands elsewhere");
  base::ByteReader rest(parts.keys.substr(parts.restart(low)));
  std::string current;
  const std::size_t end = std::min(parts.entries, (low + 1) * kRestartEvery);
  for (std::size_t i = low * kRestartEvery; i < end; ++i) {
    Step step;
    if (!take_step(rest, step)) return damaged("the keys are cut off");
    if (step.shared > current.size()) return damaged("a key that shares more than there is");
    current.resize(step.shared);
    current += step.rest;
    if (current < key) continue;
    if (current > key) break;
    const std::int64_t slot = parts.slots.at(i);
    if (slot < 0 || slot > static_cast<std::int64_t>(triples::kNoSlot))
      return damaged("a slot that is none");
    return std::optional<KeyState>(
        {slot == 0 ? triples::kNoSlot : static_cast<triples::Slot>(slot - 1),
         static_cast<std::uint64_t>(parts.versions.at(i))});
  }
  return std::optional<KeyState>();
}

}  // namespace tremula::lsm
