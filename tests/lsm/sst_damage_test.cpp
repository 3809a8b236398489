// SSTs: damage is seen and named; what is read is right.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/lsm/sst.h"
#include "tests/lsm/sst_support.h"

namespace {

using namespace tremula::lsm;
using namespace tremula::lsm::testing;
using namespace tremula::triples;
using tremula::base::ErrorCode;

// Opens and reads all there is.  Returns: all entries, or the error, which must be `corrupt` and
// name the file.
std::string outcome(const Bytes& bytes, const SstInfo& info) {
  const auto opened = open_sst(bytes, info);
  if (!opened.ok()) {
    CHECK(opened.error().code == ErrorCode::kCorrupt);
    CHECK(opened.error().message.starts_with("SST: "));
    return opened.error().message;
  }
  const auto checked = opened.value()->check();
  const std::string all = show_all(*opened.value());
  if (!checked.ok()) {
    CHECK(checked.error().code == ErrorCode::kCorrupt);
    CHECK(checked.error().message.starts_with("SST: "));
    return checked.error().message;
  }
  return all;
}

struct Small {
  std::vector<OwnedEntry> entries;
  Written written;
  std::string all;
};

// A file of a few small blocks of every kind.
Small small_file(std::uint32_t seed, bool compress) {
  Small small;
  EntryGenerator random(seed);
  do {
    small.entries = random.entries(20);
  } while (small.entries.size() < 20 || small.entries.size() > 60);
  small.written = write_sst(small.entries, {128, compress});
  small.all = show_all(small.entries);
  REQUIRE(outcome(small.written.bytes, small.written.info) == small.all);
  return small;
}

}  // namespace

TEST_CASE("sst damage: every flipped byte is seen, with the offset of its part") {
  for (std::uint32_t seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    const Small small = small_file(seed, seed % 2 == 0);
    const Bytes bytes = std::make_shared<std::string>(*small.written.bytes);
    for (std::size_t i = 0; i < bytes->size(); ++i) {
      CAPTURE(i);
      for (const int flip : {0x01, 0x80, 0xff}) {
        (*bytes)[i] = static_cast<char>((*bytes)[i] ^ flip);
        const std::string message = outcome(bytes, small.written.info);
        CHECK(message.find(" at offset ") != std::string::npos);
        (*bytes)[i] = static_cast<char>((*bytes)[i] ^ flip);
      }
    }
  }
}

TEST_CASE("sst damage: a file that is shorter or longer is seen") {
  const Small small = small_file(1, true);
  for (std::size_t size = 0; size < small.written.bytes->size(); ++size) {
    CAPTURE(size);
    const Bytes cut = std::make_shared<std::string>(small.written.bytes->substr(0, size));
    CHECK(outcome(cut, small.written.info).starts_with("SST: size is "));
    // A manifest that believes in the shorter size.
    SstInfo info = small.written.info;
    info.size = size;
    CHECK(outcome(cut, info) != small.all);
  }
  const Bytes longer = std::make_shared<std::string>(*small.written.bytes + "x");
  CHECK(outcome(longer, small.written.info).starts_with("SST: size is "));
}

TEST_CASE("sst damage: blocks that changed places, or came from another file, are seen") {
  EntryGenerator random(11);
  std::vector<OwnedEntry> entries;
  for (Slot slot = 0; slot < 64; ++slot)
    entries.push_back({TypeId{1}, AttrId{2}, slot, "", OwnedValue(Value::int_of(slot)), 5});
  const Written written = write_sst(entries, {64, false});
  const Written other = write_sst(entries, {64, false}, 43);
  const auto opened = open_sst(written.bytes, written.info);
  REQUIRE(opened.ok());
  const std::vector<SstReader::BlockPlace>& blocks = opened.value()->blocks();
  REQUIRE(blocks.size() == 4);
  for (std::size_t to = 0; to < blocks.size(); ++to) {
    for (std::size_t from = 0; from < blocks.size(); ++from) {
      REQUIRE(blocks[from].size == blocks[to].size);
      const auto misdirect = [&](const Bytes& source) {
        const Bytes bytes = std::make_shared<std::string>(*written.bytes);
        std::copy_n(source->data() + blocks[from].offset, blocks[from].size,
                    bytes->data() + blocks[to].offset);
        return outcome(bytes, written.info);
      };
      const std::string named = "SST: block " + std::to_string(to) + " at offset " +
                                std::to_string(blocks[to].offset) + ": checksum is ";
      if (from == to) {
        CHECK(misdirect(written.bytes) == show_all(entries));
        // Contents that are the same byte for byte are the right contents.
        CHECK(misdirect(other.bytes) == show_all(entries));
      } else {
        CHECK(misdirect(written.bytes).starts_with(named));
      }
    }
  }
}

TEST_CASE("sst damage: a piece of zeros is seen, wherever it lies") {
  const Small small = small_file(4, true);
  for (std::size_t begin = 0; begin < small.written.bytes->size(); begin += 16) {
    CAPTURE(begin);
    const Bytes bytes = std::make_shared<std::string>(*small.written.bytes);
    const std::size_t end = std::min(begin + 64, bytes->size());
    std::fill(bytes->begin() + static_cast<std::ptrdiff_t>(begin),
              bytes->begin() + static_cast<std::ptrdiff_t>(end), '\0');
    CHECK(outcome(bytes, small.written.info).find(" at offset ") != std::string::npos);
  }
}

TEST_CASE("sst damage: a manifest that tells of another file is seen") {
  const Small small = small_file(2, true);
  const auto with = [&](auto change) {
    SstInfo info = small.written.info;
    change(info);
    return outcome(small.written.bytes, info);
  };
  CHECK(with([](SstInfo&) {}) == small.all);
  CHECK(with([](SstInfo& info) { ++info.number; }) != small.all);
  CHECK(with([](SstInfo& info) { ++info.size; }) != small.all);
  CHECK(with([](SstInfo& info) { ++info.checksum; }) != small.all);
  CHECK(with([](SstInfo& info) { ++info.entries; }) != small.all);
  CHECK(with([](SstInfo& info) { ++info.tombstones; }) != small.all);
  CHECK(with([](SstInfo& info) { info.first_type = TypeId{0}; }) != small.all);
  CHECK(with([](SstInfo& info) { info.first_attr = AttrId{77}; }) != small.all);
  CHECK(with([](SstInfo& info) { ++info.first_slot; }) != small.all);
  CHECK(with([](SstInfo& info) { info.first_key += "x"; }) != small.all);
  CHECK(with([](SstInfo& info) { info.last_type = TypeId{77}; }) != small.all);
  CHECK(with([](SstInfo& info) { info.last_attr = AttrId{77}; }) != small.all);
  CHECK(with([](SstInfo& info) { ++info.last_slot; }) != small.all);
  CHECK(with([](SstInfo& info) { info.last_key += "x"; }) != small.all);
}
