// Graph: live selects over relations, and one-shot ones.
//
//   Select -template, instance-> View -hydrate-> rows        commit -step-> touched Views
//   -changes(), patch()-> listeners
//
// A select is taken apart into templates (its shape without constants) and instances (a template
// with its constants and parameters); equal ones are shared. One step per commit drains the
// templates that the commit concerns, children before the selects around them.
// One-shot selects use a Graph of their own, that is thrown away; it may read in the middle of a
// transaction (the new side).
// Thread: the writer thread alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/dataflow/plan.h"
#include "core/dataflow/plan_tree.h"
#include "core/triples/relation.h"

namespace tremula::dataflow {

class ArrangementStore;  // below: the shared indexes over base tables

// Where the engine finds base tables.
class TableSource {
 public:
  virtual ~TableSource() = default;
  // Never null: an unknown or dropped table is an empty relation that may fill later. The same
  // object for the same type, always.
  virtual const triples::Relation* table(triples::TypeId type) = 0;
  virtual triples::ColumnIndex column(triples::TypeId type, triples::AttrId attr) = 0;
  // Of the primary key, in the order of the KEY clause.
  virtual std::vector<triples::ColumnIndex> key_columns(triples::TypeId type) = 0;
  // The slot of a row by its encoded key, on either side (ask exists), or kNoSlot.
  virtual triples::Slot find(triples::TypeId type, std::string_view key) = 0;
  // Brings nearer what find() of this key will wait for.
  virtual void prefetch(triples::TypeId, std::string_view) {}
};

// What happened to one place of a result tree.
enum class ChangeKind : std::uint8_t {
  kAdd,      // a row entered an array: `value` at `path`
  kRemove,   // a row left: at `path`
  kMove,     // a row changed its place: from `from` to `path`
  kReplace,  // the value at `path` is now `value`
};

// One change, in the order in which a patch applies them (RFC 6902).
// Borrowed: see View::changes().
struct Change {
  ChangeKind kind = ChangeKind::kReplace;
  std::string_view path;       // JSON pointer into the result as it is when the change is applied
  std::string_view from;       // of kMove
  std::string_view value;      // JSON text: of kAdd and kReplace
  std::string_view old_value;  // JSON text: of kRemove and kReplace, if asked for
  std::string_view key;  // JSON array of the row's key values, if asked for and a row is named
};

using ChangeList = std::span<const Change>;

class BlockInstance;
struct Engine;

// A result that is kept, and one hold on it. Destroying it ends it.
// Requires: its graph outlives it.
class View {
 public:
  View(View&& other) noexcept;
  View& operator=(View&&) = delete;
  ~View() { end(); }
  void end();  // nothing may be asked any more

  // Calls `row` with the JSON text of each row, in order, as of the last step (the new side). Stops
  // when it returns false, or after rows_max.
  void for_each_json(const std::function<bool(std::string_view)>& row,
                     std::size_t rows_max = ~std::size_t{0}) const;
  // The whole result as a JSON array.
  void print(std::string& out) const;
  std::size_t row_count() const;
  // After a step: what changed, as an RFC 6902 patch's operations. Empty: the result prints as
  // before.
  // Views of one result share one list.  `with_old`: fill old_value and key too.
  // Borrowed: list and texts stand in `arena`, which must be the same for all views of a step.
  ChangeList changes(bool with_old, base::Arena& arena) const;
  // A bit for who holds it.
  void mark(bool on) { marked_ = on ? 1 : 0; }
  bool is_marked() const { return marked_ != 0; }
  // EXPLAIN LIVE: the operator tree with rows and bytes held and deltas seen.
  std::string explain(PlanFormat format = PlanFormat::kText) const;

 private:
  friend class Graph;
  View(BlockInstance& instance, std::uint64_t opened);
  Engine& engine() const;
  void forget_texts() const;

  BlockInstance* instance_;    // null: moved from
  View* next_ = nullptr;       // of the same result
  View** link_ = nullptr;      // what points to this one
  std::uint64_t opened_ : 63;  // its number, in the order of their opening
  std::uint64_t marked_ : 1;
};

// The plan of a select.
std::string explain(const Select& select, TableSource& tables,
                    PlanFormat format = PlanFormat::kText);

struct GraphStats {
  std::size_t templates = 0;
  std::size_t instances = 0;
  std::size_t views = 0;
  std::size_t bytes = 0;  // of all instances and what they share, each counted once
};

// What a select was taken apart into, for the next time that it is opened: good as long as
// somebody has it open. May outlive the graph.
class SelectPlan {
 public:
  SelectPlan();
  ~SelectPlan();
  SelectPlan(SelectPlan&&) noexcept;
  SelectPlan& operator=(SelectPlan&&) noexcept;

 private:
  friend class Graph;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Graph {
 public:
  // kOnce: for one-shot selects; what it opens doesn't follow commits.
  enum class Life : std::uint8_t { kLive, kOnce };
  Graph(TableSource& tables, ArrangementStore& arrangements, Life life = Life::kLive);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Once the flag is true, selects find no more rows: what they answer then is to be thrown away.
  // Requires: a graph of kOnce; the flag outlives it. Null: nothing interrupts.
  void interrupt_by(const std::atomic<bool>* flag);

  // Makes the result of a select and keeps it by deltas. `parameters` by position; their bytes are
  // copied.  `plan`: of the same select, bound to the same catalog, in this graph.
  // Errors: limit_range (with the span {0,0}).
  base::Result<View> open(const Select& select, std::span<const triples::Value> parameters,
                          SelectPlan* plan = nullptr);

  // Runs a select once, on the new side, and calls `row` with the row's slot in its first source
  // (kNoSlot if that is no base table) and the values of the shape's properties (all must be
  // kValue); they are valid during the call. Stops when it returns false.
  using RowVisitor = std::function<bool(triples::Slot, std::span<const triples::Value>)>;
  base::Result<void> run(const Select& select, std::span<const triples::Value> parameters,
                         const RowVisitor& row);

  // Takes one commit in. Requires: the relations are sealed and not settled yet.
  // Returns: the views whose results may have changed, in the order in which they were opened; ask
  // each for changes().
  // Borrowed: valid until settle().
  std::span<View* const> step();
  // Forgets the old side. Call before the relations settle.
  void settle();

  // All that are open, in no order.
  std::vector<View*> views() const;
  GraphStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// When an index that was declared is built.
enum class IndexBuild : std::uint8_t {
  kNow,
  kWhenAsked,  // and then kept: tables that lie in files are not read before
};

// The orders over base tables that several graphs share: those of INDEX declarations and those that
// live queries asked for.
class ArrangementStore {
 public:
  explicit ArrangementStore(TableSource& tables);
  ~ArrangementStore();
  // Keeps table(column | key) from now on / no longer for itself.
  void declare_index(triples::TypeId type, triples::AttrId attr,
                     IndexBuild build = IndexBuild::kNow);
  void drop_index(triples::TypeId type, triples::AttrId attr);
  // Looks again at what was written since the last call: after an undone statement, and before a
  // select inside a transaction.
  // A Graph calls it itself before it reads.
  void refresh();
  // The same once the relations are sealed, and cheaper: a Graph calls it at the start of a step.
  void refresh_sealed();
  // Call before the relations roll back: goes back to the old side.
  void rollback();
  // Call before the relations settle.
  void settle();
  std::size_t memory_bytes() const;

  struct Impl;  // relation_index.h; for the engine's own use
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tremula::dataflow
