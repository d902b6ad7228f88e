// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error, in std::expected's shape (L0). GCC 12 has no <expected> for
// C++20. Use: `if (!r) return r.error().with_context("...")`, or the MESH_TRY macros below.
#pragma once

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "controller/base/error.h"

namespace kernmesh {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Asserts has_value(): asking a failed result for its value is our own bug.
  T& value() & {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Asserts !has_value().
  const Error& error() const {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  const Error& error() const {
    assert(error_.has_value());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace kernmesh

#define MESH_CONCAT_INNER(a, b) a##b
#define MESH_CONCAT(a, b) MESH_CONCAT_INNER(a, b)

// Returns the error of EXPR from the enclosing function, or goes on.
#define MESH_TRY(expr)                                     \
  if (auto&& mesh_try_status = (expr); !mesh_try_status) { \
    return mesh_try_status.error();                        \
  }                                                        \
  static_assert(true, "MESH_TRY wants a semicolon after it")

// Declares DECL from the value of EXPR, or returns its error: MESH_TRY_ASSIGN(auto fd, open_it());
#define MESH_TRY_ASSIGN(decl, expr)                                                             \
  auto MESH_CONCAT(mesh_result_, __LINE__) = (expr);                                            \
  if (!MESH_CONCAT(mesh_result_, __LINE__)) return MESH_CONCAT(mesh_result_, __LINE__).error(); \
  decl = std::move(MESH_CONCAT(mesh_result_, __LINE__)).value()
