// Frames and the messages in them: what is written is read, in pieces of any size; anything else is
// refused at once.
#include "persist/frame.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "core/base/hex.h"
#include "persist/messages.h"

namespace tremula::persist {
namespace {

using base::ErrorCode;

std::string frames_of(const std::vector<std::string>& bodies, Direction direction) {
  FrameWriter writer(direction);
  std::string bytes;
  std::uint8_t kind = 1;
  for (const std::string& body : bodies) writer.write(bytes, kind++, body);
  return bytes;
}

// What a reader makes of bytes: "kind:body" each, then the error's code if there is one.
std::string read_all(FrameReader& reader) {
  std::string text;
  for (;;) {
    const auto frame = reader.next();
    if (!frame.ok()) return text + std::string(base::error_code_name(frame.error().code));
    if (!frame.value()) return text;
    text += std::to_string(frame.value()->kind) + ":" + std::string(frame.value()->body) + " ";
  }
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % 8 == 0) text += i % 16 == 0 ? '\n' : ' ';
    base::put_hex(text, bytes.substr(i, 1));
  }
  return text;
}

}  // namespace

TEST_CASE("frame: what is written is read, in pieces of any size") {
  const std::string bytes =
      frames_of({"one", "", std::string(5000, 'x'), "four"}, Direction::kToHost);
  const std::string expected = "1:one 2: 3:" + std::string(5000, 'x') + " 4:four ";
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    FrameReader reader(Direction::kToHost, kGreetingBytesMax * 2);
    std::string text;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t most = round % 2 == 0 ? 7 : 3000;
      const std::size_t piece = std::min(bytes.size() - at, 1 + random() % most);
      reader.add(std::string_view(bytes).substr(at, piece));
      text += read_all(reader);
      at += piece;
    }
    CHECK(text == expected);
    CHECK(reader.bytes() == 0);
  }
}

TEST_CASE("frame: no flipped bit goes through") {
  const std::string bytes = frames_of({"first", "second"}, Direction::kToHost);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    FrameReader reader(Direction::kToHost, 1U << 30);
    reader.add(flipped);
    const std::size_t first = kFrameHeaderBytes + 5;
    CHECK(read_all(reader) == (bit / 8 < first ? "corrupt" : "1:first corrupt"));
    CHECK(read_all(reader) == "corrupt");  // for good
  }
}

TEST_CASE("frame: one that is lost, sent twice or sent back is refused") {
  const std::string one = frames_of({"a"}, Direction::kToHost);
  const std::string two = frames_of({"a", "b"}, Direction::kToHost);
  const auto read = [](const std::string& bytes, Direction direction) {
    FrameReader reader(direction, 100);
    reader.add(bytes);
    return read_all(reader);
  };
  CHECK(read(two, Direction::kToHost) == "1:a 2:b ");
  CHECK(read(two.substr(one.size()), Direction::kToHost) == "corrupt");
  CHECK(read(one + one, Direction::kToHost) == "1:a corrupt");
  CHECK(read(one, Direction::kToMember) == "corrupt");
}

TEST_CASE("frame: a length beyond what may come is refused before anything is waited for") {
  FrameWriter writer(Direction::kToHost);
  std::string bytes;
  writer.write(bytes, 1, std::string(101, 'x'));
  FrameReader reader(Direction::kToHost, 100);
  reader.add(std::string_view(bytes).substr(0, kFrameHeaderBytes - 1));
  CHECK(read_all(reader) == "");
  reader.add(std::string_view(bytes).substr(kFrameHeaderBytes - 1, 1));
  const auto refused = reader.next();
  REQUIRE(!refused.ok());
  CHECK(refused.error().message ==
        "frame 0 of the connection: a body of 101 bytes, at most 100 were expected");
}

