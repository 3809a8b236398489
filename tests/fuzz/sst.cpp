// Fuzzes what reads SSTs, behind the checksums: the contents of a column block and of a key block,
// and a file whose block and index are any bytes, sealed as a writer would. What decodes must be
// written and decoded again as the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/lsm/column_block.h"
#include "core/lsm/key_block.h"
#include "core/lsm/packed_ints.h"
#include "core/lsm/sst.h"
#include "core/lsm/sst_format.h"

namespace {

using namespace tremula::lsm;
using tremula::base::Result;
using tremula::triples::identical;

class ConstFile final : public tremula::base::File {
 public:
  explicit ConstFile(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const std::size_t size = std::min<std::size_t>(out.size(), bytes_.size() - offset);
    std::copy_n(bytes_.data() + offset, size, out.data());
    return size;
  }
  Result<void> write(std::uint64_t, std::string_view) override { return {}; }
  Result<void> sync() override { return {}; }
  Result<std::uint64_t> size() override { return std::uint64_t{bytes_.size()}; }
  Result<void> resize(std::uint64_t) override { return {}; }

 private:
  std::string bytes_;
};

void expect_same(const SstBlock& a, const SstBlock& b) {
  TREMULA_ASSERT(a.slots == b.slots && a.keys == b.keys && a.versions == b.versions);
  TREMULA_ASSERT(
      std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(), identical));
}

void try_column_block(std::string_view contents) {
  SstBlock block;
  block.bytes = std::string(contents) + std::string(kPackedSlack, '\0');
  if (!decode_column_block(0, block).ok()) return;
  ColumnBlockBuilder builder;
  for (std::size_t i = 0; i < block.values.size(); ++i)
    builder.add(block.slots[i], block.values[i], block.versions[i]);
  SstBlock again;
  builder.finish(again.bytes);
  again.bytes.append(kPackedSlack, '\0');
  TREMULA_ASSERT(decode_column_block(0, again).ok());
  expect_same(block, again);
}

void try_key_block(std::string_view contents) {
  SstBlock block;
  block.bytes = std::string(contents) + std::string(kPackedSlack, '\0');
  const std::string bytes = block.bytes;
  const std::string_view sought(bytes.data(), contents.size());
  const auto any = find_in_key_block(sought, contents.substr(0, 3));
  if (!decode_key_block(0, block).ok()) return;
  TREMULA_ASSERT(any.ok());
  KeyBlockBuilder builder;
  for (std::size_t i = 0; i < block.keys.size(); ++i) {
    const auto found = find_in_key_block(sought, block.keys[i]);
    TREMULA_ASSERT(found.ok() && found.value().has_value());
    TREMULA_ASSERT(found.value()->version == block.versions[i]);
    builder.add(block.keys[i], block.values[i], block.versions[i]);
  }
  SstBlock again;
  builder.finish(again.bytes);
  again.bytes.append(kPackedSlack, '\0');
  TREMULA_ASSERT(decode_key_block(0, again).ok());
  expect_same(block, again);
}

// The first byte says how long the block is; the rest is the index.
void try_file(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::size_t size =
      std::min<std::size_t>(static_cast<unsigned char>(bytes[0]), bytes.size() - 1);
  SstInfo info;
  info.number = 1;
  std::string file = encode_sst_header(info.number) + std::string(bytes.substr(1, size));
  const std::string index(bytes.substr(1 + size));
  SstFooter footer;
  footer.index_offset = file.size();
  footer.index_size = index.size();
  footer.index_checksum = sst_checksum(index, info.number, footer.index_offset);
  footer.filter_checksum = sst_checksum("", info.number, file.size() + index.size());
  footer.entries = info.entries = 1;
  file += index;
  const std::string end = encode_sst_footer(footer, info.number, file.size());
  info.checksum = sst_footer_checksum(end);
  file += end;
  info.size = file.size();
  const auto reader = SstReader::open(std::make_unique<ConstFile>(file), "SST", info);
  if (!reader.ok()) return;
  const auto checked = reader.value()->check();
  static_cast<void>(checked.ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: try_column_block(bytes); break;
    case 1: try_key_block(bytes); break;
    default: try_file(bytes); break;
  }
  return 0;
}
