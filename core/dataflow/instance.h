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

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/check.h"
#include "core/base/flat_map.h"
#include "core/dataflow/core_order.h"
#include "core/dataflow/lowering.h"
#include "core/dataflow/members.h"
#include "core/dataflow/parameters.h"
#include "core/dataflow/parent_list.h"
#include "core/dataflow/part_tail.h"
#include "core/dataflow/pointer_list.h"
#include "core/dataflow/relation_index.h"
#include "core/dataflow/router.h"
#include "core/dataflow/step.h"
#include "core/dataflow/tuple_table.h"

namespace tremula::dataflow {

class BlockInstance;
class CoreInstance;
class TupleFinder;
class GroupTable;
class DerivedRelation;
struct PatchScratch;
struct Engine;

// Anything that a step may have to look at again.
class Instance {
 public:
  explicit Instance(std::uint32_t rank) : rank_(static_cast<std::uint16_t>(rank)) {
    TREMULA_ASSERT(rank_ == rank);
  }
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
  virtual Engine& engine() const = 0;
  std::uint32_t rank() const { return rank_; }

 private:
  friend struct Engine;
  const std::uint16_t rank_;
  bool woken_ = false;
  bool noted_ = false;  // must hear settle()
};

// The sub-selects of one scope of an instance: holds those that do not depend on the row, finds the
// others by the row.
class SiteHolder final : public SiteReader {
 public:
  SiteHolder(Instance& owner, SiteScope scope, const std::vector<Site>& sites)
      : owner_(reinterpret_cast<std::uintptr_t>(&owner) | static_cast<std::uintptr_t>(scope)),
        sites_(sites) {}
  ~SiteHolder() override;

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
  std::size_t memory_bytes() const;  // with this object

 private:
  // The `whole` children by site: of one site in the word itself.
  BlockInstance** whole() { return sites_.size() > 1 ? several_ : &one_; }
  BlockInstance* const* whole() const { return sites_.size() > 1 ? several_ : &one_; }
  // What a row's place among the parents is: the encoded probe, empty without one. False: it is not
  // listed (NULL, or found by an index).
  bool listed_under(const Site& site, const RowContext& row, std::string& out) const;

  static constexpr std::uintptr_t kScopes = 3;
  Instance& owner() const { return *reinterpret_cast<Instance*>(owner_ & ~kScopes); }
  SiteScope scope() const { return static_cast<SiteScope>(owner_ & kScopes); }

  const std::uintptr_t owner_;  // with the scope in its lowest bits
  const std::vector<Site>& sites_;
  union {
    BlockInstance* one_ = nullptr;
    BlockInstance** several_;  // null until one is acquired
  };
};

// Fetches tuples on both sides at once.
class TupleVisitor {
 public:
  virtual ~TupleVisitor() = default;
  // Returns: false to stop.
  virtual bool visit(const triples::Slot* tuple, bool in_old, bool in_new) = 0;
};

// The rows of derived tables that a core reads.
struct DerivedTables {
  std::vector<const triples::Relation*> relations;  // per source of the core
  std::vector<BlockInstance*> instances;
};

// What only some core instances hold: where the template asks for it.
struct CorePart {
  enum : std::size_t { kDerived, kTupleSites, kGroupSites, kTuples, kGroups, kDistinct };
  using Tail = PartTail<DerivedTables, SiteHolder, SiteHolder, TupleTable, GroupTable, GroupTable>;
};

class CoreInstance final : public Instance {
 public:
  // Use make_with_tail(): parts and parameters stand behind the instance.
  explicit CoreInstance(Core& core);
  static TailLayout lay_out(const Core& core);
  ~CoreInstance() override;

  void hydrate(bool ordered);
  void drain() override;
  void settle() override;
  void site_changed(SiteScope scope, std::uint32_t site, RowId row) override;
  void member_changed(SiteScope scope, std::uint32_t site, std::string_view key) override;
  Engine& engine() const override { return *core_.engine; }
  void touch(std::uint32_t source, triples::Slot slot);
  void release_children();

  Core& core() const { return core_; }
  // The one source whose slots are the rows, or null.
  const CoreSource* plain_source() const {
    const bool plain = core_.sources.size() == 1 && !core_.grouped && !core_.distinct;
    return plain ? &core_.sources[0] : nullptr;
  }
  std::span<const triples::Value> parameters() const {
    const char* tail = reinterpret_cast<const char*>(this) + core_.layout.tail_at;
    return {reinterpret_cast<const triples::Value*>(tail), core_.parameter_count};
  }
  // Where the router has put it.
  RoutePlace places() const { return places_; }
  void set_places(RoutePlace places) { places_ = places; }

