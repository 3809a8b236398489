// What was applied last is what reads with memtables give, wherever it stands.
#include "core/lsm/tree_view.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/forwarding_file.h"
#include "persist/memory_file_system.h"
#include "tests/lsm/sst_support.h"
#include "tests/lsm/tree_support.h"

namespace tremula::lsm::testing {
namespace {

using namespace tremula::triples;

std::string show(const TreeView& view) {
  std::string text;
  for (const auto& [type, attr] : view.columns()) {
    const auto scanned =
        view.scan(type, attr, [&](const Entry& entry) { text += testing::show(entry) + "\n"; });
    if (!scanned.ok()) return scanned.error().message;
  }
  return text;
}

// What is newer than `since`, of the whole view by a look at each entry, or by asking for it.
std::string show_since(const LsmTree& tree, std::uint64_t since, bool asks) {
  const auto view = asks ? tree.view_since(since) : tree.view();
  std::string text;
  for (const auto& [type, attr] : tree.view()->columns()) {
    const auto take = [&](const Entry& entry) {
      if (entry.version > since) text += testing::show(entry) + "\n";
    };
    const auto scanned =
        asks ? view->scan_since(type, attr, since, take) : view->scan(type, attr, take);
    if (!scanned.ok()) return scanned.error().message;
  }
  return text;
}

// Counts what is read of files.
class CountingFiles final : public persist::MemoryFileSystem {
 public:
  base::Result<std::unique_ptr<base::File>> open(const std::string& path,
                                                 base::OpenMode mode) override {
    TREMULA_TRY_ASSIGN(auto file, MemoryFileSystem::open(path, mode));
    return std::unique_ptr<base::File>(new Counted(std::move(file), bytes_read));
  }
  std::size_t bytes_read = 0;

 private:
  class Counted final : public base::ForwardingFile {
   public:
    Counted(std::unique_ptr<base::File> file, std::size_t& bytes)
        : ForwardingFile(std::move(file)), bytes_(&bytes) {}
    base::Result<std::size_t> read(std::uint64_t offset, std::span<char> to) override {
      *bytes_ += to.size();
      return ForwardingFile::read(offset, to);
    }

   private:
    std::size_t* bytes_;
  };
};

// Every entry of the view by a point read of its own.
void check_points(LsmTree& tree, const TreeView& view) {
  for (const auto& [type, attr] : view.columns()) {
    const auto check = [&, type = type, attr = attr](const Entry& entry) {
      if (attr == kKeyAttr) {
        const auto found = tree.find_key(type, entry.key.key);
        REQUIRE((found.ok() && found.value()));
        const Slot slot = entry.value.is_null() ? kNoSlot : static_cast<Slot>(entry.value.integer);
        CHECK(*found.value() == KeyState{slot, entry.version});
        return;
      }
      const auto found = tree.get(type, attr, entry.key.slot);
      REQUIRE((found.ok() && found.value()));
      CHECK(triples::identical(found.value()->value.value(), entry.value));
      CHECK(found.value()->version == entry.version);
      if (attr == kRowAttr) return;
      const std::vector<AttrId> attrs = tree.row_attrs(type, entry.key.slot);
      CHECK(std::binary_search(attrs.begin(), attrs.end(), attr));
    };
    REQUIRE(view.scan(type, attr, check).ok());
  }
}

}  // namespace

TEST_CASE("reads with memtables give what was applied last") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    persist::MemoryFileSystem files;
    REQUIRE(files.make_directory(kDirectory).ok());
    auto opened = LsmTree::open(files, kDirectory, tiny_options());
    REQUIRE(opened.ok());
    LsmTree& tree = *opened.value();
    History history(seed);
    for (int i = 0; i < 150; ++i) {
      const std::string_view record = history.commit();
      if (!record.empty()) REQUIRE(tree.apply(record, history.version(), 1).ok());
      if (tree.can_freeze() && history.chance(20)) tree.freeze();
      if (history.chance(50)) REQUIRE(tree.work(500).ok());
      for (const TypeId type : {TypeId{1}, TypeId{2}}) {
        for (const std::string& key : history.all_keys(type)) {
          const auto found = tree.find_key(type, key);
          REQUIRE(found.ok());
          CHECK((found.value() ? found.value()->slot : kNoSlot) == history.find(type, key));
        }
        CHECK(!tree.find_key(type, "a key that never was").value());
      }
      if (i % 10 != 9) continue;
      const auto view = tree.view();
      REQUIRE(show(*view) == history.show());
      check_points(tree, *view);
      for (const std::uint64_t back : {0, 1, 3, 20, 1000}) {
        const std::uint64_t since = history.version() - std::min(back, history.version());
        CHECK(show_since(tree, since, true) == show_since(tree, since, false));
      }
    }
  }
}

TEST_CASE("what is newer than a version is read without the blocks that are older") {
  CountingFiles files;
  REQUIRE(files.make_directory(kDirectory).ok());
  auto tree = LsmTree::open(files, kDirectory, {}).value();
  constexpr Slot kRows = 50'000;
  std::uint64_t version = 0;
  CommitWriter record;
  const auto commit = [&](Slot slot, Fate fate) {
    record.clear();
    std::string key = "key " + std::to_string(slot);
    record.begin_row(TypeId{1}, slot, fate, key, 1);
    record.cell(AttrId{2}, Value::int_of(slot * 7 % 1000));
    REQUIRE(tree->apply(record.view(), ++version, 1).ok());
  };
  for (Slot slot = 0; slot < kRows; ++slot) commit(slot, Fate::kInserted);
  REQUIRE(tree->flush().ok());
  REQUIRE(work_all(*tree).ok());
  const std::uint64_t since = version;
  commit(kRows / 2, Fate::kUpdated);
  REQUIRE(tree->flush().ok());
  const auto bytes_of = [&](bool asks) {
    files.bytes_read = 0;
    CHECK(show_since(*tree, since, asks) ==
          "1.2 #25000 " + std::to_string(25000 * 7 % 1000) + " v50001\n");
    return files.bytes_read;
  };
  const std::size_t all = bytes_of(false);
  CHECK(all > 200'000);
  CHECK(bytes_of(true) < 1000);
}

}  // namespace tremula::lsm::testing
