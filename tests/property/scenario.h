// Scenario: a script made from a seed, run against the engine and SQLite, and cut smaller where
// it fails.
//
//   seed --make--> [Step] --run--> Failure{ kind, detail } or none
//   shrink() drops steps and parts of queries while the kind of failure stays; script() prints
//   what is left as a runnable .tql
//
// Thread: one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/property/ast.h"
#include "tests/property/schema.h"

namespace tremula::property {

// A write in both languages; `sql` runs all or none.
struct Write {
  std::string tql;
  std::vector<std::string> sql;
  std::string verb;  // inserted, upserted, updated, deleted
  int rows = -1;     // that the write line must name; -1: what SQLite changed
};

enum class StepKind { kWrite, kTransaction, kSubscribe, kUnsubscribe, kSelect, kDeclare };

struct Step {
  StepKind kind = StepKind::kWrite;
  std::vector<Write> writes;  // kWrite: one; kDeclare: one or two; kTransaction: several
  bool commits = true;        // kTransaction: COMMIT or ROLLBACK
  std::string subscription;   // kSubscribe, kUnsubscribe
  std::vector<Select>
      select;  // kSubscribe, kSelect, and inside kTransaction at its end: at most one
};

struct Scenario {
  Schema schema;
  std::vector<Step> steps;
  std::string script() const;
};

struct Failure {
  std::string kind;  // empty: none
  std::string detail;
  explicit operator bool() const { return !kind.empty(); }
};

// What was checked, for the test to tell.
struct Tally {
  long commits = 0;
  long live = 0;  // live results compared after a commit
  long patches = 0;
  long selects = 0;  // compared with SQLite
};

Scenario make_scenario(std::uint64_t seed);
Failure run_scenario(const Scenario& scenario, Tally& tally);
// The smallest scenario found that `fails`, dropping greedily.
Scenario shrink(Scenario scenario, const std::function<bool(const Scenario&)>& fails);

}  // namespace tremula::property