  // --- The last stage's rows ---
  std::size_t count(triples::Side side) const {
    return side == triples::Side::kOld && step_ ? step_->count_old : count_;
  }
  // Keeps the rows in order from now on.
  void demand_order();
  bool ordered() const { return ordered_; }
  std::span<const RowDelta> deltas() const {
    return step_ ? std::span<const RowDelta>(step_->deltas) : std::span<const RowDelta>();
  }
  // Where the deltas stand.  Requires: ordered().
  const ChangedRanks& changed_ranks() const;
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
  // Calls visit(row) for `count` rows from `index` on.
  void for_each_from(std::size_t index, std::size_t count, triples::Side side,
                     const std::function<void(RowId)>& visit) const;
  static constexpr RowId kSingleRow = 0;  // where at most one row can be
  // All rows of the last stage on the new side, in no order.
  void for_each_row(const std::function<void(RowId)>& visit);

  std::span<BlockInstance* const> readers() const { return readers_.items(); }
  void add_reader(BlockInstance& reader);
  void remove_reader(BlockInstance& reader);
  // The one of a block whose vector is the core's, or null.
  BlockInstance* reader_of(const Block& block) const;
  // What the reader and those that print alike have printed in this step; or null.
  RowTexts* texts_of(const BlockInstance& reader) const;
  std::size_t memory_bytes() const;
  // What EXPLAIN tells of it.
  struct Held {
    std::size_t rows = 0, groups = 0, bytes = 0;
    bool ordered = false;
    Held& operator+=(const Held& other) {
      rows += other.rows, groups += other.groups, bytes += other.bytes;
      ordered = ordered || other.ordered;
      return *this;
    }
  };
  Held held() const;

 private:
  friend class TupleFinder;
  friend class CoreDirectory;
  class Hydrator;
  class Collector;

  RowContext tuple_context(const triples::Slot* tuple, triples::Side side) const;
  RowContext group_context(const triples::Slot* slot, triples::Side side) const;
  const triples::Relation* const* relations() const {
    const DerivedTables* tables = core_.derived.empty() ? nullptr : derived();
    return tables != nullptr ? tables->relations.data() : core_.relations.data();
  }
  const DerivedRelation* derived_relation(int number) const;
  template <std::size_t kPart>
  auto* part() const {
    return CorePart::Tail::get<kPart>(this, core_.layout);
  }
  DerivedTables* derived() const { return part<CorePart::kDerived>(); }
  SiteHolder* tuple_sites() const { return part<CorePart::kTupleSites>(); }
  SiteHolder* group_sites() const { return part<CorePart::kGroupSites>(); }
  TupleTable* tuples() const { return part<CorePart::kTuples>(); }
  GroupTable* groups() const { return part<CorePart::kGroups>(); }
  GroupTable* distinct() const { return part<CorePart::kDistinct>(); }
  CoreStep& step();
  void begin_step();
  void end_step();
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
  void hydrate_rows(TupleFinder& finder);
  void row_key(const RowContext& row, std::string& out) const;  // the tie-break of a tuple
  void order_key_of(const RowContext& row, std::string& out) const;
  void tie_break_of(const RowContext& row, std::string& out) const;
  void wake_readers();
  static bool needs_rows(const Core& core);

  std::uint32_t count_ = 0;  // rows on the new side
  Core& core_;
  std::unique_ptr<CoreStep> step_;  // from the first touch to settle()
  CoreOrder order_;
  PointerList<BlockInstance> readers_;  // by reach: windows that end first stand first
  RoutePlace places_ = kNoPlace;
  std::uint32_t uses_ : 29 = 0;
  bool ordered_ : 1 = false;
  bool hydrating_ : 1 = false;
  bool closing_ : 1 = false;
};

// What only some block instances hold: where the template asks for it.
struct BlockPart {
  enum : std::size_t { kSites, kMembers, kDerived };
  using Tail = PartTail<SiteHolder, Members, DerivedRelation>;
};

class BlockInstance final : public Instance {
 public:
  // Use make_with_tail(): parts stand behind the instance, and parameters, unless they are its
  // core's.
  explicit BlockInstance(Block& block);
  static TailLayout lay_out(const Block& block);
  ~BlockInstance() override;

  // `parameters`: all of them.
  void hydrate(std::span<const triples::Value> parameters);
  void drain() override;
  void settle() override;
  void site_changed(SiteScope scope, std::uint32_t site, RowId row) override;
  void member_changed(SiteScope scope, std::uint32_t site, std::string_view key) override;
  Engine& engine() const override { return *block_.engine; }
  void release_children();

