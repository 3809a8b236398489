#include "db/csv_reader.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace tremula::db {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {
constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
}  // namespace

Result<CsvReader> CsvReader::open(const std::string& path) {
  CsvReader reader(path);
  reader.file_.reset(std::fopen(path.c_str(), "rb"));
  if (!reader.file_) return Error{ErrorCode::kIo, path + ": " + std::strerror(errno)};
  if (std::fseek(reader.file_.get(), 0, SEEK_END) == 0) {
    const long size = std::ftell(reader.file_.get());
    reader.bytes_total_ = size > 0 ? static_cast<std::uint64_t>(size) : 0;
    std::rewind(reader.file_.get());
  }
  reader.window_.resize(kWindowBytes);
  TREMULA_TRY(reader.refill());
  const std::string_view window(reader.window_.data(), reader.window_end_);
  if (window.starts_with(kByteOrderMark)) reader.record_end_ = kByteOrderMark.size();
  return reader;
}

// Slides the window so that it begins with the record in hand, and reads on. Returns: whether
// bytes came.
Result<bool> CsvReader::refill() {
  if (at_end_) return false;
  if (record_begin_ > 0) {
    std::memmove(window_.data(), window_.data() + record_begin_, window_end_ - record_begin_);
    window_end_ -= record_begin_;
    bytes_before_ += record_begin_;
    record_begin_ = 0;
  }
  if (window_end_ == window_.size()) window_.resize(window_.size() * 2);
  const std::size_t read = std::fread(window_.data() + window_end_, 1,
                                      window_.size() - window_end_, file_.get());
  if (read == 0) {
    if (std::ferror(file_.get()) != 0) {
      return Error{ErrorCode::kIo, path_ + ": " + std::strerror(errno)};
    }
    at_end_ = true;
    return false;
  }
  window_end_ += read;
  return true;
}

Result<bool> CsvReader::next() {
  line_ += lines_in_record_;
  record_begin_ = record_end_;
  while (true) {
    lines_in_record_ = 0;
    TREMULA_TRY_ASSIGN(const bool whole, scan());
    if (whole) return true;
    TREMULA_TRY_ASSIGN(const bool more, refill());
    if (!more && record_begin_ == window_end_) return false;
  }
}

void CsvReader::take_quoted(const char* begin, const char* end, bool escaped) {
  CsvField field{.text = {begin + 1, static_cast<std::size_t>(end - begin - 1)},
                 .quoted = true,
                 .begin = begin};
  if (escaped) {
    char* out = unescaped_->allocate(field.text.size());
    std::size_t size = 0;
    for (std::size_t i = 0; i < field.text.size(); ++i) {
      out[size++] = field.text[i];
      if (field.text[i] == '"') ++i;
    }
    field.text = {out, size};
  }
  fields_.push_back(field);
}

// Cuts the record that begins at record_begin_. Returns: false if the window ends before it does,
// and more may come.
Result<bool> CsvReader::scan() {
  fields_.clear();
  unescaped_->clear();
  const char* const end = window_.data() + window_end_;
  const char* at = window_.data() + record_begin_;
  if (at == end) return false;
  while (true) {
    const char* const begin = at;
    if (at != end && *at == '"') {
      bool escaped = false;
      for (++at; at != end; ++at) {
        if (*at == '\n') ++lines_in_record_;
        if (*at != '"') continue;
        if (at + 1 == end || at[1] != '"') break;
        escaped = true;
        ++at;
      }
      // A quote at the very end of the window may be the first of two.
      if (at == end || (at + 1 == end && !at_end_)) {
        if (!at_end_) return false;
        return Error{ErrorCode::kSyntax, place_of(begin) + ": a quoted field is not closed"};
      }
      take_quoted(begin, at, escaped);
      ++at;
    } else {
      while (at != end && *at != ',' && *at != '\n') ++at;
      if (at == end && !at_end_) return false;
      const char* field_end = at;
      if (at != begin && at[-1] == '\r' && (at == end || *at == '\n')) --field_end;
      fields_.push_back({.text = {begin, static_cast<std::size_t>(field_end - begin)},
                         .quoted = false,
                         .begin = begin});
    }
    if (at != end && *at == '\r') ++at;  // behind a quoted field
    if (at == end && !at_end_) return false;
    if (at == end || *at == '\n') break;
    if (*at != ',' || at[-1] == '\r') {
      return Error{ErrorCode::kSyntax,
                   place_of(at) + ": expected ',' or the end of the line behind a quoted field"};
    }
    ++at;
  }
  ++lines_in_record_;
  record_end_ = static_cast<std::size_t>(at - window_.data()) + (at == end ? 0 : 1);
  return true;
}

std::string CsvReader::place(std::size_t field) const { return place_of(fields_[field].begin); }

std::string CsvReader::place_of(const char* at) const {
  std::uint64_t line = line_;
  std::uint64_t column = 1;
  for (const char* c = window_.data() + record_begin_; c < at; ++c) {
    if (*c == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(*c) & 0xC0) != 0x80) {
      ++column;
    }
  }
  return path_ + ":" + std::to_string(line) + ":" + std::to_string(column);
}

}  // namespace tremula::db
