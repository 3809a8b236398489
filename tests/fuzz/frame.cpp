// Fuzzes what comes over the wire: bytes as they are, and frames with sound checksums around any
// body. A frame that is read is one that was written; a message that is read is written again as
// the same bytes; a hub that hears all this serves its other peers as before.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "persist/frame.h"
#include "persist/memory_wire.h"
#include "persist/messages.h"
#include "tests/persist/shared_directory.h"

namespace {

using namespace tremula::persist;
using tremula::base::ByteReader;
using tremula::persist_test::SharedDirectory;
using tremula::persist_test::TestHost;

// Decodes a body as every message; what is one is written again.
void check_messages(std::string_view body) {
  const auto hello = decode_hello(body);
  if (hello.ok() && hello.value().protocol == kWireProtocol)
    TREMULA_ASSERT(encode_hello(hello.value()) == body);
  const auto submission = decode_submission(body);
  if (submission.ok()) TREMULA_ASSERT(encode_submission(submission.value()) == body);
  const auto number = decode_number(body);
  if (number.ok()) TREMULA_ASSERT(encode_number(number.value()) == body);
  const auto welcome = decode_welcome(body);
  if (welcome.ok()) TREMULA_ASSERT(encode_welcome(welcome.value()) == body);
  const auto marks = decode_watermarks(body);
  if (marks.ok()) TREMULA_ASSERT(encode_watermarks(marks.value()) == body);
  // Names of errors that nobody knows are read as `unsupported`: written and read, they stay that.
  const auto refusal = decode_refusal(body);
  if (refusal.ok()) TREMULA_ASSERT(decode_refusal(encode_refusal(refusal.value())).ok());
  const auto failure = decode_failure(body);
  if (failure.ok()) TREMULA_ASSERT(decode_failure(encode_failure(failure.value())).ok());
}

// Frames as the input says: kind, size (two bytes), body; the top bit of kind spoils one byte.
// What follows goes as it is.
std::string stream_of(ByteReader input, std::vector<std::string>& bodies) {
  FrameWriter writer(Direction::kToHost);
  std::string stream;
  bool is_sound = true;
  std::uint8_t kind = 0;
  std::uint16_t size = 0;
  std::string_view body;
  while (input.u8(kind) && kind != 0xFF && input.u16(size)) {
    if (!input.bytes(std::min<std::size_t>(size, input.left()), body)) break;
    const std::size_t begin = stream.size();
    writer.write(stream, kind & 0x7F, body);
    if ((kind & 0x80) != 0) {
      stream[begin + size % (stream.size() - begin)] ^= 1;
      is_sound = false;
    }
    if (is_sound) bodies.emplace_back(body);
  }
  stream += input.rest();
  return stream;
}

void check_reader(std::string_view stream, const std::vector<std::string>& bodies) {
  FrameReader reader(Direction::kToHost, 1U << 20);
  std::size_t count = 0;
  for (std::size_t at = 0, piece = 1; at < stream.size(); at += piece, piece = piece * 3 % 1021) {
    reader.add(stream.substr(at, piece));
    for (;;) {
      const auto frame = reader.next();
      if (!frame.ok() || !frame.value()) break;
      if (count < bodies.size()) TREMULA_ASSERT(frame.value()->body == bodies[count]);
      ++count;
      check_messages(frame.value()->body);
    }
  }
  TREMULA_ASSERT(count >= bodies.size());
}

void check_hub(std::string_view stream) {
  MemoryWire wire;
  SharedDirectory directory("d");
  const auto host = TestHost::try_open(directory, wire);
  const auto settle = [&] {
    while (host->step()) {
    }
  };
  auto good = wire.connect("d").value();
  FrameWriter writer(Direction::kToHost);
  std::string bytes;
  writer.write(bytes, 1, encode_hello({.process = 0xC0FFEE}));
  auto bad = wire.connect("d").value();
  (void)bad->send(stream);
  writer.write(bytes, 2, encode_submission({1, "one"}));
  TREMULA_ASSERT(good->send(bytes).value() == bytes.size());
  settle();
  TREMULA_ASSERT(directory.last_of(0xC0FFEE) == 1);
  TREMULA_ASSERT(!directory.has_gap());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> bodies;
  const std::string stream = stream_of(ByteReader(input), bodies);
  check_reader(stream, bodies);
  check_hub(stream);
  check_reader(input, {});
  check_hub(input);
  return 0;
}
