#include "tremula/database.h"

#include <chrono>
#include <random>
#include <utility>

#include "db/commit_pipeline.h"
#include "db/face_convert.h"
#include "db/handles.h"
#include "db/open_on.h"
#include "db/query_pipeline.h"
#include "db/replicas.h"
#include "db/session.h"
#include "db/statements.h"
#include "persist/posix_file_system.h"
#include "persist/posix_wire.h"

namespace tremula {

using Code = base::ErrorCode;

namespace {

std::int64_t milliseconds_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

using Lock = std::lock_guard<std::recursive_mutex>;

// The select of a statement that must be one.
base::Result<const dataflow::Select*> select_of(const treeql::Statement& statement) {
  const auto* query = std::get_if<treeql::Query>(&statement.body);
  if (query != nullptr) return &query->select;
  return base::Error{Code::kReadOnly, "expected a SELECT, found another statement", statement.span};
}

}  // namespace

Database::Database(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Database::Database(Database&&) noexcept = default;

Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    Database ended(std::move(*this));
    core_ = std::move(other.core_);
  }
  return *this;
}

Database::~Database() {
  if (!core_) return;
  core_->subscriptions.end_all(core_->graph);
  core_->handles.end_all();
}

Database Database::in_memory() {
  return Database(
      std::make_unique<Core>(db::KeyGenerator(milliseconds_now, std::random_device{}())));
}

Result<Database> Database::open(const std::string& path, const Options& options) {
  // It stays where it is, wherever the program goes; what is wrong is told of the path as given.
  const std::string place = persist::absolute_path(path);
  auto opened = db::OpenOn::open(persist::make_posix_file_system(), persist::make_posix_wire(),
                                 place, options);
  if (opened.ok() || place == path) return opened;
  Error error = opened.error();
  for (std::string* told : {&error.message, &error.text}) {
    const std::size_t at = told->find(place);
    if (at != std::string::npos) told->replace(at, place.size(), path);
  }
  return error;
}

namespace db {

Result<Database> OpenOn::open(std::shared_ptr<base::FileSystem> files,
                              std::shared_ptr<persist::Wire> wire, const std::string& path,
                              const Options& options) {
  Database database = Database::in_memory();
  Engine& engine = *database.core_;
  const auto open = [&]() -> base::Result<void> {
    TREMULA_TRY_ASSIGN(engine.storage,
                       Storage::open(std::move(files), std::move(wire), path, options));
    TREMULA_TRY(engine.storage->load(engine.store));
    engine.commits = engine.storage->recovered_version();
    declare_indexes(engine);
    if (engine.storage->is_member()) return engine.storage->share(engine);
    return adopt_merged(engine, db::Adopt::kMerged);
  };
  const auto opened = open();
  if (!opened.ok()) return to_face(opened.error(), {});
  return database;
}

Database OpenOn::share(Membership& membership) {
  Database database = Database::in_memory();
  Engine& engine = *database.core_;
  engine.sharing = std::make_unique<Sharing>(membership, engine.store, 0, 0);
  return database;
}

}  // namespace db

Result<RunResult> Database::run(std::string_view script, NamedValues parameters) {
  std::vector<std::string> lines;
  auto result = run(script, parameters, [&lines](const Output& output) {
    if (output.kind != OutputKind::kColumns && output.kind != OutputKind::kError) {
      lines.emplace_back(output.text);
    }
  });
  if (!result.ok()) return result;
  RunResult collected = std::move(result).value();
  collected.lines = std::move(lines);
  return collected;
}

Result<RunResult> Database::run(std::string_view script, NamedValues parameters, OutputSink sink) {
  Session session(*this, std::move(sink));
  return session.run(script, parameters);
}

Result<Statement> Database::prepare(std::string_view statement) {
  const Lock lock(core_->mutex);
  if (const auto begun = db::begin_call(*core_); !begun.ok()) return db::to_face(begun.error(), {});
  auto state = std::make_unique<Statement::State>(*core_, std::string(statement));
  auto bound = state->rebind();
  if (!bound.ok()) return db::to_face(bound.error(), statement);
  return Statement(std::move(state));
}

Result<Rows> Database::query(std::string_view select, NamedValues parameters) {
  const Lock lock(core_->mutex);
  if (const auto begun = db::begin_call(*core_); !begun.ok()) return db::to_face(begun.error(), {});
  auto statement = db::parse_one(*core_, select);
  if (!statement.ok()) return db::to_face(statement.error(), select);
  auto rows = db::collect_rows(*core_, statement.value(), parameters);
  if (!rows.ok()) return db::to_face(rows.error(), select);
  return std::move(rows).value();
}

Result<std::string> Database::explain(std::string_view select, NamedValues, PlanFormat format) {
  const Lock lock(core_->mutex);
  if (const auto begun = db::begin_call(*core_); !begun.ok()) return db::to_face(begun.error(), {});
  auto statement = db::parse_one(*core_, select);
  if (!statement.ok()) return db::to_face(statement.error(), select);
  auto plan = select_of(statement.value());
  if (!plan.ok()) return db::to_face(plan.error(), select);
  return dataflow::explain(*plan.value(), core_->store, db::to_plan_format(format));
}

