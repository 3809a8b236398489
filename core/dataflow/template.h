// Templates: selects without their constants, taken apart once and shared by all that have the same
// shape.
//
//   Block  = Core + limit, offset + shape          one per select; its instances are results
//   Core   = sources, ON, WHERE -> grouping -> DISTINCT -> order       its instances hold rows;
//   blocks that differ in
//            shape or limit share it
//   Site   = a place where a select holds a sub-select: the child's Block and what gives the child
//   its parameters
//
// Parameters. Every constant, $parameter and outer column of a core is a position in the instance's
// parameter vector. A block's vector begins with its core's; what only the shape needs follows.
// Where a position's value comes from is told by the user of the block.
// Canonical text: two selects with the same text are one template.
// Thread: the writer thread alone. Immutable once built, but for `read_columns`, which grows with
// the blocks over a core, the indexes that steps find at first use, and the directories of
// instances.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/dataflow/graph.h"
#include "core/dataflow/part_tail.h"
#include "core/dataflow/program.h"
#include "core/dataflow/route_plan.h"

namespace tremula::dataflow {

struct Block;
struct Core;
class CoreDirectory;
class BlockDirectory;
class RelationIndex;
class RangeIndex;
struct Engine;

// Where the value of a parameter comes from, as the select around sees it.
struct ParameterOrigin {
  enum class From : std::uint8_t { kLiteral, kUser, kOuter };
  From from = From::kLiteral;
  triples::OwnedValue literal;
  std::uint32_t user = 0;   // kUser: position in the statement's list
  std::uint32_t level = 0;  // kOuter: 1 is the select around this one
  std::uint32_t source = 0;
  std::uint32_t column = 0;
};

// How a select uses the rows of a sub-select.
enum class SiteKind : std::uint8_t { kExists, kIn, kScalar, kArray, kSingle, kDerived };

struct Site {
  SiteKind kind = SiteKind::kScalar;
  std::shared_ptr<Block> child;
  std::vector<Node> parameters;  // over the scope in which the site stands: the child's vector
  bool whole = false;            // the vector doesn't depend on the row: one instance for all rows
  std::vector<Node> probe;       // of a semi-join: what is looked for, parallel to child->members
  // The probe is plain columns of this source: the rows that a member concerns are found by an
  // index, none is listed.
  int reverse_source = -1;
  mutable std::shared_ptr<RelationIndex> reverse_index;  // null: by its key
  // Whether rows are among the parents of its children, one by one.
  bool lists_rows() const { return !whole || (!probe.empty() && reverse_source < 0); }
};

// One condition that must be TRUE.
struct Conjunct {
  Node node;
  SourceMask sources = 0;
  int left_source = -1;  // stands in the ON of this LEFT JOIN; -1: in WHERE or an inner ON
  std::vector<std::uint32_t> sites;
};

// `column` of `source` equals `value`, which reads other sources or none.
struct Equality {
  std::uint32_t source = 0;
  triples::ColumnIndex column = 0;
  Node value;
  SourceMask value_sources = 0;
  int left_source = -1;
  bool is = false;  // IS: NULL equals NULL
  const Conjunct* conjunct = nullptr;
};

struct CoreSource {
  JoinKind join = JoinKind::kInner;
  triples::TypeId table{};
  const triples::Relation* relation = nullptr;    // of a base table
  int derived = -1;                               // or the site in Core::derived
  std::vector<triples::ColumnIndex> key_columns;  // of a base table
  triples::ColumnMask read_columns = 0;           // what the core and the blocks over it read
  std::string name;
  std::vector<std::pair<triples::ColumnIndex, std::string>>
      columns;  // in use, with names for EXPLAIN
};

struct NodeOrder {
  Node node;
  triples::Direction direction = triples::Direction::kAscending;
  triples::Nulls nulls = triples::Nulls::kFirst;
};

struct CoreAggregate {
  AggregateKind kind = AggregateKind::kCountAll;
  bool distinct = false;
  bool has_argument = false, has_filter = false, has_separator = false;
  bool needs_row_key = false;
  Node argument, filter, separator;
  std::vector<NodeOrder> order;
};

// How a source is bound to rows, given those bound before it.
enum class AccessKind : std::uint8_t { kPinned, kKey, kIndex, kUnion, kMembers, kRange, kScan };

// A column compared with a value by < <= > >=, LIKE or GLOB.
struct RangeBound {
  enum class Form : std::uint8_t { kCompare, kLike, kGlob };
  const Node* value = nullptr;
  Form form = Form::kCompare;
  bool lower = false;   // the column is greater
  bool strict = false;  // and not equal
};

struct BindStep {
  std::uint32_t source = 0;
  AccessKind access = AccessKind::kScan;
  std::vector<triples::ColumnIndex> columns;  // kKey, kIndex: compared with `values`
  std::vector<const Node*> values;
  std::vector<bool> null_matches;      // parallel: IS, not =
  // kUnion: by key or index, each gives some of the rows. kRange: a column each, any will do.
  std::vector<BindStep> arms;
  int site = -1;                       // kMembers: the semi-join whose members give the key
  std::vector<const Conjunct*> match;  // of a LEFT JOIN: its ON
  // What the access itself sees to, where all its columns were looked up on the side in question.
  std::vector<const Conjunct*> implied;
  std::vector<const Conjunct*> filter;  // what can be decided once this source is bound
  triples::ColumnMask reads = 0;        // columns that hydration reads of each row
  // Of kIndex over a base table: found at first use.
  mutable std::shared_ptr<RelationIndex> index;
  std::vector<RangeBound> bounds;  // of an arm of kRange: of columns[0]
  mutable std::shared_ptr<RangeIndex> range;
};
using JoinPlan = std::vector<BindStep>;

struct Core {
  std::string canonical;
  std::uint32_t rank = 0;  // greater than those of all templates below
  std::size_t parameter_count = 0;
  std::vector<CoreSource> sources;
  std::vector<Conjunct> conjuncts;  // without sub-selects of WHERE first
  std::vector<Equality> equalities;
  std::vector<Site>
      sites;  // over the tuple: of WHERE, ON, group keys, aggregates, and of the order and the
              // shape where these are over the tuple
  std::vector<Site> derived;
  std::vector<std::uint32_t> where_sites;  // decided before the others
  std::vector<std::uint32_t> later_sites;
  bool has_on_sites = false;

