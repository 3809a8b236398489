// A link's turns: looking for the host, or becoming it; sending and receiving.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/base/file_system.h"
#include "persist/link_state.h"

namespace tremula::persist {

namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::size_t kFrameBytes = 16U << 10;    // of short transactions that go together
constexpr std::size_t kUnsentBytes = 256U << 10;  // more is made of what waits when these are gone
// A large record's bytes are kept twice while it is being sent, and no longer.
constexpr std::size_t kKeptBytes = 1U << 20;

bool ends_with_reason(const Error& error, int code) {
  return error.code == ErrorCode::kIo &&
         error.message.ends_with(std::generic_category().message(code));
}

}  // namespace

bool is_out_of_files(const Error& error) {
  return ends_with_reason(error, EMFILE) || ends_with_reason(error, ENFILE);
}

bool may_pass(const Error& error) { return base::is_disk_full(error) || is_out_of_files(error); }

bool Link::State::step() {
  if (state.load() == LinkState::kHost || state.load() == LinkState::kFailed) return false;
  if (!connection) return seek();
  const bool filled = fill();
  if (!flush()) return true;
  return receive() || filled;
}

// --- Looking for the host ---

// Returns: whether there is one now.
bool Link::State::seek() {
  if (std::exchange(is_to_wait, false)) return false;
  const auto taken_over = succession.take_over();
  if (taken_over.ok()) {
    become_host();
    return true;
  }
  could_not_host = taken_over.error().code != ErrorCode::kLocked;
  if (could_not_host && !(was_joined && may_pass(taken_over.error()))) {
    fail(taken_over.error());
    return true;
  }
  if (could_not_host) fail_for_now(taken_over.error());
  last_error = taken_over.error();
  auto connected = wire.connect(directory);
  if (!connected.ok()) {
    last_error = connected.error();  // it may pass: no descriptor was left
    return false;
  }
  if (!connected.value()) return false;
  greet(std::move(connected).value());
  return true;
}

// What the old host had not acknowledged goes to this process's own persister, before anything
// newer can.
void Link::State::become_host() {
  const std::lock_guard guard(mutex);
  for (const Unacknowledged& each : unacknowledged) {
    // A persister that doesn't take them has failed, and says so to whoever asks it next.
    (void)succession.submit(each.number, each.record);
  }
  unacknowledged.clear();
  bytes = sent = 0;
  failure.reset();
  if (wanted_durable > board.read().durable) succession.want_durable(wanted_durable);
  state.store(LinkState::kHost);
  changed.notify_all();
  if (was_joined) board.wake();
}

void Link::State::greet(std::unique_ptr<Connection> connected) {
  connection = std::move(connected);
  reader = FrameReader(Direction::kToMember, kGreetingBytesMax);
  writer = FrameWriter(Direction::kToHost);
  unsent.clear();
  write(MessageKind::kHello,
        encode_hello({.process = options.process, .pid = static_cast<std::uint64_t>(getpid())}));
}

// --- Sending ---

void Link::State::write(MessageKind kind, std::string_view body) {
  writer.write(unsent, static_cast<std::uint8_t>(kind), body);
}

bool Link::State::has_something_to_send() const {
  if (state.load() != LinkState::kJoined) return false;
  return sent < unacknowledged.size() || passed_log > sent_passed ||
         wanted_durable > sent_durable || asked > sent_asked;
}

// Makes frames of what waits.  Returns: whether there was any.
bool Link::State::fill() {
  const std::lock_guard guard(mutex);
  if (!has_something_to_send() || unsent.size() >= kUnsentBytes) return false;
  while (sent < unacknowledged.size() && unsent.size() < kUnsentBytes) {
    const Unacknowledged& first = unacknowledged[sent++];
    const auto is_next = [&] {
      return sent < unacknowledged.size() && unacknowledged[sent].record.size() < kFrameBytes;
    };
    if (first.record.size() >= kFrameBytes || !is_next()) {
      write(MessageKind::kSubmit, encode_submission({first.number, first.record}));
      continue;
    }
    SubmissionsWriter run(first.number);
    run.add(first.record);
    while (run.body().size() < kFrameBytes && is_next()) run.add(unacknowledged[sent++].record);
    write(MessageKind::kSubmitAll, run.body());
  }
  // Behind the transactions: an answer covers those that were sent before the question.
  if (sent < unacknowledged.size()) return true;
  if (passed_log > std::exchange(sent_passed, passed_log))
    write(MessageKind::kPassed, encode_number(passed_log));
  if (wanted_durable > std::exchange(sent_durable, wanted_durable))
    write(MessageKind::kWantDurable, encode_number(wanted_durable));
  if (asked > std::exchange(sent_asked, asked)) write(MessageKind::kAsk, encode_number(asked));
  return true;
}

// Returns: whether the host is there.
bool Link::State::flush() {
  if (unsent.empty()) return true;
  const auto taken = connection->send(unsent);
  if (!taken.ok()) {
    // What it said before its end may still be there to be read; its end is heard there, too.
    unsent.clear();
    return receive();
  }
  unsent.erase(0, taken.value());
  if (unsent.empty() && unsent.capacity() > kKeptBytes) unsent = {};
  return true;
}

