// TREMULA_API: what the shared library shows; all else in it is hidden. TREMULA_LOCAL: hidden,
// though inside something shown.
//
// Thread: no state. Read by C too.
#pragma once

#if defined(__GNUC__)
#define TREMULA_API __attribute__((visibility("default")))
#define TREMULA_LOCAL __attribute__((visibility("hidden")))
#else
#define TREMULA_API
#define TREMULA_LOCAL
#endif
