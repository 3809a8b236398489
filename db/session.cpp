#include "db/session.h"

#include <algorithm>
#include <utility>

#include "core/triples/value_ops.h"
#include "db/commit_pipeline.h"
#include "db/csv_export.h"
#include "db/face_convert.h"
#include "db/json_text.h"
#include "db/query_pipeline.h"

namespace tremula {

using Code = base::ErrorCode;
using base::Span;
using Done = base::Result<void>;

namespace {

base::Error refused(std::string_view what, std::string_view where, Span span) {
  return {Code::kUnsupported, std::string(what) + " is not possible " + std::string(where), span};
}

// What may not stand inside BEGIN; empty: it may.
std::string_view name_outside_begin(const treeql::Statement& statement) {
  const treeql::StatementVariant& body = statement.body;
  if (std::holds_alternative<treeql::Subscribe>(body)) return "SUBSCRIBE";
  if (std::holds_alternative<treeql::Unsubscribe>(body)) return "UNSUBSCRIBE";
  if (std::holds_alternative<treeql::Export>(body)) return "EXPORT";
  if (const auto* maintenance = std::get_if<treeql::Maintenance>(&body)) {
    return *maintenance == treeql::Maintenance::kFlush ? "FLUSH" : "SYNC";
  }
  const auto* control = std::get_if<treeql::Transaction>(&body);
  return control != nullptr && *control == treeql::Transaction::kBegin ? "BEGIN" : "";
}

// While it lives the statement in hand may be ended halfway.
class Interruptible {
 public:
  Interruptible(db::Engine& engine, const std::atomic<bool>& flag)
      : engine_(engine), before_(std::exchange(engine.interrupt, &flag)) {}
  ~Interruptible() { engine_.interrupt = before_; }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  db::Engine& engine_;
  const std::atomic<bool>* before_;
};

}  // namespace

Session::State::~State() {
  const std::lock_guard lock(engine_.mutex);
  if (begun_) {
    db::roll_back(engine_);
    end_begun();
  }
  for (Named& named : named_) engine_.subscriptions.end(std::move(named.listening));
}

Result<RunResult> Session::State::run(std::string_view script, NamedValues parameters) {
  auto opened = treeql::Script::open(std::string(script));
  if (!opened.ok()) return db::to_face(opened.error(), script);
  treeql::Script statements = std::move(opened).value();
  RunResult result;
  statement_ = 0;
  interrupted_ = false;
  while (true) {
    const std::lock_guard lock(engine_.mutex);
    if (engine_.in_transaction && !begun_) {
      return db::face_error(Code::kUnsupported,
                            "a script can't run inside a transaction of its own thread");
    }
    if (const auto begun = db::begin_call(engine_); !begun.ok()) {
      return db::to_face(begun.error(), {});
    }
    ++statement_;
    auto next = statements.next(engine_.store.catalog());
    if (next.ok() && !next.value()) return result;
    const auto carry_out = [&]() -> Done {
      if (!next.ok()) return next.error();
      return execute(*next.value(), parameters);
    };
    Done done = carry_out();
    if (!begun_ && next.ok() && db::is_write(*next.value())) {
      done = db::repeat_outdated(engine_, std::move(done), [&] {
        next = statements.again(engine_.store.catalog());
        return carry_out();
      });
    }
    if (done.ok()) continue;
    Error error = db::to_face(done.error(), statements.text());
    if (!begun_) return error;
    sink_({.kind = OutputKind::kError,
           .text = error.text,
           .statement = statement_,
           .subscription = {},
           .columns = {},
           .error = &error});
    result.errors.push_back(std::move(error));
  }
}

void Session::State::emit(OutputKind kind, std::string_view text, std::string_view subscription) {
  sink_({.kind = kind,
         .text = text,
         .statement = statement_,
         .subscription = subscription,
         .columns = {},
         .error = nullptr});
}

Done Session::State::execute(const treeql::Statement& statement, NamedValues parameters) {
  const std::string_view outside = name_outside_begin(statement);
  if (begun_ && !outside.empty()) return refused(outside, "inside BEGIN", statement.span);
  base::Arena arena;
  TREMULA_TRY_ASSIGN(const db::Arguments arguments, db::bind(statement, parameters, arena));
  return run_body(statement, arguments);
}

Done Session::State::run_body(const treeql::Statement& statement, const db::Arguments& arguments) {
  if (db::is_write(statement)) return write(statement, arguments);
  const treeql::StatementVariant& body = statement.body;
  if (const auto* control_word = std::get_if<treeql::Transaction>(&body)) {
    return control(*control_word, statement);
  }
  if (const auto* query = std::get_if<treeql::Query>(&body)) {
    return select(*query, statement, arguments);
  }
  if (const auto* made = std::get_if<treeql::Subscribe>(&body)) {
    return subscribe(*made, statement, arguments);
  }
  if (const auto* ended = std::get_if<treeql::Unsubscribe>(&body)) return unsubscribe(*ended);
  if (const auto* explained = std::get_if<treeql::Explain>(&body)) {
    const std::string plan = dataflow::explain(explained->select, engine_.store);
    db::for_each_line(plan, [this](std::string_view line) { emit(OutputKind::kExplain, line); });
    return {};
  }
  if (const auto* live = std::get_if<treeql::ExplainLive>(&body)) return explain_live(*live);
  if (const auto* shown = std::get_if<treeql::Show>(&body)) return show(*shown);
  if (const auto* exported = std::get_if<treeql::Export>(&body)) {
    return export_rows(*exported, statement, arguments);
  }
  return maintain(std::get<treeql::Maintenance>(body));
}

Done Session::State::write(const treeql::Statement& statement, const db::Arguments& arguments) {
  if (begun_) {
    const Interruptible scope(engine_, interrupted_);
    TREMULA_TRY_ASSIGN(const Written written,
                       db::run_write_inside(engine_, statement, arguments, progress_));
    emit(OutputKind::kWrite, written.line);
    return {};
  }
  const auto run = [&] {
    const Interruptible scope(engine_, interrupted_);
    return db::run_write_committed(engine_, statement, arguments, progress_);
  };
  TREMULA_TRY_ASSIGN(const Written written, run());
  try {
    emit(OutputKind::kWrite, written.line);
  } catch (...) {
    (void)db::deliver(engine_);  // the commit happened, whatever became of its line
    throw;
  }
  return db::deliver(engine_);
}

Done Session::State::control(treeql::Transaction what, const treeql::Statement& statement) {
  switch (what) {
    case treeql::Transaction::kBegin:
      begun_lock_ = std::unique_lock(engine_.mutex);
      begun_ = true;
      engine_.in_transaction = true;
      return {};
    case treeql::Transaction::kCommit:
      if (!begun_) return refused("COMMIT", "outside BEGIN", statement.span);
      return commit_begun();
    case treeql::Transaction::kRollback:
      if (!begun_) return refused("ROLLBACK", "outside BEGIN", statement.span);
      db::roll_back(engine_);
      end_begun();
      return {};
  }
  return {};
}

Done Session::State::commit_begun() {
  const auto committed = db::commit(engine_);
  end_begun();
  if (!committed.ok()) return committed.error();
  return db::deliver(engine_);
}

void Session::State::end_begun() {
  begun_ = false;
  engine_.in_transaction = false;
  begun_lock_.unlock();
}

Done Session::State::select(const treeql::Query& query, const treeql::Statement& statement,
                            const db::Arguments& arguments) {
  bool begun = false;
  const auto begin = [&] {
    if (std::exchange(begun, true)) return;
    sink_({.kind = OutputKind::kColumns,
           .text = {},
           .statement = statement_,
           .subscription = {},
           .columns = query.column_names,
           .error = nullptr});
  };
  const Interruptible scope(engine_, interrupted_);
  TREMULA_TRY(
      db::for_each_row(engine_, query.select, statement, arguments, [&](std::string_view row) {
        begin();
        emit(OutputKind::kRow, row);
        return true;
      }));
  begin();
  return {};
}

const Session::State::Named* Session::State::find(std::string_view name) const {
  const auto found = std::find_if(named_.begin(), named_.end(),
                                  [name](const Named& named) { return named.name == name; });
  return found == named_.end() ? nullptr : &*found;
}

Done Session::State::subscribe(const treeql::Subscribe& subscribe,
                               const treeql::Statement& statement, const db::Arguments& arguments) {
  if (find(subscribe.name) != nullptr) {
    return base::Error{Code::kDuplicateSubscription,
                       "a subscription is named '" + subscribe.name + "' already",
                       subscribe.name_span};
  }
  const Interruptible scope(engine_, interrupted_);
  // It costs a query of several scans its first result twice: for people at a terminal alone.
  const db::Reading reading(engine_);  // so that what the first result loaded goes again
  if (progress_) TREMULA_TRY(db::rehearse(engine_, subscribe.select, statement, arguments));
  auto opened = engine_.graph.open(subscribe.select, arguments);
  if (!opened.ok()) {
    return db::place_error(opened.error(), statement, arguments);
  }
  TREMULA_TRY(db::check_files(engine_));
  TREMULA_TRY(db::check_interrupt(engine_));
  std::string snapshot = R"({"subscription":)";
  triples::print_json_string(subscribe.name, snapshot);
  const std::string head = snapshot;
  snapshot += R"(,"snapshot":)";
  opened.value().print(snapshot);
  snapshot += '}';
  const auto listener = [this, head, name = subscribe.name](const Delta& delta) {
    std::string line = head + R"(,"commit":)" + std::to_string(delta.version()) + R"(,"patch":)";
    db::print_patch(delta.changes(), line);
    line += '}';
    emit(OutputKind::kPatch, line, name);
  };
  named_.push_back({subscribe.name, subscribe.query_text,
                    std::make_unique<db::Listening>(engine_, std::move(opened).value(), listener,
                                                    DeltaDetail::kPatch)});
  emit(OutputKind::kSnapshot, snapshot, subscribe.name);
  return {};
}

Done Session::State::unsubscribe(const treeql::Unsubscribe& unsubscribe) {
  const Named* named = find(unsubscribe.name);
  if (named == nullptr) {
    return base::Error{Code::kUnknownSubscription,
                       "no subscription is named '" + unsubscribe.name + "'",
                       unsubscribe.name_span};
  }
  const auto at = named_.begin() + (named - named_.data());
  engine_.subscriptions.end(std::move(at->listening));
  named_.erase(at);
  return {};
}

Done Session::State::explain_live(const treeql::ExplainLive& explain) {
  const Named* named = find(explain.name);
  if (named == nullptr) {
    return base::Error{Code::kUnknownSubscription,
                       "no subscription is named '" + explain.name + "'", explain.name_span};
  }
  const std::string plan = named->listening->explain();
  db::for_each_line(plan, [this](std::string_view line) { emit(OutputKind::kExplain, line); });
  return {};
}

Done Session::State::show(treeql::Show what) {
  const auto line = [this](std::string_view text) { emit(OutputKind::kShow, text); };
  if (what == treeql::Show::kTables) db::show_tables(engine_, line);
  if (what == treeql::Show::kStats) db::show_stats(engine_, line);
  if (what != treeql::Show::kSubscriptions) return {};
  for (const Named& named : named_) {
    std::string text = "{";
    db::begin_member(text, "subscription");
    triples::print_json_string(named.name, text);
    db::begin_member(text, "query");
    triples::print_json_string(named.query, text);
    text += '}';
    line(text);
  }
  return {};
}

Done Session::State::export_rows(const treeql::Export& to, const treeql::Statement& statement,
                                 const db::Arguments& arguments) {
  const Interruptible scope(engine_, interrupted_);
  TREMULA_TRY_ASSIGN(const std::size_t rows,
                     db::export_csv(engine_, to, statement, arguments, progress_));
  emit(OutputKind::kWrite, R"({"exported":)" + std::to_string(rows) + "}");
  return {};
}

// In memory every commit is as durable and as ordered as it will ever be.
Done Session::State::maintain(treeql::Maintenance what) {
  const bool flushes = what == treeql::Maintenance::kFlush;
  if (engine_.storage) {
    if (!flushes || engine_.sharing) {
      TREMULA_TRY(engine_.storage->sync(engine_.commits));
      TREMULA_TRY(db::begin_call(engine_));
    }
    if (flushes) TREMULA_TRY(engine_.storage->wait_durable(engine_.commits));
  }
  const std::string_view name = flushes ? "durable" : "synced";
  emit(OutputKind::kWrite,
       "{\"" + std::string(name) + "\":" + std::to_string(engine_.commits) + "}");
  return {};
}

Result<const db::Listening*> Session::State::listening_of(std::string_view subscription) const {
  if (const Named* named = find(subscription)) return named->listening.get();
  return db::face_error(Code::kUnknownSubscription,
                        "no subscription is named '" + std::string(subscription) + "'");
}

Result<std::string> Session::State::result_of(std::string_view subscription,
                                              std::size_t rows_max) const {
  const std::lock_guard lock(engine_.mutex);
  const auto listening = listening_of(subscription);
  if (!listening) return listening.error();
  std::string text = "[";
  const auto add = [&text](std::string_view row) {
    if (text.size() > 1) text += ',';
    text += row;
    return true;
  };
  listening.value()->for_each_json(add, rows_max);
  return text += ']';
}

Result<std::size_t> Session::State::row_count_of(std::string_view subscription) const {
  const std::lock_guard lock(engine_.mutex);
  const auto listening = listening_of(subscription);
  if (!listening) return listening.error();
  return listening.value()->row_count();
}

std::vector<std::string> Session::State::subscriptions() const {
  std::vector<std::string> names;
  for (const Named& named : named_) names.push_back(named.name);
  return names;
}

}  // namespace tremula
