// Printing results: the JSON text of rows and arrays on one side, straight from the relations.
// Thread: the writer thread alone.
#pragma once

#include <string>

#include "core/dataflow/instance.h"

namespace tremula::dataflow {

void print_row(const BlockInstance& instance, RowId row, triples::Side side, std::string& out);
// A row of a shape without sub-selects.
void print_plain(const Block& block, const RowContext& row, std::string& out);
// An array; the root's result too.
void print_rows(const BlockInstance& instance, triples::Side side, std::string& out);
// The first row, or null.
void print_single(const BlockInstance& instance, triples::Side side, std::string& out);
void print_property(const BlockInstance& instance, const BlockProperty& property,
                    const RowContext& row, std::string& out);
// The row's key as a JSON array: the key values of its tables, or its group's.
void print_key(const BlockInstance& instance, RowId row, triples::Side side, std::string& out);

}  // namespace tremula::dataflow
