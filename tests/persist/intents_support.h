// What tests of ordering share: intents by hand, and what a base holds.
//
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "core/crdt/intent.h"
#include "core/triples/key_encoding.h"

namespace tremula::persist_test {

inline constexpr triples::TypeId kTable{1};
inline constexpr triples::AttrId kName{1};   // LWW
inline constexpr triples::AttrId kPlays{2};  // COUNTER
inline constexpr triples::AttrId kBest{3};   // MAX

inline std::string key_of(std::int64_t number) {
  std::string key;
  triples::encode_ordered(triples::Value::int_of(number), key);
  return key;
}

inline std::string submission(std::uint64_t seen, std::uint64_t acknowledged,
                              const crdt::IntentWriter& intents) {
  return crdt::encode_submission(
      {.seen = seen, .acknowledged = acknowledged, .intents = intents.view()});
}

// One row with kName set.
inline std::string put_name(std::uint64_t seen, std::int64_t key, std::string_view name,
                            crdt::IntentKind kind = crdt::IntentKind::kPut,
                            std::uint64_t own_insert = 0, std::uint64_t acknowledged = 0) {
  crdt::IntentWriter intents;
  intents.begin_row(kTable, kind, own_insert, key_of(key), 1);
  intents.set(kName, triples::Value::text_of(name));
  return submission(seen, acknowledged, intents);
}

inline std::string delete_row(std::uint64_t seen, std::int64_t key, std::uint64_t own_insert = 0) {
  crdt::IntentWriter intents;
  intents.begin_row(kTable, crdt::IntentKind::kDelete, own_insert, key_of(key), 0);
  return submission(seen, 0, intents);
}

inline std::string add_plays(std::uint64_t seen, std::int64_t key, std::int64_t plays) {
  crdt::IntentWriter intents;
  intents.begin_row(kTable, crdt::IntentKind::kUpdate, 0, key_of(key), 1);
  intents.add(kPlays, plays, 0);
  return submission(seen, 0, intents);
}

}  // namespace tremula::persist_test
