// A process that shares a directory, as plainly as it can be said: what it sees is what it has read
// of the order, and its pending transactions done again on that, each time anew.
//
//   order[1 .. base] -> base rows -> pending, one after the other -> visible rows
//
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/crdt/intent.h"

namespace tremula::persist_test {

using RowName = std::pair<triples::TypeId, std::string>;  // table and key bytes
using Rows = std::map<RowName, crdt::RowImage>;           // those of living rows, and dead ones

// Whether queries would read the same.
bool same_rows(const Rows& a, const Rows& b);
std::string describe(const Rows& rows);

// Does a commit record's rows, those of processes left out.
void apply_effect(Rows& rows, std::string_view record, std::uint64_t version);
// The number that a record acknowledges for a process; 0: none.
std::uint64_t acknowledged_in(std::string_view record, std::uint64_t process);

// The versions of a process's ordered transactions: number -> version.
using OrderedAs = std::map<std::uint64_t, std::uint64_t>;
// Does a submission. Own transactions that `ordered_as` lacks are pending.
void redo(Rows& rows, std::string_view submission, const OrderedAs& ordered_as, std::uint64_t now);

class ProcessModel {
 public:
  struct Pending {
    std::uint64_t number = 0;
    std::string submission;
  };

  ProcessModel() = default;
  explicit ProcessModel(std::uint64_t id) : id_(id) {}

  std::uint64_t id() const { return id_; }
  std::uint64_t base() const { return base_; }
  const Rows& base_rows() const { return rows_; }
  const std::deque<Pending>& pending() const { return pending_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  // What patches are numbered with.
  std::uint64_t commit() const { return base_ + pending_.size(); }
  Rows visible() const;

  // The number of the newest pending transaction that put the row; 0: none.
  std::uint64_t own_insert(const RowName& name) const;
  // Returns: the number that it got.
  std::uint64_t commit_locally(std::string_view intents);
  // The last one will not be ordered.
  void take_back();
  // Reads the next transaction of the order.  Returns: whether it was its own.
  bool read(std::string_view record);

 private:
  std::uint64_t id_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t acknowledged_ = 0;
  Rows rows_;
  std::deque<Pending> pending_;
  OrderedAs ordered_as_;
};

}  // namespace tremula::persist_test
