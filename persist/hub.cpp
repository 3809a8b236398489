#include "persist/hub.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "core/base/check.h"
#include "persist/frame.h"

namespace tremula::persist {

namespace {

using base::Error;
using base::ErrorCode;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPieceBytes = 64U << 10;  // of one call to receive
constexpr std::size_t kUnsentBytesMax = 1U
                                        << 20;  // beside marks: who doesn't take these is put out
// Where the system refuses a connection (no descriptor is left) it would do so again at once.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::uint8_t byte_of(MessageKind kind) { return static_cast<std::uint8_t>(kind); }

struct Peer {
  explicit Peer(std::unique_ptr<Connection> to) : connection(std::move(to)) {}

  void write(MessageKind kind, std::string_view body) { writer.write(unsent, byte_of(kind), body); }
  // Sends what is taken.  Returns: whether the other end is there.
  bool flush() {
    if (unsent.empty()) return true;
    const auto taken = connection->send(unsent);
    if (!taken.ok()) return false;
    unsent.erase(0, taken.value());
    return true;
  }

  std::unique_ptr<Connection> connection;
  FrameReader reader{Direction::kToHost, kGreetingBytesMax};
  FrameWriter writer{Direction::kToMember};
  std::string unsent;
  bool is_ready = true;  // something may have come
  bool is_gone = false;  // to be removed
  bool has_joined = false;
  bool has_news = false;  // marks that it was not sent
  std::uint64_t process = 0;
  std::uint64_t next_number = 1;  // of its next transaction
  std::uint64_t acknowledged = 0;
  std::uint64_t answered = 0;
  std::uint64_t oldest_log = 0;
};

}  // namespace

struct Hub::State {
  // --- Receiving ---
  bool accept_all();
  bool receive_from(Peer& peer, HubHost& host);
  void take_frames(Peer& peer, HubHost& host);
  base::Result<void> take(Peer& peer, const Frame& frame, HubHost& host);
  base::Result<void> greet(Peer& peer, const Frame& frame, HubHost& host);
  base::Result<void> take_submission(Peer& peer, const Submission& submission, HubHost& host);
  void make_room();

  // --- Sending ---
  Watermarks marks_for(const Peer& peer) const;
  void send_to(Peer& peer);
  void put_out(Peer& peer, const Error& error);
  void remove_gone();
  Peer* find(std::uint64_t process);

