// Brings a line of memory nearer, for somebody who will read it soon.
// Thread: any.
#pragma once

namespace tremula::base {

// Of no effect on what the program computes; any address will do.
[[gnu::always_inline]] inline void prefetch(const void* address) {
  __builtin_prefetch(address);
  // GCC holds a function that does nothing else for one without effects, and drops the calls of it.
  asm volatile("");
}

}  // namespace tremula::base
