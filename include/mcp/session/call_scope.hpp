// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

namespace mcp::inline v0::detail {

/// Calls whose effects count together: those of one run of an operation.
class call_scope {
 public:
  /// What a call has of the scope that it is in, if it is in one.
  class member {
   public:
    member() = default;
    member(const member&) = delete;
    member& operator=(const member&) = delete;
    ~member() { leave(); }

    void join(call_scope& scope) noexcept {
      leave();
      scope_ = &scope;
      next_ = std::exchange(scope.first_, this);
      if (next_ != nullptr) next_->previous_ = this;
    }
    void leave() noexcept {
      if (scope_ == nullptr) return;
      (previous_ != nullptr ? previous_->next_ : scope_->first_) = next_;
      if (next_ != nullptr) next_->previous_ = previous_;
      scope_ = nullptr;
      next_ = previous_ = nullptr;
    }

    explicit operator bool() const noexcept { return scope_ != nullptr; }
    /// The server may have acted on the call.
    void note_effect() noexcept { scope_->acted_ = true; }

   private:
    call_scope* scope_ = nullptr;
    member *next_ = nullptr, *previous_ = nullptr;
  };

  call_scope() = default;
  call_scope(const call_scope&) = delete;
  call_scope& operator=(const call_scope&) = delete;
  ~call_scope() { begin(); }

  /// A run begins. Calls of an earlier one that go on do not count any more.
  void begin() noexcept {
    while (first_ != nullptr) first_->leave();
    acted_ = false;
  }

  /// The server may have acted on one of them that is no read.
  bool acted() const noexcept { return acted_; }

 private:
  member* first_ = nullptr;
  bool acted_ = false;
};

}  // namespace mcp::inline v0::detail