// --- Receiving ---

// Returns: whether anything came, an end included.
bool Link::State::receive() {
  bool any = false;
  while (connection) {
    const auto got = connection->receive(piece);
    if (!got.ok()) {
      last_error = got.error();
      // A host that has died leaves its lock: now is the time to try.
      disconnect(state.load() == LinkState::kJoined);
      return true;
    }
    if (got.value() == 0) return any;
    any = true;
    reader.add({piece.data(), got.value()});
    while (connection) {
      const auto frame = reader.next();
      if (frame.ok() && !frame.value()) break;
      const auto taken = frame.ok() ? take(*frame.value()) : Result<void>(frame.error());
      if (taken.ok()) continue;
      // A host that makes no sense: perhaps the next one does.
      last_error = taken.error();
      disconnect(false);
    }
  }
  return true;
}

Result<void> Link::State::take(const Frame& frame) {
  const auto kind = static_cast<MessageKind>(frame.kind);
  if (kind == MessageKind::kPutOut) {
    TREMULA_TRY_ASSIGN(const Failure failure_of_host, decode_failure(frame.body));
    take_put_out(failure_of_host.error);
    return {};
  }
  const bool is_joined = state.load() == LinkState::kJoined;
  if (!is_joined && kind == MessageKind::kWelcome) {
    TREMULA_TRY_ASSIGN(const Welcome welcome, decode_welcome(frame.body));
    take_welcome(welcome);
    return {};
  }
  if (is_joined && kind == MessageKind::kWatermarks) {
    TREMULA_TRY_ASSIGN(const Watermarks marks, decode_watermarks(frame.body));
    take_marks(marks);
    return {};
  }
  if (is_joined && kind == MessageKind::kRefused) {
    TREMULA_TRY_ASSIGN(const Refusal refused, decode_refusal(frame.body));
    return take_refusal(refused);
  }
  if (is_joined && kind == MessageKind::kFailed) {
    TREMULA_TRY_ASSIGN(const Failure failed, decode_failure(frame.body));
    fail_for_now(failed.error);
    return {};
  }
  return Error{ErrorCode::kCorrupt, directory + ": a message of kind " +
                                        std::to_string(frame.kind) + " came where none may"};
}

void Link::State::take_welcome(const Welcome& welcome) {
  {
    const std::lock_guard guard(mutex);
    state.store(LinkState::kJoined);
    failure.reset();
    // All of it again: the host knows what it has.
    sent = 0;
    sent_passed = 0;
    sent_durable = welcome.marks.durable;
    sent_asked = answered;
    retry_ms = 0;
  }
  board.clear_failure();
  take_marks(welcome.marks);
  // Another host: whoever waits for its own may look.
  if (std::exchange(was_joined, true)) board.wake();
}

void Link::State::take_marks(const Watermarks& marks) {
  board.publish(marks);  // first: who is told of an acknowledgement finds it there
  const std::lock_guard guard(mutex);
  acknowledged = std::max(acknowledged, marks.acknowledged);
  answered = std::max(answered, marks.answered);
  while (!unacknowledged.empty() && unacknowledged.front().number <= acknowledged) {
    bytes -= unacknowledged.front().record.size();
    unacknowledged.pop_front();
    if (sent > 0) --sent;
  }
  changed.notify_all();
}

Result<void> Link::State::take_refusal(const Refusal& refused) {
  const std::lock_guard guard(mutex);
  if (unacknowledged.empty() || unacknowledged.back().number != refused.number || sent == 0) {
    return Error{ErrorCode::kCorrupt, directory + ": the host refuses transaction " +
                                          std::to_string(refused.number) +
                                          ", which is not the last one"};
  }
  bytes -= unacknowledged.back().record.size();
  unacknowledged.pop_back();
  --sent;
  --submitted;
  refusal = refused;
  changed.notify_all();
  return {};
}

void Link::State::take_put_out(const Error& error) {
  last_error = error;
  // Versions that don't understand each other will not by trying again.
  if (!was_joined || error.code == ErrorCode::kUnsupported) fail(error);
  disconnect(false);
}

// The next host is looked for at once, or after a while.
void Link::State::disconnect(bool at_once) {
  connection.reset();
  is_to_wait = !at_once;
  const std::lock_guard guard(mutex);
  if (state.load() == LinkState::kJoined) state.store(LinkState::kSeeking);
}

// Until there is another host.
void Link::State::fail_for_now(const Error& error) {
  {
    const std::lock_guard guard(mutex);
    failure = error;
    changed.notify_all();
  }
  board.fail(error);  // second: who hears of it there finds it here
}

void Link::State::fail(const Error& error) {
  {
    const std::lock_guard guard(mutex);
    final_error = error;
    state.store(LinkState::kFailed);
    changed.notify_all();
  }
  board.fail(error);
}

}  // namespace tremula::persist
