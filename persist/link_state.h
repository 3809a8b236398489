// The inside of Link.
//
//   shared, under `mutex`       what waits to be ordered, wishes for the host, errors
//   of the stepping side        the connection and its bytes
//
// Thread: members say which.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "persist/frame.h"
#include "persist/link.h"
#include "persist/messages.h"

namespace tremula::persist {

struct Link::State {
  State(Wire& over, std::string in, WatermarkBoard& on, Succession& with,
        const LinkOptions& options_)
      : wire(over), directory(std::move(in)), board(on), succession(with), options(options_) {}

  // --- Turns (link_steps.cpp) ---
  bool step();
  bool seek();
  void become_host();
  void greet(std::unique_ptr<Connection> connected);
  bool fill();
  void write(MessageKind kind, std::string_view body);
  bool flush();
  bool receive();
  base::Result<void> take(const Frame& frame);
  void take_welcome(const Welcome& welcome);
  void take_marks(const Watermarks& marks);
  base::Result<void> take_refusal(const Refusal& refusal);
  void take_put_out(const base::Error& error);
  void disconnect(bool at_once);
  void fail_for_now(const base::Error& error);
  void fail(const base::Error& error);  // for good
  bool has_something_to_send() const;   // requires: the mutex

  // --- Waiting (link.cpp) ---
  void run();
  void sleep();
  void stir();
  bool ends_waits() const;
  base::Result<void> why_not() const;

  // --- Of the stepping side ---
  Wire& wire;
  const std::string directory;
  WatermarkBoard& board;
  Succession& succession;
  const LinkOptions options;
  std::unique_ptr<Waiter> waiter;
  std::unique_ptr<Connection> connection;
  FrameReader reader{Direction::kToMember, kGreetingBytesMax};
  FrameWriter writer{Direction::kToHost};
  std::string unsent;
  int retry_ms = 0;               // the last sleep between two tries
  bool is_to_wait = false;        // before the next try
  bool could_not_host = false;    // at the last try
  bool was_joined = false;        // ever
  base::Error last_error;         // why there was no host at the last try
  std::uint64_t sent_passed = 0;  // what this host was told
  std::uint64_t sent_durable = 0;
  std::uint64_t sent_asked = 0;
  std::array<char, 16U << 10> piece{};
  std::thread thread;

  // --- Shared ---
  std::atomic<LinkState> state{LinkState::kSeeking};  // written under the mutex
  mutable std::mutex mutex;
  std::condition_variable changed;
  struct Unacknowledged {
    std::uint64_t number;
    std::string record;
  };
  std::deque<Unacknowledged> unacknowledged;
  std::size_t bytes = 0;           // of them
  std::size_t sent = 0;            // how many of them this host was sent
  std::uint64_t submitted = 0;     // the last number
  std::uint64_t acknowledged = 0;  // the last number that is known as ordered
  std::optional<Refusal> refusal;  // of the last one
  std::uint64_t wanted_durable = 0;
  std::uint64_t passed_log = 0;
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  std::optional<base::Error> failure;  // of the host's log; another host may take over
  std::optional<base::Error> final_error;
  bool has_thread = false;
  bool is_asleep = false;  // the thread waits for bytes: it must be woken to send
  bool is_ending = false;
};

}  // namespace tremula::persist