TEST_CASE("message: what is written is read, and nothing cut or longer is") {
  const Watermarks marks{.ordered = 1,
                         .end = {2, 3},
                         .durable = 4,
                         .first_log = 5,
                         .manifest_edits = 6,
                         .flushed = 7,
                         .acknowledged = 8,
                         .answered = 9};
  const auto is_whole = [](const std::string& body, auto decode) {
    if (!decode(body).ok() || decode(body + "x").ok()) return false;
    for (std::size_t size = 0; size < body.size(); ++size) {
      const auto cut = decode(std::string_view(body).substr(0, size));
      if (cut.ok() || cut.error().code != ErrorCode::kCorrupt) return false;
    }
    return true;
  };
  CHECK(is_whole(encode_hello({.process = 7, .pid = 8}), decode_hello));
  CHECK(is_whole(encode_number(7), decode_number));
  CHECK(is_whole(encode_welcome({.pid = 3, .marks = marks}), decode_welcome));
  CHECK(is_whole(encode_watermarks(marks), decode_watermarks));
  CHECK(is_whole(encode_refusal({4, {ErrorCode::kSchemaConflict, "no"}}), decode_refusal));
  CHECK(is_whole(encode_failure({{ErrorCode::kIo, "gone"}}), decode_failure));

  CHECK(decode_hello(encode_hello({.process = 7, .pid = 8})).value().process == 7);
  CHECK(decode_welcome(encode_welcome({.pid = 3, .marks = marks})).value().marks == marks);
  CHECK(decode_watermarks(encode_watermarks(marks)).value() == marks);
  const Refusal refused = decode_refusal(encode_refusal({4, {ErrorCode::kLocked, "no"}})).value();
  CHECK(refused.number == 4);
  CHECK(refused.error.code == ErrorCode::kLocked);
  CHECK(refused.error.message == "no");
  const std::string body = encode_submission({5, "bytes"});
  const Submission sent = decode_submission(body).value();
  CHECK(sent.number == 5);
  CHECK(sent.record == "bytes");
  CHECK(!decode_submission(encode_submission({0, "bytes"})).ok());
  // A text that is too long for a message is cut where it is written.
  const std::string long_text(5000, 'x');
  const auto cut = decode_failure(encode_failure({{ErrorCode::kIo, long_text}}));
  CHECK(cut.value().error.message == std::string(1024, 'x'));
}

TEST_CASE("message: a run of transactions is read as it was written, and nonsense isn't") {
  const std::vector<std::string> records = {
      "abcdef", "abcxyz", "", "abc", std::string(1000, 'x'), std::string(1001, 'x')};
  SubmissionsWriter run(7);
  for (const std::string& record : records) run.add(record);
  std::vector<std::string> read;
  const auto take = [&](const Submission& submission) -> base::Result<void> {
    CHECK(submission.number == 7 + read.size());
    read.emplace_back(submission.record);
    return {};
  };
  CHECK(decode_submissions(run.body(), take).ok());
  CHECK(read == records);
  CHECK(run.body().size() < 1800);
  // Cut anywhere, it is a shorter run or none.
  for (std::size_t size = 0; size < run.body().size(); ++size) {
    read.clear();
    (void)decode_submissions(run.body().substr(0, size), take);
    CHECK(std::equal(read.begin(), read.end(), records.begin()));
  }
  const std::string begins = std::string(run.body().substr(0, 8));
  for (const char* wrong : {"\x01\x00", "\x00\x05xy"}) {
    read.clear();
    CHECK(!decode_submissions(begins + std::string(wrong, 2), take).ok());
    CHECK(read.empty());
  }
}

TEST_CASE("message: a later protocol's hello is understood as far as it has to be") {
  const auto hello = decode_hello(encode_hello({.protocol = 2, .process = 7, .pid = 8}) + "more");
  REQUIRE(hello.ok());
  CHECK(hello.value().protocol == 2);
}

// The example of docs/formats.md, as protocol 1 will always write it.
TEST_CASE("frame: the bytes of a hello and a transaction are those that the formats' page shows") {
  FrameWriter writer(Direction::kToHost);
  std::string bytes;
  writer.write(bytes, static_cast<std::uint8_t>(MessageKind::kHello),
               encode_hello({.process = 0x0102030405060708, .pid = 42}));
  writer.write(bytes, static_cast<std::uint8_t>(MessageKind::kSubmit),
               encode_submission({1, "Low"}));
  CHECK(hex(bytes) ==
        "27aec2bc7eb46ed0 1c00000001000000\n"
        "b85c4e151311a66d 5452454d57495245\n"
        "0100000008070605 040302012a000000\n"
        "000000006f49cc5d f57dc4640b000000\n"
        "020000009d44fab6 b66c1b9e01000000\n"
        "000000004c6f77");
}

}  // namespace tremula::persist
