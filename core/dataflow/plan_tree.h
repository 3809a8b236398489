// PlanTree: a plan as a person reads it, as lines or as a graph.
//
//   view {Name albums[]}   rows: 2            digraph plan { n0 [label="view ..."]; n1 -> n0; }
//     apply array   parents: listed
//       view {Title}   part 1
//
// A part that stands at several places is told once; the others point to it.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tremula::dataflow {

struct PlanNode {
  std::string text;                // the operator
  std::vector<std::string> notes;  // what it reads, keeps and has seen
  std::size_t part = 0;            // of a part that stands at several places its number, from 1
  bool told_before = false;        // it does, and this is not the first one: no children, no notes
  std::vector<PlanNode> children;  // those that it takes its rows from
};

enum class PlanFormat : unsigned char {
  kText,  // an operator a line, indented below the one that it feeds
  kDot,   // a graph in Graphviz' language; the rows flow along its arrows
};

// Returns: lines, each ended by '\n'.
std::string print_plan(const PlanNode& root, PlanFormat format);

}  // namespace tremula::dataflow
