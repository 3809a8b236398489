#include "bench/floor/tracker_floor.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tremula::bench {

RowSink TrackerFloor::sink() {
  RowSink sink;
  sink.issue = [this](const Issue& issue) {
    issues_[issue.id].issue = issue;
    projects_[issue.project_id].order.insert({issue.modified, issue.id});
  };
  sink.comment = [this](const Comment& comment) {
    comments_[comment.id] = comment;
    issues_[comment.issue_id].comments.push_back(comment.id);
  };
  sink.issue_label = [this](const IssueLabel& row) {
    issues_[row.issue_id].labels.push_back(row.label_id);
  };
  return sink;
}

void TrackerFloor::watch_open_urgent() {
  watch_urgent_ = true;
  for (const auto& [id, row] : issues_) {
    if (urgent(row.issue)) urgent_.insert(id);
  }
}

void TrackerFloor::watch_open_count() {
  watch_count_ = true;
  for (const auto& [id, row] : issues_) open_ += row.issue.open;
}

void TrackerFloor::watch_commented_by(std::int64_t user) {
  commenter_ = user;
  for (const auto& [id, comment] : comments_) {
    if (comment.author_id == user) commented_[comment.issue_id]++;
  }
}

void TrackerFloor::watch_latest(std::size_t subscription, ProjectLimit what, bool tree) {
  Project& project = projects_[what.project];
  Window window{subscription, static_cast<std::size_t>(what.limit), tree, project.order.end()};
  const std::size_t rows = std::min(window.limit, project.order.size());
  window.last = rows == 0 ? project.order.end() : std::next(project.order.begin(), rows - 1);
  project.windows.push_back(window);
}

void TrackerFloor::apply(const Transaction& tx) {
  switch (tx.kind) {
    case TxKind::kModify: return modify(tx.issue);
    case TxKind::kComment: return comment(tx.comment);
    case TxKind::kAdd: return add(tx.issue);
    case TxKind::kDelete: return erase(tx);
  }
}

void TrackerFloor::modify(const Issue& issue) {
  Issue& row = issues_.find(issue.id)->second.issue;
  const bool was = urgent(row);
  const bool is = urgent(issue);
  const std::int64_t open = issue.open - row.open;
  Project& project = projects_.find(row.project_id)->second;
  const Order::iterator from = project.order.find({row.modified, row.id});
  row.open = issue.open;
  row.priority = issue.priority;
  row.modified = issue.modified;
  if (watch_urgent_ && (was || is)) {
    if (!was) urgent_.insert(row.id);
    if (!is) urgent_.erase(row.id);
    tell(0, was && is ? FloorChange::kEdit : is ? FloorChange::kEnter : FloorChange::kLeave,
         row.id);
  }
  if (watch_count_ && open != 0) {
    open_ += open;
    tell(0, FloorChange::kEdit, open_);
  }
  if (from->modified != row.modified) {
    replace(project, from, project.order.insert({row.modified, row.id}).first);
    project.order.erase(from);
  }
}

void TrackerFloor::add(const Issue& issue) {
  issues_[issue.id].issue = issue;
  if (watch_urgent_ && urgent(issue)) {
    urgent_.insert(issue.id);
    tell(0, FloorChange::kEnter, issue.id);
  }
  if (watch_count_ && issue.open) tell(0, FloorChange::kEdit, ++open_);
  Project& project = projects_[issue.project_id];
  place(project, project.order.insert({issue.modified, issue.id}).first);
}

void TrackerFloor::erase(const Transaction& tx) {
  const auto found = issues_.find(tx.issue.id);
  const Row& row = found->second;
  if (watch_urgent_ && urgent_.erase(tx.issue.id)) tell(0, FloorChange::kLeave, tx.issue.id);
  if (watch_count_ && row.issue.open) tell(0, FloorChange::kEdit, --open_);
  if (commenter_ != 0 && commented_.erase(tx.issue.id)) {
    tell(0, FloorChange::kLeave, tx.issue.id);
  }
  Project& project = projects_.find(row.issue.project_id)->second;
  const Order::iterator at = project.order.find({row.issue.modified, row.issue.id});
  displace(project, at);
  project.order.erase(at);
  for (const std::int64_t comment : row.comments) comments_.erase(comment);
  issues_.erase(found);
}

