#include "core/dataflow/patch.h"

#include <algorithm>

#include "core/dataflow/array_moves.h"
#include "core/dataflow/render.h"

namespace tremula::dataflow {

using triples::Side;
using triples::Slot;

namespace {

// A row of a result on one side.
struct Place {
  const BlockInstance* instance = nullptr;
  RowId row = kAllRows;
};

struct Item {
  ArrayItem at;
  Place old_row, new_row;
};

// What an operation takes as text, about.
std::size_t text_size(const Change& c) {
  constexpr std::size_t kFrame = 24;
  return kFrame + c.path.size() + c.from.size() + (c.from.empty() ? 0 : 9) +
         (c.value.empty() ? 0 : 9 + c.value.size());
}

void append_name(const std::string& name, std::string& path) {
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

class Differ {
 public:
  Differ(bool with_old, std::vector<Change>& out) : with_old_(with_old), out_(out) {}

  // The same instance on both sides: its deltas tell.
  void array(const BlockInstance& instance, const std::string& path) {
    std::vector<Item> items;
    for (const RowDelta& d : instance.deltas()) {
      Item item;
      item.old_row = item.new_row = {&instance, d.row};
      if (d.in_old) item.at.old_index = instance.index_of(d.row, Side::kOld);
      if (d.in_new) item.at.new_index = instance.index_of(d.row, Side::kNew);
      items.push_back(item);
    }
    diff_items(items, instance, instance, path);
  }

  void single(const BlockInstance& old_instance, const BlockInstance& new_instance,
              const std::string& path) {
    const Place before{&old_instance, old_instance.row_at(0, Side::kOld)};
    const Place after{&new_instance, new_instance.row_at(0, Side::kNew)};
    if (before.row == kAllRows && after.row == kAllRows) return;
    if (before.row == kAllRows || after.row == kAllRows)
      replace(path, text_of(before, Side::kOld), text_of(after, Side::kNew));
    else
      row(before, after, path);
  }

 private:
  static std::string text_of(const Place& place, Side side) {
    if (place.row == kAllRows) return "null";
    std::string text;
    print_row(*place.instance, place.row, side, text);
    return text;
  }

  std::string key_of(const Place& place, Side side) const {
    std::string key;
    if (with_old_) print_key(*place.instance, place.row, side, key);
    return key;
  }

  void replace(const std::string& path, const std::string& old_value, std::string value) {
    if (old_value == value) return;
    Change c;
    c.kind = ChangeKind::kReplace;
    c.path = path;
    c.value = std::move(value);
    if (with_old_) c.old_value = old_value;
    out_.push_back(std::move(c));
  }

  std::size_t size_since(std::size_t mark) const {
    std::size_t size = 0;
    for (std::size_t i = mark; i < out_.size(); ++i) size += text_size(out_[i]);
    return size;
  }

  // One replace at `path` in place of what was written since `mark`, if that is shorter.
  template <typename Print>
  void or_replace(std::size_t mark, const std::string& path, const std::string& key,
                  Print&& print) {
    if (out_.size() < mark + 2) return;
    Change c;
    c.path = path;
    c.key = key;
    print(Side::kNew, c.value);
    if (text_size(c) > size_since(mark)) return;
    if (with_old_) print(Side::kOld, c.old_value);
    out_.resize(mark);
    out_.push_back(std::move(c));
  }

  // Two rows of one shape, that stand at the same path.
  void row(const Place& before, const Place& after, const std::string& path) {
    const std::size_t mark = out_.size();
    Slot old_scratch, new_scratch;
    const RowContext old_row = before.instance->shape_context(before.row, Side::kOld, old_scratch);
    const RowContext new_row = after.instance->shape_context(after.row, Side::kNew, new_scratch);
    const Block& block = after.instance->block();
    if (block.bare)
      property(before, after, block.properties[0], old_row, new_row, path);
    else
      properties(before, after, block.properties, old_row, new_row, path);
    or_replace(mark, path, key_of(after, Side::kNew), [&](Side side, std::string& out) {
      const Place& place = side == Side::kOld ? before : after;
      print_row(*place.instance, place.row, side, out);
    });
  }

  void properties(const Place& before, const Place& after, const std::vector<BlockProperty>& list,
                  const RowContext& old_row, const RowContext& new_row, const std::string& path) {
    for (const BlockProperty& p : list) {
      std::string at = path;
      append_name(p.name, at);
      property(before, after, p, old_row, new_row, at);
    }
  }

  void property(const Place& before, const Place& after, const BlockProperty& p,
                const RowContext& old_row, const RowContext& new_row, const std::string& path) {
    if (p.kind == PropertyKind::kValue) {
      const triples::Value a = evaluate(p.node, old_row), b = evaluate(p.node, new_row);
      if (identical(a, b)) return;
      std::string old_text, new_text;
      triples::print_json(a, old_text);
      triples::print_json(b, new_text);
      replace(path, old_text, std::move(new_text));
      return;
    }
    if (p.kind == PropertyKind::kObject) {
      properties(before, after, p.properties, old_row, new_row, path);
      return;
    }
    const BlockInstance& a = *before.instance->sites().child(p.site, old_row);
    const BlockInstance& b = *after.instance->sites().child(p.site, new_row);
    if (&a == &b && a.deltas().empty()) return;
    if (p.kind == PropertyKind::kSingle)
      single(a, b, path);
    else if (&a == &b)
      array(a, path);
    else
      other_array(a, b, path);
  }

  // An array that another instance gives now: rows are told by what identifies them in both.
  void other_array(const BlockInstance& a, const BlockInstance& b, const std::string& path) {
    base::FlatMap<std::string, std::size_t> known;
    std::vector<Item> items;
    std::string identity;
    a.for_each_visible(Side::kOld, [&](RowId row) {
      a.core().identity(row, Side::kOld, identity);
      known[identity] = items.size();
      Item item;
      item.old_row = {&a, row};
      item.at.old_index = items.size();
      items.push_back(item);
    });
    std::size_t index = 0;
    b.for_each_visible(Side::kNew, [&](RowId row) {
      b.core().identity(row, Side::kNew, identity);
      const std::size_t* found = known.find(identity);
      if (found == nullptr) items.emplace_back();
      Item& item = found == nullptr ? items.back() : items[*found];
      known.erase(identity);  // rows of derived tables may be equal: each stands for one
      item.new_row = {&b, row};
      item.at.new_index = index++;
    });
    diff_items(items, a, b, path);
  }

  void diff_items(const std::vector<Item>& items, const BlockInstance& old_instance,
                  const BlockInstance& new_instance, const std::string& path) {
    const std::size_t mark = out_.size();
    std::vector<ArrayItem> at;
    for (const Item& item : items) at.push_back(item.at);
    const ArrayPlan plan = plan_array(at);
    if (!plan.steps.empty() && prints_same(at, old_instance, new_instance)) return;
    for (const ArrayStep& step : plan.steps) write_step(step, items[step.item], path);
    for (auto [leaves, enters] : plan.replaced)
      row(items[leaves].old_row, items[enters].new_row,
          path + '/' + std::to_string(items[enters].at.new_index));
    for (const Item& item : items)
      if (item.at.old_index != ArrayItem::kNowhere && item.at.new_index != ArrayItem::kNowhere)
        row(item.old_row, item.new_row, path + '/' + std::to_string(item.at.new_index));
    // A whole array is printed for comparison only where the operations touch much of it.
    if (2 * (out_.size() - mark) > new_instance.row_count(Side::kNew))
      or_replace(mark, path, {}, [&](Side side, std::string& out) {
        print_rows(side == Side::kOld ? old_instance : new_instance, side, out);
      });
  }

  // Whether rows came, went or moved only among rows that print alike. Mostly the first two
  // compared differ.
  static bool prints_same(const std::vector<ArrayItem>& items, const BlockInstance& old_instance,
                          const BlockInstance& new_instance) {
    if (old_instance.row_count(Side::kOld) != new_instance.row_count(Side::kNew)) return false;
    std::size_t first = ArrayItem::kNowhere, last = 0;
    for (const ArrayItem& item : items) {
      for (std::size_t index : {item.old_index, item.new_index}) {
        if (index == ArrayItem::kNowhere) continue;
        first = std::min(first, index);
        last = std::max(last, index);
      }
    }
    for (std::size_t i = first; i <= last; ++i)
      if (text_of({&old_instance, old_instance.row_at(i, Side::kOld)}, Side::kOld) !=
          text_of({&new_instance, new_instance.row_at(i, Side::kNew)}, Side::kNew))
        return false;
    return true;
  }

  void write_step(const ArrayStep& step, const Item& item, const std::string& path) {
    Change c;
    c.path = path + '/' + std::to_string(step.index);
    switch (step.kind) {
      case ArrayStep::Kind::kRemove:
        c.kind = ChangeKind::kRemove;
        if (with_old_) c.old_value = text_of(item.old_row, Side::kOld);
        c.key = key_of(item.old_row, Side::kOld);
        break;
      case ArrayStep::Kind::kMove:
        c.kind = ChangeKind::kMove;
        c.from = path + '/' + std::to_string(step.from);
        c.key = key_of(item.new_row, Side::kNew);
        break;
      case ArrayStep::Kind::kAdd:
        c.kind = ChangeKind::kAdd;
        c.value = text_of(item.new_row, Side::kNew);
        c.key = key_of(item.new_row, Side::kNew);
        break;
    }
    out_.push_back(std::move(c));
  }

  const bool with_old_;
  std::vector<Change>& out_;
};

}  // namespace

void make_changes(const BlockInstance& root, bool with_old, std::vector<Change>& out) {
  Differ(with_old, out).array(root, "");
}

}  // namespace tremula::dataflow
