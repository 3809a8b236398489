#include "tests/property/json_document.h"

#include <algorithm>

namespace tremula::property {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool whole(Document& result) { return value(result) && at_ == text_.size(); }

 private:
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool string(std::string& result) {
    const std::size_t begin = at_;
    if (!take('"')) return false;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (!take('"')) return false;
    result = text_.substr(begin, at_ - begin);
    return true;
  }

  bool elements(Document& result, char end) {
    if (take(end)) return true;
    do {
      if (result.kind == Document::Kind::kObject) {
        std::string key;
        if (!string(key) || !take(':')) return false;
        result.keys.push_back(key.substr(1, key.size() - 2));
      }
      result.items.emplace_back();
      if (!value(result.items.back())) return false;
    } while (take(','));
    return take(end);
  }

  bool value(Document& result) {
    if (take('[')) {
      result.kind = Document::Kind::kArray;
      return elements(result, ']');
    }
    if (take('{')) {
      result.kind = Document::Kind::kObject;
      return elements(result, '}');
    }
    if (at_ < text_.size() && text_[at_] == '"') return string(result.text);
    const std::size_t end = std::min(text_.find_first_of(",]}:\" \t\n", at_), text_.size());
    result.text = text_.substr(at_, end - at_);
    at_ = end;
    return !result.text.empty();
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void print_into(const Document& document, std::string& text) {
  if (document.kind == Document::Kind::kLeaf) {
    text += document.text;
    return;
  }
  const bool object = document.kind == Document::Kind::kObject;
  text += object ? '{' : '[';
  for (std::size_t i = 0; i < document.items.size(); ++i) {
    if (i > 0) text += ',';
    if (object) text += '"' + document.keys[i] + "\":";
    print_into(document.items[i], text);
  }
  text += object ? '}' : ']';
}

std::vector<std::string> split_pointer(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    std::string part = path.substr(at + 1, end - at - 1);
    for (std::size_t tilde = 0; (tilde = part.find('~', tilde)) != std::string::npos; ++tilde) {
      part.replace(tilde, 2, part[tilde + 1] == '1' ? "/" : "~");
    }
    parts.push_back(std::move(part));
    at = end;
  }
  return parts;
}

bool index_of(const std::string& part, std::size_t& index) {
  if (part.empty() || part.size() > 9 || (part.size() > 1 && part[0] == '0')) return false;
  if (!std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  index = std::stoul(part);
  return true;
}

// The place of `part` in `parent`; may be one past the end of an array.
bool place_of(const Document& parent, const std::string& part, std::size_t& place) {
  if (parent.kind == Document::Kind::kArray) {
    if (part == "-") {
      place = parent.items.size();
      return true;
    }
    return index_of(part, place) && place <= parent.items.size();
  }
  if (parent.kind != Document::Kind::kObject) return false;
  const auto found = std::find(parent.keys.begin(), parent.keys.end(), part);
  place = static_cast<std::size_t>(found - parent.keys.begin());
  return found != parent.keys.end();
}

Document* parent_of(Document& document, const std::vector<std::string>& parts) {
  Document* at = &document;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    std::size_t place = 0;
    if (!place_of(*at, parts[i], place) || place >= at->items.size()) return nullptr;
    at = &at->items[place];
  }
  return at;
}

std::string add(Document& document, const std::string& path, Document value) {
  const std::vector<std::string> parts = split_pointer(path);
  Document* parent = parts.empty() ? nullptr : parent_of(document, parts);
  std::size_t place = 0;
  if (parent == nullptr || parent->kind != Document::Kind::kArray ||
      !place_of(*parent, parts.back(), place)) {
    return "add: no array place " + path;
  }
  parent->items.insert(parent->items.begin() + static_cast<std::ptrdiff_t>(place),
                       std::move(value));
  return "";
}

std::string remove(Document& document, const std::string& path, Document* taken) {
  const std::vector<std::string> parts = split_pointer(path);
  Document* parent = parts.empty() ? nullptr : parent_of(document, parts);
  std::size_t place = 0;
  if (parent == nullptr || parent->kind != Document::Kind::kArray ||
      !place_of(*parent, parts.back(), place) || place >= parent->items.size()) {
    return "remove: no array place " + path;
  }
  if (taken != nullptr) *taken = std::move(parent->items[place]);
  parent->items.erase(parent->items.begin() + static_cast<std::ptrdiff_t>(place));
  return "";
}

std::string replace(Document& document, const std::string& path, const Document& value) {
  if (path.empty()) {
    document = value;
    return "";
  }
  const std::vector<std::string> parts = split_pointer(path);
  Document* parent = parts.empty() ? nullptr : parent_of(document, parts);
  std::size_t place = 0;
  if (parent == nullptr || !place_of(*parent, parts.back(), place) ||
      place >= parent->items.size()) {
    return "replace: no place " + path;
  }
  parent->items[place] = value;
  return "";
}

std::string apply_operation(Document& document, const Document& operation) {
  const Document* name = member(operation, "op");
  const Document* path = member(operation, "path");
  const Document* value = member(operation, "value");
  const Document* from = member(operation, "from");
  if (name == nullptr || path == nullptr) return "an operation without op or path";
  const std::string op = string_of(*name), at = string_of(*path);
  if (op == "add" && value != nullptr) return add(document, at, *value);
  if (op == "remove") return remove(document, at, nullptr);
  if (op == "replace" && value != nullptr) return replace(document, at, *value);
  if (op == "move" && from != nullptr) {
    Document taken;
    std::string wrong = remove(document, string_of(*from), &taken);
    return wrong.empty() ? add(document, at, std::move(taken)) : wrong;
  }
  return "unknown operation " + op;
}

}  // namespace

std::string Document::print() const {
  std::string text;
  print_into(*this, text);
  return text;
}

bool parse_document(std::string_view text, Document& result) {
  result = {};
  return Parser(text).whole(result);
}

std::string apply_patch(Document& document, const Document& patch) {
  if (patch.kind != Document::Kind::kArray || patch.items.empty()) return "an empty patch";
  for (const Document& operation : patch.items) {
    std::string wrong = apply_operation(document, operation);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

const Document* member(const Document& object, std::string_view key) {
  for (std::size_t i = 0; i < object.keys.size(); ++i) {
    if (object.keys[i] == key) return &object.items[i];
  }
  return nullptr;
}

std::string string_of(const Document& leaf) {
  if (leaf.text.size() < 2) return "";
  std::string result;
  for (std::size_t i = 1; i + 1 < leaf.text.size(); ++i) {
    if (leaf.text[i] == '\\') ++i;
    result += leaf.text[i];
  }
  return result;
}

}  // namespace tremula::property
