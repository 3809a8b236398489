// Options: how a database in a directory is opened.
//
//   auto db = Database::open("shop.db", {.durability = Durability::sync}).value();
//
// The layout keeps its size: what comes later takes its place from `reserved`, where 0 means what
// was before.
// Thread: values.
#pragma once

#include <cstdint>

namespace tremula {

// When a commit is done.
enum class Durability : std::uint8_t {
  async,  // when all queries have it; it is on disk at most `sync_delay_ms` later
  sync,   // when it is on disk, too
};

// Of a directory that is opened. Set what matters and leave the rest: the defaults are meant to be
// used.
struct Options {
  Durability durability = Durability::async;  // of every commit
  // Whether a directory that holds no database gets one; if not, opening it is `io`.
  bool create = true;
  // How far the disk may be behind (an fsync of its own time aside). 0: every turn syncs.
  std::uint32_t sync_delay_ms = 50;
  // The bound of the commits that wait for the disk; a commit past it waits, too.
  std::uint64_t queue_bytes = std::uint64_t{64} << 20;
  // About what tables, caches and writes on their way to files may take; live queries come on top.
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
  std::uint64_t reserved[12] = {};
};
static_assert(sizeof(Options) == 120);

}  // namespace tremula
