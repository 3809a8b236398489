#include "lang/treeql/scope.h"

namespace tremula::treeql {

bool find_column(const SourceScope& source, std::string_view name, bool undeclared,
                 FoundColumn& found) {
  if (!source.table) {
    for (std::uint32_t i = 0; i < source.columns.size(); ++i) {
      if (source.columns[i].first != name) continue;
      found = {triples::kRowAttr, i, source.columns[i].second};
      return true;
    }
    return false;
  }
  if (source.table->generated_key && name == "id") {
    found = {triples::kGeneratedIdAttr, 0, triples::Type::kInt};
    return true;
  }
  const triples::ColumnDef* column = source.table->find_column(name);
  if (!column && undeclared) column = source.table->find_undeclared(name);
  if (!column) return false;
  found = {column->attr, 0, column->type};
  return true;
}

std::uint32_t intern_column(dataflow::Source& source, bool derived, const FoundColumn& found,
                            std::string_view name) {
  if (derived) return found.index;
  for (std::uint32_t i = 0; i < source.columns.size(); ++i) {
    if (source.columns[i].attr == found.attr) return i;
  }
  source.columns.push_back({found.attr, std::string(name)});
  return static_cast<std::uint32_t>(source.columns.size() - 1);
}

std::vector<std::string_view> visible_columns(const SourceScope& source) {
  std::vector<std::string_view> names;
  if (!source.table) {
    for (const auto& [name, type] : source.columns) names.push_back(name);
    return names;
  }
  for (const triples::ColumnDef& column : source.table->columns) {
    const bool generated = column.attr == triples::kGeneratedIdAttr;
    if (column.declared && column.visible && !generated) names.push_back(column.name);
  }
  return names;
}

}  // namespace tremula::treeql
