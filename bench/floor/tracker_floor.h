// The floor of the tracker: its queries written by hand, as a good engineer would for just them.
//
//   issues, comments: hash maps     q1: set of ids   q3: a number   q4: comments by issue
//   order: project -> ordered set of (modified desc, id)   q2, q5, subsK: the last row inside each
//
// Invariants:
//   F1  a window's `last` is the row at its place min(limit, rows), and a row is inside if it does
//       not stand behind it.
//   F2  a transaction tells the listener exactly the rows whose printed values or places differ.
// Thread: any one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bench/support/tracker.h"

namespace tremula::bench {

enum class FloorChange : std::uint8_t { kEnter, kLeave, kMove, kEdit };

struct FloorDelta {
  std::size_t subscription = 0;
  FloorChange change = FloorChange::kEdit;
  std::int64_t id = 0;
};

class TrackerFloor {
 public:
  using Listener = std::function<void(const FloorDelta&)>;
  explicit TrackerFloor(Listener listener) : listener_(std::move(listener)) {}

  // Functions that fill this tracker.  Borrowed: valid as long as it.
  RowSink sink();

  void watch_open_urgent();               // q1, as subscription 0
  void watch_open_count();                // q3, as subscription 0
  void watch_commented_by(std::int64_t);  // q4, as subscription 0
  // q2; with `tree`, q5.
  void watch_latest(std::size_t subscription, ProjectLimit what, bool tree);

  void apply(const Transaction& tx);

  // As tracker.h's Checksum (q3: the number) of q1..q5, from the state that the deltas kept.
  std::string checksum(std::string_view query) const;

 private:
  struct Place {
    std::int64_t modified = 0;
    std::int64_t id = 0;
    bool operator<(const Place& other) const {
      return modified != other.modified ? modified > other.modified : id < other.id;
    }
  };
  using Order = std::set<Place>;
  struct Window {
    std::size_t subscription = 0;
    std::size_t limit = 0;
    bool tree = false;
    Order::iterator last;
  };
  struct Project {
    Order order;
    std::vector<Window> windows;
  };
  struct Row {
    Issue issue;
    std::vector<std::int64_t> comments;
    std::vector<std::int64_t> labels;
  };

  void modify(const Issue& issue);
  void add(const Issue& issue);
  void erase(const Transaction& tx);
  void comment(const Comment& comment);
  void tell(std::size_t subscription, FloorChange change, std::int64_t id) {
    listener_({subscription, change, id});
  }
  void place(Project& project, Order::iterator at);
  void displace(Project& project, Order::iterator at);
  void replace(Project& project, Order::iterator from, Order::iterator to);
  bool urgent(const Issue& issue) const { return issue.open == 1 && issue.priority >= 3; }
  // The tree's newest ten comments of an issue.
  std::vector<std::int64_t> newest(const Row& row) const;

  Listener listener_;
  std::unordered_map<std::int64_t, Row> issues_;
  std::unordered_map<std::int64_t, Comment> comments_;
  std::unordered_map<std::int64_t, Project> projects_;
  bool watch_urgent_ = false;
  std::unordered_set<std::int64_t> urgent_;
  bool watch_count_ = false;
  std::int64_t open_ = 0;
  std::int64_t commenter_ = 0;
  std::unordered_map<std::int64_t, std::size_t> commented_;
};

}  // namespace tremula::bench
