// The tracker: the data and the transactions that every benchmark runs on, and the results that
// must come out.
//
//   seed 42 --Generator--> users projects issues comments labels issue_label | transactions
//
// Invariants, held against expected/*.json whenever a benchmark checks its result:
//   T1  the same size gives the same rows and transactions, whatever asks for them.
//   T2  rows are handed out one at a time and kept nowhere, so that a benchmark of memory pays for
//       its engine alone.
// Thread: any one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tremula::bench {

struct User {
  std::int64_t id = 0;
  std::string name;
  std::string team;
};

struct Named {  // a project or a label
  std::int64_t id = 0;
  std::string name;
};

struct Issue {
  std::int64_t id = 0;
  std::string title;
  std::int64_t open = 0;  // 0 or 1
  std::int64_t priority = 0;
  std::int64_t project_id = 0;
  std::int64_t owner_id = 0;
  std::int64_t created = 0;
  std::int64_t modified = 0;
};

struct Comment {
  std::int64_t id = 0;
  std::int64_t issue_id = 0;
  std::int64_t author_id = 0;
  std::int64_t created = 0;
  std::string body;
};

struct IssueLabel {
  std::int64_t issue_id = 0;
  std::int64_t label_id = 0;
};

// Where the generator hands its rows to; a table without a function is passed over.
struct RowSink {
  std::function<void(const User&)> user;
  std::function<void(const Named&)> project;
  std::function<void(const Issue&)> issue;
  std::function<void(const Comment&)> comment;
  std::function<void(const Named&)> label;
  std::function<void(const IssueLabel&)> issue_label;
};

enum class TxKind : std::uint8_t { kModify, kComment, kAdd, kDelete };

// One transaction. A delete names the rows that go with the issue, so that no engine has to search
// for what the others were told.
struct Transaction {
  TxKind kind = TxKind::kModify;
  Issue issue;      // kModify, kAdd: the whole row as it shall be; kDelete: its id
  Comment comment;  // kComment
  std::vector<std::int64_t> comments;  // kDelete: their ids
  std::vector<std::int64_t> labels;    // kDelete: their ids
};

// The parameters that all engines use.
inline constexpr std::int64_t kProject = 7;
inline constexpr std::int64_t kLimit = 50;
inline constexpr std::int64_t kUser = 123;

struct ProjectLimit {
  std::int64_t project = 0;
  std::int64_t limit = 0;
};
// Subscription `index` of subs100 and subs1000: all pairs differ below 1,000.
ProjectLimit sub_parameters(std::size_t index);

struct Size {
  std::string name;     // 10k, 100k, 1m
  std::int64_t issues;  // N
};
// Returns: issues = 0 for a name that is none.
Size size_of(std::string_view name);

// Makes the rows of a size, and hands them to `sink` table by table.
// Returns: `transactions` transactions that follow them.
std::vector<Transaction> generate(const Size& size, const RowSink& sink, std::size_t transactions);

// FNV-1a over the parts joined by ';', then '/' and their number.
class Checksum {
 public:
  void add(std::string_view part);
  void add(std::int64_t part) { add(std::to_string(part)); }
  std::string text() const;

 private:
  std::uint32_t hash_ = 0x811c9dc5;
  std::size_t parts_ = 0;
};

// A row of q5 as its checksum wants it: id:owner[comment@author,..][labels ascending].
std::string tree_text(std::int64_t id, std::int64_t owner,
                      const std::vector<std::pair<std::int64_t, std::int64_t>>& comment_authors,
                      const std::vector<std::int64_t>& labels);

// What a query's checksum must be after so many transactions.
// Returns: "" where none is known.
std::string expected(const Size& size, std::string_view query, std::size_t transactions);

// After how many transactions results are checked.
inline constexpr std::size_t kCheckpoints[] = {0, 500, 1000, 5000, 20000};

}  // namespace tremula::bench
