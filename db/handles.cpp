#include "db/handles.h"

#include <mutex>
#include <utility>

#include "db/commit_pipeline.h"
#include "db/face_convert.h"
#include "db/query_pipeline.h"
#include "db/statements.h"
#include "db/subscriptions.h"

namespace tremula {

using Code = base::ErrorCode;
using Lock = std::lock_guard<std::recursive_mutex>;

// --- Subscription ---

Subscription::Subscription() = default;
Subscription::~Subscription() { end(); }
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  end();
  state_ = std::move(other.state_);
  return *this;
}
Subscription::Subscription(std::unique_ptr<State> state) : state_(std::move(state)) {}

bool Subscription::active() const { return state_ && state_->engine() != nullptr; }

std::string Subscription::json() const {
  if (!active()) return "[]";
  const Lock lock(state_->engine()->mutex);
  std::string text;
  state_->print(text);
  return text;
}

std::size_t Subscription::row_count() const {
  if (!active()) return 0;
  const Lock lock(state_->engine()->mutex);
  return state_->row_count();
}

std::string Subscription::explain(PlanFormat format) const {
  if (!active()) return {};
  const Lock lock(state_->engine()->mutex);
  return state_->explain(db::to_plan_format(format));
}

void Subscription::end() {
  if (!active()) {
    state_.reset();
    return;
  }
  db::Engine& engine = *state_->engine();
  const Lock lock(engine.mutex);
  engine.subscriptions.end(std::move(state_));
}

std::string Delta::patch() const {
  std::string text;
  db::print_patch(changes_, text);
  return text;
}

// --- Statement ---

Statement::State::~State() {
  if (engine == nullptr) return;
  const Lock lock(engine->mutex);
  engine->handles.remove(*this);
}

base::Result<void> Statement::State::rebind() {
  if (engine == nullptr) {
    return base::Error{Code::kUnsupported, "the statement's database has ended"};
  }
  const std::uint64_t standing = engine->store.catalog_version();
  if (catalog_version == standing) return {};
  plan.reset();
  TREMULA_TRY_ASSIGN(bound, db::parse_one(*engine, text));
  catalog_version = standing;
  if (const auto* query = std::get_if<treeql::Query>(&bound.body))
    plan = dataflow::OneShot::make(query->select, engine->store, engine->arrangements);
  return {};
}

Statement::Statement(std::unique_ptr<State> state) : state_(std::move(state)) {}
Statement::~Statement() = default;
Statement::Statement(Statement&&) noexcept = default;
Statement& Statement::operator=(Statement&&) noexcept = default;

namespace {

Error ended() { return db::face_error(Code::kUnsupported, "the statement's database has ended"); }

}  // namespace

Result<Written> Statement::execute(NamedValues parameters) {
  if (state_->engine == nullptr) return ended();
  db::Engine& engine = *state_->engine;
  const Lock lock(engine.mutex);
  if (engine.in_transaction) {
    return db::face_error(Code::kUnsupported,
                          "a transaction is open on this thread; give the statement to it");
  }
  const auto write = [&]() -> base::Result<Written> {
    TREMULA_TRY(db::begin_call(engine));
    TREMULA_TRY(state_->rebind());
    if (!db::is_write(state_->bound)) {
      return base::Error{Code::kUnsupported, "expected a writing statement; ask query() for rows",
                         state_->bound.span};
    }
    base::Arena arena;
    TREMULA_TRY_ASSIGN(const db::Arguments arguments, db::bind(state_->bound, parameters, arena));
    return db::run_write_committed(engine, state_->bound, arguments, {});
  };
  auto written = db::repeat_outdated(engine, write(), write);
  if (!written.ok()) return db::to_face(written.error(), state_->text);
  const auto delivered = db::deliver(engine);
  if (!delivered.ok()) return db::to_face(delivered.error(), state_->text);
  return std::move(written).value();
}

Result<Rows> Statement::query(NamedValues parameters) {
  if (state_->engine == nullptr) return ended();
  const Lock lock(state_->engine->mutex);
  if (const auto begun = db::begin_call(*state_->engine); !begun.ok()) {
    return db::to_face(begun.error(), {});
  }
  auto bound = state_->rebind();
  if (!bound.ok()) return db::to_face(bound.error(), state_->text);
  auto rows = db::collect_rows(*state_, parameters);
  if (!rows.ok()) return db::to_face(rows.error(), state_->text);
  return std::move(rows).value();
}

Result<void> Statement::for_each(NamedValues parameters,
                                 const std::function<bool(std::string_view)>& row) {
  if (state_->engine == nullptr) return ended();
  const Lock lock(state_->engine->mutex);
  const auto visit = [&]() -> base::Result<void> {
    TREMULA_TRY(db::begin_call(*state_->engine));
    TREMULA_TRY(state_->rebind());
    const treeql::Statement& statement = state_->bound;
    const auto* query = std::get_if<treeql::Query>(&statement.body);
    if (query == nullptr) {
      return base::Error{Code::kReadOnly, "expected a SELECT, found another statement",
                         statement.span};
    }
    base::Arena arena;
    TREMULA_TRY_ASSIGN(const db::Arguments arguments, db::bind(statement, parameters, arena));
    if (const auto plan = state_->plan)
      return db::for_each_row(*state_->engine, *plan, statement, arguments, row);
    return db::for_each_row(*state_->engine, query->select, statement, arguments, row);
  };
  auto done = visit();
  if (!done.ok()) return db::to_face(done.error(), state_->text);
  return {};
}

// --- Rows ---

std::string_view Rows::json(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : data_.ends[index - 1];
  return std::string_view(data_.text).substr(begin, data_.ends[index] - begin);
}

std::string Rows::json() const {
  std::string text = "[";
  for (std::size_t i = 0; i < size(); ++i) {
    if (i > 0) text += ',';
    text += json(i);
  }
  text += ']';
  return text;
}

Value Rows::value(std::size_t index, std::string_view column) const {
  for (auto& [name, value] : cells(index)) {
    if (name == column) return std::move(value);
  }
  return {};
}

}  // namespace tremula
