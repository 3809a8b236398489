// Binder: names become numbers, types are checked, and a statement becomes what the database
// executes.
//
//   ast::Statement + Catalog --Binder--> Statement
//
// A select is bound in the order FROM, WHERE, shape, GROUP BY, HAVING, ORDER BY, LIMIT, then
// rewritten to the scopes behind grouping and DISTINCT (rewrite.h). Recursion is bounded by the
// height of the AST.
// Thread: one statement, one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/triples/catalog.h"
#include "lang/treeql/ast.h"
#include "lang/treeql/plan_walk.h"
#include "lang/treeql/scope.h"
#include "lang/treeql/statement.h"

namespace tremula::treeql {

class Binder {
 public:
  // Borrowed: both must outlive the binder. `source` is what the AST's spans count in.
  Binder(const triples::Catalog& catalog, std::string_view source)
      : catalog_(catalog), source_(source) {}

  // Call once.  Errors: all that can be told before anything runs.
  base::Result<Statement> bind(const ast::Statement& statement);

 private:
  // What a select stands for, which bounds its shape.
  enum class Use { kRows, kArray, kSingle, kScalar, kIn, kExists, kDerived };

  // Makes `scope` the innermost as long as it lives.
  class Inside {
   public:
    Inside(Binder& binder, Scope& scope) : binder_(binder) {
      scope.around = binder.scope_;
      binder.scope_ = &scope;
    }
    ~Inside() { binder_.scope_ = binder_.scope_->around; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Binder& binder_;
  };

  // binder.cpp: statements
  struct BindBody;
  base::Result<const triples::TableDef*> find_table(const ast::Name& name) const;
  base::Result<const triples::TableDef*> find_writable(const ast::Name& name) const;
  base::Result<StatementVariant> bind_query(const ast::Select& select, const ast::Export* target);
  base::Result<StatementVariant> bind_import(const ast::Import& import);
  base::Result<StatementVariant> bind_drop(const ast::DropTable& drop);
  base::Result<StatementVariant> bind_subscribe(const ast::Subscribe& subscribe);

  // binder_write.cpp
  base::Result<StatementVariant> bind_insert(const ast::Insert& insert);
  base::Result<InsertRow> bind_insert_row(const triples::TableDef& table, const ast::InsertRow& row,
                                          bool upsert);
  base::Result<void> check_missing(const triples::TableDef& table, const InsertRow& row,
                                   bool upsert) const;
  base::Result<StatementVariant> bind_update(const ast::Update& update);
  base::Result<StatementVariant> bind_delete(const ast::Delete& statement);
  base::Result<void> bind_target(const triples::TableDef& table, const ast::ExprPtr& where,
                                 Scope& scope);
  base::Result<WriteColumn> bind_write_column(const triples::TableDef& table,
                                              const ast::Name& name) const;
  base::Result<dataflow::ExprPtr> bind_write_value(const triples::TableDef& table,
                                                   const WriteColumn& column,
                                                   const ast::Expr& value);
  base::Result<dataflow::ExprPtr> bind_json(const ast::Expr& value);

  // binder_select.cpp
  base::Result<void> bind_select(const ast::Select& ast, Use use, dataflow::Select& select,
                                 std::vector<std::string>* names = nullptr);
  base::Result<void> bind_from(const ast::Select& ast);
  base::Result<void> bind_source(const ast::FromItem& item, dataflow::Source& source,
                                 SourceScope& names);
  base::Result<void> check_use(const ast::Select& ast, Use use) const;
  base::Result<void> bind_shape(const ast::Select& ast, Use use);
  base::Result<void> bind_any_row(const ast::Property& star);
  base::Result<void> bind_properties(const std::vector<ast::Property>& properties, bool row_form,
                                     std::vector<dataflow::Property>& bound,
                                     std::vector<std::string>& names);
  base::Result<dataflow::Property> bind_property(const ast::Property& property, bool row_form);
  base::Result<void> bind_star(const ast::Property& star, std::vector<std::string>& taken,
                               std::vector<dataflow::Property>& bound,
                               std::vector<std::string>& names);
  std::string property_name(const ast::Property& property) const;
  base::Result<void> bind_groups(const ast::Select& ast);
  base::Result<void> bind_order(const ast::Select& ast);
  base::Result<dataflow::ExprPtr> bind_limit(const ast::ExprPtr& limit);
  void make_bare(const ast::Select& ast, Use use, dataflow::Select& select) const;

  // binder_expr.cpp
  base::Result<dataflow::ExprPtr> bind_expr(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_condition(const ast::Expr& ast, std::string_view clause);
  base::Result<dataflow::ExprPtr> bind_unary(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_binary(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_is(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_junction(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_between(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_in(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_like(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_case(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_cast(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_subselect(const ast::Expr& ast, Use use,
                                                 dataflow::ExprOp op);
  base::Result<void> check_comparable(const dataflow::Expr& a, const dataflow::Expr& b,
                                      base::Span span) const;
  base::Result<void> bind_arguments(const ast::Expr& ast, dataflow::Expr& expr);
  base::Result<dataflow::ExprPtr> copy(dataflow::ExprPtr& expr, base::Span span);
  dataflow::ExprPtr bind_parameter(const ast::Name& name);

  // binder_call.cpp
  base::Result<dataflow::ExprPtr> bind_call(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_function(const ast::Expr& ast,
                                                const triples::FunctionInfo& info);
  base::Result<dataflow::ExprPtr> bind_aggregate(const ast::Expr& ast,
                                                 dataflow::AggregateKind kind);
  base::Result<void> bind_aggregate_parts(const ast::Expr& ast, dataflow::Aggregate& aggregate);

  // binder_name.cpp
  base::Result<dataflow::ExprPtr> bind_column(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_qualified(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_bare(const ast::Expr& ast);
  base::Result<dataflow::ExprPtr> bind_output(Scope& scope, unsigned level, std::size_t output,
                                              base::Span span);
  Scope* find_alias(const ast::Name& alias, unsigned& level, std::uint32_t& source) const;
  base::Error unknown_alias(const ast::Name& alias) const;
  base::Error unknown_bare(const ast::Name& name) const;
  dataflow::ExprPtr make_column(Scope& scope, unsigned level, std::uint32_t source,
                                const FoundColumn& found, const ast::Name& name);

  const triples::Catalog& catalog_;
  std::string_view source_;
  Scope* scope_ = nullptr;
  std::vector<Parameter> parameters_;
  ColumnSpans column_spans_;
  std::size_t copied_nodes_ = 0;
};

// Whether this is a literal as written, its sign included (binder_select.cpp).
bool is_literal(const ast::Expr& expr);

// A number with its sign turned; false for what is none or overflows (binder_expr.cpp).
bool fold_negation(const triples::OwnedValue& literal, triples::OwnedValue& negated);

// Checks a declaration in itself and makes its definition (binder_schema.cpp).
base::Result<DeclareTable> bind_declaration(const ast::DeclareTable& declaration);

}  // namespace tremula::treeql