  bool grouped = false;
  std::vector<Node> group_keys;
  // Keys whose equal values may print differently (1 and 1.0): the group's first row gives them.
  std::vector<std::uint32_t> first_keys;
  std::vector<CoreAggregate> aggregates;
  std::vector<Dependent> dependents;  // source, column of the relation
  bool has_having = false;
  Node having;
  std::vector<Site> group_sites;  // over the group
  bool distinct = false;
  std::vector<std::uint32_t> first_values;  // of distinct_values, likewise
  std::vector<Node> distinct_values;        // kExists.. sites as values; trees are rendered
  std::vector<NodeOrder> order;             // over the last stage
  bool single =
      false;  // of a statement's own select: has one instance, so it makes no index for itself
  bool at_most_one = false;  // an aggregate without GROUP BY, or no FROM

  // Its rows are those of one table that meet conditions without sub-selects.
  bool is_plain() const {
    return sources.size() == 1 && sources[0].join == JoinKind::kInner && sources[0].derived < 0 &&
           sites.empty() && !grouped && !distinct;
  }

  bool counts_key = false;  // nothing but count(*) of the rows with one key of an index

  JoinPlan pull_plan;
  std::vector<JoinPlan> push_plans;  // per source: it is pinned to the row that changed
  std::vector<JoinPlan>
      prefix_plans;  // of a LEFT JOIN: the sources before it, from a row that it may meet
  std::vector<JoinPlan> rest_plans;  // of a LEFT JOIN: it, and the sources after it
  std::vector<RoutePlan> routes;     // per source

  std::vector<const triples::Relation*> relations;  // per source; null: a derived table's

  TailLayout layout;                         // of each of its instances
  std::unique_ptr<CoreDirectory> directory;  // of its instances
  std::uint64_t deltas_seen = 0;             // by all of them
  Engine* engine = nullptr;                  // that they live in
  Core();
  ~Core();
};

struct BlockProperty {
  std::string name;
  std::string label;  // `,"name":`
  PropertyKind kind = PropertyKind::kValue;
  Node node;                              // of kValue
  std::uint32_t site = 0;                 // of kArray, kSingle
  std::vector<BlockProperty> properties;  // of kObject
};

struct Block {
  std::string canonical;
  std::uint32_t rank = 0;
  std::shared_ptr<Core> core;
  std::size_t parameter_count = 0;
  bool ordered = false;  // someone asks for positions or first rows
  int limit = -1;        // the parameter that holds it, or -1
  int offset = -1;
  bool bare = false;
  std::vector<BlockProperty> properties;
  std::vector<Site> sites;    // of the shape, over the core's last stage
  std::vector<Node> members;  // of a semi-join's child: what is counted
  SiteKind use = SiteKind::kArray;
  bool root = false;
  // Its vector is longer than its core's.
  bool owns_vector() const { return parameter_count != core->parameter_count; }

  TailLayout layout;
  std::unique_ptr<BlockDirectory> directory;
  std::uint64_t deltas_seen = 0;
  Engine* engine = nullptr;
  Block();
  ~Block();
};

}  // namespace tremula::dataflow