void TrackerFloor::comment(const Comment& comment) {
  comments_[comment.id] = comment;
  Row& row = issues_.find(comment.issue_id)->second;
  row.comments.push_back(comment.id);
  if (comment.author_id == commenter_ && commented_[comment.issue_id]++ == 0) {
    tell(0, FloorChange::kEnter, comment.issue_id);
  }
  Project& project = projects_.find(row.issue.project_id)->second;
  const Place place{row.issue.modified, row.issue.id};
  for (const Window& window : project.windows) {
    if (window.tree && !(*window.last < place)) {
      tell(window.subscription, FloorChange::kEdit, comment.issue_id);
    }
  }
}

// `at` is in the order already.
void TrackerFloor::place(Project& project, Order::iterator at) {
  for (Window& window : project.windows) {
    const bool was_full = project.order.size() > window.limit;
    if (!was_full) {
      if (window.last == project.order.end() || *window.last < *at) window.last = at;
    } else if (*at < *window.last) {
      tell(window.subscription, FloorChange::kLeave, window.last->id);
      --window.last;
    } else {
      continue;
    }
    tell(window.subscription, FloorChange::kEnter, at->id);
  }
}

// `at` is in the order still.
void TrackerFloor::displace(Project& project, Order::iterator at) {
  for (Window& window : project.windows) {
    if (*window.last < *at) continue;
    tell(window.subscription, FloorChange::kLeave, at->id);
    const Order::iterator next = std::next(window.last);
    if (next != project.order.end()) {
      tell(window.subscription, FloorChange::kEnter, next->id);
      window.last = next;
    } else if (window.last == at) {
      window.last = at == project.order.begin() ? project.order.end() : std::prev(at);
    }
  }
}

// Both are in the order.
void TrackerFloor::replace(Project& project, Order::iterator from, Order::iterator to) {
  for (Window& window : project.windows) {
    const bool in_old = !(*window.last < *from);
    const bool before_last = *to < *window.last;
    if (in_old && before_last) {
      if (window.last == from) --window.last;
      tell(window.subscription, FloorChange::kMove, to->id);
    } else if (in_old) {
      const Order::iterator next = std::next(window.last);
      if (next == to) {
        tell(window.subscription, FloorChange::kMove, to->id);
      } else {
        tell(window.subscription, FloorChange::kLeave, from->id);
        tell(window.subscription, FloorChange::kEnter, next->id);
      }
      window.last = next;
    } else if (before_last) {
      tell(window.subscription, FloorChange::kLeave, window.last->id);
      tell(window.subscription, FloorChange::kEnter, to->id);
      --window.last;
    }
  }
}

std::vector<std::int64_t> TrackerFloor::newest(const Row& row) const {
  std::vector<std::int64_t> ids = row.comments;
  std::sort(ids.begin(), ids.end(), [this](std::int64_t a, std::int64_t b) {
    const std::int64_t at_a = comments_.at(a).created;
    const std::int64_t at_b = comments_.at(b).created;
    return at_a != at_b ? at_a > at_b : a < b;
  });
  if (ids.size() > 10) ids.resize(10);
  return ids;
}

std::string TrackerFloor::checksum(std::string_view query) const {
  if (query == "q3") return std::to_string(open_);
  Checksum sum;
  if (query == "q1" || query == "q4") {
    std::set<std::int64_t> ids(urgent_.begin(), urgent_.end());
    for (const auto& [id, count] : commented_) ids.insert(id);
    for (const std::int64_t id : ids) sum.add(id);
    return sum.text();
  }
  const Project& project = projects_.at(kProject);
  for (auto at = project.order.begin(); at != project.order.end(); ++at) {
    const Row& row = issues_.at(at->id);
    if (query == "q2") {
      sum.add(at->id);
    } else {
      std::vector<std::pair<std::int64_t, std::int64_t>> authors;
      for (const std::int64_t id : newest(row)) {
        authors.emplace_back(id, comments_.at(id).author_id);
      }
      std::vector<std::int64_t> labels = row.labels;
      std::sort(labels.begin(), labels.end());
      sum.add(tree_text(at->id, row.issue.owner_id, authors, labels));
    }
    if (at == project.windows.front().last) break;
  }
  return sum.text();
}

}  // namespace tremula::bench
