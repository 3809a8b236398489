// RouteIndex: where instances stand.
#include "core/dataflow/route_index.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/dataflow/relation_index.h"
#include "core/triples/key_encoding.h"
#include "core/triples/value_text.h"

namespace tremula::dataflow {

using triples::Value;

namespace {

constexpr std::size_t kCrowd = 2;       // from so many on, a better place is looked for
constexpr std::size_t kCrowdMax = 16;   // so far crowds are counted
constexpr std::size_t kSetsMax = 16;    // of one table
constexpr std::size_t kFewMax = 4;      // in a set: so few may stand in ranges though none crowds
constexpr std::size_t kPlacesMax = 64;  // of one arm, unless a single IN has more

// Least of all bytes behind `bytes`.
std::string behind(std::string bytes) {
  bytes += '\0';
  return bytes;
}

std::string encoded(Value value) {
  std::string bytes;
  triples::encode_ordered(value, bytes);
  return bytes;
}

// All values but NULL.
Interval all_values() { return {behind(encoded(Value::null())), "\xFF"}; }

// Bounded on both sides, or by some letters.
bool is_narrow(const Interval& interval) {
  static const Interval kAll = all_values();
  return interval.lower != kAll.lower && interval.upper != kAll.upper && interval.lower.size() > 1;
}

// The texts that begin as the pattern must. LIKE and GLOB compare by bytes, LIKE in small letters.
Interval prefix_interval(Value pattern, std::string_view wildcards, bool fold) {
  const triples::ValueText text(pattern);
  if (text.is_null()) return {};
  std::string prefix = encoded(Value::text_of(""));
  prefix.resize(1);  // the mark of a text alone
  for (const char c : text.view()) {
    if (c == '\0' || wildcards.find(c) != std::string_view::npos) break;
    prefix += fold && c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  std::string end = triples::prefix_end(prefix);
  return {std::move(prefix), std::move(end)};
}

Interval like_interval(Value pattern, Value escape) {
  const triples::ValueText escape_text(escape);
  const std::string_view begin = escape_text.is_null() ? "" : escape_text.view().substr(0, 1);
  return prefix_interval(pattern, "%_" + std::string(begin), true);
}

Interval interval_of(const RouteTerm& term, const RowContext& row) {
  const Value value = evaluate(term.values[0], row);
  if (term.kind == RouteTerm::Kind::kLike)
    return like_interval(value,
                         term.values.size() > 1 ? evaluate(term.values[1], row) : Value::null());
  if (term.kind == RouteTerm::Kind::kGlob) return prefix_interval(value, "*?[", false);
  if (value.is_null()) return {};
  Interval interval = all_values();
  std::string bytes = encoded(value);
  switch (term.kind) {
    case RouteTerm::Kind::kFrom: interval.lower = std::move(bytes); break;
    case RouteTerm::Kind::kBehind: interval.lower = behind(std::move(bytes)); break;
    case RouteTerm::Kind::kBelow: interval.upper = std::move(bytes); break;
    default: interval.upper = behind(std::move(bytes)); break;
  }
  return interval;
}

triples::ColumnMask columns_of(const Node& node) {
  triples::ColumnMask mask = 0;
  for_each_node(node, [&mask](const Node& n) {
    if (n.is_column()) mask |= triples::column_bit(n.index);
  });
  return mask;
}

std::uint64_t next_hash(std::uint64_t hash, std::string_view bytes) {
  return base::hash_combine(hash, base::hash_bytes(bytes));
}

// What a place is found by.
std::uint32_t place_hash(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

}  // namespace

RouteIndex::RouteIndex(RouteShared& shared, const triples::Relation& relation)
    : shared_(shared), relation_(relation) {
  std::vector<RouteIndex*>& all = shared_.indexes_by_number;
  const auto at = std::find(all.begin(), all.end(), nullptr);
  number_ = static_cast<std::uint16_t>(at - all.begin());
  TREMULA_ASSERT(number_ == at - all.begin());
  if (at == all.end())
    all.push_back(this);
  else
    *at = this;
}

RouteIndex::~RouteIndex() { shared_.indexes_by_number[number_] = nullptr; }

RoutePlace RouteIndex::insert(const RouteArm& arm, std::size_t at,
                              std::span<const Value> parameters, CoreInstance& instance,
                              std::uint32_t source, RoutePlace head) {
  if (at < arm.hops.size())
    return way(arm.hops[at]).rows->insert(arm, at + 1, parameters, instance, source, head);
  // Mostly one equality tells the place, and there is a set for it.
  if (arm.terms.size() == 1 && arm.terms[0].kind == RouteTerm::Kind::kEqual &&
      arm.terms[0].values.size() == 1) {
    RowContext row;
    row.parameters = parameters.data();
    row.arena = &shared_.arena;
    const Value value = evaluate(arm.terms[0].values[0], row);
    if (value.is_null() && !arm.terms[0].null_meets) return head;
    const int set = set_of(point(arm.terms[0]));
    key_.clear();
    triples::encode_ordered(value, key_);
    if (set >= 0)
      return stand({static_cast<std::uint16_t>(set)}, place_hash(next_hash(0, key_)), nullptr,
                   instance, source, head);
  }
  Wanted wanted;
  if (!read_terms(arm.terms, parameters, wanted)) return head;
  const Choice choice = choose(wanted);
  const Set& chosen = sets_[choice.set];
  std::vector<std::uint64_t> hashes = {0};
  for (const Wanted::Equal& equal : wanted.equals) {
    if (std::find(chosen.points.begin(), chosen.points.end(), equal.point) == chosen.points.end())
      continue;
    std::vector<std::uint64_t> longer;
    for (const std::uint64_t hash : hashes)
      for (const std::string& key : equal.keys) longer.push_back(next_hash(hash, key));
    hashes = std::move(longer);
  }
  const Wanted::Between* between =
      choice.between < 0 ? nullptr : &wanted.ranges[static_cast<std::size_t>(choice.between)];
  for (const std::uint64_t hash : hashes)
    head = stand(choice, place_hash(hash), between, instance, source, head);
  return head;
}

int RouteIndex::set_of(std::uint32_t point) const {
  for (std::size_t s = 0; s < sets_.size(); ++s)
    if (sets_[s].used > 0 && sets_[s].points.size() == 1 && sets_[s].points[0] == point)
      return static_cast<int>(s);
  return -1;
}

RoutePlace RouteIndex::stand(const Choice& choice, std::uint32_t hash,
                             const Wanted::Between* between, CoreInstance& instance,
                             std::uint32_t source, RoutePlace head) {
  Set& set = sets_[choice.set];
  const RoutePlace place = shared_.entries.make();
  RouteEntry& entry = shared_.entries[place];
  entry.instance = &instance;
  entry.index = number_;
  entry.hash = hash;
  entry.of_instance = head;
  entry.set = choice.set;
  entry.source = static_cast<std::uint16_t>(source);
  ++used_;
  ++set.used;
  if (between == nullptr) {
    link(place, *set.lists.insert(hash, kNoPlace).first);
    return place;
  }
  entry.range = static_cast<std::int16_t>(range_of(set, between->point));
  Range& range = set.ranges[static_cast<std::size_t>(entry.range)];
  IntervalTree& tree = range.trees[hash];
  entry.node = tree.add(between->interval);
  link(place, tree.items(entry.node));
  ++range.used;
  return place;
}

void RouteIndex::link(RoutePlace place, RoutePlace& head) {
  shared_.entries[place].next = head;
  if (head != kNoPlace) shared_.entries[head].previous = place;
  head = place;
}

void RouteIndex::erase(RoutePlace place) {
  const RouteEntry entry = shared_.entries[place];
  Set& set = sets_[entry.set];
  Range* range = entry.range < 0 ? nullptr : &set.ranges[static_cast<std::size_t>(entry.range)];
  if (entry.next != kNoPlace) shared_.entries[entry.next].previous = entry.previous;
  if (entry.previous != kNoPlace) {
    shared_.entries[entry.previous].next = entry.next;
  } else if (range == nullptr) {
    if (entry.next == kNoPlace)
      set.lists.erase(entry.hash);
    else
      *set.lists.find(entry.hash) = entry.next;
  } else {
    IntervalTree& tree = *range->trees.find(entry.hash);
    tree.items(entry.node) = entry.next;
    if (entry.next == kNoPlace) tree.erase(entry.node);
    if (tree.empty()) range->trees.erase(entry.hash);
  }
  shared_.entries.free(place);
  if (range != nullptr && --range->used == 0) *range = Range();
  if (--set.used == 0) set = Set();
  --used_;
}

bool RouteIndex::forget_unused() {
  std::erase_if(ways_, [](const std::unique_ptr<Way>& way) { return way->rows->forget_unused(); });
  return used_ == 0 && ways_.empty();
}

RouteIndex::Way& RouteIndex::way(const RouteHop& hop) {
  for (const std::unique_ptr<Way>& way : ways_)
    if (way->hop.text == hop.text) return *way;
  auto made = std::make_unique<Way>();
  made->hop = hop;
  for (const Node& node : hop.from) made->columns |= columns_of(node);
  if (!hop.by_key) made->index = shared_.indexes.of(hop.table).find(hop.columns, true);
  made->rows = std::make_unique<RouteIndex>(shared_, *hop.relation);
  ways_.push_back(std::move(made));
  return *ways_.back();
}

std::uint32_t RouteIndex::point(const RouteTerm& term) {
  for (std::uint32_t i = 0; i < points_.size(); ++i)
    if (points_[i].text == term.text) return i;
  Point made;
  made.text = term.text;
  made.of_row = term.of_row;
  made.columns = columns_of(term.of_row);
  const bool is_text = term.kind == RouteTerm::Kind::kLike || term.kind == RouteTerm::Kind::kGlob;
  made.kind = is_text ? term.kind : RouteTerm::Kind::kEqual;
  points_.push_back(std::move(made));
  return static_cast<std::uint32_t>(points_.size() - 1);
}

void RouteIndex::add_equal(const RouteTerm& term, const RowContext& row, Wanted& wanted) {
  Wanted::Equal equal;
  equal.point = point(term);
  for (const Node& node : term.values) {
    const Value value = evaluate(node, row);
    if (!value.is_null() || term.null_meets) equal.keys.push_back(encoded(value));
  }
  std::sort(equal.keys.begin(), equal.keys.end());
  equal.keys.erase(std::unique(equal.keys.begin(), equal.keys.end()), equal.keys.end());
  auto at =
      std::lower_bound(wanted.equals.begin(), wanted.equals.end(), equal.point,
                       [](const Wanted::Equal& e, std::uint32_t point) { return e.point < point; });
  if (at == wanted.equals.end() || at->point != equal.point)
    wanted.equals.insert(at, std::move(equal));
  else if (equal.keys.size() < at->keys.size())
    *at = std::move(equal);
}

void RouteIndex::add_range(const RouteTerm& term, const RowContext& row, Wanted& wanted) {
  const std::uint32_t at = point(term);
  Interval interval = interval_of(term, row);
  for (Wanted::Between& known : wanted.ranges) {
    if (known.point != at) continue;
    if (interval.lower > known.interval.lower) known.interval.lower = std::move(interval.lower);
    if (interval.upper < known.interval.upper) known.interval.upper = std::move(interval.upper);
    return;
  }
  wanted.ranges.push_back({at, std::move(interval)});
}

// Returns: false if no row can meet the terms.
bool RouteIndex::read_terms(const std::vector<RouteTerm>& terms, std::span<const Value> parameters,
                            Wanted& wanted) {
  RowContext row;
  row.parameters = parameters.data();
  row.arena = &shared_.arena;
  for (const RouteTerm& term : terms) {
    if (term.kind == RouteTerm::Kind::kEqual)
      add_equal(term, row, wanted);
    else
      add_range(term, row, wanted);
  }
  for (const Wanted::Equal& equal : wanted.equals)
    if (equal.keys.empty()) return false;
  for (const Wanted::Between& between : wanted.ranges)
    if (between.interval.empty()) return false;
  // Where no crowd tells, what is bounded on both sides comes first.
  std::stable_partition(wanted.ranges.begin(), wanted.ranges.end(),
                        [](const auto& between) { return is_narrow(between.interval); });
  // Of long lists the shortest is enough.
  std::size_t places = 1;
  for (const Wanted::Equal& equal : wanted.equals)
    places = std::min(places * equal.keys.size(), kPlacesMax + 1);
  if (places > kPlacesMax) {
    auto shortest = std::min_element(
        wanted.equals.begin(), wanted.equals.end(),
        [](const auto& a, const auto& b) { return a.keys.size() < b.keys.size(); });
    wanted.equals = {std::move(*shortest)};
  }
  return true;
}

// How many stand where rows with these values look, up to kCrowdMax.
std::size_t RouteIndex::crowd(const Set& set, std::uint32_t hash,
                              const Wanted::Between* between) const {
  std::size_t count = 0;
  auto add = [&](RoutePlace place) {
    for (; place != kNoPlace && count < kCrowdMax; place = shared_.entries[place].next) ++count;
    return count < kCrowdMax;
  };
  if (between == nullptr) {
    if (const RoutePlace* list = set.lists.find(hash)) add(*list);
    return count;
  }
  for (const Range& range : set.ranges) {
    if (range.used == 0 || range.point != between->point) continue;
    if (const IntervalTree* tree = range.trees.find(hash))
      tree->stab(between->interval.lower,
                 [&](const IntervalView&, RoutePlace place) { return add(place); });
  }
  return count;
}

// The place where the fewest stand, of the sets over the arm's equalities that there are; if these
// are many, a new set over all of them.
RouteIndex::Choice RouteIndex::choose(const Wanted& wanted) {
  Choice best;
  std::size_t least = kCrowdMax + 1;
  std::size_t sets = 0;
  bool whole = false;
  for (std::size_t s = 0; s < sets_.size(); ++s) {
    const Set& set = sets_[s];
    if (set.used == 0) continue;
    ++sets;
    if (set.points.empty() && !wanted.equals.empty()) continue;
    std::uint64_t hash = 0;
    std::size_t met = 0;
    for (const Wanted::Equal& equal : wanted.equals) {
      if (met == set.points.size() || set.points[met] != equal.point) continue;
      hash = next_hash(hash, equal.keys[0]);
      ++met;
    }
    if (met < set.points.size()) continue;
    whole = whole || met == wanted.equals.size();
    auto consider = [&](int b) {
      const std::size_t there = crowd(
          set, place_hash(hash), b < 0 ? nullptr : &wanted.ranges[static_cast<std::size_t>(b)]);
      if (there >= least) return;
      least = there;
      best = {static_cast<std::uint16_t>(s), b};
    };
    // Where many values are stood at, these are selective, and a tree each would cost memory.
    const bool by_values = !set.points.empty() || wanted.ranges.empty();
    if (by_values && set.used >= kFewMax) consider(-1);
    for (std::size_t b = 0; b < wanted.ranges.size(); ++b) consider(static_cast<int>(b));
    if (by_values && set.used < kFewMax) consider(-1);
  }
  if (least < kCrowd || (least <= kCrowdMax && (whole || sets >= kSetsMax))) return best;
  return {make_set(wanted), wanted.ranges.empty() ? -1 : 0};
}

std::uint16_t RouteIndex::make_set(const Wanted& wanted) {
  std::size_t at = 0;
  while (at < sets_.size() && sets_[at].used > 0) ++at;
  if (at == sets_.size()) sets_.emplace_back();
  for (const Wanted::Equal& equal : wanted.equals) {
    sets_[at].points.push_back(equal.point);
    sets_[at].columns |= points_[equal.point].columns;
  }
  return static_cast<std::uint16_t>(at);
}

std::size_t RouteIndex::range_of(Set& set, std::uint32_t point) {
  std::size_t free = set.ranges.size();
  for (std::size_t r = 0; r < set.ranges.size(); ++r) {
    if (set.ranges[r].used == 0)
      free = r;
    else if (set.ranges[r].point == point)
      return r;
  }
  if (free == set.ranges.size()) set.ranges.emplace_back();
  set.ranges[free].point = point;
  return free;
}

std::size_t RouteIndex::memory_bytes() const {
  std::size_t bytes =
      sizeof(*this) + points_.capacity() * sizeof(Point) + sets_.capacity() * sizeof(Set);
  for (const Set& set : sets_) {
    bytes += set.lists.memory_bytes() + set.ranges.capacity() * sizeof(Range);
    for (const Range& range : set.ranges) {
      bytes += range.trees.memory_bytes();
      for (const auto& entry : range.trees) bytes += entry.value.memory_bytes();
    }
  }
  for (const std::unique_ptr<Way>& way : ways_) bytes += sizeof(Way) + way->rows->memory_bytes();
  return bytes;
}

}  // namespace tremula::dataflow
