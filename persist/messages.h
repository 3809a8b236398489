// Messages: what the frames' bodies say. Numbers are little-endian, `sized` is a varint and bytes.
//
//   to the host
//     1 hello       8 "TREMWIRE" | 4 protocol | 8 process | 8 pid
//     2 submit      8 number | a transaction of that process (opaque here)
//     3 passed      8 log: the process reads none below any more
//     4 want        8 version that somebody waits for to be durable
//     5 ask         8 question: what was ordered before it came?
//     6 submit all  8 number of the first | transactions that follow one another, each: varint
//                   bytes that it has in common with the one before, 255 at most | sized rest
//   to a member
//    16 welcome     4 protocol | 8 pid | marks
//    17 marks       8 ordered | 8 log, 8 offset of its end | 8 durable | 8 first log
//                   | 8 manifest edits | 8 flushed | 8 acknowledged | 8 the last question
//    18 refused     8 number | sized name of an error code | sized text
//    19 failed      sized name of an error code | sized text: the log takes nothing any more
//    20 put out     sized name of an error code | sized text: the connection ends here
//
// hello, put out and the frames around them stay as they are in every later protocol, so that
// processes of different ages can tell each other why they can't talk.
// Errors: corrupt, where bytes are no such message.
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "persist/watermarks.h"

namespace tremula::persist {

inline constexpr std::uint32_t kWireProtocol = 1;

enum class MessageKind : std::uint8_t {
  kHello = 1,
  kSubmit = 2,
  kPassed = 3,
  kWantDurable = 4,
  kAsk = 5,
  kSubmitAll = 6,
  kWelcome = 16,
  kWatermarks = 17,
  kRefused = 18,
  kFailed = 19,
  kPutOut = 20,
};

struct Hello {
  std::uint32_t protocol = kWireProtocol;
  std::uint64_t process = 0;
  std::uint64_t pid = 0;  // for people
};
struct Submission {
  std::uint64_t number = 0;
  std::string_view record;
};
struct Welcome {
  std::uint32_t protocol = kWireProtocol;
  std::uint64_t pid = 0;
  Watermarks marks;
};
struct Refusal {
  std::uint64_t number = 0;
  base::Error error;
};
struct Failure {
  base::Error error;
};

std::string encode_hello(const Hello& hello);
base::Result<Hello> decode_hello(std::string_view body);
std::string encode_submission(const Submission& submission);
base::Result<Submission> decode_submission(std::string_view body);  // borrowed: from the body
// Transactions of one process, one after the other.
class SubmissionsWriter {
 public:
  explicit SubmissionsWriter(std::uint64_t first);
  void add(std::string_view record);
  std::string_view body() const { return body_; }

 private:
  std::string body_;
  std::string last_;
};
// Calls `take` with each.  Borrowed: the record, during its call.
base::Result<void> decode_submissions(
    std::string_view body, const std::function<base::Result<void>(const Submission&)>& take);
std::string encode_number(std::uint64_t number);  // passed, want, ask
base::Result<std::uint64_t> decode_number(std::string_view body);
std::string encode_welcome(const Welcome& welcome);
base::Result<Welcome> decode_welcome(std::string_view body);
std::string encode_watermarks(const Watermarks& marks);
base::Result<Watermarks> decode_watermarks(std::string_view body);
std::string encode_refusal(const Refusal& refusal);
base::Result<Refusal> decode_refusal(std::string_view body);
std::string encode_failure(const Failure& failure);  // failed, put out
base::Result<Failure> decode_failure(std::string_view body);

}  // namespace tremula::persist
