// One history under many options: the same answers and the same triples; under the same options,
// the same bytes.
//
//   options of the face      sync or not, tiny budget, tiny queue, opened anew now and then
//   options of the tree      memtable of 4 KB, level 0 of one file, no compression, ...: the
//                            history's own records, stepped by hand
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/triples/value_ops.h"
#include "db/open_on.h"
#include "persist/directory.h"
#include "persist/log_reader.h"
#include "persist/memory_file_system.h"
#include "persist/persister.h"
#include "tests/db/history.h"

namespace tremula::test {
namespace {

using persist::MemoryFileSystem;
using triples::AttrId;
using triples::Slot;
using triples::TypeId;

constexpr std::uint64_t kCommits = 200;

std::uint64_t scale() {
  const char* text = std::getenv("TREMULA_TEST_SCALE");
  return text == nullptr ? 1 : static_cast<std::uint64_t>(std::max(1, std::atoi(text)));
}

// Every triple with its version, rows by their keys: slots are nobody's business.
std::string triples_of(MemoryFileSystem& files) {
  auto opened = persist::Persister::open(files, "db", {});
  REQUIRE_MESSAGE(opened.ok(), opened.error().message);
  lsm::LsmTree& tree = opened.value()->tree();
  REQUIRE(tree.flush().ok());
  const auto snapshot = tree.snapshot();
  std::map<std::pair<TypeId, Slot>, std::string> keys;
  std::vector<std::string> lines;
  for (const auto& [type, attr] : snapshot->columns()) {
    const std::string begin = std::to_string(static_cast<std::uint32_t>(type)) + " ";
    const std::string column = " " + std::to_string(static_cast<std::uint32_t>(attr));
    const auto line = [&](const lsm::Entry& entry) {
      std::string key;
      if (attr == lsm::kKeyAttr) {
        if (!entry.value.is_null()) return;
        key = std::string(entry.key.key) + " is dead";
      } else if (attr == triples::kRowAttr) {
        key = keys[{type, entry.key.slot}] = std::string(entry.value.view());
      } else {
        key = keys.at({type, entry.key.slot});
      }
      std::string text = begin;
      triples::print_json_string(key, text);
      text += column + " @" + std::to_string(entry.version) + " ";
      triples::print_json(entry.value, text);
      lines.push_back(std::move(text));
    };
    const auto scanned = snapshot->scan(type, attr, line);
    REQUIRE_MESSAGE(scanned.ok(), scanned.error().message);
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& one : lines) text += one + "\n";
  return text;
}

// The files themselves; the manifest as text without the site, which every directory has of its
// own.
std::string bytes_of(MemoryFileSystem& files) {
  std::string text;
  const auto names = files.list("db");
  REQUIRE(names.ok());
  for (const std::string& name : names.value()) {
    if (name == "LOCK") continue;
    text += "\n== " + name + "\n";
    if (name == "MANIFEST") {
      REQUIRE(persist::dump_file(files, "db", name, [&](std::string_view line) {
                if (line.find("site") == std::string_view::npos) text.append(line) += '\n';
              }).ok());
      continue;
    }
    auto file = files.open("db/" + name, base::OpenMode::kRead);
    REQUIRE(file.ok());
    std::string bytes(file.value()->size().value(), '\0');
    REQUIRE(file.value()->read(0, {bytes.data(), bytes.size()}).ok());
    text += bytes;
  }
  return text;
}

void check_well(MemoryFileSystem& files) {
  const auto report = persist::check_directory(files, "db");
  REQUIRE_MESSAGE(report.ok(), report.error().message);
  for (const base::Error& problem : report.value().problems) FAIL_CHECK(problem.message);
  CHECK(report.value().version == kCommits);
}

// The history's commits as the log has them.
std::vector<std::string> records_of_history() {
  auto files = std::make_shared<MemoryFileSystem>();
  {
    Database db = db::OpenOn::open(files, "db", {}).value();
    while (db.version() < kCommits) commit_next(db).value();
  }
  std::vector<std::string> records;
  const auto keep = [&](const persist::LogRecord& record) -> base::Result<void> {
    if (record.header.kind != persist::RecordKind::kGroup) return {};
    return persist::visit_group(record, "db", [&](const persist::LogCommit& commit) {
      records.emplace_back(commit.record);
      return base::Result<void>();
    });
  };
  persist::LogRecovery all;
  all.first_log = 1;
  all.manifest_edits = ~std::uint64_t{0};
  const auto read = persist::read_log(*files, "db", all, keep);
  REQUIRE_MESSAGE(read.ok(), read.error().message);
  REQUIRE(records.size() == kCommits);
  return records;
}

persist::PersisterOptions tree_options(std::uint64_t variant) {
  std::mt19937_64 random(variant);
  persist::PersisterOptions options;
  lsm::LsmOptions& tree = options.lsm;
  tree.memtable_bytes = variant % 2 == 0 ? 4096 : 4096 << random() % 8;
  tree.level0_files = variant % 3 == 0 ? 1 : 1 + random() % 6;
  tree.level0_files_max = tree.level0_files + 1 + random() % 8;
  tree.level1_bytes = 500 << random() % 10;
  tree.file_bytes = 300 << random() % 8;
  tree.open_files_max = variant % 5 == 0 ? 0 : 400;
  tree.sst.block_bytes = 64 << random() % 7;
  tree.sst.compress = random() % 2 == 0;
  options.log.first_file_bytes = 1024 << random() % 6;
  options.log.spare_files = random() % 3;
  options.sync_delay_ms = random() % 2 == 0 ? 0 : 50;
  options.work_slice_bytes = 256 << random() % 8;
  return options;
}

// Takes all records in, stepping and opening anew at moments that the seed says.
void replay(MemoryFileSystem& files, const std::vector<std::string>& records,
            const persist::PersisterOptions& options, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::int64_t ticks = 0;
  files.set_clock(0, ticks);
  auto persister = persist::Persister::open(files, "db", options).value();
  for (const std::string& record : records) {
    REQUIRE(persister->submit(record).ok());
    for (std::uint64_t steps = random() % 4; steps > 0; --steps) {
      files.set_clock(0, ticks += static_cast<std::int64_t>(random() % 30));
      (void)persister->step();
    }
    if (random() % 60 != 0) continue;
    REQUIRE(persister->close().ok());
    persister = persist::Persister::open(files, "db", options).value();
  }
  if (random() % 2 == 0) {
    while (persister->step()) files.set_clock(0, ticks += 30);
  }
  REQUIRE(persister->close().ok());
}

}  // namespace

TEST_CASE("metamorphic: a history under any options of the face gives the same answers") {
  Mirror mirror;
  std::vector<std::string> expected;  // by version, where somebody may look
  for (std::uint64_t n = 0; n <= kCommits; ++n)
    expected.push_back(n % 20 == 0 ? mirror.at(n) : std::string());
  std::string triples;
  for (std::uint64_t variant = 0; variant < 8 * scale(); ++variant) {
    CAPTURE(variant);
    std::mt19937_64 random(variant);
    auto files = std::make_shared<MemoryFileSystem>();
    while (true) {
      Options options;
      options.durability = variant % 2 == 0 ? Durability::async : Durability::sync;
      options.memory_bytes = variant % 4 == 0 ? 0 : std::uint64_t{1} << (10 + random() % 20);
      options.queue_bytes = variant % 3 == 0 ? 4096 : 1U << 20;
      options.sync_delay_ms = random() % 2 == 0 ? 0 : 50;
      Database db = db::OpenOn::open(files, "db", options).value();
      const std::uint64_t until = std::min(kCommits, db.version() + 1 + random() % 80);
      while (db.version() < until) {
        commit_next(db).value();
        if (!expected[db.version()].empty()) REQUIRE(contents(db) == expected[db.version()]);
      }
      if (until == kCommits) break;
    }
    check_well(*files);
    const std::string found = triples_of(*files);
    if (triples.empty()) triples = found;
    REQUIRE(found == triples);
  }
  CHECK(std::count(triples.begin(), triples.end(), '\n') > 200);
}

TEST_CASE("metamorphic: a history under any options of the tree gives the same answers and bytes") {
  const std::vector<std::string> records = records_of_history();
  Mirror mirror;
  const std::string expected = mirror.at(kCommits);
  std::string triples;
  for (std::uint64_t variant = 0; variant < 12 * scale(); ++variant) {
    CAPTURE(variant);
    const persist::PersisterOptions options = tree_options(variant);
    auto files = std::make_shared<MemoryFileSystem>();
    replay(*files, records, options, variant);
    check_well(*files);
    MemoryFileSystem again;
    replay(again, records, options, variant);
    REQUIRE(bytes_of(*files) == bytes_of(again));
    {
      Database db = db::OpenOn::open(files, "db", {}).value();
      REQUIRE(contents(db) == expected);
    }
    const std::string found = triples_of(*files);
    if (triples.empty()) triples = found;
    REQUIRE(found == triples);
  }
  CHECK(std::count(triples.begin(), triples.end(), '\n') > 200);
}

}  // namespace tremula::test
