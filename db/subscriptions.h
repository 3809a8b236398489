// Subscriptions: who listens to which view, and what they are still to hear.
//
//   step -> touched views -collect-> pending deltas -(all sides settled)-> deliver -> listeners
//
// Deltas are taken out of the views before anything is settled and handed on after everything is,
// so that a listener
// may query, commit, subscribe and unsubscribe as it likes: what its commit changes queues up
// behind.
// Invariants:
//   B1  a listener hears commits in their order, each once, and nothing after it ended.
//   B2  one listener that throws keeps no other from hearing; the first exception is thrown on by
//       the outermost deliver().
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "core/base/flat_map.h"
#include "core/dataflow/graph.h"
#include "tremula/subscription.h"

namespace tremula::db {

// One listener and its view.
struct Listening {
  std::unique_ptr<dataflow::View> view;
  Listener listener;
  DeltaDetail detail = DeltaDetail::kPatch;
  bool ended = false;
};

class Subscriptions {
 public:
  ~Subscriptions();
  // Requires: the view's graph outlives it.  Borrowed: valid until end().
  Listening* add(std::unique_ptr<dataflow::View> view, Listener listener, DeltaDetail detail);
  // Allowed in a listener, also in its own.
  void end(Listening* listening);

  // Notes what the commit in hand changed in a touched view.
  void collect(const dataflow::View& view, std::uint64_t commit);
  // Calls the listeners of what was collected. Inside a listener it does nothing: the call around
  // it goes on to all.
  // Throws: what a listener threw.
  void deliver();

  std::size_t size() const { return listening_.size(); }

 private:
  using SharedChanges = std::shared_ptr<const std::vector<Change>>;
  struct Pending {
    Listening* listening = nullptr;
    std::uint64_t commit = 0;
    SharedChanges changes;
  };
  base::FlatMap<const dataflow::View*, std::unique_ptr<Listening>> listening_;
  std::deque<Pending> pending_;
  // Of the commit in hand: listeners of equal selects are given one list.
  base::FlatMap<const void*, SharedChanges> converted_;
  std::uint64_t converted_commit_ = 0;
  std::vector<std::unique_ptr<Listening>> ended_;  // until no delivery can name them
  bool delivering_ = false;
};

// The changes as a JSON Patch.
void print_patch(std::span<const Change> changes, std::string& out);

}  // namespace tremula::db
