// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Platform and compiler checks. Every other header includes this one, directly or not.

#if __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "asio-mcp needs C++20: compile with -std=c++20 or newer."
#endif

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 12
#error "asio-mcp needs GCC 12 or newer."
#endif

// Asio 1.22 does not recognise the coroutines of Clang with libstdc++ by itself.
#if defined(__clang__) && __has_include(<asio/version.hpp>)
#include <asio/version.hpp>
#if ASIO_VERSION < 102300 && !(defined(ASIO_HAS_CO_AWAIT) && defined(ASIO_HAS_STD_COROUTINE))
#error \
    "With this version of Asio, Clang needs ASIO_HAS_CO_AWAIT and ASIO_HAS_STD_COROUTINE; \
link the CMake target asio-mcp::asio-mcp, or define both."
#endif
#endif
