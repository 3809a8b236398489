// sqlite3 as one of the engines: the same tables and indexes in memory, prepared statements, and
// every subscribed query run again, to its last row, after every commit.
#include "bench/support/engine.h"
#include "bench/support/sqlite.h"

namespace tremula::bench {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, team TEXT);"
    "CREATE TABLE projects(id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE issues(id INTEGER PRIMARY KEY, title TEXT NOT NULL, open INT, priority INT,"
    " project_id INT, owner_id INT, created INT, modified INT);"
    "CREATE TABLE comments(id INTEGER PRIMARY KEY, issue_id INT, author_id INT, created INT,"
    " body TEXT);"
    "CREATE TABLE labels(id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE issue_label(issue_id INT, label_id INT, PRIMARY KEY(issue_id, label_id))"
    " WITHOUT ROWID;"
    "CREATE INDEX issues_open ON issues(open);"
    "CREATE INDEX issues_project ON issues(project_id);"
    "CREATE INDEX issues_owner ON issues(owner_id);"
    "CREATE INDEX comments_issue ON comments(issue_id);"
    "CREATE INDEX comments_author ON comments(author_id);"
    "CREATE INDEX issue_label_label ON issue_label(label_id);";

constexpr const char* kLatest =
    "SELECT id, title, modified, owner_id FROM issues WHERE project_id = ?"
    " ORDER BY modified DESC, id LIMIT ?";

class SqliteEngine : public Engine {
 public:
  SqliteEngine() { db_.exec("BEGIN"); }

  RowSink sink() override {
    RowSink sink;
    sink.user = [this](const User& row) {
      user_.bind(1, row.id).bind(2, row.name).bind(3, row.team).run();
    };
    sink.project = [this](const Named& row) { project_.bind(1, row.id).bind(2, row.name).run(); };
    sink.label = [this](const Named& row) { label_.bind(1, row.id).bind(2, row.name).run(); };
    sink.issue = [this](const Issue& row) { insert(row); };
    sink.comment = [this](const Comment& row) { insert(row); };
    sink.issue_label = [this](const IssueLabel& row) {
      issue_label_.integers({row.issue_id, row.label_id}).run();
    };
    return sink;
  }

  void loaded() override { db_.exec("COMMIT"); db_.exec("ANALYZE"); }

  void watch(std::string_view name) override {
    name_ = name;
    seen_.assign(subscriptions_of(name), 0);
    run_all();
  }

  void watch_another(std::string_view name) override {
    name_ = name;
    if (name == "q2" || name == "q5") latest({kProject + 1, kLimit}, name == "q5", nullptr);
    if (name == "q4") commented_by(kUser + 1, nullptr);
    if (name == "q1") open_urgent(2, nullptr);
    if (name == "q3") open_count(0);
  }

  std::size_t apply(const Transaction& tx) override {
    begin_.run();
    switch (tx.kind) {
      case TxKind::kModify:
        modify_.integers({tx.issue.open, tx.issue.priority, tx.issue.modified, tx.issue.id})
            .run();
        break;
      case TxKind::kComment: insert(tx.comment); break;
      case TxKind::kAdd: insert(tx.issue); break;
      case TxKind::kDelete:
        erase_issue_.bind(1, tx.issue.id).run();
        erase_comments_.bind(1, tx.issue.id).run();
        erase_labels_.bind(1, tx.issue.id).run();
        break;
    }
    commit_.run();
    return run_all();
  }

  std::string checksum(std::string_view query) override {
    Checksum sum;
    if (query == "q1") open_urgent(3, &sum);
    if (query == "q3") return std::to_string(open_count(1));
    if (query == "q4") commented_by(kUser, &sum);
    if (query == "q2" || query == "q5") latest({kProject, kLimit}, query == "q5", &sum);
    return sum.text();
  }

 private:
  void insert(const Issue& row) {
    issue_.bind(1, row.id).bind(2, row.title).bind(3, row.open).bind(4, row.priority);
    issue_.bind(5, row.project_id).bind(6, row.owner_id).bind(7, row.created);
    issue_.bind(8, row.modified).run();
  }

  void insert(const Comment& row) {
    comment_.integers({row.id, row.issue_id, row.author_id, row.created});
    comment_.bind(5, row.body).run();
  }

  // Runs every subscribed query; a result is told by its hash, as a client without deltas must.
  std::size_t run_all() {
    std::size_t changed = 0;
    for (std::size_t i = 0; i < seen_.size(); i++) {
      std::uint64_t hash = 0;
      if (name_ == "q1") hash = open_urgent(3, nullptr);
      if (name_ == "q3") hash = open_count(1);
      if (name_ == "q4") hash = commented_by(kUser, nullptr);
      if (name_ == "q2" || name_ == "q5") {
        hash = latest({kProject, kLimit}, name_ == "q5", nullptr);
      }
      if (name_.starts_with("subs")) hash = latest(sub_parameters(i), false, nullptr);
      if (seen_[i] != hash) changed++;
      seen_[i] = hash;
    }
    return changed;
  }

  static void mix(std::uint64_t& hash, std::int64_t value) {
    hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15u;
  }

