#include "core/lsm/manifest.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/checksum.h"
#include "core/base/hex.h"
#include "persist/memory_file_system.h"
#include "tests/lsm/tree_support.h"

namespace tremula::lsm {
namespace {

using namespace tremula::triples;
using persist::MemoryFileSystem;
using testing::file_bytes;
using testing::kDirectory;

const std::string kPath = std::string(kDirectory) + "/" + std::string(kManifestName);

std::unique_ptr<Manifest> open_manifest(base::FileSystem& files) {
  REQUIRE(files.make_directory(kDirectory).ok());
  auto manifest = Manifest::open(files, kDirectory);
  if (!manifest.ok()) FAIL(manifest.error().message);
  return std::move(manifest).value();
}

SstInfo column_file(std::uint64_t number, Slot first, Slot last) {
  SstInfo info;
  info.number = number;
  info.size = 1000 + number;
  info.checksum = 0x0102'0304'0506'0708 * number;
  info.entries = last - first + 1;
  info.tombstones = number % 3;
  info.first_type = info.last_type = TypeId{1};
  info.first_attr = info.last_attr = AttrId{2};
  info.first_slot = first;
  info.last_slot = last;
  return info;
}

ManifestEdit adding(std::uint32_t level, const SstInfo& info) {
  ManifestEdit edit;
  edit.next_file = info.number + 1;
  edit.added.push_back({level, info});
  return edit;
}

std::string dump(base::FileSystem& files) {
  std::string text;
  const auto dumped = Manifest::dump(
      files, kDirectory, [&](std::string_view line) { text += std::string(line) + "\n"; });
  return dumped.ok() ? text : dumped.error().message;
}

}  // namespace

TEST_CASE("manifest: names of files go there and back") {
  CHECK(sst_name(42) == "SST-000042");
  CHECK(sst_name(1'234'567) == "SST-1234567");
  CHECK(sst_number("SST-000042") == 42);
  CHECK(sst_number("SST-1234567") == 1'234'567);
  for (const char* name : {"SST-42", "SST-", "LOG-000042", "SST-00004x", "SST-0000042",
                           "SST-99999999999999999999", "MANIFEST"})
    CHECK(sst_number(name) == 0);
}

TEST_CASE("manifest: its bytes are those of the format") {
  MemoryFileSystem files;
  auto manifest = open_manifest(files);
  ManifestEdit edit = adding(0, column_file(1, 5, 300));
  edit.added[0].info.last_attr = kKeyAttr;
  edit.added[0].info.last_slot = 0;
  edit.added[0].info.last_key = "k";
  REQUIRE(manifest->append(edit).ok());
  const std::string bytes = file_bytes(files, kPath);
  REQUIRE(bytes.size() == 1621);
  CHECK(base::hex(bytes.substr(0, 32)) ==
        "5452454d4d414e0a"
        "01000000"
        "00000000"
        "0100000000000000"
        "741b89e866fdce29");
  CHECK(base::hex(bytes.substr(512, 32)) ==
        "0200000000000000"
        "5506000000000000"
        "8f541028915badf5"
        "22c2dd734b57f1f3");
  CHECK(base::hex(bytes.substr(1024, 32)) ==
        "0100000000000000"
        "2406000000000000"
        "73c269447f2447e6"
        "1f44d2578508bf08");
  CHECK(base::hex(bytes.substr(1536)) ==
        "73c269447f2447e6"
        "10000000"
        "0100000000000000"  // edit 1: 16 bytes
        "01"
        "00"
        "00"
        "00"
        "00"
        "00"
        "0000000000000000"
        "0201"  // state, next file 1
        "8f541028915badf5"
        "1d000000"
        "0200000000000000"
        "0202"  // edit 2: next file 2
        "03"
        "00"
        "01"
        "e907"
        "0807060504030201"
        "a802"
        "01"  // a file of level 0
        "01"
        "02"
        "05"
        "01"
        "ffffffff0f"
        "016b");  // 1.2 #5 to 1.keys 'k'
  CHECK(bytes.substr(32, 480) == std::string(480, '\0'));
}

TEST_CASE("manifest: edits are found again, each a line of the dump") {
  MemoryFileSystem files;
  auto manifest = open_manifest(files);
  CHECK(manifest->edits() == 1);
  REQUIRE(manifest->append(adding(1, column_file(1, 0, 9))).ok());
  ManifestEdit edit = adding(2, column_file(2, 10, 19));
  edit.removed.push_back({1, 1});
  edit.added.push_back({2, column_file(1, 0, 9)});
  edit.state = TreeState{7, 3, 4, 500, "0123456789abcdef", 99};
  REQUIRE(manifest->append(edit).ok());
  REQUIRE(manifest->append(adding(0, column_file(3, 0, 5))).ok());
  CHECK(manifest->edits() == 4);
  CHECK(dump(files) ==
        "edit 1 at offset 1536\n"
        "  state: applied 0, first log 0, log end 0:0, site , lock 0\n"
        "  next file 1\n"
        "edit 2 at offset 1572\n"
        "  next file 2\n"
        "  +L1 SST-000001 1001 bytes, checksum 0102030405060708, 10 entries, 1 tombstones, "
        "1.2 #0 to 1.2 #9\n"
        "edit 3 at offset 1615\n"
        "  state: applied 7, first log 3, log end 4:500, site 30313233343536373839616263646566, "
        "lock 99\n"
        "  next file 3\n"
        "  -L1 SST-000001\n"
        "  +L2 SST-000002 1002 bytes, checksum 020406080a0c0e10, 10 entries, 2 tombstones, "
        "1.2 #10 to 1.2 #19\n"
        "  +L2 SST-000001 1001 bytes, checksum 0102030405060708, 10 entries, 1 tombstones, "
        "1.2 #0 to 1.2 #9\n"
        "edit 4 at offset 1713\n"
        "  next file 4\n"
        "  +L0 SST-000003 1003 bytes, checksum 0306090c0f121518, 6 entries, 0 tombstones, "
        "1.2 #0 to 1.2 #5\n");
  const ManifestContents before = manifest->contents();
  manifest = open_manifest(files);
  CHECK(manifest->edits() == 4);
  CHECK(manifest->contents().state == before.state);
  CHECK(manifest->contents().next_file == 4);
  CHECK(manifest->contents().files == before.files);
}

TEST_CASE("manifest: what contradicts what is there is corrupt and not written") {
  MemoryFileSystem files;
  auto manifest = open_manifest(files);
  REQUIRE(manifest->append(adding(1, column_file(5, 0, 9))).ok());
  const std::string before = file_bytes(files, kPath);
  ManifestEdit twice = adding(1, column_file(5, 0, 9));
  ManifestEdit unknown;
  unknown.removed.push_back({1, 4});
  ManifestEdit elsewhere;
  elsewhere.removed.push_back({2, 5});
  ManifestEdit back;
  back.next_file = 3;
  ManifestEdit beyond;
  beyond.added.push_back({1, column_file(6, 0, 9)});
  for (const ManifestEdit& edit : {twice, unknown, elsewhere, back, beyond})
    CHECK(manifest->append(edit).error().code == base::ErrorCode::kCorrupt);
  CHECK(file_bytes(files, kPath) == before);
  CHECK(manifest->edits() == 2);
}

TEST_CASE("manifest: an item of an unknown kind is corrupt, the reserved number's too") {
  for (const char tag : {'\0', '\5', '\6', '\xff'}) {
    const auto edit = decode_edit(std::string("\2\7", 2) + tag + std::string("\1\2\3", 3));
    REQUIRE(!edit.ok());
    CHECK(edit.error().code == base::ErrorCode::kCorrupt);
    CHECK(edit.error().message.find("a broken item at its byte 2") != std::string::npos);
  }
}

TEST_CASE("manifest: when it has grown it is written anew, and the count goes on") {
  MemoryFileSystem files;
  auto manifest = open_manifest(files);
  std::size_t longest = 0;
  std::size_t rewrites = 0;
  std::size_t size = 0;
  TreeState state;
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    state.applied_version = i;
    ManifestEdit edit;
    edit.state = state;
    REQUIRE(manifest->append(edit).ok());
    CHECK(manifest->edits() == i + 1);
    const std::size_t now = file_bytes(files, kPath).size();
    if (now < size) ++rewrites;
    size = now;
    longest = std::max(longest, size);
    if (i % 333 == 0) manifest = open_manifest(files);
    REQUIRE(manifest->contents().state.applied_version == i);
    REQUIRE(manifest->edits() == i + 1);
  }
  CHECK(rewrites >= 3);
  CHECK(longest < 20'000);
  CHECK(files.list(kDirectory).value() == std::vector<std::string>{"MANIFEST"});
}

TEST_CASE("manifest: broken bodies of edits are refused, or are other edits as whole as these") {
  ManifestEdit edit = adding(2, column_file(2, 10, 19));
  edit.removed.push_back({1, 1});
  edit.added.push_back({0, column_file(1, 0, 9)});
  edit.added[1].info.last_attr = kKeyAttr;
  edit.added[1].info.last_key = "key";
  edit.state = TreeState{7, 3, 4, 500, "0123456789abcdef", 99};
  const std::string whole = encode_edit(edit);
  CHECK(encode_edit(decode_edit(whole).value()) == whole);
  std::size_t refused = 0;
  const auto look = [&](const std::string& bytes) {
    const auto decoded = decode_edit(bytes);
    if (!decoded.ok()) {
      CHECK(decoded.error().code == base::ErrorCode::kCorrupt);
      ++refused;
      return;
    }
    const std::string again = encode_edit(decoded.value());
    CHECK(encode_edit(decode_edit(again).value()) == again);
    ManifestContents contents;
    const auto applied = apply_edit(contents, decoded.value());
    if (!applied.ok()) CHECK(applied.error().code == base::ErrorCode::kCorrupt);
  };
  for (std::size_t size = 0; size < whole.size(); ++size) look(whole.substr(0, size));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(byte);
      look(damaged);
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("manifest: a newer format is unsupported") {
  MemoryFileSystem files;
  open_manifest(files);
  std::string header = file_bytes(files, kPath).substr(0, 24);
  header[8] = 2;
  base::put_u64(header, base::checksum(header, base::checksum_seed(0, 0)));
  testing::put_file(files, kPath, header + file_bytes(files, kPath).substr(32));
  const auto opened = Manifest::open(files, kDirectory);
  CHECK(opened.error().code == base::ErrorCode::kUnsupported);
  CHECK(opened.error().message == "db/MANIFEST: format version 2, this program reads 1");
}

}  // namespace tremula::lsm
