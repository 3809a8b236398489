// What an instance needs while a step is in hand, and gives back when the step is settled: most
// instances are not in most steps, so nothing of it stands in them.
//
//   touch -> take from the pool -> drain, readers, patches -> settle: back to the pool, emptied
//
// Thread: the writer thread alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/flat_map.h"
#include "core/dataflow/changed_ranks.h"
#include "core/dataflow/graph.h"
#include "core/dataflow/members.h"
#include "core/dataflow/order_tree.h"
#include "core/dataflow/owned_rows.h"
#include "core/triples/ids.h"

namespace tremula::dataflow {

class BlockInstance;

// How a row fares in a step. Where the rows are in order, its places in it before and after.
struct RowDelta {
  static constexpr std::uint32_t kUnknown = ~std::uint32_t{0};
  RowId row = 0;
  bool in_old = false;
  bool in_new = false;
  std::uint32_t old_at = kUnknown;
  std::uint32_t new_at = kUnknown;
};

struct TouchedRow {
  std::uint32_t source = 0;
  triples::Slot slot = triples::kNoSlot;
};

// The texts of rows in the patches of one step: what several windows print alike is printed once.
struct RowTexts {
  struct Text {
    std::uint64_t key = 0;  // row and side
    std::string_view text;
  };
  // Of the result that came first; the others must print rows like it.
  const BlockInstance* first = nullptr;
  std::vector<Text> few;
  base::FlatMap<std::uint64_t, std::string_view> many;
  std::uint32_t different_at = RowDelta::kUnknown;  // a position that prints differently now

  const std::string_view* find(std::uint64_t key) const;
  void add(std::uint64_t key, std::string_view text);
  void clear();
};

struct CoreStep {
  std::size_t count_old = 0;  // rows before the step
  std::vector<TouchedRow> touched_rows;
  std::vector<RowId> touched_tuples;
  std::vector<RowId> touched_groups;
  bool touched_all = false;
  bool touched_all_groups = false;
  bool many_candidates = true;
  base::FlatSet<std::string> visited;  // tuples
  base::FlatSet<std::string> visited_pairs;
  std::vector<RowId> dead_tuples;
  RowId first_row = 0;    // of a core that is being hydrated: the first, whose key nobody may need
  OrderEntries building;  // and once there are two, all
  TouchedRows touched_table, touched_distinct;  // of groups and of rows of DISTINCT
  std::vector<RowDelta> deltas;
  ChangedRanks ranks;  // of the deltas, once asked for
  bool ranked = false;
  std::vector<RowTexts> texts;  // of the first results that ask
  std::size_t texts_used = 0;

  void clear();
};

struct BlockStep {
  std::vector<RowId> touched_rows;
  bool touched_all = false;
  std::vector<RowDelta> deltas;
  MembersBefore members_before;
  TouchedRows derived;    // of a derived table
  ChangeList changes[2];  // without, and with old values; until the step is settled
  bool listed[2] = {false, false};

  void clear();
};

// Steps that nobody uses: about as many as steps of late needed.
template <typename Step>
class StepPool {
 public:
  std::unique_ptr<Step> take() {
    ++taken_;
    if (free_.empty()) return std::make_unique<Step>();
    std::unique_ptr<Step> step = std::move(free_.back());
    free_.pop_back();
    return step;
  }
  void give_back(std::unique_ptr<Step> step) {
    constexpr std::size_t kKeptMax = 2048;
    if (free_.size() >= kKeptMax) return;
    step->clear();
    free_.push_back(std::move(step));
  }
  // Lets go of some that this step did not need. Call when it is settled.
  void trim() {
    constexpr std::size_t kKeptMin = 8;
    const std::size_t needed = std::max(taken_, kKeptMin);
    taken_ = 0;
    if (free_.size() > needed) free_.resize(free_.size() - (free_.size() - needed + 3) / 4);
  }
  std::size_t memory_bytes() const {
    return free_.capacity() * sizeof(free_[0]) + free_.size() * sizeof(Step);
  }

 private:
  std::vector<std::unique_ptr<Step>> free_;
  std::size_t taken_ = 0;  // in this step
};

}  // namespace tremula::dataflow
