// The tracker in TreeQL.
#pragma once

#include <string_view>

namespace tremula::bench {

inline constexpr std::string_view kSchema = R"(
TABLE users = 1 (id INT = 1 KEY, name TEXT = 2, team TEXT = 3);
TABLE projects = 2 (id INT = 1 KEY, name TEXT = 2);
TABLE issues = 3 (
  id INT = 1 KEY, title TEXT = 2 NOT NULL, open INT = 3 INDEX, priority INT = 4,
  project_id INT = 5 INDEX REF projects, owner_id INT = 6 INDEX REF users,
  created INT = 7, modified INT = 8
);
TABLE comments = 4 (
  id INT = 1 KEY, issue_id INT = 2 INDEX REF issues, author_id INT = 3 INDEX REF users,
  created INT = 4, body TEXT = 5
);
TABLE labels = 5 (id INT = 1 KEY, name TEXT = 2);
TABLE issue_label = 6 (
  issue_id INT = 1 INDEX REF issues, label_id INT = 2 INDEX REF labels, KEY (issue_id, label_id)
);
)";

// Parameters: $priority $open $project $limit $user, of which each query takes its own.
inline constexpr std::string_view kOpenUrgent = R"(
SELECT { i.id, i.title, i.priority, i.modified } FROM issues AS i
WHERE i.open = 1 AND i.priority >= $priority)";

inline constexpr std::string_view kLatest = R"(
SELECT { i.id, i.title, i.modified } FROM issues AS i
WHERE i.project_id = $project ORDER BY i.modified DESC LIMIT $limit)";

inline constexpr std::string_view kOpenCount = R"(
SELECT { n: count(*) } FROM issues AS i WHERE i.open = $open)";

inline constexpr std::string_view kCommentedBy = R"(
SELECT { i.id, i.title } FROM issues AS i
WHERE EXISTS (SELECT 1 FROM comments AS c WHERE c.issue_id = i.id AND c.author_id = $user))";

inline constexpr std::string_view kLatestTrees = R"(
SELECT {
  i.id, i.title, i.modified,
  owner: (SELECT { u.id, u.name } FROM users AS u WHERE u.id = i.owner_id),
  comments: [SELECT { c.id, author: (SELECT { u.id } FROM users AS u WHERE u.id = c.author_id) }
             FROM comments AS c WHERE c.issue_id = i.id ORDER BY c.created DESC LIMIT 10],
  labels: [SELECT l.id FROM issue_label AS il JOIN labels AS l ON l.id = il.label_id
           WHERE il.issue_id = i.id ORDER BY l.id]
} FROM issues AS i
WHERE i.project_id = $project ORDER BY i.modified DESC LIMIT $limit)";

// The query of a case: q1 q2 q3 q4 q5, subsK.
inline constexpr std::string_view query_text(std::string_view name) {
  if (name == "q1") return kOpenUrgent;
  if (name == "q3") return kOpenCount;
  if (name == "q4") return kCommentedBy;
  if (name == "q5") return kLatestTrees;
  return kLatest;
}

}  // namespace tremula::bench
