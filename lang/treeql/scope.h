// Scope: what the names of one select stand for while it is bound.
//
//   scope of the inner select --around--> scope of the select around it --around--> ... --> null
//
// A column's level counts the scopes from the innermost. An opaque scope is passed and counted,
// but shows nothing: a derived table doesn't see its siblings.
// Thread: one statement, one thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/dataflow/plan.h"
#include "core/triples/catalog.h"

namespace tremula::treeql {

// The source of columns that stand for aggregates until the select is rewritten: see rewrite.h.
inline constexpr std::uint32_t kAggregateSource = 0xFFFF'FFFE;

struct SourceScope {
  std::string alias;
  const triples::TableDef* table = nullptr;                      // null: a derived table
  std::vector<std::pair<std::string, triples::Type>> columns;    // of a derived table
};

struct Scope {
  Scope* around = nullptr;
  dataflow::Select* select = nullptr;
  std::vector<SourceScope> sources;  // parallel to select->sources
  bool opaque = false;
  const char* aggregate_ban = nullptr;    // the clause in hand, if no aggregate may stand in it
  bool sees_outputs = false;              // in GROUP BY, HAVING and ORDER BY
  std::vector<std::string> output_names;  // parallel to select->shape.properties
};

// A column that a name was found to be.
struct FoundColumn {
  triples::AttrId attr{};                   // of a table
  std::uint32_t index = 0;                  // of a derived table
  triples::Type type = triples::Type::kAny;
};

// Finds a column by name; with `undeclared`, also a lax table's undeclared ones.
// Returns: false if there is none.
bool find_column(const SourceScope& source, std::string_view name, bool undeclared,
                 FoundColumn& found);

// The place of a column among those that the select uses of this source; it is added if it's new.
std::uint32_t intern_column(dataflow::Source& source, bool derived, const FoundColumn& found,
                            std::string_view name);

// The names of the columns that a bare name or `*` finds, in their order.
std::vector<std::string_view> visible_columns(const SourceScope& source);

}  // namespace tremula::treeql
