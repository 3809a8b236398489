#include "persist/posix_descriptor.h"

#include <pthread.h>
#include <unistd.h>

#include <mutex>
#include <set>

namespace tremula::persist {
namespace {

// All private descriptors of this process.
class PrivateNumbers {
 public:
  static PrivateNumbers& instance() {
    static PrivateNumbers* const kNumbers = new PrivateNumbers;  // lives until the process ends
    return *kNumbers;
  }
  int add(const std::function<int()>& make) {
    const std::lock_guard guard(mutex_);
    const int number = make();
    if (number >= 0) numbers_.insert(number);
    return number;
  }
  // Closes it if it still is this process's. A child's copy is closed already, and the number may
  // be another's by now. Under the mutex, so that no child closes what another thread gets by it.
  void close(int number) {
    const std::lock_guard guard(mutex_);
    if (numbers_.erase(number) == 1) ::close(number);
  }

 private:
  PrivateNumbers() {
    ::pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                     [] {
                       for (const int number : instance().numbers_) ::close(number);
                       instance().numbers_.clear();
                       instance().mutex_.unlock();
                     });
  }
  std::mutex mutex_;
  std::set<int> numbers_;
};

}  // namespace

Descriptor::~Descriptor() {
  // Not again after EINTR: on Linux the number is free by then, and may be another's.
  if (number_ >= 0) ::close(number_);
}

PrivateDescriptor::PrivateDescriptor(const std::function<int()>& make)
    : number_(PrivateNumbers::instance().add(make)) {}

PrivateDescriptor::~PrivateDescriptor() {
  if (number_ >= 0) PrivateNumbers::instance().close(number_);
}

}  // namespace tremula::persist