Result<Subscription> Database::subscribe(std::string_view select, NamedValues parameters,
                                         Listener listener, DeltaDetail detail) {
  const Lock lock(core_->mutex);
  if (const auto begun = db::begin_call(*core_); !begun.ok()) return db::to_face(begun.error(), {});
  if (core_->in_transaction) {
    return db::face_error(Code::kUnsupported, "subscribe() inside a transaction");
  }
  const db::Reading reading(*core_);  // so that what the first result loaded goes again
  const auto open = [&]() -> base::Result<dataflow::View> {
    TREMULA_TRY_ASSIGN(db::KnownSelects::Known * known, core_->known_selects.find(*core_, select));
    const treeql::Statement& statement = known->statement;
    TREMULA_TRY_ASSIGN(const dataflow::Select* plan, select_of(statement));
    base::Arena arena;
    TREMULA_TRY_ASSIGN(const db::Arguments arguments, db::bind(statement, parameters, arena));
    auto view = core_->graph.open(*plan, arguments, &known->plan);
    if (!view.ok()) return db::place_error(view.error(), statement, arguments);
    TREMULA_TRY(db::check_files(*core_));
    return view;
  };
  auto view = open();
  if (!view.ok()) return db::to_face(view.error(), select);
  return Subscription(std::make_unique<Subscription::State>(*core_, std::move(view).value(),
                                                            std::move(listener), detail));
}

Result<Ticket> Database::transact_with(void (*call)(void*, Transaction&), void* function) {
  const Lock lock(core_->mutex);
  if (const auto begun = db::begin_call(*core_); !begun.ok()) return db::to_face(begun.error(), {});
  if (core_->in_transaction) {
    return db::face_error(Code::kUnsupported, "a transaction is open on this thread already");
  }
  Transaction::Core core(*core_);
  Transaction transaction = Transaction::Core::lend(core);
  core_->in_transaction = true;
  db::begin_statement(*core_);
  try {
    call(function, transaction);
  } catch (const Exception& exception) {
    db::roll_back(*core_);
    core_->in_transaction = false;
    return exception.error();
  } catch (...) {
    db::roll_back(*core_);
    core_->in_transaction = false;
    throw;
  }
  core_->in_transaction = false;
  const auto committed = db::commit(*core_);
  if (!committed.ok()) return db::to_face(committed.error(), {});
  const Ticket ticket{.commit = core_->commits};
  const auto delivered = db::deliver(*core_);
  if (!delivered.ok()) return db::to_face(delivered.error(), {});
  return ticket;
}

Result<void> Database::wait_durable(Ticket ticket) {
  if (!core_->storage) return {};
  const auto waited = core_->storage->wait_durable(ticket.commit);
  if (!waited.ok()) return db::to_face(waited.error(), {});
  return {};
}
Result<std::size_t> Database::poll() {
  const Lock lock(core_->mutex);
  const auto commits = db::take_news(*core_);
  if (!commits.ok()) return db::to_face(commits.error(), {});
  return commits.value();
}
int Database::wake_fd() const { return core_->storage ? core_->storage->wake_fd() : -1; }

Result<void> Database::changes(std::uint64_t since,
                               const std::function<void(std::string_view line)>& line) {
  std::string text;
  {
    const Lock lock(core_->mutex);
    const auto told = db::tell_changes(*core_, since, text);
    if (!told.ok()) return db::to_face(told.error(), {});
  }
  db::for_each_line(text, line);
  return {};
}

Result<std::size_t> Database::merge(std::string_view changes) {
  const Lock lock(core_->mutex);
  if (core_->in_transaction) {
    return db::face_error(Code::kUnsupported, "merge() inside a transaction");
  }
  const auto merged = db::merge_changes(*core_, changes);
  if (!merged.ok()) return db::to_face(merged.error(), {});
  const auto delivered = db::deliver(*core_);
  if (!delivered.ok()) return db::to_face(delivered.error(), {});
  return merged.value();
}

std::uint64_t Database::version() const {
  const Lock lock(core_->mutex);
  return core_->commits;
}

Session::Session(Database& database, OutputSink sink)
    : state_(std::make_unique<State>(*database.core_, std::move(sink))) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Result<RunResult> Session::run(std::string_view script, NamedValues parameters) {
  return state_->run(script, parameters);
}
bool Session::in_transaction() const { return state_->in_transaction(); }
Result<std::string> Session::result_of(std::string_view subscription) const {
  return state_->result_of(subscription);
}
Result<std::string> Session::result_of(std::string_view subscription, std::size_t rows_max) const {
  return state_->result_of(subscription, rows_max);
}
Result<std::size_t> Session::row_count_of(std::string_view subscription) const {
  return state_->row_count_of(subscription);
}
std::vector<std::string> Session::subscriptions() const { return state_->subscriptions(); }
void Session::on_progress(Progress progress) { state_->on_progress(std::move(progress)); }
void Session::interrupt() { state_->interrupt(); }

namespace db {

namespace {

base::Result<Rows> collect(Engine& engine, const treeql::Statement& statement,
                           dataflow::OneShot* plan, NamedValues parameters) {
  TREMULA_TRY_ASSIGN(const dataflow::Select* select, select_of(statement));
  base::Arena arena;
  TREMULA_TRY_ASSIGN(const Arguments arguments, bind(statement, parameters, arena));
  Rows::Data data;
  data.columns = std::get<treeql::Query>(statement.body).column_names;
  const JsonVisitor add = [&data](std::string_view row) {
    data.text += row;
    data.ends.push_back(data.text.size());
    return true;
  };
  if (plan != nullptr)
    TREMULA_TRY(for_each_row(engine, *plan, statement, arguments, add));
  else
    TREMULA_TRY(for_each_row(engine, *select, statement, arguments, add));
  return Rows(std::move(data));
}

}  // namespace

base::Result<Rows> collect_rows(Engine& engine, const treeql::Statement& statement,
                                NamedValues parameters) {
  return collect(engine, statement, nullptr, parameters);
}

base::Result<Rows> collect_rows(Statement::State& state, NamedValues parameters) {
  return collect(*state.engine, state.bound, state.plan.get(), parameters);
}

}  // namespace db
}  // namespace tremula
