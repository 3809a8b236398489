// Statements: what the language hands to the database, bound to the catalog: numbers for names,
// checked types.
//
//   text -Script-> ParsedStatement (AST) -bind(Catalog)-> Statement -> db executes
//
// Expressions of writes travel in Selects, so that the engine evaluates everything the same way:
//   INSERT  one FROM-less Select per row; the shape's properties are the values, parallel to
//           `columns`
//   UPDATE  a Select over the table (its only source) with the WHERE; the shape's properties are
//           the right sides, parallel to `columns`
//   DELETE  a Select over the table with the WHERE and an empty shape
// Thread: values; a bound statement may be run many times while the catalog it was bound to stands.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/dataflow/plan.h"
#include "core/triples/catalog.h"

namespace tremula::treeql {

// A column that a write sets.
struct WriteColumn {
  // kRowAttr: undeclared and not known yet, the database makes a number for `name`.
  triples::AttrId attr{};
  std::string name;
  base::Span value_span;  // of the expression, for errors that only running can tell
};

// A row that INSERT or UPSERT gives. Its whole key is there, unless the key is generated. No column
// is named twice.
struct InsertRow {
  std::vector<WriteColumn> columns;
  dataflow::Select values;
  base::Span span;
};

struct DeclareTable {
  triples::TableDef table;  // as written; attr numbers set, names unchecked against the catalog
  base::Span name_span;
  std::vector<base::Span> column_spans;  // parallel to table.columns
};
struct DropTable {
  triples::TypeId table{};
  std::string name;
};
struct Insert {
  triples::TypeId table{};
  bool upsert = false;
  std::vector<InsertRow> rows;
};
struct Update {
  triples::TypeId table{};
  std::vector<WriteColumn> columns;
  dataflow::Select rows;
};
struct Delete {
  triples::TypeId table{};
  dataflow::Select rows;
};
struct Query {
  dataflow::Select select;
  std::vector<std::string> column_names;
};
struct Subscribe {
  std::string name;
  base::Span name_span;
  dataflow::Select select;
  std::string query_text;  // the SELECT as written
};
struct Unsubscribe {
  std::string name;
  base::Span name_span;
};
enum class Transaction : unsigned char { kBegin, kCommit, kRollback };
struct Explain {
  dataflow::Select select;
};
struct ExplainLive {
  std::string name;
  base::Span name_span;
};
enum class Show : unsigned char { kTables, kSubscriptions, kStats };
struct Import {
  triples::TypeId table{};
  std::string file;
  base::Span file_span;
  bool replace = false;
  base::Span span;  // of the table's name
};
struct Export {
  dataflow::Select select;
  std::vector<std::string> column_names;
  std::string file;
  base::Span file_span;
};
enum class Maintenance : unsigned char { kFlush, kSync };

using StatementVariant =
    std::variant<DeclareTable, DropTable, Insert, Update, Delete, Query, Subscribe, Unsubscribe,
                 Transaction, Explain, ExplainLive, Show, Import, Export, Maintenance>;

struct Parameter {
  std::string name;            // without the $
  base::Span span;             // of its first use, for unbound_parameter
  base::Span limit_span = {};  // of its first use as LIMIT or OFFSET; empty: there is none
};

struct Statement {
  StatementVariant body;
  std::vector<Parameter> parameters;  // Expr::parameter counts through these
  base::Span span;                    // of the statement's first token, for errors of the whole
};

// An error as it stands on standard error: "error: CODE at LINE:COLUMN: MESSAGE", the source line
// indented by two, and a caret; the first line alone (without the place) if the error has none. No
// newline at the end. `source` is the whole script that the span counts in.
std::string format_error(const base::Error& error, std::string_view source);

// Line and column from 1, the column in code points, of a byte offset in `source`.
struct Place {
  unsigned line = 1;
  unsigned column = 1;
};
Place place_of(unsigned offset, std::string_view source);

// The statements of a script, one after the other, so that those before a syntax error can run.
// Spans count in the whole script.
class Script {
 public:
  // Errors: invalid_utf8 (with the byte offset in its message).
  static base::Result<Script> open(std::string text);
  ~Script();
  Script(Script&&) noexcept;
  Script& operator=(Script&&) noexcept;

  std::string_view text() const;
  // Parses the next statement and binds it to `catalog`. Returns: nothing at the end of the script.
  // Errors: syntax, unknown_table, ...; the script stands behind the statement's `;` then (behind
  //         everything after a syntax error that leaves no way to tell where the statement ends).
  base::Result<std::optional<Statement>> next(const triples::Catalog& catalog);
  // The statement that next() gave last, bound to another catalog.  Requires: next() was called.
  base::Result<std::optional<Statement>> again(const triples::Catalog& catalog);

 private:
  struct Impl;
  explicit Script(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether `text` ends in the middle of a statement, so that a shell must ask for another line.
bool is_incomplete(std::string_view text);

}  // namespace tremula::treeql