  HubOptions options;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Waiter> waiter;
  std::vector<std::unique_ptr<Peer>> peers;  // in the order in which they came
  Watermarks marks;
  std::optional<Error> failure;
  HubStats stats;
  bool takes = true;        // what the last receive() said
  bool has_looked = false;  // wait() has set who is ready
  bool listener_is_ready = true;
  std::optional<Clock::time_point> accepts_again;
  std::vector<Watch> watches;
  std::array<char, kPieceBytes> piece{};
};

Hub::Hub(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hub::~Hub() = default;

base::Result<std::unique_ptr<Hub>> Hub::listen(Wire& wire, const std::string& directory,
                                               const HubOptions& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  TREMULA_TRY_ASSIGN(state->waiter, wire.make_waiter());
  TREMULA_TRY_ASSIGN(state->listener, wire.listen(directory));
  return std::unique_ptr<Hub>(new Hub(std::move(state)));
}

void Hub::wake() { state_->waiter->wake(); }

void Hub::unlisten() { state_->listener.reset(); }

void Hub::wait(int timeout_ms) {
  State& s = *state_;
  if (s.accepts_again && Clock::now() >= *s.accepts_again) s.accepts_again.reset();
  const bool listens = s.listener && !s.accepts_again;
  constexpr int kPauseMs = static_cast<int>(kAcceptPause.count());
  if (s.accepts_again) timeout_ms = timeout_ms < 0 ? kPauseMs : std::min(timeout_ms, kPauseMs);
  s.watches.clear();
  if (listens) s.watches.push_back({s.listener.get()});
  // Who is not read from isn't listened to either: it would end every wait.
  const auto is_watched = [&](const Peer& peer) { return s.takes || !peer.has_joined; };
  for (const auto& peer : s.peers) {
    if (is_watched(*peer)) s.watches.push_back({peer->connection.get(), !peer->unsent.empty()});
  }
  s.waiter->wait(s.watches, timeout_ms);
  std::size_t at = 0;
  s.listener_is_ready = listens && s.watches[at++].is_ready;
  for (const auto& peer : s.peers) peer->is_ready = is_watched(*peer) && s.watches[at++].is_ready;
  s.has_looked = true;
}

bool Hub::receive(HubHost& host, bool takes) {
  State& s = *state_;
  if (takes != s.takes) s.has_looked = false;
  s.takes = takes;
  if (!s.has_looked) wait(0);
  s.has_looked = false;
  // Who is accepted now may have sent something already.
  bool any = s.listener_is_ready && s.accept_all();
  for (std::size_t i = 0; i < s.peers.size(); ++i) {
    Peer& peer = *s.peers[i];
    if (peer.is_ready && !peer.is_gone) any = s.receive_from(peer, host) || any;
  }
  s.remove_gone();
  return any;
}

// --- Receiving ---

bool Hub::State::accept_all() {
  bool any = false;
  for (;;) {
    auto accepted = listener->accept();
    if (!accepted.ok()) {
      accepts_again = Clock::now() + kAcceptPause;
      return any;
    }
    if (!accepted.value()) return any;
    any = true;
    peers.push_back(std::make_unique<Peer>(std::move(accepted).value()));
    make_room();
  }
}

// Where too many are connected: puts out who came first and has not said who it is; if all others
// have, the last to come.
void Hub::State::make_room() {
  const auto stays = [](const auto& peer) { return !peer->is_gone; };
  const auto count = std::count_if(peers.begin(), peers.end(), stays);
  if (static_cast<std::size_t>(count) <= options.peers_max) return;
  const auto silent = std::find_if(peers.begin(), peers.end(), [](const auto& peer) {
    return !peer->has_joined && !peer->is_gone;
  });
  put_out(**silent, {ErrorCode::kLocked,
                     std::to_string(options.peers_max) + " processes share the directory already"});
}

bool Hub::State::receive_from(Peer& peer, HubHost& host) {
  std::size_t sum = 0;
  while (sum < options.receive_bytes && !peer.is_gone) {
    const auto got = peer.connection->receive(piece);
    if (!got.ok()) {
      peer.is_gone = true;
      return true;
    }
    if (got.value() == 0) break;
    sum += got.value();
    peer.reader.add({piece.data(), got.value()});
    take_frames(peer, host);
  }
  return sum > 0;
}

void Hub::State::take_frames(Peer& peer, HubHost& host) {
  while (!peer.is_gone) {
    const auto frame = peer.reader.next();
    const auto taken = !frame.ok()     ? base::Result<void>(frame.error())
                       : frame.value() ? take(peer, *frame.value(), host)
                                       : base::Result<void>();
    if (!taken.ok()) put_out(peer, taken.error());
    if (!frame.ok() || !frame.value()) return;
  }
}

base::Result<void> Hub::State::take(Peer& peer, const Frame& frame, HubHost& host) {
  if (!peer.has_joined) return greet(peer, frame, host);
  const auto kind = static_cast<MessageKind>(frame.kind);
  if (kind == MessageKind::kSubmit) {
    TREMULA_TRY_ASSIGN(const Submission submission, decode_submission(frame.body));
    return take_submission(peer, submission, host);
  }
  if (kind == MessageKind::kSubmitAll) {
    return decode_submissions(frame.body, [&](const Submission& submission) {
      return take_submission(peer, submission, host);
    });
  }
  if (kind != MessageKind::kPassed && kind != MessageKind::kWantDurable &&
      kind != MessageKind::kAsk) {
    return Error{ErrorCode::kCorrupt,
                 "a message of kind " + std::to_string(frame.kind) + " means nothing here"};
  }
  TREMULA_TRY_ASSIGN(const std::uint64_t number, decode_number(frame.body));
  if (kind == MessageKind::kPassed) {
    peer.oldest_log = std::max(peer.oldest_log, number);
  } else if (kind == MessageKind::kWantDurable) {
    host.want_durable(number);
  } else {
    peer.answered = std::max(peer.answered, number);
    peer.has_news = true;
  }
  return {};
}

base::Result<void> Hub::State::greet(Peer& peer, const Frame& frame, HubHost& host) {
  if (frame.kind != byte_of(MessageKind::kHello))
    return Error{ErrorCode::kCorrupt, "the first message must be a hello"};
  TREMULA_TRY_ASSIGN(const Hello hello, decode_hello(frame.body));
  if (hello.protocol != kWireProtocol) {
    return Error{ErrorCode::kUnsupported, "process " + std::to_string(getpid()) +
                                              " has the directory open and speaks protocol " +
                                              std::to_string(kWireProtocol) + ", this one speaks " +
                                              std::to_string(hello.protocol) +
                                              ": use one version of Tremula for both"};
  }
  if (hello.process == 0) return Error{ErrorCode::kCorrupt, "0 is no process"};
  // It has come back before the end of its old connection was heard.
  if (Peer* const old = find(hello.process)) old->is_gone = true;
  TREMULA_TRY_ASSIGN(peer.acknowledged, host.join(hello.process));
  peer.process = hello.process;
  peer.has_joined = true;
  peer.next_number = peer.acknowledged + 1;
  peer.oldest_log = marks.first_log;
  peer.reader.set_body_bytes_max(kFrameBodyBytesMax);
  const Welcome welcome{.pid = static_cast<std::uint64_t>(getpid()), .marks = marks_for(peer)};
  peer.write(MessageKind::kWelcome, encode_welcome(welcome));
  peer.has_news = false;
  if (failure) peer.write(MessageKind::kFailed, encode_failure({*failure}));
  return {};
}

base::Result<void> Hub::State::take_submission(Peer& peer, const Submission& submission,
                                               HubHost& host) {
  // It came by an earlier connection too, and was ordered since the welcome of this one.
  if (submission.number <= peer.acknowledged) return {};
  peer.next_number = std::max(peer.next_number, peer.acknowledged + 1);
  if (submission.number != peer.next_number) {
    return Error{ErrorCode::kCorrupt, "transaction " + std::to_string(submission.number) +
                                          " came where " + std::to_string(peer.next_number) +
                                          " was expected"};
  }
  ++peer.next_number;
  host.submit(peer.process, submission.number, submission.record);
  return {};
}

// --- Sending ---

void Hub::publish(const Watermarks& marks) {
  State& s = *state_;
  s.marks = marks;
  for (const auto& peer : s.peers) peer->has_news = true;
}

void Hub::acknowledge(std::uint64_t process, std::uint64_t number) {
  Peer* const peer = state_->find(process);
  if (peer == nullptr) return;
  peer->acknowledged = std::max(peer->acknowledged, number);
  peer->has_news = true;
}

void Hub::refuse(std::uint64_t process, std::uint64_t number, const base::Error& error) {
  Peer* const peer = state_->find(process);
  if (peer == nullptr) return;
  peer->next_number = std::min(peer->next_number, number);
  peer->write(MessageKind::kRefused, encode_refusal({number, error}));
}

void Hub::fail(const base::Error& error) {
  State& s = *state_;
  if (s.failure) return;
  s.failure = error;
  for (const auto& peer : s.peers) {
    if (peer->has_joined) peer->write(MessageKind::kFailed, encode_failure({error}));
  }
}

void Hub::send() {
  State& s = *state_;
  for (const auto& peer : s.peers) s.send_to(*peer);
  s.remove_gone();
}

Watermarks Hub::State::marks_for(const Peer& peer) const {
  Watermarks own = marks;
  own.acknowledged = peer.acknowledged;
  own.answered = peer.answered;
  return own;
}

void Hub::State::send_to(Peer& peer) {
  if (peer.is_gone) return;
  if (!peer.flush()) {
    peer.is_gone = true;
    return;
  }
  // Only the newest marks count: they are made when there is room for them.
  if (peer.unsent.empty() && peer.has_joined && peer.has_news) {
    peer.has_news = false;
    peer.write(MessageKind::kWatermarks, encode_watermarks(marks_for(peer)));
    peer.is_gone = !peer.flush();
  }
  if (peer.unsent.size() > kUnsentBytesMax)
    put_out(peer, {ErrorCode::kIo, "this process does not read what it is sent"});
}

// Says why, if it takes that at once, and ends the connection.
void Hub::State::put_out(Peer& peer, const Error& error) {
  if (peer.is_gone) return;
  peer.write(MessageKind::kPutOut, encode_failure({error}));
  (void)peer.flush();  // it may be gone, or take nothing: its connection ends anyway
  peer.is_gone = true;
  ++stats.put_out;
}

void Hub::State::remove_gone() {
  std::erase_if(peers, [](const auto& peer) { return peer->is_gone; });
}

Peer* Hub::State::find(std::uint64_t process) {
  const auto found = std::find_if(peers.begin(), peers.end(), [&](const auto& peer) {
    return peer->has_joined && !peer->is_gone && peer->process == process;
  });
  return found == peers.end() ? nullptr : found->get();
}

std::optional<std::uint64_t> Hub::oldest_log() const {
  std::optional<std::uint64_t> oldest;
  for (const auto& peer : state_->peers) {
    if (!peer->has_joined || peer->is_gone) continue;
    oldest = std::min(oldest.value_or(peer->oldest_log), peer->oldest_log);
  }
  return oldest;
}

HubStats Hub::stats() const {
  HubStats stats = state_->stats;
  for (const auto& peer : state_->peers)
    if (peer->has_joined && !peer->is_gone) ++stats.peers;
  return stats;
}

}  // namespace tremula::persist