  std::uint64_t open_urgent(std::int64_t priority, Checksum* sum) {
    std::uint64_t hash = 1;
    for (urgent_.bind(1, priority); urgent_.step();) {
      mix(hash, urgent_.integer(0));
      mix(hash, static_cast<std::int64_t>(urgent_.text(1).size()));
      mix(hash, urgent_.integer(2));
      mix(hash, urgent_.integer(3));
      if (sum) sum->add(urgent_.integer(0));
    }
    return hash;
  }

  std::uint64_t open_count(std::int64_t open) {
    std::int64_t count = 0;
    for (count_.bind(1, open); count_.step();) count = count_.integer(0);
    return static_cast<std::uint64_t>(count);
  }

  std::uint64_t commented_by(std::int64_t user, Checksum* sum) {
    std::uint64_t hash = 1;
    for (commented_.bind(1, user); commented_.step();) {
      mix(hash, commented_.integer(0));
      mix(hash, static_cast<std::int64_t>(commented_.text(1).size()));
      if (sum) sum->add(commented_.integer(0));
    }
    return hash;
  }

  std::uint64_t latest(ProjectLimit what, bool tree, Checksum* sum) {
    std::uint64_t hash = 1;
    for (latest_.integers({what.project, what.limit}); latest_.step();) {
      const std::int64_t id = latest_.integer(0);
      mix(hash, id);
      mix(hash, static_cast<std::int64_t>(latest_.text(1).size()));
      mix(hash, latest_.integer(2));
      if (tree) {
        subtree(id, latest_.integer(3), hash, sum);
      } else if (sum) {
        sum->add(id);
      }
    }
    return hash;
  }

  void subtree(std::int64_t id, std::int64_t owner, std::uint64_t& hash, Checksum* sum) {
    for (owner_.bind(1, owner); owner_.step();) {
      mix(hash, owner_.integer(0));
      mix(hash, static_cast<std::int64_t>(owner_.text(1).size()));
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> authors;
    for (newest_.bind(1, id); newest_.step();) {
      mix(hash, newest_.integer(0));
      mix(hash, newest_.integer(1));
      if (sum) authors.emplace_back(newest_.integer(0), newest_.integer(1));
    }
    std::vector<std::int64_t> labels;
    for (labels_.bind(1, id); labels_.step();) {
      mix(hash, labels_.integer(0));
      if (sum) labels.push_back(labels_.integer(0));
    }
    if (sum) sum->add(tree_text(id, owner, authors, labels));
  }

  SqliteDatabase db_{kSchema};
  std::string name_;
  std::vector<std::uint64_t> seen_;  // by subscription: the hash of its last result
  SqliteQuery begin_{db_, "BEGIN"};
  SqliteQuery commit_{db_, "COMMIT"};
  SqliteQuery user_{db_, "INSERT INTO users VALUES(?,?,?)"};
  SqliteQuery project_{db_, "INSERT INTO projects VALUES(?,?)"};
  SqliteQuery label_{db_, "INSERT INTO labels VALUES(?,?)"};
  SqliteQuery issue_{db_, "INSERT INTO issues VALUES(?,?,?,?,?,?,?,?)"};
  SqliteQuery comment_{db_, "INSERT INTO comments VALUES(?,?,?,?,?)"};
  SqliteQuery issue_label_{db_, "INSERT INTO issue_label VALUES(?,?)"};
  SqliteQuery modify_{db_, "UPDATE issues SET open = ?, priority = ?, modified = ? WHERE id = ?"};
  SqliteQuery erase_issue_{db_, "DELETE FROM issues WHERE id = ?"};
  SqliteQuery erase_comments_{db_, "DELETE FROM comments WHERE issue_id = ?"};
  SqliteQuery erase_labels_{db_, "DELETE FROM issue_label WHERE issue_id = ?"};
  SqliteQuery urgent_{db_, "SELECT id, title, priority, modified FROM issues"
                           " WHERE open = 1 AND priority >= ? ORDER BY id"};
  SqliteQuery count_{db_, "SELECT count(*) FROM issues WHERE open = ?"};
  SqliteQuery commented_{db_, "SELECT id, title FROM issues AS i WHERE EXISTS"
                              " (SELECT 1 FROM comments AS c"
                              " WHERE c.issue_id = i.id AND c.author_id = ?) ORDER BY id"};
  SqliteQuery latest_{db_, kLatest};
  SqliteQuery owner_{db_, "SELECT id, name FROM users WHERE id = ?"};
  SqliteQuery newest_{db_, "SELECT c.id, u.id FROM comments AS c LEFT JOIN users AS u"
                           " ON u.id = c.author_id WHERE c.issue_id = ?"
                           " ORDER BY c.created DESC, c.id LIMIT 10"};
  SqliteQuery labels_{db_, "SELECT l.id FROM issue_label AS il"
                           " JOIN labels AS l ON l.id = il.label_id"
                           " WHERE il.issue_id = ? ORDER BY l.id"};
};

}  // namespace

std::unique_ptr<Engine> make_sqlite_engine() { return std::make_unique<SqliteEngine>(); }

}  // namespace tremula::bench
