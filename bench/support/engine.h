// Engine: the tracker on one of the databases that a benchmark compares.
//
//   sink() rows -> loaded() -> watch(case) -> apply(transaction)* -> checksum(query)
//
// Cases: none; q1 q2 q3 q4 q5; subsK (K times q2, each with its project and limit).
// Thread: any one.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/support/tracker.h"

namespace tremula::bench {

class Engine {
 public:
  virtual ~Engine() = default;
  // Functions that fill the engine.  Borrowed: valid as long as it. loaded() ends the load.
  virtual RowSink sink() = 0;
  virtual void loaded() = 0;
  // Subscribes to a case, once, and reads its first result.
  virtual void watch(std::string_view name) = 0;
  // Subscribes to the same shape as `name` with another constant, reads its result, and ends it.
  virtual void watch_another(std::string_view name) = 0;
  // Runs one transaction; returns when every listener has heard of it.
  // Returns: how many listeners heard something.
  virtual std::size_t apply(const Transaction& tx) = 0;
  // As tracker.h's Checksum (q3: the number), of a query that is watched.
  virtual std::string checksum(std::string_view query) = 0;
};

// An engine that takes many rows in one transaction, and can be watched by several cases.
class BatchEngine : public Engine {
 public:
  // Modifies issues in one transaction.
  virtual void modify_all(std::span<const Issue> issues) = 0;
};

// How many subscriptions a case has: 0 for none.
inline std::size_t subscriptions_of(std::string_view name) {
  if (name == "none") return 0;
  return name.starts_with("subs") ? std::stoul(std::string(name.substr(4))) : 1;
}

inline const std::vector<std::string> kEngines = {"tremula", "floor", "sqlite3"};
// Returns: null for a name that is none.
std::unique_ptr<Engine> make_engine(std::string_view name);

std::unique_ptr<Engine> make_tremula_engine();
std::unique_ptr<BatchEngine> make_tremula_batches();
std::unique_ptr<Engine> make_floor_engine();
std::unique_ptr<Engine> make_sqlite_engine();

}  // namespace tremula::bench
