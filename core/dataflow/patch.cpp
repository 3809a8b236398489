#include "core/dataflow/patch.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "core/dataflow/render.h"

namespace tremula::dataflow {

using triples::Kind;
using triples::Side;
using triples::Slot;
using triples::Value;

namespace {

using Place = PatchPlace;
constexpr std::size_t kNowhere = ArrayItem::kNowhere;

// What an operation takes as text, about.
std::size_t text_size(const Change& c) {
  constexpr std::size_t kFrame = 24;
  return kFrame + c.path.size() + c.from.size() + (c.from.empty() ? 0 : 9) +
         (c.value.empty() ? 0 : 9 + c.value.size());
}

// The path to what is being compared; a part goes when it is left.
class PathPart {
 public:
  PathPart(std::string& path, std::size_t index) : path_(path), size_(path.size()) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, index).ptr;
    path += '/';
    path.append(digits, end);
  }
  PathPart(std::string& path, const std::string& name) : path_(path), size_(path.size()) {
    path += '/';
    for (char c : name) {
      if (c == '~')
        path += "~0";
      else if (c == '/')
        path += "~1";
      else
        path += c;
    }
  }
  ~PathPart() { path_.resize(size_); }
  PathPart(const PathPart&) = delete;
  PathPart& operator=(const PathPart&) = delete;

 private:
  std::string& path_;
  const std::size_t size_;
};

class Differ {
 public:
  Differ(bool with_old, PatchScratch& scratch, base::Arena& arena)
      : with_old_(with_old), scratch_(scratch), out_(scratch.out), arena_(arena) {}

  // The same instance on both sides: its deltas tell.
  void array(const BlockInstance& instance) {
    PatchScratch::Level& level = open_level();
    const std::size_t offset = instance.offset();
    for (const RowDelta& d : instance.deltas()) {
      auto index = [&](Side side, std::uint32_t at) {
        return at == RowDelta::kUnknown ? instance.index_of(d.row, side) : at - offset;
      };
      ArrayItem& item = level.items.emplace_back();
      if (d.in_old) item.old_index = index(Side::kOld, d.old_at);
      if (d.in_new) item.new_index = index(Side::kNew, d.new_at);
      auto& [before, after] = level.rows.emplace_back();
      before.instance = after.instance = &instance;
      before.row = after.row = d.row;
    }
    diff_items(level, instance, instance);
    --depth_;
  }

 private:
  PatchScratch::Level& open_level() {
    if (depth_ == scratch_.levels.size()) scratch_.levels.emplace_back();
    PatchScratch::Level& level = scratch_.levels[depth_++];
    level.items.clear();
    level.rows.clear();
    level.plan.clear();
    return level;
  }

  void single(const BlockInstance& old_instance, const BlockInstance& new_instance) {
    const Place before{&old_instance, old_instance.row_at(0, Side::kOld)};
    const Place after{&new_instance, new_instance.row_at(0, Side::kNew)};
    if (before.row == kAllRows && after.row == kAllRows) return;
    if (before.row == kAllRows || after.row == kAllRows)
      replace(text_of(before, Side::kOld), text_of(after, Side::kNew));
    else
      row(before, after);
  }

  std::string_view text_of(const Place& place, Side side) {
    if (place.row == kAllRows) return "null";
    const std::uint64_t key = std::uint64_t{place.row} << 1 | (side == Side::kNew);
    RowTexts* const known = texts_of(*place.instance);
    if (known != nullptr)
      if (const std::string_view* text = known->find(key)) return *text;
    scratch_.text.clear();
    print_row(*place.instance, place.row, side, scratch_.text);
    const std::string_view text = arena_.copy(scratch_.text);
    if (known != nullptr) known->add(key, text);
    return text;
  }

  // Asked for several times in a row, which is one look.
  RowTexts* texts_of(const BlockInstance& instance) {
    if (texts_instance_ != &instance) {
      texts_ = instance.core().texts_of(instance);
      texts_instance_ = &instance;
    }
    return texts_;
  }

  std::string_view key_of(const Place& place, Side side) {
    if (!with_old_) return {};
    scratch_.text.clear();
    print_key(*place.instance, place.row, side, scratch_.text);
    return arena_.copy(scratch_.text);
  }

  // The texts outlive the step.
  void replace(std::string_view old_value, std::string_view value) {
    if (old_value == value) return;
    Change& c = out_.emplace_back();
    c.kind = ChangeKind::kReplace;
    c.path = arena_.copy(scratch_.path);
    c.value = value;
    if (with_old_) c.old_value = old_value;
  }

  std::size_t size_since(std::size_t mark) const {
    std::size_t size = 0;
    for (std::size_t i = mark; i < out_.size(); ++i) size += text_size(out_[i]);
    return size;
  }

