#include "persist/posix_wire.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "persist/posix_descriptor.h"

namespace tremula::persist {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr int kBacklog = 128;  // who has connected and was not accepted yet
constexpr mode_t kSocketMode = 0600;

Error system_error(const std::string& path, const char* doing, int code) {
  return {ErrorCode::kIo, path + ": " + doing + ": " + std::generic_category().message(code)};
}

// What every endpoint of this wire is.
class Socket {
 public:
  explicit Socket(std::unique_ptr<PrivateDescriptor> descriptor)
      : descriptor_(std::move(descriptor)) {}
  int number() const { return descriptor_->number(); }

 private:
  std::unique_ptr<PrivateDescriptor> descriptor_;
};

class PosixConnection : public Connection, public Socket {
 public:
  explicit PosixConnection(std::unique_ptr<PrivateDescriptor> descriptor, std::string path)
      : Socket(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::size_t> send(std::string_view bytes) override {
    const ssize_t sent =
        uninterrupted([&] { return ::send(number(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (sent >= 0) return static_cast<std::size_t>(sent);
    // ENOBUFS: the system has no room now; the peer's reading, or a later try, makes some.
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return std::size_t{0};
    return system_error(path_, "send", errno);
  }
  Result<std::size_t> receive(std::span<char> out) override {
    const ssize_t got = uninterrupted([&] { return ::recv(number(), out.data(), out.size(), 0); });
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) return Error{ErrorCode::kIo, path_ + ": the other end is gone"};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::size_t{0};
    return system_error(path_, "receive", errno);
  }

 private:
  std::string path_;
};

std::unique_ptr<PrivateDescriptor> make_socket() {
  return std::make_unique<PrivateDescriptor>(
      [] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); });
}

class PosixListener : public Listener, public Socket {
 public:
  PosixListener(std::unique_ptr<PrivateDescriptor> descriptor, std::string path, ino_t inode)
      : Socket(std::move(descriptor)), path_(std::move(path)), inode_(inode) {}
  // The name goes with it, if nobody has put another there.
  ~PosixListener() override {
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0 && status.st_ino == inode_ && number() >= 0 &&
        is_ours())
      ::unlink(path_.c_str());
  }
  Result<std::unique_ptr<Connection>> accept() override {
    for (;;) {
      auto accepted = std::make_unique<PrivateDescriptor>(
          [this] { return ::accept4(number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); });
      if (accepted->number() >= 0) {
        return std::unique_ptr<Connection>(
            std::make_unique<PosixConnection>(std::move(accepted), path_));
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) return std::unique_ptr<Connection>();
      // Somebody who connected and was gone again.
      if (errno != EINTR && errno != ECONNABORTED) return system_error(path_, "accept", errno);
    }
  }

 private:
  // Not in a child that was forked off: the name is its parent's.
  bool is_ours() const { return owner_ == ::getpid(); }

  std::string path_;
  ino_t inode_;
  pid_t owner_ = ::getpid();
};

// A socket's address for DIR/persister.sock. A path that is too long goes by a descriptor of DIR,
// which must live as long as the address is used.
struct Address {
  sockaddr_un name{};
  std::optional<Descriptor> directory;
};

Result<Address> address_of(const std::string& directory) {
  Address address;
  std::string path = directory + "/" + kSocketName;
  if (path.find('\0') != std::string::npos)
    return Error{ErrorCode::kIo, std::string(path.c_str()) + ": a path may not hold a zero byte"};
  address.name.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.name.sun_path) {
    address.directory.emplace(
        uninterrupted([&] { return ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }));
    const int number = address.directory->number();
    if (number < 0) return system_error(directory, "open", errno);
    path = "/proc/self/fd/" + std::to_string(number) + "/" + kSocketName;
  }
  std::memcpy(address.name.sun_path, path.c_str(), path.size() + 1);
  return address;
}

const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.name);
}

class PosixWaiter : public Waiter {
 public:
  explicit PosixWaiter(Descriptor event) : event_(std::move(event)) {}

  void wake() override {
    const std::uint64_t one = 1;
    // It fails only where 2^64 wakes wait to be heard.
    (void)!::write(event_.number(), &one, sizeof one);
  }
  void wait(std::span<Watch> watches, int timeout_ms) override {
    polled_.clear();
    polled_.push_back({event_.number(), POLLIN, 0});
    for (const Watch& watch : watches) {
      const auto events = static_cast<short>(watch.to_send ? POLLIN | POLLOUT : POLLIN);
      polled_.push_back({dynamic_cast<const Socket&>(*watch.endpoint).number(), events, 0});
    }
    // A signal may end it early: the caller looks and waits again.
    if (::poll(polled_.data(), polled_.size(), timeout_ms) < 0)
      for (pollfd& entry : polled_) entry.revents = 0;
    for (std::size_t i = 0; i < watches.size(); ++i)
      watches[i].is_ready = polled_[i + 1].revents != 0;
    std::uint64_t count = 0;
    if (timeout_ms != 0 && polled_[0].revents != 0)
      (void)!::read(event_.number(), &count, sizeof count);
  }

 private:
  Descriptor event_;
  std::vector<pollfd> polled_;
};

class PosixWire : public Wire {
 public:
  Result<std::unique_ptr<Listener>> listen(const std::string& directory) override {
    const std::string path = directory + "/" + kSocketName;
    TREMULA_TRY_ASSIGN(const Address address, address_of(directory));
    const char* const name = address.name.sun_path;
    // Who holds DIR/LOCK is the only one to listen: what is there was left by the dead.
    if (::unlink(name) != 0 && errno != ENOENT) return system_error(path, "remove", errno);
    auto made = make_socket();
    if (made->number() < 0) return system_error(path, "make a socket", errno);
    if (::bind(made->number(), generic(address), sizeof address.name) != 0)
      return system_error(path, "bind", errno);
    // Before it listens nobody can connect, so the mode holds from the beginning.
    if (::chmod(name, kSocketMode) != 0) return system_error(path, "set the mode", errno);
    struct stat status {};
    if (::lstat(name, &status) != 0) return system_error(path, "look up", errno);
    if (::listen(made->number(), kBacklog) != 0) return system_error(path, "listen", errno);
    return std::unique_ptr<Listener>(
        std::make_unique<PosixListener>(std::move(made), path, status.st_ino));
  }

  Result<std::unique_ptr<Connection>> connect(const std::string& directory) override {
    const std::string path = directory + "/" + kSocketName;
    TREMULA_TRY_ASSIGN(const Address address, address_of(directory));
    auto made = make_socket();
    if (made->number() < 0) return system_error(path, "make a socket", errno);
    const int connected = uninterrupted(
        [&] { return ::connect(made->number(), generic(address), sizeof address.name); });
    if (connected == 0) {
      return std::unique_ptr<Connection>(std::make_unique<PosixConnection>(std::move(made), path));
    }
    // Nobody is there (ENOENT), a dead one's name (ECONNREFUSED), too many stand in line (EAGAIN).
    if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN)
      return std::unique_ptr<Connection>();
    return system_error(path, "connect", errno);
  }

  Result<std::unique_ptr<Waiter>> make_waiter() override {
    Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (event.number() < 0) return system_error("a waiting thread", "make an event", errno);
    return std::unique_ptr<Waiter>(std::make_unique<PosixWaiter>(std::move(event)));
  }
};

}  // namespace

std::unique_ptr<Wire> make_posix_wire() { return std::make_unique<PosixWire>(); }

}  // namespace tremula::persist
