// Instances: templates with a parameter vector, and what they hold.
//
//   base rows -> CoreInstance -row deltas-> BlockInstance -row deltas of the result-> View, or the
//   instance around it
//
// CoreInstance: the rows of a select before LIMIT and shape, in order. BlockInstance: a result over
// it.
// A step drains woken instances by the rank of their templates; each drains once, after everything
// that it reads.
// Invariants:
//   I1  between steps, every sub-select that a held row asks for is held; the row is among its
//       parents, unless an index finds it.
//   I2  what a step releases lives until settle(), so that both sides can be read.
// Thread: the writer thread alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/flat_map.h"
#include "core/dataflow/arrangement.h"
#include "core/dataflow/lowering.h"
#include "core/dataflow/parent_list.h"
#include "core/dataflow/relation_index.h"
#include "core/dataflow/route_index.h"

namespace tremula::dataflow {

class BlockInstance;
class CoreInstance;
class GroupTable;
class DerivedRelation;
struct Engine;

struct RowDelta {
  RowId row = 0;
  bool in_old = false;
  bool in_new = false;
};

// Anything that a step may have to look at again.
class Instance {
 public:
  Instance(Engine& engine, std::uint32_t rank) : engine_(engine), rank_(rank) {}
  virtual ~Instance() = default;
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // Takes in what was noted since the last step. Called once a step, in order of rank.
  virtual void drain() = 0;
  virtual void settle() = 0;
  // A sub-select of `row` (or of all rows) at a site has another value.
  virtual void site_changed(SiteScope scope, std::uint32_t site, RowId row) = 0;
  // The members of a semi-join that `key` names came or went. Rows that are not listed are found by
  // the site's probe.
  virtual void member_changed(SiteScope scope, std::uint32_t site, std::string_view key) = 0;
  std::uint32_t rank() const { return rank_; }
  Engine& engine() const { return engine_; }

 protected:
  void wake();

  Engine& engine_;

 private:
  friend struct Engine;
  const std::uint32_t rank_;
  bool woken_ = false;
  bool noted_ = false;  // must hear settle()
};

// The parameter vector of an instance, with bytes of its own.
class ParameterVector {
 public:
  explicit ParameterVector(std::span<const triples::Value> values);
  const triples::Value* data() const { return values_.data(); }
  std::span<const triples::Value> values() const { return values_; }

 private:
  std::vector<triples::Value> values_;
  std::unique_ptr<char[]> bytes_;
};

// The text that equal vectors share: order-preserving encodings, and the kinds where these merge (1
// and 1.0 print differently).
void encode_vector(std::span<const triples::Value> values, std::string& out);

// Rows of several sources as one number each.
class TupleTable {
 public:
  explicit TupleTable(std::size_t width) : width_(width) {}
  RowId intern(const triples::Slot* tuple);
  const triples::Slot* tuple(RowId row) const { return slots_.data() + row * width_; }
  void release(RowId row);
  std::size_t memory_bytes() const;

 private:
  std::string_view bytes(const triples::Slot* tuple) const {
    return {reinterpret_cast<const char*>(tuple), width_ * sizeof(triples::Slot)};
  }
  const std::size_t width_;
  std::vector<triples::Slot> slots_;
  std::vector<RowId> free_;
  base::FlatMap<std::string, RowId> rows_;
};

// The sub-selects of one scope of an instance: holds those that do not depend on the row, finds the
// others by the row.
class SiteHolder final : public SiteReader {
 public:
  SiteHolder(Instance& owner, SiteScope scope, const std::vector<Site>& sites)
      : owner_(owner), scope_(scope), sites_(sites) {}

  // Acquires what doesn't depend on the row. `row` needs parameters and the arena only.
  void open(const RowContext& row);
  void close();  // releases that
  // The rows' children: acquired for a row that is there on the new side, released after one that
  // was there on the old side only; the others follow their parameters.
  // Requires: each row once a step.
  void update(std::uint32_t site, RowId row, const RowContext& context, bool in_old, bool in_new);

  // Lets go of a row's child.
  void release(std::uint32_t site, RowId row, const RowContext& context);

  triples::Value read_site(std::uint32_t site, ExprOp op, triples::Value argument,
                           const RowContext& row) const override;
  // The child for a row on the row's side.
  BlockInstance* child(std::uint32_t site, const RowContext& row) const;
  std::size_t size() const { return sites_.size(); }
  const Site& site(std::uint32_t index) const { return sites_[index]; }

 private:
  void parameters_of(const Site& site, const RowContext& row,
                     std::vector<triples::Value>& out) const;
  // What a row's place among the parents is: the encoded probe, empty without one. False: it is not
  // listed (NULL, or found by an index).
  bool listed_under(const Site& site, const RowContext& row, std::string& out) const;

