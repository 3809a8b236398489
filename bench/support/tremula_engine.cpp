// Tremula as one of the engines, through its public face.
#include <tremula/tremula.h>

#include <utility>

#include "bench/support/engine.h"
#include "bench/support/json.h"
#include "bench/support/queries.h"

namespace tremula::bench {
namespace {

// What a client does with a change: it keeps the ids of the rows in their places.
struct Edit {
  ChangeKind kind = ChangeKind::kReplace;
  std::int64_t index = 0;
  std::int64_t from = 0;
  std::int64_t value = 0;
};

class TremulaEngine : public BatchEngine {
 public:
  TremulaEngine() { db_.run(kSchema).value(); }

  RowSink sink() override {
    RowSink sink;
    sink.user = [this](const User& row) { pend(users_, row); };
    sink.project = [this](const Named& row) { pend(projects_, row); };
    sink.label = [this](const Named& row) { pend(labels_, row); };
    sink.issue = [this](const Issue& row) { pend(issues_, row); };
    sink.comment = [this](const Comment& row) { pend(comments_, row); };
    sink.issue_label = [this](const IssueLabel& row) { pend(issue_labels_, row); };
    return sink;
  }

  void loaded() override {
    flush();
  }

  void watch(std::string_view name) override {
    const std::size_t count = subscriptions_of(name);
    subscriptions_.reserve(count);
    for (std::size_t i = 0; i < count; i++) {
      const ProjectLimit what =
          name.starts_with("subs") ? sub_parameters(i) : ProjectLimit{kProject, kLimit};
      const bool mirrored = i == 0 && !name.starts_with("subs");
      subscriptions_.push_back(subscribe(name, what, false, [this, mirrored](const Delta& d) {
        heard_++;
        if (mirrored) remember(d);
      }));
      const std::string first = subscriptions_.back().json();
      if (mirrored) mirror_ = ids_of(first);
    }
  }

  void watch_another(std::string_view name) override {
    subscribe(name, {kProject + 1, kLimit}, true, [](const Delta&) {}).json();
  }

  std::size_t apply(const bench::Transaction& what) override {
    heard_ = 0;
    db_.transact([&](tremula::Transaction& tx) { write(tx, what); }).value();
    return heard_;
  }

  void modify_all(std::span<const Issue> issues) override {
    db_.transact([&](tremula::Transaction& tx) {
         for (const Issue& issue : issues) modify(tx, issue);
       })
        .value();
  }

  std::string checksum(std::string_view query) override {
    follow();
    const std::string kept = subscriptions_.at(0).json();
    if (query == "q3") {
      return check_mirror(kept) ? std::to_string(mirror_.at(0)) : "a client that lost track";
    }
    if (!check_mirror(kept)) return "a client that lost track";
    return query == "q5" ? tree_checksum(kept) : row_checksum(kept);
  }

 private:
  // Rows of a load go in a thousand a transaction.
  template <typename Row>
  void pend(std::vector<Row>& rows, const Row& row) {
    rows.push_back(row);
    if (rows.size() == 1000) flush();
  }

  void flush() {
    db_.transact([this](tremula::Transaction& tx) {
         for (const User& row : users_) {
           tx.insert("users", {{"id", row.id}, {"name", row.name}, {"team", row.team}});
         }
         for (const Named& row : projects_) {
           tx.insert("projects", {{"id", row.id}, {"name", row.name}});
         }
         for (const Named& row : labels_) {
           tx.insert("labels", {{"id", row.id}, {"name", row.name}});
         }
         for (const Issue& row : issues_) insert(tx, row);
         for (const Comment& row : comments_) insert(tx, row);
         for (const IssueLabel& row : issue_labels_) {
           tx.insert("issue_label", {{"issue_id", row.issue_id}, {"label_id", row.label_id}});
         }
       })
        .value();
    users_.clear();
    projects_.clear();
    labels_.clear();
    issues_.clear();
    comments_.clear();
    issue_labels_.clear();
  }

