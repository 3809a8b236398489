// A tree whose files were flipped, cut, taken away, swapped or put back: right or corrupt.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/lsm/lsm_tree.h"
#include "core/lsm/manifest.h"
#include "persist/memory_file_system.h"
#include "tests/lsm/history.h"
#include "tests/lsm/tree_support.h"

namespace tremula::lsm {
namespace {

using namespace tremula::triples;
using persist::MemoryFileSystem;
using testing::file_bytes;
using testing::History;
using testing::kDirectory;
using testing::put_file;
using testing::tiny_options;

const std::string kManifestPath = std::string(kDirectory) + "/" + std::string(kManifestName);

// A tree of a few files, and what it must read as.
struct Grown {
  explicit Grown(std::uint64_t seed, int commits = 150)
      : history(seed, {.types = 2, .attrs = 3, .keys = 40, .rows_of_commit = 4}) {
    REQUIRE(files.make_directory(kDirectory).ok());
    grow(commits);
  }
  void grow(int commits) {
    auto opened = LsmTree::open(files, kDirectory, tiny_options());
    if (!opened.ok()) FAIL(opened.error().message);
    LsmTree& tree = *opened.value();
    for (int i = 0; i < commits; ++i) {
      const std::string_view record = history.commit();
      REQUIRE(tree.apply(record, history.version(), 1).ok());
      if (tree.wants_freeze() && tree.can_freeze()) tree.freeze();
      if (tree.has_work()) REQUIRE(tree.work(1500).ok());
    }
    REQUIRE(tree.flush().ok());
    REQUIRE(testing::work_all(tree).ok());
    edits = tree.edits();
  }
  std::vector<std::string> ssts() {
    std::vector<std::string> paths;
    const auto names = files.list(kDirectory);
    REQUIRE(names.ok());
    for (const std::string& name : names.value())
      if (name.starts_with("SST-")) paths.push_back(std::string(kDirectory) + "/" + name);
    return paths;
  }

  MemoryFileSystem files;
  History history;
  std::uint64_t edits = 0;
};

enum class Found { kRight, kCorrupt, kWrong };

// What opening and reading everything gives.
Found look(base::FileSystem& files, const std::string& expected, std::uint64_t edits) {
  const auto tree = LsmTree::open(files, kDirectory, tiny_options());
  if (!tree.ok()) {
    if (tree.error().code == base::ErrorCode::kUnsupported) return Found::kCorrupt;
    REQUIRE_MESSAGE(tree.error().code == base::ErrorCode::kCorrupt, tree.error().message);
    REQUIRE(tree.error().message.starts_with(kDirectory));
    return Found::kCorrupt;
  }
  const auto snapshot = tree.value()->snapshot();
  std::string text;
  for (const auto& [type, attr] : snapshot->columns()) {
    const auto scanned = snapshot->scan(type, attr, [](const Entry&) {});
    if (scanned.ok()) continue;
    REQUIRE(scanned.error().code == base::ErrorCode::kCorrupt);
    REQUIRE(scanned.error().message.starts_with(kDirectory));
    return Found::kCorrupt;
  }
  const bool right = testing::show(*snapshot) == expected && tree.value()->edits() == edits;
  return right ? Found::kRight : Found::kWrong;
}

}  // namespace

TEST_CASE("lsm_tree: any flipped byte of the manifest is right or corrupt") {
  Grown grown(1);
  const std::string expected = grown.history.show();
  const std::string whole = file_bytes(grown.files, kManifestPath);
  CHECK(whole.size() > 3000);
  std::size_t corrupt = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    put_file(grown.files, kManifestPath, damaged);
    const Found found = look(grown.files, expected, grown.edits);
    REQUIRE(found != Found::kWrong);
    corrupt += found == Found::kCorrupt ? 1 : 0;
  }
  // Only the seals may be mended: each stands for an edit that is there.
  CHECK(corrupt + 64 >= whole.size());
}

TEST_CASE("lsm_tree: a manifest cut anywhere is corrupt, at the border of an edit too") {
  Grown grown(2);
  const std::string expected = grown.history.show();
  const std::string whole = file_bytes(grown.files, kManifestPath);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    put_file(grown.files, kManifestPath, whole.substr(0, size));
    REQUIRE(look(grown.files, expected, grown.edits) == Found::kCorrupt);
    // The same length, its end made zeros.
    std::string zeros = whole.substr(0, size);
    zeros.resize(whole.size(), '\0');
    put_file(grown.files, kManifestPath, zeros);
    REQUIRE((zeros == whole || look(grown.files, expected, grown.edits) == Found::kCorrupt));
  }
  for (const std::string& more : {std::string("x"), std::string(5000, '\0'), whole}) {
    put_file(grown.files, kManifestPath, whole + more);
    REQUIRE(look(grown.files, expected, grown.edits) == Found::kRight);
  }
  // What lies behind the end is written over.
  grown.grow(10);
  CHECK(look(grown.files, grown.history.show(), grown.edits) == Found::kRight);
}

