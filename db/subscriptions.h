// Subscriptions: who listens to which view, and what they are still to hear.
//
//   step -> touched views -collect-> pending deltas -(all sides settled)-> deliver -> listeners
//
// Deltas are taken out of the views before anything is settled and handed on after everything is,
// so that a listener may query, commit, subscribe and unsubscribe as it likes: what its commit
// changes queues up behind.
// Invariants:
//   B1  a listener hears commits in their order, each once, and nothing after it ended.
//   B2  one listener that throws keeps no other from hearing; the first exception is thrown on by
//       the outermost deliver().
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/dataflow/graph.h"
#include "tremula/subscription.h"

namespace tremula::db {

struct Engine;

// One listener and its view, in one piece and as small as can be, for there may be very many.
class Listening : public dataflow::View {
 public:
  Listening(Engine& on, dataflow::View view, Listener listener, DeltaDetail detail);
  ~Listening() { detach(); }

  Engine* engine() const { return engine_; }  // null: ended

 private:
  friend class Subscriptions;
  void detach();

  Engine* engine_;
  Listener listener_;
};

class Subscriptions {
 public:
  Subscriptions();
  ~Subscriptions();

  // Ends a listening and gives it up, now or, if it may be about to hear, once it can't. Allowed in
  // a listener, also in its own.  Requires: it was not ended.
  template <typename Held>
  void end(std::unique_ptr<Held> listening) {
    listening->detach();
    if (delivering_ || !pending_.empty()) ended_.push_back(std::move(listening));
  }
  // The database ends, and with it all that listens.
  void end_all(dataflow::Graph& graph);

  // Notes what the commit in hand changed in a touched view.  Requires: it is a Listening.
  void collect(dataflow::View& view, std::uint64_t commit);
  // Calls the listeners of what was collected. Inside a listener it does nothing: the call around
  // it goes on to all.
  // Throws: what a listener threw.
  void deliver();
  bool is_delivering() const { return delivering_; }

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const;

 private:
  friend class Listening;
  // What one commit tells, with the texts of it.
  struct Batch {
    struct Entry {
      Listening* listening = nullptr;
      dataflow::ChangeList changes;
    };
    std::uint64_t commit = 0;
    base::Arena texts;
    std::vector<Entry> entries;
  };
  // A list as listeners see it: equal subscriptions are given one.
  struct Shown {
    const dataflow::Change* list = nullptr;
    std::vector<Change> changes;
    std::size_t bytes = 0;
  };

  Batch& batch_of(std::uint64_t commit);
  std::span<const Change> show(dataflow::ChangeList changes);
  void give_back(std::unique_ptr<Batch> batch);

  std::size_t size_ = 0;
  std::deque<std::unique_ptr<Batch>> pending_;
  std::vector<std::unique_ptr<Batch>> spare_;
  std::vector<Shown> shown_;                       // by the list's address; of one batch
  std::vector<std::shared_ptr<Listening>> ended_;  // until no delivery can name them
  bool delivering_ = false;
};

// The changes as a JSON Patch.
void print_patch(std::span<const Change> changes, std::string& out);

}  // namespace tremula::db