  Block& block() const { return block_; }
  CoreInstance& core() const { return *core_; }
  std::span<const triples::Value> parameters() const {
    const char* tail = reinterpret_cast<const char*>(this) + block_.layout.tail_at;
    return {block_.owns_vector() ? reinterpret_cast<const triples::Value*>(tail)
                                 : core_->parameters().data(),
            block_.parameter_count};
  }
  const SiteHolder& sites() const { return *sites_or_null(); }

  // The first position behind its window: changes from there on don't concern it.
  std::size_t reach() const;
  std::size_t offset() const { return number_at(block_.offset, 0); }

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
  // rows_max: no more of them than that are visited.
  void for_each_visible(triples::Side side, const std::function<void(RowId)>& visit,
                        std::size_t rows_max = ~std::size_t{0}) const;
  triples::Value scalar(triples::Side side) const;
  // IN: whether the members hold `key`; `has_null`: what is looked for is NULL. Of a semi-join
  // two-valued.
  triples::Value contains(std::string_view key, bool has_null, triples::Side side) const;
  template <typename Visitor>
  void for_each_member(Visitor&& visit) const {  // of either side
    const KeyCounts& counts = members()->counts;
    counts.for_each(visit);
    if (!step_) return;
    for (const auto& entry : step_->members_before.counts)
      if (entry.value > 0 && counts.count(entry.key) == 0) visit(std::string_view(entry.key));
  }
  DerivedRelation* derived_relation() const { return derived(); }
  // What the step in hand changed: rows that entered, left, or stayed and may print otherwise. Each
  // row once.
  std::span<const RowDelta> deltas() const {
    return step_ ? std::span<const RowDelta>(step_->deltas) : std::span<const RowDelta>();
  }
  RowContext shape_context(RowId row, triples::Side side, triples::Slot& scratch) const;
  // Whether both print a row alike: they differ in LIMIT and OFFSET alone.
  bool prints_rows_like(const BlockInstance& other) const;

  // Of a root: who hears of it, a list through the views.
  View* first_listener() const { return users_.listeners; }
  View** listeners() { return &users_.listeners; }
  BlockStep& step();  // of the step in hand

  std::size_t memory_bytes() const;  // without the core's

 private:
  std::size_t number_at(int parameter, std::size_t otherwise) const;
  bool has_limit() const { return block_.limit >= 0; }
  std::size_t limit() const { return number_at(block_.limit, ~std::size_t{0}); }
  void for_each_row(const std::function<void(RowId)>& visit) const;
  void update_row_sites(RowId row, bool in_old, bool in_new);
  void collect_window();
  void note_touched_rows();
  template <std::size_t kPart>
  auto* part() const {
    return BlockPart::Tail::get<kPart>(this, block_.layout);
  }
  SiteHolder* sites_or_null() const { return part<BlockPart::kSites>(); }
  Members* members() const { return part<BlockPart::kMembers>(); }
  DerivedRelation* derived() const { return part<BlockPart::kDerived>(); }
  void count_member(RowId row, bool in_old, bool in_new);
  void count_key(std::string_view key, int by);
  void note_members();
  void begin_step();
  void end_step();
  void derive_row(RowId row, bool in_new);
  void tell_parents();
  void tell_members();
  void tell_all();

  std::uint32_t uses_ = 0;
  Block& block_;
  CoreInstance* core_ = nullptr;
  std::unique_ptr<BlockStep> step_;
  union Users {
    Users() {}
    ~Users() {}
    View* listeners;     // of a root
    ParentList parents;  // of any other; those that a semi-join lists by key are in its members
  } users_;
};

// The JSON text of an array or a single row (a bare single: its value), in the arena.
triples::Value render_value(BlockInstance& instance, SiteKind kind, triples::Side side,
                            base::Arena& arena);

// An instance, found by its parameters.
template <typename T>
struct InstanceRef {
  struct Lookup {
    std::span<const triples::Value> parameters;
    T* instance = nullptr;  // to be put in
  };
  struct Hash {
    using Lookup = InstanceRef::Lookup;
    static constexpr bool kDense = true;
    std::uint64_t operator()(const Lookup& key) const { return hash_vector(key.parameters); }
  };
  explicit InstanceRef(const Lookup& key) : instance(key.instance) {}
  bool operator==(const Lookup& key) const {
    return same_vector(instance->parameters(), key.parameters);
  }
  T* instance;
};
template <typename T>
using InstanceSet = base::FlatSet<InstanceRef<T>, typename InstanceRef<T>::Hash>;

// The instances of a core, by parameter vector.
class CoreDirectory {
 public:
  // One more use. The instance, made and hydrated (with its rows in order, if asked for) if there
  // is none.
  CoreInstance& acquire(Engine& engine, Core& core, std::span<const triples::Value> parameters,
                        bool ordered);
  void release(CoreInstance& instance);  // One use less; destroyed with the last
  // The instance, or null.
  CoreInstance* find(std::span<const triples::Value> parameters) const {
    const auto* found = instances_.find({parameters, nullptr});
    return found == nullptr ? nullptr : found->instance;
  }
  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (const auto& entry : instances_) visit(*entry.key.instance);
  }
  std::size_t size() const { return instances_.size(); }
  std::size_t memory_bytes() const;  // with all instances
  ~CoreDirectory();

