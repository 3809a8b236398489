#include "lang/treeql/binder.h"

#include "lang/treeql/diagnostic.h"

namespace tremula::treeql {

using base::ErrorCode;
using base::Result;
using triples::TableDef;

// Picks the function that binds a kind of statement.
struct Binder::BindBody {
  Binder& binder;

  Result<StatementVariant> operator()(const ast::DeclareTable& declaration) const {
    TREMULA_TRY_ASSIGN(DeclareTable declared, bind_declaration(declaration));
    return StatementVariant(std::move(declared));
  }
  Result<StatementVariant> operator()(const ast::DropTable& drop) const {
    return binder.bind_drop(drop);
  }
  Result<StatementVariant> operator()(const ast::Insert& insert) const {
    return binder.bind_insert(insert);
  }
  Result<StatementVariant> operator()(const ast::Update& update) const {
    return binder.bind_update(update);
  }
  Result<StatementVariant> operator()(const ast::Delete& statement) const {
    return binder.bind_delete(statement);
  }
  Result<StatementVariant> operator()(const ast::Query& query) const {
    return binder.bind_query(*query.select, nullptr);
  }
  Result<StatementVariant> operator()(const ast::Export& target) const {
    return binder.bind_query(*target.select, &target);
  }
  Result<StatementVariant> operator()(const ast::Subscribe& subscribe) const {
    return binder.bind_subscribe(subscribe);
  }
  Result<StatementVariant> operator()(const ast::Unsubscribe& unsubscribe) const {
    return StatementVariant(Unsubscribe{unsubscribe.name.text, unsubscribe.name.span});
  }
  Result<StatementVariant> operator()(const ast::Explain& explain) const {
    Explain bound;
    TREMULA_TRY(binder.bind_select(*explain.select, Use::kRows, bound.select));
    return StatementVariant(std::move(bound));
  }
  Result<StatementVariant> operator()(const ast::ExplainLive& explain) const {
    return StatementVariant(ExplainLive{explain.name.text, explain.name.span});
  }
  Result<StatementVariant> operator()(const ast::Import& import) const {
    return binder.bind_import(import);
  }
  Result<StatementVariant> operator()(Transaction transaction) const {
    return StatementVariant(transaction);
  }
  Result<StatementVariant> operator()(Show show) const { return StatementVariant(show); }
  Result<StatementVariant> operator()(Maintenance maintenance) const {
    return StatementVariant(maintenance);
  }
};

Result<Statement> Binder::bind(const ast::Statement& statement) {
  Statement bound;
  TREMULA_TRY_ASSIGN(bound.body, std::visit(BindBody{*this}, statement.body));
  bound.parameters = std::move(parameters_);
  bound.span = statement.span;
  return bound;
}

Result<const TableDef*> Binder::find_table(const ast::Name& name) const {
  if (const TableDef* table = catalog_.find(name.text)) return table;
  std::vector<std::string_view> candidates;
  for (const auto& [type, table] : catalog_.tables()) {
    if (!table.dropped) candidates.push_back(table.name);
  }
  return error(ErrorCode::kUnknownTable, name.span,
               "no table " + quoted(name.text) + suggestion(name.text, candidates));
}

Result<const TableDef*> Binder::find_writable(const ast::Name& name) const {
  TREMULA_TRY_ASSIGN(const TableDef* table, find_table(name));
  if (!table->read_only) return table;
  return error(ErrorCode::kReadOnly, name.span,
               quoted(name.text) + " is kept by the database itself: declare tables with TABLE");
}

Result<StatementVariant> Binder::bind_query(const ast::Select& select, const ast::Export* target) {
  Query query;
  TREMULA_TRY(bind_select(select, Use::kRows, query.select, &query.column_names));
  if (!target) return StatementVariant(std::move(query));
  return StatementVariant(Export{std::move(query.select), std::move(query.column_names),
                                 target->file, target->file_span});
}

Result<StatementVariant> Binder::bind_import(const ast::Import& import) {
  TREMULA_TRY_ASSIGN(const TableDef* table, find_writable(import.table));
  return StatementVariant(
      Import{table->type, import.file, import.file_span, import.replace, import.table.span});
}

Result<StatementVariant> Binder::bind_drop(const ast::DropTable& drop) {
  TREMULA_TRY_ASSIGN(const TableDef* table, find_writable(drop.name));
  return StatementVariant(DropTable{table->type, table->name});
}

Result<StatementVariant> Binder::bind_subscribe(const ast::Subscribe& subscribe) {
  Subscribe bound;
  bound.name = subscribe.name.text;
  bound.name_span = subscribe.name.span;
  const base::Span span = subscribe.select->span;
  bound.query_text = source_.substr(span.begin, span.end - span.begin);
  TREMULA_TRY(bind_select(*subscribe.select, Use::kRows, bound.select));
  return StatementVariant(std::move(bound));
}

}  // namespace tremula::treeql
