#include "db/query_pipeline.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>
#include <utility>

#include "core/triples/value_ops.h"

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Span;
using triples::Kind;
using triples::Value;

Result<Value> to_engine(ValueView view, base::Arena& arena) {
  switch (view.kind()) {
    case ValueKind::kNull: return Value::null();
    case ValueKind::kBool: return Value::boolean_of(view.as_bool());
    case ValueKind::kInt: return Value::int_of(view.as_int());
    case ValueKind::kReal: return Value::real(view.as_real());
    case ValueKind::kBytes: return Value::bytes_of(view.as_text());
    case ValueKind::kText: {
      const std::size_t invalid = triples::find_invalid_utf8(view.as_text());
      if (invalid == std::string_view::npos) return Value::text_of(view.as_text());
      return Error{ErrorCode::kInvalidUtf8, "text is not UTF-8 at byte " + std::to_string(invalid)};
    }
    case ValueKind::kJson: {
      Value parsed;
      if (triples::find_invalid_utf8(view.as_text()) == std::string_view::npos &&
          triples::parse_json(view.as_text(), arena, parsed)) {
        return parsed;
      }
      return Error{ErrorCode::kTypeMismatch, "text is not JSON"};
    }
  }
  return Value::null();
}

Result<Arguments> bind(const treeql::Statement& statement, NamedValues values, base::Arena& arena) {
  Arguments arguments;
  arguments.reserve(statement.parameters.size());
  for (const treeql::Parameter& parameter : statement.parameters) {
    const NamedValue* given = nullptr;
    for (const NamedValue& value : values) {
      if (value.name == parameter.name) given = &value;
    }
    if (given == nullptr) {
      return Error{ErrorCode::kUnboundParameter, "no value was given for $" + parameter.name,
                   parameter.span};
    }
    Result<Value> value = to_engine(given->value, arena);
    if (!value.ok()) {
      return Error{value.error().code, "$" + parameter.name + ": " + value.error().message,
                   parameter.span};
    }
    arguments.push_back(value.value());
  }
  return arguments;
}

Result<treeql::Statement> parse_one(const Engine& engine, std::string_view text) {
  TREMULA_TRY_ASSIGN(auto script, treeql::Script::open(std::string(text)));
  TREMULA_TRY_ASSIGN(auto first, script.next(engine.store.catalog()));
  if (!first) return Error{ErrorCode::kSyntax, "expected a statement, found nothing"};
  auto second = script.next(engine.store.catalog());
  if (second.ok() && !second.value()) return std::move(*first);
  const Span span = second.ok() ? second.value()->span : second.error().span;
  return Error{ErrorCode::kSyntax, "expected one statement, found another behind it", span};
}

Error place_error(Error error, const treeql::Statement& statement, const Arguments& arguments) {
  if (error.span.end != 0) return error;
  error.span = statement.span;
  if (error.code != ErrorCode::kLimitRange) return error;
  for (std::size_t i = 0; i < statement.parameters.size(); ++i) {
    const Span limit = statement.parameters[i].limit_span;
    const bool is_count = arguments[i].kind == Kind::kInt && arguments[i].integer >= 0;
    if (limit.end != 0 && !is_count) error.span = limit;
  }
  return error;
}

namespace {

// The engine is built without exceptions: one must not pass through it. It waits here until the
// engine returned.
class Passage {
 public:
  template <typename Call>
  bool operator()(Call&& call) {
    try {
      return call();
    } catch (...) {
      thrown_ = std::current_exception();
      return false;
    }
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::exception_ptr thrown_;
};

}  // namespace

Result<void> check_files(const Engine& engine) {
  const Error& unread = engine.store.file_error();
  if (unread.code != ErrorCode::kOk) return unread;
  if (engine.sharing && engine.sharing->failure().code != ErrorCode::kOk) {
    return engine.sharing->failure();
  }
  return {};
}

Result<void> check_interrupt(const Engine& engine) {
  if (!engine.is_interrupted()) return {};
  return Error{ErrorCode::kInterrupted, "the statement was ended before it was done"};
}

Result<void> rehearse(Engine& engine, const dataflow::Select& select,
                      const treeql::Statement& statement, const Arguments& arguments) {
  constexpr std::string_view kScan = "access: scan";
  const std::string plan = dataflow::explain(select, engine.store);
  const std::size_t first = plan.find(kScan);
  const bool is_nested = first != plan.npos && plan.find(kScan, first + 1) != plan.npos;
  if (!is_nested || engine.interrupt == nullptr) return {};
  dataflow::Graph graph(engine.store, engine.arrangements, dataflow::Graph::Life::kOnce);
  graph.interrupt_by(engine.interrupt);
  const auto view = graph.open(select, arguments);
  if (!view.ok()) return place_error(view.error(), statement, arguments);
  return check_interrupt(engine);
}

Result<void> for_each_row(Engine& engine, dataflow::OneShot& plan,
                          const treeql::Statement& statement, const Arguments& arguments,
                          const JsonVisitor& row, const RowCount& count) {
  const Reading reading(engine);
  Passage passage;
  auto done = plan.for_each_json(
      arguments,
      [&](std::string_view text) {
        return !engine.is_interrupted() && passage([&] { return row(text); });
      },
      reading.rest(), count);
  passage.rethrow();
  if (!done.ok()) return place_error(done.error(), statement, arguments);
  TREMULA_TRY(check_interrupt(engine));
  return check_files(engine);
}

Result<void> for_each_row(Engine& engine, const dataflow::Select& select,
                          const treeql::Statement& statement, const Arguments& arguments,
                          const JsonVisitor& row, const RowCount& count) {
  if (const auto plan = dataflow::OneShot::make(select, engine.store, engine.arrangements))
    return for_each_row(engine, *plan, statement, arguments, row, count);
  const Reading reading(engine);
  dataflow::Graph graph(engine.store, engine.arrangements, dataflow::Graph::Life::kOnce);
  graph.interrupt_by(engine.interrupt);
  auto view = graph.open(select, arguments);
  if (!view.ok()) return place_error(view.error(), statement, arguments);
  TREMULA_TRY(check_interrupt(engine));
  engine.statement_bytes_max = std::max(engine.statement_bytes_max, graph.stats().bytes);
  if (count) count(view.value().row_count());
  Passage passage;
  view.value().for_each_json([&](std::string_view text) {
    return !engine.is_interrupted() && passage([&] { return row(text); });
  });
  passage.rethrow();
  TREMULA_TRY(check_interrupt(engine));
  return check_files(engine);
}

Result<void> for_each_value(Engine& engine, const dataflow::Select& select,
                            const treeql::Statement& statement, const Arguments& arguments,
                            const dataflow::Graph::RowVisitor& row) {
  if (const auto plan = dataflow::OneShot::make(select, engine.store, engine.arrangements)) {
    auto done = plan->for_each_value(arguments, row);
    if (!done.ok()) return place_error(done.error(), statement, arguments);
    return check_interrupt(engine);
  }
  dataflow::Graph graph(engine.store, engine.arrangements, dataflow::Graph::Life::kOnce);
  graph.interrupt_by(engine.interrupt);
  auto done = graph.run(select, arguments, row);
  if (!done.ok()) return place_error(done.error(), statement, arguments);
  TREMULA_TRY(check_interrupt(engine));
  return check_files(engine);
}

}  // namespace tremula::db
