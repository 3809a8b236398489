// The bytes of an SST, one by one: the worked example of docs/formats.md. What an earlier version
// wrote must be read for ever; if this test has to change, kSstFormat has to change too, and this
// file's bytes stay, to be read as the older format.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/hex.h"
#include "core/lsm/sst.h"
#include "tests/lsm/sst_support.h"

namespace {

using namespace tremula::lsm;
using namespace tremula::lsm::testing;
using namespace tremula::triples;

// Three rows of a table 1 ( k TEXT KEY, n INT = 2 ), written by the transactions 5, 6 and 7; the
// row of "bo" is deleted.
std::vector<OwnedEntry> example() {
  const auto cell = [](std::uint32_t attr, Slot slot, Value value, std::uint64_t version) {
    return OwnedEntry{TypeId{1}, AttrId{attr}, slot, "", OwnedValue(value), version};
  };
  const auto key = [](std::string bytes, Value value, std::uint64_t version) {
    return OwnedEntry{TypeId{1}, kKeyAttr, 0, std::move(bytes), OwnedValue(value), version};
  };
  return {
      cell(0, 0, Value::bytes_of("ada"), 5),
      cell(0, 1, Value::missing(), 7),
      cell(0, 2, Value::bytes_of("adam"), 6),
      cell(2, 0, Value::int_of(36), 5),
      cell(2, 1, Value::missing(), 7),
      cell(2, 2, Value::int_of(930), 6),
      key("ada", Value::int_of(0), 5),
      key("adam", Value::int_of(2), 6),
      key("bo", Value::null(), 7),
  };
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    if (!text.empty()) text += ' ';
    tremula::base::put_hex(text, {&c, 1});
  }
  return text;
}

std::string bytes_of_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 3)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string bytes_of(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : " ") + part;
  return text;
}

// clang-format off
// As format 1 has it.
const std::vector<std::string> kPlain = {
    "54 52 45 4d 53 53 54 0a",  // header at 0: magic "TREMSST\n"
    "01 00 00 00",  // format version 1
    "00 00 00 00",  // 0
    "07 00 00 00 00 00 00 00",  // file number 7
    "3a a2 15 3a de 42 25 3f",  // checksum of the 24 bytes
    "00",  // block 0 at 32, the rows themselves: stored plain
    "03",  // 3 entries
    "00 02 00 24",  // slots: frame, 2 bits each, base 0: 0 1 2
    "00 02 0a 08",  // kinds: frame, 2 bits, base 5 (BYTES): 5 7 5
    "00 02 0a 18",  // versions: frame, 2 bits, base 5: 5 7 6
    "00 01 06 02",  // lengths: frame, 1 bit, base 3: 3 4
    "61 64 61 61 64 61 6d",  // bytes: "ada" "adam"
    "00",  // block 1 at 57, the column n: stored plain
    "03",  // 3 entries
    "00 02 00 24",  // slots: 0 1 2
    "00 03 04 28 00",  // kinds: frame, 3 bits, base 2 (INT): 2 7 2
    "00 02 0a 18",  // versions: 5 7 6
    "01 00 48 fc 0d",  // integers: delta, 0 bits, base 36, step 894: 36 930
    "00",  // block 2 at 77, the keys: stored plain
    "03",  // 3 entries
    "0c",  // 12 bytes of keys
    "00 03 61 64 61",  // shares 0, 3 more: "ada"
    "03 01 6d",  // shares 3, 1 more: "m"
    "00 02 62 6f",  // shares 0, 2 more: "bo"
    "00 02 00 0d",  // slots: frame, 2 bits, base 0: 1 3 0, that is 0, 2, dead
    "00 02 0a 24",  // versions: 5 6 7
    "00 00 00 00",  // restart 0 at 0
    "03",  // index at 104: 3 blocks
    "01 00",  // type 1, attr 0
    "00",  // first slot 0
    "19 03",  // 25 bytes, 3 entries
    "da 5f 12 9b 15 92 ea 30",  // checksum of block 0
    "01 02",  // type 1, attr 2
    "00",  // first slot 0
    "14 03",  // 20 bytes, 3 entries
    "c4 3c 72 36 1b 60 3a 68",  // checksum of block 1
    "01",  // type 1
    "ff ff ff ff 0f",  // attr 0xFFFFFFFF: keys
    "03 61 64 61",  // first key "ada"
    "1b 03",  // 27 bytes, 3 entries
    "c4 6c 21 3a 27 7f ac fb",  // checksum of block 2
    "02 62 6f",  // last key "bo"
    "08 00 00 08 00 00 20 80 00 00 00 00 00 10 00 00",  // filter at 154: one block of 64 bytes
    "00 00 00 00 00 00 08 00 20 00 00 00 00 00 40 10",
    "00 00 00 00 10 00 00 00 00 00 00 00 00 00 00 00",
    "00 00 00 20 00 00 00 10 00 00 00 83 00 00 00 05",
    "22 1b 63 47 7d 05 ce 29",  // footer at 218: checksum of the rest
    "68 00 00 00 00 00 00 00",  // index at 104
    "32 00 00 00 00 00 00 00",  // index of 50 bytes
    "26 ab 2e 89 62 53 8a 14",  // checksum of the index
    "40 00 00 00 00 00 00 00",  // filter of 64 bytes
    "6b 78 13 85 72 12 fa 07",  // checksum of the filter
    "09 00 00 00 00 00 00 00",  // 9 entries
    "02 00 00 00 00 00 00 00",  // 2 tombstones
    "54 53 54 45 4e 44 0a 00",  // magic "TSTEND\n\0"
};