  // One replace in place of what was written since `mark`, if that is shorter.
  template <typename Print>
  void or_replace(std::size_t mark, std::string_view key, Print&& print) {
    if (out_.size() < mark + 2) return;
    Change c;
    c.value = print(Side::kNew);
    c.path = scratch_.path;
    if (text_size(c) > size_since(mark)) return;
    c.value = arena_.copy(c.value);
    c.path = arena_.copy(c.path);
    c.key = key;
    if (with_old_) c.old_value = arena_.copy(print(Side::kOld));
    out_.resize(mark);
    out_.push_back(c);
  }

  // Two rows of one shape, that stand at the same path.
  void row(const Place& before, const Place& after) {
    const std::size_t mark = out_.size();
    Slot old_scratch, new_scratch;
    const RowContext old_row = before.instance->shape_context(before.row, Side::kOld, old_scratch);
    const RowContext new_row = after.instance->shape_context(after.row, Side::kNew, new_scratch);
    const Block& block = after.instance->block();
    if (block.bare)
      property(before, after, block.properties[0], old_row, new_row);
    else
      properties(before, after, block.properties, old_row, new_row);
    if (out_.size() < mark + 2) return;
    or_replace(mark, key_of(after, Side::kNew), [&](Side side) {
      return side == Side::kOld ? text_of(before, side) : text_of(after, side);
    });
  }

  void properties(const Place& before, const Place& after, const std::vector<BlockProperty>& list,
                  const RowContext& old_row, const RowContext& new_row) {
    for (const BlockProperty& p : list) {
      if (p.kind == PropertyKind::kValue) {
        value(p, old_row, new_row, true);
        continue;
      }
      const PathPart part(scratch_.path, p.name);
      property(before, after, p, old_row, new_row);
    }
  }

  void value(const BlockProperty& p, const RowContext& old_row, const RowContext& new_row,
             bool named) {
    const Value a = evaluate(p.node, old_row), b = evaluate(p.node, new_row);
    if (identical(a, b)) return;
    std::string &old_text = scratch_.other, &new_text = scratch_.text;
    old_text.clear();
    new_text.clear();
    triples::print_json(a, old_text);
    triples::print_json(b, new_text);
    if (old_text == new_text) return;
    const std::string_view old_copy = with_old_ ? arena_.copy(old_text) : old_text;
    const std::string_view new_copy = arena_.copy(new_text);
    if (!named) return replace(old_copy, new_copy);
    const PathPart part(scratch_.path, p.name);
    replace(old_copy, new_copy);
  }

  void property(const Place& before, const Place& after, const BlockProperty& p,
                const RowContext& old_row, const RowContext& new_row) {
    if (p.kind == PropertyKind::kValue) return value(p, old_row, new_row, false);
    if (p.kind == PropertyKind::kObject)
      return properties(before, after, p.properties, old_row, new_row);
    const BlockInstance& a = *before.instance->sites().child(p.site, old_row);
    const BlockInstance& b = *after.instance->sites().child(p.site, new_row);
    if (&a == &b && a.deltas().empty()) return;
    if (p.kind == PropertyKind::kSingle)
      single(a, b);
    else if (&a == &b)
      array(a);
    else
      other_array(a, b);
  }

  // An array that another instance gives now: rows are told by what identifies them in both.
  void other_array(const BlockInstance& a, const BlockInstance& b) {
    PatchScratch::Level& level = open_level();
    base::FlatMap<std::string, std::size_t> known;
    std::string identity;
    a.for_each_visible(Side::kOld, [&](RowId row) {
      a.core().identity(row, Side::kOld, identity);
      known[identity] = level.items.size();
      ArrayItem item;
      item.old_index = level.items.size();
      level.items.push_back(item);
      level.rows.push_back({{&a, row}, {}});
    });
    std::size_t index = 0;
    b.for_each_visible(Side::kNew, [&](RowId row) {
      b.core().identity(row, Side::kNew, identity);
      const std::size_t* found = known.find(identity);
      const std::size_t at = found == nullptr ? level.items.size() : *found;
      if (found == nullptr) {
        level.items.emplace_back();
        level.rows.emplace_back();
      }
      known.erase(identity);  // rows of derived tables may be equal: each stands for one
      level.rows[at].second = {&b, row};
      level.items[at].new_index = index++;
    });
    diff_items(level, a, b);
    --depth_;
  }

