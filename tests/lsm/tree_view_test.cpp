// What was applied last is what reads with memtables give, wherever it stands.
#include "core/lsm/tree_view.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

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
    }
  }
}

}  // namespace tremula::lsm::testing
