// The shrinker: drops steps, writes and parts of queries, one at a time, while the scenario
// still fails.
#include <algorithm>

#include "tests/property/scenario.h"

namespace tremula::property {
namespace {

// Makes the n-th of all edits that make a select smaller; n counts down over the places.
class Cutter {
 public:
  explicit Cutter(int n) : left_(n) {}
  bool select(Select& select);

 private:
  bool here() { return left_-- == 0; }
  bool expr(Expr& expr);
  bool exprs(std::vector<Expr>& all);
  bool property(Property& property);
  template <typename T>
  bool drop(std::vector<T>& items, std::size_t least) {
    for (std::size_t i = 0; items.size() > least && i < items.size(); ++i) {
      if (!here()) continue;
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    return false;
  }
  int left_;
};

bool Cutter::expr(Expr& expr) {
  for (std::size_t i = 0; i < expr.args.size(); ++i) {
    if (expr.args[i].type != expr.type || expr.aggregate || !here()) continue;
    Expr arg = expr.args[i];
    expr = std::move(arg);
    return true;
  }
  if (!expr.is_column() && (!expr.args.empty() || !expr.selects.empty()) && !expr.aggregate) {
    if (here()) {
      const char* const plain = expr.type == Type::kBool ? "TRUE" : "NULL";
      expr = form(expr.type, plain, {});
      return true;
    }
  }
  return exprs(expr.args) || (!expr.selects.empty() && select(expr.selects[0]));
}

bool Cutter::exprs(std::vector<Expr>& all) {
  return std::any_of(all.begin(), all.end(), [this](Expr& one) { return expr(one); });
}

bool Cutter::property(Property& property) {
  if (drop(property.object, 1)) return true;
  if (exprs(property.expr)) return true;
  if (!property.select.empty() && select(property.select[0])) return true;
  return std::any_of(property.object.begin(), property.object.end(),
                     [this](Property& one) { return this->property(one); });
}

bool Cutter::select(Select& select) {
  if (drop(select.shape, 1) || drop(select.where, 0) || drop(select.having, 0)) return true;
  if (drop(select.order, 0) || drop(select.group, 1)) return true;
  if (select.from.size() > 1 && here()) {
    select.from.pop_back();
    return true;
  }
  if (select.limit >= 0 && here()) {
    select.limit = -1;
    select.offset = 0;
    return true;
  }
  if (select.offset > 0 && here()) {
    select.offset = 0;
    return true;
  }
  if (select.distinct && here()) {
    select.distinct = false;
    return true;
  }
  for (Source& source : select.from) {
    if (source.left && here()) {
      source.left = false;
      return true;
    }
    if (exprs(source.on)) return true;
    if (!source.derived.empty() && this->select(source.derived[0])) return true;
  }
  if (exprs(select.where) || exprs(select.having) || exprs(select.group)) return true;
  for (OrderTerm& term : select.order) {
    if (term.descending && here()) {
      term.descending = false;
      return true;
    }
    if (exprs(term.expr)) return true;
  }
  return std::any_of(select.shape.begin(), select.shape.end(),
                     [this](Property& one) { return property(one); });
}

using Fails = std::function<bool(const Scenario&)>;

// Drops runs of items, half of them at first, down to single ones.
template <typename Items>
bool drop_runs(Scenario& scenario, const Fails& fails, Items items_of) {
  bool any = false;
  for (std::size_t size = std::max<std::size_t>(items_of(scenario).size() / 2, 1); size > 0;
       size /= 2) {
    for (std::size_t at = 0; at < items_of(scenario).size();) {
      Scenario smaller = scenario;
      auto& items = items_of(smaller);
      const std::size_t end = std::min(at + size, items.size());
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(at),
                  items.begin() + static_cast<std::ptrdiff_t>(end));
      if (fails(smaller)) {
        scenario = std::move(smaller);
        any = true;
      } else {
        at += size;
      }
    }
  }
  return any;
}

bool cut_selects(Scenario& scenario, const Fails& fails) {
  bool any = false;
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    for (int n = 0; n < 400 && !scenario.steps[i].select.empty(); ++n) {
      Scenario smaller = scenario;
      if (!Cutter(n).select(smaller.steps[i].select[0])) break;
      if (!fails(smaller)) continue;
      scenario = std::move(smaller);
      any = true;
      --n;
    }
  }
  return any;
}

}  // namespace

Scenario shrink(Scenario scenario, const std::function<bool(const Scenario&)>& fails) {
  for (int round = 0; round < 4; ++round) {
    bool any = drop_runs(
        scenario, fails, [](auto& s) -> auto& { return s.steps; });
    for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
      if (scenario.steps[i].kind != StepKind::kTransaction) continue;
      any |= drop_runs(
          scenario, fails, [i](auto& s) -> auto& { return s.steps[i].writes; });
    }
    any |= cut_selects(scenario, fails);
    if (!any) break;
  }
  return scenario;
}

}  // namespace tremula::property
