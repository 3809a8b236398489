#include "core/dataflow/plan_tree.h"

#include <map>

namespace tremula::dataflow {

namespace {

void print_text(const PlanNode& node, std::size_t depth, std::string& out) {
  out.append(2 * depth, ' ');
  out += node.text;
  if (node.part > 0) out += "   part " + std::to_string(node.part);
  if (node.told_before) out += ": shared, told above";
  for (const std::string& note : node.notes) out += "   " + note;
  out += '\n';
  for (const PlanNode& child : node.children) print_text(child, depth + 1, out);
}

class DotPrinter {
 public:
  explicit DotPrinter(std::string& out) : out_(out) {}

  void print(const PlanNode& root) {
    out_ +=
        "digraph plan {\n"
        "  rankdir=BT;\n"
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\", "
        "fontsize=11];\n"
        "  edge [color=gray40];\n";
    node(root);
    out_ += "}\n";
  }

 private:
  static void add_escaped(const std::string& text, std::string& out) {
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }

  static const char* color_of(const PlanNode& node) {
    if (node.part > 0) return "gold";
    if (node.text.starts_with("view")) return "lightblue";
    if (node.text.starts_with("from") || node.text.starts_with("left join")) return "honeydew";
    return nullptr;
  }

  // Returns: the node's number.
  std::size_t node(const PlanNode& plan) {
    if (plan.told_before) return parts_[plan.part];
    const std::size_t number = next_++;
    if (plan.part > 0) parts_[plan.part] = number;
    out_ += "  n" + std::to_string(number) + " [label=\"";
    add_escaped(plan.text, out_);
    if (plan.part > 0) out_ += "\\npart " + std::to_string(plan.part) + ", shared";
    for (const std::string& note : plan.notes) {
      out_ += "\\n";
      add_escaped(note, out_);
    }
    out_ += '"';
    if (const char* color = color_of(plan)) out_ += std::string(", fillcolor=") + color;
    out_ += "];\n";
    for (const PlanNode& child : plan.children) {
      const std::size_t from = node(child);
      out_ += "  n" + std::to_string(from) + " -> n" + std::to_string(number) + ";\n";
    }
    return number;
  }

  std::string& out_;
  std::size_t next_ = 0;
  std::map<std::size_t, std::size_t> parts_;  // part to node
};

}  // namespace

std::string print_plan(const PlanNode& root, PlanFormat format) {
  std::string out;
  if (format == PlanFormat::kText) {
    print_text(root, 0, out);
  } else {
    DotPrinter(out).print(root);
  }
  return out;
}

}  // namespace tremula::dataflow
