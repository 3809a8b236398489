// Node: an expression as the engine runs it, and its evaluation over a row on one side.
//
//   Expr (plan.h) -lowering-> Node: outer columns, $parameters and constants have become positions
//   in the parameter vector
//
// Evaluation is a walk of the tree: total, without side effects, the same function on both sides.
// Thread: nodes are immutable; an evaluation is as safe as the relations that it reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/arena.h"
#include "core/dataflow/plan.h"
#include "core/triples/relation.h"

namespace tremula::dataflow {

using SourceMask = std::uint64_t;               // bit i: reads source i of the scope

struct Node {
  ExprOp op = ExprOp::kLiteral;
  triples::Type type = triples::Type::kAny;  // of kCast
  triples::Function function{};
  std::uint32_t index =
      0;  // kParameter: in the vector; kColumn: in the relation; kExists, kIn, kScalar: the site
  std::uint32_t source = 0;  // of kColumn
  triples::OwnedValue literal;
  std::vector<Node> arguments;
  std::vector<std::string> names;  // of kJsonObject

  SourceMask sources() const;  // of the node and all below it; sites' parameters not counted
  bool has_site() const;
  bool is_column() const { return op == ExprOp::kColumn; }
};

// Calls `visit` for the node and all below it.
template <typename Visitor>
void for_each_node(const Node& node, Visitor&& visit) {
  visit(node);
  for (const Node& argument : node.arguments) for_each_node(argument, visit);
}

// The text that equal nodes, and no others, share.
void append_canonical(const Node& node, std::string& out);

class SiteReader;

// A row as an expression sees it.
struct RowContext {
  const triples::Relation* const* relations = nullptr;
  const triples::Slot* tuple = nullptr;  // per source; kNoSlot reads NULL (LEFT JOIN found nothing)
  const triples::Value* parameters = nullptr;
  const SiteReader* sites = nullptr;
  base::Arena* arena = nullptr;
  triples::Side side = triples::Side::kNew;
};

// Gives the values of sub-selects.
class SiteReader {
 public:
  virtual ~SiteReader() = default;
  // The value of the sub-select `site` for the row; `argument`: what IN looks for.
  virtual triples::Value read_site(std::uint32_t site, ExprOp op, triples::Value argument,
                                   const RowContext& row) const = 0;
};

triples::Value evaluate(const Node& node, const RowContext& row);
inline bool is_true(const Node& node, const RowContext& row) {
  return evaluate(node, row).is_true();
}

}  // namespace tremula::dataflow
