// PosixWire: unix sockets. DIR/persister.sock, for its owner alone (mode 0600).
//
// Paths may be longer than the 107 bytes that a socket's address holds. No descriptor outlives an
// exec, and none of these lives on in a forked child; nobody gets SIGPIPE.
// Thread: as Wire says.
#pragma once

#include <memory>

#include "persist/wire.h"

namespace tremula::persist {

inline constexpr const char* kSocketName = "persister.sock";

std::unique_ptr<Wire> make_posix_wire();

}  // namespace tremula::persist
