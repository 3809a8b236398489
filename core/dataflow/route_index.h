// RouteIndex: which instances, of all templates, a row of one table may concern.
//
//   points   what rows are compared by: grp, val, title in small letters
//   sets     (grp)        hash of the values -> instances, and intervals of val -> instances
//            ()           intervals of val, of title -> instances; and all that have no condition
//   ways     note.item -> item(id), with a RouteIndex over the items found
//
// An instance stands once for each arm of its plan (route_plan.h) and value of an IN, where few
// stand already: by the equalities in a set that others use too, by one of its ranges if many have
// these values, in a set of its own columns if that doesn't help. So the sets stay few whatever
// the number of shapes, and the instance decides what its place doesn't.
// A row is asked for by its values before and after. A range's interval is of encoded values, in
// which NULL stands below all: `<= 5` is from behind NULL's bytes to behind those of 5, and a
// comparison with NULL holds nothing.
// Invariants:
//   1  each row that meets an arm's terms visits the arm's instance; values whose hashes meet, and
//      rows that two arms name, visit it needlessly or again.
//   2  sets, ranges and ways that no instance stands in hold no memory.
// Thread: the writer thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/flat_map.h"
#include "core/dataflow/chunk_pool.h"
#include "core/dataflow/interval_tree.h"
#include "core/dataflow/template.h"

namespace tremula::dataflow {

class CoreInstance;
class RouteIndex;

// Where instances stand: lists through a pool, so that leaving one costs nothing.
using RoutePlace = std::uint32_t;
inline constexpr RoutePlace kNoPlace = IntervalTree::kNone;

struct RouteEntry {
  CoreInstance* instance = nullptr;
  std::uint32_t hash = 0;      // of the set's values
  RoutePlace next = kNoPlace;  // in its list
  RoutePlace previous = kNoPlace;
  RoutePlace of_instance = kNoPlace;     // the instance's next
  IntervalTree::Number node = kNoPlace;  // in the range's tree
  std::uint16_t index = 0;               // in RouteShared::index
  std::uint16_t set = 0;
  std::int16_t range = -1;  // -1: in the list of the values alone
  std::uint16_t source = 0;
};
static_assert(sizeof(RouteEntry) == 40);

// What the indexes of one graph share.
struct RouteShared {
  RouteShared(TableSource& table_source, ArrangementStore::Impl& index_store, base::Arena& scratch)
      : tables(table_source), indexes(index_store), arena(scratch) {}
  TableSource& tables;
  ArrangementStore::Impl& indexes;
  base::Arena& arena;
  ChunkPool<RouteEntry> entries;
  std::vector<RouteIndex*> indexes_by_number;  // null: a number that is free
};

struct DenseHash : base::FlatHash<std::uint32_t> {
  static constexpr bool kDense = true;
};

// Whom a row may concern.
class RouteVisitor {
 public:
  virtual ~RouteVisitor() = default;
  virtual void visit(CoreInstance& instance, std::uint32_t source) = 0;
};

class RouteIndex {
 public:
  RouteIndex(RouteShared& shared, const triples::Relation& relation);
  ~RouteIndex();

  // Puts the instance where rows that meet the arm find it, from its hop `at` on.
  // Returns: the head of the instance's places, which began with `head`.
  RoutePlace insert(const RouteArm& arm, std::size_t at, std::span<const triples::Value> parameters,
                    CoreInstance& instance, std::uint32_t source, RoutePlace head);
  // Takes one place away.  Cost: O(1), of a range O(log n).
  void erase(RoutePlace place);
  // Drops the ways that nobody goes any more.
  // Returns: whether nothing is left.
  bool forget_unused();

  // Asks for a row as it is on the sides named; `changed`: what differs between them.
  void visit(triples::Slot slot, bool in_old, bool in_new, triples::ColumnMask changed,
             RouteVisitor& visitor);
  std::size_t memory_bytes() const;

