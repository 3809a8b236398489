// What the tests of SSTs share: a file in memory whose bytes can be damaged, and random entries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file_system.h"
#include "core/lsm/sst.h"

namespace tremula::lsm::testing {

using Bytes = std::shared_ptr<std::string>;

class BytesFile final : public base::File {
 public:
  explicit BytesFile(Bytes bytes) : bytes_(std::move(bytes)) {}
  base::Result<std::size_t> read(std::uint64_t offset, std::span<char> out) override;
  base::Result<void> write(std::uint64_t offset, std::string_view bytes) override;
  base::Result<void> sync() override { return {}; }
  base::Result<std::uint64_t> size() override { return std::uint64_t{bytes_->size()}; }
  base::Result<void> resize(std::uint64_t size) override;

 private:
  Bytes bytes_;
};

// An entry that keeps its own bytes.
struct OwnedEntry {
  triples::TypeId type{};
  triples::AttrId attr{};
  triples::Slot slot = 0;
  std::string key;
  triples::OwnedValue value;
  std::uint64_t version = 0;

  Entry entry() const { return {{type, attr, slot, key}, value.value(), version}; }
};

// "1.3 #17 text \"abc\" v5" or "1.keys 'k' 12 v5"
std::string show(const Entry& entry);
// All entries that a reader gives, one a line; or the error's message.
std::string show_all(const SstReader& reader);
std::string show_all(const std::vector<OwnedEntry>& entries);

class EntryGenerator {
 public:
  explicit EntryGenerator(std::uint32_t seed) : rng_(seed) {}
  std::size_t below(std::size_t bound) { return rng_() % bound; }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  // Of random columns and key directories, in order; `most` of each at most, one entry at least.
  std::vector<OwnedEntry> entries(std::size_t most);
  std::string text();

 private:
  // What the values of one column are like.
  struct Style {
    std::vector<triples::Kind> kinds;
    int versions = 0;  // 0 all alike, 1 ascending, 2 any
    bool dense = true;
    int integers = 0;
  };
  std::int64_t integer(int style, std::size_t index);
  triples::OwnedValue value(const Style& style, std::size_t index);
  std::uint64_t version(const Style& style, std::size_t index);
  void column(triples::TypeId type, triples::AttrId attr, std::size_t count,
              std::vector<OwnedEntry>& out);
  void keys(triples::TypeId type, std::size_t count, std::vector<OwnedEntry>& out);

  std::mt19937_64 rng_;
};

struct Written {
  Bytes bytes = std::make_shared<std::string>();
  SstInfo info;
};
// Writes entries into a file numbered `number`.
Written write_sst(const std::vector<OwnedEntry>& entries, const SstOptions& options,
                  std::uint64_t number = 42);
base::Result<std::shared_ptr<const SstReader>> open_sst(const Bytes& bytes, const SstInfo& info);

}  // namespace tremula::lsm::testing
