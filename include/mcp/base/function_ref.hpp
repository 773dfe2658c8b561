// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace mcp::inline v0 {

template <class Signature>
class function_ref;

/// A reference to something callable that lives at least until the operation it is given to completes.
///
/// Trivially copyable; empty when default-constructed. A lambda written in the call itself is fine where
/// the operation is awaited in the same expression: `co_await client.call_tool(..., {.on_progress = [&](const
/// mcp::progress_update& update) { ... }})`.
template <class R, class... Arguments>
class function_ref<R(Arguments...)> {
 public:
  function_ref() noexcept = default;

  template <class Callable>
    requires(!std::same_as<std::remove_cvref_t<Callable>, function_ref> &&
             std::is_object_v<std::remove_reference_t<Callable>> &&
             std::is_invocable_r_v<R, Callable&, Arguments...>)
  // NOLINTNEXTLINE(google-explicit-constructor,bugprone-forwarding-reference-overload)
  function_ref(Callable&& callable) noexcept
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        invoke_([](void* object, Arguments... arguments) -> R {
          return (*static_cast<std::remove_reference_t<Callable>*>(object))(
              std::forward<Arguments>(arguments)...);
        }) {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
    static_assert(
        std::is_lvalue_reference_v<Callable> ||
            std::is_trivially_destructible_v<std::remove_cvref_t<Callable>>,
        "GCC 12 destroys such a temporary twice inside a co_await expression: give the lambda a name "
        "first (auto on_progress = [...]...;) and pass that, or capture by reference");
#endif
  }

  explicit operator bool() const noexcept { return invoke_ != nullptr; }
  R operator()(Arguments... arguments) const {
    return invoke_(object_, std::forward<Arguments>(arguments)...);
  }

 private:
  void* object_ = nullptr;
  R (*invoke_)(void*, Arguments...) = nullptr;
};

}  // namespace mcp::inline v0
