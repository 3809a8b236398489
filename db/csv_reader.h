// CsvReader: the records of a CSV file (RFC 4180), one at a time, from a window that slides over
// the file.
//
//   file: a,b CRLF 1,"x ""y""" LF        -> record of fields {data, size, quoted}
//
// CRLF or LF ends a record, also inside one file in turns; a BOM is skipped; quoted fields may
// hold commas, quotes
// (doubled) and line ends; the last record needs no line end. Nothing is trimmed.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"

namespace tremula::db {

struct CsvField {
  std::string_view text;  // without quotes, unescaped
  bool quoted = false;
  const char* begin = nullptr;  // where it begins in the window, for errors
};

class CsvReader {
 public:
  // Errors: io.
  static base::Result<CsvReader> open(const std::string& path);

  // Moves on to the next record.  Returns: false at the end of the file.  Errors: io, syntax.
  base::Result<bool> next();
  // Of the record in hand.  Borrowed: valid until next().
  const std::vector<CsvField>& fields() const { return fields_; }
  // "file.csv:LINE:COLUMN" of a field of the record in hand, both from 1; COLUMN in code points.
  std::string place(std::size_t field) const;

  std::uint64_t bytes_total() const { return bytes_total_; }
  std::uint64_t bytes_done() const { return bytes_before_ + record_begin_; }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  explicit CsvReader(std::string path) : path_(std::move(path)) {}
  base::Result<bool> scan();
  base::Result<bool> refill();
  void take_quoted(const char* begin, const char* end, bool escaped);
  std::string place_of(const char* at) const;

  std::string path_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_before_ = 0;  // of the file, before the window
  std::vector<char> window_;
  std::size_t window_end_ = 0;      // bytes of the file in the window
  std::size_t record_begin_ = 0;    // of the record in hand
  std::size_t record_end_ = 0;      // behind its line end
  bool at_end_ = false;             // the window holds the file's last byte
  std::uint64_t line_ = 1;          // of the record in hand
  std::uint64_t lines_in_record_ = 0;
  std::vector<CsvField> fields_;
  std::unique_ptr<base::Arena> unescaped_ = std::make_unique<base::Arena>();
};

}  // namespace tremula::db