  void diff_items(PatchScratch::Level& level, const BlockInstance& old_instance,
                  const BlockInstance& new_instance) {
    const std::size_t mark = out_.size();
    plan_array(level.items, level.plan);
    if (!level.plan.steps.empty() && prints_same(level.items, old_instance, new_instance)) return;
    for (const ArrayStep& step : level.plan.steps) write_step(step, level.rows[step.item]);
    for (auto [leaves, enters] : level.plan.replaced) {
      const PathPart part(scratch_.path, level.items[enters].new_index);
      row(level.rows[leaves].first, level.rows[enters].second);
    }
    for (std::size_t i = 0; i < level.items.size(); ++i) {
      const ArrayItem& item = level.items[i];
      if (item.old_index == kNowhere || item.new_index == kNowhere) continue;
      const PathPart part(scratch_.path, item.new_index);
      row(level.rows[i].first, level.rows[i].second);
    }
    // A whole array is printed for comparison only where the operations touch much of it.
    if (2 * (out_.size() - mark) > new_instance.row_count(Side::kNew))
      or_replace(mark, {}, [&](Side side) -> std::string_view {
        scratch_.text.clear();
        print_rows(side == Side::kOld ? old_instance : new_instance, side, scratch_.text);
        return scratch_.text;
      });
  }

  // Whether rows came, went or moved only among rows that print alike. Mostly the first two
  // compared differ.
  bool prints_same(std::span<const ArrayItem> items, const BlockInstance& old_instance,
                   const BlockInstance& new_instance) {
    if (old_instance.row_count(Side::kOld) != new_instance.row_count(Side::kNew)) return false;
    std::size_t first = kNowhere, last = 0;
    for (const ArrayItem& item : items) {
      for (std::size_t index : {item.old_index, item.new_index}) {
        if (index == kNowhere) continue;
        first = std::min(first, index);
        last = std::max(last, index);
      }
    }
    const std::size_t offset = new_instance.offset();
    const bool same = &old_instance == &new_instance;
    if (same) {
      const RowTexts* known = texts_of(new_instance);
      if (known != nullptr && known->different_at != RowDelta::kUnknown &&
          known->different_at >= offset + first && known->different_at <= offset + last)
        return false;
    }
    for (std::size_t i = first; i <= last; ++i) {
      const Place before{&old_instance, old_instance.row_at(i, Side::kOld)};
      const Place after{&new_instance, new_instance.row_at(i, Side::kNew)};
      if (!differ_plainly(before, after) &&
          text_of(before, Side::kOld) == text_of(after, Side::kNew))
        continue;
      if (!same) return false;
      if (RowTexts* known = texts_of(new_instance))
        known->different_at = static_cast<std::uint32_t>(offset + i);
      return false;
    }
    return true;
  }

  // Whether a plain value tells the rows apart, so that neither need be printed with all below it.
  static bool differ_plainly(const Place& before, const Place& after) {
    Slot old_scratch, new_scratch;
    const RowContext old_row = before.instance->shape_context(before.row, Side::kOld, old_scratch);
    const RowContext new_row = after.instance->shape_context(after.row, Side::kNew, new_scratch);
    for (const BlockProperty& p : after.instance->block().properties) {
      if (p.kind != PropertyKind::kValue || !p.node.is_column()) continue;
      const Value a = evaluate(p.node, old_row), b = evaluate(p.node, new_row);
      const bool told = a.kind == Kind::kInt || a.kind == Kind::kText;
      if (told && a.kind == b.kind && !identical(a, b)) return true;
    }
    return false;
  }

  void write_step(const ArrayStep& step, const std::pair<Place, Place>& rows) {
    Change& c = out_.emplace_back();
    const PathPart part(scratch_.path, step.index);
    c.path = arena_.copy(scratch_.path);
    switch (step.kind) {
      case ArrayStep::Kind::kRemove:
        c.kind = ChangeKind::kRemove;
        if (with_old_) c.old_value = text_of(rows.first, Side::kOld);
        c.key = key_of(rows.first, Side::kOld);
        break;
      case ArrayStep::Kind::kMove: {
        c.kind = ChangeKind::kMove;
        scratch_.path.resize(scratch_.path.rfind('/'));
        const PathPart from(scratch_.path, step.from);
        c.from = arena_.copy(scratch_.path);
        c.key = key_of(rows.second, Side::kNew);
        break;
      }
      case ArrayStep::Kind::kAdd:
        c.kind = ChangeKind::kAdd;
        c.value = text_of(rows.second, Side::kNew);
        c.key = key_of(rows.second, Side::kNew);
        break;
    }
  }

  const bool with_old_;
  PatchScratch& scratch_;
  std::vector<Change>& out_;
  base::Arena& arena_;
  std::size_t depth_ = 0;
  const BlockInstance* texts_instance_ = nullptr;
  RowTexts* texts_ = nullptr;
};

}  // namespace

ChangeList make_changes(const BlockInstance& root, bool with_old, base::Arena& arena) {
  PatchScratch& scratch = *root.engine().patch;
  scratch.out.clear();
  scratch.path.clear();
  Differ(with_old, scratch, arena).array(root);
  const std::size_t count = scratch.out.size();
  auto* list = reinterpret_cast<Change*>(arena.allocate(count * sizeof(Change)));
  std::uninitialized_copy(scratch.out.begin(), scratch.out.end(), list);
  return {list, count};
}

}  // namespace tremula::dataflow
