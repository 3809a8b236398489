// BlockLowering: the lowering of one select, in the order sources, conditions, groups, DISTINCT,
// order, shape.
//
// What `(source, column)` means moves with the stage; sub-selects met on the way go to the site
// list of the stage.
// Thread: the writer thread alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/dataflow/lowering.h"

namespace tremula::dataflow {

// Whether WHERE compares a column of the select with something from outside: its rows are few.
bool has_selective_equality(const Select& select);

std::string canonical_text(const Core& core);
std::string canonical_text(const Block& block);

class BlockLowering {
 public:
  // `may_probe`: a correlated EXISTS may become a semi-join.
  BlockLowering(const Select& select, SiteKind use, bool may_probe, bool root, TableSource& tables,
                TemplateRegistry& registry);
  Lowered run();

 private:
  enum class Stage : std::uint8_t { kTuple, kGroup, kDistinct };

  void lower_sources();
  void add_conjuncts(const Expr& expr, int left_source);
  bool take_probe(const Expr& conjunct);
  void lower_conditions();
  std::vector<NodeOrder> lower_order_terms(const std::vector<OrderTerm>& order);
  void lower_aggregate(const Aggregate& aggregate);
  void lower_groups();
  Node lower_printed(const Property& property);
  void lower_distinct();
  void lower_order();
  void finish_core();
  void find_reverse(Site& site);
  BlockProperty lower_property(const Property& property);
  void lower_shape();
  void finish_block();

  // lowering_expr.cpp
  Node lower(const Expr& expr);
  Node column_node(std::uint32_t source, std::uint32_t column);
  Node parameter_node(ParameterOrigin origin);
  Node constant_node(const triples::OwnedValue& literal);
  std::uint32_t constant_parameter(const Expr& expr);
  Node origin_node(const ParameterOrigin& origin);
  Site lower_site(const Select& child, SiteKind kind, const Expr* probe);

  const Select& select_;
  const SiteKind use_;
  const bool may_probe_;
  const bool root_;
  TableSource& tables_;
  TemplateRegistry& registry_;
  std::unique_ptr<Core> core_;
  std::shared_ptr<Core> core_ptr_;  // after finish_core(): the shared one
  std::unique_ptr<Block> block_;
  std::vector<ParameterOrigin> origins_;
  std::vector<ExprPtr> probe_;
  Stage stage_ = Stage::kTuple;
  std::vector<Site>* sites_ = nullptr;
  bool in_shape_ = false;
  std::uint32_t later_sites_from_ = 0;  // sites before it stand in ON and WHERE
};

}  // namespace tremula::dataflow