  Instance& owner_;
  const SiteScope scope_;
  const std::vector<Site>& sites_;
  std::vector<BlockInstance*> whole_;
};

// Fetches tuples on both sides at once.
class TupleVisitor {
 public:
  virtual ~TupleVisitor() = default;
  // Returns: false to stop.
  virtual bool visit(const triples::Slot* tuple, bool in_old, bool in_new) = 0;
};

struct TouchedRow {
  std::uint32_t source = 0;
  triples::Slot slot = triples::kNoSlot;
};

class CoreInstance final : public Instance {
 public:
  CoreInstance(Engine& engine, Core& core, std::span<const triples::Value> parameters);
  ~CoreInstance() override;

  void hydrate(bool ordered);
  void drain() override;
  void settle() override;
  void site_changed(SiteScope scope, std::uint32_t site, RowId row) override;
  void member_changed(SiteScope scope, std::uint32_t site, std::string_view key) override;
  void touch(std::uint32_t source, triples::Slot slot);
  void release_children();

  Core& core() const { return core_; }
  const ParameterVector& parameters() const { return parameters_; }

  // --- The last stage's rows ---
  std::size_t count(triples::Side side) const {
    return side == triples::Side::kOld ? count_old_ : count_new_;
  }
  const Arrangement& order() const { return order_; }
  // Keeps the rows in order from now on.
  void demand_order();
  bool ordered() const { return ordered_; }
  std::span<const RowDelta> deltas() const { return deltas_; }
  // What an expression over the last stage needs. `scratch` holds the tuple of a row that is a
  // slot.
  RowContext row_context(RowId row, triples::Side side, triples::Slot& scratch) const;
  void order_key(RowId row, triples::Side side, std::string& out) const;
  // The key columns of the row's tables, or its group's or its own values: the end of every order.
  void tie_break(RowId row, triples::Side side, std::string& out) const;
  // What tells the row from others, also in other instances of the core.
  void identity(RowId row, triples::Side side, std::string& out) const;
  std::size_t rank(RowId row, triples::Side side) const;
  // The row at a position, or kAllRows.
  RowId select(std::size_t index, triples::Side side) const;
  RowId single_row() const { return single_row_; }
  // All rows of the last stage on the new side, in no order.
  void for_each_row(const std::function<void(RowId)>& visit);

  void add_reader(BlockInstance& reader);
  void remove_reader(BlockInstance& reader);
  std::size_t memory_bytes() const;
  std::string describe_state() const;

 private:
  friend class TupleFinder;
  friend class CoreDirectory;
  class Hydrator;
  class Collector;

  RowContext tuple_context(const triples::Slot* tuple, triples::Side side) const;
  RowContext group_context(const triples::Slot* slot, triples::Side side) const;
  void open();
  // One tuple, decided without sub-selects of WHERE: these, then the stages after.
  void take_tuple(const triples::Slot* tuple, bool in_old, bool in_new);
  bool where_sites_true(const triples::Slot* tuple, triples::Side side) const;
  void update_sites(const std::vector<std::uint32_t>& sites, RowId row, const triples::Slot* tuple,
                    bool in_old, bool in_new);
  // The sub-selects of an ON: held for the pair of a tuple and a row of `source` that the rest of
  // the ON lets through.
  void update_pair(const std::vector<std::uint32_t>& sites, std::uint32_t source,
                   const triples::Slot* tuple, bool in_old, bool in_new);
  bool first_visit(const triples::Slot* tuple);
  void open_reverse_indexes();
  void release_rows();
  void release_dead_tuples();
  int left_source_of(std::uint32_t site) const;

  // core_groups.cpp
  struct Contributions;
  void group_tuple(const triples::Slot* tuple, bool in_old, bool in_new);
  void contributions(const triples::Slot* tuple, triples::Side side, Contributions& out) const;
  void apply_contributions(triples::Slot group, const Contributions& c, int sign);
  void remember_dependents(triples::Slot group, const triples::Slot* tuple);
  void count_rows(std::int64_t rows);
  void fill_outputs(triples::Slot group);
  bool having_true(triples::Slot group, triples::Side side) const;
  void update_group_sites(triples::Slot group, bool in_old, bool in_new);
  void finish_groups();
  void finish_group(triples::Slot group, bool forced);
  void distinct_row(RowContext row, bool in_old, bool in_new);
  void count_distinct(const RowContext& row, int sign);
  void finish_distinct();

