// A random history of transactions, and the triples that must be there after it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/lsm/entry.h"
#include "core/triples/commit_record.h"

namespace tremula::lsm::testing {

struct HistoryOptions {
  std::uint32_t types = 2;
  std::uint32_t attrs = 4;
  std::size_t keys = 40;           // of a type
  std::size_t rows_of_commit = 4;  // at most
  std::size_t text_bytes = 12;     // at most
};

class History {
 public:
  explicit History(std::uint64_t seed, HistoryOptions options = {})
      : options_(options), rng_(seed) {}

  std::size_t below(std::size_t bound) { return rng_() % bound; }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }

  // The record of one more transaction. Borrowed: until the next.
  std::string_view commit();
  std::uint64_t version() const { return version_; }

  // All entries that count, dead keys too, one a line, in the order of their keys.
  std::string show() const;
  // Those of one (type, attr).
  std::string show(triples::TypeId type, triples::AttrId attr) const;
  // kNoSlot if the key is dead or was never there.
  triples::Slot find(triples::TypeId type, const std::string& key) const;
  std::vector<std::string> all_keys(triples::TypeId type) const;

 private:
  struct Row {
    std::string key;
    std::set<triples::AttrId> attrs;
  };
  struct Table {
    std::map<triples::Slot, Row> rows;
    std::map<std::string, triples::Slot> keys;  // kNoSlot: dead
    std::vector<triples::Slot> free_slots;
    triples::Slot next_slot = 0;
  };
  void write_row(triples::TypeId type, std::set<triples::Slot>& written);
  void insert(triples::TypeId type, const std::string& key, std::set<triples::Slot>& written);
  void update(triples::TypeId type, triples::Slot slot);
  void erase(triples::TypeId type, triples::Slot slot);
  triples::Value value();
  void note(const EntryKey& key, triples::Value value);

  HistoryOptions options_;
  std::mt19937_64 rng_;
  std::uint64_t version_ = 0;
  triples::CommitWriter writer_;
  std::string text_;
  std::map<triples::TypeId, Table> tables_;
  std::vector<std::pair<triples::TypeId, triples::Slot>> freed_;  // free after this transaction
  struct Place {
    triples::TypeId type{};
    triples::AttrId attr{};
    triples::Slot slot = 0;
    std::string key;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  std::map<Place, std::string> entries_;  // as show() prints them
};

// What a sequence of entries makes of a set of such lines: the younger counts, tombstones take
// away.
class Overlay {
 public:
  void add(const Entry& entry);
  std::string show() const;

 private:
  std::map<
      std::pair<std::pair<triples::TypeId, triples::AttrId>, std::pair<triples::Slot, std::string>>,
      std::string>
      lines_;
};

}  // namespace tremula::lsm::testing