// clang-format on

// Format 2: the index ends with the newest version of each block.
std::vector<std::string> golden() {
  std::vector<std::string> parts = kPlain;
  const auto replace = [&](std::string_view from, std::string to) {
    const auto at = std::find(parts.begin(), parts.end(), from);
    REQUIRE(at != parts.end());
    *at = std::move(to);
  };
  replace("01 00 00 00", "02 00 00 00");
  replace("3a a2 15 3a de 42 25 3f", "f9 9c 8a 35 39 6a 97 3f");  // checksum of the header
  replace("02 62 6f", "02 62 6f 07 07 07");                       // last key, and: 7, 7, 7
  replace("22 1b 63 47 7d 05 ce 29", "c5 84 d6 64 fb 52 4f e4");  // of the footer
  replace("32 00 00 00 00 00 00 00", "35 00 00 00 00 00 00 00");  // index of 53 bytes
  replace("26 ab 2e 89 62 53 8a 14", "bf 89 41 1f ec bc 95 56");  // of the index
  replace("6b 78 13 85 72 12 fa 07", "22 dc b7 29 e5 e9 17 37");  // of the filter, 3 bytes later
  return parts;
}

}  // namespace

TEST_CASE("sst format: the example is written byte for byte") {
  const Written written = write_sst(example(), {4096, false}, 7);
  CHECK(hex(*written.bytes) == bytes_of(golden()));
}

TEST_CASE("sst format: the example's bytes are read, those of format 1 too") {
  const SstInfo info = write_sst(example(), {4096, false}, 7).info;
  SstInfo plain = info;
  plain.size = 290;
  plain.checksum = 0x29ce'057d'4763'1b22;
  const auto check = [](const std::vector<std::string>& parts, const SstInfo& of) {
    const Bytes bytes = std::make_shared<std::string>(bytes_of_hex(bytes_of(parts)));
    const auto opened = open_sst(bytes, of);
    REQUIRE_MESSAGE(opened.ok(), opened.error().message);
    CHECK(opened.value()->check().ok());
    CHECK(show_all(*opened.value()) ==
          "1.0 #0 bytes 'ada' v5\n1.0 #1 missing v7\n1.0 #2 bytes 'adam' v6\n"
          "1.2 #0 36 v5\n1.2 #1 missing v7\n1.2 #2 930 v6\n"
          "1.keys 'ada' 0 v5\n1.keys 'adam' 2 v6\n1.keys 'bo' null v7\n");
    return opened.value()->blocks().front().newest;
  };
  CHECK(check(golden(), info) == 7);
  CHECK(check(kPlain, plain) == SstReader::kUnknownVersion);
}