TEST_CASE("lsm_tree: a missing manifest is corrupt as long as any file is there") {
  Grown grown(3);
  REQUIRE(grown.files.remove(kManifestPath).ok());
  CHECK(look(grown.files, "", 1) == Found::kCorrupt);
  for (const std::string& path : grown.ssts()) REQUIRE(grown.files.remove(path).ok());
  put_file(grown.files, std::string(kDirectory) + "/LOG-000001", "log");
  CHECK(look(grown.files, "", 1) == Found::kCorrupt);
  REQUIRE(grown.files.remove(std::string(kDirectory) + "/LOG-000001").ok());
  CHECK(look(grown.files, "", 1) == Found::kRight);
}

TEST_CASE("lsm_tree: an older manifest is corrupt or shows by its count of edits") {
  Grown grown(4, 60);
  std::vector<std::string> older;
  std::vector<std::uint64_t> edits;
  for (int i = 0; i < 6; ++i) {
    older.push_back(file_bytes(grown.files, kManifestPath));
    edits.push_back(grown.edits);
    grown.grow(40);
  }
  const std::string newest = file_bytes(grown.files, kManifestPath);
  for (std::size_t i = 0; i < older.size(); ++i) {
    const std::string before = testing::all_bytes(grown.files);
    put_file(grown.files, kManifestPath, older[i]);
    const auto tree = LsmTree::open(grown.files, kDirectory, tiny_options());
    if (tree.ok()) CHECK(tree.value()->edits() == edits[i]);
    if (!tree.ok()) CHECK(tree.error().code == base::ErrorCode::kCorrupt);
    CHECK(edits[i] < grown.edits);
    // Nothing was removed: with the right manifest all is there again.
    put_file(grown.files, kManifestPath, newest);
    CHECK(testing::all_bytes(grown.files) == before);
  }
  CHECK(look(grown.files, grown.history.show(), grown.edits) == Found::kRight);
}

TEST_CASE("lsm_tree: a file that is gone, swapped or another's is corrupt") {
  Grown grown(5);
  const std::string expected = grown.history.show();
  const std::vector<std::string> paths = grown.ssts();
  REQUIRE(paths.size() > 5);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    CAPTURE(paths[i]);
    const std::string whole = file_bytes(grown.files, paths[i]);
    REQUIRE(grown.files.remove(paths[i]).ok());
    REQUIRE(look(grown.files, expected, grown.edits) == Found::kCorrupt);
    for (const std::string& damaged :
         {whole.substr(0, whole.size() - 1), whole + "x", std::string(),
          std::string(whole.size(), '\0'), file_bytes(grown.files, paths[i == 0 ? 1 : 0])}) {
      put_file(grown.files, paths[i], damaged);
      REQUIRE(look(grown.files, expected, grown.edits) == Found::kCorrupt);
    }
    put_file(grown.files, paths[i], whole);
  }
  CHECK(look(grown.files, expected, grown.edits) == Found::kRight);
}

TEST_CASE("lsm_tree: the same file of another tree is corrupt") {
  Grown grown(6);
  Grown other(7);
  std::size_t shared = 0;
  for (const std::string& path : grown.ssts()) {
    if (!other.files.exists(path).value()) continue;
    const std::string whole = file_bytes(grown.files, path);
    put_file(grown.files, path, file_bytes(other.files, path));
    CHECK(look(grown.files, grown.history.show(), grown.edits) == Found::kCorrupt);
    put_file(grown.files, path, whole);
    ++shared;
  }
  CHECK(shared > 0);
}

TEST_CASE("lsm_tree: flipped bytes of files are right or corrupt, and check() finds them all") {
  Grown grown(8, 80);
  const std::string expected = grown.history.show();
  const std::vector<std::string> paths = grown.ssts();
  for (const std::string& path : paths) {
    const std::string whole = file_bytes(grown.files, path);
    for (std::size_t at = grown.history.below(13); at < whole.size(); at += 13) {
      CAPTURE(path);
      CAPTURE(at);
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      put_file(grown.files, path, damaged);
      REQUIRE(look(grown.files, expected, grown.edits) != Found::kWrong);
      const auto checked = LsmTree::check(grown.files, kDirectory, [](std::string_view) {});
      REQUIRE(!checked.ok());
    }
    put_file(grown.files, path, whole);
  }
  const auto checked = LsmTree::check(grown.files, kDirectory, [](std::string_view) {});
  REQUIRE(checked.ok());
  CHECK(checked.value().edits == grown.edits);
}

}  // namespace tremula::lsm
