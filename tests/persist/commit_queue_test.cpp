// CommitQueue: what goes in comes out, in order, under its bound.
#include "persist/commit_queue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace tremula::persist {
namespace {

std::string record_of(std::uint64_t version, std::size_t size) {
  std::string text = std::to_string(version) + ":";
  text.resize(std::max(size, text.size()), '.');
  return text;
}

}  // namespace

TEST_CASE("commit queue: records of any size come out whole and in order") {
  CommitQueue queue(std::size_t{64} << 20);
  std::uint64_t pushed = 0;
  std::uint64_t taken_versions = 0;
  std::vector<CommitChunk> taken;
  std::vector<LogCommit> group;
  for (int round = 0; round < 50; ++round) {
    for (std::size_t i = 0; i < 40; ++i) {
      ++pushed;
      const std::size_t size = i % 20 == 7 ? CommitQueue::kChunkBytes + i : i * i * 7;
      queue.push(record_of(pushed, size), pushed);
    }
    while (!queue.empty()) {
      queue.take(1U << 20, taken);
      group.clear();
      for (const CommitChunk& chunk : taken) chunk.list(group);
      REQUIRE(!group.empty());
      for (const LogCommit& commit : group) {
        ++taken_versions;
        REQUIRE(commit.version == taken_versions);
        REQUIRE(commit.record == record_of(taken_versions, commit.record.size()));
      }
      queue.give_back(taken);
      taken.clear();
    }
    REQUIRE(queue.bytes() == 0);
  }
  CHECK(taken_versions == pushed);
}

TEST_CASE("commit queue: a record has room below the bound, or alone") {
  CommitQueue queue(100);
  CHECK(queue.has_room(1000));
  queue.push(std::string(60, 'a'), 1);
  CHECK(queue.has_room(40));
  CHECK(!queue.has_room(41));
  std::vector<CommitChunk> taken;
  queue.take(1, taken);
  CHECK(queue.empty());
  CHECK(!queue.has_room(41));  // what was taken counts until it is given back
  queue.give_back(taken);
  CHECK(queue.bytes() == 0);
  queue.push(std::string(1000, 'b'), 2);
  CHECK(!queue.has_room(1));
}

TEST_CASE("commit queue: a turn takes about as much as it is asked to") {
  CommitQueue queue(std::size_t{64} << 20);
  for (std::uint64_t version = 1; version <= 3000; ++version) {
    queue.push(std::string(1000, 'x'), version);
  }
  std::vector<CommitChunk> taken;
  queue.take(1U << 20, taken);
  std::size_t bytes = 0;
  for (const CommitChunk& chunk : taken) bytes += chunk.payload();
  CHECK(bytes >= (1U << 20));
  CHECK(bytes <= (1U << 20) + CommitQueue::kChunkBytes);
  CHECK(!queue.empty());
}

}  // namespace tremula::persist