 private:
  // What rows are compared by. Few, as tables have few columns; they stay as long as the index.
  struct Point {
    std::string text;
    Node of_row;
    triples::ColumnMask columns = 0;
    RouteTerm::Kind kind = RouteTerm::Kind::kEqual;  // kLike, kGlob: as these see it
    // Of the row in hand, by side.
    std::uint64_t seen[2] = {0, 0};
    std::uint64_t hash[2] = {0, 0};
    std::string bytes[2];
  };
  struct Range {
    std::uint32_t point = 0;
    std::size_t used = 0;
    base::FlatMap<std::uint32_t, IntervalTree> trees;  // by hash
  };
  struct Set {
    std::vector<std::uint32_t> points;  // ascending
    triples::ColumnMask columns = 0;
    std::size_t used = 0;
    base::FlatMap<std::uint32_t, RoutePlace, DenseHash> lists;  // by hash
    std::vector<Range> ranges;
  };
  struct Way {
    RouteHop hop;
    triples::ColumnMask columns = 0;
    std::shared_ptr<RelationIndex> index;  // null: by key
    std::unique_ptr<RouteIndex> rows;
  };
  // An arm's terms with an instance's values.
  struct Wanted {
    struct Equal {
      std::uint32_t point = 0;
      std::vector<std::string> keys;  // any one of these
    };
    struct Between {
      std::uint32_t point = 0;
      Interval interval;
    };
    std::vector<Equal> equals;  // by point
    std::vector<Between> ranges;
  };
  struct Choice {
    std::uint16_t set = 0;
    int between = -1;  // into Wanted::ranges
  };

  Way& way(const RouteHop& hop);
  std::uint32_t point(const RouteTerm& term);
  bool read_terms(const std::vector<RouteTerm>& terms, std::span<const triples::Value> parameters,
                  Wanted& wanted);
  void add_equal(const RouteTerm& term, const RowContext& row, Wanted& wanted);
  void add_range(const RouteTerm& term, const RowContext& row, Wanted& wanted);
  Choice choose(const Wanted& wanted);
  std::size_t crowd(const Set& set, std::uint32_t hash, const Wanted::Between* between) const;
  std::uint16_t make_set(const Wanted& wanted);
  std::size_t range_of(Set& set, std::uint32_t point);
  RoutePlace stand(const Choice& choice, std::uint32_t hash, const Wanted::Between* between,
                   CoreInstance& instance, std::uint32_t source, RoutePlace head);
  // The set over one point alone, or -1.
  int set_of(std::uint32_t point) const;
  void link(RoutePlace place, RoutePlace& head);

  const Point& read(std::uint32_t point, triples::Slot slot, triples::Side side);
  std::uint32_t hash_of(const Set& set, triples::Slot slot, triples::Side side);
  void visit_list(RoutePlace first, RouteVisitor& visitor) const;
  void visit_set(Set& set, triples::Slot slot, bool in_old, bool in_new,
                 triples::ColumnMask changed, RouteVisitor& visitor);
  void visit_range(const Range& range, triples::Slot slot, const std::uint32_t* before,
                   const std::uint32_t* after, triples::ColumnMask changed, RouteVisitor& visitor);
  void visit_way(Way& way, triples::Slot slot, bool in_old, bool in_new,
                 triples::ColumnMask changed, RouteVisitor& visitor);
  bool follow(Way& way, triples::Slot slot, triples::Side side, RouteVisitor& visitor);
  void visit_all(RouteVisitor& visitor) const;

  RouteShared& shared_;
  const triples::Relation& relation_;
  std::uint16_t number_ = 0;  // in shared_.indexes_by_number
  std::vector<Point> points_;
  std::vector<Set> sets_;
  std::vector<std::unique_ptr<Way>> ways_;
  std::size_t used_ = 0;     // places here
  std::uint64_t asked_ = 0;  // counts the rows asked for
  std::string key_;
};

}  // namespace tremula::dataflow
