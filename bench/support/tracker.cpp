#include "bench/support/tracker.h"

#include <fstream>
#include <sstream>

namespace tremula::bench {
namespace {

constexpr std::int64_t kUsers = 1000;
constexpr std::int64_t kProjects = 100;
constexpr std::int64_t kLabels = 50;
constexpr std::int64_t kEpochMs = 1700000000000;

constexpr std::string_view kWords[] = {
    "sync",  "crash", "login", "button", "slow",   "render", "query", "index",
    "cache", "merge", "delta", "patch",  "editor", "mobile", "panel", "error",
    "retry", "token", "graph", "limit",  "order",  "count",  "nested", "filter"};

// mulberry32: the same bits in every language that wraps at 32.
class Random {
 public:
  explicit Random(std::uint32_t seed) : state_(seed) {}
  std::int64_t below(std::uint32_t bound) { return next() % bound; }
  std::string phrase(int words) {
    std::string text;
    for (int i = 0; i < words; i++) {
      if (i > 0) text += ' ';
      text += kWords[below(std::size(kWords))];
    }
    return text;
  }

 private:
  std::uint32_t next() {
    state_ += 0x6D2B79F5;
    std::uint32_t t = (state_ ^ (state_ >> 15)) * (1 | state_);
    t = (t + (t ^ (t >> 7)) * (61 | t)) ^ t;
    return t ^ (t >> 14);
  }
  std::uint32_t state_;
};

// The rows that the transactions go on from.
struct Live {
  std::vector<Issue> issues;
  // By issue id: the rows that a delete takes with it.
  std::vector<std::vector<std::int64_t>> comments;
  std::vector<std::vector<std::int64_t>> labels;
};

template <typename Row>
void hand(const std::function<void(const Row&)>& sink, const Row& row) {
  if (sink) sink(row);
}

Issue random_issue(Random& random, std::int64_t id) {
  Issue issue;
  issue.id = id;
  issue.title = random.phrase(5);
  issue.open = random.below(10) < 6 ? 1 : 0;
  issue.priority = random.below(5);
  issue.project_id = 1 + random.below(kProjects);
  issue.owner_id = 1 + random.below(kUsers);
  return issue;
}

void make_names(Random& random, const RowSink& sink) {
  for (std::int64_t id = 1; id <= kUsers; id++) {
    hand(sink.user, User{id, "user" + std::to_string(id),
                         "team" + std::to_string(random.below(20))});
  }
  for (std::int64_t id = 1; id <= kProjects; id++) {
    hand(sink.project, Named{id, "project" + std::to_string(id)});
  }
  for (std::int64_t id = 1; id <= kLabels; id++) {
    hand(sink.label, Named{id, "label" + std::to_string(id)});
  }
}

void make_issues(Random& random, const RowSink& sink, std::int64_t count, Live* live) {
  for (std::int64_t id = 1; id <= count; id++) {
    const std::int64_t created = kEpochMs + random.below(1'000'000'000);
    Issue issue = random_issue(random, id);
    issue.created = created;
    issue.modified = created + random.below(1'000'000'000);
    hand(sink.issue, issue);
    if (live) live->issues.push_back(std::move(issue));
  }
}

void make_comments(Random& random, const RowSink& sink, std::int64_t issues, Live* live) {
  for (std::int64_t id = 1; id <= 3 * issues; id++) {
    Comment comment;
    comment.id = id;
    comment.issue_id = 1 + random.below(static_cast<std::uint32_t>(issues));
    comment.author_id = 1 + random.below(kUsers);
    comment.created = kEpochMs + random.below(2'000'000'000);
    comment.body = random.phrase(12);
    if (live) live->comments[static_cast<std::size_t>(comment.issue_id)].push_back(id);
    hand(sink.comment, comment);
  }
}

void make_issue_labels(Random& random, const RowSink& sink, std::int64_t issues, Live* live) {
  std::vector<bool> seen(static_cast<std::size_t>(issues + 1) * 64);
  for (std::int64_t made = 0; made < 2 * issues;) {
    IssueLabel row;
    row.issue_id = 1 + random.below(static_cast<std::uint32_t>(issues));
    row.label_id = 1 + random.below(kLabels);
    const auto pair = static_cast<std::size_t>(row.issue_id * 64 + row.label_id);
    if (seen[pair]) continue;
    seen[pair] = true;
    made++;
    if (live) live->labels[static_cast<std::size_t>(row.issue_id)].push_back(row.label_id);
    hand(sink.issue_label, row);
  }
}

// Makes one transaction after the other from the rows that are there.
class Mutator {
 public:
  Mutator(Random& random, Live& live, std::int64_t issues)
      : random_(random), live_(live), next_issue_(issues + 1), next_comment_(3 * issues + 1) {}

  Transaction next() {
    now_ += 1 + random_.below(1000);
    const std::int64_t dice = random_.below(100);
    if (dice < 60) return modify();
    if (dice < 80) return comment();
    if (dice < 90) return add();
    return erase();
  }

 private:
  std::size_t any() {
    return static_cast<std::size_t>(
        random_.below(static_cast<std::uint32_t>(live_.issues.size())));
  }

  Transaction modify() {
    Transaction tx;
    Issue& issue = live_.issues[any()];
    issue.modified = now_;
    const std::int64_t what = random_.below(3);
    if (what == 1) issue.open = 1 - issue.open;
    if (what == 2) issue.priority = random_.below(5);
    tx.kind = TxKind::kModify;
    tx.issue = issue;
    return tx;
  }

  Transaction comment() {
    Transaction tx;
    tx.kind = TxKind::kComment;
    const Issue& issue = live_.issues[any()];
    tx.comment.id = next_comment_++;
    tx.comment.issue_id = issue.id;
    tx.comment.author_id = 1 + random_.below(kUsers);
    tx.comment.created = now_;
    tx.comment.body = random_.phrase(12);
    live_.comments[static_cast<std::size_t>(issue.id)].push_back(tx.comment.id);
    return tx;
  }

  Transaction add() {
    Transaction tx;
    tx.kind = TxKind::kAdd;
    tx.issue = random_issue(random_, next_issue_++);
    tx.issue.created = now_;
    tx.issue.modified = now_;
    live_.issues.push_back(tx.issue);
    live_.comments.resize(static_cast<std::size_t>(next_issue_));
    live_.labels.resize(static_cast<std::size_t>(next_issue_));
    return tx;
  }

  Transaction erase() {
    Transaction tx;
    tx.kind = TxKind::kDelete;
    const std::size_t place = any();
    tx.issue = live_.issues[place];
    const auto id = static_cast<std::size_t>(tx.issue.id);
    tx.comments = std::move(live_.comments[id]);
    tx.labels = std::move(live_.labels[id]);
    live_.issues[place] = live_.issues.back();
    live_.issues.pop_back();
    return tx;
  }

  Random& random_;
  Live& live_;
  std::int64_t next_issue_;
  std::int64_t next_comment_;
  std::int64_t now_ = kEpochMs + 3'000'000'000;
};

}  // namespace

ProjectLimit sub_parameters(std::size_t index) {
  const auto i = static_cast<std::int64_t>(index);
  return {1 + i % 100, 20 + i / 100 * 5 + i % 7};
}

Size size_of(std::string_view name) {
  if (name == "10k") return {"10k", 10'000};
  if (name == "100k") return {"100k", 100'000};
  if (name == "1m") return {"1m", 1'000'000};
  return {std::string(name), 0};
}

std::vector<Transaction> generate(const Size& size, const RowSink& sink,
                                  std::size_t transactions) {
  Random random(42);
  Live rows;
  Live* live = transactions > 0 ? &rows : nullptr;
  if (live) {
    live->comments.resize(static_cast<std::size_t>(size.issues + 1));
    live->labels.resize(static_cast<std::size_t>(size.issues + 1));
  }
  make_names(random, sink);
  make_issues(random, sink, size.issues, live);
  make_comments(random, sink, size.issues, live);
  make_issue_labels(random, sink, size.issues, live);
  std::vector<Transaction> result;
  result.reserve(transactions);
  Mutator mutator(random, rows, size.issues);
  while (result.size() < transactions) result.push_back(mutator.next());
  return result;
}

void Checksum::add(std::string_view part) {
  const auto byte = [this](char c) {
    hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x01000193;
  };
  if (parts_++ > 0) byte(';');
  for (const char c : part) byte(c);
}

std::string Checksum::text() const { return std::to_string(hash_) + "/" + std::to_string(parts_); }

std::string tree_text(std::int64_t id, std::int64_t owner,
                      const std::vector<std::pair<std::int64_t, std::int64_t>>& comment_authors,
                      const std::vector<std::int64_t>& labels) {
  std::string text = std::to_string(id) + ":" + std::to_string(owner) + "[";
  for (std::size_t i = 0; i < comment_authors.size(); i++) {
    if (i > 0) text += ',';
    text += std::to_string(comment_authors[i].first) + "@" +
            std::to_string(comment_authors[i].second);
  }
  text += "][";
  for (std::size_t i = 0; i < labels.size(); i++) {
    if (i > 0) text += ',';
    text += std::to_string(labels[i]);
  }
  return text + "]";
}

std::string expected(const Size& size, std::string_view query, std::size_t transactions) {
  std::ifstream file(std::string(TREMULA_BENCH_EXPECTED) + "/expected-" + size.name + ".json");
  std::stringstream bytes;
  bytes << file.rdbuf();
  const std::string text = bytes.str();
  const std::string part =
      transactions == 0 ? "\"initial\":" : "\"after_" + std::to_string(transactions) + "\":";
  std::size_t place = text.find(part);
  if (place == std::string::npos) return "";
  place = text.find("\"" + std::string(query) + "\":", place);
  if (place == std::string::npos) return "";
  const std::size_t begin = text.find('"', text.find(':', place)) + 1;
  return text.substr(begin, text.find('"', begin) - begin);
}

}  // namespace tremula::bench
