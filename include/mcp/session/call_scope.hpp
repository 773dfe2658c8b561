// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

namespace mcp::inline v0::detail {

/// Calls whose effects count together: those of one run of an operation, and of the operations in it.
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
    void note_effect() noexcept {
      for (call_scope* each = scope_; each != nullptr; each = each->outer_) each->acted_ = true;
    }

   private:
    call_scope* scope_ = nullptr;
    member *next_ = nullptr, *previous_ = nullptr;
  };

  /// `outer`, which must outlive it, is that of the operation in which it runs, if there is one.
  explicit call_scope(call_scope* outer) noexcept : outer_(outer) {}
  call_scope(const call_scope&) = delete;
  call_scope& operator=(const call_scope&) = delete;
  ~call_scope() { begin_anew(); }

  /// Another run begins. Calls of an earlier one that go on do not count any more.
  void begin_anew() noexcept {
    while (first_ != nullptr) first_->leave();
    acted_ = false;
  }

  /// The server may have acted on one of them that is no read.
  bool acted() const noexcept { return acted_; }

 private:
  call_scope* outer_;
  member* first_ = nullptr;
  bool acted_ = false;
};

}  // namespace mcp::inline v0::detail
