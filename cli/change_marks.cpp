#include "cli/change_marks.h"

#include <charconv>
#include <utility>
#include <vector>

#include "cli/json_text.h"
#include "tremula/tremula.h"

namespace tremula::cli {
namespace {

using Path = std::vector<std::string>;

// The steps of a JSON pointer: ~1 is a slash, ~0 a tilde.
Path steps_of(std::string_view pointer) {
  Path steps;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      steps.emplace_back();
    } else if (pointer[i] == '~' && i + 1 < pointer.size()) {
      steps.back() += pointer[++i] == '1' ? '/' : '~';
    } else {
      steps.back() += pointer[i];
    }
  }
  return steps;
}

bool is_index(const std::string& step, std::size_t& index) {
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  return error == std::errc() && end == step.data() + step.size();
}

// A property whose name is a number is looked up as an element: nothing enters or leaves beside it.
ChangeMark& below(ChangeMark& mark, const std::string& step) {
  std::size_t index = 0;
  return is_index(step, index) ? mark.elements[index] : mark.members[step];
}

// Returns: null if the path is that of the whole result.
ChangeMark* parent_of(ChangeMark& root, const Path& path) {
  if (path.empty()) return nullptr;
  ChangeMark* mark = &root;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) mark = &below(*mark, path[i]);
  return mark;
}

ChangeMark take_out(ChangeMark& array, std::size_t index) {
  ChangeMark taken;
  std::map<std::size_t, ChangeMark> kept;
  for (auto& [at, mark] : array.elements) {
    if (at == index) {
      taken = std::move(mark);
    } else {
      kept[at > index ? at - 1 : at] = std::move(mark);
    }
  }
  array.elements = std::move(kept);
  return taken;
}

void put_in(ChangeMark& array, std::size_t index, ChangeMark mark) {
  std::map<std::size_t, ChangeMark> moved;
  for (auto& [at, other] : array.elements) moved[at >= index ? at + 1 : at] = std::move(other);
  moved[index] = std::move(mark);
  array.elements = std::move(moved);
}

ChangeMark whole() {
  ChangeMark mark;
  mark.whole = true;
  return mark;
}

void mark_change(ChangeMark& root, std::string_view op, const Path& path, const Path& from) {
  ChangeMark* parent = parent_of(root, path);
  if (parent == nullptr) {
    root = whole();
    return;
  }
  std::size_t index = 0;
  const bool in_array = is_index(path.back(), index);
  if (op == "replace" || !in_array) {
    below(*parent, path.back()) = whole();
  } else if (op == "add") {
    put_in(*parent, index, whole());
  } else if (op == "remove") {
    take_out(*parent, index);
  } else if (std::size_t source = 0; op == "move" && is_index(from.back(), source)) {
    ChangeMark taken = take_out(*parent_of(root, from), source);
    put_in(*parent_of(root, path), index, std::move(taken));
  }
}

}  // namespace

const ChangeMark* ChangeMark::at(std::size_t element) const {
  const auto found = elements.find(element);
  return found == elements.end() ? nullptr : &found->second;
}

const ChangeMark* ChangeMark::at(std::string_view member) const {
  const auto found = members.find(member);
  if (found != members.end()) return &found->second;
  std::size_t index = 0;
  return !elements.empty() && is_index(std::string(member), index) ? at(index) : nullptr;
}

void mark_patch(ChangeMark& root, std::string_view patch) {
  for (const std::string_view operation : elements_of(patch)) {
    std::string op;
    Path path;
    Path from;
    for (const auto& [name, value] : cells_of(operation)) {
      if (name == "op") op = value.as_text();
      if (name == "path") path = steps_of(value.as_text());
      if (name == "from") from = steps_of(value.as_text());
    }
    mark_change(root, op, path, from);
  }
}

}  // namespace tremula::cli