 private:
  InstanceSet<CoreInstance> instances_;
};

// The instances of a block. Where its vector is its core's, they are found among those that read
// the core's instance.
class BlockDirectory {
 public:
  explicit BlockDirectory(const Block& block) : block_(block) {}
  // The instance, made and hydrated if there is none. The caller adds its use: add_parent() or
  // add_use().
  BlockInstance& acquire(Engine& engine, Block& block, std::span<const triples::Value> parameters);
  BlockInstance* find(std::span<const triples::Value> parameters) const {
    if (!block_.owns_vector()) return find_reader(parameters);
    const auto* found = instances_.find({parameters, nullptr});
    return found == nullptr ? nullptr : found->instance;
  }
  void destroy(BlockInstance& instance);  // Requires: unused
  template <typename Visitor>
  void for_each(Visitor&& visit) const {
    for (const auto& entry : instances_) visit(*entry.key.instance);
    if (block_.owns_vector()) return;
    block_.core->directory->for_each([&](CoreInstance& core) {
      if (BlockInstance* reader = core.reader_of(block_)) visit(*reader);
    });
  }
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const;  // with all instances
  // Keeps the template as long as there are instances.
  void keep(std::shared_ptr<Block> block) { kept_ = std::move(block); }
  std::shared_ptr<Block> take_kept() { return std::move(kept_); }
  ~BlockDirectory();

 private:
  BlockInstance* find_reader(std::span<const triples::Value> parameters) const {
    CoreInstance* core = block_.core->directory->find(parameters);
    return core == nullptr ? nullptr : core->reader_of(block_);
  }
  void end(BlockInstance& instance);

  const Block& block_;
  std::size_t size_ = 0;
  InstanceSet<BlockInstance> instances_;  // of a block with a vector of its own
  std::shared_ptr<Block> kept_;
};

// What the instances of one graph share.
struct Engine {
  Engine(TableSource& table_source, ArrangementStore::Impl& index_store);
  ~Engine();

  void wake(Instance& instance);
  void note(Instance& instance);  // it must hear settle()
  void drain_all();
  // Gives a use of a block instance back at settle(); of a root without an owner.
  void release_later(BlockInstance& instance, std::string_view key, const ParentRef& parent);
  void settle();
  std::size_t memory_bytes() const;  // of all instances, and what they share

  TableSource& tables;
  ArrangementStore::Impl& indexes;
  base::SlabPool pool;  // of instances
  // Null: the few instances of one answer take what memory there is.
  base::SlabPool* instance_pool() { return live ? &pool : nullptr; }
  TemplateRegistry registry;
  base::Arena arena;
  Router router;
  StepPool<CoreStep> core_steps;
  StepPool<BlockStep> block_steps;
  std::vector<KeyedDelta> keyed;  // scratch of CoreOrder
  std::string key;
  std::unique_ptr<PatchScratch> patch;
  std::vector<BlockInstance*> touched_roots;
  std::size_t views = 0;
  std::uint64_t opened = 0;  // views so far
  std::size_t instances = 0;
  // The side that instances stand on: the new one in a step, where they have taken the commit in;
  // the old one before it, also in the middle of a transaction.
  triples::Side present() const {
    return in_step || !live ? triples::Side::kNew : triples::Side::kOld;
  }
  bool in_step = false;
  bool live = true;  // false: a graph that is thrown away after one answer
  const std::atomic<bool>* interrupt = nullptr;  // see Graph::interrupt_by()
  bool is_interrupted() const { return interrupt != nullptr && *interrupt; }
  std::vector<std::shared_ptr<Block>> roots;  // kept until then

 private:
  struct Release {
    BlockInstance* instance = nullptr;
    std::string key;
    ParentRef parent;  // of a root: no owner
  };
  std::vector<std::vector<Instance*>> woken_;  // by rank
  std::vector<Instance*> noted_;
  std::vector<Release> releases_;
};

}  // namespace tremula::dataflow
