#include "tests/lsm/tree_support.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/lsm/sst_support.h"

namespace tremula::lsm::testing {

using namespace tremula::triples;

LsmOptions tiny_options() {
  LsmOptions options;
  options.memtable_bytes = 4096;
  options.level0_files = 1;
  options.level0_files_max = 4;
  options.level1_bytes = 500;
  options.file_bytes = 300;
  options.sst.block_bytes = 64;
  return options;
}

namespace {

// The slots alone, read without values.  Returns: what is wrong, or "".
std::string check_living(const LsmSnapshot& snapshot, TypeId type, AttrId attr) {
  const auto living = snapshot.living_slots(type, attr);
  if (!living.ok()) return living.error().message;
  std::vector<std::uint8_t> expected(living.value().size(), 0);
  bool fits = true;
  const auto scanned = snapshot.scan(type, attr, [&](const Entry& entry) {
    fits = fits && entry.key.slot < expected.size();
    if (fits) expected[entry.key.slot] = 1;
  });
  if (!scanned.ok()) return scanned.error().message;
  return fits && expected == living.value() ? "" : "the living slots differ from those scanned";
}

}  // namespace

std::string show(const LsmSnapshot& snapshot) {
  std::string text;
  for (const auto& [type, attr] : snapshot.columns()) {
    const auto scanned =
        snapshot.scan(type, attr, [&](const Entry& entry) { text += testing::show(entry) + "\n"; });
    if (!scanned.ok()) return scanned.error().message;
    if (attr != kKeyAttr) text += check_living(snapshot, type, attr);
  }
  return text;
}

std::string check_keys(const LsmSnapshot& snapshot, const History& history, TypeId type) {
  for (const std::string& key : history.all_keys(type)) {
    const auto found = snapshot.find_key(type, key);
    if (!found.ok()) return found.error().message;
    if (found.value() != history.find(type, key)) return "key " + key;
  }
  const auto found = snapshot.find_key(type, "a key that never was");
  if (!found.ok()) return found.error().message;
  return found.value() == kNoSlot ? "" : "a key that never was";
}

std::string show_levels(const LsmStats& stats) {
  std::string text;
  for (std::size_t level = 0; level < stats.files_per_level.size(); ++level) {
    if (stats.files_per_level[level] == 0) continue;
    text += (text.empty() ? "L" : " L") + std::to_string(level) + ":" +
            std::to_string(stats.files_per_level[level]);
  }
  return text;
}

base::Result<void> work_all(LsmTree& tree, std::size_t budget) {
  while (tree.has_work()) TREMULA_TRY(tree.work(budget));
  return {};
}

std::string file_bytes(base::FileSystem& files, const std::string& path) {
  auto file = files.open(path, base::OpenMode::kRead);
  REQUIRE(file.ok());
  const auto size = file.value()->size();
  REQUIRE(size.ok());
  std::string bytes(size.value(), '\0');
  REQUIRE(file.value()->read(0, {bytes.data(), bytes.size()}).ok());
  return bytes;
}

void put_file(base::FileSystem& files, const std::string& path, const std::string& bytes) {
  const auto is_there = files.exists(path);
  REQUIRE(is_there.ok());
  if (is_there.value()) REQUIRE(files.remove(path).ok());
  auto file = files.open(path, base::OpenMode::kCreate);
  REQUIRE(file.ok());
  REQUIRE(file.value()->write(0, bytes).ok());
  REQUIRE(file.value()->sync().ok());
}

std::string all_bytes(base::FileSystem& files) {
  const auto names = files.list(kDirectory);
  REQUIRE(names.ok());
  std::string bytes;
  for (const std::string& name : names.value())
    bytes += name + ":" + file_bytes(files, std::string(kDirectory) + "/" + name) + "\n";
  return bytes;
}

}  // namespace tremula::lsm::testing
