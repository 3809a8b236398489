#include "tests/lsm/sst_support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>

namespace tremula::lsm::testing {

using namespace tremula::triples;

base::Result<std::size_t> BytesFile::read(std::uint64_t offset, std::span<char> out) {
  if (offset >= bytes_->size()) return std::size_t{0};
  const std::size_t size = std::min(out.size(), bytes_->size() - offset);
  std::copy_n(bytes_->data() + offset, size, out.data());
  return size;
}

base::Result<void> BytesFile::write(std::uint64_t offset, std::string_view bytes) {
  if (bytes_->size() < offset + bytes.size()) bytes_->resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), bytes_->data() + offset);
  return {};
}

base::Result<void> BytesFile::resize(std::uint64_t size) {
  bytes_->resize(size);
  return {};
}

namespace {

std::string show_value(Value value) {
  switch (value.kind) {
    case Kind::kNull: return "null";
    case Kind::kMissing: return "missing";
    case Kind::kBool: return value.boolean ? "true" : "false";
    case Kind::kInt: return std::to_string(value.integer);
    case Kind::kReal: {
      char digits[40];
      std::snprintf(digits, sizeof digits, "real %a", value.number);
      return digits;
    }
    case Kind::kText: return "text '" + std::string(value.view()) + "'";
    case Kind::kBytes: return "bytes '" + std::string(value.view()) + "'";
    case Kind::kJson: return "json '" + std::string(value.view()) + "'";
  }
  return "";
}

std::string show_block(const SstBlock& block) {
  std::string text;
  for (std::size_t i = 0; i < block.values.size(); ++i) {
    Entry entry{{block.type, block.attr, 0, {}}, block.values[i], block.versions[i]};
    if (block.attr == kKeyAttr) {
      entry.key.key = block.keys[i];
    } else {
      entry.key.slot = block.slots[i];
    }
    text += show(entry) + "\n";
  }
  return text;
}

}  // namespace

std::string show(const Entry& entry) {
  std::string text = std::to_string(static_cast<std::uint32_t>(entry.key.type)) + ".";
  if (entry.key.attr == kKeyAttr) {
    text += "keys '" + std::string(entry.key.key) + "'";
  } else {
    text += std::to_string(static_cast<std::uint32_t>(entry.key.attr)) + " #" +
            std::to_string(entry.key.slot);
  }
  return text + " " + show_value(entry.value) + " v" + std::to_string(entry.version);
}

std::string show_all(const SstReader& reader) {
  std::string text;
  for (std::size_t i = 0; i < reader.blocks().size(); ++i) {
    const auto block = reader.read(i);
    if (!block.ok()) return block.error().message;
    text += show_block(*block.value());
  }
  return text;
}

std::string show_all(const std::vector<OwnedEntry>& entries) {
  std::string text;
  for (const OwnedEntry& entry : entries) text += show(entry.entry()) + "\n";
  return text;
}

std::string EntryGenerator::text() {
  std::string text;
  switch (below(6)) {
    case 0: return text;
    case 1: return std::string(below(600), 'a');
    case 2: text.resize(below(40)); break;
    default: text.resize(below(12)); break;
  }
  for (char& c : text) c = static_cast<char>(rng_());
  return text;
}

std::int64_t EntryGenerator::integer(int style, std::size_t index) {
  switch (style) {
    case 0: return static_cast<std::int64_t>(below(100)) - 20;
    case 1: return 7;
    case 2: return static_cast<std::int64_t>(1'000'000 + 3 * index);
    case 3:
      return chance(50) ? std::numeric_limits<std::int64_t>::min() + below(3)
                        : std::numeric_limits<std::int64_t>::max() - below(3);
    default: return static_cast<std::int64_t>(rng_()) >> below(64);
  }
}

OwnedValue EntryGenerator::value(const Style& style, std::size_t index) {
  switch (style.kinds[below(style.kinds.size())]) {
    case Kind::kNull: return OwnedValue(Value::null());
    case Kind::kMissing: return OwnedValue(Value::missing());
    case Kind::kBool: return OwnedValue(Value::boolean_of(chance(50)));
    case Kind::kInt: return OwnedValue(Value::int_of(integer(style.integers, index)));
    case Kind::kReal:
      return OwnedValue(Value::real(static_cast<double>(integer(style.integers, index)) / 8));
    case Kind::kText: return OwnedValue(Value::text_of(text()));
    case Kind::kBytes: return OwnedValue(Value::bytes_of(text()));
    case Kind::kJson: return OwnedValue(Value::json_of("[" + text() + "]"));
  }
  return {};
}

std::uint64_t EntryGenerator::version(const Style& style, std::size_t index) {
  if (style.versions == 0) return 12;
  return style.versions == 1 ? 100 + index : rng_() >> below(64);
}

void EntryGenerator::column(TypeId type, AttrId attr, std::size_t count,
                            std::vector<OwnedEntry>& out) {
  Style style;
  const std::size_t kinds = chance(60) ? 1 : 2 + below(4);
  for (std::size_t i = 0; i < kinds; ++i) style.kinds.push_back(static_cast<Kind>(below(8)));
  style.versions = static_cast<int>(below(3));
  style.dense = chance(50);
  style.integers = static_cast<int>(below(5));
  Slot slot = static_cast<Slot>(below(1000));
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back({type, attr, slot, "", value(style, i), version(style, i)});
    slot += style.dense ? 1 : 1 + static_cast<Slot>(rng_() % 40'000);
  }
}

void EntryGenerator::keys(TypeId type, std::size_t count, std::vector<OwnedEntry>& out) {
  std::set<std::string> keys;
  const std::string prefix = text();
  for (std::size_t i = 0; i < count; ++i) keys.insert((chance(70) ? prefix : "") + text());
  const Style style{{}, static_cast<int>(below(3)), true, 0};
  std::size_t index = 0;
  for (const std::string& key : keys) {
    const Value value =
        chance(20) ? Value::null() : Value::int_of(static_cast<std::int64_t>(rng_() % kNoSlot));
    out.push_back({type, kKeyAttr, 0, key, OwnedValue(value), version(style, index++)});
  }
}

std::vector<OwnedEntry> EntryGenerator::entries(std::size_t most) {
  std::vector<OwnedEntry> out;
  std::uint32_t type = 0;
  do {
    type += 1 + static_cast<std::uint32_t>(below(3));
    std::uint32_t attr = static_cast<std::uint32_t>(below(2));
    for (std::size_t i = below(4); i > 0; --i) {
      column(TypeId{type}, AttrId{attr}, 1 + below(most), out);
      attr += 1 + static_cast<std::uint32_t>(below(300));
    }
    if (chance(50)) keys(TypeId{type}, 1 + below(most), out);
  } while (out.empty() || chance(50));
  return out;
}

Written write_sst(const std::vector<OwnedEntry>& entries, const SstOptions& options,
                  std::uint64_t number) {
  Written written;
  SstWriter writer(std::make_unique<BytesFile>(written.bytes), "SST", number, options);
  for (const OwnedEntry& entry : entries) REQUIRE(writer.add(entry.entry()).ok());
  auto info = writer.finish();
  REQUIRE(info.ok());
  written.info = info.value();
  return written;
}

base::Result<std::shared_ptr<const SstReader>> open_sst(const Bytes& bytes, const SstInfo& info) {
  return SstReader::open(std::make_unique<BytesFile>(bytes), "SST", info);
}

}  // namespace tremula::lsm::testing