  void final_row(RowId row, bool in_old, bool in_new);
  void row_key(const RowContext& row, std::string& out) const;  // the tie-break of a tuple
  void order_key_of(const RowContext& row, std::string& out) const;
  void tie_break_of(const RowContext& row, std::string& out) const;
  void build_order();
  void wake_readers();
  bool needs_rows() const;

  Core& core_;
  ParameterVector parameters_;
  std::vector<const triples::Relation*> relations_;  // per source
  std::vector<BlockInstance*> derived_;
  SiteHolder tuple_sites_;
  SiteHolder group_sites_;
  TupleTable tuples_;
  std::unique_ptr<GroupTable> groups_;
  std::unique_ptr<GroupTable> distinct_;
  const triples::Relation* group_relation_[1] = {nullptr};
  const triples::Relation* stage_relation_[1] = {
      nullptr};                 // of the last stage, if that is groups or distinct
  const RowId single_row_ = 0;  // where at most one row can be
  bool ordered_ = false;
  bool hydrating_ = false;
  bool closing_ = false;
  bool many_candidates_ = true;
  std::vector<std::shared_ptr<RelationIndex>> reverse_indexes_;  // by site
  Arrangement order_;
  std::size_t count_old_ = 0, count_new_ = 0;

  std::vector<TouchedRow> touched_rows_;
  std::vector<RowId> touched_tuples_;
  std::vector<RowId> touched_groups_;
  bool touched_all_ = false, touched_all_groups_ = false;
  base::FlatSet<std::string> visited_;  // tuples of this step
  base::FlatSet<std::string> visited_pairs_;
  std::vector<RowId> dead_tuples_;
  std::vector<std::pair<std::string, RowId>> building_;
  std::vector<RowDelta> deltas_;
  std::vector<BlockInstance*> readers_;  // by reach: windows that end first stand first
  mutable std::string key_old_, key_new_;
  std::uint64_t deltas_seen_ = 0;
};

// Who counts under a member's key.
struct Member {
  std::uint32_t count_old = 0;
  std::uint32_t count_new = 0;
  bool touched = false;
};

class BlockInstance final : public Instance {
 public:
  BlockInstance(Engine& engine, Block& block, std::span<const triples::Value> parameters);
  ~BlockInstance() override;

  void hydrate();
  void drain() override;
  void settle() override;
  void site_changed(SiteScope scope, std::uint32_t site, RowId row) override;
  void member_changed(SiteScope scope, std::uint32_t site, std::string_view key) override;
  void release_children();

  Block& block() const { return block_; }
  CoreInstance& core() const { return *core_; }
  const ParameterVector& parameters() const { return parameters_; }
  const SiteHolder& sites() const { return sites_; }

  // The first position behind its window: changes from there on don't concern it.
  std::size_t reach() const;

  // --- Users ---
  void add_parent(std::string_view key, const ParentRef& parent);
  void remove_parent(std::string_view key, const ParentRef& parent);
  void add_use() { ++uses_; }
  bool unused() const { return uses_ == 0; }
  void drop_use() { --uses_; }

  // --- The result, on both sides ---
  bool exists(triples::Side side) const { return row_count(side) > 0; }
  std::size_t row_count(triples::Side side) const;
  RowId row_at(std::size_t index, triples::Side side) const;
  std::size_t index_of(RowId row, triples::Side side) const;  // Requires: the row is in the result
  void for_each_visible(triples::Side side, const std::function<void(RowId)>& visit) const;
  triples::Value scalar(triples::Side side) const;
  // IN: whether the members hold `key`; `has_null`: what is looked for is NULL. Of a semi-join
  // two-valued.
  triples::Value contains(std::string_view key, bool has_null, triples::Side side) const;
  template <typename Visitor>
  void for_each_member(Visitor&& visit) const {  // of either side
    for (const auto& entry : members_)
      if (entry.value.count_old > 0 || entry.value.count_new > 0)
        visit(std::string_view(entry.key));
  }
  DerivedRelation* derived_relation() const { return derived_.get(); }
  // What the step in hand changed: rows that entered, left, or stayed and may print otherwise. Each
  // row once.
  std::span<const RowDelta> deltas() const { return deltas_; }
  RowContext shape_context(RowId row, triples::Side side, triples::Slot& scratch) const;

  // Of a root: who hears of it, with the number at which each was opened.
  using Listeners = std::vector<std::pair<std::uint64_t, View*>>;
  const Listeners& listeners() const { return listeners_; }
  void add_listener(std::uint64_t opened, View* view) { listeners_.emplace_back(opened, view); }
  void remove_listener(View* view);
  ChangeList& kept_changes(bool with_old) { return changes_[with_old]; }  // until settle()