  static void insert(tremula::Transaction& tx, const Issue& row) {
    tx.insert("issues", {{"id", row.id},
                         {"title", row.title},
                         {"open", row.open},
                         {"priority", row.priority},
                         {"project_id", row.project_id},
                         {"owner_id", row.owner_id},
                         {"created", row.created},
                         {"modified", row.modified}});
  }

  static void insert(tremula::Transaction& tx, const Comment& row) {
    tx.insert("comments", {{"id", row.id},
                           {"issue_id", row.issue_id},
                           {"author_id", row.author_id},
                           {"created", row.created},
                           {"body", row.body}});
  }

  static void modify(tremula::Transaction& tx, const Issue& row) {
    tx.update("issues", row.id,
              {{"open", row.open}, {"priority", row.priority}, {"modified", row.modified}});
  }

  static void write(tremula::Transaction& tx, const bench::Transaction& what) {
    switch (what.kind) {
      case TxKind::kModify: modify(tx, what.issue); break;
      case TxKind::kComment: insert(tx, what.comment); break;
      case TxKind::kAdd: insert(tx, what.issue); break;
      case TxKind::kDelete:
        tx.erase("issues", what.issue.id);
        for (const std::int64_t id : what.comments) tx.erase("comments", id);
        for (const std::int64_t id : what.labels) tx.erase("issue_label", {what.issue.id, id});
        break;
    }
  }

  // `another`: of the same shape, with another constant.
  Subscription subscribe(std::string_view name, ProjectLimit what, bool another,
                         Listener listener) {
    const NamedValue project{"project", what.project};
    const NamedValue limit{"limit", what.limit};
    const NamedValue user{"user", another ? kUser + 1 : kUser};
    const NamedValue priority{"priority", another ? 2 : 3};
    const NamedValue open{"open", another ? 0 : 1};
    std::vector<NamedValue> parameters = {project, limit};
    if (name == "q1") parameters = {priority};
    if (name == "q3") parameters = {open};
    if (name == "q4") parameters = {user};
    return db_.subscribe(query_text(name), parameters, std::move(listener)).value();
  }

  void remember(const Delta& delta) {
    for (const Change& change : delta.changes()) {
      Edit edit{change.kind, 0, 0, 0};
      if (change.kind == ChangeKind::kMove) edit.from = place_of(change.from);
      const bool row = change.path.find('/', 1) == std::string::npos;
      const bool count = change.path == "/0/n";
      if (!row && !count) continue;
      if (row) edit.index = place_of(change.path);
      if (!change.new_value.empty()) edit.value = first_integer(change.new_value);
      edits_.push_back(edit);
    }
  }

  // Applies what the listener heard since the last time.
  void follow() {
    for (const Edit& edit : edits_) {
      const auto at = mirror_.begin() + edit.index;
      switch (edit.kind) {
        case ChangeKind::kAdd: mirror_.insert(at, edit.value); break;
        case ChangeKind::kRemove: mirror_.erase(at); break;
        case ChangeKind::kReplace: *at = edit.value; break;
        case ChangeKind::kMove: {
          const std::int64_t id = mirror_.at(static_cast<std::size_t>(edit.from));
          mirror_.erase(mirror_.begin() + edit.from);
          mirror_.insert(mirror_.begin() + edit.index, id);
        }
      }
    }
    edits_.clear();
  }

  bool check_mirror(const std::string& kept) const { return ids_of(kept) == mirror_; }

  Database db_ = Database::in_memory();
  std::vector<User> users_;  // rows of a load that wait for their transaction, and so on
  std::vector<Named> projects_;
  std::vector<Named> labels_;
  std::vector<Issue> issues_;
  std::vector<Comment> comments_;
  std::vector<IssueLabel> issue_labels_;
  std::size_t heard_ = 0;
  std::vector<Edit> edits_;
  std::vector<std::int64_t> mirror_;
  std::vector<Subscription> subscriptions_;
};

}  // namespace

std::unique_ptr<Engine> make_tremula_engine() { return std::make_unique<TremulaEngine>(); }
std::unique_ptr<BatchEngine> make_tremula_batches() { return std::make_unique<TremulaEngine>(); }

}  // namespace tremula::bench
