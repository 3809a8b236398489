// Merging: what a change does to a row and to a cell that one register holds (LWW, MAX, MIN).
// Counters and sets have headers of their own.
//
//   row    cl | stamp, position of the row's own record
//   cell   stamp, position | value          of the row's present life: a greater cl wipes all cells
//
// How a record is taken in (tests/crdt/replica.cpp does it in full):
//   own record of a row    merge_row(); kNewLife: drop its cells
//   record of a column     enter_life(); kOver: done, kNewLife: drop the cells; then merge the cell
// The state is a join: the same records in any order, often or in parts, give the same state,
// stamps too. What a function takes in gets the position given; what changes nothing keeps its own.
//
// Local writes go through the same states with a stamp newer than all: Clock::upcoming() and the
// own site. What they changed is the record to send.
// Thread: pure functions.
#pragma once

#include "core/crdt/stamp.h"
#include "core/triples/catalog.h"
#include "core/triples/value.h"

namespace tremula::crdt {

struct RowState {
  CausalLength cl{};
  // Of the row's own record. Version 0: only columns of this life have come; the row lives, and has
  // no record of its own to send yet.
  Meta meta;
};

enum class Life : unsigned char {
  kOver,     // the record tells of an earlier life: it changes nothing
  kPresent,  // of this one
  kNewLife,  // of a later one, which has begun: the row's cells are to be dropped
};

// For a column's record: raises the row to the record's life.
inline Life enter_life(RowState& row, CausalLength cl) {
  if (cl == row.cl) return Life::kPresent;
  if (cl < row.cl) return Life::kOver;
  row = {cl, {}};
  return Life::kNewLife;
}

enum class RowChange : unsigned char { kNothing, kOwnRecord, kNewLife };

// For a row's own record.  kNewLife: the row's cells are to be dropped.
RowChange merge_row(RowState& row, CausalLength cl, const Meta& incoming, const Sites& sites);

// INSERT, UPSERT: a row that isn't there begins a life.  Returns: false if it lives already.
bool create_row(RowState& row, const Meta& now);
// DELETE.  Returns: false if it doesn't live.
bool delete_row(RowState& row, const Meta& now);

// What LWW, MAX and MIN keep. A cell never written has version 0 and kMissing.
struct Register {
  Stamp stamp;
  triples::Value value = triples::Value::missing();
};

// A total order of values in which only identical ones are equal: as compare(), then by kind.
std::strong_ordering compare_exactly(triples::Value a, triples::Value b);

// Whether `incoming` takes the place of `stored`. False if they are equal in all.
bool wins_tie(triples::MergeRule rule, const Register& incoming, const Register& stored,
              const Sites& sites);
inline bool wins(triples::MergeRule rule, const Register& incoming, const Register& stored,
                 const Sites& sites) {
  if (rule == triples::MergeRule::kLww && incoming.stamp.version != stored.stamp.version) {
    return incoming.stamp.version > stored.stamp.version;
  }
  return wins_tie(rule, incoming, stored, sites);
}

// Whether a local write of `value` has an effect: not if it is there already, nor if it loses by
// MAX or MIN. NULL is there already where nothing was written, unless the column has a DEFAULT.
bool write_matters(triples::MergeRule rule, const Register& stored, triples::Value value,
                   bool has_default);

}  // namespace tremula::crdt
