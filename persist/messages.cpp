#include "persist/messages.h"

#include <algorithm>
#include <array>

#include "core/base/bytes.h"

namespace tremula::persist {
namespace {

using base::ByteReader;
using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::string_view kMagic = "TREMWIRE";
constexpr std::size_t kCommonBytesMax = 255;  // so that a short frame stays a short run
constexpr std::size_t kTextBytesMax = 1024;

Error no_such(const char* message) {
  return {ErrorCode::kCorrupt, std::string("a message that should be a ") + message + " is none"};
}

// The numbers of the marks, in the order in which they are sent.
constexpr std::size_t kMarks = 9;
using MarkPlaces = std::array<std::uint64_t*, kMarks>;
MarkPlaces places_of(Watermarks& marks) {
  return {&marks.ordered, &marks.end.log,      &marks.end.offset,
          &marks.durable, &marks.first_log,    &marks.manifest_edits,
          &marks.flushed, &marks.acknowledged, &marks.answered};
}

void put_marks(std::string& body, Watermarks marks) {
  for (const std::uint64_t* number : places_of(marks)) base::put_u64(body, *number);
}

bool take_marks(ByteReader& reader, Watermarks& marks) {
  const MarkPlaces places = places_of(marks);
  return std::all_of(places.begin(), places.end(),
                     [&](std::uint64_t* number) { return reader.u64(*number); });
}

// Codes are sent by name: their numbers are nobody else's business.
ErrorCode code_of(std::string_view name) {
  for (int code = static_cast<int>(ErrorCode::kOk) + 1;
       code <= static_cast<int>(ErrorCode::kUnsupported); ++code) {
    if (base::error_code_name(static_cast<ErrorCode>(code)) == name)
      return static_cast<ErrorCode>(code);
  }
  return ErrorCode::kUnsupported;  // of a later version
}

void put_error(std::string& body, const Error& error) {
  base::put_sized(body, base::error_code_name(error.code));
  base::put_sized(body, std::string_view(error.message).substr(0, kTextBytesMax));
}

bool take_error(ByteReader& reader, Error& error) {
  std::string_view name;
  std::string_view text;
  if (!reader.sized(name) || !reader.sized(text) || text.size() > kTextBytesMax) return false;
  error.code = code_of(name);
  error.message = text;
  return true;
}

}  // namespace

std::string encode_hello(const Hello& hello) {
  std::string body(kMagic);
  base::put_u32(body, hello.protocol);
  base::put_u64(body, hello.process);
  base::put_u64(body, hello.pid);
  return body;
}

// A later protocol's hello may go on behind what is known here.
Result<Hello> decode_hello(std::string_view body) {
  Hello hello;
  ByteReader reader(body);
  std::string_view magic;
  if (!reader.bytes(kMagic.size(), magic) || magic != kMagic || !reader.u32(hello.protocol) ||
      !reader.u64(hello.process) || !reader.u64(hello.pid))
    return no_such("hello");
  if (hello.protocol == kWireProtocol && !reader.empty()) return no_such("hello");
  return hello;
}

std::string encode_submission(const Submission& submission) {
  std::string body;
  body.reserve(sizeof submission.number + submission.record.size());
  base::put_u64(body, submission.number);
  body.append(submission.record);
  return body;
}

Result<Submission> decode_submission(std::string_view body) {
  Submission submission;
  ByteReader reader(body);
  if (!reader.u64(submission.number) || submission.number == 0) return no_such("transaction");
  submission.record = reader.rest();
  return submission;
}

SubmissionsWriter::SubmissionsWriter(std::uint64_t first) { base::put_u64(body_, first); }

void SubmissionsWriter::add(std::string_view record) {
  const std::size_t most = std::min({record.size(), last_.size(), kCommonBytesMax});
  std::size_t common = 0;
  while (common < most && record[common] == last_[common]) ++common;
  base::put_varint(body_, common);
  base::put_sized(body_, record.substr(common));
  last_ = record;
}

Result<void> decode_submissions(std::string_view body,
                                const std::function<Result<void>(const Submission&)>& take) {
  ByteReader reader(body);
  std::uint64_t number = 0;
  if (!reader.u64(number) || number == 0) return no_such("run of transactions");
  std::string record;
  while (!reader.empty()) {
    std::uint64_t common = 0;
    std::string_view rest;
    if (!reader.varint(common) || common > std::min(record.size(), kCommonBytesMax) ||
        !reader.sized(rest))
      return no_such("run of transactions");
    record.resize(static_cast<std::size_t>(common));
    record += rest;
    TREMULA_TRY(take({number++, record}));
  }
  return {};
}

std::string encode_number(std::uint64_t number) {
  std::string body;
  base::put_u64(body, number);
  return body;
}

Result<std::uint64_t> decode_number(std::string_view body) {
  std::uint64_t number = 0;
  ByteReader reader(body);
  if (!reader.u64(number) || !reader.empty()) return no_such("number");
  return number;
}

std::string encode_welcome(const Welcome& welcome) {
  std::string body;
  base::put_u32(body, welcome.protocol);
  base::put_u64(body, welcome.pid);
  put_marks(body, welcome.marks);
  return body;
}

Result<Welcome> decode_welcome(std::string_view body) {
  Welcome welcome;
  ByteReader reader(body);
  if (!reader.u32(welcome.protocol) || !reader.u64(welcome.pid) ||
      !take_marks(reader, welcome.marks) || !reader.empty())
    return no_such("welcome");
  return welcome;
}

std::string encode_watermarks(const Watermarks& marks) {
  std::string body;
  put_marks(body, marks);
  return body;
}

Result<Watermarks> decode_watermarks(std::string_view body) {
  Watermarks marks;
  ByteReader reader(body);
  if (!take_marks(reader, marks) || !reader.empty()) return no_such("set of marks");
  return marks;
}

std::string encode_refusal(const Refusal& refusal) {
  std::string body;
  base::put_u64(body, refusal.number);
  put_error(body, refusal.error);
  return body;
}

Result<Refusal> decode_refusal(std::string_view body) {
  Refusal refusal;
  ByteReader reader(body);
  if (!reader.u64(refusal.number) || !take_error(reader, refusal.error) || !reader.empty())
    return no_such("refusal");
  return refusal;
}

std::string encode_failure(const Failure& failure) {
  std::string body;
  put_error(body, failure.error);
  return body;
}

Result<Failure> decode_failure(std::string_view body) {
  Failure failure;
  ByteReader reader(body);
  if (!take_error(reader, failure.error) || !reader.empty()) return no_such("failure");
  return failure;
}

}  // namespace tremula::persist
