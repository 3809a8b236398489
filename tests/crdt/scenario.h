// Scenario: random steps of several replicas, as data, so that a failing run can be shrunk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/crdt/replica.h"

namespace tremula::crdt {

struct Step {
  enum class Kind {
    kCommit,     // `replica` commits the writes
    kPull,       // `replica` merges what `other` has above the cursor between them
    kPiece,      // `replica` merges some of `other`'s records, shuffled, some twice
    kSaveFile,   // the changes of `replica` are kept ...
    kMergeFile,  // ... and merged into `replica`, as old as they are
    kDeclare,    // `replica` declares the next column that it lacks
    kSave,       // the directory of `replica` is saved ...
    kRestore,    // ... and put back in place of `replica`, under a new site
  };
  Kind kind = Kind::kCommit;
  int replica = 0;
  int other = 0;
  std::uint64_t seed = 0;  // for what a step draws while it runs
  std::vector<Write> writes;
};

struct Scenario {
  int replicas = 3;
  std::uint64_t seed = 0;  // decides which columns each replica lacks at first
  std::vector<Step> steps;
};

Scenario make_scenario(std::uint64_t seed);

// Runs the steps; then all declare all columns and exchange by cursors along a line of relays.
// Checked after each step: no cursor goes back, no position stands twice, every record is one that
// a commit made. In the end: all replicas print the same records, and these are what a naive
// reading of the contract leaves of all records ever made.
// Returns: what is wrong, or "".
std::string run_scenario(const Scenario& scenario);

// A smaller scenario that fails too, as text with what is wrong.
std::string shrink_and_describe(Scenario scenario);

}  // namespace tremula::crdt
