// Descriptors of the system, and who they belong to.
//
// Thread: a descriptor is one thread's at a time; different ones don't meet.
#pragma once

#include <cerrno>
#include <functional>
#include <utility>

namespace tremula::persist {

// Calls again for as long as a signal gets in between.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

// Closes what it holds.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

// The same, for this process alone: a child that is forked off closes its copy before fork()
// returns. What ends with a process (its lock, its connections) would live on in the child else.
class PrivateDescriptor {
 public:
  // Holds what `make` returns (-1: none; errno says why). No child is forked off meanwhile.
  // Requires: `make` makes no private descriptor, and waits for nothing.
  explicit PrivateDescriptor(const std::function<int()>& make);
  PrivateDescriptor(const PrivateDescriptor&) = delete;
  PrivateDescriptor& operator=(const PrivateDescriptor&) = delete;
  ~PrivateDescriptor();
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace tremula::persist