  std::size_t memory_bytes() const;
  std::uint64_t deltas_seen() const { return deltas_seen_; }

 private:
  void for_each_row(const std::function<void(RowId)>& visit) const;
  void update_row_sites(RowId row, bool in_old, bool in_new);
  void collect_window();
  void note_touched_rows();
  void count_member(RowId row, bool in_old, bool in_new);
  void settle_members();
  void derive_row(RowId row, bool in_new);
  void tell_parents();
  void tell_members();
  void tell_all();

  Block& block_;
  ParameterVector parameters_;
  CoreInstance* core_ = nullptr;
  SiteHolder sites_;
  bool has_limit_ = false;
  std::size_t limit_ = 0, offset_ = 0;
  std::size_t uses_ = 0;
  base::FlatMap<std::string, ParentList> parents_;
  std::unique_ptr<DerivedRelation> derived_;

  base::FlatMap<std::string, Member> members_;
  std::vector<std::string> touched_members_;
  std::size_t nulls_old_ = 0, nulls_new_ = 0, total_old_ = 0, total_new_ = 0;

  std::vector<RowId> touched_rows_;
  bool touched_all_ = false;
  std::vector<RowDelta> deltas_;
  std::uint64_t deltas_seen_ = 0;
  Listeners listeners_;
  ChangeList changes_[2];
};

// The JSON text of an array or a single row (a bare single: its value), in the arena.
triples::Value render_value(BlockInstance& instance, SiteKind kind, triples::Side side,
                            base::Arena& arena);

// The instances of a core, by parameter vector, and by the part of it that rows are routed by.
class CoreDirectory {
 public:
  // One more use. The instance, made and hydrated (with its rows in order, if asked for) if there
  // is none.
  CoreInstance& acquire(Engine& engine, Core& core, std::span<const triples::Value> parameters,
                        bool ordered);
  void release(CoreInstance& instance);  // One use less; destroyed with the last
  // The instances by what `source` is routed by.
  // Requires: there are instances, and it is a base table's with a route that is not empty.
  const RouteIndex& routes(std::size_t source) const { return *routes_[source]; }
  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (const auto& entry : by_vector_) visit(*entry.value.instance);
  }
  std::size_t size() const { return by_vector_.size(); }

 private:
  struct Held {
    std::unique_ptr<CoreInstance> instance;
    std::size_t uses = 0;
  };
  base::FlatMap<std::string, Held> by_vector_;
  std::vector<std::unique_ptr<RouteIndex>> routes_;  // by source; null: nothing to route by
};

class BlockDirectory {
 public:
  // The instance, made and hydrated if there is none. The caller adds its use: add_parent() or
  // add_use().
  BlockInstance& acquire(Engine& engine, Block& block, std::span<const triples::Value> parameters);
  BlockInstance* find(std::string_view vector) const {
    const auto* found = by_vector_.find(vector);
    return found == nullptr ? nullptr : found->get();
  }
  void destroy(BlockInstance& instance);  // Requires: unused
  std::size_t size() const { return by_vector_.size(); }

 private:
  base::FlatMap<std::string, std::unique_ptr<BlockInstance>> by_vector_;
};

// What the instances of one graph share.
struct Engine {
  Engine(TableSource& table_source, ArrangementStore::Impl& index_store)
      : tables(table_source), indexes(index_store) {}

  void wake(Instance& instance);
  void note(Instance& instance);  // it must hear settle()
  void drain_all();
  // Gives a use of a block instance back at settle().
  void release_later(BlockInstance& instance, std::string_view key, const ParentRef& parent);
  // The same for a root; its template is kept until then.
  void release_later(BlockInstance& instance, std::shared_ptr<Block> block);
  void settle();

  TableSource& tables;
  ArrangementStore::Impl& indexes;
  TemplateRegistry registry;
  base::Arena arena;
  std::vector<BlockInstance*> touched_roots;
  base::FlatSet<View*> views;
  std::uint64_t opened = 0;  // views so far
  std::size_t instances = 0;
  // The side that instances stand on: the new one in a step, where they have taken the commit in;
  // the old one before it, also in the middle of a transaction.
  triples::Side present() const {
    return in_step || !live ? triples::Side::kNew : triples::Side::kOld;
  }
  bool in_step = false;
  bool live = true;  // false: a graph that is thrown away after one answer

 private:
  struct Release {
    BlockInstance* instance = nullptr;
    std::string key;
    ParentRef parent;              // of a root: no owner
    std::shared_ptr<Block> block;  // of a root
  };
  std::vector<std::vector<Instance*>> woken_;  // by rank
  std::vector<Instance*> noted_;
  std::vector<Release> releases_;
};

}  // namespace tremula::dataflow
