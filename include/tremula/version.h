// The version of these headers; CMakeLists.txt reads it here. Before 1.0 a minor version may change
// anything, a patch version nothing that is linked. tremula_version() (tremula_c.h) tells the
// library's.
//
// Thread: no state. Read by C too.
#pragma once

#define TREMULA_VERSION_MAJOR 0
#define TREMULA_VERSION_MINOR 1
#define TREMULA_VERSION_PATCH 0
#define TREMULA_VERSION "0.1.0"
