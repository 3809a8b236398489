// The way of a query: from text to rows.
//
//   text -Script-> Statement (bound) -parameters by position-> Graph::open -> View -> JSON rows
//
// Thread: the holder of the engine's mutex.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/dataflow/one_shot.h"
#include "db/engine.h"
#include "lang/treeql/statement.h"
#include "tremula/value.h"

namespace tremula::db {

// The values of a statement's parameters, by position; their bytes live in an arena.
using Arguments = std::vector<triples::Value>;

// A value of the face as the engine takes it.  Borrowed: the view's bytes, or the arena's.
// Errors: invalid_utf8, type_mismatch (text that isn't JSON), both with the span {0, 0}.
base::Result<triples::Value> to_engine(ValueView view, base::Arena& arena);

// Errors: unbound_parameter, and those of to_engine(), with the span of the parameter's first use.
base::Result<Arguments> bind(const treeql::Statement& statement, NamedValues values,
                             base::Arena& arena);

// The one statement of a text.  Errors: syntax if there is none, or more.
base::Result<treeql::Statement> parse_one(const Engine& engine, std::string_view text);

// What `error` means for who reads the source: an error of the engine has no place, this finds one.
base::Error place_error(base::Error error, const treeql::Statement& statement,
                        const Arguments& arguments);

// Errors: io, corrupt, if something that was asked for could not be read: no answer is to be
// believed then.
base::Result<void> check_files(const Engine& engine);

// Errors: interrupted, if the statement in hand was (Engine::interrupt).
base::Result<void> check_interrupt(const Engine& engine);

// Where the first result of a live query may take for ever, as it goes through tables inside one
// another: finds it in a graph that is thrown away, where it can be ended. A live graph must finish
// what it has begun, for others may share its parts.
// Errors: interrupted, and those of Graph::open.
base::Result<void> rehearse(Engine& engine, const dataflow::Select& select,
                            const treeql::Statement& statement, const Arguments& arguments);

// Calls `row` with the JSON text of each row of a select, as the transaction in hand sees it,
// until it returns false.
// Throws: what `row` throws.
using JsonVisitor = std::function<bool(std::string_view)>;
using RowCount = std::function<void(std::size_t)>;  // told before the first row, if there is one
base::Result<void> for_each_row(Engine& engine, const dataflow::Select& select,
                                const treeql::Statement& statement, const Arguments& arguments,
                                const JsonVisitor& row, const RowCount& count = {});
// The same by a plan that is kept between runs.
base::Result<void> for_each_row(Engine& engine, dataflow::OneShot& plan,
                                const treeql::Statement& statement, const Arguments& arguments,
                                const JsonVisitor& row, const RowCount& count = {});

// Calls `row` with slot and values of each row (see Graph::run).
base::Result<void> for_each_value(Engine& engine, const dataflow::Select& select,
                                  const treeql::Statement& statement, const Arguments& arguments,
                                  const dataflow::Graph::RowVisitor& row);

}  // namespace tremula::db
