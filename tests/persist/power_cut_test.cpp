// What a power cut leaves of a MemoryFileSystem, and the FaultFileSystem that goes with it.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "persist/memory_file_system.h"
#include "tests/support/fault_file_system.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;
using base::FileSystem;
using base::OpenMode;
using support::FaultFileSystem;
using support::FaultKind;

// "name:bytes " of every file; a run of equal bytes as "x*512".
std::string contents(FileSystem& files, const std::string& directory) {
  std::string all;
  const std::vector<std::string> names = files.list(directory).value();
  for (const std::string& name : names) {
    auto file = files.open(directory + "/" + name, OpenMode::kRead).value();
    std::string bytes(static_cast<std::size_t>(file->size().value()), '?');
    CHECK(file->read(0, bytes).value() == bytes.size());
    all += name + ":";
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t end = std::min(bytes.find_first_not_of(bytes[at], at), bytes.size());
      all += bytes[at] == '\0' ? '0' : bytes[at];
      if (end - at > 1) all += "*" + std::to_string(end - at) + ",";
      at = end;
    }
    all += " ";
  }
  return all;
}

std::string after(const MemoryFileSystem& files, int data_percent, int names_percent,
                  std::uint64_t seed = 0) {
  return contents(*files.after_power_cut(
                      {.seed = seed, .data_percent = data_percent, .names_percent = names_percent}),
                  "d");
}

}  // namespace

TEST_CASE("power cut: data lives by the file's sync, names by the directory's") {
  MemoryFileSystem files;
  REQUIRE(files.make_directory("d").ok());
  REQUIRE(files.sync_directory("").ok());
  auto file = files.open("d/f", OpenMode::kCreate).value();
  REQUIRE(file->write(0, "abc").ok());
  CHECK(after(files, 100, 100) == "f:abc ");
  CHECK(after(files, 0, 100) == "f: ");
  CHECK(after(files, 100, 0) == "");
  REQUIRE(file->sync().ok());
  CHECK(after(files, 0, 100) == "f:abc ");
  CHECK(after(files, 0, 0) == "");
  REQUIRE(files.sync_directory("d").ok());
  CHECK(after(files, 0, 0) == "f:abc ");
  REQUIRE(file->write(1, "XYZ").ok());
  REQUIRE(files.rename("d/f", "d/g").ok());
  CHECK(after(files, 0, 0) == "f:abc ");
  CHECK(after(files, 100, 0) == "f:aXYZ ");
  CHECK(after(files, 0, 100) == "g:abc ");
  REQUIRE(file->sync().ok());
  REQUIRE(file->resize(2).ok());
  REQUIRE(files.remove("d/g").ok());
  CHECK(after(files, 0, 0) == "f:aXYZ ");
  CHECK(after(files, 100, 0) == "f:aX ");
  CHECK(after(files, 100, 100) == "");
  CHECK(contents(files, "d") == "");
}

TEST_CASE("power cut: of un-synced sectors any may be there, and the size on its own") {
  MemoryFileSystem files;
  REQUIRE(files.make_directory("d").ok());
  auto file = files.open("d/f", OpenMode::kCreate).value();
  REQUIRE(file->write(0, std::string(512, 'a')).ok());
  REQUIRE(file->sync().ok());
  REQUIRE(files.sync_directory("d").ok());
  REQUIRE(files.sync_directory("").ok());
  REQUIRE(file->write(0, std::string(512, 'b')).ok());
  REQUIRE(file->write(256, std::string(512, 'c')).ok());
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) seen.insert(after(files, 50, 50, seed));
  const std::set<std::string> expected = {
      "f:a*512, ",       "f:b*512, ",       "f:b*256,c*256, ",
      "f:a*512,0*256, ", "f:b*512,0*256, ", "f:b*256,c*256,0*256, ",
      "f:a*512,c*256, ", "f:b*512,c*256, ", "f:b*256,c*512, ",
  };
  CHECK(seen == expected);
  CHECK(after(files, 50, 50, 7) == after(files, 50, 50, 7));
}

TEST_CASE("fault file system: the n-th call fails, once or from then on") {
  const auto outcome = [](const support::Fault& fault) {
    MemoryFileSystem below;
    FaultFileSystem files(below);
    files.fail(fault);
    std::string ok;
    const auto note = [&](bool success) { ok += success ? '+' : '-'; };
    note(files.make_directory("d").ok());
    auto file = files.open("d/f", OpenMode::kCreate);
    note(file.ok());
    if (!file.ok()) return ok;
    note(file.value()->write(0, "abcd").ok());
    note(file.value()->sync().ok());
    note(file.value()->sync().ok());
    note(files.exists("d/f").ok());
    CHECK(files.has_failed() == (ok.find('-') != std::string::npos));
    return ok + " " + contents(below, "d");
  };
  CHECK(outcome({}) == "++++++ f:abcd ");
  CHECK(outcome({.call = 2}) == "+-");
  CHECK(outcome({.call = 3}) == "++-+++ f: ");
  CHECK(outcome({.call = 3, .kind = FaultKind::kShortWrite}) == "++-+++ f:ab ");
  CHECK(outcome({.call = 3, .kind = FaultKind::kDiskFull, .lasting = true}) == "++-+++ f: ");
  CHECK(outcome({.call = 4}) == "+++-++ f:abcd ");
  CHECK(outcome({.call = 4, .lasting = true}) == "+++-+- f:abcd ");
  CHECK(outcome({.call = 7}) == "++++++ f:abcd ");
}

TEST_CASE("fault file system: a sync after one that failed promises nothing") {
  MemoryFileSystem below;
  FaultFileSystem files(below);
  REQUIRE(files.make_directory("d").ok());
  auto file = files.open("d/f", OpenMode::kCreate).value();
  REQUIRE(files.sync_directory("").ok());
  REQUIRE(files.sync_directory("d").ok());
  REQUIRE(file->write(0, "abc").ok());
  files.fail({.call = 1});
  CHECK(file->sync().error().code == ErrorCode::kIo);
  CHECK(file->sync().ok());
  CHECK(after(below, 0, 0) == "f: ");
}

TEST_CASE("fault file system: every power cut of a record is shown") {
  MemoryFileSystem below;
  FaultFileSystem files(below);
  REQUIRE(files.make_directory("d").ok());
  REQUIRE(files.sync_directory("").ok());
  auto file = files.open("d/f", OpenMode::kCreate).value();
  REQUIRE(files.sync_directory("d").ok());
  REQUIRE(file->write(0, "a").ok());
  REQUIRE(file->sync().ok());
  REQUIRE(file->write(1, "b").ok());
  REQUIRE(files.exists("d").ok());
  std::string last_call;
  std::set<std::string> at_end;
  support::PowerCuts(files.record())
      .seeds(40)
      .visit([&](MemoryFileSystem& disk, std::size_t calls, const std::string& what) {
        if (calls >= 6) CHECK_MESSAGE(contents(disk, "d").starts_with("f:a"), what);
        if (calls == 7) at_end.insert(contents(disk, "d"));
        last_call = what.substr(0, what.find(':'));
      });
  CHECK(at_end == std::set<std::string>{"f:a ", "f:ab ", "f:a0 "});
  CHECK(last_call == "power cut after call 7 (write d/f)");
}

}  // namespace tremula::persist
